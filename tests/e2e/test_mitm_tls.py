"""
HTTPS that ends in the enclave against a man in the middle: he learns no body, changes none unnoticed, and with a
certificate of his own he is refused before he is sent one. The clients: `nacre call`, curl with the pin, Node with what
`nacre plugin ts` writes, Python's ssl.
"""
import base64
import contextlib
import http.client
import json
import random
import ssl
import subprocess

import pytest

import harness
import mitm
import nacre_check
import tls_peers as peers

CANARY = "canary-7d1e55a90c"
SEEN = "canary-of-an-answer"  # what a client that is fooled would have said


@pytest.fixture(scope="module")
def runtime():
    with harness.Runtime("media", direct=True, sets=peers.ON) as r:
        yield r


def key_of(runtime):
    return nacre_check.user_data(runtime.document(runtime.get("/get_attestation")))["tls"]


def body(n=1, text=CANARY):
    return json.dumps(harness.media_body(n, text))


def call(runtime, address, *options, before=()):
    done = subprocess.run([*before, str(harness.BIN / "nacre"), "call", "https://%s:%d" % address, "/process_data", "-d", body(),
                           "--public-key", runtime.key.hex(), "--root", str(runtime.root_path), *options],
                          capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def curl(runtime, address, *options):
    pin = base64.b64encode(key_of(runtime)).decode()
    done = subprocess.run(["curl", "-sS", "--insecure", "--pinnedpubkey", f"sha256//{pin}", "-H",
                           "Content-Type: application/json", "-d", body(), *options,
                           "https://%s:%d/process_data" % address], capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# ---- He only looks

def test_he_learns_nothing(runtime):
    with mitm.Mitm(runtime.address) as m:
        status, out, err = call(runtime, m.address)
        assert status == 0 and CANARY in out, err
        status, out, err = curl(runtime, m.address)
        assert status == 0, err
        runtime.verify(harness.Reply(200, {}, out.encode()))
        tls = peers.context(None, ssl.TLSVersion.TLSv1_2)
        runtime.verify(harness.request(m.address, "POST", "/process_data", harness.media_body(1, CANARY), tls=tls))
        assert len(m.connections) >= 4 and len(m.up) > 1000 and len(m.down) > 1000
        for secret in (CANARY, "process_data", "media_hash", "get_attestation", runtime.key, runtime.key.hex()):
            assert m.learns(secret) == [], secret
        with pytest.raises(ValueError):
            m.down.index(b"HTTP/1.1")


def test_the_search_would_have_found_it(runtime):
    """The same exchange with TLS ended by him, for a client that checks nothing: all of it is his."""
    with mitm.Mitm(runtime.address, certificate=mitm.own_certificate()) as m:
        reply = harness.request(m.address, "POST", "/process_data", harness.media_body(1, CANARY), tls=peers.context())
        runtime.verify(reply)
        assert m.learns(CANARY) == ["plain"]


# ---- He has a certificate of his own

@pytest.mark.parametrize("kind", ["p256", "rsa"])
def test_nacre_call_refuses_him_before_the_body(runtime, kind):
    with peers.connect(runtime.address) as s:
        own = mitm.own_certificate(["media"], like=s.getpeercert(True), kind=kind)
    with mitm.Mitm(runtime.address, certificate=own) as m:
        status, out, err = call(runtime, m.address)
        assert status == 1 and out == "", (status, out, err)
        failed = [line for line in err.splitlines() if line.startswith("FAIL")]
        assert len(failed) == 1 and failed[0].startswith("FAIL  document tls") and key_of(runtime).hex() in failed[0]
        assert m.learns("get_attestation") == ["plain"]  # he had the question, and the answer, which tells on him
        assert m.learns(CANARY) == []
        assert not any(b"process_data" in c.said[mitm.UP] for c in m.connections)


def test_nacre_call_refuses_him_when_he_comes_later(runtime):
    """The document came through untouched; then he ends the connection that would carry the body."""
    for first in (1, 2):
        with mitm.Mitm(runtime.address, certificate=mitm.own_certificate(), ends_from=first) as m:
            status, out, err = call(runtime, m.address)
            assert status == 2 and out == "" and "public key" in err, (status, out, err)
            assert m.learns(CANARY) == []


def test_nacre_verify_refuses_him(runtime):
    with mitm.Mitm(runtime.address, certificate=mitm.own_certificate()) as m:
        for what in ("document", "health"):
            done = subprocess.run([str(harness.BIN / "nacre"), "verify", what, "https://%s:%d" % m.address, "--public-key",
                                   runtime.key.hex(), "--root", str(runtime.root_path)], capture_output=True, timeout=60,
                                  check=False)
            assert done.returncode in (1, 2) and b"verified:" not in done.stdout, done


def test_a_document_of_another_enclave_does_not_help_him(runtime):
    """He has an enclave of his own, TLS and all, and passes its document on: its key is not the one that is expected."""
    with harness.Runtime("media", direct=True, sets=peers.ON) as his:
        status, out, err = call(runtime, his.address)
        assert status == 1 and "FAIL  document" in err and out == ""


def test_curl_refuses_him(runtime):
    with mitm.Mitm(runtime.address, certificate=mitm.own_certificate()) as m:
        status, out, _ = curl(runtime, m.address)
        assert status == 90 and out == ""
        assert m.up == b"" and m.learns(CANARY) == []


def test_tls_that_ends_before_the_enclave_is_not_taken_for_it(media, tmp_path):
    """An enclave without HTTPS behind somebody's TLS: his certificate must be one that the system trusts."""
    with mitm.Mitm(media.address, certificate=mitm.own_certificate(), upstream_tls=False) as m:
        status, out, err = call(media, m.address)
        assert status == 2 and out == "" and "certificate" in err.lower(), (status, out, err)
        assert m.learns(CANARY) == []


@contextlib.contextmanager
def trusted(certificate):
    """What comes before a command so that the system trusts this certificate: an authority has vouched for its holder."""
    store = "/etc/ssl/certs/ca-certificates.crt"
    words = ["unshare", "--mount", "sh", "-c", f'mount --bind "$0" {store} && exec "$@"', str(certificate)]
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"nothing can be mounted over {store} here")
    yield words


@pytest.mark.parametrize("hides", [True, False])
def test_who_hides_the_key_at_first_is_refused(runtime, hides):
    """His certificate is trusted by the system. He answers first without a document, then passes the enclave's own on."""
    own = mitm.own_certificate()

    def alter(way, number, _offset, chunk):
        return chunk.replace(b'"attestation":"84', b'"attestation":"00') if hides and way == mitm.DOWN and number == 0 else chunk

    with trusted(own) as words, mitm.Mitm(runtime.address, certificate=own, alter=alter) as m:
        status, out, err = call(runtime, ("localhost", m.address[1]), before=words)
        assert status != 0 and out == "" and ("names a TLS key" if hides else "FAIL  document tls") in err, (status, out, err)
        assert m.learns("get_attestation") == ["plain"] and m.learns(CANARY) == []


def test_tls_that_ends_before_the_enclave_is_taken_when_the_system_trusts_it(media):
    own = mitm.own_certificate()
    with trusted(own) as words, mitm.Mitm(media.address, certificate=own, upstream_tls=False) as m:
        status, out, err = call(media, ("localhost", m.address[1]), before=words)
        assert status == 0 and CANARY in out, (status, out, err)


# ---- He changes what passes

def outcome(runtime, address):
    """What a client that pins sees: the verified answer, or the error it got."""
    try:
        with peers.connect(address, peers.context(), timeout=5) as s:
            if peers.spki_digest(s.getpeercert(True)) != key_of(runtime):
                return "another key"
            reply = peers.over(s, "POST", "/process_data", body().encode())
    except (OSError, ssl.SSLError, EOFError, http.client.HTTPException) as e:
        return f"error: {e}"
    answer = runtime.verify(reply)
    assert answer["response"]["data"]["metadata"] == f"{CANARY} 1"
    return "whole"


def sizes(runtime):
    with mitm.Mitm(runtime.address) as m:
        assert outcome(runtime, m.address) == "whole"
        return len(m.up), len(m.down)


def test_no_change_goes_unnoticed(runtime):
    """One bit of one byte at 40 places both ways; bytes put in, left out. Never another answer than the true one."""
    up, down = sizes(runtime)
    chance = random.Random(10)
    places = [(mitm.UP, n) for n in chance.sample(range(5, up), 20)] + [(mitm.DOWN, n) for n in chance.sample(range(5, down), 20)]
    seen = []
    for way, at in places:
        with mitm.Mitm(runtime.address, alter=mitm.flip(way, at)) as m:
            seen.append((way, at, outcome(runtime, m.address)))
    for alter in (mitm.insert(mitm.UP, up - 40, b"\x00"), mitm.insert(mitm.DOWN, down - 40, b"\x17\x03\x03\x00\x01a"),
                  mitm.drop(mitm.UP, up - 40, 3), mitm.drop(mitm.DOWN, down - 100, 30)):
        with mitm.Mitm(runtime.address, alter=alter) as m:
            seen.append(("cut", 0, outcome(runtime, m.address)))
    whole = [s for s in seen if s[2] == "whole"]
    # session tickets come unasked: a client that wants none may not look at all of what is left of them
    assert len(whole) <= 4 and all(s[0] == mitm.DOWN for s in whole), seen
    assert runtime.get("/").status == 200


def test_what_was_said_is_not_taken_again(runtime):
    """A whole recorded conversation, said once more: its keys were for one handshake."""
    before = runtime.health()
    with mitm.Mitm(runtime.address) as m:
        assert outcome(runtime, m.address) == "whole"
        assert b"HTTP" not in m.replay(0)
    assert runtime.health()["app_state"] == before["app_state"]


def test_the_answer_of_another_is_not_taken(runtime):
    """Answers of one connection put into another."""
    with mitm.Mitm(runtime.address) as m:
        assert outcome(runtime, m.address) == "whole"
        recorded = bytes(m.connections[0].said[mitm.DOWN])

    def alter(way, _number, offset, chunk):
        return chunk if way == mitm.UP else recorded[offset:offset + len(chunk)]

    with mitm.Mitm(runtime.address, alter=alter) as m:
        assert outcome(runtime, m.address).startswith("error")
