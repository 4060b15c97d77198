#!/usr/bin/python3
"""`nacre host` beside socat and HAProxy (TCP mode): requests per second, added latency, CPU time, idle memory.

All stand in front of the same server, which always gives the same answer on a Unix socket, and are driven by wrk in
turns within one run, so their ratios can be compared between machines. See bench/README.md.
"""
import argparse
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402

HAPROXY = """
global
    maxconn 9000
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend f
    bind 127.0.0.1:{port}
    default_backend b
backend b
    server s unix@{path}
"""
UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}


def find(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")


class Proxy:
    """A process in front of the server. Its CPU time includes that of children it has reaped."""

    def __init__(self, name, port, command, env=None):
        self.name, self.port = name, port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env) \
            if command else None
        harness.wait_for(f"{name} to listen", self.listens, 15)

    def listens(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def cpu(self):
        if self.process is None:
            return 0.0
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        if self.process:
            for pid in harness.descendants(self.process.pid) + [self.process.pid]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()


def server(directory, address, size, *more):
    process = subprocess.Popen([str(harness.OUT / "tests" / "constant"), address, str(size), *more],
                               stdout=subprocess.PIPE, cwd=directory)
    assert process.stdout.readline() == b"ready\n"
    return process


def host_config(directory, port, connect, health="none", **limits):
    path = directory / f"host-{port}.yaml"
    path.write_text(json.dumps({
        "ingress": [{"listen": f"tcp:127.0.0.1:{port}", "port": 3000}],
        "enclaves": [{"name": "a", "connect": connect}],
        "health": {"listen": health, "interval_ms": 3600000},
        "limits": dict({"connections_per_client": 0, "rate_per_client": 0, "idle_s": 3600}, **limits),
        "nitro": {"describe": "none", "console": "none"}, "log": {"level": "error"}}))
    return [str(harness.BIN / "nacre"), "host", "run", "--config", str(path)]


def contenders(directory, unix, tcp_port, large):
    """The server itself on TCP, then the proxies in front of its Unix socket."""
    found = [Proxy("direct", tcp_port, None)]
    port = harness.free_port()
    found.append(Proxy("nacre host", port, host_config(directory, port, f"local:{unix}")))
    if find("haproxy"):
        port = harness.free_port()
        config = directory / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=port, path=unix))
        found.append(Proxy("haproxy", port, [find("haproxy"), "-db", "-f", str(config)]))
    if find("haproxy") and large:
        port = harness.free_port()
        config = directory / "haproxy-splice.cfg"
        options = "mode tcp\n    option splice-request\n    option splice-response"
        text = HAPROXY.replace("mode tcp", options).replace("maxconn 9000", "maxconn 2000")  # pipes are descriptors too
        config.write_text(text.format(port=port, path=unix))
        found.append(Proxy("  splicing", port, [find("haproxy"), "-db", "-f", str(config)]))
    if find("socat"):
        port = harness.free_port()
        found.append(Proxy("socat", port, [find("socat"), f"TCP-LISTEN:{port},fork,reuseaddr,nodelay,backlog=1024",
                                           f"UNIX-CONNECT:{unix}"]))
    return found


