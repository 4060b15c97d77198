"""Many connections, all bodies different, each answer verified against its own request."""
import pytest

from harness import SANITIZED, descriptors, memory_kib, wait_for


def test_100000_answers_on_64_connections(start):
    runtime = start("media")
    pids = [runtime.pid(n) for n in ("nacred", "nacre-http", "nacre-app")]
    report = runtime.storm(requests=100_000, connections=64)
    assert report["good"] == report["sent"] == 100_000, report
    assert report["statuses"] == {} and report["closed"] == 0 and report["wrong"] == 0, report
    assert [runtime.pid(n) for n in ("nacred", "nacre-http", "nacre-app")] == pids


@pytest.mark.root
@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps freed memory on purpose")
def test_nothing_grows_under_load(start):
    runtime = start("media")
    pids = [runtime.pid(n) for n in ("nacred", "nacre-http", "nacre-app")]
    runtime.storm(requests=10_000, connections=64)
    fds = [len(descriptors(p)) for p in pids]
    memory = [memory_kib(p, "Private_Dirty") for p in pids]
    runtime.storm(requests=40_000, connections=64, verify=False)
    assert wait_for("connections to be closed", lambda: [len(descriptors(p)) for p in pids] <= fds)
    grown = [memory_kib(p, "Private_Dirty") - m for p, m in zip(pids, memory)]
    assert all(g < 1024 for g in grown), f"grown by {grown} KiB"


@pytest.mark.sanitizer
def test_a_short_storm(start):
    runtime = start("media")
    report = runtime.storm(requests=3000 if SANITIZED else 20_000, connections=32)
    assert report["good"] == report["sent"] and report["wrong"] == 0, report


def test_more_than_it_can_queue(start):
    """Overload is answered with 503 at once, and what is answered with 200 is right."""
    runtime = start("media", sets=["http.in_flight=8", "app.workers=1", "jobs.concurrent=0"])
    report = runtime.storm(requests=50_000, connections=200)
    assert report["good"] + sum(report["statuses"].values()) == report["sent"], report
    assert set(report["statuses"]) <= {"503"} and report["wrong"] == 0, report
    assert report["statuses"], "nothing was refused: the limit was not reached"
    assert report["good"] > 1000, report
