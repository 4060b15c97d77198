"""The checker itself: right answers pass, and one wrong bit anywhere does not."""
import json
import os
import pathlib

import cbor2
import nacl.signing
import pytest

import nacre_check as check

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("NACRE_SHARED", ROOT.parent / "shared"))
VECTORS = SHARED / "vectors"

needs_vectors = pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no vectors at {VECTORS}")


def test_bcs_vectors():
    weather = {"intent": 0, "timestamp_ms": 1744038900000, "data": {"location": "San Francisco", "temperature": 13}}
    assert check.signed_bytes(weather, check.APPS["weather"][0]).hex() == (
        "0020b1d110960100000d53616e204672616e636973636f0d00000000000000")
    address = bytes.fromhex("101ce8865558e08408b83f60ee9e78843d03d547c850cbe12cb599e17833dd3e")
    twitter = {"intent": 0, "timestamp_ms": 1743989326143,
               "data": {"twitter_name": list(b"mystenintern"), "sui_address": list(address)}}
    assert check.signed_bytes(twitter, [("twitter_name", "bytes"), ("sui_address", "bytes")]).hex() == (
        "003f41dd0d960100000c6d797374656e696e7465726e20101ce8865558e08408b83f60ee9e78843d03d547c850cbe12cb599e17833dd3e")


@pytest.mark.parametrize("kind,value,expected", [
    ("bool", True, "01"), ("u8", 255, "ff"), ("u16", 258, "0201"), ("u64", 2**64 - 1, "ff" * 8),
    ("u128", str(2**127), "00" * 15 + "80"), ("u256", "1", "01" + "00" * 31), ("string", "ß", "02c39f"),
    (("option", "u8"), None, "00"), (("option", "u8"), 7, "0107"), (("vector", "u16"), [1, 2], "0201000200"),
    ("bytes", list(range(128)), "8001" + bytes(range(128)).hex()),
])
def test_bcs_kinds(kind, value, expected):
    assert check.bcs(kind, value).hex() == expected


@pytest.mark.parametrize("kind,value", [
    ("bool", 1), ("u8", 256), ("u8", -1), ("u8", True), ("u64", 1.5), ("u64", "1"), ("u128", 1), ("u128", "-1"),
    ("string", 5), ("bytes", [256]), ("address", [0] * 31), ([("a", "u8"), ("b", "u8")], {"b": 1, "a": 2}),
])
def test_bcs_refusals(kind, value):
    with pytest.raises(check.Refused):
        check.bcs(kind, value)


def signed(key, data):
    response = {"intent": 0, "timestamp_ms": 5, "data": data}
    message = check.signed_bytes(response, check.APPS["media"][0])
    return {"response": response, "signature": key.sign(message).signature.hex()}


def test_one_wrong_value_fails():
    key = nacl.signing.SigningKey.generate()
    answer = signed(key, {"media_hash": [1, 2], "metadata": "m"})
    check.verify_response(answer, bytes(key.verify_key), check.APPS["media"])
    for path, value in ((("timestamp_ms",), 6), (("data", "metadata"), "n"), (("data", "media_hash"), [1, 3])):
        bad = json.loads(json.dumps(answer))
        place = bad["response"]
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
        with pytest.raises(check.Refused, match="signature does not fit"):
            check.verify_response(bad, bytes(key.verify_key), check.APPS["media"])
    with pytest.raises(check.Refused, match="duplicate"):
        check.verify_response('{"response":{},"response":{},"signature":""}', bytes(32), check.APPS["media"])


@needs_vectors
def test_weather_vector_of_a_real_enclave():
    vector = json.loads((VECTORS / "signed-response-weather.json").read_text())
    raw = (VECTORS / "attestation" / vector["attestation"]).read_bytes()
    payload = check.verify_document(raw, None, vector["verify_at_ms"], check.AWS_ROOT_SHA256)
    assert payload["public_key"].hex() == vector["public_key"]
    for index, value in vector["pcrs"].items():
        assert payload["pcrs"][int(index)].hex() == value
    message = check.verify_response(vector["response"], payload["public_key"], check.APPS["weather"])
    assert message.hex() == vector["signed_bytes"]


def real_documents():
    index = VECTORS / "attestation" / "index.json"
    return json.loads(index.read_text()) if index.exists() else []


@needs_vectors
@pytest.mark.parametrize("entry", real_documents(), ids=lambda e: e["file"])
def test_real_documents(entry):
    raw = (VECTORS / "attestation" / entry["file"]).read_bytes()
    if entry["expect"] == "valid":
        payload = check.verify_document(raw, None, entry["time_ms"], check.AWS_ROOT_SHA256)
        assert payload["pcrs"][0].hex() == entry["pcr0"] and len(payload["pcrs"]) == entry["pcr_count"]
        with pytest.raises(check.Refused, match="not at"):
            check.verify_document(raw, None, entry["time_ms"] + 86_400_000, check.AWS_ROOT_SHA256)
    else:
        reason = {"bad-signature": "bad signature", "untrusted-root": "root is"}[entry["expect"]]
        with pytest.raises(check.Refused, match=reason):
            check.verify_document(raw, None, entry["time_ms"], check.AWS_ROOT_SHA256)


@needs_vectors
def test_one_wrong_bit_in_a_real_document():
    entry = next(e for e in real_documents() if e["expect"] == "valid" and e["public_key_len"] == "32")
    raw = (VECTORS / "attestation" / entry["file"]).read_bytes()
    protected, unprotected, payload, signature = cbor2.loads(raw)
    for bad in ([protected, unprotected, payload, signature[:-1] + bytes([signature[-1] ^ 1])],
                [protected, unprotected, payload.replace(b"SHA384", b"SHA385"), signature],
                [cbor2.dumps({1: -7}), unprotected, payload, signature],
                [protected, {1: 2}, payload, signature]):
        with pytest.raises(check.Refused):
            check.verify_document(cbor2.dumps(bad), None, entry["time_ms"], check.AWS_ROOT_SHA256)
    with pytest.raises(check.Refused, match="after its end"):
        check.verify_document(raw + b"\x00", None, entry["time_ms"], check.AWS_ROOT_SHA256)
