"""`make image`: what comes out, that it comes out the same everywhere, and what two apps share."""
import gzip
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess

import cpio
import images
import pytest

LIMIT = 12 * 1024 * 1024  # bytes of the compressed runtime
PROGRAMS = {"init", "usr/bin/nacre-http", "usr/bin/nacre-app"}
MODULES = ("usr/lib/nacre/nacre-fetch.so", "usr/lib/nacre/nacre-kms.so")


def measure(*parts):
    """Nitro's rule: SHA-384 of 48 zero bytes and the SHA-384 of the parts."""
    return hashlib.sha384(bytes(48) + hashlib.sha384(b"".join(parts)).digest()).hexdigest()


def record(out, kind):
    lines = (out / "image.manifest").read_text().splitlines()
    return [line.split()[1:] for line in lines if line.split()[0] == kind]


def test_measurements_by_hand(media):
    kernel, runtime, app = ((media / n).read_bytes() for n in ("bzImage", "runtime.cpio.gz", "app.cpio.gz"))
    cmdline = (images.ROOT / "config/kernel/cmdline").read_bytes().rstrip(b"\n")
    assert images.pcrs(media) == {0: measure(kernel, cmdline, runtime, app), 1: measure(kernel, cmdline, runtime),
                                  2: measure(app)}
    eif = (media / "nitro.eif").read_bytes()
    assert eif[:4] == b".eif" and all(part in eif for part in (kernel, runtime, app))


def test_kernel_is_the_recorded_one(media):
    recorded = (images.ROOT / f"config/kernel/{images.MACHINE}.sha384").read_text().strip()
    assert hashlib.sha384((media / "bzImage").read_bytes()).hexdigest() == recorded


def test_everything_is_printed(plain):
    out, text = plain
    for ramdisk, kind in (("runtime.cpio.gz", "runtime"), ("app.cpio.gz", "app")):
        for e in cpio.read(out / ramdisk):
            if stat.S_ISREG(e.mode):
                digest = hashlib.sha256(e.data).hexdigest()
                assert re.search(rf"^{kind} +/{re.escape(e.name)} +{len(e.data)} +{digest}$", text, re.M), e.name
    for value in images.pcrs(out).values():
        assert value in text


def test_bill_of_materials(media):
    """SPDX 2.3: every package of the record once, contained when a file of the runtime is from it."""
    bill = json.loads((media / "nitro.spdx.json").read_text())
    ids = [package["SPDXID"] for package in bill["packages"]]
    assert bill["spdxVersion"] == "SPDX-2.3" and bill["SPDXID"] == "SPDXRef-DOCUMENT"
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", one) for one in ids)
    by_name = {package["name"]: package for package in bill["packages"]}
    recorded = record(media, "package")
    assert len(bill["packages"]) == len(recorded) + 4 and len(recorded) > 100
    for name, version, digest, *_ in recorded:
        package = by_name[name]
        assert package["versionInfo"] == version
        assert package["checksums"] == [{"algorithm": "SHA256", "checksumValue": digest}]
        assert package["externalRefs"][0]["referenceLocator"].startswith(f"pkg:deb/debian/{name}@")
    contained = {r["relatedSpdxElement"] for r in bill["relationships"] if r["relationshipType"] == "CONTAINS"}
    used = {line[-1].split("=")[0] for line in record(media, "runtime")} - {"nacre"}
    assert {by_name[name]["SPDXID"] for name in used} | {"SPDXRef-nacre", "SPDXRef-kernel", "SPDXRef-app"} == contained
    image = next(p for p in bill["packages"] if p["SPDXID"] == "SPDXRef-image")
    assert image["checksums"][0]["checksumValue"] == hashlib.sha256((media / "nitro.eif").read_bytes()).hexdigest()


def test_runtime_holds_what_it_must_and_nothing_else(media):
    entries = cpio.read(media / "runtime.cpio.gz")
    expected = (images.ROOT / f"tools/image/runtime.{images.MACHINE}.list").read_text()
    assert ["/" + e.name for e in entries] == re.findall(r"^\S+ (\S+)$", expected, re.M)
    for e in entries:
        assert stat.S_ISDIR(e.mode) or stat.S_ISREG(e.mode), f"{e.name} is neither a file nor a folder"
        assert e.mtime == 0 and not e.data.startswith(b"#!")
    programs = {e.name for e in entries if stat.S_ISREG(e.mode) and e.mode & 0o111 and "/ld-linux" not in e.name}
    assert programs == PROGRAMS
    assert (media / "runtime.cpio.gz").stat().st_size <= LIMIT


def test_app_is_below_app_alone(media):
    names = [e.name for e in cpio.read(media / "app.cpio.gz")]
    assert names == ["app", "app/allowed_endpoints.yaml", "app/manifest.cbor", "app/nacre.yaml", "app/plugin.so"]


