"""
Upstreams that never answer, or never end, against a plugin that fetches through the real broker: each costs its request
an error within the deadline and a bounded number of bytes; nothing is signed, and the next honest request is served.
"""
import socket
import ssl
import sys
import tempfile
import threading
import time

import pytest

import harness
from weather_upstream import API_KEY, HOST

sys.path.insert(0, str(harness.ROOT / "tests" / "support"))
from upstream_cert import Authority  # noqa: E402

DEADLINE_MS = 1500
GIB = 1 << 30
# What may be on its way when the plugin's side hangs up: the reply's limit (1 MiB), and buffers of sockets and TLS.
TAKEN_AT_MOST = 24 << 20
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Upstream:
    """Behaves as `fault` says, after a good handshake or instead of one. Counts the bytes that were taken from it."""

    def __init__(self, directory):
        authority = Authority()
        pem, _ = authority.issue([HOST])
        self.ca = directory / "ca.pem"
        self.ca.write_bytes(authority.pem())
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:
            file.write(pem)
            file.flush()
            self.context.load_cert_chain(file.name)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.fault, self.taken, self.seen = "", 0, 0
        self.over = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(raw, self.fault), daemon=True).start()

    def serve(self, raw, fault):
        self.seen += 1
        try:
            if fault.startswith("tls-"):
                getattr(self, fault.replace("-", "_"))(raw)
                return
            with self.context.wrap_socket(raw, server_side=True, suppress_ragged_eofs=True) as s:
                s.settimeout(30)
                asked = b""
                while b"\r\n\r\n" not in asked:
                    more = s.recv(65536)
                    if not more:
                        return
                    asked += more
                getattr(self, (fault or "good").replace("-", "_"))(s)
        except OSError:
            pass
        finally:
            raw.close()

    def send(self, s, data):
        s.sendall(data)
        self.taken += len(data)

    def flood(self, s, piece, limit=10 * GIB):
        while self.taken < limit and not self.over.is_set():
            self.send(s, piece)

    # ---- what it can do

    def good(self, s):
        body = ('{"location":{"name":"here"},"current":{"temp_c":9.5,"last_updated_epoch":%d}}' % (time.time() - 5)).encode()
        self.send(s, OK + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)

    def hang(self, s):
        self.over.wait(30)

    def hang_in_body(self, s):
        self.send(s, OK + b"Content-Length: 100\r\n\r\n{")
        self.over.wait(30)

    def reset(self, s):
        self.send(s, OK + b"Content-Length: 100\r\n\r\n{")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        socket.socket(fileno=s.detach()).close()

    def trickle(self, s):
        self.send(s, OK + b"Content-Length: 100000\r\n\r\n")
        self.flood_slowly(s, b" ")

    def trickle_headers(self, s):
        self.send(s, OK + b"X-Slow: ")
        self.flood_slowly(s, b"x")

    def flood_slowly(self, s, piece):
        while not self.over.wait(0.05):
            self.send(s, piece)

    def garbage(self, s):
        self.send(s, bytes(range(256)) * 64)

    def garbage_without_end(self, s):
        self.flood(s, bytes(range(255, -1, -1)) * 256)

    def ten_gib(self, s):
        self.send(s, OK + b"Content-Length: %d\r\n\r\n" % (10 * GIB))
        self.flood(s, b" " * 262144)

    def ten_gib_until_it_closes(self, s):
        self.send(s, OK + b"Connection: close\r\n\r\n")
        self.flood(s, b" " * 262144)

    def ten_gib_in_chunks(self, s):
        self.send(s, OK + b"Transfer-Encoding: chunked\r\n\r\n")
        self.flood(s, b"10000\r\n" + b" " * 65536 + b"\r\n")

    def one_endless_chunk_line(self, s):
        self.send(s, OK + b"Transfer-Encoding: chunked\r\n\r\n1;")
        self.flood(s, b"a" * 65536)

    def ten_gib_zipped(self, s):
        self.send(s, OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % (10 * GIB))
        self.flood(s, b"\x1f\x8b\x08" + b"\0" * 65533)

    def endless_headers(self, s):
        self.send(s, OK)
        self.flood(s, b"".join(b"X-%d: y\r\n" % i for i in range(1000)))

    def one_endless_header(self, s):
        self.send(s, OK + b"X: ")
        self.flood(s, b"y" * 65536)

    def endless_trailers(self, s):
        self.send(s, OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
        self.flood(s, b"X-T: y\r\n" * 4096)

    def continues(self, s):
        self.flood(s, b"HTTP/1.1 100 Continue\r\n\r\n" * 1024)

    def early_hints(self, s):
        self.flood(s, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1024)

    def redirects(self, s):
        self.send(s, b"HTTP/1.1 302 Found\r\nLocation: /v1/current.json?again=%d\r\nContent-Length: 0\r\n"
                     b"Connection: close\r\n\r\n" % time.monotonic_ns())

    def redirect_away(self, s):
        self.send(s, b"HTTP/1.1 307 Moved\r\nLocation: https://127.0.0.1:%d/?key=stolen\r\nContent-Length: 0\r\n"
                     b"Connection: close\r\n\r\n" % self.port)

    # ---- instead of a handshake

    def tls_garbage(self, raw):
        self.send(raw, bytes(range(256)) * 64)
        self.over.wait(1)

    def tls_garbage_without_end(self, raw):
        self.flood(raw, b"\x16\x03\x03\x40\x00" + b"\x01" * 16384)

    def tls_hang(self, raw):
        self.over.wait(30)

    def tls_alerts(self, raw):
        self.flood(raw, b"\x15\x03\x03\x00\x02\x01\x5a" * 1024)

    def tls_trickle(self, raw):
        self.flood_slowly(raw, b"\x16")

    def tls_reset(self, raw):
        raw.recv(1)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def stop(self):
        self.over.set()
        self.listener.close()


FAULTS = [name.replace("_", "-") for name in (
    "hang", "hang_in_body", "reset", "trickle", "trickle_headers", "garbage", "garbage_without_end", "ten_gib",
    "ten_gib_until_it_closes", "ten_gib_in_chunks", "one_endless_chunk_line", "ten_gib_zipped", "endless_headers",
    "one_endless_header", "endless_trailers", "continues", "early_hints", "redirects", "redirect_away", "tls_garbage",
    "tls_garbage_without_end", "tls_hang", "tls_alerts", "tls_trickle", "tls_reset")]


@pytest.fixture(scope="module")
def world():
    runtime = harness.Runtime("weather", secrets={"API_KEY": API_KEY}, start=False,
                              sets=[f"http.deadline_ms={DEADLINE_MS}", "log.level=debug"])
    upstream = Upstream(runtime.dir)
    runtime.upstream, runtime.ca = [f"{HOST}=127.0.0.1:{upstream.port}"], upstream.ca
    try:
        runtime.start()
        yield runtime, upstream
        runtime.stop()
    finally:
        runtime.stop(check=False)
        upstream.stop()


def ask(runtime):
    return runtime.post("/process_data", {"payload": {"location": "here"}}, timeout=30)


def served(runtime):
    runtime.verify(ask(runtime))


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(world, fault):
    runtime, upstream = world
    app = runtime.pid("nacre-app")
    upstream.fault = ""
    served(runtime)
    upstream.taken = upstream.seen = 0
    upstream.fault = fault
    begin = time.monotonic()
    reply = ask(runtime)
    took = time.monotonic() - begin
    time.sleep(0.1)  # for whoever still sends to see that nobody takes it
    assert reply.status in (502, 504) and reply.error and b"signature" not in reply.body, reply
    assert API_KEY not in reply.body.decode() and API_KEY not in runtime.log()
    assert took < DEADLINE_MS / 1000 + 2, f"{fault}: {took:.1f} s"
    # libcurl reads over a chunk's extension for as long as it is allowed to, and keeps nothing of it
    assert upstream.seen >= 1 and (upstream.taken <= TAKEN_AT_MOST or fault == "one-endless-chunk-line"), \
        f"{fault}: {upstream.taken} bytes were taken"
    assert harness.memory_kib(app, "Private_Dirty") < 200 * 1024
    assert upstream.seen <= 20, f"{fault}: {upstream.seen} connections for one request"
    print(f"upstream: {fault}: {reply.status} after {took:.2f} s, {upstream.taken} bytes taken: {reply.error}")
    upstream.fault = ""
    upstream.over.set()
    time.sleep(0.05)
    upstream.over.clear()
    served(runtime)
    assert runtime.pid("nacre-app") == app, "it cost the app its life"


def test_all_at_once(world):
    """Many requests, each with another fault, and honest ones between: nobody gets another's answer."""
    runtime, upstream = world
    replies = []

    def one(fault):
        replies.append((fault, ask(runtime)))

    threads = []
    for fault in [*FAULTS, ""] * 2:
        upstream.fault = fault
        threads.append(threading.Thread(target=one, args=(fault,)))
        threads[-1].start()
        time.sleep(0.05)
    for t in threads:
        t.join(40)
    upstream.fault = ""
    upstream.over.set()
    assert len(replies) == len(threads)
    for _, reply in replies:
        assert reply.status in (200, 502, 504), reply
        if reply.status == 200:
            runtime.verify(reply)
    upstream.over.clear()
    served(runtime)
