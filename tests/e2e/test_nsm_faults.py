"""The NSM errs, stalls and its clock jumps: nothing is signed with a time outside its bound, and all recovers."""
import threading
import time

import pytest

import nacre_check
from harness import media_body, wait_for

SETS = ["clock.interval_s=1", "clock.max_error_ms=500"]


def signed_time(runtime):
    reply = runtime.post("/process_data", media_body(time.monotonic_ns()))
    if reply.status == 200:
        return runtime.verify(reply)["response"]["timestamp_ms"]
    assert reply.status == 503 and reply.error and int(reply.headers["retry-after"]) >= 1, reply
    return None


def test_time_is_right(start):
    runtime = start("media", sets=SETS, direct=True)
    for _ in range(20):
        before = time.time() * 1000
        stamp = signed_time(runtime)
        assert before - 50 <= stamp <= time.time() * 1000 + 50
        time.sleep(0.1)


def test_time_is_the_nsm_s_not_the_system_s(start):
    runtime = start("media", sets=SETS, sim=["--fault", "clock:-86400000"])
    stamp = signed_time(runtime)
    assert abs(stamp - (time.time() * 1000 - 86_400_000)) < 200


def test_nsm_down_signs_until_the_bound_is_gone(start):
    """The error bound grows while samples fail; past the limit nothing is signed; then it comes back by itself."""
    runtime = start("media", sets=["clock.interval_s=1", "clock.max_error_ms=6"], direct=True)
    assert signed_time(runtime) is not None
    runtime.sim("fault error InternalError")
    wait_for("503 when the bound is past 6 ms", lambda: signed_time(runtime) is None, 30, 0.05)
    assert runtime.health()["pk"] == runtime.key.hex()
    runtime.sim("clear")
    wait_for("recovery", lambda: signed_time(runtime) is not None, 20, 0.05)
    assert abs(signed_time(runtime) - time.time() * 1000) < 50


@pytest.mark.parametrize("damage", ["garbage", "truncate", "wrong-type", "close"])
def test_damaged_answers(start, damage):
    runtime = start("media", sets=["clock.interval_s=1"], direct=True)
    runtime.sim(f"fault {damage} * 3")
    end = time.monotonic() + 4
    while time.monotonic() < end:
        stamp = signed_time(runtime)
        assert stamp is None or abs(stamp - time.time() * 1000) < 100
        time.sleep(0.05)
    runtime.sim("clear")
    wait_for("recovery", lambda: signed_time(runtime) is not None, 20, 0.05)
    payload = wait_for("a document", lambda: runtime.get("/get_attestation?nonce=aa").status == 200 and runtime.document(
        runtime.get("/get_attestation?nonce=aa")), 20)
    assert payload["nonce"] == b"\xaa"
    assert runtime.pid("nacred") is not None


def test_slow_nsm_widens_the_bound(start):
    """A round trip of a second says little about the time: the bound is half of it, and here too wide to sign."""
    runtime = start("media", sets=["clock.interval_s=1", "clock.max_error_ms=100"], direct=True)
    assert signed_time(runtime) is not None
    runtime.sim("fault hold 1000 Attestation")
    end = time.monotonic() + 5
    while time.monotonic() < end:
        stamp = signed_time(runtime)
        assert stamp is None or abs(stamp - time.time() * 1000) <= 150, stamp - time.time() * 1000
        time.sleep(0.05)
    runtime.sim("clear")
    wait_for("recovery", lambda: signed_time(runtime) is not None, 20, 0.05)


@pytest.mark.parametrize("step", [-3_600_000, 3_600_000, -700, 700])
def test_clock_step(start, step):
    """
    A step of the NSM's clock contradicts what was known: between the two lines nothing is signed. Every answer's
    time lies on the old line or on the new one, never between, and the new one only after samples agreed on it.
    """
    runtime = start("media", sets=SETS, direct=True)
    stamps, stop = [], threading.Event()

    def sign():
        while not stop.is_set():
            stamp = signed_time(runtime)
            stamps.append((time.monotonic(), None if stamp is None else stamp - time.time() * 1000))
            time.sleep(0.02)

    thread = threading.Thread(target=sign)
    thread.start()
    time.sleep(1.5)
    stepped = time.monotonic()
    runtime.sim(f"clock {step}")
    try:
        wait_for("the new time to be signed",
                 lambda: stamps and stamps[-1][1] is not None and abs(stamps[-1][1] - step) < 150, 30, 0.05)
    finally:
        stop.set()
        thread.join()
    assert any(off is None for _, off in stamps), "signed through a step without a doubt"
    for at, off in stamps:
        assert off is None or abs(off) < 150 or abs(off - step) < 150, f"{off} ms off at {at - stepped:.2f} s"
    old = [at for at, off in stamps if off is not None and abs(off) < 150 and abs(step) > 300]
    new = [at for at, off in stamps if off is not None and abs(off - step) < 150]
    assert max(old) < min(new), "back on the old line after the new one"
    assert max(old) - stepped < 2.5, "the old line was signed long after the step"


def test_a_single_wrong_sample_changes_nothing(start):
    runtime = start("media", sets=SETS, direct=True)
    assert signed_time(runtime) is not None
    calls = int(runtime.sim("count Attestation"))
    runtime.sim("clock 5000")
    wait_for("one sample under the wrong clock", lambda: int(runtime.sim("count Attestation")) > calls, 10, 0.005)
    runtime.sim("clock 0")
    end = time.monotonic() + 4
    while time.monotonic() < end:
        stamp = signed_time(runtime)
        assert stamp is None or abs(stamp - time.time() * 1000) < 150, "signed on a single contradicting sample"
        time.sleep(0.03)
    wait_for("recovery", lambda: signed_time(runtime) is not None, 10, 0.05)


def test_errors_are_counted_and_shown(start):
    runtime = start("media", sets=["clock.interval_s=1"], admin=True, direct=True)
    runtime.sim("fault error InternalError * 2")
    from harness import request

    def errors():
        text = request(runtime.admin, "GET", "/metrics").body.decode()
        return [float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                if "nsm" in line and "error" in line and not line.startswith("#")]

    wait_for("two errors in /metrics", lambda: errors() and max(errors()) >= 2, 15, 0.1)
