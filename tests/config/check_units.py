"""config/systemd and the bundle that brings them to a parent."""

import configparser
import hashlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import tarfile

import pytest
import yaml_lines

SOURCE = pathlib.Path(os.environ.get("NACRE_SOURCE", ".")).resolve()
OUT = pathlib.Path(os.environ.get("NACRE_OUT", "out")).resolve()
UNITS = SOURCE / "config" / "systemd"


def unit(name):
    """{section: {key: value}}; of a key that comes twice, the last."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=False)
    parser.optionxform = str
    parser.read_string((UNITS / name).read_text())
    return {section: dict(parser[section]) for section in parser.sections()}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    at = tmp_path_factory.mktemp("bundle")
    for name in ("host.yaml", "nitro.eif", "nitro.pcrs", "allow.yaml"):
        (at / name).write_text(f"{name}\n")
    words = [SOURCE / "tools" / "bundle.sh", OUT, *(at / n for n in ("host.yaml", "nitro.eif", "nitro.pcrs", "allow.yaml"))]
    old = os.umask(0o077)
    try:
        said = [subprocess.run(["sh", *words, at / f"{i}.tar.gz"], capture_output=True, check=True).stdout.decode() for i in (1, 2)]
    finally:
        os.umask(old)
    assert said[0].split()[0] == hashlib.sha256((at / "1.tar.gz").read_bytes()).hexdigest() == said[1].split()[0]
    return at / "1.tar.gz"


def test_the_hosts_unit():
    service = unit("nacre-host.service")["Service"]
    assert service["Type"] == "notify" and service["NotifyAccess"] == "main" and service["Restart"] == "always"
    assert 10 <= int(service["WatchdogSec"]) <= 60
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["ExecStartPre"] == service["ExecStart"] + " --check"
    assert service["User"] == "nacre" and service["NoNewPrivileges"] == "yes" and service["CapabilityBoundingSet"] == ""
    assert set(service["RestrictAddressFamilies"].split()) == {"AF_INET", "AF_INET6", "AF_VSOCK", "AF_UNIX"}
    assert unit("nacre-host.service")["Unit"]["StartLimitIntervalSec"] == "0"


def test_the_allocators_share_fits_terraforms_defaults():
    values = yaml_lines.read(UNITS / "allocator.yaml")
    text = (SOURCE / "config" / "terraform" / "variables.tf").read_text()
    for ours, theirs in (("cpu_count", "enclave_cpus"), ("memory_mib", "enclave_memory_mib")):
        default = re.search(rf'variable "{theirs}" {{[^}}]*default     = (\d+)', text).group(1)
        assert values[ours] == default
    assert "nacre-host.service" in unit("nitro-enclaves-allocator.service.d/nacre.conf")["Unit"]["Before"]


def test_systemd_takes_the_units(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no program 'systemd-analyze': the units were not verified by systemd")
    # The programs are not installed here: put in ones that are, at the same places of the command line.
    for path in UNITS.glob("*.service"):
        text = path.read_text().replace("/usr/bin/nacre ", "/bin/true ").replace("/usr/bin/journalctl", "/bin/true")
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *tmp_path.glob("*.service")], capture_output=True, timeout=60,
                          check=False, env=dict(os.environ, SYSTEMD_UNIT_PATH=f"{tmp_path}:"))
    ours = [line for line in done.stderr.decode().splitlines() if "nacre-" in line]
    assert done.returncode == 0 and not ours, done.stderr.decode()
    (tmp_path / "nacre-host.service").write_text("[Service]\nExecStart=/bin/true\nType=notfy\nWatchdogSecs=3\n")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / "nacre-host.service"], capture_output=True,
                          timeout=60, check=False)
    assert b"notfy" in done.stderr and b"WatchdogSecs" in done.stderr


def test_the_bundle_brings_all_that_a_parent_needs(bundle):
    with tarfile.open(bundle) as tar:
        members = {m.name: m for m in tar.getmembers()}
        assert all((m.uid, m.gid, m.mtime, m.uname, m.gname) == (0, 0, 0, "", "") for m in members.values())
        assert all(m.isdir() or m.isfile() for m in members.values())
        for name in ("etc/nacre/host.yaml", "opt/nacre/image/nitro.eif", "opt/nacre/image/nitro.pcrs", "usr/bin/nacre",
                     "opt/nacre/image/allowed_endpoints.yaml", "opt/nacre/bin/nacre", "etc/logrotate.d/nacre",
                     "etc/systemd/system/nitro-enclaves-allocator.service.d/nacre.conf",
                     *(f"etc/systemd/system/{p.name}" for p in UNITS.glob("*.service"))):
            assert members[name].mode in (0o644, 0o755) and members[name].isfile(), name
        assert members["usr/bin/nacre"].mode == members["opt/nacre/bin/nacre"].mode == 0o755
        assert tar.extractfile("opt/nacre/bin/nacre").read() == (OUT / "bin" / "nacre").read_bytes()


def test_the_bundled_program_runs_with_its_own_libraries(bundle, tmp_path):
    with tarfile.open(bundle) as tar:
        tar.extractall(tmp_path)
        wrapper = io.TextIOWrapper(tar.extractfile("usr/bin/nacre")).read()
    command = re.search(r"exec (\S+) --library-path (\S+) (\S+)", wrapper).groups()
    loader, libraries, program = (str(tmp_path) + part for part in command)
    done = subprocess.run([loader, "--library-path", libraries, program, "--version"], capture_output=True, check=False,
                          env={"PATH": "/nowhere"})
    assert done.returncode == 0 and done.stdout.startswith(b"nacre "), done.stderr.decode()
    listed = subprocess.run([loader, "--library-path", libraries, "--list", program], capture_output=True, check=True).stdout.decode()
    for line in listed.splitlines():
        assert "linux-vdso" in line or str(tmp_path) in line, line


def test_the_bundler_wants_all_its_words():
    done = subprocess.run(["sh", SOURCE / "tools" / "bundle.sh", OUT], capture_output=True, check=False)
    assert done.returncode == 2 and b"OUT HOST_YAML IMAGE PCRS ALLOW FILE" in done.stderr
