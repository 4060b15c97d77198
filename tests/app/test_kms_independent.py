"""
What asks KMS, against other implementations: signatures by AWS's published test suite and by botocore, CMS by OpenSSL's
command line and by python3-cryptography's primitives, the stub by botocore as a client.
"""
import base64
import datetime
import json
import os
import pathlib
import socket
import subprocess
import sys

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.x509.oid import NameOID

OUT = pathlib.Path(os.environ["NACRE_OUT"])
SOURCE = pathlib.Path(os.environ["NACRE_SOURCE"])
PROBE = OUT / "tests" / "kms_probe"

# The example of AWS's Signature Version 4 test suite (aws-sig-v4-test-suite, published with the "Signature Version 4
# Signing Process" of the AWS General Reference; also in botocore's tests/unit/auth/aws4_testsuite).
ID, SECRET, DATE = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830T123600Z"
TOKEN = ("AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwth"
         "Ax7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY"
         "9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==")
HOSTED = (("host", "example.amazonaws.com"), ("x-amz-date", DATE))
SUITE = {
    "get-vanilla": ("GET", "/", "", "", HOSTED, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "get-vanilla-query-order-key-case": ("GET", "/", "Param1=value1&Param2=value2", "", HOSTED,
                                         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
    "post-vanilla": ("POST", "/", "", "", HOSTED, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    "post-header-key-sort": ("POST", "/", "", "", (HOSTED[0], ("my-header1", "value1"), HOSTED[1]),
                             "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
    "post-sts-header-before": ("POST", "/", "", "", (*HOSTED, ("x-amz-security-token", TOKEN)),
                               "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"),
    "post-x-www-form-urlencoded": ("POST", "/", "", "Param1=value1",
                                   (("content-type", "application/x-www-form-urlencoded"), *HOSTED),
                                   "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
}


def probe(*words, stdin=b""):
    done = subprocess.run([str(PROBE), *map(str, words)], input=stdin, capture_output=True, timeout=60, check=True)
    return done.stdout.decode().strip()


def sign(method, path, query, body, headers, region="us-east-1", service="service", date=DATE):
    return probe("sign", region, service, date, ID, SECRET, method, path, query, body, *[x for pair in headers for x in pair])


@pytest.mark.parametrize("case", SUITE)
def test_the_published_suite(case):
    method, path, query, body, headers, signature = SUITE[case]
    names = ";".join(name for name, _ in headers)
    assert sign(method, path, query, body, headers) == (
        f"AWS4-HMAC-SHA256 Credential={ID}/20150830/us-east-1/service/aws4_request, SignedHeaders={names}, "
        f"Signature={signature}")


def test_the_example_of_the_documentation():
    """IAM's ListUsers, as "Signature Version 4 Signing Process" of the AWS General Reference goes through it."""
    headers = (("content-type", "application/x-www-form-urlencoded; charset=utf-8"), ("host", "iam.amazonaws.com"),
               ("x-amz-date", DATE))
    said = sign("GET", "/", "Action=ListUsers&Version=2010-05-08", "", headers, service="iam")
    assert said.endswith("Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("body", ["{}", '{"CiphertextBlob":"' + "A" * 5000 + '"}'])
def test_botocore_signs_the_same(token, body):
    auth = pytest.importorskip("botocore.auth")
    from botocore.awsrequest import AWSRequest  # pylint: disable=import-outside-toplevel
    from botocore.credentials import Credentials  # pylint: disable=import-outside-toplevel
    request = AWSRequest("POST", "https://kms.eu-central-1.amazonaws.com/", data=body, headers={
        "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.Decrypt"})
    auth.SigV4Auth(Credentials(ID, SECRET, token), "kms", "eu-central-1").add_auth(request)
    headers = [("content-type", "application/x-amz-json-1.1"), ("host", "kms.eu-central-1.amazonaws.com"),
               ("x-amz-date", request.headers["X-Amz-Date"]), ("x-amz-target", "TrentService.Decrypt")]
    if token:
        headers.insert(3, ("x-amz-security-token", token))
    assert sign("POST", "/", "", body, headers, region="eu-central-1", service="kms",
                date=request.headers["X-Amz-Date"]) == request.headers["Authorization"]


# ---- CMS ----

@pytest.fixture(scope="module", name="key")
def make_key(tmp_path_factory):
    path = tmp_path_factory.mktemp("kms") / "key.pem"
    spki = bytes.fromhex(probe("key", path))
    return path, serialization.load_der_public_key(spki), spki


def tlv(tag, *parts):
    body = b"".join(parts)
    length = bytes([len(body)]) if len(body) < 128 else (
        lambda n: bytes([0x80 | len(n)]) + n)(len(body).to_bytes((len(body).bit_length() + 7) // 8, "big"))
    return bytes([tag]) + length + body


def indefinite(tag, *parts):
    return bytes([tag, 0x80]) + b"".join(parts) + b"\0\0"


def oid(text):
    numbers = [int(n) for n in text.split(".")]
    out = bytes([numbers[0] * 40 + numbers[1]])
    for n in numbers[2:]:
        part = [n & 127]
        while n := n >> 7:
            part.insert(0, 128 | (n & 127))
        out += bytes(part)
    return tlv(6, out)


NULL = b"\5\0"
SHA256 = tlv(0x30, oid("2.16.840.1.101.3.4.2.1"), NULL)
ENVELOPED, DATA = oid("1.2.840.113549.1.7.3"), oid("1.2.840.113549.1.7.1")
OAEP = tlv(0x30, oid("1.2.840.113549.1.1.7"), tlv(0x30, tlv(0xA0, SHA256), tlv(
    0xA1, tlv(0x30, oid("1.2.840.113549.1.1.8"), SHA256))))
AES = {32: oid("2.16.840.1.101.3.4.1.42"), 16: oid("2.16.840.1.101.3.4.1.2")}


def envelope(public, content, ber=True, size=32, oaep=OAEP, algorithm=hashes.SHA256, pad=True, chunk=1000, kind=ENVELOPED,
             recipients=1):
    """EnvelopedData by hand: RFC 5652 on one side, python3-cryptography's RSA and AES on the other."""
    secret, iv = os.urandom(size), os.urandom(16)
    fill = 16 - len(content) % 16
    plain = content + bytes([fill]) * fill if pad else content
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
    sealed = encryptor.update(plain) + encryptor.finalize()
    wrapped = public.encrypt(secret, padding.OAEP(padding.MGF1(algorithm()), algorithm(), None))
    recipient = tlv(0x30, b"\2\1\2", tlv(0x80, os.urandom(20)), oaep, tlv(4, wrapped))
    cipher = tlv(0x30, AES[size], tlv(4, iv))
    pieces = [tlv(4, sealed[i:i + chunk]) for i in range(0, len(sealed), chunk)]
    build = indefinite if ber else tlv
    body = indefinite(0xA0, *pieces) if ber else tlv(0x80, sealed)
    return build(0x30, kind, build(0xA0, build(0x30, b"\2\1\2", tlv(0x31, recipient * recipients),
                                               build(0x30, DATA, cipher, body))))


@pytest.mark.parametrize("size", [1, 15, 16, 41, 4096])
@pytest.mark.parametrize("ber", [True, False])
def test_envelopes_of_another_implementation(key, size, ber):
    content = os.urandom(size)
    assert probe("open", key[0], stdin=envelope(key[1], content, ber)) == content.hex()


def test_envelopes_of_openssl_cms(key, tmp_path):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "recipient")])
    now = datetime.datetime(2025, 1, 1)
    signer = rsa.generate_private_key(65537, 2048)
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key[1]).serial_number(1)
            .not_valid_before(now).not_valid_after(now.replace(year=2045))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key[1]), False).sign(signer, hashes.SHA256()))
    (tmp_path / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    made = subprocess.run(["openssl", "cms", "-encrypt", "-binary", "-stream", "-aes256", "-outform", "DER", "-keyid", "-recip",
                           str(tmp_path / "cert.pem"), "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256",
                           "-keyopt", "rsa_mgf1_md:sha256"], input=b'{"a":"b"}', capture_output=True, check=True, timeout=60)
    assert b"\x30\x80" in made.stdout[:4]
    assert probe("open", key[0], stdin=made.stdout) == b'{"a":"b"}'.hex()


def test_hostile_envelopes(key):
    good = envelope(key[1], b'{"a":"b"}')
    other = rsa.generate_private_key(65537, 2048).public_key()
    sha1 = tlv(0x30, oid("1.2.840.113549.1.1.7"), tlv(0x30))
    cases = {
        "it is not CMS": [b"", b"\x30", b"\x30\x80", os.urandom(500), good[:-60], b"\x30" * 5000, good.replace(DATA, b"\6\x7f")],
        "something behind": [good + b"\0", good + good],
        "not EnvelopedData": [envelope(key[1], b"{}", kind=oid("1.2.840.113549.1.7.2")), tlv(0x30, DATA, tlv(
            0xA0, tlv(4, b"{}")))],
        "exactly one recipient": [envelope(key[1], b"{}", recipients=2), envelope(key[1], b"{}", recipients=0)],
        "RSAES-OAEP with SHA-256": [envelope(key[1], b"{}", oaep=sha1, algorithm=hashes.SHA1),
                                    envelope(key[1], b"{}", oaep=tlv(0x30, oid("1.2.840.113549.1.1.1"), NULL))],
        "this run's key": [envelope(other, b"{}"), envelope(key[1], b"{}", algorithm=hashes.SHA384)],
        "AES-256-CBC": [envelope(key[1], b"{}", size=16)],
        "cannot be decrypted": [envelope(key[1], b"x" * 16, pad=False)],
        "too long": [envelope(key[1], b"x" * 70000)],
    }
    for reason, inputs in cases.items():
        for data in inputs:
            said = probe("open", key[0], stdin=data)
            assert said.startswith("! what KMS encrypted") and (reason in said or reason == "not EnvelopedData"), (
                reason, data.hex()[:80], said)
    for at in range(0, len(good), 7):  # nothing but a reason, or the content with other bytes of its own
        said = probe("open", key[0], stdin=good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1:])
        assert said.startswith("! ") or len(said) < 64, said


def test_answers_are_read_strictly():
    cms, arn = b"\x30\x80abc", "arn:aws:kms:eu-central-1:1:key/7-8"
    text = base64.b64encode(cms).decode()
    good = {"CiphertextForRecipient": text, "KeyId": arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT", "More": [1, {}]}
    for wanted in (arn, "7-8"):
        assert probe("answer", wanted, stdin=json.dumps(good).encode()) == cms.hex()
    for data, reason in (
            (b"", "not the JSON"), (b"[]", "not the JSON"), (json.dumps(good).encode()[:-1], "not the JSON"),
            (json.dumps(good).encode() + b"x", "not the JSON"), (b'{"KeyId":"a","KeyId":"b"}', "not the JSON"),
            (json.dumps(dict(good, KeyId=5)).encode(), "not the JSON"),
            (json.dumps({"KeyId": arn, "Plaintext": text}).encode(), "no CiphertextForRecipient"),
            (json.dumps({"CiphertextForRecipient": text}).encode(), "no KeyId"),
            (json.dumps(dict(good, KeyId=arn + "9")).encode(), "another key"),
            (json.dumps(dict(good, KeyId="7-8\0")).encode(), "another key"),
            (json.dumps(dict(good, CiphertextForRecipient="a b")).encode(), "base64"),
            (json.dumps(dict(good, CiphertextForRecipient="A" * 40000)).encode(), "base64")):
        said = probe("answer", arn, stdin=data)
        assert said.startswith("! ") and reason in said, (data[:80], said)


# ---- The stub ----

@pytest.fixture(scope="module", name="stub")
def start_stub(tmp_path_factory):
    sys.path.insert(0, str(SOURCE / "tests" / "e2e"))
    import kms  # pylint: disable=import-outside-toplevel
    home = tmp_path_factory.mktemp("stub")
    simulator = subprocess.Popen([str(OUT / "bin" / "nacre-nsm-sim"), "--socket", str(home / "nsm"), "--root-out",
                                  str(home / "root.pem"), "--ready-fd", "1"], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
    assert simulator.stdout.readline() == b"ready\n"
    one = kms.Stub(home / "root.pem")

    def attest(public_key):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.connect(str(home / "nsm"))
            s.send(cbor2.dumps({"Attestation": {"public_key": public_key, "nonce": None, "user_data": None}}))
            return cbor2.loads(s.recv(16384))["Attestation"]["document"]

    one.attest = attest
    yield one
    one.stop()
    simulator.terminate()
    simulator.wait(10)
    simulator.stdout.close()


@pytest.fixture(name="client")
def make_client(stub):
    session = pytest.importorskip("botocore.session").get_session()
    return session.create_client(
        "kms", region_name=stub.region, endpoint_url=f"https://localhost:{stub.port}", verify=str(stub.files["ca.pem"]),
        aws_access_key_id=stub.credentials["AccessKeyId"], aws_secret_access_key=stub.credentials["SecretAccessKey"],
        aws_session_token=stub.credentials["Token"])


def test_botocore_encrypts_and_may_not_decrypt(stub, client):
    from botocore.exceptions import ClientError  # pylint: disable=import-outside-toplevel
    made = client.encrypt(KeyId=stub.key_id, Plaintext=b'{"a":"b"}')
    assert made["KeyId"] == stub.arn and b'{"a"' not in made["CiphertextBlob"]
    with pytest.raises(ClientError, match="AccessDeniedException"):
        client.decrypt(KeyId=stub.key_id, CiphertextBlob=made["CiphertextBlob"])
    open_to_all = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:*",
                                                           "Resource": "*"}]}
    stub.write("policy", open_to_all)
    assert client.decrypt(KeyId=stub.key_id, CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == b'{"a":"b"}'
    stub.write("policy", dict(open_to_all, Statement=[dict(open_to_all["Statement"][0], Condition={"Bool": {"aws:x": "1"}})]))
    with pytest.raises(ClientError, match="AccessDeniedException"):  # a condition that it does not know
        client.decrypt(KeyId=stub.key_id, CiphertextBlob=made["CiphertextBlob"])
    stub.credentials["SecretAccessKey"], secret = "other", stub.credentials["SecretAccessKey"]
    with pytest.raises(ClientError, match="UnrecognizedClientException|InvalidSignatureException"):
        stub.write("credentials", stub.credentials)
        client.encrypt(KeyId=stub.key_id, Plaintext=b"x")
    stub.credentials["SecretAccessKey"] = secret
    stub.write("credentials", stub.credentials)


def ask(stub, blob, document=None):
    """Decrypt, signed by botocore. The Recipient is newer than Debian 12's botocore, which still signs and sends it."""
    from botocore.auth import SigV4Auth  # pylint: disable=import-outside-toplevel
    from botocore.awsrequest import AWSRequest  # pylint: disable=import-outside-toplevel
    from botocore.credentials import Credentials  # pylint: disable=import-outside-toplevel
    import ssl  # pylint: disable=import-outside-toplevel
    import urllib.request  # pylint: disable=import-outside-toplevel
    recipient = {"Recipient": {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256",
                               "AttestationDocument": base64.b64encode(document).decode()}} if document else {}
    body = json.dumps({"CiphertextBlob": base64.b64encode(blob).decode(), "KeyId": stub.key_id, **recipient})
    url = f"https://localhost:{stub.port}/"
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/x-amz-json-1.1",
                                                          "X-Amz-Target": "TrentService.Decrypt"})
    c = stub.credentials
    SigV4Auth(Credentials(c["AccessKeyId"], c["SecretAccessKey"], c["Token"]), "kms", stub.region).add_auth(request)
    context = ssl.create_default_context(cafile=str(stub.files["ca.pem"]))
    with urllib.request.urlopen(urllib.request.Request(url, body.encode(), dict(request.headers)), context=context) as reply:
        return json.load(reply)


