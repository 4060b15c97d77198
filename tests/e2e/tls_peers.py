"""TLS by implementations that are not ours (OpenSSL through Python and its command line), for the tests of HTTPS."""
import hashlib
import http.client
import socket
import ssl
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import serialization

import harness

ON = ["http.tls=self-signed"]


def spki_digest(certificate):
    """What documents call a key: SHA-256 of the SubjectPublicKeyInfo of a certificate in DER."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER,
                                           serialization.PublicFormat.SubjectPublicKeyInfo)).digest()


def context(lowest=None, highest=None, alpn=None, ciphers=None):
    c = harness.loose_context()
    if lowest:
        c.minimum_version = lowest
    if highest:
        c.maximum_version = highest
    if alpn is not None:
        c.set_alpn_protocols(alpn)
    if ciphers:
        c.set_ciphers(ciphers)
    return c


def connect(address, tls=None, session=None, timeout=20):
    s = socket.create_connection(address, timeout=timeout)
    try:
        return (tls or context()).wrap_socket(s, server_hostname="localhost", session=session)
    except BaseException:
        s.close()
        raise


def served_key(address):
    with connect(address) as s:
        return spki_digest(s.getpeercert(True))


def over(tls_socket, method, path, body=None, headers=None):
    """One request over a connection that stays open. Returns a harness.Reply."""
    connection = http.client.HTTPConnection("localhost")
    connection.sock = tls_socket
    connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})} if body else headers or {})
    answer = connection.getresponse()
    return harness.Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())


def s_client(address, *options, say=b"", timeout=30):
    """openssl s_client. Returns (exit status, what it said)."""
    done = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % address, *options], input=say, timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def fails(address, tls):
    """The handshake is refused. Returns why, in OpenSSL's words."""
    try:
        with connect(address, tls) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            s.recv(1)
            raise AssertionError(f"accepted: {s.version()} {s.cipher()} {s.selected_alpn_protocol()}")
    except (ssl.SSLError, ConnectionError) as e:
        return str(e)
