"""What must never be in an app's ramdisk: refused by `build --app-ramdisk` and by `verify`, in the same words."""

import gzip
import zlib

import pytest
from eif_parts import PLUGIN, eif, good, make_config, refused
from eif_reader import CMDLINE, KERNEL, RAMDISK, TRAILER, cpio, gz, measured, newc, write


@pytest.fixture(scope="module")
def app(parts):
    """The bytes of a good archive, and its entries one by one."""
    archive = gzip.decompress((parts / "app.cpio.gz").read_bytes())
    entries = [newc(e.name, e.data, e.mode, e.ino) for e in cpio(archive)]
    assert b"".join(entries) + TRAILER == archive
    return archive, entries


def with_entry(app, name, data=b"", mode=0o100644, first=False, **fields):
    """The good archive with one more entry, in its place by name, numbered as the writer would."""
    found = [(e.name, e.data, e.mode, {}) for e in cpio(app[0])]
    found.append((name, data, mode, fields))
    if not first:
        found.sort(key=lambda e: e[0].encode())
    else:
        found = found[-1:] + found[:-1]
    return b"".join(newc(n, d, m, ino=i + 1, **f) for i, (n, d, m, f) in enumerate(found)) + TRAILER


def changed(app, i, old, new):
    """Entry i with bytes of its header or name replaced."""
    entries = list(app[1])
    assert old in entries[i]
    entries[i] = entries[i].replace(old, new, 1)
    return b"".join(entries) + TRAILER


def field(app, i, n, value):
    """Entry i with field n (0: inode number ... 12: checksum) set."""
    entries = list(app[1])
    at = 6 + 8 * n
    entries[i] = entries[i][:at] + value + entries[i][at + 8:]
    return b"".join(entries) + TRAILER


