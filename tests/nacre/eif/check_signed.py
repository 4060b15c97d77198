"""Signed images, their signatures checked by `cryptography` and `cbor2`."""

import hashlib
import json
import subprocess

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from eif_parts import eif, good, lines, make_signer, refused
from eif_reader import SIGNATURE, measured, read, write

CURVES = {"prime256v1": (-7, 32, hashes.SHA256), "secp384r1": (-35, 48, hashes.SHA384), "secp521r1": (-36, 66, hashes.SHA512)}


def build(parts, target, cert, key, check=True):
    words = ("build", "--kernel", parts / "kernel", "--cmdline", "quiet", "--ramdisk", parts / "runtime.cpio.gz",
             "--app-ramdisk", parts / "app.cpio.gz", "--sign-cert", cert, "--sign-key", key, "-o", target)
    return lines(good(*words)) if check else refused(*words)


@pytest.fixture(scope="module")
def signed(parts):
    cert, key = make_signer(parts, "p384")
    return parts / "signed.eif", build(parts, parts / "signed.eif", cert, key), cert, key


@pytest.mark.parametrize("curve", sorted(CURVES))
def test_the_signature_is_over_pcr0(parts, tmp_path, curve):
    alg, half, digest = CURVES[curve]
    cert, key = make_signer(tmp_path, curve=curve)
    pcrs = build(parts, tmp_path / "i", cert, key)
    found = read((tmp_path / "i").read_bytes())
    assert found.sections[-1][0] == SIGNATURE and found.good_crc
    [entry] = cbor2.loads(found.sections[-1][2])
    assert sorted(entry) == ["signature", "signing_certificate"]
    assert bytes(entry["signing_certificate"]) == cert.read_bytes()
    protected, unprotected, payload, raw = cbor2.loads(bytes(entry["signature"]))
    assert cbor2.loads(protected) == {1: alg} and unprotected == {} and len(raw) == 2 * half
    assert cbor2.loads(payload) == {"register_index": 0, "register_value": list(bytes.fromhex(found.pcrs()[0]))}
    certificate = x509.load_pem_x509_certificate(cert.read_bytes())
    r, s = (int.from_bytes(part, "big") for part in (raw[:half], raw[half:]))
    certificate.public_key().verify(encode_dss_signature(r, s), cbor2.dumps(["Signature1", protected, b"", payload]),
                                    ec.ECDSA(digest()))
    assert pcrs[8] == measured(certificate.public_bytes(serialization.Encoding.DER))
    assert "good, over PCR0" in good("verify", tmp_path / "i")


def test_signing_changes_no_other_measurement_and_is_measured_again(parts, tmp_path, signed):
    path, pcrs, cert, key = signed
    again = build(parts, tmp_path / "again", cert, key)
    assert pcrs == again
    unsigned = lines(good("measure", "--kernel", parts / "kernel", "--cmdline", "quiet", "--ramdisk",
                          parts / "runtime.cpio.gz", "--app-ramdisk", parts / "app.cpio.gz"))
    assert {n: v for n, v in pcrs.items() if n != 8} == unsigned
    one, two = read(path.read_bytes()), read((tmp_path / "again").read_bytes())
    assert one.sections[:-1] == two.sections[:-1]


def test_signing_is_deterministic_or_says_that_it_is_not(parts, tmp_path, signed):
    path, _, cert, key = signed
    code, _, err = eif("build", "--kernel", parts / "kernel", "--cmdline", "quiet", "--ramdisk", parts / "runtime.cpio.gz",
                       "--app-ramdisk", parts / "app.cpio.gz", "--sign-cert", cert, "--sign-key", key, "-o", tmp_path / "i")
    assert code == 0
    assert ((tmp_path / "i").read_bytes() == path.read_bytes()) == ("random nonce" not in err)


def forge(signed, change, target):
    """The signed image with its signature section changed, and a CRC that fits."""
    found = read(signed[0].read_bytes())
    [entry] = cbor2.loads(found.sections[-1][2])
    section = change(entry, found)
    target.write_bytes(write([(kind, data) for kind, _, data in found.sections[:-1]] + [(SIGNATURE, section)]))


def cose(entry, change):
    parts = cbor2.loads(bytes(entry["signature"]))
    return cbor2.dumps([dict(entry, signature=list(cbor2.dumps(change(parts))))])


def other_pcr0(parts):
    return [parts[0], parts[1], cbor2.dumps({"register_index": 0, "register_value": [7] * 48}), parts[3]]


