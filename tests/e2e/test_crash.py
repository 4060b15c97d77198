"""A helper that dies costs the requests in flight and a few milliseconds: never the key, never a wrong signature."""
import os
import signal
import time

import pytest

import harness
from kill_load import KillLoad
from harness import descriptors, finish_storm, media_body, memory_kib, start_time, wait_for

HELPERS = ("nacre-app", "nacre-http")
# A crash every so often must not meet the back-off of the one before it.
QUICK = ["restart.initial_ms=1", "restart.max_ms=1", "restart.reset_s=1"]


def crash(runtime, name):
    """Kills a helper and waits until another runs in its place. Returns the time of death (CLOCK_MONOTONIC, ns)."""
    old = runtime.pid(name)
    born = start_time(old)
    at = time.monotonic_ns()
    # A sanitizer would take the first for a fault of the program's own.
    os.kill(old, signal.SIGKILL if harness.SANITIZED else signal.SIGSEGV)
    wait_for(f"{name} to be gone", lambda: start_time(old) != born or harness.state_of(old) in ("", "Z"), pause=0.001)
    new = wait_for(f"{name} to be replaced", lambda: runtime.pid(name), pause=0.001)
    assert (new, start_time(new)) != (old, born)
    return at


def test_killed_every_second():
    """The short form of what `make soak` does for five minutes."""
    kills = KillLoad()
    with kills.runtime:
        kills.load(15)
        kills.finish()
        assert min(kills.kills.values()) >= 12 and kills.sums["good"] > 1000, (kills.kills, kills.sums)


def test_what_the_kill_load_would_notice():
    """The control: an answer at another time, one with a text that is forbidden, and another key are all counted."""
    runtime = harness.Runtime("media", sim=["--fault", "clock:-86400000"])
    with runtime:
        for options, name in (({"bound_ms": 100}, "bad_time"), ({"forbid": "signature"}, "leaks")):
            report = finish_storm(runtime.begin_storm(requests=10, connections=1, **options), check=False)
            assert report[name] == 10, report
        runtime.key = bytes(32)
        report = finish_storm(runtime.begin_storm(requests=10, connections=1), check=False)
        assert report["bad_signature"] == report["wrong"] == 10, report


