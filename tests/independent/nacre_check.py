#!/usr/bin/python3
"""Checks what a nacre enclave answers, with none of nacre's code: PyNaCl, cryptography and cbor2 only.

  nacre_check.py response ANSWER.json --app media [--key HEX | --document DOC]
  nacre_check.py document DOC --root ROOT.pem [--at MS] [--nonce HEX] [--plugin FILE.so] [--config-digest HEX]

ANSWER.json is the body of a signed answer, DOC the body of /get_attestation, its hex or the raw document.
Exit status 0 and one line a fact when all holds; 1 and the reason when not.
"""
import argparse
import datetime
import hashlib
import io
import json
import pathlib
import sys
import time

import cbor2
import nacl.exceptions
import nacl.signing
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

AWS_ROOT_SHA256 = "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"

# The signed struct of each app's routes, by intent: what a client or a contract knows about the app.
APPS = {
    "weather": {0: [("location", "string"), ("temperature", "u64")]},
    "media": {
        0: [("media_hash", "bytes"), ("metadata", "string")],
        1: [("report_hash", "bytes"), ("job_id", "string"), ("media_hash", "bytes"), ("verdict", "string")],
    },
    "mltraining": {
        0: [("model_blob_id", "string"), ("accuracy", "string"), ("final_loss", "string"), ("num_samples", "string")],
        1: [("request_sha256", "bytes"), ("config_sha256", "bytes"),
            ("data", ("vector", [("blob_id", "string"), ("sha256", "bytes"), ("rows", "u64")])),
            ("model_sha256", "bytes"), ("sealed_sha256", "bytes"), ("model_blob_id", "string"), ("buyer", "bytes"),
            ("seed", "u64"), ("train", [("rows", "u64"), ("accuracy", "string"), ("loss", "string")]),
            ("test", [("rows", "u64"), ("accuracy", "string"), ("loss", "string")])],
    },
    "sentinel": {
        1: [("agent_id", "string"), ("cost_per_message", "u64"), ("system_prompt", "string"), ("is_defeated", "bool"),
            ("creator", "address")],
        2: [("agent_id", "string"), ("success", "bool"), ("score", "u8"), ("attacker", "address"), ("nonce", "u64"),
            ("message_hash", "address"), ("agent_response", "string"), ("jury_response", "string"),
            ("fun_response", "string")],
    },
}


class Refused(Exception):
    """The input does not hold; the text says what and why."""


def need(condition, text):
    if not condition:
        raise Refused(text)


# ---- BCS ----------------------------------------------------------------------------------------------------------

INTEGERS = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "u128": 16, "u256": 32}


