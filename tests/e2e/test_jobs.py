"""Prefer: respond-async: requests that become jobs, through all three processes."""
import json
import os
import re
import signal
import statistics
import threading
import time

import pytest

import harness
import nacre_check
from harness import wait_for

WORKER = harness.TEST_PLUGINS / "worker.so"
TYPES = {0: [("rounds", "u64"), ("data", "bytes")]}
ASYNC = {"Prefer": "respond-async"}
QUICK = ["restart.initial_ms=1", "restart.max_ms=1", "restart.reset_s=1"]


def submit(runtime, ms=0, mode="", **kw):
    return runtime.post("/work", {"ms": ms, "mode": mode}, headers=ASYNC, **kw)


def accepted(reply):
    assert reply.status == 202, reply
    location = reply.headers["location"]
    assert re.fullmatch("/jobs/[0-9a-f]{32}", location) and reply.json["id"] == location[6:]
    assert reply.headers["preference-applied"] == "respond-async" and int(reply.headers["retry-after"]) >= 1
    return location


def ended(runtime, location, seconds=30):
    def look():
        reply = runtime.get(location)
        assert reply.status == 200, reply
        return reply.json if reply.json["state"] not in ("queued", "running") else None
    return wait_for(f"{location} to end", look, seconds)


def running(runtime, location):
    return wait_for("it to run", lambda: runtime.get(location).json["state"] == "running")


@pytest.fixture(scope="module")
def worker():
    """Two jobs at once, two that wait."""
    with harness.Runtime("worker", plugin=WORKER, admin=True, direct=True,
                         sets=["jobs.concurrent=2", "jobs.queue=2", "app.response_bytes=4194304"]) as runtime:
        yield runtime


def drain(runtime):
    def idle():
        text = harness.request(runtime.admin, "GET", "/metrics").body.decode()
        return 'nacre_jobs{state="queued"} 0' in text and 'nacre_jobs{state="running"} 0' in text
    wait_for("all jobs to end", idle, 30)


@pytest.mark.sanitizer
def test_signed_as_any_answer(worker):
    location = accepted(submit(worker, 1500))  # longer than the route's deadline
    before = time.time() * 1000
    running(worker, location)
    assert worker.get(location + "/answer").status == 409
    seen = wait_for("progress", lambda: worker.get(location).json["progress"] or None)
    assert 0 < seen < 1000
    job = ended(worker, location)
    assert job["state"] == "done" and job["progress"] == 1000 and job["message"] == "working" and job["status"] == 200
    # two clocks, read at different moments, of two processes
    assert job["running_ms"] >= 1490 and job["kept_s"] == 3600 and len(job["request_id"]) == 16
    nacre_check.verify_response(job["answer"], worker.key, TYPES)
    plain = worker.get(location + "/answer")
    worker.verify(plain, TYPES)
    assert plain.body in worker.get(location).body  # byte for byte
    assert job["answer"]["response"]["timestamp_ms"] > before + 1000  # signed at the end, not at the beginning
    head = worker.request("HEAD", location)
    assert head.status == 200 and head.body == b"" and int(head.headers["content-length"]) > len(plain.body)


@pytest.mark.sanitizer
def test_two_at_once_and_a_full_line(worker):
    drain(worker)
    first = [accepted(submit(worker, 1200)) for _ in range(2)]
    wait_for("both to run", lambda: all(worker.get(x).json["state"] == "running" for x in first))
    second = [accepted(submit(worker, 0)) for _ in range(2)]
    assert [worker.get(x).json["state"] for x in second] == ["queued", "queued"]
    assert [worker.get(x).json["ahead"] for x in second] == [2, 3]
    full = submit(worker)
    assert full.status == 429 and full.error == "too many jobs run and wait: 5, at most 4"
    assert int(full.headers["retry-after"]) >= 1
    assert worker.post("/work", {"ms": 0, "mode": ""}).status == 200  # short calls go on
    for location in first + second:
        nacre_check.verify_response(ended(worker, location)["answer"], worker.key, TYPES)


@pytest.mark.sanitizer
def test_cancel_queued_and_running(worker):
    drain(worker)
    run = [accepted(submit(worker, 60000)) for _ in range(2)]
    queued = accepted(submit(worker, 0))
    for location in run:
        running(worker, location)
    reply = worker.request("DELETE", queued)
    assert reply.status == 200 and reply.json["state"] == "cancelled" and reply.json["status"] == 410
    assert worker.get(queued + "/answer").status == 410
    third = accepted(submit(worker, 10))
    assert worker.get(third).json["state"] == "queued"
    begin = time.monotonic()
    assert worker.request("DELETE", run[0]).json["state"] == "cancelled"
    assert ended(worker, third)["state"] == "done"  # its place is free: the handler has seen it
    assert time.monotonic() - begin < 20
    assert worker.request("DELETE", run[1]).status == 200
    assert worker.request("DELETE", run[1]).status == 200  # forgets it
    assert worker.request("DELETE", run[1]).status == 404
    assert worker.get(run[1]).status == 404
    drain(worker)


