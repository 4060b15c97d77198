"""
Sealed requests to a nacre enclave: the body is sealed to the enclave's attested data key, and so comes back the answer.

    target = nacre_sealed.Enclave(data_key, app)          # both out of a document that was verified before
    envelope, exchange = target.seal("POST", "/process_data", b'{"payload":{}}')
    # send it as POST with Content-Type application/vnd.nacre.sealed
    status, body = exchange.open(answer)                  # raises ValueError for anything but the enclave's answer

`data_key` and `app` stand in the `user_data` of the enclave's attestation document. Nothing here verifies that document:
seal to no key that was not verified. docs/SEALED.md of the nacre repository has the format. Needs PyNaCl.
"""
import struct
import time
import urllib.error
import urllib.request

from nacl import bindings, encoding, hash as nacl_hash, utils

TYPE = "application/vnd.nacre.sealed"

_MAGIC = b"\x89NSEAL\r\n"
_REQUEST = _MAGIC + b"\x01\x01" + bytes(6)
_ANSWER = _MAGIC + b"\x01\x02" + bytes(6)
_HEADER, _ANSWER_HEADER, _MAC, _NONCE = 80, 40, 16, 24


def _blake2b(data, key=b""):
    return nacl_hash.blake2b(data, digest_size=32, key=key, encoder=encoding.RawEncoder)


def _padded(length):
    """Padme, and 256 bytes at least."""
    if length <= 256:
        return 256
    exponent = length.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (length + mask) & ~mask


def _pad(content):
    return content + bytes(_padded(len(content)) - len(content))


class Refused(ValueError):
    """An answer that did not come sealed: from the enclave's door or from anybody on the way. Do not rely on it."""

    def __init__(self, status, text):
        super().__init__(f"not sealed, so nobody's word: status {status}: {text[:500]!r}")
        self.status, self.text = status, text


class _Stay(urllib.request.HTTPRedirectHandler):
    """Nobody on the way sends a client elsewhere."""

    def redirect_request(self, *_):  # pylint: disable=arguments-differ
        return None


class Exchange:
    """What is kept of a request until its answer comes."""

    def __init__(self, reply_key, header):
        self._key = _blake2b(b"nacre sealed answer v1".ljust(24, b"\0") + header, reply_key)

    def open(self, envelope):
        """(status, body) of the enclave's answer to this very request. ValueError for anything else."""
        envelope = bytes(envelope)
        if len(envelope) < _ANSWER_HEADER + _MAC + 8 or envelope[:16] != _ANSWER:
            raise ValueError("not a sealed answer of version 1")
        try:
            content = bindings.crypto_secretbox_open(envelope[_ANSWER_HEADER:], envelope[16:_ANSWER_HEADER], self._key)
        except Exception as error:
            raise ValueError("the answer does not open: altered, or not to this request") from error
        status, zero, length = struct.unpack_from("<HHI", content)
        if zero or length > len(content) - 8 or any(content[8 + length:]):
            raise ValueError("the answer's content is out of form")
        return status, content[8:8 + length]


class Enclave:
    """Whom requests are sealed for: data key and app as the verified document names them."""

    def __init__(self, data_key, app):
        if len(data_key) != 32:
            raise ValueError(f"a data key of {len(data_key)} bytes, expected 32")
        self.data_key, self.app = bytes(data_key), app

    def seal(self, method, path, body, time_ms=None):
        """The envelope of a request, and what opens its answer. The path as in the request line, up to the '?'."""
        made = int(time.time() * 1000) if time_ms is None else time_ms
        public, secret = bindings.crypto_box_keypair()
        nonce, reply_key = utils.random(_NONCE), utils.random(32)
        header = _REQUEST + struct.pack("<Q", made) + public + nonce
        target = _blake2b(self.app.encode() + b"\0" + method.encode() + b"\0" + path.encode())
        product = bindings.crypto_scalarmult(secret, self.data_key)
        key = _blake2b(b"nacre sealed request v1".ljust(24, b"\0") + header + self.data_key + target, product)
        content = _pad(reply_key + struct.pack("<I", len(body)) + body)
        return header + bindings.crypto_secretbox(content, nonce, key), Exchange(reply_key, header)

    def call(self, url, method, path, body=b"", query="", timeout=60, opener=None):
        """
        Sends a sealed request over HTTP and opens its answer: (status, body). Refused when the answer is not sealed,
        ValueError when it is and does not open. The body's own signature is still to be verified.
        """
        envelope, exchange = self.seal(method, path, body)
        request = urllib.request.Request(url.rstrip("/") + path + ("?" + query if query else ""), envelope,
                                         {"Content-Type": TYPE}, method="POST" if method == "GET" else method)
        try:
            with (opener or urllib.request.build_opener(_Stay)).open(request, timeout=timeout) as answer:
                return self._take(exchange, answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return self._take(exchange, error.code, error.headers, error.read())

    @staticmethod
    def _take(exchange, http_status, headers, data):
        if headers.get_content_type() != TYPE:
            raise Refused(http_status, data)
        status, body = exchange.open(data)
        if status != http_status:
            raise ValueError(f"HTTP says {http_status}, the enclave {status}")
        return status, body
