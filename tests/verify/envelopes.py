"""Cases about the COSE_Sign1 envelope and the CBOR inside it."""
import cbor2

import documents as d


def parts():
    return cbor2.loads(d.document())


def joined(protected, unprotected, payload, signature, head=b"\x84", tail=b""):
    """The four parts, each already encoded."""
    return head + protected + unprotected + payload + signature + tail


def encoded_parts():
    return [cbor2.dumps(part) for part in parts()]


def duplicate_key(first, second):
    ders = d.issue(d.default_chain())
    payload = d.default_payload(ders)
    entries = list(payload.items()) + [(first, second)]
    return d.seal(b"\xaa" + b"".join(d.encode(k) + d.encode(v) for k, v in entries))


def duplicate_pcr():
    payload = d.default_payload(d.issue(d.default_chain()))
    pcrs = b"\xb1" + b"".join(d.encode(k) + d.encode(v) for k, v in [*d.default_pcrs().items(), (3, bytes(48))])
    fields = {**payload}
    fields.pop("pcrs")
    body = b"".join(d.encode(k) + d.encode(v) for k, v in fields.items()) + d.encode("pcrs") + pcrs
    return d.seal(b"\xa9" + body)


def chunked_nonce():
    payload = d.default_payload(d.issue(d.default_chain()))
    payload.pop("nonce")
    body = b"".join(d.encode(k) + d.encode(v) for k, v in payload.items())
    return d.seal(b"\xa9" + body + d.encode("nonce") + b"\x5f\x42no\x43nce\xff")


def long_length():
    """The nonce's length in two bytes where one is enough."""
    payload = d.default_payload(d.issue(d.default_chain()))
    payload.pop("nonce")
    body = b"".join(d.encode(k) + d.encode(v) for k, v in payload.items())
    return d.seal(b"\xa9" + body + d.encode("nonce") + b"\x58\x05nonce")


def deep(levels):
    payload = d.default_payload(d.issue(d.default_chain()))
    body = b"".join(d.encode(k) + d.encode(v) for k, v in payload.items())
    return d.seal(b"\xaa" + body + d.encode("later") + b"\x81" * levels + b"\x00")


def other_signature(change):
    protected, unprotected, payload, signature = parts()
    return cbor2.dumps([protected, unprotected, payload, change(signature)])


