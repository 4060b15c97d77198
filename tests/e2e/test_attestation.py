"""Attestation documents of the running enclave, checked by an implementation that is not ours."""
import os
import threading
import time

import pytest

import nacre_check



pytestmark = pytest.mark.sanitizer


def test_document(media):
    reply = media.get("/get_attestation")
    assert reply.status == 200 and list(reply.json) == ["attestation"]
    payload = media.document(reply)
    assert abs(payload["timestamp"] - time.time() * 1000) < 120_000
    assert payload.get("nonce") is None
    assert len(payload["public_key"]) == 32
    data = nacre_check.user_data(payload)
    assert data["app"] == "media" and data["secrets_key"] != data["data_key"]
    assert len(payload["user_data"]) <= 512


def test_all_pcrs_are_locked(media):
    pcrs = media.document(media.get("/get_attestation"))["pcrs"]
    assert sorted(pcrs) == list(range(32)), "locked PCRs, and only they, stand in a document"
    assert all(not any(pcrs[i]) for i in range(18, 32))


@pytest.mark.parametrize("length", [1, 16, 32, 512])
def test_nonce(media, length):
    nonce = os.urandom(length)
    payload = media.document(media.get(f"/get_attestation?nonce={nonce.hex()}"))
    assert payload["nonce"] == nonce
    assert abs(payload["timestamp"] - time.time() * 1000) < 10_000


def test_nonce_in_upper_case(media):
    assert media.document(media.get("/get_attestation?nonce=ABCDEF01"))["nonce"] == bytes.fromhex("abcdef01")


@pytest.mark.parametrize("nonce", ["", "abc", "zz", "0x00", "00" * 513, "00%20", "%30%3"])
def test_bad_nonce(media, nonce):
    reply = media.get(f"/get_attestation?nonce={nonce}")
    assert reply.status == 400, reply
    assert "nonce" in reply.error


def test_cached_document_costs_no_nsm_call(media):
    before = int(media.sim("count Attestation"))
    documents = {media.get("/get_attestation").body for _ in range(50)}
    assert int(media.sim("count Attestation")) - before <= 1
    assert len(documents) <= 2


def test_queue_is_bounded(start):
    runtime = start("media", sets=["nsm.queue=4"], direct=True)
    runtime.sim("fault delay 400 Attestation")
    statuses = []

    def ask(i):
        statuses.append(runtime.get(f"/get_attestation?nonce={i:08x}", timeout=30).status)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(statuses) == {200, 429}, statuses
    assert 4 <= statuses.count(200) <= 6, statuses
    runtime.sim("clear")
    assert runtime.get("/get_attestation?nonce=00").status == 200


def test_nsm_error_reaches_only_who_asked(start):
    runtime = start("media", direct=True)
    runtime.sim("fault error InternalError Attestation 1")
    reply = runtime.get("/get_attestation?nonce=00")
    assert reply.status == 503 and reply.error
    assert int(reply.headers["retry-after"]) >= 1
    runtime.document(runtime.get("/get_attestation"))
    assert runtime.document(runtime.get("/get_attestation?nonce=01"))["nonce"] == b"\x01"
