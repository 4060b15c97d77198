#!/usr/bin/python3
"""CPU time an answer of two builds, in turns: one window of load on one, one on the other, again and again.

    /usr/bin/python3 bench/pairs.py BEFORE/out AFTER/out [--connections N]

Both runtimes run all the time, the one that is not loaded idles. What is printed are medians and the median of the
ratios of neighbouring windows: on a machine with other work these mean something where single windows do not.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = ("nacred", "nacre-http", "nacre-app")


def serve(app, sets):
    """The child: one runtime of NACRE_OUT; for each line of input one window of load, for each window a line of JSON."""
    sys.path.insert(0, str(ROOT / "tests" / "e2e"))
    import harness
    runtime = harness.Runtime(app, direct=True, sets=sets)
    try:
        runtime.storm(requests=2000)  # verified
        for line in sys.stdin:
            seconds, connections = line.split()
            begin = {name: harness.cpu_seconds(runtime.pid(name)) for name in PROGRAMS}
            report = runtime.storm(verify=False, seconds=float(seconds), connections=int(connections))
            assert report["good"] == report["sent"], report
            cost = {name: (harness.cpu_seconds(runtime.pid(name)) - begin[name]) / report["good"] * 1e6
                    for name in PROGRAMS}
            print(json.dumps({**cost, "all": sum(cost.values()), "per second": report["per_second"],
                              "p50": report["p50_us"], "p99": report["p99_us"]}), flush=True)
    finally:
        runtime.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="+", type=pathlib.Path)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--windows", type=int, default=9)
    parser.add_argument("--set", action="append", default=[], help="a setting for both")
    parser.add_argument("--set-after", action="append", default=[], help="a setting for the second, which may be the "
                        "same build as the first")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve("media", args.set)
    if len(args.out) != 2:
        parser.error("two directories of builds")
    sides = []
    for out, sets in zip(args.out, (args.set, args.set + args.set_after)):
        command = [sys.executable, __file__, "--serve", out] + [x for s in sets for x in ("--set", s)]
        sides.append(subprocess.Popen(command, env={**os.environ, "NACRE_OUT": str(out.resolve())}, text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    rows = [[], []]
    try:
        for window in range(args.windows + 1):
            for i in (0, 1) if window % 2 else (1, 0):
                print(args.seconds, args.connections, file=sides[i].stdin, flush=True)
                got = json.loads(sides[i].stdout.readline())
                if window:  # the first one warms up
                    rows[i].append(got)
    finally:
        for side in sides:
            side.stdin.close()
            side.wait()
    print(f"{'':<14}{'before':>10}{'after':>10}{'ratio':>8}   ({args.connections} connections, {args.windows} pairs)")
    for key in (*PROGRAMS, "all", "per second", "p50", "p99"):
        before, after = ([row[key] for row in side] for side in rows)
        ratio = statistics.median(b / a for a, b in zip(before, after))
        print(f"{key:<14}{statistics.median(before):>10.1f}{statistics.median(after):>10.1f}{ratio:>8.3f}"
              + ("   us of CPU time an answer" if key in PROGRAMS or key == "all" else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