ARCHIVES = [
    ("a path outside", lambda a: with_entry(a, "init", b"#!", 0o100755), ("'init'", "outside app/")),
    ("a path that only begins like app", lambda a: with_entry(a, "application", b""), ("'application'", "outside app/")),
    ("a directory outside", lambda a: with_entry(a, "lib", mode=0o40755), ("'lib'", "outside app/")),
    ("an absolute path", lambda a: with_entry(a, "/init", first=True), ("'/init'", "absolute")),
    ("..", lambda a: with_entry(a, "app/../init"), ("'app/../init'", "'..'")),
    (".", lambda a: with_entry(a, "app/./x"), ("'app/./x'", "'.'")),
    ("an empty part", lambda a: with_entry(a, "app//x"), ("'app//x'", "empty part")),
    ("a slash at the end", lambda a: with_entry(a, "app/x/"), ("'app/x/'", "empty part")),
    ("a control character", lambda a: with_entry(a, "app/a\x1b[2J"), ("app/a\\x1b[2J", "no printable ASCII")),
    ("no ASCII", lambda a: with_entry(a, "app/\u00e9"), ("app/\\xc3\\xa9", "no printable ASCII")),
    ("a symbolic link", lambda a: with_entry(a, "app/x", b"/", 0o120777), ("'app/x'", "symbolic link")),
    ("app itself a link", lambda a: changed(a, 0, b"000041ED", b"0000A1FF"), ("'app'", "link count")),
    ("app itself a file", lambda a: newc("app", b"x", ino=1) + b"".join(a[1][1:]) + TRAILER, ("'app'",)),
    ("a hard link", lambda a: field(a, 1, 4, b"00000002"), ("link count", "00000002", "00000001")),
    ("a character device", lambda a: with_entry(a, "app/x", mode=0o20600, rmajor=1, rminor=1), ("'app/x'", "device")),
    ("a block device", lambda a: with_entry(a, "app/x", mode=0o60600, rmajor=8, rminor=0), ("'app/x'", "device")),
    ("a FIFO", lambda a: with_entry(a, "app/x", mode=0o10644), ("'app/x'", "mode")),
    ("a socket", lambda a: with_entry(a, "app/x", mode=0o140644), ("'app/x'", "mode")),
    ("set-user-ID", lambda a: with_entry(a, "app/x", mode=0o104755), ("'app/x'", "mode", "000089ED")),
    ("world-writable", lambda a: with_entry(a, "app/x", mode=0o100666), ("'app/x'", "mode")),
    ("a duplicate", lambda a: with_entry(a, "app/nacre.yaml", b"http: {}\n"), ("'app/nacre.yaml'", "twice")),
    ("another order", lambda a: with_entry(a, "app/x", first=True), ("names are sorted",)),
    ("a file below a file", lambda a: with_entry(a, "app/nacre.yaml/x"), ("'app/nacre.yaml/x'", "no directory")),
    ("a directory that is missing", lambda a: with_entry(a, "app/d/x"), ("missing",)),
    ("no plugin", lambda a: b"".join(a[1][:4]) + TRAILER, ("app/plugin.so",)),
    ("a plugin that is a directory", lambda a: b"".join(a[1][:4]) + newc("app/plugin.so", mode=0o40755, ino=5) + TRAILER,
     ("app/plugin.so",)),
    ("nothing", lambda a: TRAILER, ("app/manifest.cbor",)),
    ("a second archive", lambda a: a[0] + a[0], ("after the trailer", "second archive")),
    ("a second archive after padding", lambda a: a[0] + bytes(512) + a[0], ("after the trailer",)),
    ("NUL after the trailer", lambda a: a[0] + bytes(4), ("4 bytes after the trailer",)),
    ("no trailer", lambda a: b"".join(a[1]), ("ends",)),
    ("a file called like the trailer", lambda a: newc("TRAILER!!!", b"x" * 8, mode=0o100644, ino=0) + TRAILER, ("mode",)),
    ("an inode number", lambda a: field(a, 2, 0, b"00000009"), ("inode number", "00000009", "00000003")),
    ("an owner", lambda a: field(a, 1, 2, b"000003E8"), ("owner", "000003E8")),
    ("a group", lambda a: field(a, 1, 3, b"000003E8"), ("group", "000003E8")),
    ("a time", lambda a: field(a, 1, 5, b"65000000"), ("time", "65000000")),
    ("a device number", lambda a: field(a, 1, 7, b"00000001"), ("device major",)),
    ("rdev of a file", lambda a: field(a, 1, 9, b"00000001"), ("rdev major",)),
    ("a checksum", lambda a: field(a, 1, 12, b"00000001"), ("checksum",)),
    ("lower-case digits", lambda a: changed(a, 0, b"000041ED", b"000041ed"), ("mode", "65", "upper-case")),
    ("0x", lambda a: field(a, 1, 2, b"0x000000"), ("owner", "78")),
    ("blanks", lambda a: field(a, 1, 2, b"       0"), ("owner", "20")),
    ("newc with checksums", lambda a: changed(a, 1, b"070701", b"070702"), ("303730373032", "303730373031")),
    ("the old binary format", lambda a: b"\xc7\x71" + a[0], ("magic",)),
    ("a size past the end", lambda a: field(a, 4, 6, b"7FFFFFFF"), ("2147483647", "left")),
    ("the largest size", lambda a: field(a, 4, 6, b"FFFFFFFF"), ("4294967295", "left")),
    ("a size too small", lambda a: field(a, 4, 6, b"00000010"), ("offset",)),
    ("a directory with content", lambda a: field(a, 0, 6, b"00000004"), ("file size",)),
    ("no name", lambda a: field(a, 1, 11, b"00000001"), ("a name of 1 bytes",)),
    ("the longest name", lambda a: field(a, 1, 11, b"FFFFFFFF"), ("a name of 4294967295 bytes",)),
    ("a name past the end", lambda a: TRAILER[:94] + b"00000400" + TRAILER[102:], ("left",)),
    ("NUL inside a name", lambda a: changed(a, 1, b"app/allowed", b"app/al\0owed"), ("NUL",)),
    ("padding that is something", lambda a: changed(a, 0, b"app\0\0\0", b"app\0\0x"), ("no NUL",)),
]


def pack(content, how):
    """As a gzip member with one thing wrong about it."""
    good_member = gz(content)
    head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    return {
        "no gzip": content,
        "a name": gz(content, b"\x1f\x8b\x08\x08\0\0\0\0\0\xffx\0"),
        "a comment": gz(content, b"\x1f\x8b\x08\x10\0\0\0\0\0\xffx\0"),
        "a time": gz(content, b"\x1f\x8b\x08\0\x01\0\0\0\0\xff"),
        "another method": gz(content, b"\x1f\x8b\x07\0\0\0\0\0\0\xff"),
        "a second member": good_member + gz(TRAILER),
        "an empty second member": good_member + gz(b""),
        "bytes behind": good_member + b"\0",
        "a wrong CRC": good_member[:-8] + b"\0\0\0\0" + good_member[-4:],
        "a wrong length": good_member[:-4] + b"\x01\0\0\0",
        "cut in the trailer": good_member[:-3],
        "cut in the data": good_member[:-200],
        "damaged": good_member[:40] + bytes([good_member[40] ^ 0xff]) + good_member[41:],
        "cut in the header": head[:9],
        "empty blocks": head + b"\xff" * 40,
    }[how]


