"""config/systemd and the bundle that brings them to a parent."""

import configparser
import hashlib
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
    if not shutil.which("patchelf"):
        pytest.skip("no program 'patchelf': no bundle was made")
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
    assert service["IPAddressDeny"].split() == ["169.254.169.254", "fd00:ec2::254"], "the role's credentials are not for it"
    assert unit("nacre-host.service")["Unit"]["StartLimitIntervalSec"] == "0"


def test_the_enclave_again():
    """The same start as the enclave's own unit, with the same confinement; only when none runs, and never by itself."""
    own, again = unit("nacre-enclave.service")["Service"], unit("nacre-enclave-again.service")
    service = again["Service"]
    assert service["ExecStart"] == own["ExecStart"].replace(" $NACRE_ENCLAVE", " --if-down $NACRE_ENCLAVE") and "Install" not in again
    assert {k: v for k, v in service.items() if k not in ("ExecStart", "TimeoutStartSec")} == {
        k: v for k, v in own.items() if k not in ("ExecStart", "TimeoutStartSec", "RemainAfterExit", "ExecStop")}
    assert unit("nacre-enclave-again.timer")["Timer"]["OnUnitInactiveSec"] == "1min"


def test_the_enclaves_unit():
    service = unit("nacre-enclave.service")["Service"]
    assert service["Type"] == "oneshot" and service["RemainAfterExit"] == "yes" and service["KillMode"] == "process"
    assert service["User"] == unit("nacre-host.service")["Service"]["User"] and service["NoNewPrivileges"] == "yes"
    text = (UNITS / "nacre-enclave.service").read_text().replace("\\\n", " ")
    words = re.search(r"^ExecStart=/usr/bin/nacre (.*)$", text, re.M).group(1).split()
    said = subprocess.run([OUT / "bin" / "nacre", "host", "up", "--help"], capture_output=True, check=True).stdout.decode()
    assert words[:3] == ["host", "up", "main"]
    for option in [word for word in words if word.startswith("--")] + ["--cpus", "--memory", "--blobs"]:
        assert option in said, option
    assert service["ExecStop"] == "/usr/bin/nacre host down main"


def test_a_restart_of_the_daemon_is_none_of_the_enclave():
    """systemd passes stops and restarts of a unit on to those that require it, and an enclave that ends takes its key along."""
    section = unit("nacre-enclave.service")["Unit"]
    assert "nacre-host.service" in section["Wants"] and "nacre-host.service" in section["After"]
    for key in ("Requires", "Requisite", "BindsTo", "PartOf", "PropagatesStopTo", "StopPropagatedFrom"):
        assert "nacre-host.service" not in section.get(key, ""), key


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
                     "opt/nacre/image/allowed_endpoints.yaml", "etc/logrotate.d/nacre",
                     "etc/systemd/system/nitro-enclaves-allocator.service.d/nacre.conf",
                     *(f"etc/systemd/system/{p.name}" for p in (*UNITS.glob("*.service"), *UNITS.glob("*.timer")))):
            assert members[name].mode in (0o644, 0o755) and members[name].isfile(), name
        assert members["usr/bin/nacre"].mode == 0o755


def test_the_bundled_program_runs_with_its_own_libraries(bundle, tmp_path):
    """By the loader it names, and, as root, with the bundle as the whole system."""
    with tarfile.open(bundle) as tar:
        tar.extractall(tmp_path)
    program, libraries = tmp_path / "usr" / "bin" / "nacre", tmp_path / "opt" / "nacre" / "lib"
    said = subprocess.run(["patchelf", "--print-rpath", "--print-interpreter", program], capture_output=True, check=True).stdout.decode()
    interpreter, rpath = sorted(said.split(), key=len, reverse=True)
    assert rpath == "/opt/nacre/lib" and os.path.dirname(interpreter) == rpath
    loader = libraries / os.path.basename(interpreter)
    environment = {"PATH": "/nowhere"}
    done = subprocess.run([loader, "--library-path", libraries, program, "--version"], capture_output=True, check=False, env=environment)
    assert done.returncode == 0 and done.stdout.startswith(b"nacre "), done.stderr.decode()
    listed = subprocess.run([loader, "--library-path", libraries, "--list", program], capture_output=True, check=True).stdout.decode()
    for line in listed.splitlines():
        assert "linux-vdso" in line or str(tmp_path) in line or line.strip().startswith("/opt/nacre/lib/ld-"), line
    if os.geteuid() != 0:
        return
    done = subprocess.run([shutil.which("chroot"), tmp_path, "/usr/bin/nacre", "--version"], capture_output=True, check=False, env={})
    assert done.returncode == 0 and done.stdout.startswith(b"nacre "), done.stderr.decode()


def test_the_bundler_wants_all_its_words():
    done = subprocess.run(["sh", SOURCE / "tools" / "bundle.sh", OUT], capture_output=True, check=False)
    assert done.returncode == 2 and b"OUT HOST_YAML IMAGE PCRS ALLOW FILE" in done.stderr