def test_unknown_and_guessed_ids(worker):
    drain(worker)
    location = accepted(submit(worker, 0))
    ended(worker, location)
    for bit in range(0, 128, 5):
        guess = f"/jobs/{int(location[6:], 16) ^ (1 << bit):032x}"
        assert worker.get(guess).status == 404 and worker.request("DELETE", guess).status == 404
        assert worker.get(guess + "/answer").status == 404
    for path in ("/jobs", "/jobs/", "/jobs/x", location + "0", location[:-1], location + "/", location + "/other",
                 location.replace("/jobs", "/JOBS"), location + "/answer/"):
        assert worker.get(path).status in (400, 404), path
    assert worker.get(location).status == 200
    assert worker.post(location, {}).status == 405
    options = worker.request("OPTIONS", location)
    assert options.status == 204 and options.headers["allow"] == "GET, HEAD, DELETE, OPTIONS"
    assert "prefer" in options.headers["access-control-allow-headers"].lower()
    browser = worker.get(location, headers={"Origin": "https://example.org"})
    assert {"location", "preference-applied"} <= set(
        browser.headers["access-control-expose-headers"].lower().replace(" ", "").split(","))


def test_errors_and_bad_requests(worker):
    drain(worker)
    job = ended(worker, accepted(submit(worker, 0, "fail")))
    assert job["state"] == "failed" and job["status"] == 422 and job["answer"] == {"error": "blob 3, row 7: ragged"}
    bad = worker.post("/work", b"{", headers=ASYNC)  # decoded by the app, which is not asked before its turn
    job = ended(worker, accepted(bad))
    assert job["state"] == "failed" and job["status"] == 400 and "error" in job["answer"]
    assert worker.post("/work?attest=00", {"ms": 0, "mode": ""}, headers=ASYNC).status == 400
    assert worker.post("/work", b"[" * 2_000_000, headers=ASYNC).status == 413
    assert worker.post("/nowhere", {}, headers=ASYNC).status == 404
    assert worker.get("/health_check", headers=ASYNC).status == 200
    # a preference that is not ours is no error
    assert worker.post("/work", {"ms": 0, "mode": ""}, headers={"Prefer": "return=minimal; x=\"respond-async\""}).status == 200


def test_large_answers(worker):
    drain(worker)
    location = accepted(submit(worker, 4_000_000, "large"))
    job = ended(worker, location)
    assert job["state"] == "done" and len(job["answer"]["response"]["data"]["data"]) == 4_000_000
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(worker.get(location + "/answer", timeout=60)))
               for _ in range(8)]
    for t in threads:
        t.start()
    assert worker.request("DELETE", location).status == 200  # those who are reading it read on
    for t in threads:
        t.join()
    bodies = {r.body for r in replies if r.status == 200}
    assert len(bodies) <= 1 and all(r.status in (200, 404) for r in replies)
    too_large = ended(worker, accepted(submit(worker, 5_000_000, "large")))
    assert too_large["state"] == "failed" and too_large["status"] == 500


def test_metrics_and_openapi(worker):
    drain(worker)
    text = harness.request(worker.admin, "GET", "/metrics").body.decode()
    done = int(re.search(r'nacre_jobs_ended_total\{state="done"\} (\d+)', text).group(1))
    ended(worker, accepted(submit(worker)))
    text = harness.request(worker.admin, "GET", "/metrics").body.decode()
    assert f'nacre_jobs_ended_total{{state="done"}} {done + 1}' in text
    assert re.search(r'nacre_http_requests_total\{method="POST",route="/work",status="202"\} \d+', text)
    assert 'method="DELETE",route="/jobs/{id}"' in text or "DELETE" not in text
    document = worker.get("/openapi.json").json
    operation = document["paths"]["/work"]["post"]
    assert operation["responses"]["202"] == {"$ref": "#/components/responses/Accepted"}
    assert set(document["paths"]["/jobs/{id}"]) == {"get", "delete"}
    job = ended(worker, accepted(submit(worker)))
    assert set(job) <= set(document["components"]["schemas"]["nacre.Job"]["properties"])


@pytest.mark.sanitizer
def test_health_and_signing_stay_quick(worker):
    drain(worker)
    jobs = [accepted(submit(worker, 60000, "busy")) for _ in range(2)]
    for location in jobs:
        running(worker, location)
    health, signed = [], []
    for _ in range(15):
        at = time.monotonic()
        assert worker.health()["status"] == "ok"
        middle = time.monotonic()
        worker.verify(worker.post("/work", {"ms": 0, "mode": ""}), TYPES)
        health.append(middle - at)
        signed.append(time.monotonic() - middle)
    assert statistics.median(health) < 0.25 and statistics.median(signed) < 0.5, (health, signed)
    for location in jobs:
        assert worker.get(location).json["state"] == "running"
        worker.request("DELETE", location)
    drain(worker)


