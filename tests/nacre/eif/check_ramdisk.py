"""`nacre eif ramdisk` and `list`, their archives read by an implementation that is not ours."""

import gzip
import hashlib
import os
import shutil
import subprocess

import cbor2
import pytest
from eif_parts import OUT, PLUGIN, good, make_config, make_root, refused
from eif_reader import cpio


def test_a_runtimes_archive_is_what_its_tree_is(parts):
    entries = cpio(gzip.decompress((parts / "runtime.cpio.gz").read_bytes()))
    names = [e.name for e in entries]
    assert names == ["dev", "dev/console", "etc", "etc/empty", "init", "lib", "usr", "usr/lib", "usr/lib/libx.so"]
    by = {e.name: e for e in entries}
    assert by["init"].mode == 0o100755 and by["usr/lib/libx.so"].mode == 0o100644 and by["usr"].mode == 0o40755
    assert by["lib"].mode == 0o120777 and by["lib"].data == b"usr/lib"
    assert by["dev/console"].mode == 0o20600 and by["dev/console"].rdev == (5, 1)
    assert by["init"].data == (parts / "root" / "init").read_bytes()
    assert [e.ino for e in entries] == list(range(1, len(entries) + 1))
    assert all(e.rest == (0,) * 6 for e in entries)
    assert all(e.nlink == (2 if e.mode >> 12 == 4 else 1) for e in entries)


def test_an_apps_archive_holds_the_app_and_nothing_else(parts):
    raw = (parts / "app.cpio.gz").read_bytes()
    entries = cpio(gzip.decompress(raw))
    assert [e.name for e in entries] == ["app", "app/allowed_endpoints.yaml", "app/manifest.cbor", "app/nacre.yaml",
                                         "app/plugin.so"]
    by = {e.name: e.data for e in entries}
    assert by["app/plugin.so"] == PLUGIN.read_bytes()
    assert cbor2.loads(by["app/manifest.cbor"])["digest"] == hashlib.sha384(by["app/plugin.so"]).digest()
    made = subprocess.run([OUT / "bin" / "nacre", "plugin", "manifest", PLUGIN, "--config", parts / "config" / "nacre.yaml",
                           "--allow", parts / "config" / "allowed_endpoints.yaml"], stdout=subprocess.PIPE, check=True)
    assert by["app/manifest.cbor"] == made.stdout


def test_an_apps_archive_depends_on_no_compressor(parts):
    raw = (parts / "app.cpio.gz").read_bytes()
    content = gzip.decompress(raw)
    assert raw[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    blocks = [content[i:i + 65535] for i in range(0, len(content), 65535)]
    body = b"".join(bytes([i == len(blocks) - 1]) + len(b).to_bytes(2, "little") + (len(b) ^ 0xffff).to_bytes(2, "little") + b
                    for i, b in enumerate(blocks))
    assert raw[10:-8] == body


def test_neither_time_nor_order_nor_owner_nor_umask_counts(parts, tmp_path):
    other = tmp_path / "elsewhere"
    old = os.umask(0o077)
    try:
        make_root(other)
        (other / "init").chmod(0o755)
        # Written again in another order, with other times and, where that is allowed, another owner.
        content = (other / "etc" / "empty").read_bytes()
        shutil.rmtree(other / "etc")
        (other / "etc").mkdir(mode=0o700)
        (other / "etc" / "empty").write_bytes(content)
        for path in other.rglob("*"):
            if os.geteuid() == 0:
                os.chown(path, 12345, 23456, follow_symlinks=False)
            os.utime(path, (1, 1), follow_symlinks=False)
        good("ramdisk", "--root", other, "--node", "dev/console=c:5:1", "-o", tmp_path / "r",
             env=dict(os.environ, TZ="Asia/Tokyo", LC_ALL="C.UTF-8", SOURCE_DATE_EPOCH="123"), cwd=tmp_path)
    finally:
        os.umask(old)
    assert (tmp_path / "r").read_bytes() == (parts / "runtime.cpio.gz").read_bytes()


def test_further_files_of_the_configuration_come_along(tmp_path):
    config = make_config(tmp_path / "config")
    (config / "keys").mkdir()
    (config / "keys" / "operator.pub").write_bytes(b"k" * 200000)
    good("ramdisk", "--app", PLUGIN, "--config", config, "-o", tmp_path / "a")
    entries = cpio(gzip.decompress((tmp_path / "a").read_bytes()))
    by = {e.name: e.data for e in entries}
    assert by["app/keys/operator.pub"] == b"k" * 200000
    said = good("list", tmp_path / "a").splitlines()
    assert len(said) == len(entries)
    for line, entry in zip(said, entries):
        assert line.endswith(" /" + entry.name)
        if entry.mode >> 12 == 8:
            assert hashlib.sha256(entry.data).hexdigest() in line and f" {len(entry.data)} " in line


def spoil(config, what):
    if what == "link":
        (config / "x").symlink_to("/etc/passwd")
    elif what == "plugin.so":
        (config / "plugin.so").write_bytes(b"another")
    elif what == "fifo":
        os.mkfifo(config / "x")
    elif what == "no allow list":
        (config / "allowed_endpoints.yaml").unlink()
    elif what == "control character":
        (config / "a\nb").write_bytes(b"")
    elif what == "yaml":
        (config / "nacre.yaml").write_text("http:\n  bdy: 1\n")


@pytest.mark.parametrize("what, words", [
    ("link", ("config/x", "symbolic link")),
    ("plugin.so", ("'app/plugin.so' is there twice",)),
    ("fifo", ("config/x", "FIFO")),
    ("no allow list", ("allowed_endpoints.yaml", "No such file")),
    ("control character", ("app/a\\x0ab", "no printable ASCII")),
    ("yaml", ("http.bdy", "unknown key")),
])
def test_what_does_not_belong_into_an_apps_ramdisk(tmp_path, what, words):
    config = make_config(tmp_path / "config")
    spoil(config, what)
    err = refused("ramdisk", "--app", PLUGIN, "--config", config, "-o", tmp_path / "a")
    for word in words:
        assert word in err, err
    assert not (tmp_path / "a").exists()
