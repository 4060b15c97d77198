"""
The limit of memory is reached: by nacred at its start, which must serve or say why it does not, and by each process while
it serves. What is limited is the address space at the start (RLIMIT_AS) and later what is writable of it (RLIMIT_DATA):
there an allocation fails for certain.
"""
import collections
import http.client
import pathlib
import resource
import select
import threading

import pytest

import allocations
import harness
from harness import media_body, wait_for

pytestmark = pytest.mark.skipif(harness.SANITIZED, reason="a sanitizer reserves most of the address space")
KIB, MIB = 1 << 10, 1 << 20
QUICK = ["restart.initial_ms=1", "restart.max_ms=1", "restart.reset_s=1"]


def data_of(pid):
    """Bytes of memory that it can write to, reserved ones of malloc() not counted."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmData:")[2].split()[0]) * KIB


def test_starts():
    """From too little to load the program at all up to enough, in small steps."""
    starts = allocations.Starts()
    runtime, outcomes = starts.runtime, {}
    try:
        limit, enough = 4 * MIB, 0
        while enough < 3:
            at, tried = len(runtime.log()), limit
            command = ["/usr/bin/prlimit", f"--as={limit}", *runtime.direct_command()]
            process = runtime.popen(command, True)
            line = ""
            try:
                if select.select([process.stdout], [], [], 4)[0]:
                    line = process.stdout.readline().decode()
                else:  # too little for the NSM's documents: it says so and tries again, as with an NSM that fails
                    assert "no time from the NSM" in runtime.log()[at:], f"{limit // KIB} KiB: hangs\n{runtime.log()[at:]}"
                    process.terminate()
                    assert process.wait(20) == 0
                    outcomes["waits"] = outcomes.get("waits", 0) + 1
                    continue
                if line:
                    starts.serves(line)
                    process.terminate()
                status = process.wait(20)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
                process.stdout.close()
                limit += 2 * MIB if limit < 48 * MIB else 8 * MIB if limit < 256 * MIB else 64 * MIB
            said = runtime.log()[at:]
            what = "served" if line else "refused" if 'event="cannot start"' in said else "not loaded"
            assert status == {"served": 0, "refused": 2, "not loaded": 127}[what], f"{tried // KIB} KiB: {status}\n{said}"
            # before nacred's first instruction it is the loader that says why
            assert what != "not loaded" or "error while loading shared libraries" in said, said
            outcomes[what] = outcomes.get(what, 0) + 1
            enough = enough + 1 if what == "served" else 0
    finally:
        starts.close()
    print(f"memory: nacred under {sum(outcomes.values())} limits from 4 to {limit // MIB} MiB: {outcomes}")
    assert outcomes["refused"] > 3 and outcomes["served"] >= 3, outcomes


def ask(runtime, size, outcomes):
    try:
        reply = runtime.post("/process_data", media_body(size, "x" * size), timeout=60)
        if reply.status == 200:
            runtime.verify(reply)
        else:
            assert reply.error and b"signature" not in reply.body
        outcomes.append(str(reply.status))
    except TimeoutError:
        outcomes.append("hang")
    except (OSError, http.client.HTTPException):
        outcomes.append("cut off")
    except AssertionError as why:
        outcomes.append(str(why))


@pytest.mark.parametrize("program", ["nacred", "nacre-http"])  # nacre-app has a limit of its own: app.memory_bytes
def test_while_serving(start, program):
    """No more memory than there is: large requests are refused or cost a helper, small ones are served again at the end."""
    runtime = start("media", direct=True, sets=[*QUICK, "http.body_bytes=8388608", "app.response_bytes=8388608"])
    pids = {name: runtime.pid(name) for name in ("nacred", "nacre-http", "nacre-app")}
    runtime.verify(runtime.post("/process_data", media_body(1)))
    outcomes = []
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    for spare in (0, 64 * KIB, 512 * KIB, 4 * MIB):
        pid = runtime.pid(program)
        resource.prlimit(pid, resource.RLIMIT_DATA, (data_of(pid) + spare, resource.RLIM_INFINITY))
        threads = [threading.Thread(target=ask, args=(runtime, size, outcomes))
                   for size in (10, 100_000, *(7_000_000,) * 12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        now = runtime.pid(program)
        if now is not None:
            resource.prlimit(now, resource.RLIMIT_DATA, unlimited)
        wait_for("service", lambda: allocations.served(runtime), 20)
        runtime.verify(runtime.post("/process_data", media_body(3, "x" * 3_000_000)))
    assert runtime.pid("nacred") == pids["nacred"] and runtime.health()["pk"] == runtime.key.hex()
    seen = collections.Counter(outcomes)
    print(f"memory: {program} at its limit: {dict(seen)}")
    assert set(seen) <= {"200", "503", "500", "413", "cut off"} and seen["200"] < len(outcomes), seen
