"""Ten thousand connections, clients that read nothing, and slowhttptest's attacks, against nacre-http itself."""
import os
import resource
import shutil
import socket
import subprocess
import threading
import time

import pytest

import harness
from harness import media_body, wait_for

MANY = 10_000
ATTACKS = {
    "slow headers": ["-H", "-i", "1", "-x", "24", "-u", "{url}/"],
    "slow body": ["-B", "-i", "1", "-s", "8192", "-x", "10", "-t", "POST", "-u", "{url}/process_data"],
    "ranges": ["-R", "-a", "1", "-b", "3000", "-t", "HEAD", "-u", "{url}/openapi.json"],
    "slow read": ["-X", "-w", "1", "-y", "4", "-n", "5", "-z", "1", "-k", "3", "-u", "{url}/openapi.json"],
}


def files_for(connections):
    """Both ends are in processes that inherit our limit."""
    need = connections + 500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < need and os.geteuid() != 0:
        pytest.skip(f"needs {need} descriptors, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, need), max(hard, need)))


def open_many(address, count):
    opened = []
    for i in range(count):
        opened.append(socket.create_connection(address, timeout=20))
        if i % 200 == 199:
            time.sleep(0.002)  # the queue of those not yet accepted is shorter than this
    return opened


def serves(runtime, seconds=5.0):
    begin = time.monotonic()
    runtime.verify(runtime.post("/process_data", media_body(begin)))
    took = time.monotonic() - begin
    assert took < seconds, f"{took:.1f} s"
    return took


@pytest.mark.skipif(harness.SANITIZED, reason="a sanitizer makes each connection many times as dear")
def test_ten_thousand_connections(start):
    files_for(MANY)
    # Waiting for a request costs memory and a descriptor, and nothing of those who ask.
    runtime = start("media", direct=True, sets=[f"http.connections={MANY + 200}", "http.idle_s=120"])
    http = runtime.pid("nacre-http")
    before = harness.memory_kib(http, "Private_Dirty")
    opened = open_many(runtime.address, MANY)
    try:
        wait_for("all to be accepted", lambda: len(harness.descriptors(http)) >= MANY, 60, 0.2)
        used = harness.memory_kib(http, "Private_Dirty") - before
        slowest = max(serves(runtime) for _ in range(50))
        report = runtime.storm(requests=2000, connections=32)
        assert report["good"] == 2000 and report["wrong"] == 0, report
        # half of them ask at last
        for s in opened[:MANY // 2]:
            s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answered = sum(b"200 OK" in s.recv(65536) for s in opened[:MANY // 2])
        assert answered == MANY // 2
        print(f"connections: {len(opened)} held at {used / len(opened):.1f} KiB each, a request beside them took "
              f"{slowest * 1000:.0f} ms at most, {answered} of them answered")
        assert used / MANY < 64, f"{used} KiB"
    finally:
        for s in opened:
            s.close()
    wait_for("all to be closed", lambda: len(harness.descriptors(http)) < 200, 60, 0.2)
    serves(runtime)
    assert runtime.pid("nacre-http") == http


def test_one_more_than_are_allowed(start):
    """At the limit the next one waits for a place, and gets it."""
    runtime = start("media", direct=True, sets=["http.connections=64", "http.idle_s=2"])
    opened = open_many(runtime.address, 300)
    try:
        begin = time.monotonic()
        runtime.verify(runtime.post("/process_data", media_body(1), timeout=60))
        # the silent ones are sent away after 2 s, in turns of as many as there are places
        assert time.monotonic() - begin < 45
    finally:
        for s in opened:
            s.close()
    wait_for("places", lambda: serves(runtime), 20)


def test_clients_that_never_read(start):
    """They ask and ask, and read nothing: their answers fill their own sockets, and after idle_s they are cut off."""
    runtime = start("media", direct=True, sets=["http.idle_s=3"])
    http = runtime.pid("nacre-http")
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 2000
    before, deaf = harness.memory_kib(http, "Private_Dirty"), []
    fds = len(harness.descriptors(http))
    for _ in range(200):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.connect(runtime.address)
        s.setblocking(False)
        deaf.append(s)
    end, sent = time.monotonic() + 2, 0
    while time.monotonic() < end:
        for s in deaf:
            try:
                sent += s.send(asked)
            except OSError:
                pass
        serves(runtime)
    used = harness.memory_kib(http, "Private_Dirty") - before
    assert sent > 10_000_000 // 10, "nobody was deaf"
    wait_for("them to be cut off", lambda: len(harness.descriptors(http)) <= fds + 5, 20, 0.2)
    for s in deaf:
        s.close()
    print(f"connections: {len(deaf)} that never read sent {sent} bytes, cost {used} KiB, and were cut off")
    assert used < 64 * 1024 and runtime.pid("nacre-http") == http
    serves(runtime)


@pytest.mark.skipif(shutil.which("slowhttptest") is None, reason="no slowhttptest")
@pytest.mark.parametrize("attack", list(ATTACKS))
def test_slowhttptest(start, attack):
    """Its modes with 800 connections, below the limit of 1,024: the others are served beside them all the time."""
    runtime = start("media", direct=True, sets=["http.idle_s=3"])
    http = runtime.pid("nacre-http")
    command = ["slowhttptest", "-c", "800", "-r", "400", "-l", "4", "-p", "3"] + [
        word.format(url="http://%s:%d" % runtime.address) for word in ATTACKS[attack]]
    done = []
    attacker = threading.Thread(target=lambda: done.append(subprocess.run(
        command, capture_output=True, timeout=90, check=False, stdin=subprocess.DEVNULL)))
    attacker.start()
    slowest, most, good = 0.0, 0, 0
    while attacker.is_alive():
        slowest = max(slowest, serves(runtime))
        most = max(most, len(harness.descriptors(http)))
        good += 1
        time.sleep(0.05)
    attacker.join()
    print(f"slowhttptest: {attack}: up to {most} descriptors, {good} requests beside it verified, the slowest in "
          f"{slowest * 1000:.0f} ms")
    assert most > 100 or attack == "ranges", "no attack"  # that one closes after each answer
    assert good > 10 and runtime.pid("nacre-http") == http
    wait_for("all to be gone", lambda: len(harness.descriptors(http)) < 100, 30, 0.2)
