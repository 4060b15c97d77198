"""HTTPS against clients that mean no good: handshakes that flood, trickle or never end, and bytes that are no TLS."""
import os
import re
import select
import socket
import ssl
import struct
import threading
import time

import pytest

import harness
import tls_peers as peers
from harness import wait_for

pytestmark = pytest.mark.sanitizer

CONNECTIONS, IDLE_S = 64, 2


@pytest.fixture(scope="module")
def runtime():
    with harness.Runtime("media", direct=True, admin=True,
                         sets=[*peers.ON, f"http.connections={CONNECTIONS}", f"http.idle_s={IDLE_S}"]) as r:
        yield r
        assert r.health()["restarts"]["http"] == 0  # nobody here has brought it down
        assert set(re.findall(r'event="system call refused" call=(\w+)', r.log())) <= {"openat"}, r.log()


def hello(body_size=None, record_size=None, version=b"\x03\x01"):
    """A ClientHello of OpenSSL's, or one that lies about its length."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = peers.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    data = bytearray(outgoing.read())
    data[1:3] = version
    if record_size is not None:
        data[3:5] = struct.pack(">H", record_size)
    if body_size is not None:
        data[6:9] = struct.pack(">I", body_size)[1:]
    return bytes(data)


def ended(s, seconds):
    """Does the other side end it by then? What came before the end."""
    got, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if not select.select([s], [], [], max(0.0, end - time.monotonic()))[0]:
            break
        try:
            more = s.recv(65536)
        except ConnectionError:
            return got
        if not more:
            return got
        got += more
    raise AssertionError(f"still open after {seconds} s, {len(got)} bytes came")


@pytest.mark.parametrize("what", ["plain HTTP", "zeros", "a record that is too long", "a message that is too long", "SSL 2",
                                  "data before the handshake", "an alert", "a cut hello", "many fragments"])
def test_bytes_that_are_no_handshake(runtime, what):
    good = hello()
    data = {
        "plain HTTP": b"GET /health_check HTTP/1.1\r\nHost: a\r\n\r\n",
        "zeros": bytes(4096),
        "a record that is too long": hello(record_size=0xffff) + bytes(70000),
        # a ClientHello of 16 MiB, begun in records that are in order: not more than 16 KiB of it are ever held
        "a message that is too long": b"".join(
            b"\x16\x03\x01" + struct.pack(">H", 16000) + (b"\x01\xff\xff\xff" if n == 0 else b"aaaa") + b"a" * 15996
            for n in range(40)),
        "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(range(37)),
        "data before the handshake": b"\x17\x03\x03\x00\x20" + os.urandom(32),
        "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
        "a cut hello": good[:-20],
        "many fragments": b"".join(b"\x16\x03\x01\x00\x01" + good[5 + n:6 + n] for n in range(60)) + b"\x15\x03\x01\x00\x00" * 200,
    }[what]
    with socket.create_connection(runtime.address, timeout=20) as s:
        try:
            s.sendall(data)
        except ConnectionError:
            pass
        got = ended(s, IDLE_S + 8)
    assert b"HTTP" not in got and (got == b"" or got[:1] in b"\x15\x16"), got[:60]
    assert runtime.get("/").body == b"Pong!"


def test_a_handshake_that_trickles_ends(runtime):
    """A byte every 50 ms: the whole handshake has the time that a connection may be silent, and no more."""
    data, began = hello(), time.monotonic()
    with socket.create_connection(runtime.address, timeout=20) as s:
        for n in range(len(data)):
            try:
                s.sendall(data[n:n + 1])
            except ConnectionError:
                break
            if select.select([s], [], [], 0.05)[0]:
                break
        ended(s, IDLE_S + 8)
    assert IDLE_S - 0.5 < time.monotonic() - began < IDLE_S + 8


def test_silence_ends(runtime):
    for begin in (b"", hello()):
        with socket.create_connection(runtime.address, timeout=20) as s:
            s.sendall(begin)
            ended(s, IDLE_S + 8)
    with peers.connect(runtime.address) as s:  # a handshake that is done earns no more
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        began = time.monotonic()
        while s.recv(1000):
            pass
        assert time.monotonic() - began < IDLE_S + 8


def test_a_body_that_trickles_is_told_why(runtime):
    with peers.connect(runtime.address) as s:
        s.sendall(b"POST /process_data HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        got = b""
        try:
            while more := s.recv(1000):
                got += more
        except (ssl.SSLError, ConnectionError):
            pass
    assert harness.status_of(got) == 408, got


def test_who_waits_costs_nothing(runtime):
    """Handshakes that stop anywhere are waited for without work: libmicrohttpd alone would try each again and again."""
    whole = hello()
    held = []
    try:
        for data in [b"", whole[:3], whole[:50], whole] * 5:
            s = socket.create_connection(runtime.address, timeout=20)
            s.sendall(data)
            held.append(s)
        time.sleep(0.2)
        pid = runtime.pid("nacre-http")
        before = harness.cpu_seconds(pid)
        time.sleep(1)
        assert harness.cpu_seconds(pid) - before < 0.1
    finally:
        for s in held:
            s.close()


def test_half_handshakes_hold_no_more_than_their_places(runtime):
    """All places taken by handshakes that never go on: who comes then waits until the first of them are cut off."""
    held = []
    try:
        for _ in range(CONNECTIONS):
            s = socket.create_connection(runtime.address, timeout=20)
            s.sendall(hello())
            held.append(s)
        began = time.monotonic()
        assert runtime.get("/", timeout=30).body == b"Pong!"
        assert time.monotonic() - began < IDLE_S + 10
    finally:
        for s in held:
            s.close()
    assert runtime.get("/", timeout=30).body == b"Pong!"


def test_a_flood_of_handshakes(runtime):
    """Eight clients that do nothing but begin: the others are served meanwhile, and nothing of it stays."""
    memory = harness.memory_kib(runtime.pid("nacre-http")) if harness.can_read_memory() else 0
    stop, begun = threading.Event(), [0] * 8
    first = hello()

    def flood(n):
        while not stop.is_set():
            try:
                with socket.create_connection(runtime.address, timeout=5) as s:
                    s.sendall(first)
                    if n % 2:
                        s.recv(100)
                    begun[n] += 1
            except OSError:
                pass

    threads = [threading.Thread(target=flood, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    try:
        end, served = time.monotonic() + 3, 0
        while time.monotonic() < end:
            runtime.verify(runtime.post("/process_data", harness.media_body(served), timeout=30))
            served += 1
    finally:
        stop.set()
        for t in threads:
            t.join()
    assert served > 0 and sum(begun) > 50, (served, begun)
    wait_for("the last of them to be gone", lambda: connections(runtime) <= 2, IDLE_S + 15)
    if memory and not harness.SANITIZED:  # which keep what was freed
        assert harness.memory_kib(runtime.pid("nacre-http")) < memory + 16 * 1024


def connections(runtime):
    text = harness.request(runtime.admin, "GET", "/metrics").body.decode()
    return int(re.search(r"^nacre_http_connections (\d+)", text, re.M).group(1))


@pytest.mark.root
def test_memory_of_a_connection(runtime):
    """What docs/HTTP.md says a connection costs. At most 128 KiB, the buffers of a record both ways among it."""
    held = []
    before = harness.memory_kib(runtime.pid("nacre-http"))
    try:
        for _ in range(CONNECTIONS - 8):
            s = peers.connect(runtime.address)
            assert peers.over(s, "GET", "/").status == 200
            held.append(s)
        each = (harness.memory_kib(runtime.pid("nacre-http")) - before) / len(held)
    finally:
        for s in held:
            s.close()
    print(f"{each:.1f} KiB for each of {CONNECTIONS - 8} connections")
    if not harness.SANITIZED:
        assert each < 128, each
