"""SIGTERM: under load, with calls that take long, twice, at the start, and while the NSM hangs. Nothing hangs, nothing is left."""
import os
import signal
import threading
import time

import pytest

import harness
import nacre_check
from harness import TEST_PLUGINS, finish_storm, media_body, wait_for

# nacred gives its helpers 5 s to finish; a busy machine some more to notice.
LIMIT_S = 5 + (10 if harness.SANITIZED else 2)
WORKER = TEST_PLUGINS / "worker.so"
TYPES = {0: [("rounds", "u64"), ("data", "bytes")]}


def terminate(runtime):
    """SIGTERM; how long it took to end, and that it ended well and whole. Returns seconds."""
    everyone = [(p, harness.start_time(p)) for p in runtime.everyone() if p != runtime.simulator.pid]
    begin = time.monotonic()
    os.kill(runtime.process.pid, signal.SIGTERM)
    status = runtime.process.wait(LIMIT_S + 20)
    took = time.monotonic() - begin
    assert status == 0, f"{status}\n{runtime.log()[-3000:]}"
    assert took < LIMIT_S, f"{took:.1f} s"
    wait_for("everybody to be gone", lambda: all(harness.start_time(p) != t or harness.state_of(p) in ("", "Z")
                                                 for p, t in everyone), 2)
    assert "event=ended reason=stopped" in runtime.log()
    return took


def test_under_load(start):
    """What is in flight is answered, or its connection closed; what is answered is right."""
    runtime = start("media", direct=True)
    storm = runtime.begin_storm(seconds=20, connections=128, give_up=6)
    time.sleep(1.5)
    took = terminate(runtime)
    report = finish_storm(storm)
    cut = report["closed"] - report["refused"]
    print(f"stop: under load in {took:.2f} s: {report['good']} answered and verified, {report['statuses'] or 'none'} refused, "
          f"{max(cut, 0)} cut")
    assert report["wrong"] == 0 and report["malformed"] == 0 and report["good"] > 500, report
    assert set(report["statuses"]) <= {"503"}
    assert report["closed"] <= 128 + report["refused"], "more were cut than connections were open"


def slow_calls(runtime, ms, count=8):
    replies = []

    def call():
        try:
            replies.append(runtime.post("/long", {"ms": ms, "mode": ""}, timeout=60))
        except OSError:
            replies.append(None)

    threads = [threading.Thread(target=call) for _ in range(count)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    assert not replies
    return threads, replies


def test_calls_in_flight_are_finished(start):
    runtime = start("worker", plugin=WORKER, direct=True)
    threads, replies = slow_calls(runtime, 2000)
    took = terminate(runtime)
    for t in threads:
        t.join(10)
    print(f"stop: {len(replies)} calls of 2 s in flight: ended in {took:.2f} s, "
          f"{sum(r is not None and r.status == 200 for r in replies)} answered")
    for reply in replies:
        assert reply is not None and reply.status == 200, replies
        nacre_check.verify_response(reply.body, runtime.key, TYPES)


def test_calls_that_take_longer_are_cut(start):
    runtime = start("worker", plugin=WORKER, direct=True)
    threads, replies = slow_calls(runtime, 60_000)
    took = terminate(runtime)
    for t in threads:
        t.join(10)
    print(f"stop: {len(replies)} calls of a minute in flight: ended in {took:.2f} s, all cut")
    assert len(replies) == 8 and took > 3
    for reply in replies:
        assert reply is None or reply.status >= 500, reply


def test_twice_is_at_once(start):
    runtime = start("worker", plugin=WORKER, direct=True)
    threads, replies = slow_calls(runtime, 60_000)
    os.kill(runtime.process.pid, signal.SIGTERM)
    time.sleep(0.5)
    assert runtime.process.poll() is None, "it did not wait for what is in flight"
    begin = time.monotonic()
    os.kill(runtime.process.pid, signal.SIGTERM)
    assert runtime.process.wait(10) == 0
    assert time.monotonic() - begin < 1.5
    for t in threads:
        t.join(10)
    assert all(reply is None or reply.status >= 500 for reply in replies)


@pytest.mark.parametrize("after_ms", [0, 5, 10, 20, 40, 60, 80, 120, 200])
def test_while_starting(after_ms):
    """At whatever moment: it ends, with a reason, and nothing is left."""
    runtime = harness.Runtime("media", direct=True, start=False)
    try:
        runtime.spawn()
        time.sleep(after_ms / 1000)
        begin = time.monotonic()
        runtime.process.terminate()
        status = runtime.process.wait(LIMIT_S + 5)
        assert time.monotonic() - begin < LIMIT_S
        # before it has looked at its signals it ends as any program does
        said = {0: "event=ended", 2: 'event="cannot start" reason=', -signal.SIGTERM: ""}
        assert status in said and said[status] in runtime.log(), (status, runtime.log())
        time.sleep(0.1)
        assert not harness.descendants(runtime.process.pid)
    finally:
        runtime.stop(check=False)


@pytest.mark.parametrize("when", ["running", "starting"])
def test_while_the_nsm_hangs(when):
    sim = ["--fault", "delay:600000"] if when == "starting" else []
    runtime = harness.Runtime("media", direct=True, sim=sim, start=False, sets=["clock.interval_s=1"])
    try:
        if when == "starting":
            runtime.spawn()
            time.sleep(0.5)
            assert "cannot start" not in runtime.log()
        else:
            runtime.start()
            runtime.sim("fault delay 600000")
            time.sleep(1.5)  # its own document is under way
        begin = time.monotonic()
        runtime.process.terminate()
        status = runtime.process.wait(LIMIT_S + 20)
        took = time.monotonic() - begin
        print(f"stop: while the NSM hangs, {when}: in {took:.2f} s, exit status {status}")
        assert took < LIMIT_S, runtime.log()
        assert status in ((0, 2, -signal.SIGTERM) if when == "starting" else (0,)), runtime.log()
    finally:
        runtime.stop(check=False)
