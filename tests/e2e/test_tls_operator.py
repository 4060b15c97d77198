"""
A certificate of the operator's own for HTTPS: it comes sealed with the secrets, only nacre-http gets it, its key is the
one that documents name from then on, and neither the parent instance nor a nacre-http taken over can choose another.
"""
import datetime
import hashlib
import os
import signal
import socket
import ssl
import struct

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

import harness
import mitm
import sealed
import tls_peers as peers
from harness import wait_for
from test_sealed import SECRETS, WAIT, Waiting, nacre

NAME = "api.example.org"


class Authority:
    """A root, an intermediate and what it issues: as an ACME server would, with the chain in one file, the key in another."""

    def __init__(self, directory):
        self.dir = directory
        self.root_key, self.key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.root = self.sign("a root", self.root_key, "a root", self.root_key, True)
        self.middle = self.sign("an intermediate", self.key, "a root", self.root_key, True)

    @staticmethod
    def sign(name, key, issuer, issuer_key, ca=False):
        now = datetime.datetime.now(datetime.timezone.utc)
        made = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
                .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(now + datetime.timedelta(days=90))
                .add_extension(x509.BasicConstraints(ca, None), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
                .add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), critical=True))
        if not ca:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        return made.sign(issuer_key, hashes.SHA256())

    def issue(self, kind="p256", form=serialization.PrivateFormat.PKCS8):
        """(chain file, key file, digest of its key)"""
        key = {"p256": lambda: ec.generate_private_key(ec.SECP256R1()), "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
               "rsa": lambda: rsa.generate_private_key(65537, 2048)}[kind]()
        leaf = self.sign(NAME, key, "an intermediate", self.key)
        chain, private = self.dir / f"{kind}.chain.pem", self.dir / f"{kind}.key.pem"
        chain.write_bytes(b"".join(c.public_bytes(serialization.Encoding.PEM) for c in (leaf, self.middle)))
        private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return chain, private, hashlib.sha256(spki).digest()

    def trusted(self):
        return ssl.create_default_context(cadata=self.root.public_bytes(serialization.Encoding.PEM).decode())


class Enclave(Waiting):
    def __init__(self, mode="operator", **kw):
        super().__init__(sets=[f"http.tls={mode}"], **kw)
        self.url = f"https://127.0.0.1:{self.port}"
        self.tls = harness.loose_context()

    def answers(self):
        try:
            return super().answers()
        except ssl.SSLError:
            return False

    def named(self):
        """The key in the document, and the one that is served."""
        payload = cbor2.loads(cbor2.loads(bytes.fromhex(self.get("/get_attestation?nonce=00").json["attestation"]))[2])
        return cbor2.loads(payload["user_data"])["tls"], peers.served_key(self.address)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize("kind, form", [("p256", serialization.PrivateFormat.PKCS8), ("p384", serialization.PrivateFormat.PKCS8),
                                        ("rsa", serialization.PrivateFormat.TraditionalOpenSSL)])
def test_it_comes_with_the_secrets(authority, kind, form):
    chain, key, digest = authority.issue(kind, form)
    with Enclave() as r:
        first = r.named()
        assert first[0] == first[1] == r.target["tls"] and r.health()["tls"] == "self-signed"
        status, _, err = r.seal("--certificate", chain, "--certificate-key", key)
        assert status == 0, err
        status, out, err = r.send()
        assert status == 0, (out, err)
        wait_for("the new certificate", lambda: r.named() == (digest, digest), WAIT)
        wait_for("the app", lambda: r.health()["app_state"] == "up", WAIT)
        assert r.health()["tls"] == "operator" and r.health()["secrets"] == "sealed"
        assert f"certificate=operator key={digest.hex()}" in r.log()
        # a client that knows nothing but the authority, with the name checked and the whole chain sent
        with socket.create_connection(r.address) as raw, authority.trusted().wrap_socket(raw, server_hostname=NAME) as s:
            assert peers.over(s, "GET", "/").body == b"Pong!"
        # and one that knows nothing but the document
        status, out, err = nacre("verify", "document", r.url, "--pcrs", r.pcrs, "--root", r.root_path)
        assert status == 0 and digest.hex() in out, err
        assert r.check()[0] == 0
        old = r.pid("nacre-http")
        os.kill(old, signal.SIGKILL)
        wait_for("another nacre-http", lambda: r.pid("nacre-http") not in (None, old), WAIT)
        wait_for("answers", r.answers, WAIT)
        assert r.named() == (digest, digest)
        # the app has its secrets and nothing of this
        pem = key.read_bytes()
        if harness.can_read_memory():
            assert pem[60:120] not in memory_of(r.pid("nacre-app"))
        assert "PRIVATE KEY" not in r.log()


def memory_of(pid):
    found = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            first, last = (int(x, 16) for x in span.split("-"))
            if "r" not in rights or "w" not in rights:
                continue
            try:
                memory.seek(first)
                found.append(memory.read(last - first))
            except (OSError, ValueError):
                continue
    return b"".join(found)


