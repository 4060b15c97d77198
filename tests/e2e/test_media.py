"""The media app's answers, each checked by an implementation that is not ours."""
import hashlib
import json
import os
import time

import pytest

import nacre_check
from harness import media_body

pytestmark = pytest.mark.sanitizer


def canonical(value):
    """RFC 8785 for what these tests send: strings, integers, booleans, null, arrays, objects."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda k: k.encode("utf-16-be"))
        return "{" + ",".join(canonical(k) + ":" + canonical(value[k]) for k in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def test_process_data(media):
    digest = hashlib.sha256(b"a picture").digest()
    before = time.time() * 1000
    reply = media.post("/process_data", {"payload": {"media_hash": digest.hex(), "metadata": "a picture"}})
    answer = media.verify(reply)
    assert list(answer) == ["response", "signature"]
    assert answer["response"]["intent"] == 0
    assert answer["response"]["data"] == {"media_hash": list(digest), "metadata": "a picture"}
    assert before - 1000 <= answer["response"]["timestamp_ms"] <= time.time() * 1000 + 1000
    assert reply.headers["content-type"].startswith("application/json")
    assert len(bytes.fromhex(reply.headers["x-request-id"])) == 8
    assert reply.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("text", [
    "", "plain", "quote \" backslash \\ slash /", "tab\t newline\n nul\x00 bell\x07 del\x7f", "ünïcödé ß",
    "日本語", "emoji 🙂 and \U0010ffff", "\u2028\u2029", "x" * 127, "x" * 128, "x" * 20000,
])
def test_metadata_of_any_kind(media, text):
    body = media_body(1)
    body["payload"]["metadata"] = text
    answer = media.verify(media.post("/process_data", body))
    assert answer["response"]["data"]["metadata"] == text


def test_escaped_and_raw_text_are_the_same_value(media):
    body = json.dumps(media_body(1, "ß🙂"))
    assert "\\u" in body
    escaped = media.verify(media.post("/process_data", body.encode()))
    raw = media.verify(media.post("/process_data", json.dumps(json.loads(body), ensure_ascii=False).encode()))
    assert escaped["response"]["data"] == raw["response"]["data"]


def test_unknown_keys_are_ignored(media):
    body = {"intent": "ProcessData", "extra": {"deep": [1, {"x": None}]}, **media_body(2)}
    body["payload"]["more"] = [1.5, "x", {"y": False}]
    answer = media.verify(media.post("/process_data", body))
    assert list(answer["response"]["data"]) == ["media_hash", "metadata"]


@pytest.mark.parametrize("report", [
    {"jobId": "j-1", "mediaHash": "ab" * 32, "verdict": "authentic"},
    {"z": 1, "a": [True, None, {"é": "ü", "e": 2**53 - 1, "\U0001f600": 0, "\ufb33": -5}], "verdict": "altered",
     "mediaHash": "00" * 32, "jobId": "ü"},
])
def test_sign_report(media, report):
    answer = media.verify(media.post("/sign_report", {"report": report}))
    data = answer["response"]["data"]
    assert answer["response"]["intent"] == 1
    assert bytes(data["report_hash"]) == hashlib.sha256(canonical(report).encode("utf-8")).digest()
    assert data["job_id"] == report["jobId"] and data["verdict"] == report["verdict"]
    assert bytes(data["media_hash"]) == bytes.fromhex(report["mediaHash"])


def test_report_hash_does_not_depend_on_spelling(media):
    one = b'{"report": {"jobId":"j","mediaHash":"' + b"ab" * 32 + b'","verdict":"v","n":1.0,"m":1e2,"s":"\\u0041"}}'
    two = b'{"report":{"s":"A","m":100,"n":1,"verdict":"v","mediaHash":"' + b"ab" * 32 + b'","jobId":"j"}}'
    hashes = [media.verify(media.post("/sign_report", b))["response"]["data"]["report_hash"] for b in (one, two)]
    assert hashes[0] == hashes[1]


def test_answer_with_document(media):
    nonce = os.urandom(32)
    reply = media.post(f"/sign_report?attest={nonce.hex()}",
                       {"report": {"jobId": "j", "mediaHash": "ab" * 32, "verdict": "v"}})
    answer = media.verify(reply)
    payload = media.document(answer["attestation"])
    assert payload["nonce"] == nonce
    nacre_check.verify_response(answer, payload["public_key"], nacre_check.APPS["media"])


@pytest.mark.parametrize("query", ["attest=zz", "attest=abc", "attest=" + "00" * 513, "attest="])
def test_bad_attest(media, query):
    reply = media.post(f"/process_data?{query}", media_body(1))
    assert reply.status == 400, reply
    assert "attest" in reply.error or "nonce" in reply.error


@pytest.mark.parametrize("bad,names", [
    ({"payload": {"media_hash": "ab" * 31, "metadata": "m"}}, "media_hash"),
    ({"payload": {"media_hash": "zz" * 32, "metadata": "m"}}, "media_hash"),
    ({"payload": {"media_hash": 5, "metadata": "m"}}, "payload.media_hash"),
    ({"payload": {"media_hash": "ab" * 32}}, "payload.metadata"),
    ({"payload": {"media_hash": "ab" * 32, "metadata": None}}, "payload.metadata"),
    ({"payload": []}, "payload"),
    ({}, "payload"),
])
def test_errors_name_the_field(media, bad, names):
    reply = media.post("/process_data", bad)
    assert reply.status == 400, reply
    assert names in reply.error
