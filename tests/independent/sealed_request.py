#!/usr/bin/python3
"""
Sealed requests and answers (docs/SEALED.md) without libsodium: X25519 and Poly1305 of python3-cryptography, BLAKE2b of
Python, XSalsa20 written out here from its paper. Makes tests/vectors/sealed_request.txt and checks it:

  sealed_request.py > tests/vectors/sealed_request.txt
"""
import hashlib
import hmac
import struct
import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.poly1305 import Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MAGIC = bytes.fromhex("894e5345414c0d0a")
SIGMA = b"expand 32-byte k"


# ---- XSalsa20-Poly1305 (Bernstein, "Extending the Salsa20 nonce"; NaCl's secretbox)

def rotated(value, bits):
    value &= 0xffffffff
    return (value << bits | value >> (32 - bits)) & 0xffffffff


def quarter(x, a, b, c, d):
    x[b] ^= rotated(x[a] + x[d], 7)
    x[c] ^= rotated(x[b] + x[a], 9)
    x[d] ^= rotated(x[c] + x[b], 13)
    x[a] ^= rotated(x[d] + x[c], 18)


def rounds(state):
    x = list(state)
    for _ in range(10):
        for column in ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11)):
            quarter(x, *column)
        for row in ((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)):
            quarter(x, *row)
    return x


def salsa_state(key, block):
    k, s, n = struct.unpack("<8I", key), struct.unpack("<4I", SIGMA), struct.unpack("<4I", block)
    return [s[0], *k[:4], s[1], *n, s[2], *k[4:], s[3]]


def hsalsa20(key, block):
    x = rounds(salsa_state(key, block))
    return struct.pack("<8I", *(x[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)))


def xsalsa20(length, nonce, key):
    sub, out = hsalsa20(key, nonce[:16]), b""
    for counter in range((length + 63) // 64):
        state = salsa_state(sub, nonce[16:] + struct.pack("<Q", counter))
        out += struct.pack("<16I", *((a + b) & 0xffffffff for a, b in zip(rounds(state), state)))
    return out[:length]


def box(content, nonce, key):
    stream = xsalsa20(32 + len(content), nonce, key)
    sealed = bytes(a ^ b for a, b in zip(content, stream[32:]))
    return Poly1305.generate_tag(stream[:32], sealed) + sealed


def unbox(data, nonce, key):
    stream = xsalsa20(16 + len(data), nonce, key)
    if not hmac.compare_digest(Poly1305.generate_tag(stream[:32], data[16:]), data[:16]):
        raise ValueError("the box does not open")
    return bytes(a ^ b for a, b in zip(data[16:], stream[32:]))


# ---- The envelopes

def blake2b(data, key=b""):
    return hashlib.blake2b(data, digest_size=32, key=key).digest()


def public_of(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def product(secret, public):
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))


def padded(length):
    if length <= 256:
        return 256
    exponent = length.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return (length + step - 1) // step * step


def request_key(point, header, data_key, app, method, path):
    target = blake2b(b"\0".join((app.encode(), method.encode(), path.encode())))
    return blake2b(b"nacre sealed request v1\0" + header + data_key + target, point)


def answer_key(reply_key, header):
    return blake2b(b"nacre sealed answer v1\0\0" + header, reply_key)


def seal_request(v):
    header = MAGIC + b"\x01\x01" + bytes(6) + struct.pack("<Q", v["time_ms"]) + public_of(v["sender_secret"]) + v["nonce"]
    key = request_key(product(v["sender_secret"], v["data_key"]), header, v["data_key"], v["app"], v["method"], v["path"])
    content = v["reply_key"] + struct.pack("<I", len(v["body"])) + v["body"]
    return header + box(content.ljust(padded(len(content)), b"\0"), v["nonce"], key)


def open_request(envelope, data_secret, app, method, path):
    """What the enclave does. Returns time_ms, the answer's key, the body."""
    header = envelope[:80]
    if header[:16] != MAGIC + b"\x01\x01" + bytes(6) or len(envelope) < 132:
        raise ValueError("not a sealed request of version 1")
    key = request_key(product(data_secret, header[24:56]), header, public_of(data_secret), app, method, path)
    content = unbox(envelope[80:], header[56:80], key)
    length = struct.unpack_from("<I", content, 32)[0]
    if length > len(content) - 36 or any(content[36 + length:]):
        raise ValueError("the content is out of form")
    return struct.unpack_from("<Q", header, 16)[0], answer_key(content[:32], header), content[36:36 + length]


def seal_answer(key, nonce, status, body):
    content = struct.pack("<HHI", status, 0, len(body)) + body
    return MAGIC + b"\x01\x02" + bytes(6) + nonce + box(content.ljust(padded(len(content)), b"\0"), nonce, key)


def open_answer(envelope, key):
    if envelope[:16] != MAGIC + b"\x01\x02" + bytes(6) or len(envelope) < 64:
        raise ValueError("not a sealed answer of version 1")
    content = unbox(envelope[40:], envelope[16:40], key)
    status, zero, length = struct.unpack_from("<HHI", content)
    if zero or length > len(content) - 8 or any(content[8 + length:]):
        raise ValueError("the content is out of form")
    return status, content[8:8 + length]


# ---- The vectors: a block of "name value" lines each, between empty lines; bytes in hex, "-" for none

def made(label, length):
    return hashlib.shake_256(label.encode()).digest(length)


CASES = [
    ("plain", "media", "POST", "/process_data", b'{"payload":{"n":1}}', 200, b'{"response":{},"signature":""}'),
    ("no-body", "media", "GET", "/item/7", b"", 404, b'{"error":"not found"}'),
    ("utf8-path", "w", "POST", "/Z%C3%BCrich/%E2%82%AC", b'"\xe2\x82\xac"', 200, b"{}"),
    ("edge-256", "media", "POST", "/a", b"x" * 220, 200, b"y" * 248),
    ("edge-257", "media", "POST", "/a", b"x" * 221, 200, b"y" * 249),
    ("long", "media", "PUT", "/" + "p" * 200, b"z" * 5000, 503, b"q" * 4001),
]


def vectors():
    for name, app, method, path, body, status, answer_body in CASES:
        v = {"name": name, "app": app, "method": method, "path": path, "time_ms": 1764370000123,
             "data_secret": made(name + " data", 32), "sender_secret": made(name + " sender", 32),
             "nonce": made(name + " nonce", 24), "reply_key": made(name + " reply", 32), "body": body}
        v["data_key"] = public_of(v["data_secret"])
        v["envelope"] = seal_request(v)
        v["answer_key"] = answer_key(v["reply_key"], v["envelope"][:80])
        v["status"], v["answer_body"] = status, answer_body
        v["answer"] = seal_answer(v["answer_key"], made(name + " answer nonce", 24), status, answer_body)
        yield v


def write(to):
    for v in vectors():
        for key, value in v.items():
            to.write(f"{key} {(value.hex() or '-') if isinstance(value, bytes) else value}\n")
        to.write("\n")


def read(text):
    """The vectors of a file, with their values as they were."""
    for block in text.strip().split("\n\n"):
        v = dict(line.split(" ", 1) for line in block.splitlines())
        for key, value in v.items():
            if key in ("time_ms", "status"):
                v[key] = int(value)
            elif key not in ("name", "app", "method", "path"):
                v[key] = b"" if value == "-" else bytes.fromhex(value)
        yield v


if __name__ == "__main__":
    write(sys.stdout)