MEMBERS = [
    ("no gzip", ("3037", "1f8b")), ("a name", ("flags 08", "offset 3")), ("a comment", ("flags 10",)), ("a time", ("time 1",)),
    ("another method", ("method 7",)), ("a second member", ("a second gzip member",)),
    ("an empty second member", ("a second gzip member",)), ("bytes behind", ("1 bytes after the end",)),
    ("a wrong CRC", ("CRC is 00000000",)), ("a wrong length", ("length is 1",)), ("cut in the trailer", ("trailer",)),
    ("cut in the data", ("too early",)), ("damaged", ("offset",)), ("cut in the header", ("gzip needs",)),
    ("empty blocks", ("offset",)),
]


def check(parts, tmp_path, ramdisk, words):
    """Builder and checker both refuse it, and name the same thing."""
    (tmp_path / "bad.cpio.gz").write_bytes(ramdisk)
    built = refused("build", "--kernel", parts / "kernel", "--cmdline", "", "--ramdisk", parts / "runtime.cpio.gz",
                    "--app-ramdisk", tmp_path / "bad.cpio.gz", "-o", tmp_path / "i")
    assert not (tmp_path / "i").exists()
    runtime = (parts / "runtime.cpio.gz").read_bytes()
    sections = [(KERNEL, (parts / "kernel").read_bytes()), (CMDLINE, b""), (RAMDISK, runtime), (RAMDISK, ramdisk)]
    (tmp_path / "i").write_bytes(write(sections))
    audited = refused("verify", tmp_path / "i", "--audit-app")
    verified = refused("verify", tmp_path / "i", "--app", PLUGIN, "--config", parts / "config")
    for said in (built, audited, verified):
        for word in words:
            assert word in said, said


@pytest.mark.parametrize("what, make, words", ARCHIVES, ids=[a[0] for a in ARCHIVES])
def test_archives(parts, app, tmp_path, what, make, words):
    check(parts, tmp_path, gz(make(app)), words)


@pytest.mark.parametrize("how, words", MEMBERS, ids=[m[0] for m in MEMBERS])
def test_members(parts, app, tmp_path, how, words):
    check(parts, tmp_path, pack(app[0], how), words)


def test_a_compressed_bomb_ends(tmp_path):
    """513 MiB of NUL in half a megabyte."""
    deflate, block = zlib.compressobj(1, zlib.DEFLATED, -15), bytes(1 << 20)
    body = b"".join(deflate.compress(block) for _ in range(513)) + deflate.flush()
    (tmp_path / "bad").write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + body + bytes(8))
    assert "more than 536870912 bytes" in refused("list", tmp_path / "bad")


def test_cut_anywhere(parts, app, tmp_path):
    for cut in list(range(0, 400, 37)) + [len(app[0]) - n for n in (1, 4, 100, 124, 200)]:
        (tmp_path / "bad").write_bytes(gz(app[0][:cut]))
        err = refused("list", tmp_path / "bad")
        assert "offset" in err, (cut, err)


def test_the_number_of_ramdisks(parts, tmp_path):
    kernel, runtime, app = ((parts / n).read_bytes() for n in ("kernel", "runtime.cpio.gz", "app.cpio.gz"))
    for ramdisks, word in (([runtime], "one ramdisk"), ([runtime, app, app], "more than two"), ([runtime, app[:99], app[99:]], "more than two")):
        (tmp_path / "i").write_bytes(write([(KERNEL, kernel), (CMDLINE, b"")] + [(RAMDISK, r) for r in ramdisks]))
        assert word in refused("verify", tmp_path / "i", "--audit-app")


def test_pcr2_is_built_again_from_its_parts(parts, image, tmp_path):
    said = good("verify", image, "--app", PLUGIN, "--config", parts / "config")
    assert measured((parts / "app.cpio.gz").read_bytes()) in said
    # Another configuration, another plugin, one file more.
    other = make_config(tmp_path / "other")
    (other / "nacre.yaml").write_text("http:\n  body_bytes: 4097\n")
    err = refused("verify", image, "--app", PLUGIN, "--config", other)
    assert "PCR2 is" in err and "from the parts it is" in err and "app/manifest.cbor" in err
    more = make_config(tmp_path / "more")
    (more / "x").write_text("y")
    assert "app/x from the parts" in refused("verify", image, "--app", PLUGIN, "--config", more)
    weather = PLUGIN.parent.parent / "weather" / "weather.so"
    code, _, err = eif("verify", image, "--app", weather, "--config", parts / "config")
    assert code == 1 and err


def test_equal_files_in_another_framing_are_another_pcr2(parts, app, tmp_path):
    runtime = (parts / "runtime.cpio.gz").read_bytes()
    sections = [(KERNEL, (parts / "kernel").read_bytes()), (CMDLINE, b""), (RAMDISK, runtime), (RAMDISK, gz(app[0]))]
    (tmp_path / "i").write_bytes(write(sections))
    assert "all below app/" in good("verify", tmp_path / "i", "--audit-app")
    assert "framing" in refused("verify", tmp_path / "i", "--app", PLUGIN, "--config", parts / "config")
