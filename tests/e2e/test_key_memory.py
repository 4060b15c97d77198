"""The key is in nacred alone: the helpers' memory is read byte by byte, before and after a restart."""
import os
import pathlib
import re
import signal

import pytest

import nacre_check
from harness import SANITIZED, media_body, wait_for
from memory import find_seed, find_x25519, memory, needles

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(SANITIZED, reason="a sanitizer's shadow memory takes hours to read"),
]


def assert_absent(runtime, secrets):
    for name in ("nacre-http", "nacre-app", "nacre-nsm-sim"):
        total = 0
        for address, data in memory(runtime.pid(name)):
            total += len(data)
            for what, needle in secrets.items():
                assert needle not in data, f"{what} is in {name} at {address + data.find(needle):#x}"
        assert total > 1 << 20, f"only {total} bytes of {name} could be read"


def test_key_bytes_are_nowhere_in_the_helpers(start):
    runtime = start("media", sets=["restart.initial_ms=1", "restart.max_ms=1"])
    for i in range(50):
        runtime.verify(runtime.post("/process_data", media_body(i)))
    nacred = runtime.pid("nacred")
    seed = find_seed(nacred, runtime.key)
    assert seed is not None, "the seed was not found in nacred: the test looks in the wrong place"
    data = nacre_check.user_data(runtime.document(runtime.get("/get_attestation?nonce=00")))
    boxes = {name: secret for name in ("secrets_key", "data_key")
             if (secret := find_x25519(nacred, data[name])) is not None}
    secrets = needles(seed, boxes)
    assert_absent(runtime, secrets)
    for name in ("nacre-app", "nacre-http"):
        old = runtime.pid(name)
        os.kill(old, signal.SIGSEGV)
        wait_for(f"a new {name}", lambda old=old, name=name: runtime.pid(name) not in (None, old))

    def back():
        try:
            return runtime.post("/process_data", media_body(1)).status == 200
        except OSError:
            return False

    wait_for("service to be back", back)
    assert_absent(runtime, secrets)
    assert find_seed(nacred, runtime.key) == seed


def test_nobody_else_may_read_nacred(start):
    """Not dumpable: /proc/PID belongs to root, a core file is never written, no debugger attaches without privilege."""
    runtime = start("media")
    for name in ("nacred", "nacre-http", "nacre-app"):
        pid = runtime.pid(name)
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"^Max core file size\s+0\s+0\s", limits, re.M), f"{name}: {limits}"
        if name != "nacred":
            assert re.search(r"^NoNewPrivs:\s*1$", status, re.M), name
            assert re.search(r"^Seccomp:\s*2$", status, re.M), name
    sealed = [line for line in pathlib.Path(f"/proc/{runtime.pid('nacred')}/smaps").read_text().split("VmFlags:")[1:]
              if " dd" in line.splitlines()[0] and " dc" in line.splitlines()[0]]
    assert sealed, "no mapping of nacred is kept out of dumps and of forks"


def test_helpers_have_no_path_to_the_nsm(start):
    runtime = start("media")
    nsm = [line.split() for line in pathlib.Path("/proc/net/unix").read_text().splitlines()
           if "nacre" in line or str(runtime.dir) in line]
    named = {fields[6] for fields in nsm}
    for name in ("nacre-http", "nacre-app"):
        pid = runtime.pid(name)
        for fd in os.listdir(f"/proc/{pid}/fd"):
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
            assert target != "/dev/nsm"
            if target.startswith("socket:["):
                assert target[8:-1] not in named, f"{name} holds a socket with a name: {target}"
