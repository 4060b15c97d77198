"""Allocations that fail: see allocations.py. ALLOCATION_SECONDS=0 fails all of a start, which takes minutes: `make soak`."""
import collections
import os
import shutil

import pytest

import allocations
import harness
import instrumented

pytestmark = [pytest.mark.skipif(harness.SANITIZED, reason="a sanitizer has an allocator of its own"),
              pytest.mark.skipif(shutil.which("patchelf") is None, reason="no patchelf")]
SECONDS = float(os.environ.get("ALLOCATION_SECONDS", "4"))
PROGRAMS = ("nacred", "nacre-http", "nacre-app")


@pytest.fixture(scope="module")
def media_under_test():
    runtime = instrumented.Instrumented("media", sets=allocations.QUICK)
    yield runtime
    runtime.stop()
    runtime.close()


@pytest.mark.parametrize("row", [1, 1000], ids=["one", "and-all-after"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_requests(media_under_test, program, row):
    seen, failed = collections.Counter(), 0
    for what in allocations.REQUESTS:
        failed += allocations.fail_in_requests(media_under_test, program, what, seen, row=row)
    print(f"allocations: {program}: {failed} failed in turn on the way of {len(allocations.REQUESTS)} kinds of requests: "
          f"{dict(seen)}")
    assert media_under_test.health()["pk"] == media_under_test.key.hex()
    assert seen["200"] >= len(allocations.REQUESTS)


def test_fetches():
    """The way of a request that asks an upstream: TLS and HTTP in nacre-app."""
    with allocations.weather_under_test() as runtime:
        seen = collections.Counter()
        failed = allocations.fail_in_fetches(runtime, seen, SECONDS * 2)
        print(f"allocations: nacre-app: {failed} failed in turn on the way of requests that fetch: {dict(seen)}")
        assert failed > 20 and seen["200"], seen


@pytest.mark.parametrize("program", PROGRAMS)
def test_starts(program):
    starts = allocations.Starts()
    try:
        tried, total = starts.run(program, SECONDS or None)
    finally:
        starts.close()
    print(f"allocations: {program}: {tried} of {total} of a start failed in turn: {dict(starts.outcomes)}")
    assert tried > 5 and starts.outcomes["refused"] > 0, starts.outcomes
