#!/usr/bin/python3
"""What a signed answer costs: CPU time in signatures, requests per second, latency, memory, start-up.

Everything is measured in one run on one machine, and the costs are ratios to one crypto_sign_detached() measured in
the same run, so that numbers of different machines can be compared. See bench/README.md.
"""
import argparse
import json
import os
import pathlib
import platform
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

PROGRAMS = ("nacred", "nacre-http", "nacre-app")


def sign_once(harness):
    """Microseconds of one signature."""
    return int(subprocess.run([harness.OUT / "tests" / "sign-once"], capture_output=True, check=True).stdout) / 1000


def load(harness, runtime, seconds, connections):
    """One window of load. CPU time per good answer, by process, in microseconds, and the client's report."""
    pids = {name: runtime.pid(name) for name in PROGRAMS}
    before = {name: harness.cpu_seconds(pid) for name, pid in pids.items()}
    report = runtime.storm(verify=False, seconds=seconds, connections=connections)
    after = {name: harness.cpu_seconds(pid) for name, pid in pids.items()}
    assert report["good"] == report["sent"], report
    return {name: (after[name] - before[name]) / report["good"] * 1e6 for name in PROGRAMS}, report


def measure_load(harness, seconds, windows, connections):
    runtime = harness.Runtime("media", direct=True)
    try:
        runtime.storm(requests=2000)  # verified: what is measured is right
        load(harness, runtime, 2, connections)
        rows = []
        for _ in range(windows):
            signature = sign_once(harness)
            cost, report = load(harness, runtime, seconds, connections)
            signature = (signature + sign_once(harness)) / 2
            rows.append({"signature_us": signature, "cpu_us": cost, "cpu_us_sum": sum(cost.values()),
                         "ratio": sum(cost.values()) / signature, "per_second": report["per_second"],
                         "p50_us": report["p50_us"], "p99_us": report["p99_us"], "answers": report["good"]})
        return rows
    finally:
        runtime.stop()


def pss(harness, runtime):
    return {name: harness.memory_kib(runtime.pid(name)) for name in PROGRAMS}


def measure_memory(harness):
    """Proportional set size in KiB: media idle, and weather after a request, with libcurl loaded."""
    import weather_upstream
    media = harness.Runtime("media", direct=True)
    try:
        media.verify(media.post("/process_data", harness.media_body(1)))
        idle = pss(harness, media)
        media.storm(verify=False, seconds=2, connections=64)
        loaded = pss(harness, media)
    finally:
        media.stop()
    with weather_upstream.weather() as weather:
        weather.verify(weather.post("/process_data", {"payload": {"location": "London"}}))
        maps = pathlib.Path(f"/proc/{weather.pid('nacre-app')}/maps").read_text()
        assert "libcurl" in maps, "libcurl is not loaded: this would measure something else"
        curl = pss(harness, weather)
    return {"media, one answer": idle, "media, after load": loaded, "weather, libcurl loaded": curl}


def first_answer(harness):
    """Milliseconds from the start of nacred to the end of the first signed answer."""
    port = harness.free_port()
    runtime = harness.Runtime("media", direct=True, start=False, sets=[f"listen.api=tcp:127.0.0.1:{port}"])
    status, said = runtime.write_manifest()
    assert status == 0, said
    runtime.start_simulator()
    body = json.dumps(harness.media_body(1)).encode()
    raw = (b"POST /process_data HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
           b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    command = runtime.direct_command()
    null = os.open(os.devnull, os.O_RDWR)
    begin = time.perf_counter()
    pid = os.posix_spawn(command[0], command, {}, file_actions=[(os.POSIX_SPAWN_DUP2, null, 2)])
    try:
        while True:
            assert time.perf_counter() - begin < 10, "no answer within 10 s"
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
                    s.sendall(raw)
                    got = b""
                    while more := s.recv(65536):
                        got += more
            except OSError:
                time.sleep(0.0002)
                continue
            if got.startswith(b"HTTP/1.1 200") and b'"signature"' in got:
                return (time.perf_counter() - begin) * 1000
            time.sleep(0.0002)
    finally:
        os.kill(pid, 15)
        os.waitpid(pid, 0)
        os.close(null)
        runtime.simulator.terminate()
        runtime.simulator.wait(10)
        runtime.simulator.stdout.close()


def machine():
    model = [line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    return {"cpus": os.cpu_count(), "model": model[0] if model else platform.machine(), "kernel": platform.release()}


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "out")
    parser.add_argument("--seconds", type=float, default=8, help="length of one window")
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--name", default=time.strftime("%Y-%m-%d", time.gmtime()), help="of the file in bench/results")
    args = parser.parse_args()
    os.environ["NACRE_OUT"] = str(args.out.resolve())
    import harness

    rows = measure_load(harness, args.seconds, args.windows, args.connections)
    memory = measure_memory(harness) if harness.can_read_memory() else {}
    starts = sorted(first_answer(harness) for _ in range(11))
    result = {"machine": machine(), "connections": args.connections, "windows": rows, "pss_kib": memory,
              "start_ms": starts}
    path = ROOT / "bench" / "results" / f"{args.name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")

    signature = median(rows, "signature_us")
    print(f"one crypto_sign_detached            {signature:8.1f} us of CPU time")
    for name in PROGRAMS:
        cost = statistics.median(row["cpu_us"][name] for row in rows)
        print(f"{name:<14} an answer            {cost:8.1f} us   {cost / signature:5.2f} signatures")
    print(f"all three      an answer            {median(rows, 'cpu_us_sum'):8.1f} us   "
          f"{median(rows, 'ratio'):5.2f} signatures (aim: 2.00 or less)")
    print(f"answers per second                  {median(rows, 'per_second'):8.0f}      "
          f"{args.connections} keep-alive connections, the client on the same {os.cpu_count()} CPUs")
    print(f"latency                        p50  {median(rows, 'p50_us'):8.0f} us   p99 {median(rows, 'p99_us'):.0f} us")
    for what, sizes in memory.items():
        print(f"proportional set size               {sum(sizes.values()) / 1024:8.1f} MiB  {what}"
              + (" (aim: 16 or less)" if "libcurl" in what else "")
              + "".join(f"\n  {n:<34}{k / 1024:8.1f} MiB" for n, k in sizes.items()))
    if not memory:
        print("proportional set size               only root may read it")
    print(f"exec to first signed answer         {statistics.median(starts):8.1f} ms   "
          f"best {starts[0]:.1f}, worst {starts[-1]:.1f} (aim: 30 or less)")
    print(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
