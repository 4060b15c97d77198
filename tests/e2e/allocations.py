"""
Every allocation of a program failing in turn, at its start and on the way of a request: what may come of it is an error
answer, a start that is refused with a reason, a helper that is started anew, or nothing at all. Never a wrong answer, a
nacred that dies of it, or something that hangs.
"""
import collections
import contextlib
import http.client
import json
import random
import select
import subprocess
import time

import harness
import instrumented
import weather_upstream
from harness import media_body, wait_for
from instrumented import COUNT, FAILED

QUICK = ["restart.initial_ms=1", "restart.max_ms=1", "restart.reset_s=1"]
NONCE = "a1" * 8
HANGS_S = 12


# ---- On the way of a request --------------------------------------------------------------------------------------

def small(runtime):
    return runtime.post("/process_data", media_body(time.monotonic_ns()))


def large(runtime):
    """Too large for one message between the processes, which then travels in a memory file."""
    return runtime.post("/process_data", media_body(time.monotonic_ns(), "x" * 400_000))


def chunked(runtime):
    body = json.dumps(media_body(7, "y" * 30_000)).encode()
    parts = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 9000]), body[i:i + 9000]) for i in range(0, len(body), 9000))
    return runtime.post("/process_data", parts + b"0\r\n\r\n", headers={"Transfer-Encoding": "chunked"})


def attested(runtime):
    return runtime.get(f"/get_attestation?nonce={NONCE}")


def batched(runtime):
    return runtime.get(f"/get_attestation?nonce={NONCE}&batch=1")


def both(runtime):
    return runtime.request("POST", f"/process_data?attest={NONCE}", media_body(time.monotonic_ns()))


def health(runtime):
    return runtime.get("/health_check")


def described(runtime):
    return runtime.get("/openapi.json")


def job(runtime):
    """The whole life of one; its answer, or the first answer that ended it."""
    reply = runtime.post("/process_data", media_body(time.monotonic_ns()), headers={"Prefer": "respond-async"})
    if reply.status != 202:
        return reply
    location = reply.headers["location"]
    for _ in range(2000):
        reply = runtime.get(location)
        if reply.status != 200 or reply.json["state"] not in ("queued", "running"):
            break
        time.sleep(0.002)
    else:
        raise AssertionError(f"a job that never ends: {reply}")
    return runtime.get(location + "/answer") if reply.status == 200 else reply


REQUESTS = (small, large, chunked, attested, batched, both, health, described, job)


def judge(runtime, what, reply):
    """What came: a right answer, or an error in the form of one."""
    if reply.status != 200:
        assert reply.error and b'"signature"' not in reply.body, (what, reply)
        return str(reply.status)
    if what in (small, large, chunked, job, both):
        body = reply.json
        document = body.pop("attestation", None)
        harness.nacre_check.verify_response(body, runtime.key, harness.nacre_check.APPS["media"])
        if document is not None:
            runtime.document(document)
    elif what is attested:
        runtime.document(reply)
    elif what is health:
        assert reply.json["pk"] == runtime.key.hex()
    return "200"


def served(runtime):
    try:
        return runtime.post("/process_data", media_body(1)).status == 200
    except (OSError, http.client.HTTPException):
        return False


def fail_in_requests(runtime, program, what, seen, limit=2000, row=1, ask=judge, until=None, well=served):
    """Fails allocation 1, 2, 3, ... of `program` while it serves `what`, until it is served without. Returns how many."""
    control, nacred = runtime.controls[program], runtime.pid("nacred")
    for nth in range(1, limit + 1):
        control.fail(nth, row)
        try:
            seen[ask(runtime, what, what(runtime))] += 1
        except TimeoutError:
            raise AssertionError(f"{program}, allocation {nth} of {what.__name__}: hangs\n{runtime.log()[-3000:]}") from None
        except (OSError, http.client.HTTPException):
            seen["cut off"] += 1
        missed = control.get(FAILED) == 0
        control.fail(0)
        wait_for(f"service after failure {nth} in {what.__name__}", lambda: well(runtime), 20)
        assert runtime.pid("nacred") == nacred, "nacred died"
        if missed:
            return nth - 1
        if until and time.monotonic() > until:
            return nth
    raise AssertionError(f"{what.__name__} never passed")


