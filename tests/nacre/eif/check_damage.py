"""Damaged images: each is refused with what is wrong and where."""

import random
import struct

import pytest
from eif_parts import eif, make_signer, good, refused
from eif_reader import CMDLINE, HEADER_SIZE, KERNEL, METADATA, RAMDISK, SIGNATURE, read, with_crc, write


def put(raw, at, form, value):
    size = struct.calcsize(form)
    return raw[:at] + struct.pack(form, value) + raw[at + size:]


@pytest.fixture(scope="module")
def signed(parts):
    cert, key = make_signer(parts, "damage")
    good("build", "--kernel", parts / "kernel", "--cmdline", "quiet", "--ramdisk", parts / "runtime.cpio.gz",
         "--app-ramdisk", parts / "app.cpio.gz", "--sign-cert", cert, "--sign-key", key, "-o", parts / "whole.eif")
    return (parts / "whole.eif").read_bytes()


def test_cut_off_at_every_boundary(signed, tmp_path):
    cuts = {0, 1, 3, 4, 547, 548}
    for _, at, data in read(signed).sections:
        cuts |= {at - 1, at, at + 1, at + 11, at + 12, at + 12 + len(data) - 1}
    for cut in sorted(cuts):
        (tmp_path / "i").write_bytes(signed[:cut])
        err = refused("describe", tmp_path / "i")
        assert "offset" in err, (cut, err)
        assert str(cut) in err or "left" in err or "bytes" in err, (cut, err)


def test_bytes_behind_the_end(signed, tmp_path):
    for more in (b"\0", signed):
        (tmp_path / "i").write_bytes(signed + more)
        assert f"offset {len(signed)}: {len(more)} bytes after the last section" in refused("verify", tmp_path / "i")


HEADER_FIELDS = [
    (0, ">4s", b".eiF", ("offset 0", "2e656946", "2e656966")),
    (4, ">H", 3, ("offset 4", "is 3", "expected 4")),
    (4, ">H", 5, ("offset 4", "is 5", "expected 4")),
    (6, ">H", 2, ("offset 6", "is 2", "expected 0")),
    (6, ">H", 0x8001, ("offset 6", "32769", "expected 1")),
    (24, ">H", 7, ("offset 24", "is 7", "expected 0")),
    (26, ">H", 0, ("offset 26", "0 sections")),
    (26, ">H", 33, ("offset 26", "33 sections")),
    (26, ">H", 65535, ("offset 26", "65535 sections")),
    (28, ">Q", 0, ("offset 28", "is 0", "expected 548")),
    (28, ">Q", 2 ** 64 - 1, ("offset 28", str(2 ** 64 - 1), "expected 548")),
    (36, ">Q", 548, ("offset 36", "is 548")),
    (284, ">Q", 2 ** 64 - 1, ("offset 284", str(2 ** 64 - 1), "left")),
    (284, ">Q", 2 ** 63, ("offset 284", "left")),
    (28 + 8 * 31, ">Q", 9, ("offset 276", "section 31", "is 9", "expected 0")),
    (284 + 8 * 31, ">Q", 9, ("offset 532", "section 31", "is 9", "expected 0")),
    (540, ">I", 1, ("offset 540", "is 1", "expected 0")),
]


@pytest.mark.parametrize("at, form, value, words", HEADER_FIELDS)
def test_every_field_of_the_header(signed, tmp_path, at, form, value, words):
    (tmp_path / "i").write_bytes(with_crc(put(signed, at, form, value)))
    err = refused("describe", tmp_path / "i")
    for word in words:
        assert word in err, err


def test_every_section_header_and_table_entry(signed, tmp_path):
    for i, (kind, at, data) in enumerate(read(signed).sections):
        for where, form, value in ((at, ">H", 0), (at, ">H", 6), (at, ">H", 0xffff), (at + 2, ">H", 1),
                                   (at + 4, ">Q", len(data) + 1), (at + 4, ">Q", 0), (at + 4, ">Q", 2 ** 64 - 1),
                                   (28 + 8 * i, ">Q", at + 1), (284 + 8 * i, ">Q", len(data) + 1), (284 + 8 * i, ">Q", 2 ** 64 - 12)):
            (tmp_path / "i").write_bytes(with_crc(put(signed, where, form, value)))
            err = refused("describe", tmp_path / "i")
            assert "offset" in err and f"section {i}" in err, (kind, where, err)


def test_table_and_section_headers_that_both_lie(signed, tmp_path):
    found = read(signed).sections
    (_, first, data), (_, second, _) = found[:2]
    moved = put(put(put(signed, 284, ">Q", len(data) - 1), first + 4, ">Q", len(data) - 1), 36, ">Q", second - 1)
    (tmp_path / "i").write_bytes(with_crc(moved))
    assert "section 1" in refused("describe", tmp_path / "i")


