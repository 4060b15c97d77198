"""Standard error that takes nothing, disks that are full or read-only: nothing stops or dies of it, and starts are refused."""
import fcntl
import os
import signal
import socket
import subprocess
import time

import pytest

import harness
from harness import BIN, finish_storm, media_body, wait_for

QUICK = ["restart.initial_ms=1", "restart.max_ms=1", "restart.reset_s=1"]
HELPERS = ("nacre-http", "nacre-app")


class Into(harness.Runtime):
    """A runtime whose standard error is the descriptor `error`."""

    def __init__(self, error, **kw):
        self.error = error
        super().__init__("media", direct=True, sets=QUICK, **kw)

    def open_log(self):
        return os.fdopen(os.dup(self.error), "wb", buffering=0)


def fill(end):
    """Until not a byte more fits."""
    was = fcntl.fcntl(end, fcntl.F_GETFL)
    fcntl.fcntl(end, fcntl.F_SETFL, was | os.O_NONBLOCK)
    for size in (65536, 1):
        try:
            while True:
                os.write(end, b"x" * size)
        except BlockingIOError:
            continue
    fcntl.fcntl(end, fcntl.F_SETFL, was)


def lives_on(runtime):
    """Serves, loses helpers (which logs a lot), serves again: with the same key, and every answer right."""
    nacred = runtime.pid("nacred")
    runtime.verify(runtime.post("/process_data", media_body(1)))
    storm = runtime.begin_storm(seconds=2, connections=16)
    for _ in range(3):
        for name in HELPERS:
            old = runtime.pid(name)
            os.kill(old, signal.SIGKILL)
            wait_for(f"another {name}", lambda: runtime.pid(name) not in (None, old))
        time.sleep(0.1)
    report = finish_storm(storm)
    assert report["wrong"] == 0 and report["malformed"] == 0 and report["good"] > 100, report
    assert runtime.pid("nacred") == nacred and runtime.health()["pk"] == runtime.key.hex()
    return report


@pytest.mark.sanitizer
@pytest.mark.parametrize("kind", ["pipe", "stream", "dgram"])
def test_nobody_reads_the_log(kind):
    """The reader of the log has stopped: a collector that hangs, a terminal at Ctrl-S."""
    if kind == "pipe":
        reader, writer = os.pipe()
    else:
        ours, theirs = socket.socketpair(type=socket.SOCK_STREAM if kind == "stream" else socket.SOCK_DGRAM)
        reader, writer = ours.detach(), theirs.detach()
    try:
        with Into(writer) as runtime:
            fill(writer)
            lives_on(runtime)
            os.set_blocking(reader, False)
            read_all(reader)
            os.kill(runtime.pid("nacre-app"), signal.SIGKILL)
            wait_for("the log to go on", lambda: b"lines_lost=" in read_all(reader))
    finally:
        os.close(reader)
        os.close(writer)


def read_all(reader):
    got = b""
    try:
        while True:
            more = os.read(reader, 65536)
            if not more:
                return got
            got += more
    except BlockingIOError:
        return got


@pytest.mark.sanitizer
def test_the_reader_of_the_log_is_gone():
    reader, writer = os.pipe()
    with Into(writer) as runtime:
        os.close(reader)
        os.close(writer)
        lives_on(runtime)
        # Each of them has written since: to log is no reason to die.
        before = {name: runtime.pid(name) for name in HELPERS}
        runtime.raw(b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)
        assert {name: runtime.pid(name) for name in HELPERS} == before


def test_a_full_device_as_log():
    with open("/dev/full", "wb", buffering=0) as full, Into(full.fileno()) as runtime:
        lives_on(runtime)


# ---- Disks --------------------------------------------------------------------------------------------------------

INSIDE = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def mount(kind, where, flags, options):
    if libc.mount(kind, where.encode(), kind, ctypes.c_ulong(flags), options) != 0:
        raise OSError(ctypes.get_errno(), "mount")
"""


def in_mount_namespace(kind, where, command, **kw):
    """Runs the command where `where` is a tmpfs that is full or read-only; nobody else sees it."""
    script = INSIDE + f"""
os.unshare(os.CLONE_NEWNS) if hasattr(os, "unshare") else libc.unshare(0x20000)
libc.mount(None, b"/", None, ctypes.c_ulong(0x44000), None)
where = sys.argv[1]
mount(b"tmpfs", where, 0, b"size=64k")
if {kind!r} == "read-only":
    mount(b"tmpfs", where, 0x21, b"size=64k")
else:
    try:
        with open(where + "/filler", "wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 4096)
    except OSError:
        pass
os.execv(sys.argv[2], sys.argv[2:])
"""
    return subprocess.Popen(["/usr/bin/python3", "-c", script, str(where), *map(str, command)], **kw)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")


@needs_root
@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_dev_refuses_a_directory_it_cannot_write_to(kind, tmp_path):
    """One sentence that names the file and the reason, and nothing left running."""
    disk = tmp_path / "disk"
    disk.mkdir()
    process = in_mount_namespace(
        kind, disk, [BIN / "nacre", "dev", "--app", "media", "--listen", "127.0.0.1:0", "--keep", disk / "run"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=harness.ROOT)
    out, _ = process.communicate(timeout=30)
    said = out.decode()
    assert process.returncode not in (0, None) and process.returncode > 0, said
    assert str(disk) in said and ("No space left" in said or "Read-only" in said), said
    assert "url=" not in said
    assert not harness.descendants(process.pid)


@needs_root
def test_the_log_s_disk_is_full(tmp_path):
    """Standard error is a file on a full disk; the runtime's own directory lies elsewhere."""
    disk = tmp_path / "disk"
    disk.mkdir()
    run = tmp_path / "run"
    command = [BIN / "nacre", "dev", "--app", "media", "--listen", "127.0.0.1:0", "--keep", run]
    for one in QUICK:
        command += ["--set", one]
    process = in_mount_namespace("full", disk, ["/bin/sh", "-c", 'exec "$@" 2>"$0"', disk / "log", *command],
                                 stdout=subprocess.PIPE, cwd=harness.ROOT)
    try:
        line = process.stdout.readline().decode()
        while line and "url=" not in line:
            line = process.stdout.readline().decode()
        assert "url=" in line
        runtime = harness.Runtime("media", start=False)
        host, port, key = harness.ready_line(line)
        runtime.address, runtime.key, runtime.process = (host, port), bytes.fromhex(key), process
        lives_on(runtime)
        runtime.stop()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
