"""Writes documents of our own making and, for each, what must be said of it.

usage: make_documents.py OUT SHARED    (NACRE_SHARED in the environment goes before SHARED)

OUT/cases.list, one case a line, fields separated by tabs:
    file  root  time_ms  allow_debug  verdict  check  text
`check` is the first check that must fail, `text` a part of what it must have found; both "-" for a good document.
OUT/responses.list holds signed answers, OUT/shared-response.list the real one of SHARED.
OUT/shared.list holds the same for the real documents of SHARED/vectors/attestation, or is absent.
"""
import json
import os
import pathlib
import sys

import cbor2
import nacl.signing

import documents as d
import envelopes
import chains


def payload_cases():
    def setting(**fields):
        return lambda payload: payload.update(fields)

    def without(field):
        return lambda payload: {k: v for k, v in payload.items() if k != field}

    def pcrs(value):
        return d.document(change=setting(pcrs=value))

    bad = lambda check, text, data: (data, "refused", check, text)
    good = lambda data: (data, "verified", "-", "-")
    yield "good", good(d.document())
    yield "good-16-pcrs-indefinite", good(d.document(change=lambda p: d.Indefinite({**p, "pcrs": d.Indefinite(p["pcrs"])})))
    yield "good-17-pcrs", good(pcrs(d.default_pcrs(17)))
    yield "good-32-pcrs", good(pcrs(d.default_pcrs(32)))
    yield "good-null-fields", good(d.document(change=setting(public_key=None, user_data=None, nonce=None)))
    yield "good-absent-fields", good(d.document(change=lambda p: [p.pop(k) for k in ("public_key", "user_data", "nonce")] and p))
    yield "good-largest-fields", good(d.document(change=setting(public_key=bytes(1024), user_data=bytes(512), nonce=bytes(512))))
    yield "good-empty-fields", good(d.document(change=setting(public_key=b"", user_data=b"", nonce=b"")))
    yield "good-unknown-key", good(d.document(change=setting(later=[1, -2, {"a": None, b"b": [True, 1.5]}, cbor2.CBORTag(1, 2)])))
    yield "good-reordered", good(d.document(change=lambda p: dict(reversed(list(p.items())))))
    yield "good-indefinite-unknown", good(d.document(change=setting(later=d.Indefinite({"a": d.Indefinite({1: 2})}))))

    for field in ("module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"):
        yield "missing-" + field, bad("encoding", "payload has no " + field, d.document(change=without(field)))
    for field in ("public_key", "user_data", "nonce"):
        yield "text-" + field, bad("encoding", field, d.document(change=setting(**{field: "text"})))
    yield "public-key-1025", bad("encoding", "1025 bytes", d.document(change=setting(public_key=bytes(1025))))
    yield "user-data-513", bad("encoding", "513 bytes", d.document(change=setting(user_data=bytes(513))))
    yield "nonce-513", bad("encoding", "513 bytes", d.document(change=setting(nonce=bytes(513))))
    yield "module-id-empty", bad("encoding", "module_id has 0 bytes", d.document(change=setting(module_id="")))
    yield "module-id-long", bad("encoding", "module_id has 257 bytes", d.document(change=setting(module_id="m" * 257)))
    yield "module-id-escape", bad("encoding", "0x1b", d.document(change=setting(module_id="i-\x1b[2J")))
    yield "module-id-bytes", bad("encoding", "a byte string", d.document(change=setting(module_id=b"i-0")))
    yield "digest-sha256", bad("encoding", "expected \"SHA384\"", d.document(change=setting(digest="SHA256")))
    yield "timestamp-zero", bad("encoding", "timestamp is 0", d.document(change=setting(timestamp=0)))
    yield "timestamp-negative", bad("encoding", "a negative integer", d.document(change=setting(timestamp=-1)))
    yield "timestamp-year-10000", bad("encoding", "timestamp is", d.document(change=setting(timestamp=253402300800000)))
    yield "pcrs-15", bad("encoding", "no PCR15", pcrs(d.default_pcrs(15)))
    yield "pcrs-none", bad("encoding", "no PCR0", pcrs({}))
    yield "pcrs-33", bad("encoding", "PCR index is 32", pcrs(d.default_pcrs(33)))
    yield "pcrs-gap", bad("encoding", "no PCR3", pcrs({i: v for i, v in d.default_pcrs(17).items() if i != 3}))
    yield "pcrs-32-bytes", bad("encoding", "32 bytes", pcrs({**d.default_pcrs(), 4: bytes(32)}))
    yield "pcrs-text-index", bad("encoding", "PCR index", pcrs({**d.default_pcrs(), "16": bytes(48)}))
    yield "pcrs-array", bad("encoding", "an array, expected a map", pcrs([bytes(48)] * 16))
    yield "cabundle-empty", bad("encoding", "cabundle is empty", d.document(change=setting(cabundle=[])))
    yield "cabundle-10", bad("encoding", "more than 9", d.document(change=lambda p: p.update(cabundle=p["cabundle"] * 4)))
    yield "certificate-empty", bad("encoding", "0 bytes", d.document(change=setting(certificate=b"")))
    yield "certificate-large", bad("encoding", "1025 bytes", d.document(change=setting(certificate=bytes(1025))))
    yield "debug", bad("debug", "PCR0 is all zero", pcrs({i: bytes(48) for i in range(16)}))


