"""The weather app end to end: TLS to an upstream that stands in for the service, and its faults."""
import http.client
import json
import ssl
import threading
import time

import pytest

from harness import Runtime, wait_for
from weather_upstream import API_KEY, HOST, Upstream, weather

pytestmark = pytest.mark.sanitizer


def ask(runtime, place, **kw):
    return runtime.post("/process_data", {"payload": {"location": place}}, **kw)


@pytest.fixture(scope="module")
def london():
    with weather() as runtime:
        yield runtime


def test_signed_answer(london):
    before = int(time.time()) * 1000
    answer = london.verify(ask(london, "London"))
    assert answer["response"]["data"] == {"location": "London", "temperature": 11}
    assert before - 10_000 <= answer["response"]["timestamp_ms"] <= time.time() * 1000
    assert answer["response"]["timestamp_ms"] % 1000 == 0, "the time is the reading's, in whole seconds"


@pytest.mark.parametrize("place", ["San Francisco", "a&q=b", "São Paulo", "100% #?/", "東京", "x" * 200])
def test_places_of_any_spelling(london, place):
    assert london.verify(ask(london, place))["response"]["data"]["location"] == place


def test_unknown_place(london):
    reply = ask(london, "Nowhere")
    assert reply.status == 400 and "No matching location" in reply.error


def test_empty_place(london):
    reply = ask(london, "")
    assert reply.status == 400 and "payload.location" in reply.error


@pytest.mark.parametrize("body,words", [
    ({"payload": {"location": 5}}, "payload.location: expected string, got number"),
    ({"payload": {}}, "payload.location"), ({"payload": "x"}, "payload"),
])
def test_errors_name_the_field(london, body, words):
    reply = london.post("/process_data", body)
    assert reply.status == 400 and words in reply.error, reply


@pytest.mark.parametrize("fault", ["reset", "cut", "close", "huge", "huge-header", "garbage", "not-json", "empty",
                                   "no-field", "old", "future"])
def test_upstream_faults(london, fault):
    reply = ask(london, f"fault:{fault}")
    assert reply.status == 502 and reply.error and b"signature" not in reply.body, reply
    assert API_KEY not in reply.body.decode()
    london.verify(ask(london, "London"))


def test_slow_upstream(tmp_path):
    with weather(sets=["http.deadline_ms=1500"]) as runtime:
        begin = time.monotonic()
        reply = ask(runtime, "fault:slow")
        assert reply.status == 504 and reply.error, reply
        assert time.monotonic() - begin < 4
        runtime.verify(ask(runtime, "London"))


@pytest.mark.parametrize("temperature,signed", [("-5.6", 0), ("0.9", 0), ("41.99", 41)])
def test_temperatures(temperature, signed):
    with weather("--temperature", temperature) as runtime:
        assert runtime.verify(ask(runtime, "London"))["response"]["data"]["temperature"] == signed


@pytest.mark.parametrize("options", [["--expired"], ["--tls", "1.1"], ["--handshake", "garbage"],
                                     ["--handshake", "reset"]], ids=" ".join)
def test_tls_that_must_not_work(options):
    with weather(*options) as runtime:
        reply = ask(runtime, "London")
        assert reply.status == 502 and reply.error, reply


def test_another_ca(tmp_path):
    other = Upstream(tmp_path)
    with weather() as good:
        good.verify(ask(good, "London"))
        bad = Runtime("weather", secrets={"API_KEY": "k"}, upstream=[good.server.mapping], ca=other.ca)
        try:
            assert ask(bad, "London").status == 502
        finally:
            bad.stop()
            other.stop()


def test_certificate_of_another_host(tmp_path):
    upstream = Upstream(tmp_path, host="other.example")
    runtime = Runtime("weather", secrets={"API_KEY": "k"}, upstream=[f"{HOST}=127.0.0.1:{upstream.port}"], ca=upstream.ca)
    try:
        assert ask(runtime, "London").status == 502
    finally:
        runtime.stop()
        upstream.stop()


def test_pins(tmp_path):
    upstream = Upstream(tmp_path)
    allow = tmp_path / "allowed_endpoints.yaml"
    try:
        for pin, status in ((upstream.pin, 200), ("00" * 32, 502)):
            allow.write_text(f"endpoints:\n  - host: {HOST}\n    pins: [{pin}]\n")
            runtime = Runtime("weather", secrets={"API_KEY": "k"}, upstream=[upstream.mapping], ca=upstream.ca, allow=allow)
            try:
                assert ask(runtime, "London").status == status
            finally:
                runtime.stop()
    finally:
        upstream.stop()


def test_upstream_gone():
    with weather() as runtime:
        runtime.verify(ask(runtime, "London"))
        runtime.server.stop()
        reply = ask(runtime, "London")
        assert reply.status == 502 and reply.error, reply


def test_key_that_the_service_refuses():
    with weather("--key", "another") as runtime:
        reply = ask(runtime, "London")
        assert reply.status == 502 and API_KEY not in reply.body.decode()


def test_many_at_once():
    with weather() as runtime:
        answers = []

        def run(i):
            for j in range(20):
                answers.append((f"place {i} {j}", ask(runtime, f"place {i} {j}", timeout=30)))

        threads = [threading.Thread(target=run, args=(i,)) for i in range(16)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(answers) == 320
        for place, reply in answers:
            assert runtime.verify(reply)["response"]["data"]["location"] == place


def test_calls_one_by_one_keep_one_connection():
    """Whichever of the app's threads serve them. The others: the endpoint's check, and the one that asks here."""
    with weather() as runtime:
        for i in range(80):
            runtime.verify(ask(runtime, f"place {i}"))
        context = ssl.create_default_context(cafile=runtime.ca)
        context.check_hostname = False  # it is asked by address
        connection = http.client.HTTPSConnection("127.0.0.1", runtime.server.port, context=context, timeout=20)
        connection.request("GET", "/stats")
        stats = json.loads(connection.getresponse().read())
        connection.close()
        assert stats["requests"] == 81 and stats["connections"] <= 3, stats


def test_health_check_does_not_wait_for_endpoints():
    with weather("--handshake", "hang", sets=["egress.check_interval_s=1"]) as runtime:
        for _ in range(20):
            begin = time.monotonic()
            health = runtime.health()
            assert time.monotonic() - begin < 0.5
            assert health["endpoints"] == [HOST] and HOST in health["endpoints_status"]
            time.sleep(0.05)


def test_endpoint_status_follows_the_endpoint():
    with weather(sets=["egress.check_interval_s=1"]) as runtime:
        wait_for("the endpoint to be up", lambda: runtime.health()["endpoints_status"][HOST] is True, 15, 0.1)
        runtime.server.stop()
        wait_for("the endpoint to be down", lambda: runtime.health()["endpoints_status"][HOST] is False, 15, 0.1)