def uleb128(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def bcs(kind, value, where="data"):
    """BCS of a JSON value. kind: "u64", "string", ..., a list of fields (a struct), ("vector", T) or ("option", T)."""
    if isinstance(kind, list):
        need(isinstance(value, dict), f"{where}: expected an object")
        names = [name for name, _ in kind]
        need(list(value) == names, f"{where}: fields are {list(value)}, expected {names}")
        return b"".join(bcs(t, value[name], f"{where}.{name}") for name, t in kind)
    if isinstance(kind, tuple) and kind[0] == "vector":
        need(isinstance(value, list), f"{where}: expected an array")
        return uleb128(len(value)) + b"".join(bcs(kind[1], v, f"{where}[{i}]") for i, v in enumerate(value))
    if isinstance(kind, tuple) and kind[0] == "option":
        return b"\x00" if value is None else b"\x01" + bcs(kind[1], value, where)
    if kind == "bool":
        need(isinstance(value, bool), f"{where}: expected true or false")
        return bytes([value])
    if kind == "string":
        need(isinstance(value, str), f"{where}: expected a string")
        raw = value.encode("utf-8")
        return uleb128(len(raw)) + raw
    if kind in ("bytes", "address"):
        need(isinstance(value, list) and all(type(b) is int and 0 <= b <= 255 for b in value),
             f"{where}: expected an array of bytes")
        need(kind == "bytes" or len(value) == 32, f"{where}: an address has 32 bytes, this has {len(value)}")
        return (uleb128(len(value)) if kind == "bytes" else b"") + bytes(value)
    width = INTEGERS[kind]
    if width > 8:
        need(isinstance(value, str) and value.isascii() and value.isdigit(), f"{where}: expected a decimal string")
        value = int(value)
    need(type(value) is int and 0 <= value < 1 << (8 * width), f"{where}: {value!r} is no {kind}")
    return value.to_bytes(width, "little")


# ---- Signed answers -----------------------------------------------------------------------------------------------

def no_duplicates(pairs):
    names = [k for k, _ in pairs]
    need(len(set(names)) == len(names), f"duplicate key in {names}")
    return dict(pairs)


def parse_json(text):
    """JSON with exact integers, duplicate keys refused."""
    return json.loads(text, object_pairs_hook=no_duplicates, parse_float=str)


def signed_bytes(response, data_type):
    """The bytes under the signature: intent, timestamp, data."""
    need(list(response) == ["intent", "timestamp_ms", "data"], f"response holds {list(response)}")
    return (bcs("u8", response["intent"], "intent") + bcs("u64", response["timestamp_ms"], "timestamp_ms")
            + bcs(data_type, response["data"]))


def verify_response(answer, public_key, types):
    """Checks an answer (text or parsed) under a 32-byte key; types: {intent: fields}. Returns the signed bytes."""
    if isinstance(answer, (str, bytes)):
        answer = parse_json(answer)
    need(isinstance(answer, dict) and "response" in answer and "signature" in answer, "not a signed answer")
    response, signature = answer["response"], answer["signature"]
    need(isinstance(response, dict) and response.get("intent") in types,
         f"intent {response.get('intent')!r} is none of {sorted(types)}")
    need(isinstance(signature, str) and len(signature) == 128 and signature == signature.lower(),
         "signature is not 128 lower-case hex digits")
    message = signed_bytes(response, types[response["intent"]])
    try:
        nacl.signing.VerifyKey(bytes(public_key)).verify(message, bytes.fromhex(signature))
    except nacl.exceptions.BadSignatureError:
        raise Refused(f"signature does not fit key {bytes(public_key).hex()} over {message.hex()}") from None
    return message


# ---- Attestation documents ----------------------------------------------------------------------------------------

def cbor_once(raw, what):
    """One CBOR item and nothing after it."""
    stream = io.BytesIO(raw)
    try:
        item = cbor2.CBORDecoder(stream).decode()
    except Exception as e:  # cbor2 raises many kinds
        raise Refused(f"{what} is no CBOR: {e}") from None
    need(stream.tell() == len(raw), f"{what}: {len(raw) - stream.tell()} bytes after its end")
    return item


def verify_es384(certificate, signature_der, data, what, digest):
    key = certificate.public_key()
    need(isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp384r1", f"{what}: key is not P-384")
    try:
        key.verify(signature_der, data, ec.ECDSA(digest))
    except InvalidSignature:
        raise Refused(f"{what}: bad signature") from None


def valid_at(certificate, moment, what):
    def utc(name):
        value = getattr(certificate, name + "_utc", None)  # since cryptography 42
        return value or getattr(certificate, name).replace(tzinfo=datetime.timezone.utc)
    first, last = utc("not_valid_before"), utc("not_valid_after")
    need(first <= moment <= last, f"{what}: valid from {first} to {last}, not at {moment}")


def verify_chain(chain, moment):
    """chain: certificates from the root to the leaf. Every link's signature, name, dates and CA bit."""
    need(2 <= len(chain) <= 10, f"chain has {len(chain)} certificates")
    for i, cert in enumerate(chain):
        what = f"certificate {i} ({cert.subject.rfc4514_string()})"
        issuer = chain[max(i - 1, 0)]
        need(cert.issuer == issuer.subject, f"{what}: issuer is {cert.issuer.rfc4514_string()}")
        verify_es384(issuer, cert.signature, cert.tbs_certificate_bytes, what, cert.signature_hash_algorithm)
        valid_at(cert, moment, what)
        is_leaf = i == len(chain) - 1
        try:
            constraints = cert.extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            constraints = None
        need(is_leaf or (constraints is not None and constraints.ca), f"{what}: is no CA")
        need(not is_leaf or constraints is None or not constraints.ca, f"{what}: the leaf is a CA")
        if not is_leaf and constraints.path_length is not None:
            below = len(chain) - 2 - i
            need(below <= constraints.path_length, f"{what}: path length {constraints.path_length}, {below} CAs below")


def load_root(root):
    """Root as path to PEM, PEM or DER bytes, or certificate. Returns its SHA-256."""
    if isinstance(root, (str, pathlib.Path)):
        root = pathlib.Path(root).read_bytes()
    if isinstance(root, bytes):
        root = x509.load_pem_x509_certificate(root) if b"BEGIN" in root else x509.load_der_x509_certificate(root)
    return root.fingerprint(hashes.SHA256()).hex()


def verify_document(raw, root, now_ms=None, root_sha256=None):
    """Checks a document against a trusted root, at now_ms (default: now). Returns its payload as a dict."""
    moment = datetime.datetime.fromtimestamp((now_ms or time.time() * 1000) / 1000, datetime.timezone.utc)
    document = cbor_once(raw, "document")
    if isinstance(document, cbor2.CBORTag) and document.tag == 18:
        document = document.value
    need(isinstance(document, list) and len(document) == 4, "not a COSE_Sign1 array of four")
    protected, unprotected, payload_raw, signature = document
    need(isinstance(protected, bytes) and cbor_once(protected, "protected header") == {1: -35},
         f"protected header is {protected!r}, expected {{1: -35}} (ES384)")
    need(isinstance(unprotected, dict) and not unprotected, "unprotected header is not empty")
    need(isinstance(signature, bytes) and len(signature) == 96, "signature has not 96 bytes")
    payload = cbor_once(payload_raw, "payload")
    need(isinstance(payload, dict) and payload.get("digest") == "SHA384", "digest is not SHA384")
    pcrs = payload.get("pcrs")
    need(isinstance(pcrs, dict) and pcrs and all(isinstance(v, bytes) and len(v) == 48 for v in pcrs.values()),
         "pcrs are not a map of 48-byte values")

    bundle = [x509.load_der_x509_certificate(der) for der in payload["cabundle"]]
    leaf = x509.load_der_x509_certificate(payload["certificate"])
    trusted = root_sha256 or load_root(root)
    found = bundle[0].fingerprint(hashes.SHA256()).hex()
    need(found == trusted, f"root is {found}, trusted is {trusted}")
    verify_chain(bundle + [leaf], moment)

    to_be_signed = cbor2.dumps(["Signature1", protected, b"", payload_raw])
    r, s = int.from_bytes(signature[:48], "big"), int.from_bytes(signature[48:], "big")
    verify_es384(leaf, encode_dss_signature(r, s), to_be_signed, "document", hashes.SHA384())
    return payload


def pcr_of(digest):
    """A PCR that was extended once, from zero, with this digest."""
    return hashlib.sha384(bytes(48) + digest).digest()


def user_data(payload):
    """nacre's user_data, checked for form."""
    data = cbor_once(payload["user_data"], "user_data")
    sizes = {"plugin": 48, "config": 48, "secrets_key": 32, "data_key": 32}
    if isinstance(data, dict):
        sizes.update({name: 32 for name in ("secrets", "tls") if name in data})
    need(isinstance(data, dict) and set(data) == {"v", "app", *sizes} and data["v"] == 1 and isinstance(data["app"], str)
         and all(isinstance(data[k], bytes) and len(data[k]) == n for k, n in sizes.items()),
         f"user_data is {data!r}")
    return data


def check_measured(payload, plugin=None, config_digest=None):
    """PCR16 and PCR17 against user_data, and against a plugin's file and a config digest where given."""
    data = user_data(payload)
    for index, name in ((16, "plugin"), (17, "config")):
        need(payload["pcrs"].get(index) == pcr_of(data[name]),
             f"PCR{index} is {payload['pcrs'].get(index, b'').hex()}, {name} digest {data[name].hex()} gives "
             f"{pcr_of(data[name]).hex()}")
    if plugin is not None:
        found = hashlib.sha384(pathlib.Path(plugin).read_bytes()).digest()
        need(found == data["plugin"], f"{plugin} is {found.hex()}, attested is {data['plugin'].hex()}")
    if config_digest is not None:
        need(config_digest == data["config"], f"config is {config_digest.hex()}, attested is {data['config'].hex()}")
    return data


# ---- The command --------------------------------------------------------------------------------------------------

def read_document(path):
    """Raw bytes, hex, or the JSON of /get_attestation."""
    raw = pathlib.Path(path).read_bytes()
    try:
        text = raw.decode("ascii").strip()
        return bytes.fromhex(parse_json(text)["attestation"] if text.startswith("{") else text)
    except (UnicodeDecodeError, ValueError):
        return raw


def command_response(args):
    answer = parse_json(pathlib.Path(args.file).read_text("utf-8"))
    if args.document:
        key = cbor_once(cbor_once(read_document(args.document), "document")[2], "payload")["public_key"]
        print(f"key from document  {key.hex()} (check the document too)")
    else:
        need(args.key, "give --key or --document")
        key = bytes.fromhex(args.key)
    message = verify_response(answer, key, APPS[args.app])
    print(f"signed bytes       {message.hex()}")
    print(f"signature          good, by {key.hex()}, intent {message[0]}, "
          f"timestamp_ms {int.from_bytes(message[1:9], 'little')}")


def command_document(args):
    root_sha256 = AWS_ROOT_SHA256 if args.root == "aws" else None
    payload = verify_document(read_document(args.file), args.root, args.at, root_sha256)
    print(f"document           good, module {payload['module_id']}, timestamp {payload['timestamp']}")
    print(f"checked at         {args.at or 'now'}")
    if payload.get("public_key"):
        print(f"public_key         {payload['public_key'].hex()}")
    if args.nonce:
        need(payload.get("nonce") == bytes.fromhex(args.nonce), f"nonce is {payload.get('nonce')!r}")
        print(f"nonce              {args.nonce}")
    for index, value in sorted(payload["pcrs"].items()):
        if any(value):
            print(f"PCR{index:<15} {value.hex()}")
    if args.plugin or args.config_digest:
        config = bytes.fromhex(args.config_digest) if args.config_digest else None
        data = check_measured(payload, args.plugin, config)
        print(f"user_data          app {data['app']}, PCR16 and PCR17 fit plugin and configuration")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    response = commands.add_parser("response", help="check a signed answer")
    response.add_argument("file")
    response.add_argument("--app", required=True, choices=sorted(APPS))
    response.add_argument("--key", help="32 bytes in hex")
    response.add_argument("--document", help="take the key from this attestation document")
    document = commands.add_parser("document", help="check an attestation document")
    document.add_argument("file")
    document.add_argument("--root", required=True, help="PEM file, or 'aws' for AWS Nitro Enclaves Root-G1")
    document.add_argument("--at", type=int, help="milliseconds since 1970, for documents of the past")
    document.add_argument("--nonce", help="hex")
    document.add_argument("--plugin", help="the .so that must have been measured")
    document.add_argument("--config-digest", help="hex of SHA-384")
    args = parser.parse_args()
    try:
        {"response": command_response, "document": command_document}[args.command](args)
    except Refused as e:
        print(f"REFUSED: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