def own_cases(out):
    root = "root.pem"
    certificate = d.certificates(d.default_chain())[0]
    (out / "root.pem").write_bytes(d.pem(certificate))
    (out / "root.der").write_bytes(d.der(certificate))
    groups = (payload_cases(), envelopes.cases(), chains.cases(out))
    for name, (data, verdict, check, text, *extra) in (case for group in groups for case in group):
        options = {"root": root, "time": d.TIME_MS, **(extra[0] if extra else {})}
        (out / (name + ".cbor")).write_bytes(data)
        yield (name + ".cbor", options["root"], options["time"], 0, verdict, check, text)
    yield ("debug.cbor", root, d.TIME_MS, 1, "verified", "-", "-")
    yield ("good.cbor", "-", d.TIME_MS, 0, "refused", "root", "cabundle[0], SHA-256")


def shared_cases(folder):
    verdicts = {"valid": ("verified", "-", "-"), "bad-signature": ("refused", "signature", "not made by"),
                "untrusted-root": ("refused", "root", "cabundle[0]")}
    day = 24 * 3600 * 1000
    for entry in json.loads((folder / "index.json").read_text()):
        file, time = str(folder / entry["file"]), entry["time_ms"]
        debug = entry["pcr0"] == "00" * 48
        verdict, check, text = verdicts[entry["expect"]]
        yield (file, "-", time, 1, verdict, check, text)
        if entry["expect"] == "valid":
            yield (file, "-", time + day, 1, "refused", "validity", '" expired at 20')
        if entry["expect"] == "valid" and debug:
            yield (file, "-", time, 0, "refused", "debug", "PCR0 is all zero")


def responses():
    """Signed answers by python3-nacl: key, intent, timestamp_ms, BCS, signature."""
    signer = nacl.signing.SigningKey(bytes(range(32)))
    for intent, time, data in ((0, d.TIME_MS, b"\x0dSan Francisco" + (13).to_bytes(8, "little")),
                                     (255, 2**64 - 1, b""), (7, 1, bytes(100000))):
        message = bytes([intent]) + time.to_bytes(8, "little") + data
        yield (bytes(signer.verify_key).hex(), intent, time, data.hex() or "-", signer.sign(message).signature.hex())


def shared_response(shared):
    """The weather answer that a real enclave signed: document, time to verify it at, key, intent, .. as above."""
    found = json.loads((shared / "vectors" / "signed-response-weather.json").read_text())
    response = found["response"]["response"]
    signed = bytes.fromhex(found["signed_bytes"])
    return (shared / "vectors" / "attestation" / found["attestation"], found["verify_at_ms"], found["public_key"],
            response["intent"], response["timestamp_ms"], signed[9:].hex(), found["response"]["signature"],
            *(found["pcrs"][str(i)] for i in range(3)))


def write(path, lines):
    path.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    write(out / "cases.list", list(own_cases(out)))
    write(out / "responses.list", list(responses()))
    for name in ("shared.list", "shared-response.list"):
        (out / name).unlink(missing_ok=True)
    shared = pathlib.Path(os.environ.get("NACRE_SHARED", sys.argv[2])).resolve()
    if (shared / "vectors" / "attestation" / "index.json").exists():
        write(out / "shared.list", list(shared_cases(shared / "vectors" / "attestation")))
        write(out / "shared-response.list", [shared_response(shared)])


main()
