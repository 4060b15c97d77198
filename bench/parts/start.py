"""From exec to the first signed answer, alone and traced, and what happens in between."""
import json
import subprocess

from . import stats

RUNS = 11


def first_answer(run, trace=False):
    """One start, with simulator and manifest ready. What bench/first_answer.c says."""
    port = run.harness.free_port()
    runtime = run.harness.Runtime("media", direct=True, start=False, sets=[f"listen.api=tcp:127.0.0.1:{port}"])
    status, said = runtime.write_manifest()
    assert status == 0, said
    runtime.start_simulator()
    try:
        command = [run.tests / "first-answer", *(["--trace"] if trace else []), str(port),
                   json.dumps(run.harness.media_body(1)), *runtime.direct_command()]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    finally:
        run.harness.end_process(runtime.simulator)
        runtime.simulator.stdout.close()


def thread(events, pid, otherwise):
    """When a process made its first thread after `otherwise`, which is the answer when it made none."""
    return next((e["us"] for e in events if e["pid"] == pid and e["what"] == "clone" and e["us"] >= otherwise), otherwise)


def phases(said):
    """{phase: microseconds} in order, from the events of a traced start. Their sum is its total: where two things happen
    at once, the later one has what it took longer.

    nacred forks to try the namespaces (a child that exits at once), to hold a PID namespace (one that stays as it is), to check
    the plugin, and for each helper. What a fork is follows from the order and from what the child executes."""
    events = said["events"]
    first = events[0]["pid"]
    forks = [e for e in events if e["pid"] == first and e["what"] == "fork"]
    executed = {e["pid"]: e for e in events if e["what"] == "exec"}
    exits = {e["pid"]: e["us"] for e in events if e["what"] == "exit"}
    if len(forks) < 3:
        raise ValueError(f"{len(forks)} forks of nacred, at least 3 are expected: {events}")
    marks = [("the kernel executes nacred", events[0]["us"])]
    helpers = [f for f in forks if f["other"] in executed]
    for other in (f for f in forks if f["other"] not in executed):
        if other["other"] in exits:
            marks += [("nacred: libraries, manifest, plugin's digest", other["us"]),
                      ("which namespaces the machine has", exits[other["other"]])]
        else:
            marks.append(("nacred: its system call list, PCRs", other["us"]))
    check, http, app = helpers[:3]
    marks += [("nacred: PID namespace of the helpers" if len(marks) > 3 else "nacred: its system call list, PCRs", check["us"]),
              ("check of the plugin: fork, namespaces, exec", executed[check["other"]]["us"]),
              ("check of the plugin: libraries, sandbox, plugin", exits.get(check["other"], http["us"])),
              ("nacred: hears the verdict, opens sockets", http["us"]),
              ("nacre-http: fork, namespaces, exec", executed[http["other"]]["us"]),
              ("nacre-app: fork, namespaces, exec", executed[app["other"]]["us"]),
              ("nacred: keys, threads", thread(events, first, app["us"])),
              ("until nacre-http has its libraries and sandbox", thread(events, http["other"], app["us"])),
              ("until nacre-app has its libraries, sandbox and plugin", thread(events, app["other"], app["us"])),
              ("until the answer is there", said["total_us"])]
    found, before = {}, 0.0
    for name, at in marks:
        found[name] = found.get(name, 0.0) + max(at - before, 0.0)
        before = max(at, before)
    return found


def measure(run):
    first_answer(run)  # the files come into the page cache
    totals = [first_answer(run)["total_us"] / 1000 for _ in range(RUNS)]
    traced = [phases(first_answer(run, trace=True)) for _ in range(5)]
    run.say("start: done")
    return {"ms": totals, "phases_us": {name: stats.summary([t[name] for t in traced])["median"] for name in traced[0]}}


def table(part):
    s = stats.summary(part["ms"])
    total = sum(part["phases_us"].values())
    lines = [f"From exec of `nacred` to the last byte of the first signed answer: {stats.text(s)} ms, best "
             f"{stats.number(s['min'])}, worst {stats.number(s['max'])}, of {s['n']} (aim 20 ms: "
             + ("met" if s["median"] <= 20 else f"missed by {100 * (s['median'] / 20 - 1):.0f} %") + "). Traced, phase by phase:", ""]
    return lines + stats.markdown(["phase", "ms", "of the whole"],
                                  [[name, stats.number(us / 1000), f"{100 * us / total:.0f} %"]
                                   for name, us in part["phases_us"].items()])