def wrk(port, connections, seconds, close):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    if close:
        command += ["-H", "Connection: close"]
    out = subprocess.run([*command, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True).stdout
    p50 = re.search(r"50%\s+([\d.]+)(us|ms|s|m)\b", out)
    count = re.search(r"(\d+) requests in", out)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    return {"per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), "requests": int(count.group(1)),
            "p50_us": float(p50.group(1)) * UNITS[p50.group(2)], "errors": sum(map(int, errors.groups())) if errors else 0}


def measure(proxies, connections, seconds, rounds, close):
    """Each in turn, `rounds` times."""
    rows = {p.name: [] for p in proxies}
    for _ in range(rounds):
        for p in proxies:
            before = p.cpu()
            row = wrk(p.port, connections, seconds, close)
            time.sleep(0.1)
            row["cpu_us"] = (p.cpu() - before) / max(row["requests"], 1) * 1e6
            rows[p.name].append(row)
    return {name: {key: statistics.median(r[key] for r in row) for key in row[0]} for name, row in rows.items()}


def idle_memory(directory, unix, wanted):
    """Memory of the daemon with many connections, each with a served request behind it, both sides open."""
    port, health = harness.free_port(), harness.free_port()
    proxy = Proxy("nacre host", port, host_config(directory, port, f"local:{unix}", f"tcp:127.0.0.1:{health}",
                                                  connections=wanted + 8))
    held = []
    try:
        metrics = harness.request(("127.0.0.1", health), "GET", "/metrics").body.decode()
        room = int(re.search(r"^nacre_host_connections_max (\d+)$", metrics, re.M).group(1))
        n = min(wanted, room - 8)
        before = harness.memory_kib(proxy.process.pid)
        for _ in range(n):
            s = socket.create_connection(("127.0.0.1", port))
            s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            held.append(s)
        for s in held:
            ready, _, _ = select.select([], [], [], 0)
            assert s.recv(4096).startswith(b"HTTP/1.1 200"), ready
        metrics = harness.request(("127.0.0.1", health), "GET", "/metrics").body.decode()
        assert int(re.search(r"^nacre_host_connections (\d+)$", metrics, re.M).group(1)) == n
        rss = harness.memory_kib(proxy.process.pid, "Rss")
        return {"connections": n, "rss_kib": rss, "pss_kib": harness.memory_kib(proxy.process.pid),
                "pss_before_kib": before, "descriptors": len(harness.descriptors(proxy.process.pid))}
    finally:
        for s in held:
            s.close()
        proxy.stop()


def show(title, table, base="nacre host"):
    print(f"\n{title}")
    print(f"  {'':<11}{'req/s':>10}{'/ nacre':>9}{'p50 us':>10}{'added us':>10}{'cpu us/req':>12}{'errors':>8}")
    for name, row in table.items():
        added = row["p50_us"] - table["direct"]["p50_us"]
        print(f"  {name:<11}{row['per_second']:>10.0f}{row['per_second'] / table[base]['per_second']:>9.2f}"
              f"{row['p50_us']:>10.0f}{added:>10.0f}{row['cpu_us']:>12.1f}{row['errors']:>8.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, help="where bin/ is")
    parser.add_argument("--seconds", type=int, default=2, help="of one window")
    parser.add_argument("--rounds", type=int, default=3, help="windows of each contender in each setting")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--idle", type=int, default=10000)
    parser.add_argument("--json", type=pathlib.Path, help="also write the numbers here")
    args = parser.parse_args()
    if not find("wrk"):
        sys.exit("host.py: wrk is not installed")
    os.environ.pop("NOTIFY_SOCKET", None)
    if args.out:
        harness.OUT, harness.BIN = args.out.resolve(), args.out.resolve() / "bin"
    directory = pathlib.Path(tempfile.mkdtemp(prefix="nacre-bench-"))
    results, running = {}, []
    try:
        for size, name in ((2, "small"), (65536, "64 KiB")):
            unix, tcp = directory / f"s{size}", harness.free_port()
            servers = [server(directory, f"unix:{unix}", size), server(directory, f"tcp:127.0.0.1:{tcp}", size)]
            proxies = contenders(directory, unix, tcp, size > 60000)
            running = servers + [p.process for p in proxies if p.process]
            for close in (True, False):
                how = "a connection a request" if close else "keep-alive"
                results[f"{name}, {how}"] = measure(proxies, args.connections, args.seconds, args.rounds, close)
                show(f"{name} answers, {how}, {args.connections} at once", results[f"{name}, {how}"])
            results[f"{name}, one client"] = measure(proxies, 1, args.seconds, args.rounds, False)
            show(f"{name} answers, one client, keep-alive: latency", results[f"{name}, one client"])
            if size == 2:
                results["idle"] = idle_memory(directory, unix, args.idle)
                idle = results["idle"]
                print(f"\nidle: {idle['connections']} connections with both sides open: {idle['pss_kib'] / 1024:.1f} MiB"
                      f" (before: {idle['pss_before_kib'] / 1024:.1f}), {idle['descriptors']} descriptors")
            for p in proxies:
                p.stop()
            for s in servers:
                s.kill()
                s.wait()
            running = []
    finally:
        for p in running:
            if p.poll() is None:
                p.kill()
        shutil.rmtree(directory, ignore_errors=True)
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