def test_a_wrong_crc_names_both_values(signed, tmp_path):
    (tmp_path / "i").write_bytes(put(signed, 544, ">I", 0x01020304))
    err = refused("verify", tmp_path / "i")
    assert "offset 544: the CRC is 01020304, of the content " in err
    for at in (8, 16, 700, len(signed) - 300):
        (tmp_path / "i").write_bytes(signed[:at] + bytes([signed[at] ^ 0x80]) + signed[at + 1:])
        assert refused("verify", tmp_path / "i")
        assert refused("measure", tmp_path / "i")


ORDERS = [
    ([CMDLINE, KERNEL, RAMDISK], "a kernel after a command line"),
    ([KERNEL, KERNEL, CMDLINE, RAMDISK], "a kernel after a kernel"),
    ([KERNEL, CMDLINE, CMDLINE, RAMDISK], "a command line after a command line"),
    ([KERNEL, CMDLINE, RAMDISK, METADATA], "a metadata after a ramdisk"),
    ([KERNEL, CMDLINE, RAMDISK, KERNEL], "a kernel after a ramdisk"),
    ([KERNEL, CMDLINE, SIGNATURE, RAMDISK], "a ramdisk after a signature"),
    ([KERNEL, CMDLINE, METADATA, METADATA, RAMDISK], "a metadata after a metadata"),
    ([CMDLINE, RAMDISK], "no kernel section"),
    ([KERNEL, RAMDISK], "no command line section"),
    ([KERNEL, CMDLINE], "no ramdisk section"),
]


@pytest.mark.parametrize("kinds, word", ORDERS)
def test_sections_in_another_order_or_number(tmp_path, kinds, word):
    (tmp_path / "i").write_bytes(write([(kind, b"data") for kind in kinds]))
    assert word in refused("describe", tmp_path / "i")


@pytest.mark.parametrize("sections, word", [
    ([(KERNEL, b""), (CMDLINE, b""), (RAMDISK, b"x")], "an empty kernel"),
    ([(KERNEL, b"x"), (CMDLINE, b""), (RAMDISK, b"")], "an empty ramdisk"),
    ([(KERNEL, b"x"), (CMDLINE, b"a\0b"), (RAMDISK, b"x")], "NUL"),
    ([(KERNEL, b"x"), (CMDLINE, b"a" * 2048), (RAMDISK, b"x")], "2048"),
    ([(KERNEL, b"x"), (CMDLINE, b""), (METADATA, b"{"), (RAMDISK, b"x")], "metadata"),
    ([(KERNEL, b"x"), (CMDLINE, b""), (METADATA, b"[]"), (RAMDISK, b"x")], "metadata"),
    ([(KERNEL, b"x"), (CMDLINE, b""), (METADATA, b'{"ImageName":1}'), (RAMDISK, b"x")], "ImageName"),
    ([(KERNEL, b"x"), (CMDLINE, b""), (METADATA, b'{"ImageName":"a"}'), (RAMDISK, b"x")], "is missing"),
    ([(KERNEL, b"x"), (CMDLINE, b""), (METADATA, b'{"ImageName":"a","ImageName":"b"}'), (RAMDISK, b"x")], "twice"),
])
def test_contents_that_are_none(tmp_path, sections, word):
    (tmp_path / "i").write_bytes(write(sections))
    assert word in refused("describe", "--json", tmp_path / "i")


def test_verify_wants_a_kernel(tmp_path, parts):
    (tmp_path / "i").write_bytes(write([(KERNEL, b"none"), (CMDLINE, b""), (RAMDISK, b"x")]))
    assert "offset 560" in refused("verify", tmp_path / "i")
    (tmp_path / "i").write_bytes(write([(KERNEL, (parts / "kernel").read_bytes()), (CMDLINE, b""), (RAMDISK, b"x")], flags=1))
    assert "for x86_64, the header's flags say aarch64" in refused("verify", tmp_path / "i")


def test_files_that_are_no_files(tmp_path):
    assert "No such file" in refused("describe", tmp_path / "none")
    assert "not a regular file" in refused("describe", tmp_path)
    (tmp_path / "empty").write_bytes(b"")
    assert "offset 0" in refused("describe", tmp_path / "empty")


def test_mutants_end_in_an_answer(signed, tmp_path):
    """Random damage, with a CRC that fits: the program says yes or no, and never dies of it."""
    seed = random.randrange(2 ** 32)
    dice = random.Random(seed)
    found = read(signed)
    heads = [at + i for _, at, _ in found.sections for i in range(12)] + list(range(HEADER_SIZE))
    signature = found.sections[-1][1] + 12
    for round_ in range(120):
        raw = bytearray(signed)
        for _ in range(dice.randrange(1, 6)):
            at = dice.choice([dice.choice(heads), dice.randrange(signature, len(raw)), dice.randrange(len(raw))])
            raw[at] = dice.choice([0, 1, 0x7f, 0x80, 0xff, dice.randrange(256)])
        data = with_crc(bytes(raw)) if dice.random() < 0.8 else bytes(raw[:dice.randrange(len(raw))])
        (tmp_path / "i").write_bytes(data)
        code, _, err = eif("describe", tmp_path / "i")
        assert code in (0, 1) and "Sanitizer" not in err and "runtime error" not in err, (seed, round_, code, err)