def cases():
    bad = lambda check, text, data: (data, "refused", check, text)
    protected, unprotected, payload, signature = encoded_parts()
    raw_protected, _, raw_payload, raw_signature = parts()
    yield "good-tag-18", (b"\xd2" + d.document(), "verified", "-", "-")
    yield "good-deep-8", (deep(8), "verified", "-", "-")

    yield "empty", bad("encoding", "is cut off", b"")
    yield "text", bad("encoding", "COSE_Sign1", b"<html>not found</html>")
    yield "tag-17", bad("encoding", "COSE_Sign1", b"\xd1" + d.document())
    yield "tag-18-twice", bad("encoding", "COSE_Sign1", b"\xd2\xd2" + d.document())
    yield "trailing-byte", bad("encoding", "followed by 1 bytes", d.document() + b"\x00")
    yield "two-documents", bad("encoding", "followed by", d.document() * 2)
    yield "too-large", bad("encoding", "the limit is 16384", d.document() + bytes(16384))
    yield "array-of-3", bad("encoding", "expected an array of 4", cbor2.dumps(parts()[:3]))
    yield "array-of-5", bad("encoding", "expected an array of 4", cbor2.dumps(parts() + [0]))
    yield "array-indefinite", bad("encoding", "expected an array of 4",
                                  joined(protected, unprotected, payload, signature, b"\x9f", b"\xff"))
    yield "map-around", bad("encoding", "a map", cbor2.dumps({1: parts()}))
    yield "unprotected-filled", bad("encoding", "unprotected header is not the empty map",
                                    joined(protected, cbor2.dumps({4: b"kid"}), payload, signature))
    yield "unprotected-indefinite", bad("encoding", "unprotected header is not the empty map",
                                        joined(protected, b"\xbf\xff", payload, signature))
    yield "unprotected-array", bad("encoding", "unprotected header", joined(protected, b"\x80", payload, signature))
    yield "protected-text", bad("encoding", "protected header", joined(b"\x64abcd", unprotected, payload, signature))
    yield "head-not-shortest", bad("encoding", "has a head of 3 bytes where 2 are enough",
                                   joined(protected, unprotected, payload, b"\x59\x00\x60" + raw_signature))
    yield "tag-not-shortest", bad("encoding", "has a head of 2 bytes", b"\xd8\x12" + d.document())
    yield "payload-nil", bad("encoding", "null", joined(protected, unprotected, b"\xf6", signature))
    yield "payload-array", bad("encoding", "payload", d.seal(cbor2.dumps([1])))
    yield "payload-trailing", bad("encoding", "payload is followed by 1 bytes", d.seal(raw_payload + b"\x00"))
    yield "payload-cut", bad("encoding", "cut off", d.seal(raw_payload[:-1]))
    yield "payload-key-number", bad("encoding", "payload key", d.document(change=lambda p: p.update({7: 8})))
    yield "duplicate-nonce", bad("encoding", "payload key 8 comes again as key 9", duplicate_key("nonce", b"other"))
    yield "duplicate-pcr", bad("encoding", "PCR3 comes twice", duplicate_pcr())
    yield "chunked-nonce", bad("encoding", "in chunks", chunked_nonce())
    yield "long-length", bad("encoding", "has a head of 2 bytes where 1 are enough", long_length())
    yield "deep-9", bad("encoding", "nested more than 8 deep", deep(9))
    yield "duplicate-unknown", bad("encoding", "comes again", d.seal(
        b"\xab" + b"".join(d.encode(k) + d.encode(v) for k, v in
                           [*cbor2.loads(raw_payload).items(), ("later", 1), ("later", 2)])))
    yield "many-keys", bad("encoding", "more than 32 keys",
                           d.document(change=lambda p: p.update({f"later{i}": i for i in range(24)})))

    for label, header in (("es256", {1: -7}), ("eddsa", {1: -8}), ("crit", {1: -35, 2: [7]}), ("empty", {}),
                          ("label-3", {3: -35}), ("positive", {1: 34})):
        yield "protected-" + label, bad("encoding", "protected header", d.document(protected=cbor2.dumps(header)))
    yield "protected-trailing", bad("encoding", "protected header is followed",
                                    d.document(protected=d.ES384_HEADER + b"\x00"))
    yield "protected-zero-length", bad("encoding", "protected header", d.document(protected=b""))

    yield "signature-95", bad("encoding", "signature has 95 bytes", other_signature(lambda s: s[:95]))
    yield "signature-97", bad("encoding", "signature has 97 bytes", other_signature(lambda s: s + b"\x00"))
    yield "signature-zero", bad("signature", "not made by", other_signature(lambda s: bytes(96)))
    yield "signature-r-zero", bad("signature", "not made by", other_signature(lambda s: bytes(48) + s[48:]))
    yield "signature-s-zero", bad("signature", "not made by", other_signature(lambda s: s[:48] + bytes(48)))
    yield "signature-ff", bad("signature", "not made by", other_signature(lambda s: b"\xff" * 96))
    yield "signature-swapped", bad("signature", "not made by", other_signature(lambda s: s[48:] + s[:48]))
    yield "signature-other-key", bad("signature", "not made by", d.document(signing_key=d.key("someone else")))
    yield "signature-issuer-key", bad("signature", "not made by", d.document(signing_key=d.key("test instance")))
    yield "signature-sha256", bad("signature", "not made by",
                                  d.document(hash_algorithm=d.hashes.SHA256()))
