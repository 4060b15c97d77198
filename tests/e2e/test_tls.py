"""HTTPS that ends in the enclave: which key it is under, how long that lives, what is spoken and what is not."""
import base64
import hashlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import harness
import nacre_check
import tls_peers as peers
from harness import wait_for


@pytest.fixture(scope="module")
def runtime():
    with harness.Runtime("media", direct=True, admin=True, sets=[*peers.ON, "http.tls_name=enclave.example"]) as r:
        yield r
        # glibc looks once how memory is overcommitted when it gives some back, and does without the file
        assert set(re.findall(r'event="system call refused" call=(\w+)', r.log())) <= {"openat"}, r.log()


def attested(runtime, query="?nonce=" + "5a" * 32):
    return nacre_check.user_data(runtime.document(runtime.get("/get_attestation" + query)))["tls"]


def test_documents_name_the_key_that_is_served(runtime):
    key = peers.served_key(runtime.address)
    assert attested(runtime) == key
    assert attested(runtime, "") == key
    reply = runtime.post("/process_data?attest=0102", harness.media_body(1))
    runtime.verify(reply)
    assert nacre_check.user_data(runtime.document(reply))["tls"] == key


def test_the_certificate(runtime):
    with peers.connect(runtime.address) as s:
        certificate = x509.load_der_x509_certificate(s.getpeercert(True))
    key = certificate.public_key()
    assert isinstance(key.curve, ec.SECP256R1)
    key.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(certificate.signature_hash_algorithm))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["enclave.example"]
    assert certificate.not_valid_before.year == 2020 and certificate.not_valid_after.year == 9999
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    # as a certificate that somebody has saved and trusts, with its name checked
    pem = ssl.DER_cert_to_PEM_cert(certificate.public_bytes(serialization.Encoding.DER))
    strict = ssl.create_default_context(cadata=pem)
    with socket.create_connection(runtime.address) as raw:
        with strict.wrap_socket(raw, server_hostname="enclave.example") as s:
            assert s.version() == "TLSv1.3"


def test_the_key_outlives_nacre_http(runtime):
    """A client that pinned it goes on after a crash; and what nacred attests is still that key."""
    before = peers.served_key(runtime.address)
    for _ in range(2):
        old = runtime.pid("nacre-http")
        os.kill(old, signal.SIGKILL)
        wait_for("another nacre-http", lambda: runtime.pid("nacre-http") not in (None, old), 20)
        wait_for("answers", lambda: try_get(runtime), 20)
        assert peers.served_key(runtime.address) == before == attested(runtime)
    assert runtime.health()["restarts"]["http"] >= 2


def try_get(runtime):
    try:
        return runtime.get("/health_check").status == 200
    except (OSError, ssl.SSLError):
        return False


def test_another_boot_has_another_key(runtime):
    with harness.Runtime("media", direct=True, sets=peers.ON) as other:
        assert peers.served_key(other.address) != peers.served_key(runtime.address)
        assert attested(other) == peers.served_key(other.address)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(runtime, version):
    with peers.connect(runtime.address, peers.context(version, version, ["http/1.1"])) as s:
        name, _, bits = s.cipher()
        assert s.selected_alpn_protocol() == "http/1.1" and bits >= 128
        assert "GCM" in name or "CHACHA20" in name, name
        assert peers.over(s, "GET", "/").body == b"Pong!"
        runtime.verify(peers.over(s, "POST", "/process_data", json.dumps(harness.media_body(3)).encode()))


@pytest.mark.parametrize("why, tls", [
    ("TLS 1.1", lambda: peers.context(ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ciphers="ALL:@SECLEVEL=0")),
    ("no forward secrecy", lambda: peers.context(None, ssl.TLSVersion.TLSv1_2, ciphers="AES128-GCM-SHA256")),
    ("CBC", lambda: peers.context(None, ssl.TLSVersion.TLSv1_2, ciphers="ECDHE-ECDSA-AES128-SHA256")),
    ("no anonymous", lambda: peers.context(None, ssl.TLSVersion.TLSv1_2, ciphers="aNULL:@SECLEVEL=0")),
    ("HTTP/2 alone", lambda: peers.context(alpn=["h2"]))])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_not_spoken(runtime, why, tls):
    said = peers.fails(runtime.address, tls())
    assert "alert" in said.lower() or "eof" in said.lower() or "reset" in said.lower(), (why, said)


def test_who_names_no_protocol_is_served(runtime):
    with peers.connect(runtime.address, peers.context()) as s:
        assert s.selected_alpn_protocol() is None
        assert peers.over(s, "GET", "/").body == b"Pong!"


def test_nobody_renegotiates(runtime):
    """OpenSSL asks for it on 'R': TLS 1.2 ends there, and TLS 1.3 has none."""
    status, said = peers.s_client(runtime.address, "-tls1_2", say=b"R\n")
    assert "RENEGOTIATING" in said
    assert "alert" in said.lower() or "error" in said.lower() or status != 0, said
    assert runtime.get("/").status == 200


