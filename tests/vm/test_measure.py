"""QEMU's own reader of images beside `nacre eif`: it measures what it boots, and the guest asks its NSM."""

import pathlib
import re
import subprocess

import enclave
import machine
import pytest

INIT = enclave.OUT / "tests" / "vm-measure"
NOTHING = "0" * 96


def nacre(*words):
    return subprocess.run([enclave.OUT / "bin" / "nacre", "eif", *map(str, words)], capture_output=True, check=True).stdout.decode()


@pytest.fixture(scope="module")
def parts(image, tmp_path_factory):
    """The kernel that ships, a ramdisk with an init that prints measurements, two more ramdisks, and a signer."""
    at = tmp_path_factory.mktemp("measure")
    (at / "kernel").write_bytes(next(data for kind, data in machine.sections(image) if kind == machine.KERNEL))
    (at / "root").mkdir()
    (at / "root" / "init").write_bytes(INIT.read_bytes())
    (at / "root" / "init").chmod(0o755)
    nacre("ramdisk", "--root", at / "root", "--node", "dev/console=c:5:1", "-o", at / "runtime")
    for name in ("more", "last"):
        (at / f"{name}.d" / "app").mkdir(parents=True)
        (at / f"{name}.d" / "app" / name).write_bytes(name.encode() * 1000)
        nacre("ramdisk", "--root", at / f"{name}.d", "--stored", "-o", at / name)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1", "-nodes", "-keyout",
                    at / "key", "-out", at / "cert", "-days", "30", "-subj", "/CN=signer"], check=True, capture_output=True)
    return at


def seen_by_qemu(path):
    with machine.Machines(path, enclave.PROGRAMS, pathlib.Path("unused"), with_parent=False) as running:
        running.console.await_line("measure: done", 120)
        text = running.console.text()
    return {int(n): value for value, n in re.findall(r"measure: ([0-9a-f]{96}) PCR(\d)", text)}


@pytest.mark.parametrize("name, ramdisks, more", [
    ("one", ["runtime"], []),
    ("two", ["runtime", "more"], []),
    ("three", ["runtime", "more", "last"], ["--memory", "512", "--name", "other"]),
    ("signed", ["runtime"], ["--sign"]),
    ("two and signed", ["runtime", "more"], ["--sign"]),
])
def test_qemu_measures_what_we_measure(parts, tmp_path, name, ramdisks, more):
    sign = ["--sign-cert", parts / "cert", "--sign-key", parts / "key"] if more == ["--sign"] else []
    words = [word for r in ramdisks for word in ("--ramdisk", parts / r)]
    said = nacre("build", "--kernel", parts / "kernel", "--cmdline", f"console=ttyS0 reboot=t panic=-1 quiet nacre.test={len(name)}",
                 *words, *([] if sign else more), *sign, "-o", tmp_path / "eif")
    ours = {int(n[3:]): value for value, n in (line.split() for line in said.splitlines())}
    assert seen_by_qemu(tmp_path / "eif") == {8: NOTHING, **ours}
    assert (8 in ours) == bool(sign)
