"""Attestation under storm: batched and plain nonces beside /process_data, with an NSM that takes 5 ms.

Windows of three kinds take turns, several rounds of them, in one run: /process_data alone (calm); the same beside a storm
of attestations; and beside as many GET / a second, which cost the two CPUs their time without any attestation. What a
window's p99 is to that of the calm one before it is one ratio; the median of the rounds is reported, and all of them are
kept. Every batched answer is checked by the client: its path leads from its nonce to a root in its document. The client
counts from when a request was due. See bench/README.md.
"""
import argparse
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

PROGRAMS = ("nacred", "nacre-http", "nacre-app")
STORMS = ("batch", "root", "plain")


def priority(task, level):
    os.sched_setscheduler(task, os.SCHED_RR, os.sched_param(level))


def put_first(runtime):
    """Runtime and load before whatever else the machine does; the storm's client, which is not what is measured, after them."""
    priority(0, 2)  # what this starts inherits it
    for pid in runtime.everyone():
        for task in os.listdir(f"/proc/{pid}/task"):
            priority(int(task), 2)


def begin(harness, runtime, kind, options, *, storm):
    rate, connections = (options.storm_rate, options.storm_connections) if storm else (options.rate, options.connections)
    command = [harness.OUT / "tests" / "attest-load", "--to", "%s:%d" % runtime.address, "--kind", kind, "--rate", str(rate),
               "--seconds", str(options.seconds), "--connections", str(connections)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    if storm and options.real_time and os.sched_getscheduler(0) == os.SCHED_RR:
        priority(process.pid, 1)
    return process


def finish(process):
    out, _ = process.communicate(timeout=120)
    report = json.loads(out)
    assert process.returncode == 0, report
    return report


def counters(harness, runtime):
    text = harness.request(runtime.admin, "GET", "/metrics").body.decode()
    counted = {name: int(re.search(rf"^nacre_attestation_{name} (\d+)$", text, re.M).group(1))
               for name in ("batches_total", "batch_nonces_total")}
    return {**counted, "nsm_calls": int(runtime.sim("count Attestation"))}


def window(harness, runtime, storm, options):
    """One window: the report of /process_data, that of the storm, and what the three programs did meanwhile."""
    pids = {name: runtime.pid(name) for name in PROGRAMS}
    cpu = {name: harness.cpu_seconds(pid) for name, pid in pids.items()}
    before, began = counters(harness, runtime), time.monotonic()
    beside = storm and begin(harness, runtime, storm, options, storm=True)
    media = finish(begin(harness, runtime, "media", options, storm=False))
    other = finish(beside) if beside else None
    took, after = time.monotonic() - began, counters(harness, runtime)
    assert media["good"] == media["sent"], media
    return {"media": media, "storm": other, "seconds": took,
            "cpu_us": {name: (harness.cpu_seconds(pid) - cpu[name]) * 1e6 for name, pid in pids.items()},
            "counted": {name: after[name] - before[name] for name in after}}


def measure(harness, options):
    sets = [f"http.threads={options.threads}"] if options.threads else []
    runtime = harness.Runtime("media", direct=True, admin=True, sets=sets)
    try:
        runtime.sim(f"fault delay {options.nsm_ms} Attestation")
        window(harness, runtime, "batch", options)  # warm
        if options.real_time:
            put_first(runtime)
        rounds = []
        for _ in range(options.rounds):
            one = {"calm": window(harness, runtime, None, options)}
            one |= {storm: window(harness, runtime, storm, options) for storm in options.storms}
            rounds.append(one)
        return rounds
    finally:
        runtime.stop()


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summary(rounds, options):
    out = {"calm": {q: spread([r["calm"]["media"][q] for r in rounds]) for q in ("p50_us", "p99_us")}}
    for storm in options.storms:
        windows = [r[storm] for r in rounds]
        out[storm] = {
            "process_data": {q: spread([w["media"][q] for w in windows]) for q in ("p50_us", "p99_us")},
            "p99_over_calm": spread([w["media"]["p99_us"] / r["calm"]["media"]["p99_us"] for w, r in zip(windows, rounds)]),
            "per_second": spread([w["storm"]["per_second"] for w in windows]),
            "storm_p50_us": spread([w["storm"]["p50_us"] for w in windows]),
            "storm_p99_us": spread([w["storm"]["p99_us"] for w in windows]),
            "refused": sum(w["storm"]["other"] for w in windows),
            "nsm_calls_per_second": spread([w["counted"]["nsm_calls"] / w["seconds"] for w in windows]),
            "cpu_us_per_answer": spread([(sum(w["cpu_us"].values()) - sum(r["calm"]["cpu_us"].values()))
                                         / max(w["storm"]["good"] + w["storm"]["other"], 1) for w, r in zip(windows, rounds)])}
    if "batch" in options.storms:
        batches = [r["batch"]["counted"] for r in rounds]
        out["batch"]["mean_batch"] = spread([b["batch_nonces_total"] / max(b["batches_total"], 1)
                                             for b in batches])
    if "batch" in options.storms and "root" in options.storms:
        out["batch_p99_over_root"] = spread([r["batch"]["media"]["p99_us"] / r["root"]["media"]["p99_us"] for r in rounds])
    return out


def lines(s):
    def us(v):
        return f"{v['median']:7.0f} us  ({v['min']:.0f} to {v['max']:.0f})"

    def ratio(v):
        return f"{v['median']:9.2f}   ({v['min']:.2f} to {v['max']:.2f})"

    rows = [("/process_data, calm", f"p50 {us(s['calm']['p50_us'])}   p99 {us(s['calm']['p99_us'])}")]
    for storm in (name for name in STORMS if name in s):
        one = s[storm]
        media = one["process_data"]
        rows += [(f"/process_data, beside {storm}", f"p50 {us(media['p50_us'])}   p99 {us(media['p99_us'])}"),
                 ("  its p99 over the calm one", ratio(one["p99_over_calm"]) + "   aim 1.10"),
                 ("  the storm", f"{one['per_second']['median']:9.0f} answers a second, p50 {one['storm_p50_us']['median']:.0f} us, "
                  f"p99 {one['storm_p99_us']['median']:.0f} us, refused {one['refused']}"),
                 ("  NSM calls a second", f"{one['nsm_calls_per_second']['median']:9.0f}"),
                 ("  CPU time of all three an answer", f"{one['cpu_us_per_answer']['median']:9.1f} us")]
        if "mean_batch" in one:
            rows.append(("  nonces in a batch, mean", f"{one['mean_batch']['median']:9.1f}"))
    if "batch_p99_over_root" in s:
        rows.append(("p99 beside batch over beside root", ratio(s["batch_p99_over_root"])))
    return [f"{what:34}{text}" for what, text in rows]


def part(run):
    """As a part of bench.py."""
    options = parse([])
    options.rounds, options.seconds = run.rounds, run.seconds
    run.say("attestations beside signed answers")
    rounds = measure(run.harness, options)
    return {"options": vars(options), "summary": summary(rounds, options), "rounds": rounds}


def table(result):
    return ["```", *lines(result["summary"]), "```"]


def parse(words=None):
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("--rate", type=float, default=1000, help="requests of /process_data a second")
    p.add_argument("--connections", type=int, default=32)
    p.add_argument("--storm-rate", type=float, default=5000, help="attestations a second")
    p.add_argument("--storm-connections", type=int, default=128)
    p.add_argument("--nsm-ms", type=int, default=5, help="what a document takes")
    p.add_argument("--seconds", type=float, default=4, help="of a window")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=0, help="lanes; 0: what the runtime takes by itself")
    p.add_argument("--storms", nargs="+", choices=STORMS, default=list(STORMS))
    p.add_argument("--real-time", action="store_true",
                   help="as root, on a machine with other work: the scheduler runs client and runtime before all else")
    p.add_argument("--out", type=pathlib.Path, help="where to write the numbers; bench/results/attestation.json by default")
    return p.parse_args(words)


def main():
    options = parse()
    sys.path.insert(0, str(ROOT / "tests" / "e2e"))
    import harness  # pylint: disable=import-outside-toplevel
    rounds = measure(harness, options)
    found = summary(rounds, options)
    print("\n".join(lines(found)))
    path = options.out or ROOT / "bench" / "results" / "attestation.json"
    said = {k: v for k, v in vars(options).items() if k != "out"}
    path.write_text(json.dumps({"machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "load": os.getloadavg()},
                                "options": said, "summary": found, "rounds": rounds}, indent=1) + "\n")
    return 0