@pytest.mark.parametrize("name", HELPERS)
def test_crash_under_load(start, name):
    runtime = start("media", sets=QUICK)
    storm = runtime.begin_storm(seconds=6, connections=64, gap_ms=15)
    time.sleep(1)
    deaths = []
    for _ in range(4):
        deaths.append(crash(runtime, name))
        time.sleep(1.1)
    report = finish_storm(storm)
    assert bytes.fromhex(runtime.health()["pk"]) == runtime.key
    # In flight: 503, or a closed connection. All others are right, and verified.
    assert report["wrong"] == 0 and report["malformed"] == 0 and report["good"] > 1000, report
    assert set(report["statuses"]) <= {"503"}, report
    assert report["good"] + report["closed"] + sum(report["statuses"].values()) == report["sent"], report
    if name == "nacre-app":
        assert report["statuses"], "no request was in flight when nacre-app died"
    assert report["refused"] == 0, "the listening socket was lost"
    outages = sorted(max((end - max(begin, at) for begin, end in report["gaps"] if end > at and begin < at + 1_000_000_000),
                         default=0) / 1e6 for at in deaths)
    # The middle one: on a machine that does other things too, one may be anything.
    assert outages[len(outages) // 2] < 100, f"{name}: without a good answer for {outages} ms"


def test_requests_in_flight_are_answered_503(start):
    """With the app stopped, requests pile up in it; when it dies, each is answered at once."""
    import threading
    runtime = start("media", sets=QUICK)
    runtime.verify(runtime.post("/process_data", media_body(0)))
    app = runtime.pid("nacre-app")
    os.kill(app, signal.SIGSTOP)
    wait_for("all threads to stop", lambda: set(harness.thread_states(app)) == {"T"})
    replies = []
    threads = [threading.Thread(target=lambda i=i: replies.append(runtime.post("/process_data", media_body(i))))
               for i in range(20)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    assert replies == []
    assert runtime.health()["pk"] == runtime.key.hex(), "health_check waits for the app"
    os.kill(app, signal.SIGKILL)
    for t in threads:
        t.join(10)
    assert len(replies) == 20
    for reply in replies:
        assert reply.status == 503 and reply.error and int(reply.headers["retry-after"]) >= 1, reply
    wait_for("service to be back", lambda: runtime.post("/process_data", media_body(1)).status == 200)
    runtime.verify(runtime.post("/process_data", media_body(2)))


def test_both_at_once(start):
    runtime = start("media", sets=QUICK)
    for _ in range(5):
        old = [runtime.pid(n) for n in HELPERS]
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        wait_for("both to be replaced", lambda: all(runtime.pid(n) not in (None, p) for n, p in zip(HELPERS, old)))

        def back():
            try:
                return runtime.post("/process_data", media_body(1)).status == 200
            except OSError:
                return False

        wait_for("service to be back", back)
        time.sleep(0.05)
    runtime.verify(runtime.post("/process_data", media_body(2)))


def settled(runtime):
    """Descriptors and private memory of nacred when nothing moves."""
    def try_one():
        try:
            return runtime.post("/process_data", media_body(3)).status == 200
        except OSError:
            return False
    wait_for("service to be back", try_one)
    time.sleep(0.3)
    pid = runtime.pid("nacred")
    return descriptors(pid), memory_kib(pid, "Private_Dirty")


@pytest.mark.root
@pytest.mark.sanitizer
def test_200_crashes_leak_nothing(start):
    runtime = start("media", sets=QUICK)
    rounds = 5 if harness.SANITIZED else 100

    def crashes(n):
        for _ in range(n):
            for name in HELPERS:
                crash(runtime, name)

    nacred = runtime.pid("nacred")
    crashes(5)
    fds, memory = settled(runtime)
    crashes(rounds)
    fds_after, memory_after = settled(runtime)
    assert runtime.pid("nacred") == nacred
    assert len(fds_after) == len(fds), (fds, fds_after)
    if not harness.SANITIZED:
        assert memory_after - memory < 256, f"nacred grew from {memory} to {memory_after} KiB"
    health = runtime.health()
    assert bytes.fromhex(health["pk"]) == runtime.key
    assert number(health, "app", "restarts") >= rounds + 5 and number(health, "http", "restarts") >= rounds + 5, health
    zombies = [p for p in harness.descendants(nacred) if harness.state_of(p) == "Z"]
    assert not zombies


def find(value, *words):
    """The value in nested JSON whose path of keys holds all words."""
    def walk(v, path):
        if isinstance(v, dict):
            for k, inner in v.items():
                yield from walk(inner, path + [k])
        else:
            yield ".".join(path), v
    found = [v for path, v in walk(value, []) if all(w in path for w in words)]
    assert found, f"nothing of {words} in {value}"
    return found[0]


def number(health, *words):
    return int(find(health, *words))


def test_backoff_and_its_reset(start):
    runtime = start("media", sets=["restart.initial_ms=50", "restart.max_ms=400", "restart.reset_s=2"])
    assert number(runtime.health(), "app", "restarts") == 0
    waits, shown = [], []
    for _ in range(5):
        old = runtime.pid("nacre-app")
        at = time.monotonic()
        os.kill(old, signal.SIGSEGV)
        wait_for("a new nacre-app", lambda: runtime.pid("nacre-app") not in (None, old), pause=0.001)
        waits.append((time.monotonic() - at) * 1000)
        wait_for("its state", lambda: find(runtime.health(), "app", "state") == "up", pause=0.02)
        shown.append(number(runtime.health(), "app", "backoff"))
    # 50, 100, 200, 400, 400: each at least as long as it should be, and not much longer.
    for wait, least in zip(waits, (50, 100, 200, 400, 400)):
        assert least * 0.9 <= wait < least + 300, waits
    assert shown == [100, 200, 400, 400, 400], shown
    assert number(runtime.health(), "app", "restarts") == 5
    wait_for("the back-off to be reset", lambda: number(runtime.health(), "app", "backoff") == 50, 6, 0.1)


def test_stop_only_where_the_config_says_so(start):
    runtime = start("media", sets=[*QUICK, "restart.reset_s=60", "restart.stop_after=2"])
    for _ in range(2):
        crash(runtime, "nacre-app")
        wait_for("nacre-app to be up", lambda: find(runtime.health(), "app", "state") == "up")
    os.kill(runtime.pid("nacre-app"), signal.SIGSEGV)
    wait_for("the stop", lambda: find(runtime.health(), "app", "state") == "stopped")
    time.sleep(0.5)
    assert runtime.pid("nacre-app") is None
    reply = runtime.post("/process_data", media_body(1))
    assert reply.status == 503 and reply.error
    runtime.document(runtime.get("/get_attestation"))


def test_http_stop_ends_the_runtime_with_a_clear_last_line(start):
    runtime = start("media", sets=[*QUICK, "restart.reset_s=60", "restart.stop_after=1"])
    crash(runtime, "nacre-http")
    os.kill(runtime.pid("nacre-http"), signal.SIGSEGV)
    status = runtime.process.wait(15)
    assert status != 0
    assert "nacre-http" in runtime.log() and "stop_after" in runtime.log(), runtime.log()[-2000:]
    runtime.stop(check=False)
