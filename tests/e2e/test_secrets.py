"""Secrets arrive once, reach the plugin alone, and are never seen again; logs hold events and nothing that was said."""
import json
import pathlib
import re

import pytest

from harness import Runtime, SANITIZED, media_body
from weather_upstream import API_KEY, weather

UNDECLARED = "undeclared-secret-value-93ac"
PROMPT = "metadata-that-no-log-may-hold-5512"


def everything_said(runtime):
    return runtime.log() + runtime.out


@pytest.mark.sanitizer
@pytest.mark.parametrize("form", ["kv", "json"])
def test_logs_hold_no_body_secret_or_key(form):
    with weather(secrets={"API_KEY": API_KEY, "OTHER": UNDECLARED}, sets=["log.level=debug", f"log.format={form}"]) as r:
        for body in ({"payload": {"location": PROMPT}}, {"payload": {"location": 5, "x": PROMPT}}, PROMPT.encode(),
                     {"payload": {"location": "fault:garbage"}}, {"payload": {"location": "Nowhere"}}):
            r.post(f"/process_data?x={PROMPT}", body, headers={"Content-Type": "application/json", "X-Own": PROMPT})
        r.get(f"/nothing/{PROMPT}")
        request_id = r.post("/process_data", {"payload": {"location": "London"}}).headers["x-request-id"]
        said = everything_said(r)
    said += r.log()
    for secret in (API_KEY, UNDECLARED, PROMPT):
        assert secret not in said, re.findall(f".*{re.escape(secret)}.*", said)[:3]
    assert request_id in said, "the answer's request id is not in the log"
    lines = [line for line in r.log().splitlines() if "nacre-nsm-sim: " not in line and "nacre dev: " not in line]
    assert lines
    for line in lines:
        if form == "json":
            assert isinstance(json.loads(line), dict), line
        else:
            assert re.match(r"\S+=\S", line) or re.match(r"\S+ \S+=", line), line
    assert "OTHER" in r.log(), "no warning names the undeclared secret"


@pytest.mark.parametrize("content,words", [
    ("{}", "API_KEY"), ("", ""), ("[]", ""), ('{"API_KEY":5}', "API_KEY"), ('{"API_KEY":"a","API_KEY":"b"}', "API_KEY"),
    ('{"API_KEY":"a"', ""), ('{"API_KEY":"' + "x" * 70000 + '"}', ""),
])
def test_secrets_that_do_not_fit(content, words):
    from weather_upstream import HOST
    runtime = Runtime("weather", secrets=content, upstream=[f"{HOST}=127.0.0.1:1"], start=False)
    status, said = runtime.fails()
    assert status not in (0, None) and words in said, said
    assert "xxxxxxxx" not in said


@pytest.mark.root
@pytest.mark.skipif(SANITIZED, reason="a sanitizer's shadow memory takes hours to read")
def test_undeclared_secrets_are_wiped_and_declared_ones_stay_in_the_app():
    from test_key_memory import memory
    with weather(secrets={"API_KEY": API_KEY, "OTHER": UNDECLARED}) as runtime:
        runtime.verify(runtime.post("/process_data", {"payload": {"location": "London"}}))
        app, http = runtime.pid("nacre-app"), runtime.pid("nacre-http")
        assert any(API_KEY.encode() in data for _, data in memory(app)), "the test looks in the wrong place"
        assert not any(UNDECLARED.encode() in data for _, data in memory(app)), "wiped on arrival"
        for secret in (API_KEY, UNDECLARED):
            assert not any(secret.encode() in data for _, data in memory(http))


@pytest.mark.root
def test_nothing_from_the_environment(monkeypatch):
    monkeypatch.setenv("NACRE_E2E_MARK", "seen")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nonexistent")
    with weather() as runtime:
        for name in ("nacre-http", "nacre-app"):
            environ = pathlib.Path(f"/proc/{runtime.pid(name)}/environ").read_bytes()
            assert environ.strip(b"\0") == b"", f"{name} has {environ!r}"
        runtime.verify(runtime.post("/process_data", {"payload": {"location": "London"}}))


def test_log_lines_do_not_break(start):
    """A path with control characters cannot forge a line."""
    runtime = start("media", sets=["log.level=debug"])
    runtime.raw(b"GET /x%0aevent=forged%0d HTTP/1.1\r\nHost: x\r\n\r\n")
    runtime.raw(b"GET /\x1b[31mred HTTP/1.1\r\nHost: x\r\nX-Y: \x1b[0m\r\n\r\n")
    runtime.post("/process_data", media_body(1))
    assert not re.search(r"^event=forged", runtime.log(), re.M) and "\x1b" not in runtime.log()
