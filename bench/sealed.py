#!/usr/bin/python3
"""
What a sealed request costs beside a plain one, as ratios from one run: the same route, the same bodies, one runtime, in turns.

  bench/sealed.py [--rounds 5] [--calls 2000] [--connections 16]

Prints for small and for large bodies the processor time of the three processes for one answer, and the time that a client
waits with one connection. All envelopes are sealed beforehand, so that what the client computes is not in it; what that
costs stands in a line of its own. Runs on a quiet machine, or says nothing about the future.
"""
import argparse
import json
import pathlib
import socket
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "independent"), str(ROOT / "verify" / "python")]
import harness  # noqa: E402
from test_sealed_requests import ROUTE, body_of, enclave_of, nacre_sealed  # noqa: E402

PROCESSES = ("nacred", "nacre-http", "nacre-app")


def message(body, kind):
    return (f"POST {ROUTE} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def read_answer(connection):
    got = b""
    while not harness.complete(got):
        more = connection.recv(262144)
        assert more, got[:200]
        got += more
    return got


def burst(address, messages, connections):
    """All of them, `connections` at a time. Returns the last answer; each must be a 200."""
    open_ones = [socket.create_connection(address) for _ in range(connections)]
    for at in range(0, len(messages), connections):
        part = messages[at:at + connections]
        for connection, data in zip(open_ones, part):
            connection.sendall(data)
        for connection, _ in zip(open_ones, part):
            answer = read_answer(connection)
            assert answer.startswith(b"HTTP/1.1 200 "), answer[:300]
    for connection in open_ones:
        connection.close()
    return answer


def one_by_one(address, messages):
    """Microseconds that each took, on one connection."""
    took = []
    with socket.create_connection(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for data in messages:
            begin = time.perf_counter()
            connection.sendall(data)
            read_answer(connection)
            took.append((time.perf_counter() - begin) * 1e6)
    return took


def measure(runtime, enclave, body, args):
    """One round: {"plain": (cpu us by process, waited us), "sealed": ...} and the client's own us for one envelope."""
    n, begin = args.calls, time.perf_counter()
    sealed = [enclave.seal("POST", ROUTE, body)[0] for _ in range(n + n // 4)]
    client_us = (time.perf_counter() - begin) * 1e6 / len(sealed)
    forms = {"plain": [message(body, "application/json")] * (n + n // 4),
             "sealed": [message(envelope, nacre_sealed.TYPE) for envelope in sealed]}
    pids = {name: runtime.pid(name) for name in PROCESSES}
    out = {}
    for name, messages in forms.items():
        before = {p: harness.cpu_seconds(pid) for p, pid in pids.items()}
        burst(runtime.address, messages[:n], args.connections)
        cpu = {p: (harness.cpu_seconds(pid) - before[p]) * 1e6 / n for p, pid in pids.items()}
        out[name] = cpu, statistics.median(one_by_one(runtime.address, messages[n:]))
    return out, client_us


def table(title, rounds):
    def line(what, plain, sealed):
        ratios = [s / p for p, s in zip(plain, sealed)]
        print(f"  {what:34} {statistics.median(plain):9.1f} {statistics.median(sealed):9.1f} "
              f"{statistics.median(ratios):7.2f}  ({min(ratios):.2f} to {max(ratios):.2f})")

    print(f"{title:36} {'plain':>9} {'sealed':>9}   ratio")
    for process in PROCESSES:
        line(f"us of CPU an answer, {process}", *([r[0][form][0][process] for r in rounds] for form in ("plain", "sealed")))
    line("us of CPU an answer, all three", *([sum(r[0][form][0].values()) for r in rounds] for form in ("plain", "sealed")))
    line("us until the answer, median", *([r[0][form][1] for r in rounds] for form in ("plain", "sealed")))
    print(f"  {'us that the client seals (Python)':34} {'':9} {statistics.median(r[1] for r in rounds):9.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("--rounds", 5), ("--calls", 2000), ("--connections", 16)):
        parser.add_argument(name, type=int, default=value)
    args = parser.parse_args()
    with harness.Runtime("media", sets=["sealed.seen=1048576", "sealed.window_s=3600"]) as runtime:
        enclave = enclave_of(runtime)
        for size in (20, 65536):
            body = body_of("m" * size)
            assert json.loads(body)
            measure(runtime, enclave, body, argparse.Namespace(calls=200, connections=args.connections))
            table(f"a body of {len(body)} bytes", [measure(runtime, enclave, body, args) for _ in range(args.rounds)])


if __name__ == "__main__":
    main()