def test_sessions_are_resumed_in_tls_13_alone(runtime):
    tls = peers.context()
    with peers.connect(runtime.address, tls) as s:
        assert not s.session_reused
        peers.over(s, "GET", "/")
        session = s.session
    with peers.connect(runtime.address, tls, session) as s:
        assert s.session_reused
        assert peers.over(s, "GET", "/").body == b"Pong!"
    tls = peers.context(None, ssl.TLSVersion.TLSv1_2)
    with peers.connect(runtime.address, tls) as s:
        peers.over(s, "GET", "/")
        session = s.session
    with peers.connect(runtime.address, tls, session) as s:
        assert not s.session_reused


def test_a_ticket_ends_with_the_nacre_http_that_gave_it(runtime):
    tls = peers.context()
    with peers.connect(runtime.address, tls) as s:
        peers.over(s, "GET", "/")
        session = s.session
    old = runtime.pid("nacre-http")
    os.kill(old, signal.SIGKILL)
    wait_for("another nacre-http", lambda: runtime.pid("nacre-http") not in (None, old), 20)
    wait_for("answers", lambda: try_get(runtime), 20)
    with peers.connect(runtime.address, tls, session) as s:
        assert not s.session_reused
        assert peers.over(s, "GET", "/").body == b"Pong!"


def test_curl_with_the_pin(runtime):
    url = "https://%s:%d/" % runtime.address
    good = base64.b64encode(attested(runtime)).decode()
    bad = base64.b64encode(hashlib.sha256(b"another key").digest()).decode()

    def curl(pin, *more):
        return subprocess.run(["curl", "-sS", "-k", "--pinnedpubkey", f"sha256//{pin}", *more, url + "process_data"],
                              capture_output=True, timeout=30, check=False)

    body = json.dumps(harness.media_body(5))
    done = curl(good, "-H", "Content-Type: application/json", "-d", body)
    assert done.returncode == 0, done.stderr
    runtime.verify(harness.Reply(200, {}, done.stdout))
    done = curl(bad, "-H", "Content-Type: application/json", "-d", body)
    assert done.returncode == 90 and done.stdout == b"", done  # CURLE_SSL_PINNEDPUBKEYNOTMATCH


def test_large_bodies_and_long_connections(runtime):
    """A body of a megabyte, in pieces that are no records, and many requests on one connection, one after another."""
    with peers.connect(runtime.address) as s:
        for n in range(50):
            runtime.verify(peers.over(s, "POST", "/process_data", json.dumps(harness.media_body(n)).encode()))
        text = "x" * 900_000
        reply = peers.over(s, "POST", "/process_data", json.dumps(harness.media_body(1, text)).encode())
        assert runtime.verify(reply)["response"]["data"]["metadata"].startswith(text)
        one = b"GET /health_check HTTP/1.1\r\nHost: a\r\n\r\n"
        s.sendall(one * 20)
        got = b""
        while got.count(b"HTTP/1.1 200") < 20 or not got.endswith(b"}"):
            more = s.recv(65536)
            assert more, got[-200:]
            got += more


def test_errors_come_over_tls_too(runtime):
    with peers.connect(runtime.address) as s:
        assert "text ends too early" in peers.over(s, "POST", "/process_data", b"{").error
    # refused in the middle of a body whose length nobody has said: written past libmicrohttpd, and still under TLS
    with peers.connect(runtime.address) as s:
        s.sendall(b"POST /process_data HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n")
        got = b""
        try:
            for _ in range(40):
                s.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        except (ssl.SSLError, ConnectionError):
            pass
        try:
            while more := s.recv(65536):
                got += more
        except (ssl.SSLError, ConnectionError):
            pass
        assert harness.status_of(got) == 413, got[:300]


def test_it_says_what_is_spoken(runtime, media):
    for one, form, word in ((runtime, "self-signed", "HTTPS that ends in the enclave"), (media, "none", "Plain HTTP")):
        assert one.health()["tls"] == form
        assert one.get("/openapi.json").json["servers"][0]["description"].startswith(word)
    assert 'event=https certificate=self-signed key=' + attested(runtime).hex() in runtime.log()
    assert "plain HTTP: the parent instance can read and change requests" in media.log()
    assert "tls" not in nacre_check.user_data(media.document(media.get("/get_attestation")))


def test_metrics_stay_plain(runtime):
    """Their listener is for the operator's own network, and says nothing that is secret."""
    assert harness.request(runtime.admin, "GET", "/metrics").status == 200


@pytest.mark.parametrize("sets, why", [
    (["http.tls=yes"], "http.tls: 'yes' is none of none|self-signed|operator"),
    (["http.tls=operator"], "http.tls is operator: the certificate comes sealed, and secrets.operator_key is none"),
    (["http.tls=self-signed", "http.tls_name=not a name"], "http.tls_name: 'not a name' is no DNS name")])
def test_settings_that_are_refused(sets, why):
    runtime = harness.Runtime("media", direct=True, sets=sets, start=False)
    runtime.dir.mkdir(exist_ok=True)
    status, said = runtime.write_manifest()
    assert status != 0 and why in said, said