# ---- At the start -------------------------------------------------------------------------------------------------

class Starts:
    """One simulator and manifest, and nacred started again and again with one allocation failing."""

    def __init__(self):
        self.runtime = instrumented.Instrumented("media", sets=QUICK, start=False)
        status, said = self.runtime.write_manifest()
        assert status == 0, said
        self.runtime.start_simulator()
        self.outcomes = collections.Counter()
        self.tried = 0

    def close(self):
        harness.end_process(self.runtime.simulator)
        self.runtime.simulator.stdout.close()
        self.runtime.close()

    def once(self, program, nth):
        """Whether the failure came at all."""
        runtime, control = self.runtime, self.runtime.controls[program]
        at = len(runtime.log())
        control.fail(nth)
        process = runtime.popen(runtime.direct_command(), True)
        line = ""
        try:
            if select.select([process.stdout], [], [], HANGS_S)[0]:
                line = process.stdout.readline().decode()
                if line:
                    self.serves(line)
                    process.terminate()
                status = process.wait(HANGS_S)
            else:
                raise AssertionError(f"{program}, allocation {nth}: hangs\n{runtime.log()[at:]}")
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{program}, allocation {nth}: does not end\n{runtime.log()[at:]}") from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdout.close()
        said = runtime.log()[at:]
        where = f"{program}, allocation {nth}, exit status {status}\n{said}"
        if line:
            assert status == 0, where
            self.outcomes["restarted a helper" if "restart_in_ms" in said and "level=warn" in said else "went on"] += 1
        else:
            assert status == 2 and 'event="cannot start" reason=' in said, where
            self.outcomes["refused"] += 1
        self.tried += 1
        return control.get(FAILED) > 0

    def serves(self, line):
        _, key, port = line.split()
        self.runtime.address, self.runtime.key = ("127.0.0.1", int(port)), bytes.fromhex(key)

        def verified():
            try:
                reply = small(self.runtime)
            except (ConnectionError, http.client.HTTPException):
                return False  # the failure came just now
            return judge(self.runtime, small, reply) == "200"

        try:
            wait_for("service", verified, HANGS_S)
        except AssertionError as why:
            raise AssertionError(f"{why}\n{self.runtime.log()[-3000:]}") from None

    def total(self, program):
        """Allocations of a start that goes well."""
        control = self.runtime.controls[program]
        assert not self.once(program, 10**9)
        self.tried, self.outcomes = 0, collections.Counter()
        return control.get(COUNT)

    def run(self, program, seconds, rng=random):
        """As many as the time allows, spread over all; all when there is time. Returns (tried, of how many)."""
        total = self.total(program)
        order = list(range(1, total + 1))
        if seconds is not None:
            rng.shuffle(order)
        end = time.monotonic() + (seconds or 1e9)
        for nth in order:
            if time.monotonic() > end:
                break
            self.once(program, nth)
        return self.tried, total


# ---- Requests that fetch ------------------------------------------------------------------------------------------

@contextlib.contextmanager
def weather_under_test():
    runtime = instrumented.Instrumented("weather", programs=("nacre-app",), start=False, sets=QUICK, direct=False,
                                        secrets={"API_KEY": weather_upstream.API_KEY})
    upstream = weather_upstream.Upstream(runtime.dir)
    runtime.upstream, runtime.ca = [upstream.mapping], upstream.ca
    try:
        runtime.start()
        yield runtime
        runtime.stop()
    finally:
        runtime.close()
        upstream.stop()


def forecast(runtime):
    return runtime.post("/process_data", {"payload": {"location": f"place {time.monotonic_ns()}"}})


def judge_forecast(runtime, what, reply):
    if reply.status == 200:
        runtime.verify(reply)
        return "200"
    assert reply.error and weather_upstream.API_KEY not in reply.body.decode(), reply
    return str(reply.status)


def fail_in_fetches(runtime, seen, seconds):
    def well(r):
        try:
            return forecast(r).status == 200
        except (OSError, http.client.HTTPException):
            return False

    return fail_in_requests(runtime, "nacre-app", forecast, seen, limit=100_000, ask=judge_forecast, well=well,
                            until=time.monotonic() + seconds if seconds else None)