def test_the_parent_learns_nothing_of_it(authority):
    """Recorded on its way: no key, no secret, in no form."""
    chain, key, digest = authority.issue()
    with Enclave() as r:
        assert r.seal("--certificate", chain, "--certificate-key", key)[0] == 0
        blob = r.blob_file.read_bytes()
        said = type("Said", (), {})()
        said.said = {mitm.UP: blob, mitm.DOWN: b""}
        recorded = mitm.Mitm.__new__(mitm.Mitm)
        recorded.connections = [said]
        for secret in (key.read_bytes()[30:90], b"PRIVATE KEY", b"CERTIFICATE", SECRETS[2:], digest):
            assert recorded.learns(secret) == [], secret
        # one bit of it changed, anywhere: refused, and the self-signed certificate stays
        for at in (20, len(blob) // 2, len(blob) - 70, len(blob) - 1):
            bad = bytearray(blob)
            bad[at] ^= 1
            assert not r.deliver(bytes(bad)).startswith("ok")
        assert r.health()["tls"] == "self-signed"


def content(pem, digest, secrets=SECRETS, length=None):
    return b"\x01" + struct.pack("<I", len(pem) if length is None else length) + digest + pem + secrets


def test_contents_out_of_form_are_refused(authority):
    chain, key, digest = authority.issue()
    pem = key.read_bytes() + chain.read_bytes()
    bad = {"short": b"\x01\x10\x00\x00", "long": content(pem, digest, length=len(pem) + len(SECRETS) + 1),
           "empty": content(b"", digest), "huge": content(pem + b"\n" * 16384, digest), "no secrets": content(pem, digest, b"")}
    with Enclave() as r:
        for made in bad.values():
            said = r.deliver(sealed.seal(r.operator, r.target, made))
            assert said.startswith("no: ") and "out of form" in said, said
        assert r.deliver(sealed.seal(r.operator, r.target, content(pem, digest))).startswith("ok")
        wait_for("the new certificate", lambda: r.named() == (digest, digest), WAIT)


@pytest.mark.parametrize("fault, why", [("digest", "sealed as"), ("pair", "key"), ("pem", "certificates"), ("order", "certificates")])
def test_what_does_not_fit_is_not_served(authority, fault, why):
    """The operator's own mistakes: the secrets are taken, the self-signed certificate stays, and the log says why."""
    chain, key, digest = authority.issue()
    other_chain, other_key, _ = authority.issue("p384")
    pem = {"digest": key.read_bytes() + chain.read_bytes(), "pair": other_key.read_bytes() + chain.read_bytes(),
           "pem": key.read_bytes() + b"nothing", "order": key.read_bytes() + authority.middle.public_bytes(serialization.Encoding.PEM) + chain.read_bytes()}[fault]
    name = bytes(32) if fault == "digest" else digest
    with Enclave() as r:
        before = r.named()
        assert r.deliver(sealed.seal(r.operator, r.target, content(pem, name))).startswith("ok")
        wait_for("the log", lambda: "the operator's certificate is not used" in r.log(), WAIT)
        assert why in r.log() and r.health()["tls"] == "self-signed"
        assert r.named() == before
        assert "PRIVATE" not in r.log()


def test_an_enclave_that_takes_none(authority):
    chain, key, digest = authority.issue()
    pem = key.read_bytes() + chain.read_bytes()
    with Enclave("self-signed") as r:
        said = r.deliver(sealed.seal(r.operator, r.target, content(pem, digest)))
        assert said.startswith("no: ") and "http.tls is not operator" in said
        assert r.deliver(sealed.seal(r.operator, r.target, SECRETS)).startswith("ok")
        assert r.health()["tls"] == "self-signed"
    with Waiting() as r:  # plain HTTP: the tool says so before anything is sealed
        status, _, err = r.seal("--certificate", chain, "--certificate-key", key)
        assert status == 2 and "names no TLS key" in err and not r.blob_file.exists()


def test_secrets_without_a_certificate(authority):
    with Enclave() as r:
        assert r.deliver(sealed.seal(r.operator, r.target, SECRETS)).startswith("ok")
        wait_for("the log", lambda: "no certificate came with the secrets" in r.log(), WAIT)
        assert r.health()["tls"] == "self-signed" and r.named()[0] == r.named()[1]


def test_mistakes_on_the_command_line(authority, tmp_path):
    chain, key, _ = authority.issue()
    _, other, _ = authority.issue("p384")
    with Enclave() as r:
        for more, why in ((["--certificate", chain], "belong together"),
                          (["--certificate", chain, "--certificate-key", other], "not the private key's"),
                          (["--certificate", key, "--certificate-key", key], "not the private key's"),
                          (["--certificate", tmp_path / "none", "--certificate-key", key], "cannot open")):
            status, _, err = r.seal(*more)
            assert status == 2 and why in err, err