@pytest.mark.parametrize("change, word", [
    (lambda e, f: b"", "no CBOR"),
    (lambda e, f: cbor2.dumps([e]) + b"\0", "no CBOR"),
    (lambda e, f: cbor2.dumps([e])[:-1], "no CBOR"),
    (lambda e, f: cbor2.dumps([]), "not one signature"),
    (lambda e, f: cbor2.dumps([e, e]), "not one signature"),
    (lambda e, f: cbor2.dumps(e), "another type"),
    (lambda e, f: cbor2.dumps([{"signature": e["signature"]}]), "no 'signing_certificate'"),
    (lambda e, f: cbor2.dumps([{"signing_certificate": e["signing_certificate"]}]), "no 'signature'"),
    (lambda e, f: cbor2.dumps([dict(e, signing_certificate=bytes(e["signing_certificate"]))]), "no 'signing_certificate'"),
    (lambda e, f: cbor2.dumps([dict(e, signature=[256])]), "no 'signature'"),
    (lambda e, f: cbor2.dumps([dict(e, signing_certificate=[65] * 100)]), "no certificate in PEM"),
    (lambda e, f: cbor2.dumps([dict(e, signature=[1])]), "no COSE_Sign1"),
    (lambda e, f: cose(e, lambda c: c[:3]), "no COSE_Sign1"),
    (lambda e, f: cose(e, lambda c: [c[0], c[1], None, c[3]]), "no COSE_Sign1"),
    (lambda e, f: cose(e, lambda c: [cbor2.dumps({1: -7}), *c[1:]]), "protected header"),
    (lambda e, f: cose(e, lambda c: [cbor2.dumps({}), *c[1:]]), "protected header"),
    (lambda e, f: cose(e, other_pcr0), "another PCR0"),
    (lambda e, f: cose(e, lambda c: [*c[:3], bytes(96)]), "not made by"),
    (lambda e, f: cose(e, lambda c: [*c[:3], c[3] + b"\0"]), "97 bytes"),
    (lambda e, f: cose(e, lambda c: [*c[:3], c[3][48:] + c[3][:48]]), "not made by"),
    (lambda e, f: b"\x9b" + b"\xff" * 8, "no CBOR"),
    (lambda e, f: b"\x81" * 5000, "no CBOR"),
])
def test_a_bad_signature_is_refused_with_what_is_wrong(signed, tmp_path, change, word):
    forge(signed, change, tmp_path / "i")
    assert word in refused("verify", tmp_path / "i")
    code, _, err = eif("describe", "--json", tmp_path / "i")
    assert code == 1 and word in err


def test_a_tagged_cose_is_the_same(signed, tmp_path):
    forge(signed, lambda e, f: cose(e, lambda c: cbor2.CBORTag(18, c)), tmp_path / "i")
    assert "good, over PCR0" in good("verify", tmp_path / "i")


def test_another_ones_certificate_gives_another_pcr8(parts, signed, tmp_path):
    cert, _ = make_signer(tmp_path, "other")
    forge(signed, lambda e, f: cbor2.dumps([dict(e, signing_certificate=list(cert.read_bytes()))]), tmp_path / "i")
    assert "not made by" in refused("verify", tmp_path / "i")
    code, out, _ = eif("describe", "--json", tmp_path / "i")
    assert code == 1 and json.loads(out)["Measurements"]["PCR8"] != signed[1][8]


def test_keys_that_do_not_sign(parts, tmp_path):
    cert, key = make_signer(tmp_path, "one")
    _, other = make_signer(tmp_path, "two")
    assert "is not that of the certificate" in build(parts, tmp_path / "i", cert, other, check=False)
    assert "no certificate" in build(parts, tmp_path / "i", key, key, check=False)
    assert "no unencrypted private key" in build(parts, tmp_path / "i", cert, cert, check=False)
    subprocess.run(["openssl", "ec", "-in", key, "-aes256", "-passout", "pass:x", "-out", tmp_path / "locked"], check=True,
                   capture_output=True)
    assert "no unencrypted private key" in build(parts, tmp_path / "i", cert, tmp_path / "locked", check=False)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "r.key", "-out",
                    tmp_path / "r.pem", "-subj", "/CN=r"], check=True, capture_output=True)
    assert "type RSA" in build(parts, tmp_path / "i", tmp_path / "r.pem", tmp_path / "r.key", check=False)
    cert, key = make_signer(tmp_path, "k1", "secp256k1")
    assert "P-384" in build(parts, tmp_path / "i", cert, key, check=False)
    assert not (tmp_path / "i").exists()


def test_pcr8_is_the_certificates_der(signed):
    der = x509.load_pem_x509_certificate(signed[2].read_bytes()).public_bytes(serialization.Encoding.DER)
    assert signed[1][8] == hashlib.sha384(bytes(48) + hashlib.sha384(der).digest()).hexdigest()
