"""What the kernel says of the three processes: filters, privileges, namespaces."""
import os
import pathlib
import re

import pytest

import harness

PROCESSES = ("nacred", "nacre-http", "nacre-app")
HELPERS = PROCESSES[1:]


def status(pid, field):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return re.search(rf"(?m)^{field}:\s*(\S+)", text).group(1)


@pytest.mark.skipif(harness.SANITIZED, reason="the sanitizers' own calls are on no list")
@pytest.mark.parametrize("name", PROCESSES)
def test_filter_and_privileges(media, name):
    pid = media.pid(name)
    assert status(pid, "Seccomp") == "2"
    assert status(pid, "NoNewPrivs") == "1"
    # nacred's list is under the helpers' own
    assert int(status(pid, "Seccomp_filters")) >= (1 if name == "nacred" else 3)


@pytest.mark.parametrize("name", HELPERS)
def test_helpers_have_no_capabilities(media, name):
    pid = media.pid(name)
    reading_files = 1 << 2  # CAP_DAC_READ_SEARCH, of a developer who is root
    for field in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status(pid, field), 16) & ~reading_files == 0


@pytest.mark.root
@pytest.mark.parametrize("name", HELPERS)
def test_helpers_have_namespaces_of_their_own(media, name):
    said = re.search(r'event=confined namespaces="?([a-z ]*)"? ', media.log()).group(1).split()
    if not said:
        pytest.skip("this machine gives no namespaces")
    for kind in said:
        ours, theirs = (os.readlink(f"/proc/{media.pid(n)}/ns/{kind}") for n in ("nacred", name))
        assert ours != theirs, kind
    assert os.readlink(f"/proc/{media.pid('nacre-app')}/ns/net") != os.readlink(f"/proc/{media.pid('nacre-http')}/ns/net")


@pytest.mark.skipif(harness.SANITIZED, reason="the sanitizers' own calls are on no list")
def test_refused_calls_are_named(start):
    """The hostile plugin tries its way out; the log names each call that was refused, once."""
    runtime = start(plugin=harness.TEST_PLUGINS / "hostile-calls.so")
    for _ in range(3):
        runtime.post("/attack", {"mode": "outside", "arg": ""})
    refused = re.findall(r'prog=nacre-app event="system call refused" call=(\w+)', runtime.log())
    assert {"socket", "ptrace"} <= set(refused), refused
    app_starts = len(re.findall(r'event="helper started" helper=nacre-app', runtime.log()))
    assert len(refused) <= len(set(refused)) * app_starts
