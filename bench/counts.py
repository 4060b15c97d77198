#!/usr/bin/python3
"""What the way of one answer consists of, by process: system calls by name, allocations, and how often a thread went to
sleep or was made to wait.

    /usr/bin/python3 bench/counts.py [--connections N] [--seconds S]

System calls are counted by the kernel (perf's tracepoints, so it takes root and Debian's linux-perf), allocations by
probes on the C library's functions: counts, not times, so a busy machine does not matter much; how many answers share a
message does depend on it.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = ("nacred", "nacre-http", "nacre-app")
CALLS = ("sendmsg", "sendto", "recvmsg", "recvfrom", "read", "write", "writev", "accept4", "close", "epoll_wait",
         "epoll_ctl", "futex", "poll", "ppoll", "setsockopt", "getrandom", "madvise", "mmap", "munmap",
         "clock_nanosleep")
ALLOCATIONS = ("malloc", "calloc", "realloc", "free")


def switches(pid):
    """Voluntary and other context switches of all threads."""
    counts = [0, 0]
    for task in os.listdir(f"/proc/{pid}/task"):
        text = pathlib.Path(f"/proc/{pid}/task/{task}/status").read_text()
        for i, key in enumerate(("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")):
            counts[i] += int(re.search(rf"(?m)^{key}:\s*(\d+)", text).group(1))
    return counts


class Counter:
    """perf stat on one process for as long as the load lasts."""

    def __init__(self, pid, events):
        command = ["perf", "stat", "-x", "\t", "-p", str(pid)]
        for event in events:
            command += ["-e", event]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def end(self):
        self.process.send_signal(2)
        counts = {}
        for line in self.process.communicate()[1].splitlines():
            fields = line.split("\t")
            if len(fields) > 2 and fields[0].isdigit():
                counts[fields[2]] = int(fields[0])
        return counts


def add_probes():
    """Uprobes on the allocation functions. Returns the events, none where the kernel has no uprobes."""
    libc = subprocess.run(["/bin/sh", "-c", "ldd /bin/sh | sed -n 's/.*libc.so.6 => \\([^ ]*\\).*/\\1/p'"],
                          capture_output=True, text=True, check=True).stdout.strip()
    events = []
    for name in ALLOCATIONS:
        added = subprocess.run(["perf", "probe", "-q", "-x", libc, "--add", f"nacre_{name}={name}"], capture_output=True)
        if added.returncode == 0:
            events.append(f"probe_libc:nacre_{name}")
    return events


def remove_probes():
    subprocess.run(["perf", "probe", "-q", "--del", "probe_libc:nacre_*"], capture_output=True)


def window(harness, runtime, events, seconds, connections):
    """Counts an answer, by process."""
    pids = {name: runtime.pid(name) for name in PROGRAMS}
    counters = {name: Counter(pid, events) for name, pid in pids.items()}
    before = {name: switches(pid) for name, pid in pids.items()}
    report = runtime.storm(verify=False, seconds=seconds, connections=connections)
    after = {name: switches(pid) for name, pid in pids.items()}
    assert report["good"] == report["sent"], report
    rows = {}
    for name, counter in counters.items():
        counts = counter.end()
        rows[name] = {event.rpartition(":")[2].replace("sys_enter_", "").replace("nacre_", ""): n / report["good"]
                      for event, n in counts.items()}
        rows[name]["goes to sleep"] = (after[name][0] - before[name][0]) / report["good"]
        rows[name]["is interrupted"] = (after[name][1] - before[name][1]) / report["good"]
    return rows


def print_table(title, rows):
    print(f"\n{title:<24}" + "".join(f"{name:>12}" for name in PROGRAMS))
    keys = list(dict.fromkeys(key for row in rows.values() for key in row))
    for key in keys:
        values = [rows[name].get(key, 0) for name in PROGRAMS]
        if max(values) >= 0.005:
            print(f"{key:<24}" + "".join(f"{value:>12.2f}" for value in values))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "out")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4)
    args = parser.parse_args()
    if not shutil.which("perf") or os.geteuid() != 0:
        print("counts: this takes root and perf (Debian: linux-perf)", file=sys.stderr)
        return 1
    os.environ["NACRE_OUT"] = str(args.out.resolve())
    sys.path.insert(0, str(ROOT / "tests" / "e2e"))
    import harness
    calls = [f"syscalls:sys_enter_{name}" for name in CALLS]
    runtime = harness.Runtime("media", direct=True)
    try:
        runtime.storm(requests=2000)
        print_table(f"{args.connections} connections, an answer",
                    window(harness, runtime, calls, args.seconds, args.connections))
        probes = add_probes()
        if probes:
            print_table("allocations", window(harness, runtime, probes, args.seconds, args.connections))
        else:
            print("\nallocations: not counted, this kernel has no probes on programs")
    finally:
        remove_probes()
        runtime.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