def test_programs_find_their_libraries(media, tmp_path):
    """With the files of the ramdisk alone: neither a cache of the loader nor anything of this machine."""
    cpio.unpack(media / "runtime.cpio.gz", tmp_path)
    loader = next(p for p in tmp_path.rglob("ld-linux*"))
    enter = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
    for name in (*PROGRAMS, *MODULES):
        done = subprocess.run([*enter, "chroot", tmp_path, "/" + str(loader.relative_to(tmp_path)), "--list", "/" + name],
                              check=False, text=True, capture_output=True)
        assert done.returncode == 0 and "not found" not in done.stdout, done.stdout + done.stderr
        assert "libc.so.6 => /usr/lib" in done.stdout


def test_record_says_what_is_there(media):
    lock = (images.ROOT / f"tools/image/packages.{subprocess.getoutput('dpkg --print-architecture')}.lock").read_text()
    assert record(media, "package") == [line.split() for line in lock.splitlines() if not line.startswith("#")]
    for kind, ramdisk in (("runtime", "runtime.cpio.gz"), ("app", "app.cpio.gz")):
        said = {row[0]: tuple(row[1:4]) for row in record(media, kind)}
        found = {"/" + e.name: (str(len(e.data)), hashlib.sha256(e.data).hexdigest(), hashlib.sha384(e.data).hexdigest())
                 for e in cpio.read(media / ramdisk) if stat.S_ISREG(e.mode)}
        assert said == found
    origins = {row[0]: row[4] for row in record(media, "runtime")}
    ours = {"/" + p for p in (*PROGRAMS, *MODULES)}
    assert {path for path, origin in origins.items() if origin == "nacre"} == ours


def test_two_builds_are_the_same(media, strange):
    """Whoever builds it, where, when and however: the same bytes. Says the first difference."""
    for name in ("runtime.cpio.gz", "app.cpio.gz"):
        assert cpio.difference(media / name, strange / name) is None
    assert images.pcrs(media) == images.pcrs(strange)
    for name in images.OUTPUTS:
        assert (media / name).read_bytes() == (strange / name).read_bytes(), name


def test_two_apps_share_the_runtime(media, weather):
    assert cpio.difference(media / "runtime.cpio.gz", weather / "runtime.cpio.gz") is None
    one, other = images.pcrs(media), images.pcrs(weather)
    assert one[1] == other[1]
    assert one[2] != other[2] and one[0] != other[0]


@pytest.fixture(scope="module")
def outside(base, media):
    """A plugin that this machine's compiler made against the public header, with a file of its own beside it."""
    folder = base / "outside"
    config = folder / "config" / "model"
    config.mkdir(parents=True)
    plugin = folder / "greeting.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-I", images.ROOT / "include", images.ROOT / "plugins/media/media.c",
                    "-o", plugin], check=True)
    shutil.copy(images.ROOT / "config/image.yaml", config.parent / "nacre.yaml")
    shutil.copy(images.ROOT / "plugins/media/allowed_endpoints.yaml", config.parent)
    (config / "weights").write_bytes(b"1 2 3\n")
    images.make(base / "one", "image", f"PLUGIN={plugin}", f"CONFIG={config.parent}", f"OUT={folder / 'out'}")
    return folder


def test_a_plugin_from_outside(media, outside):
    out = outside / "out"
    assert images.pcrs(out)[1] == images.pcrs(media)[1]
    files = {e.name: e.data for e in cpio.read(out / "app.cpio.gz")}
    assert files["app/plugin.so"] == (outside / "greeting.so").read_bytes()
    assert files["app/model/weights"] == b"1 2 3\n"


def test_pcr2_is_recomputed_from_its_parts(outside):
    """By the tool that was built for this machine, with this machine's compiler and libraries."""
    parts = ["--app", outside / "greeting.so", "--config", outside / "config"]
    command = [images.OUT / "bin/nacre", "eif", "verify", outside / "out/nitro.eif", "--pcrs", outside / "out/nitro.pcrs"]
    subprocess.run([*command, *parts], check=True)
    changed = outside / "changed"
    shutil.copytree(outside / "config", changed)
    (changed / "model/weights").write_bytes(b"1 2 4\n")
    done = subprocess.run([*command, *parts[:3], changed], check=False, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr


def test_where_two_ramdisks_part_is_said(media, tmp_path):
    """The test above could not say it otherwise."""
    raw = gzip.decompress((media / "app.cpio.gz").read_bytes())
    at = raw.index(b"listen:")
    flipped = tmp_path / "flipped.cpio.gz"
    flipped.write_bytes(gzip.compress(raw[:at] + b"L" + raw[at + 1:]))
    text = cpio.difference(media / "app.cpio.gz", flipped)
    assert re.search(r"/app/nacre\.yaml differs from offset \d+ on: 6c697374656e3a.* 4c697374656e3a", text)
    again = tmp_path / "again.cpio.gz"
    again.write_bytes(gzip.compress(raw, mtime=7))
    assert "compressed differently" in cpio.difference(media / "app.cpio.gz", again)
