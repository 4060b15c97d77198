"""Cases about the certificates: who may sign, for how long, in which order, up to which root."""
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

import documents as d

HOUR = 3600 * 1000


def chain_with(position, **fields):
    """The default chain with fields of one certificate changed."""
    chain = d.default_chain()
    for field, value in fields.items():
        setattr(chain[position], field, value)
    return chain


def changed(position, **fields):
    return d.document(chain=chain_with(position, **fields))


def bundle(change):
    """The default document with its list of certificates changed before it is signed."""
    return d.document(change=lambda p: p.update(cabundle=change(p["cabundle"])))


def another_root():
    """A whole chain under a root of the same name with another key."""
    chain = d.default_chain()
    ders = d.issue(chain)
    impostor = d.Cert("test root", end=24 * 365, usage=("key_cert_sign",), signer="impostor")
    impostor.key = lambda: d.key("impostor")
    real_root = ders[0]
    forged = [real_root, d.der(chain[1].sign(impostor))]
    forged += [d.der(cert.sign(chain[i + 1])) for i, cert in enumerate(chain[2:])]
    return d.seal(d.encode(d.default_payload(forged)))


def der_sequence(*parts):
    body = b"".join(parts)
    size = len(body).to_bytes(2, "big")
    return b"\x30\x82" + size + body


def explicit_curve():
    """A leaf whose P-384 is spelled out in parameters. python3-cryptography makes no such key, openssl does."""
    chain = d.default_chain()
    issued = d.certificates(chain)
    leaf, issuer = issued[3], chain[2]
    named = leaf.public_key().public_bytes(d.serialization.Encoding.DER,
                                           d.serialization.PublicFormat.SubjectPublicKeyInfo)
    explicit = subprocess.run(["openssl", "ec", "-pubin", "-inform", "DER", "-param_enc", "explicit", "-pubout",
                               "-outform", "DER"], input=named, check=True, capture_output=True).stdout
    assert len(explicit) > len(named) and leaf.tbs_certificate_bytes.count(named) == 1
    tbs = der_sequence(leaf.tbs_certificate_bytes[4:].replace(named, explicit))
    signature = issuer.key().sign(tbs, ec.ECDSA(hashes.SHA384()))
    algorithm = bytes.fromhex("300a06082a8648ce3d040303")
    bits = b"\x03" + bytes([len(signature) + 1, 0]) + signature
    ders = [d.der(cert) for cert in issued[:3]] + [der_sequence(tbs, algorithm, bits)]
    return d.seal(d.encode(d.default_payload(ders)))


def long_chain(count):
    """Root, `count` - 2 intermediates, leaf."""
    chain = [d.default_chain()[0]]
    chain += [d.Cert(f"ca{i}") for i in range(count - 2)]
    return chain + [d.default_chain()[-1]]


def self_made(out):
    """A root with a path length of zero may sign leaves and nothing else."""
    root = d.Cert("short root", path_length=0, usage=("key_cert_sign",))
    leaf = d.default_chain()[-1]
    (out / "short.pem").write_bytes(d.pem(d.certificates([root])[0]))
    yield "good-root-and-leaf", (d.document(chain=[root, leaf]), "verified", "-", "-", {"root": "short.pem"})
    middle = d.Cert("middle")
    yield "root-path-length", (d.document(chain=[root, middle, leaf]), "refused", "chain",
                               "short root\" has a path length", {"root": "short.pem"})


