"""Attestation documents of our own making: python3-cryptography and python3-cbor2 sign and encode, the library judges.

Every knob has the value a good document has; a case turns one of them. Names follow the NSM's payload.
"""
import dataclasses
import datetime
import functools
import hashlib
import typing

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

TIME_MS = 1_735_689_600_123  # 2025-01-01T00:00:00.123Z
TIME = datetime.datetime(2025, 1, 1)
P384 = ec.SECP384R1()
SHA384 = hashes.SHA384()
ROOTS = {}
ES384_HEADER = cbor2.dumps({1: -35})


def hours(n):
    return TIME + datetime.timedelta(hours=n)


def key(seed, curve=None):
    """The same key for the same seed: nothing here is secret, and runs can be compared."""
    curve = curve or ec.SECP384R1()
    number = int.from_bytes(hashlib.sha512(seed.encode()).digest(), "big")
    return ec.derive_private_key(number % (1 << (curve.key_size - 1)) + 1, curve)


def name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def key_usage(*set_bits):
    bits = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
            "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{bit: bit in set_bits for bit in bits})


@dataclasses.dataclass
class Cert:
    """One certificate. `ca` None leaves basic constraints out, `usage` None key usage."""
    cn: str
    ca: typing.Optional[bool] = True
    path_length: typing.Optional[int] = None
    usage: typing.Optional[tuple] = ("key_cert_sign",)
    start: float = -1
    end: float = 24
    curve: ec.EllipticCurve = P384
    hash: hashes.HashAlgorithm = SHA384
    issuer_cn: typing.Optional[str] = None
    signer: typing.Optional[str] = None
    extension: typing.Optional[x509.ExtensionType] = None

    def key(self):
        return key(self.cn, self.curve)

    def sign(self, issuer):
        signer = key(self.signer) if self.signer else issuer.key()
        builder = (x509.CertificateBuilder().subject_name(name(self.cn))
                   .issuer_name(name(self.issuer_cn or issuer.cn)).public_key(self.key().public_key())
                   .serial_number(int.from_bytes(hashlib.sha1(self.cn.encode()).digest()[:8], "big") + 1)
                   .not_valid_before(hours(self.start)).not_valid_after(hours(self.end)))
        if self.ca is not None:
            builder = builder.add_extension(x509.BasicConstraints(self.ca, self.path_length), critical=True)
        if self.usage is not None:
            builder = builder.add_extension(key_usage(*self.usage), critical=True)
        if self.extension is not None:
            builder = builder.add_extension(self.extension, critical=True)
        return builder.sign(signer, self.hash)


@functools.lru_cache(maxsize=None)
def root_of(text):
    """A root is signed once: signatures are random, and roots are compared as bytes."""
    cert = ROOTS[text]
    return cert.sign(cert)


def der(cert):
    return cert.public_bytes(serialization.Encoding.DER)


def pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM)


def default_chain():
    """Root, two intermediates, leaf: the shape of AWS's chain, one shorter."""
    return [Cert("test root", end=24 * 365, usage=("key_cert_sign", "crl_sign", "digital_signature")),
            Cert("test region", path_length=1), Cert("test instance", path_length=0),
            Cert("test enclave", ca=False, usage=("digital_signature",), end=3)]


def certificates(chain):
    """The root down to the leaf, each signed by the one before."""
    ROOTS[repr(chain[0])] = chain[0]
    return [root_of(repr(chain[0]))] + [cert.sign(chain[i]) for i, cert in enumerate(chain[1:])]


def issue(chain):
    """DER from the root down to the leaf."""
    return [der(cert) for cert in certificates(chain)]


def default_pcrs(count=16):
    return {i: (hashlib.sha384(bytes([i])).digest() if i < 5 else bytes(48)) for i in range(count)}


def default_payload(ders):
    return {"module_id": "i-0123456789abcdef0-enc0123456789abcdef", "digest": "SHA384", "timestamp": TIME_MS,
            "pcrs": default_pcrs(), "certificate": ders[-1], "cabundle": ders[:-1],
            "public_key": bytes(range(32)), "user_data": b"user data", "nonce": b"nonce"}


class Indefinite(dict):
    """Encoded as a map of indefinite length."""


def encode(value):
    if isinstance(value, Indefinite):
        return b"\xbf" + b"".join(encode(k) + encode(v) for k, v in value.items()) + b"\xff"
    if isinstance(value, dict):
        head = cbor2.dumps(len(value))
        return bytes([head[0] | 0xA0]) + head[1:] + b"".join(encode(k) + encode(v) for k, v in value.items())
    return cbor2.dumps(value)


def sign(signing_key, payload, protected=ES384_HEADER, hash_algorithm=None):
    message = cbor2.dumps(["Signature1", protected, b"", payload])
    pair = decode_dss_signature(signing_key.sign(message, ec.ECDSA(hash_algorithm or hashes.SHA384())))
    size = (signing_key.curve.key_size + 7) // 8
    return b"".join(part.to_bytes(size, "big") for part in pair)


def seal(payload, signing_key=None, protected=ES384_HEADER, **options):
    """COSE_Sign1 around payload bytes."""
    signing_key = signing_key or key("test enclave")
    return cbor2.dumps([protected, {}, payload, sign(signing_key, payload, protected, **options)])


def document(chain=None, change=None, **options):
    """A document whose chain or payload `change` may alter."""
    chain = chain or default_chain()
    payload = default_payload(issue(chain))
    if change is not None:
        payload = change(payload) or payload
    options.setdefault("signing_key", chain[-1].key())
    return seal(encode(payload), **options)
