"""Shared attestation documents of the running enclave: each client checks its own way to the root, with hashlib."""
import concurrent.futures
import http.client
import os
import re
import signal
import subprocess
import time

import pytest

import nacre_batch
from harness import BIN, media_body, request, wait_for

pytestmark = pytest.mark.sanitizer

MANY = 24


@pytest.fixture
def slow(start):
    """A runtime whose NSM takes its time."""
    runtime = start("media", direct=True, admin=True)
    runtime.sim("fault delay 150 Attestation")
    yield runtime
    runtime.sim("clear")


def ask(runtime, nonce, timeout=30):
    return runtime.get(f"/get_attestation?nonce={nonce.hex()}&batch=1", timeout=timeout)


def ask_all(runtime, nonces):
    with concurrent.futures.ThreadPoolExecutor(len(nonces)) as pool:
        return list(pool.map(lambda nonce: ask(runtime, nonce), nonces))


def attestations(runtime):
    return int(runtime.sim("count Attestation"))


def checked(runtime, nonce, reply):
    """The batch in an answer, its document verified and its root found in it."""
    assert reply.status == 200, reply
    assert list(reply.json) == ["attestation", "batch"]
    batch = reply.json["batch"]
    assert nacre_batch.root_of(nonce, batch) == runtime.document(reply)["nonce"]
    return batch


def test_one_alone(media):
    for length in (1, 32, 512):
        nonce = os.urandom(length)
        assert checked(media, nonce, ask(media, nonce)) == {"size": 1, "index": 0, "path": []}


def test_many_share_few_calls(slow):
    before = attestations(slow)
    nonces = [os.urandom(1 + i) for i in range(MANY)]
    replies = ask_all(slow, nonces)
    batches = [checked(slow, nonce, reply) for nonce, reply in zip(nonces, replies)]
    assert attestations(slow) - before <= MANY // 3
    assert max(b["size"] for b in batches) > 1
    for i, nonce in enumerate(nonces):  # another's nonce does not lead to the root, nor does one's own from another's place
        other = next(k for k in range(MANY) if k != i)
        for claim in ({**batches[i]}, {**batches[other]}):
            wrong = nonces[other] if claim == batches[i] else nonce
            document = replies[i if claim == batches[i] else other]
            try:
                assert nacre_batch.root_of(wrong, claim) != slow.document(document)["nonce"]
            except ValueError:
                pass  # a path of another length


def test_the_same_nonce_twice(slow):
    nonce = os.urandom(32)
    batches = [checked(slow, nonce, reply) for reply in ask_all(slow, [nonce] * 6)]
    places = [(b["size"], b["index"]) for b in batches]
    assert len(set(places)) > 1


def test_the_tool_shares(slow, tmp_path):
    """`nacre verify document URL` takes part in a batch by itself, and refuses another's answer."""
    def verify(*args):
        command = [BIN / "nacre", "verify", "document", *args, "--root", slow.root_path, "--signature-only"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    url = "http://%s:%d" % slow.address
    before = attestations(slow)
    with concurrent.futures.ThreadPoolExecutor(MANY) as pool:
        done = list(pool.map(lambda _: verify(url), range(MANY)))
    assert [d.returncode for d in done] == [0] * MANY, done[0].stdout + done[0].stderr
    assert all("ok    document batch" in d.stdout for d in done)
    assert attestations(slow) - before < MANY
    own = verify(url, "--no-batch")
    assert own.returncode == 0 and "document batch" not in own.stdout, own
    nonces = [os.urandom(16) for _ in range(6)]
    for i, reply in enumerate(ask_all(slow, nonces)):
        file = tmp_path / f"{i}.json"
        file.write_bytes(reply.body)
        assert verify(file, "--nonce", nonces[i].hex()).returncode == 0
        assert verify(file, "--nonce", nonces[i - 1].hex()).returncode == 1


def test_the_root_as_a_plain_nonce(media):
    """What it says is true as well: whoever asked for it knew the nonces below it."""
    nonces = [os.urandom(8) for _ in range(3)]
    whole = nacre_batch.root(nonces)
    reply = media.get(f"/get_attestation?nonce={whole.hex()}")
    assert media.document(reply)["nonce"] == whole and "batch" not in reply.json
    path = nacre_batch.path(2, [nacre_batch.leaf(n) for n in nonces])
    assert nacre_batch.root_of(nonces[2], {"size": 3, "index": 2, "path": [h.hex() for h in path]}) == whole


def test_an_error_is_for_all_and_passes(slow):
    slow.sim("clear")
    slow.sim("fault delay 300 Attestation 1")
    with concurrent.futures.ThreadPoolExecutor(MANY + 1) as pool:
        first = pool.submit(ask, slow, b"first")
        time.sleep(0.1)
        slow.sim("fault error InternalError Attestation 2")
        rest = [pool.submit(ask, slow, bytes([i])) for i in range(MANY)]
        replies = [first.result(), *(r.result() for r in rest)]
    assert {r.status for r in replies} == {200, 503} or {r.status for r in replies} == {503}
    assert [r.status for r in replies].count(503) >= MANY // 2
    for reply in replies:
        if reply.status == 503:
            assert reply.error and int(reply.headers["retry-after"]) >= 1
    slow.sim("clear")
    checked(slow, b"again", ask(slow, b"again"))


def test_clients_that_leave(slow):
    gone = []
    for i in range(8):
        connection = http.client.HTTPConnection(*slow.address, timeout=30)
        connection.request("GET", f"/get_attestation?nonce={i:04x}&batch=1")
        gone.append(connection)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        rest = [pool.submit(ask, slow, bytes([i])) for i in range(4)]
        for connection in gone:
            connection.close()
        for i, reply in enumerate(rest):
            checked(slow, bytes([i]), reply.result())
    checked(slow, b"later", ask(slow, b"later"))


@pytest.mark.parametrize("helper", ["nacre-http", "nacre-app"])
def test_a_helper_killed_within_a_batch(slow, helper):
    """The app has no part in it; a dead HTTP side costs its connections. Nobody hangs, and it works again."""
    def try_it(i):
        try:
            return ask(slow, bytes([i]), timeout=20)
        except (OSError, http.client.HTTPException):
            return None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(try_it, i) for i in range(8)]
        time.sleep(0.08)
        os.kill(slow.pid(helper), signal.SIGKILL)
        replies = [w.result() for w in waiting]
    if helper == "nacre-app":
        for i, reply in enumerate(replies):
            checked(slow, bytes([i]), reply)
    else:
        assert None in replies

    def again():
        reply = try_it(99)
        return reply if reply and reply.status == 200 else None

    checked(slow, bytes([99]), wait_for("an answer again", again, 20))