def test_the_app_dies(start):
    runtime = start("worker", plugin=WORKER, sets=QUICK, direct=True)
    crashed, waiting = accepted(submit(runtime, 0, "crash")), accepted(submit(runtime, 10))
    job = ended(runtime, crashed)
    assert job["state"] == "failed" and job["status"] == 503 and "the app ended" in job["answer"]["error"]
    nacre_check.verify_response(ended(runtime, waiting)["answer"], runtime.key, TYPES)


def test_the_app_is_stopped_for_good(start):
    """Nothing waits for what never comes: jobs in line fail, and new ones are refused."""
    runtime = start("worker", plugin=WORKER, sets=[*QUICK, "restart.reset_s=60", "restart.stop_after=1"], direct=True)
    first = accepted(submit(runtime, 0, "crash"))
    ended(runtime, first)
    wait_for("the app to be up again", lambda: runtime.health()["app_state"] == "up")
    accepted(submit(runtime, 1500))  # time to stand in line
    crashed, waiting = accepted(submit(runtime, 0, "crash")), [accepted(submit(runtime, 10)) for _ in range(3)]
    assert ended(runtime, crashed)["status"] == 503
    for location in waiting:
        job = ended(runtime, location)
        assert job["state"] == "failed" and job["status"] == 503 and "stopped for good" in job["answer"]["error"], job
    assert submit(runtime, 10).status == 503
    reply = runtime.post("/work", {"ms": 0, "tag": ""})
    assert reply.status == 503 and "stopped for good" in reply.error and "retry-after" not in reply.headers, reply


def test_http_dies(start):
    """Jobs live in nacre-http: they are gone, and the app stops working on them."""
    runtime = start("worker", plugin=WORKER, sets=QUICK, direct=True)
    location = accepted(submit(runtime, 600_000))
    running(runtime, location)
    os.kill(runtime.pid("nacre-http"), signal.SIGKILL)

    def gone():
        try:
            return runtime.get(location).status == 404
        except OSError:
            return False
    wait_for("nacre-http to be back", gone, 20)
    assert "lost in a restart" in runtime.get(location).error
    app = runtime.pid("nacre-app")
    assert ended(runtime, accepted(submit(runtime, 10)))["state"] == "done"
    used = harness.cpu_seconds(app)
    time.sleep(0.5)
    assert harness.cpu_seconds(app) - used < 0.2, "the lost job still runs"


def test_expiry_and_number(start):
    runtime = start("worker", plugin=WORKER, direct=True, sets=["jobs.keep_s=2", "jobs.keep_count=2"])
    locations = []
    for _ in range(3):
        locations.append(accepted(submit(runtime)))
        ended(runtime, locations[-1])
    assert [runtime.get(x).status for x in locations] == [404, 200, 200]
    wait_for("the last to be forgotten", lambda: runtime.get(locations[-1]).status == 404, 20)


def test_deadline_of_a_deaf_job(start):
    runtime = start("worker", plugin=WORKER, direct=True, sets=QUICK + ["jobs.deadline_ms=300"])
    location = accepted(submit(runtime, 600_000, "deaf"))
    job = ended(runtime, location)
    assert job["status"] == 504 and re.search(r"milliseconds: 3\d\d, at most 300", job["answer"]["error"]), job
    wait_for("the app to be started again", lambda: "workers are stuck" in runtime.log(), 30)
    wait_for("service", lambda: runtime.post("/work", {"ms": 0, "mode": ""}).status == 200, 10)


def test_switched_off(start):
    runtime = start("worker", plugin=WORKER, direct=True, sets=["jobs.concurrent=0"])
    reply = submit(runtime, 10)
    runtime.verify(reply, TYPES)
    assert "preference-applied" not in reply.headers


def test_routes_below_jobs_are_refused(tmp_path):
    """A plugin with a route of its own there is refused at the build."""
    source = (harness.ROOT / "tests/e2e/plugins/worker.c").read_text().replace('"/work"', '"/jobs/mine"')
    (tmp_path / "clash.c").write_text(source)
    import subprocess
    subprocess.run(["gcc", "-shared", "-fPIC", "-I", str(harness.ROOT / "include"), "-o", str(tmp_path / "clash.so"),
                    str(tmp_path / "clash.c")], check=True)
    done = subprocess.run([str(harness.BIN / "nacre"), "plugin", "show", str(tmp_path / "clash.so")],
                          capture_output=True, timeout=60, check=False)
    assert done.returncode != 0 and b"/jobs/mine" in done.stderr, json.dumps(done.stderr.decode())
