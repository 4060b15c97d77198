#!/usr/bin/python3
"""Load for a long time, with a helper crashing every few seconds: every answer verified, nothing may grow.

Exit status 0 when all answers were right and neither memory nor descriptors grew from the first tenth to the end.
"""
import argparse
import os
import pathlib
import random
import signal
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
QUICK = ["restart.initial_ms=1", "restart.max_ms=1", "restart.reset_s=1"]


def kill_every_second(seconds):
    from kill_load import KillLoad
    kills = KillLoad()
    with kills.runtime:
        kills.load(seconds)
        kills.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "out")
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--crash-every", type=float, default=5, help="seconds; 0 for never")
    parser.add_argument("--kill-seconds", type=float, default=0,
                        help="instead: both helpers killed once a second for so long, everything about answers checked")
    args = parser.parse_args()
    os.environ["NACRE_OUT"] = str(args.out.resolve())
    if args.kill_seconds:
        kill_every_second(args.kill_seconds)
        return
    import harness

    runtime = harness.Runtime("media", direct=True, sets=QUICK)
    nacred = runtime.pid("nacred")
    begin = time.monotonic()
    baseline = None
    answers = crashes = 0
    try:
        while time.monotonic() - begin < args.seconds:
            storm = runtime.begin_storm(seconds=20, connections=64)
            while storm.poll() is None:
                time.sleep(args.crash_every or 1)
                pid = runtime.pid(random.choice(("nacre-app", "nacre-http")))
                if args.crash_every and pid and storm.poll() is None:
                    os.kill(pid, signal.SIGSEGV)
                    crashes += 1
            report = harness.finish_storm(storm)
            answers += report["good"]
            assert report["wrong"] == 0 and set(report["statuses"]) <= {"503"}, report
            time.sleep(0.5)
            now = harness.memory_kib(nacred, "Private_Dirty"), len(harness.descriptors(nacred))
            passed = time.monotonic() - begin
            print(f"{passed:6.0f} s  {answers} answers verified, {crashes} crashes, nacred {now[0]} KiB private, "
                  f"{now[1]} descriptors", flush=True)
            if baseline is None and passed > args.seconds / 10:
                baseline = now
            elif baseline:
                assert now[0] - baseline[0] < 1024 and now[1] <= baseline[1] + 2, f"grown from {baseline} to {now}"
        assert bytes.fromhex(runtime.health()["pk"]) == runtime.key
    finally:
        runtime.stop()
    print(f"soak: {answers} answers verified, {crashes} crashes, nothing grown")


if __name__ == "__main__":
    sys.exit(main())
