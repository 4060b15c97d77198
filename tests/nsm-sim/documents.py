"""Checks an attestation document with python3-cbor2 and python3-cryptography alone."""

import datetime
import io

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

KEYS = ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle", "public_key", "user_data", "nonce"]


class BadDocument(Exception):
    pass


def require(condition, what):
    if not condition:
        raise BadDocument(what)


def loads_one(data):
    """One CBOR item and nothing behind it."""
    stream = io.BytesIO(data)
    item = cbor2.CBORDecoder(stream).decode()
    require(stream.read() == b"", "bytes behind the item")
    return item


def utc(seconds):
    return datetime.datetime.utcfromtimestamp(seconds)


def issued(child, parent):
    require(child.issuer == parent.subject, "issuer name")
    parent.public_key().verify(child.signature, child.tbs_certificate_bytes,
                               ec.ECDSA(child.signature_hash_algorithm))


def extension(cert, kind):
    return cert.extensions.get_extension_for_class(kind)


def check_chain(certs, root_pem, at):
    """certs run from the root down to the leaf."""
    trusted = x509.load_pem_x509_certificate(root_pem)
    require(certs[0] == trusted, "the root is not the trusted one")
    issued(certs[0], certs[0])
    for parent, child in zip(certs, certs[1:]):
        issued(child, parent)
    for depth, cert in enumerate(certs):
        require(cert.not_valid_before <= utc(at) <= cert.not_valid_after, "validity of certificate %d" % depth)
        require(cert.public_key().curve.name == "secp384r1", "curve")
        require(isinstance(cert.signature_hash_algorithm, hashes.SHA384), "hash")
        basic = extension(cert, x509.BasicConstraints)
        usage = extension(cert, x509.KeyUsage).value
        require(basic.critical, "basicConstraints are not critical")
        if cert is certs[-1]:
            require(not basic.value.ca and basic.value.path_length is None, "the leaf is a CA")
            require(usage.digital_signature and not usage.key_cert_sign, "key usage of the leaf")
        else:
            below = len(certs) - 2 - depth
            require(basic.value.ca and usage.key_cert_sign, "certificate %d is no CA" % depth)
            require(basic.value.path_length is None or basic.value.path_length >= below, "path length")


def check_signature(cose, key):
    require(isinstance(cose, list) and len(cose) == 4, "COSE_Sign1 is an array of 4")
    protected, unprotected, payload, signature = cose
    require(loads_one(protected) == {1: -35} and unprotected == {}, "headers")
    require(len(signature) == 96, "signature length")
    r, s = int.from_bytes(signature[:48], "big"), int.from_bytes(signature[48:], "big")
    key.verify(utils.encode_dss_signature(r, s), cbor2.dumps(["Signature1", protected, b"", payload]),
               ec.ECDSA(hashes.SHA384()))


def check(document, root_pem, tagged=False):
    """Returns the payload and the leaf certificate of a document that is right in every respect."""
    cose = loads_one(document)
    if tagged:
        require(isinstance(cose, cbor2.CBORTag) and cose.tag == 18, "tag 18")
        cose = cose.value
    require(isinstance(cose, list) and len(cose) == 4, "COSE_Sign1 is an array of 4")
    payload = loads_one(cose[2])
    require(list(payload) == KEYS, "keys of the payload")
    require(payload["digest"] == "SHA384", "digest")
    require(all(0 < len(der) <= 1024 for der in payload["cabundle"] + [payload["certificate"]]), "certificate size")
    certs = [x509.load_der_x509_certificate(der) for der in payload["cabundle"] + [payload["certificate"]]]
    check_chain(certs, root_pem, payload["timestamp"] / 1000)
    check_signature(cose, certs[-1].public_key())
    return payload, certs[-1]
