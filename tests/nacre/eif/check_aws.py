"""
`nacre eif` beside AWS's own crate aws-nitro-enclaves-image-format: each reads what the other one built.
Needs cargo, rustc 1.85 or newer and crates.io once. Without them this ends with exit code 77 and says so.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from eif_parts import OUT, eif, good, lines, make_signer
from eif_reader import read, with_crc

HERE = pathlib.Path(__file__).resolve().parent
TARGET = OUT / "tests" / "aws-eif"
NO_NETWORK = re.compile(r"Could not resolve|Couldn't connect|failed to download|network failure|spurious network|Connection (?:refused|timed out)", re.I)


def absent(why):
    pytest.exit(f"SKIPPED: images were not compared with AWS's crate: {why}", returncode=77)


@pytest.fixture(scope="session")
def aws():
    """Runs the crate: what it says, a list of one object a line."""
    for program in ("cargo", "rustc"):
        if not shutil.which(program):
            absent(f"no program '{program}'")
    version = subprocess.run(["rustc", "--version"], capture_output=True, check=False).stdout.decode()
    found = re.match(r"rustc (\d+)\.(\d+)", version)
    if not found or tuple(map(int, found.groups())) < (1, 85):
        absent(f"it is {version.strip() or 'no rustc that runs'}, 1.85 or newer is needed")
    project = TARGET / "source"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(HERE / "aws", project)
    done = subprocess.run(["cargo", "build", "--locked", "--quiet"], cwd=project, capture_output=True, timeout=540, check=False,
                          env=dict(os.environ, CARGO_TARGET_DIR=str(TARGET / "target")))
    said = done.stderr.decode()
    if done.returncode != 0 and NO_NETWORK.search(said):
        absent("cargo cannot reach crates.io")
    assert done.returncode == 0, said[-6000:]

    def run(*arguments, status=0):
        made = subprocess.run([TARGET / "target" / "debug" / "aws-eif", *map(str, arguments)], capture_output=True, timeout=60,
                              check=False)
        assert (made.returncode == 0) == (status == 0), made.stderr.decode()
        return [json.loads(line) for line in made.stdout.decode().splitlines()]

    return run


def compare(said, path):
    """What `describe --json` prints is what the crate makes of the image."""
    ours = json.loads(good("describe", "--json", path))
    for name in ("EifVersion", "Measurements", "IsSigned", "CheckCRC", "SigningCertificate", "SignatureCheck"):
        assert ours.get(name) == said.get(name), name
    meta = said["Metadata"]
    flat = {**meta["BuildMetadata"], "DockerInfo": meta["DockerInfo"], **(meta["CustomMetadata"] or {})}
    assert ours["Metadata"] == flat
    assert (ours["ImageName"], ours["ImageVersion"]) == (meta["ImageName"], meta["ImageVersion"])
    pcrs = {n: value for n, value in lines(good("measure", path)).items()}
    assert {f"PCR{n}": value for n, value in pcrs.items()} | {"HashAlgorithm": "Sha384 { ... }"} == said["Measurements"]
    found = read(path.read_bytes()).pcrs()
    assert all(found[n] == pcrs[n] for n in (0, 1, 2))


@pytest.fixture(scope="session")
def ours(parts, image):
    """Seven images of ours: one ramdisk, two, three, arm64, three signed ones."""
    made = [image]

    def build(name, *more, kernel="kernel"):
        good("build", "--kernel", parts / kernel, "--cmdline", f"quiet {name}", "--ramdisk", parts / "runtime.cpio.gz", *more,
             "-o", parts / name)
        made.append(parts / name)

    app = ("--app-ramdisk", parts / "app.cpio.gz")
    (parts / "mine.json").write_text('{"commit": "abc", "nested": {"a": [1, {}], "b": "\\u00e9"}}')
    build("one.eif")
    build("three.eif", "--ramdisk", parts / "kernel", *app, "--metadata", parts / "mine.json")
    build("arm.eif", *app, kernel="kernel.arm64")
    for curve in ("secp384r1", "prime256v1", "secp521r1"):
        cert, key = make_signer(parts, curve, curve)
        build(f"{curve}.eif", *app, "--sign-cert", cert, "--sign-key", key)
    return made


def test_the_crate_reads_our_images_as_we_do(aws, ours):
    said = aws("read", *ours)
    assert len(said) == len(ours) == 7
    for one, path in zip(said, ours):
        compare(one, path)
    assert [one["IsSigned"] for one in said] == [False] * 4 + [True] * 3
    for one in said[4:]:
        assert one["SignatureCheck"] is True and one["CertificateOfNow"] == {"Ok": None}
        assert one["SigningCertificate"]["IssuerName"]["commonName"] == "shell"


def test_we_read_the_crates_images_as_it_does(aws, parts, image, tmp_path):
    cert, key = make_signer(parts, "theirs")
    runtime, app = parts / "runtime.cpio.gz", parts / "app.cpio.gz"
    wanted = [("x86_64", "kernel", "-", "-", [runtime]), ("x86_64", "kernel", "-", "-", [runtime, app]),
              ("x86_64", "kernel", cert, key, [runtime, app]), ("aarch64", "kernel.arm64", "-", "-", [runtime, app]),
              ("x86_64", "kernel", cert, key, [runtime]), ("x86_64", "kernel", "-", "-", [runtime, app, app, app])]
    for i, (arch, kernel, one, two, ramdisks) in enumerate(wanted):
        path = tmp_path / f"{i}.eif"
        built = aws("build", path, arch, parts / kernel, "console=ttyS0", one, two, *ramdisks)[0]
        said = aws("read", path)[0]
        assert said["CheckCRC"] and said["Measurements"] == built
        compare(said, path)
        text = good("verify", path)
        assert ("good, over PCR0" in text) == (one != "-")
        # The same parts give the same measurements without their tool.
        ours = lines(good("measure", "--kernel", parts / kernel, "--cmdline", "console=ttyS0",
                          *[word for r in ramdisks for word in ("--ramdisk", r)], *(("--sign-cert", one) if one != "-" else ())))
        assert {f"PCR{n}": value for n, value in ours.items()} == {k: v for k, v in built.items() if k != "HashAlgorithm"}


def test_both_see_a_changed_byte(aws, ours):
    for path in (ours[0], ours[-1]):
        raw = bytearray(path.read_bytes())
        raw[1000] ^= 1
        bad = path.with_suffix(".bad")
        bad.write_bytes(raw)
        assert aws("read", ours[0])[0]["CheckCRC"] is True
        code, out, err = eif("describe", "--json", bad)
        assert code == 1 and "the CRC is" in err and json.loads(out)["CheckCRC"] is False
        if path == ours[0]:
            assert aws("read", bad)[0]["CheckCRC"] is False
        # With a CRC that fits, only the signature is left to tell.
        bad.write_bytes(with_crc(bytes(raw)))
        code, out, err = eif("describe", "--json", bad)
        assert code == (0 if path == ours[0] else 1) and json.loads(out)["CheckCRC"] is True
        if path != ours[0]:
            assert "signs another PCR0" in err and aws("read", bad)[0]["SignatureCheck"] is False