def test_plain_and_shared_do_not_starve_each_other(slow):
    """A full queue of plain ones leaves every other call to the batch, and the other way round."""
    stop = time.monotonic() + 4

    def plain(i):
        done = 0
        while time.monotonic() < stop:
            done += slow.get(f"/get_attestation?nonce={i:02x}", timeout=30).status == 200
        return done

    def shared(i):
        done = 0
        while time.monotonic() < stop:
            done += ask(slow, bytes([i])).status == 200
        return done

    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        plains = [pool.submit(plain, i) for i in range(12)]
        shares = [pool.submit(shared, i) for i in range(12)]
        n_plain, n_shared = sum(p.result() for p in plains), sum(s.result() for s in shares)
    assert n_plain >= 6 and n_shared >= 36, (n_plain, n_shared)
    assert n_shared > 2 * n_plain, (n_plain, n_shared)


def test_a_batch_takes_no_place_from_the_app(start):
    runtime = start("media", direct=True, sets=["http.in_flight=1"])
    runtime.sim("fault delay 1500 Attestation")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(ask, runtime, bytes([i])) for i in range(8)]
        time.sleep(0.3)
        began = time.monotonic()
        assert runtime.post("/process_data", media_body(1)).status == 200
        assert time.monotonic() - began < 1.0
        assert not any(w.done() for w in waiting)
        for i, w in enumerate(waiting):
            checked(runtime, bytes([i]), w.result())
    runtime.sim("clear")


def test_over_https(start):
    """The body is in two pieces, which TLS makes records of."""
    runtime = start("media", direct=True, sets=["http.tls=self-signed"])
    runtime.sim("fault delay 100 Attestation")
    nonces = [os.urandom(16) for _ in range(12)]
    batches = [checked(runtime, nonce, reply) for nonce, reply in zip(nonces, ask_all(runtime, nonces))]
    assert max(b["size"] for b in batches) > 1


def test_counters(slow):
    def counted(name):
        text = request(slow.admin, "GET", "/metrics").body.decode()
        return int(re.search(rf"^nacre_attestation_{name} (\d+)$", text, re.M).group(1))

    nonces = [bytes([i]) for i in range(MANY)]
    batches = [checked(slow, nonce, reply) for nonce, reply in zip(nonces, ask_all(slow, nonces))]
    assert counted("batch_nonces_total") == MANY
    assert counted("batches_total") == len({(b["size"], tuple(b["path"])) for b in batches if b["index"] == 0})
    assert counted("batch_largest") == max(b["size"] for b in batches)
    assert counted("batch_waiting") == 0 and counted("batches_failed_total") == 0
    slow.sim("fault error InternalError Attestation 1")
    assert ask(slow, b"x").status == 503
    assert counted("batches_failed_total") == 1
