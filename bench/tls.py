#!/usr/bin/python3
"""What HTTPS that ends in the enclave costs beside plain HTTP, as ratios of one run.

Two runtimes with the media app, one that speaks HTTP and one that speaks HTTPS, are asked the same in turns, round by
round: signed answers over connections that are kept, over a new connection each, and, for HTTPS, over a new connection
each whose session is resumed. What is counted is the CPU time of all three processes for an answer (the scheduler's clock,
so that a busy machine does not matter much) and the time the client waits. The client is Python's OpenSSL.

    /usr/bin/python3 bench/tls.py [--rounds 7] [--answers 300] [--body BYTES] [--json FILE]
"""
import argparse
import json
import os
import pathlib
import platform
import socket
import ssl
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402
import tls_peers as peers  # noqa: E402

PROGRAMS = ("nacred", "nacre-http", "nacre-app")
WAYS = ("kept", "new", "resumed")


class Client:
    """Posts one body over and over, with as little of its own as can be."""

    def __init__(self, runtime, body, way, version):
        self.address, self.way, self.socket = runtime.address, way, None
        self.tls = peers.context(version, version, ["http/1.1"]) if runtime.tls else None
        self.session = None
        close = b"" if way == "kept" else b"Connection: close\r\n"
        self.request = (b"POST /process_data HTTP/1.1\r\nHost: enclave\r\nContent-Type: application/json\r\n" + close
                        + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def connect(self):
        s = socket.create_connection(self.address)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            s = self.tls.wrap_socket(s, server_hostname="enclave", session=self.session if self.way == "resumed" else None)
            assert s.session_reused == (self.way == "resumed" and self.session is not None), (self.way, s.session_reused)
        return s

    def post(self):
        s = self.socket or self.connect()
        s.sendall(self.request)
        got = b""
        while not harness.complete(got):
            more = s.recv(65536)
            assert more, got
            got += more
        assert got.startswith(b"HTTP/1.1 200"), got[:200]
        if self.way == "kept":
            self.socket = s
        else:
            if self.tls and self.way == "resumed":
                self.session = s.session
            s.close()
        return got

    def close(self):
        if self.socket:
            self.socket.close()


def measure(runtime, client, n):
    """(microseconds of CPU an answer by program, median microseconds the client waited)"""
    pids = {name: runtime.pid(name) for name in PROGRAMS}
    for _ in range(5):
        client.post()
    before = {name: harness.cpu_seconds(pid) for name, pid in pids.items()}
    waits = []
    for _ in range(n):
        begun = time.perf_counter()
        client.post()
        waits.append(time.perf_counter() - begun)
    used = {name: (harness.cpu_seconds(pid) - before[name]) / n * 1e6 for name, pid in pids.items()}
    return used, statistics.median(waits) * 1e6


def spread(values):
    middle = statistics.median(values)
    return middle, statistics.median(abs(v - middle) for v in values)


def run(options):
    body = json.dumps(harness.media_body(1, "x" * options.body)).encode()
    version = ssl.TLSVersion.TLSv1_2 if options.tls12 else ssl.TLSVersion.TLSv1_3
    ways = WAYS[:2] if options.tls12 else WAYS  # TLS 1.2 gets no tickets
    rounds = []
    with harness.Runtime("media", direct=True) as plain, harness.Runtime("media", direct=True, sets=peers.ON) as tls:
        for number in range(options.rounds):
            one = {}
            for way in ways[:: 1 if number % 2 else -1]:
                for name, runtime in (("http", plain), ("https", tls)):
                    if way == "resumed" and not runtime.tls:
                        continue
                    client = Client(runtime, body, way, version)
                    used, wait = measure(runtime, client, options.answers)
                    client.close()
                    one[f"{name} {way}"] = {"cpu_us": used, "cpu_sum_us": sum(used.values()), "wait_us": wait}
            rounds.append(one)
        for runtime in (plain, tls):  # all of them, by an implementation that is not ours
            runtime.verify(harness.request(runtime.address, "POST", "/process_data", harness.media_body(1), tls=runtime.tls))
    return rounds


def report(rounds):
    names = list(dict.fromkeys(name for one in rounds for name in one))
    order = sorted(names, key=lambda n: (WAYS.index(n.split()[1]), n.split()[0]))
    print("| | us of CPU an answer | of it nacre-http | us the client waits | CPU beside HTTP's | wait beside HTTP's |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in order:
        scheme, way = name.split()
        base = f"http {'new' if way == 'resumed' else way}"
        cells = [spread([r[name]["cpu_sum_us"] for r in rounds]), spread([r[name]["cpu_us"]["nacre-http"] for r in rounds]),
                 spread([r[name]["wait_us"] for r in rounds])]
        row = " | ".join("%.1f ± %.1f" % c for c in cells)
        ratios = ["-", "-"] if scheme == "http" else [
            "%.2f ± %.2f" % spread([r[name][key] / r[base][key] for r in rounds]) for key in ("cpu_sum_us", "wait_us")]
        label = {"kept": "kept connection", "new": "a new connection each", "resumed": "new, session resumed"}[way]
        print(f"| {scheme.upper()}, {label} | {row} | {ratios[0]} | {ratios[1]} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--answers", type=int, default=300, help="in each round, of each kind")
    parser.add_argument("--body", type=int, default=32, help="bytes of text in a request, which come back in the answer")
    parser.add_argument("--tls12", action="store_true", help="TLS 1.2 instead of 1.3")
    parser.add_argument("--json", help="also write every round there")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    rounds = run(options)
    print(f"{os.cpu_count()} CPUs, {platform.platform()}, load {load:.1f} before and {os.getloadavg()[0]:.1f} after; "
          f"{options.rounds} rounds of {options.answers} answers, {options.body} bytes; median ± median absolute deviation")
    report(rounds)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"options": vars(options), "rounds": rounds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
