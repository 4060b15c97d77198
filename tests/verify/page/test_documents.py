"""Every document that libnacre-verify is tested with, judged by the page: the same verdict, by the same check."""
import os
import pathlib

import documents as d
import pytest

MADE = pathlib.Path(os.environ["NACRE_VERIFY_DOCUMENTS"])
# Read as they were meant where the two say it in the same words.
SAME_WORDS = {"encoding", "certificates", "validity", "signature", "debug"}
OTHER_WORDS = ("tag-not-shortest", "two-documents", "text", "empty", "protected-", "payload-nil", "tag-1", "map-around",
               "duplicate-", "many-keys")


def cases(name):
    file = MADE / name
    return [line.split("\t") for line in file.read_text().splitlines()] if file.exists() else []


def pcrs_of(text, count=3):
    """The first PCRs of a document as .pcrs lines, found by cbor2."""
    pcrs = d.cbor2.loads(d.cbor2.loads(text)[2] if text[0] == 0x84 else d.cbor2.loads(text).value[2])["pcrs"]
    return "".join(f"{pcrs[i].hex()} PCR{i}\n" for i in range(count))


def judged(page, case):
    file, root, time, allow_debug, verdict, check, text = case
    data = (MADE / file).read_bytes()
    expected = {"root": (MADE / root).read_text()} if root != "-" else {}
    if verdict == "verified":
        expected["pcrs"] = pcrs_of(data)
    result = page.document("0x" + data.hex(), at=time, allow_debug=allow_debug == "1", **expected)
    if verdict == "verified":
        assert result.verdict == "ok", result
        assert set(result.states.values()) <= {"ok", "note"}, result
    else:
        assert result.verdict == "bad" and check in result.failed(), result
        if check in SAME_WORDS and not file.startswith(OTHER_WORDS):
            assert text in result.texts[check], result
    return result


def test_every_document_of_our_own(page):
    found = cases("cases.list")
    assert len(found) > 130
    for case in found:
        if case[0] == "empty.cbor":  # nothing to paste: that is no document yet
            assert page.document("").verdict == "unknown"
            continue
        judged(page, case)


def test_every_document_of_aws(page):
    found = cases("shared.list")
    if not found:
        pytest.skip("the documents of AWS (../shared/vectors/attestation) are not there")
    for case in found:
        result = judged(page, case)
        if case[5] == "validity":
            assert '" expired at 20' in result.text, result


def test_documents_of_aws_at_their_own_time(page):
    """And now, when every leaf has long expired."""
    found = [case for case in cases("shared.list") if case[4] == "verified"]
    if not found:
        pytest.skip("the documents of AWS (../shared/vectors/attestation) are not there")
    for file, *_ in found[:3]:
        data = pathlib.Path(file).read_bytes()
        result = page.document(data.hex(), clock="document", allow_debug=True, pcrs=pcrs_of(data))
        assert result.verdict == "ok" and "not checked against the present time" in result.text
        result = page.document(data.hex(), allow_debug=True, pcrs=pcrs_of(data))
        assert result.failed() == ["validity"] and "expired at" in result.text


def flipped(data, positions):
    for at in positions:
        yield data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def test_changed_documents(page):
    """One bit flipped in some 60 places, and ten lengths."""
    data = (MADE / "good.cbor").read_bytes()
    root = (MADE / "root.pem").read_text()
    step = len(data) // 60
    for changed in [*flipped(data, range(0, len(data), step)), *(data[:n] for n in range(1, len(data), step * 6))]:
        result = page.document(changed.hex(), root=root, at=d.TIME_MS, pcrs=pcrs_of(data))
        assert result.verdict == "bad", result