def allows(stub, blob, document=None):
    import urllib.error  # pylint: disable=import-outside-toplevel
    try:
        return bool(ask(stub, blob, document))
    except urllib.error.HTTPError as error:
        assert json.load(error)["__type"] == "AccessDeniedException"
        return False


ALL = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
ROOT = "arn:aws:iam::000000000000:root"


def deny(**other):
    return {"Statement": [ALL, {**ALL, "Effect": "Deny", **other}]}


def only(**other):
    return {"Statement": [{**ALL, **other}]}


def without(key):
    return {"Statement": [{k: v for k, v in ALL.items() if k != key}]}


def on(pcr, *values, operator="StringEqualsIgnoreCase"):
    return {operator: {f"kms:RecipientAttestation:{pcr}": list(values) if len(values) > 1 else values[0]}}


# What AWS says of a policy, without a document: its user guides for IAM's policy elements and for key policies.
WITHOUT_DOCUMENT = [
    (only(), True),
    (only(Action=["kms:Encrypt", "kms:decrypt"]), True),  # actions know no case
    (only(Action="kms:Encrypt"), False),
    (only(Action="kms:De*pt"), True),
    (only(Action="kms:Decryp"), False),
    (only(Resource="arn:aws:kms:eu-central-1:000000000000:key/other"), False),
    (only(Principal={"AWS": ["arn:aws:iam::000000000000:role/other", ROOT]}), True),
    (only(Principal={"AWS": "000000000000"}), True),
    (only(Principal={"AWS": "111122223333"}), False),
    (only(Condition=on("PCR0", "ab" * 48)), False),  # a key that is not there fits nothing
    (deny(Action="kms:decrypt"), False),
    (deny(Action="kms:*crypt"), False),
    (deny(Action="kms:Decryp?"), False),
    (deny(Action="kms:Encrypt"), True),
    (deny(Principal={"AWS": "000000000000"}), False),
    (deny(Principal={"AWS": ROOT}), False),
    (deny(Principal={"AWS": "arn:aws:iam::000000000000:role/other"}), True),
    (deny(Condition=on("PCR0", "ab" * 48)), True),
    # refused by AWS when it is put, so it lets nobody in here
    (only(Effect="allow"), False),
    (deny(Effect="deny"), False),
    (without("Effect"), False),
    (without("Principal"), False),
    (without("Action"), False),
    (without("Resource"), False),
    (only(Principal=ROOT), False),
    (deny(NotAction="kms:Encrypt"), False),
    (json.dumps(only())[:-1], False),
    (json.dumps(only()) + "}", False),
    (json.dumps(deny()).replace('"Effect": "Deny"', '"Effect": "Deny", "Effect": "Allow"'), False),
]