def cases(out):
    bad = lambda check, text, data, **extra: (data, "refused", check, text, extra)
    good = lambda data, **extra: (data, "verified", "-", "-", extra)
    yield "good-chain-of-10", good(d.document(chain=long_chain(10)))
    yield "good-at-last-second", good(d.document(), time=d.TIME_MS // 1000 * 1000 + 3 * HOUR - 1)
    yield "good-at-first-second", good(d.document(), time=d.TIME_MS // 1000 * 1000 - HOUR)
    yield from self_made(out)

    yield "leaf-expired", bad("validity", "certificate \"test enclave\" expired at 2025-01-01T03:00:00.000Z",
                              d.document(), time=d.TIME_MS // 1000 * 1000 + 3 * HOUR)
    yield "leaf-early", bad("validity", "\"test enclave\" is not valid before 2024-12-31T23:00:00.000Z", d.document(),
                            time=d.TIME_MS // 1000 * 1000 - HOUR - 1)
    yield "middle-expired", bad("validity", "cabundle[1] \"test region\" expired at", changed(1, end=-0.5))
    yield "middle-early", bad("validity", "cabundle[2] \"test instance\" is not valid before", changed(2, start=1))
    yield "root-expired", bad("root", "cabundle[0]", changed(0, end=-0.5))

    yield "root-other-key", bad("root", "cabundle[0]", d.document(chain=[
        d.Cert("other root", usage=("key_cert_sign",))] + d.default_chain()[1:]))
    yield "root-same-name", bad("chain", "cabundle[1] \"test region\": certificate signature failure", another_root())
    yield "root-missing", bad("root", "cabundle[0]", bundle(lambda b: b[1:]))
    yield "root-of-aws", bad("root", "cabundle[0]", d.document(), root="-")

    yield "leaf-ca", bad("chain", "is a CA, expected an end entity", changed(3, ca=True))
    yield "leaf-no-key-usage", bad("chain", "\"test enclave\" has no key usage", changed(3, usage=None))
    yield "leaf-no-digital-signature", bad("chain", "without digitalSignature", changed(3, usage=("key_agreement",)))
    yield "leaf-cert-sign", bad("chain", "with keyCertSign", changed(3, usage=("digital_signature", "key_cert_sign")))
    yield "good-leaf-no-constraints", good(changed(3, ca=None))
    yield "middle-no-ca", bad("chain", "\"test instance\" is no CA", changed(2, ca=False, path_length=None))
    yield "middle-no-constraints", bad("chain", "\"test instance\" is no CA", changed(2, ca=None))
    yield "middle-no-key-usage", bad("chain", "\"test instance\" has no key usage", changed(2, usage=None))
    yield "middle-no-cert-sign", bad("chain", "without keyCertSign", changed(2, usage=("digital_signature",)))
    yield "middle-path-length", bad("chain", "\"test region\" has a path length below", changed(1, path_length=0))
    yield "unknown-critical", bad("chain", "unhandled critical extension", changed(2, extension=x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")))
    yield "name-constraints", bad("chain", "permitted subtree", changed(2, extension=x509.NameConstraints(
        [x509.DirectoryName(d.name("someone else"))], None)))

    yield "leaf-p256", bad("certificates", "certificate (the leaf) holds no key on the named curve",
                           d.document(chain=chain_with(3, curve=ec.SECP256R1()), signing_key=d.key("test enclave")))
    yield "middle-p521", bad("certificates", "cabundle[2] holds no key", changed(2, curve=ec.SECP521R1()))
    yield "leaf-explicit-curve", bad("certificates", "certificate (the leaf) holds no key on the named curve",
                                     explicit_curve())
    yield "leaf-sha256", bad("certificates", "is not signed by ecdsa-with-SHA384", changed(3, hash=hashes.SHA256()))
    yield "middle-sha512", bad("certificates", "cabundle[1] is not signed by", changed(1, hash=hashes.SHA512()))
    yield "leaf-no-der", bad("certificates", "is no X.509 certificate",
                             d.document(change=lambda p: p.update(certificate=b"\x30\x03\x02\x01\x00")))
    yield "leaf-trailing", bad("certificates", "followed by other bytes",
                               d.document(change=lambda p: p.update(certificate=p["certificate"] + b"\x00")))
    yield "middle-trailing", bad("certificates", "cabundle[2] is followed by other bytes",
                                 bundle(lambda b: b[:2] + [b[2] + b"\x00"]))

    yield "leaf-other-issuer", bad("chain", "\"test enclave\" is not issued by cabundle[2]",
                                   changed(3, issuer_cn="nobody"))
    yield "leaf-other-signer", bad("chain", "certificate \"test enclave\": certificate signature failure",
                                   changed(3, signer="nobody"))
    yield "middle-missing", bad("chain", "\"test enclave\" is not issued by", bundle(lambda b: b[:2]))
    yield "middle-swapped", bad("chain", "is not issued by", bundle(lambda b: [b[0], b[2], b[1]]))
    yield "middle-twice", bad("chain", "\"test instance\" is not issued by", bundle(lambda b: b + [b[2]]))
    yield "bundle-reversed", bad("root", "cabundle[0]", bundle(lambda b: b[::-1]))
    yield "bundle-stranger", bad("chain", "is not issued by", bundle(
        lambda b: b[:2] + [d.der(d.Cert("stranger").sign(d.Cert("stranger")))] + b[2:]))
    yield "leaf-is-root", bad("signature", "not made by", d.document(
        change=lambda p: p.update(certificate=p["cabundle"][0])))
    yield "leaf-of-another", bad("signature", "not made by", d.document(change=lambda p: p.update(
        certificate=d.der(d.Cert("neighbour", ca=False, usage=("digital_signature",)).sign(d.default_chain()[2])))))
