"""Attestation documents of the real program, read by an implementation that is not nacre's."""

import hashlib
import time

import cbor2
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

import documents
from simulator import running

HOUR = 3600 * 1000


def payload_bytes(document):
    item = cbor2.loads(document)
    return (item.value if isinstance(item, cbor2.CBORTag) else item)[2]


def checked(simulator, **fields):
    return documents.check(simulator.attest(**fields), simulator.root_path.read_bytes())


@pytest.mark.parametrize("options, first, tagged", [
    ((), 0xBF, False),
    (("--map", "indefinite"), 0xBF, False),
    (("--map", "definite"), 0xA9, False),
    (("--tag",), 0xBF, True),
    (("--tag", "--map", "definite"), 0xA9, True),
])
def test_forms(tmp_path, options, first, tagged):
    with running(tmp_path, *options) as simulator:
        before = time.time() * 1000
        document = simulator.attest()
        after = time.time() * 1000
        payload, leaf = documents.check(document, simulator.root_path.read_bytes(), tagged)
        assert document.startswith(b"\xd2\x84\x44\xa1\x01\x38\x22\xa0" if tagged else b"\x84\x44\xa1\x01\x38\x22\xa0")
        assert payload_bytes(document)[0] == first
        assert before - 1 <= payload["timestamp"] <= after + 1
        assert list(payload["pcrs"]) == list(range(16))
        assert payload["user_data"] is payload["nonce"] is payload["public_key"] is None
        assert leaf.not_valid_after - leaf.not_valid_before == documents.datetime.timedelta(hours=3)


def test_root_says_what_it_is(tmp_path):
    with running(tmp_path) as simulator:
        assert simulator.root_path.stat().st_mode & 0o7777 == 0o644
        root = x509.load_pem_x509_certificate(simulator.root_path.read_bytes())
        name = root.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
        assert name == "nacre TEST root, not AWS"
        assert root.not_valid_after.year >= 2049


def test_the_checks_can_fail(tmp_path):
    with running(tmp_path) as simulator:
        root = simulator.root_path.read_bytes()
        document = bytearray(simulator.attest(nonce=b"n" * 32))
        documents.check(bytes(document), root)
        at = document.index(b"n" * 32)
        document[at] ^= 1
        with pytest.raises(InvalidSignature):
            documents.check(bytes(document), root)
    other = tmp_path / "other"
    other.mkdir()
    with running(other) as simulator:
        with pytest.raises(documents.BadDocument, match="root"):
            documents.check(simulator.attest(), root)


def test_fields_come_back(tmp_path):
    with running(tmp_path) as simulator:
        for fields in ({"nonce": b"\x01" * 512, "user_data": b"\x02" * 512, "public_key": b"\x03" * 1024},
                       {"nonce": b"", "user_data": b"", "public_key": b"\x00"},
                       {"nonce": None, "user_data": b"x", "public_key": None}):
            payload, _ = checked(simulator, **fields)
            for name, value in fields.items():
                assert payload[name] == value, name


def test_field_limits(tmp_path):
    with running(tmp_path) as simulator:
        for fields in ({"nonce": bytes(513)}, {"user_data": bytes(513)}, {"public_key": bytes(1025)}):
            assert simulator.call({"Attestation": fields}) == {"Error": "InputTooLarge"}
        assert simulator.call({"Attestation": {"public_key": b""}}) == {"Error": "InvalidArgument"}
        for fields in ({"nonce": "text"}, {"nonce": 1}, {"user_data": [1]}, {"public_key": True}):
            assert simulator.call({"Attestation": fields}) == {"Error": "InvalidOperation"}


def test_no_field_limits(tmp_path):
    with running(tmp_path, "--limits", "none") as simulator:
        assert simulator.call({"LockPCRs": {"range": 32}}) == "LockPCRs"
        payload, _ = checked(simulator, nonce=bytes(1300), user_data=bytes(1300), public_key=bytes(1400))
        assert len(payload["public_key"]) == 1400 and len(payload["pcrs"]) == 32