def test_policies_mean_what_they_mean_at_aws(stub, client):
    stub.write("policy", only())
    blob = client.encrypt(KeyId=stub.key_id, Plaintext=b"x")["CiphertextBlob"]
    for policy, allowed in WITHOUT_DOCUMENT:
        stub.write("policy", policy)
        assert allows(stub, blob) == allowed, policy
    stub.write("policy", only(Resource=stub.arn))
    assert allows(stub, blob)


def test_conditions_mean_what_they_mean_at_aws(stub, client, key):
    document = stub.attest(key[2])
    pcrs = cbor2.loads(cbor2.loads(document)[2])["pcrs"]
    zero, one = (pcrs[i].hex() for i in (0, 1))
    stub.write("policy", only())
    blob = client.encrypt(KeyId=stub.key_id, Plaintext=b"x")["CiphertextBlob"]
    other = "ab" * 48
    for condition, fits in (
            (on("PCR0", zero), True),
            (on("ImageSha384", zero), True),
            (on("PCR0", zero.upper()), True),
            (on("PCR0", other, zero), True),  # one of the values
            (on("PCR0", other), False),
            (on("PCR0", zero[:-1]), False),
            (on("PCR0", "*"), False),
            (on("PCR0", zero, operator="StringEquals"), True),
            (on("PCR0", other, operator="StringEquals"), False),
            (on("PCR0", zero[:5] + "*" + zero[-5:], operator="StringLike"), True),
            (on("PCR0", "?" + zero[1:], operator="StringLike"), True),
            (on("PCR0", "?" + zero, operator="StringLike"), False),
            ({"StringEquals": {"kms:RecipientAttestation:PCR0": zero, "kms:RecipientAttestation:PCR1": one}}, True),
            ({"StringEquals": {"kms:RecipientAttestation:PCR0": zero, "kms:RecipientAttestation:PCR1": other}}, False),
            ({**on("PCR0", zero), **on("PCR1", other, operator="StringEquals")}, False)):  # all of them
        stub.write("policy", only(Condition=condition))
        assert allows(stub, blob, document) == fits, condition
        stub.write("policy", deny(Condition=condition))
        assert allows(stub, blob, document) != fits, condition
    for unknown in (on("PCR0", other, operator="StringNotEquals"), on("PCR0", zero, operator="StringEqualsIfExists"),
                    on("PCR32", zero), {"StringEquals": {"kms:ViaService": "x"}}):
        for policy in (only(Condition=unknown), deny(Condition=unknown)):
            stub.write("policy", policy)
            assert not allows(stub, blob, document), policy


def test_openssl_opens_what_the_stub_encrypts_to_a_document(stub, client, key, tmp_path):
    document = stub.attest(key[2])
    pcrs = cbor2.loads(cbor2.loads(document)[2])["pcrs"]
    stub.allow({0: pcrs[0].hex()})
    blob = client.encrypt(KeyId=stub.key_id, Plaintext=b'{"a":"b"}')["CiphertextBlob"]
    cms = base64.b64decode(ask(stub, blob, document)["CiphertextForRecipient"])
    (tmp_path / "cms").write_bytes(cms)
    opened = subprocess.run(["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", str(tmp_path / "cms"), "-inkey",
                             str(key[0])], capture_output=True, check=True, timeout=60)
    assert opened.stdout == b'{"a":"b"}'
    assert cms[:2] == b"\x30\x80", "BER, as KMS sends it"
    assert probe("open", key[0], stdin=cms) == b'{"a":"b"}'.hex()
