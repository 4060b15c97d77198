"""A plugin that takes all there is (plugins/hostile/exhaust.c): it costs its own process at most."""
import os
import pathlib
import re
import threading

import pytest

import harness
from hostile import SETS, Watch, Worlds, came_through, honest, post, strike

pytestmark = pytest.mark.skipif(harness.SANITIZED, reason="a sanitizer's memory is larger than any limit")
MIB = 1 << 20
MEMORY, THREADS = 192 * MIB, 64
LIMITED = [*SETS[1:], "app.workers=2", f"app.memory_bytes={MEMORY}", f"app.threads={THREADS}",
           f"app.scratch_bytes={64 * MIB}"]


@pytest.fixture(scope="module")
def runtime():
    worlds = Worlds()
    yield worlds.get("exhaust", sets=LIMITED)
    worlds.stop()


def limits(runtime):
    found = re.findall(r"event=limits memory_bytes=(\d+) threads=(\d+) descriptors=(\d+) threads_by=(\w+)", runtime.log())
    return [int(n) for n in found[-1][:3]], found[-1][3]


def strike_beside_honest(runtime, mode):
    """The attack, and an honest request while it holds what it took, which may be refused."""
    reports = []
    thread = threading.Thread(target=lambda: reports.append(strike(runtime, mode)))
    thread.start()
    thread.join(0.7)
    try:
        reply = post(runtime, "/other", timeout=10)
        assert reply.status == 200 or b"signature" not in reply.body
    except OSError:
        pass
    thread.join()
    return reports[0]


def test_what_is_said_at_the_start(runtime):
    (memory, threads, descriptors), by = limits(runtime)
    app = runtime.pid("nacre-app")
    table = pathlib.Path(f"/proc/{app}/limits").read_text()
    assert re.search(rf"Max data size +{memory} +{memory} ", table), table
    assert re.search(rf"Max open files +{descriptors} +{descriptors} ", table), table
    assert MEMORY < memory < MEMORY + 64 * MIB and threads > THREADS and by == "watch"
    assert pathlib.Path(f"/proc/{app}/oom_score_adj").read_text().strip() == "1000"
    for other in ("nacred", "nacre-http"):
        assert int(pathlib.Path(f"/proc/{runtime.pid(other)}/oom_score_adj").read_text()) <= 0


@pytest.mark.parametrize("mode", ["mappings", "heap", "later", "scratch"])
def test_memory(runtime, mode):
    honest(runtime)
    watch = Watch(runtime)
    (memory, _, _), _ = limits(runtime)
    report = strike_beside_honest(runtime, mode)
    if report.status == 200:
        assert 16 * MIB <= int(report.said) <= memory, report
    came_through(runtime, watch, "exhaust")
    os.kill(runtime.pid("nacre-app"), 9)  # what it took it would keep


def test_threads(runtime):
    """Threads of the C library have stacks, which are memory; bare ones have next to nothing, and are counted."""
    for mode in ("threads", "bare-threads"):
        honest(runtime)
        watch = Watch(runtime)
        report = strike_beside_honest(runtime, mode)
        if report.status == 200:
            assert int(report.said) >= 8
        if mode == "bare-threads":
            watch.said('event="too many threads"')
        came_through(runtime, watch, "exhaust")
        pid = runtime.pid("nacre-app")
        os.kill(pid, 9)


def test_descriptors(runtime):
    honest(runtime)
    watch = Watch(runtime)
    (_, _, descriptors), _ = limits(runtime)
    report = strike_beside_honest(runtime, "descriptors")
    if report.status == 200:
        assert 100 < int(report.said) <= descriptors
    os.kill(runtime.pid("nacre-app"), 9)
    came_through(runtime, watch, "exhaust")


CGROUP = pathlib.Path("/sys/fs/cgroup/memory")


@pytest.mark.root
@pytest.mark.parametrize("mode", ["files", "shared"])
def test_memory_that_no_limit_counts(mode):
    """Files in memory and shared pages are nobody's own. The machine, here a control group, runs out: the app ends."""
    group = CGROUP / f"nacre-e2e-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no memory control group of its own: {error}")
    worlds = Worlds()
    try:
        runtime = worlds.get("exhaust", sets=LIMITED)
        (group / "memory.limit_in_bytes").write_text(str(400 * MIB))
        for name in ("nacred", "nacre-http", "nacre-app"):
            (group / "cgroup.procs").write_text(str(runtime.pid(name)))
        honest(runtime)
        watch = Watch(runtime)
        report = strike(runtime, mode)
        assert report.status != 200, report
        watch.said("helper=nacre-app pid=[0-9]+ signal=KILL")
        came_through(runtime, watch, "exhaust")
    finally:
        worlds.stop()
        group.rmdir()
