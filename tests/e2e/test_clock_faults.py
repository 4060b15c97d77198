"""
Clocks and the NSM at fault, under load: every answer's time lies within the bound of an independent clock, this machine's,
whatever the system clock of the runtime says and whatever the NSM does.
"""
import os
import shutil
import threading
import time

import pytest

import harness
import instrumented
from harness import finish_storm, media_body, wait_for
from instrumented import ASKED, OFF_NS

BOUND_MS = 150
SETS = ["clock.interval_s=1", f"clock.max_error_ms={BOUND_MS}"]
HOUR_NS = 3_600_000_000_000
# Each for some seconds; the delays are shorter than, as long as and longer than nacred's patience with the NSM.
FAULTS = ["error InternalError", "hold 120", "delay 900", "hold 900", "garbage", "truncate", "wrong-type", "close",
          "short-pcr", "bad-signature", "delay 7000"]


def sum_up(report):
    return (f"{report['good']} answers verified, wrong signatures {report['bad_signature']}, times outside the bound of "
            f"{BOUND_MS} ms {report['bad_time']}, answers that belong to another request {report['foreign']}, "
            f"not answered 200: {report['statuses'] or 'none'}")


def right(report):
    assert report["wrong"] == report["malformed"] == report["leaks"] == 0, report
    assert set(report["statuses"]) <= {"503"} and report["good"] > 1000, report


@pytest.mark.skipif(harness.SANITIZED or shutil.which("patchelf") is None, reason="the clock is shifted by a library")
def test_steps_of_the_system_clock():
    """
    The system clock of all three processes jumps by an hour, there and back, again and again. Nothing that is signed comes
    from it. (A test must not set the machine's clock; a library between the programs and the C library shifts it for them.)
    """
    runtime = instrumented.Instrumented("media", sets=SETS)
    try:
        storm = runtime.begin_storm(seconds=6, connections=32, bound_ms=BOUND_MS)
        steps, kills = 0, 0
        while storm.poll() is None:
            for control in runtime.controls.values():
                control.set(OFF_NS, (HOUR_NS, 0, -HOUR_NS, 0)[steps % 4])
            steps += 1
            time.sleep(0.45)
            if steps % 5 == 0 and storm.poll() is None:  # helpers that start under a wrong clock
                os.kill(runtime.pid(("nacre-app", "nacre-http")[kills % 2]), 9)
                kills += 1
        report = finish_storm(storm, check=False)
        print(f"clock: {steps} steps of the system clock by an hour: {sum_up(report)}")
        right(report)
        assert sum(control.get(ASKED) for control in runtime.controls.values()) > 10, "nobody looked at the shifted clock"
        for control in runtime.controls.values():
            control.set(OFF_NS, HOUR_NS)
        assert runtime.get("/get_attestation?nonce=aa").status == 200
        begin = time.monotonic()
        runtime.stop()  # waits of an absolute time would last for an hour
        assert time.monotonic() - begin < 10
    finally:
        runtime.close()


def test_all_that_the_nsm_can_do(start):
    runtime = start("media", sets=SETS, direct=True)
    storm = runtime.begin_storm(seconds=30, connections=32, bound_ms=BOUND_MS)
    met = []
    while storm.poll() is None:
        fault = FAULTS[len(met) % len(FAULTS)]
        calls = int(runtime.sim("count Attestation"))
        runtime.sim(f"fault {fault} Attestation 1")
        wait_for("a document that meets it", lambda: storm.poll() is not None or
                 int(runtime.sim("count Attestation")) > calls, 20, 0.02)
        if int(runtime.sim("count Attestation")) > calls:
            met.append(fault)
        # a good one between two of them, or nacred waits longer and longer
        wait_for("the next document", lambda: storm.poll() is not None or
                 int(runtime.sim("count Attestation")) > calls + 1, 20, 0.02)
    report = finish_storm(storm, check=False)
    print(f"clock: {len(met)} documents with faults of the NSM of {len(set(met))} kinds: {sum_up(report)}")
    right(report)
    assert len(set(met)) >= len(FAULTS) - 2, met
    runtime.sim("clear")
    wait_for("recovery", lambda: runtime.post("/process_data", media_body(1)).status == 200, 20, 0.1)
    assert runtime.health()["pk"] == runtime.key.hex()


def test_a_clock_that_flaps(start):
    """The NSM's clock is an hour ahead in every other document: no answer has a time from that hour."""
    runtime = start("media", sets=SETS, direct=True)
    storm = runtime.begin_storm(seconds=8, connections=16, bound_ms=BOUND_MS)
    flaps, stop = 0, threading.Event()
    while storm.poll() is None:
        runtime.sim("clock 3600000")
        stop.wait(0.7)
        runtime.sim("clock 0")
        stop.wait(1.1)
        flaps += 1
    report = finish_storm(storm, check=False)
    print(f"clock: {flaps} flaps of the NSM's clock by an hour: {sum_up(report)}")
    assert report["wrong"] == 0 and set(report["statuses"]) <= {"503"}, report


@pytest.mark.parametrize("off_ms", [-86_400_000, 3_600_000])
def test_the_control(start, off_ms):
    """A clock that is wrong from the start is the only one there is: the load that looks at times would notice."""
    runtime = start("media", sets=SETS, sim=["--fault", f"clock:{off_ms}"])
    report = finish_storm(runtime.begin_storm(requests=50, connections=2, bound_ms=BOUND_MS), check=False)
    assert report["bad_time"] == 50, report