def test_boot_pcrs(tmp_path):
    value = "ab" * 48
    with running(tmp_path, "--pcr", "8=" + value, "--pcr", "1=" + value, "--module-id", "i-12-enc34") as simulator:
        payload, _ = checked(simulator)
        assert payload["module_id"] == "i-12-enc34"
        for index in (0, 2):
            text = b"nacre-nsm-sim development PCR%d" % index
            assert payload["pcrs"][index] == hashlib.sha384(text).digest()
        assert payload["pcrs"][1] == payload["pcrs"][8] == bytes.fromhex(value)
        assert payload["pcrs"][4] == hashlib.sha384(bytes(48) + b"i-12").digest()
        assert payload["pcrs"][3] == bytes(48)


def test_debug_pcrs(tmp_path):
    with running(tmp_path, "--debug") as simulator:
        payload, _ = checked(simulator)
        assert all(payload["pcrs"][index] == bytes(48) for index in (0, 1, 2))
        assert payload["pcrs"][4] != bytes(48)


def test_locked_pcrs_appear(tmp_path):
    with running(tmp_path) as simulator:
        value = bytes(48)
        for data in (b"plugin", b"", b"x" * 4000):
            value = hashlib.sha384(value + data).digest()
            assert simulator.call({"ExtendPCR": {"index": 16, "data": data}}) == {"ExtendPCR": {"data": value}}
        assert 16 not in checked(simulator)[0]["pcrs"]
        assert simulator.call({"LockPCR": {"index": 16}}) == "LockPCR"
        assert checked(simulator)[0]["pcrs"][16] == value
        assert simulator.call({"LockPCRs": {"range": 32}}) == "LockPCRs"
        payload, _ = checked(simulator)
        assert list(payload["pcrs"]) == list(range(32))
        assert payload["pcrs"][31] == bytes(48)


def test_leaf_is_kept_then_renewed(tmp_path):
    with running(tmp_path) as simulator:
        _, first = checked(simulator)
        assert checked(simulator)[1] == first
        assert simulator.control("clock %d" % (2 * HOUR - 60000)) == "ok\n"
        assert checked(simulator)[1] == first
        assert simulator.control("clock %d" % (2 * HOUR + 60000)) == "ok\n"
        payload, second = checked(simulator)
        assert second != first and second.public_key().public_numbers() != first.public_key().public_numbers()
        assert abs(payload["timestamp"] - time.time() * 1000 - 2 * HOUR) < 120000
        # A clock that is set back makes the leaf one of the future: it is replaced as well.
        assert simulator.control("clear") == "ok\n"
        _, third = checked(simulator)
        assert third not in (first, second)


@pytest.mark.parametrize("days", [-4 * 365, -2, 45, 20 * 365])
def test_clock_far_away(tmp_path, days):
    offset = days * 24 * HOUR
    with running(tmp_path, "--fault", "clock:%d" % offset) as simulator:
        payload, _ = checked(simulator)
        assert abs(payload["timestamp"] - time.time() * 1000 - offset) < 60000


def test_root_is_kept(tmp_path):
    key = tmp_path / "root-key.pem"
    roots = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        with running(tmp_path / name, "--root-key", key) as simulator:
            checked(simulator)
            roots.append(simulator.root_path.read_bytes())
    assert roots[0] == roots[1]
    assert key.stat().st_mode & 0o7777 == 0o600
    (tmp_path / "c").mkdir()
    with running(tmp_path / "c") as simulator:
        assert simulator.root_path.read_bytes() != roots[0]


def test_bad_signature_fault(tmp_path):
    with running(tmp_path, "--fault", "bad-signature#1") as simulator:
        with pytest.raises(InvalidSignature):
            checked(simulator)
        checked(simulator)


def test_short_pcr_fault(tmp_path):
    with running(tmp_path, "--fault", "short-pcr@Attestation") as simulator:
        payload, _ = checked(simulator)
        assert {len(value) for value in payload["pcrs"].values()} == {47}
        assert len(simulator.call({"DescribePCR": {"index": 0}})["DescribePCR"]["data"]) == 48
