#!/usr/bin/python3
"""The sentinel app against upstreams that take their time: 200 calls at once, and memory over 20,000 calls.

Sui (gRPC) and the AI module are tests/support/sentinel_upstream.py in a process of its own, each answering after
--delay-ms; so one call takes two of these at least. The client is asyncio in this process. All on one machine.
"""
import argparse
import asyncio
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = ("nacred", "nacre-http", "nacre-app")


class Local:
    """The upstreams as a process, and the app with them."""

    def __init__(self, harness, delay_ms, *sets):
        self.runtime = harness.Runtime("sentinel", start=False)
        ca = self.runtime.dir / "ca.pem"
        self.upstream = subprocess.Popen(
            ["/usr/bin/python3", str(HERE.parent / "tests" / "support" / "sentinel_upstream.py"), "--ca-out", str(ca),
             "--delay-ms", str(delay_ms)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        words = self.upstream.stdout.readline().decode().split()
        assert self.upstream.stdout.readline() == b"ready\n"
        self.runtime.options = words[1:] + [w for s in sets for w in ("--set", s)]
        self.runtime.start()

    def stop(self):
        self.runtime.stop()
        self.upstream.stdin.close()
        self.upstream.wait(10)
        self.upstream.stdout.close()


def body(n):
    return json.dumps({"agent_id": "7", "message": f"message {n}", "attack_object_id": "0x9e" + f"{n:062x}"}).encode()


async def connect(address, n):
    return [await asyncio.open_connection(*address, limit=1 << 20) for _ in range(n)]


async def call(connection, n):
    """One request on an open connection. Returns (seconds, body)."""
    reader, writer = connection
    raw = body(n)
    begin = time.monotonic()
    writer.write(b"POST /testnet/consume-prompt HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
                 b"%d\r\n\r\n%b" % (len(raw), raw))
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(f.partition(b":")[2]) for f in head.split(b"\r\n") if f.lower().startswith(b"content-length:"))
    reply = await reader.readexactly(length)
    assert head.startswith(b"HTTP/1.1 200"), (head, reply[:300])
    return time.monotonic() - begin, reply


async def burst(address, calls, first):
    """All at once, each on a connection of its own. Returns (seconds for all, seconds each, bodies)."""
    connections = await connect(address, calls)
    begin = time.monotonic()
    done = await asyncio.gather(*(call(c, first + i) for i, c in enumerate(connections)))
    took = time.monotonic() - begin
    for _, writer in connections:
        writer.close()
    return took, [s for s, _ in done], [b for _, b in done]


async def stream(address, calls, first, connections):
    """`calls` calls, `connections` at a time. Returns the last body of each connection."""
    numbers = iter(range(first, first + calls))
    opened = await connect(address, connections)

    async def one(connection):
        last = None
        for n in numbers:
            _, last = await call(connection, n)
        return last

    bodies = await asyncio.gather(*(one(c) for c in opened))
    for _, writer in opened:
        writer.close()
    return [b for b in bodies if b]


def verify(harness, runtime, bodies):
    for reply in bodies:
        harness.nacre_check.verify_response(reply, runtime.key, harness.nacre_check.APPS["sentinel"])


def memory(harness, runtime):
    return {name: harness.memory_kib(runtime.pid(name)) / 1024 for name in PROGRAMS}


def measure_bursts(harness, calls, delay_ms, rounds):
    local = Local(harness, delay_ms)
    rows = []
    try:
        idle = memory(harness, local.runtime)
        for i in range(rounds):
            took, each, bodies = asyncio.run(burst(local.runtime.address, calls, i * calls))
            verify(harness, local.runtime, bodies)
            rows.append({"seconds": took, "p50_ms": statistics.median(each) * 1000, "max_ms": max(each) * 1000})
            print(f"{calls} calls at once, upstreams at {delay_ms} ms   {took:6.2f} s    p50 {rows[-1]['p50_ms']:5.0f} ms, "
                  f"slowest {rows[-1]['max_ms']:5.0f} ms{'   (first: every connection is made)' if i == 0 else ''}", flush=True)
        after = memory(harness, local.runtime)
        print(f"proportional set size  idle {sum(idle.values()):.1f} MiB, after {sum(after.values()):.1f} MiB "
              f"(nacre-app {after['nacre-app']:.1f})")
        return rows, idle, after
    finally:
        local.stop()


def measure_memory(harness, calls, connections, *sets):
    """Verdicts have 1 MiB, so that they are as many as they will ever be after a tenth of the calls."""
    local = Local(harness, 0, "plugin.verdict_bytes=1048576", *sets)
    rows = []
    try:
        for i in range(10):
            bodies = asyncio.run(stream(local.runtime.address, calls // 10, i * (calls // 10), connections))
            verify(harness, local.runtime, bodies)
            rows.append(memory(harness, local.runtime))
            print(f"after {(i + 1) * (calls // 10):6} calls   nacre-app {rows[-1]['nacre-app']:6.2f} MiB, nacred "
                  f"{rows[-1]['nacred']:5.2f}, nacre-http {rows[-1]['nacre-http']:5.2f}", flush=True)
        growth = rows[-1]["nacre-app"] / rows[2]["nacre-app"]
        print(f"nacre-app from {3 * (calls // 10)} to {calls} calls   x {growth:.3f}")
        return rows, growth
    finally:
        local.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default=HERE.parent / "out", type=pathlib.Path)
    parser.add_argument("--at-once", type=int, default=200)
    parser.add_argument("--delay-ms", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=20000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--workers", type=int, default=256, help="for the memory; fewer settle sooner")
    args = parser.parse_args()
    sys.path.insert(0, str(HERE.parent / "tests" / "e2e"))
    os.environ["NACRE_OUT"] = str(args.out.resolve())
    import harness
    if args.rounds:
        measure_bursts(harness, args.at_once, args.delay_ms, args.rounds)
    if args.calls:
        measure_memory(harness, args.calls, args.connections, f"app.workers={args.workers}")


if __name__ == "__main__":
    sys.exit(main())
