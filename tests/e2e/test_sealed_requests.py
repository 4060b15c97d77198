"""
Sealed requests against the real runtime: opened, answered, refused. The client is the Python module; the answers and the
module itself are checked with an implementation that is not ours and not libsodium's.
"""
import json
import os
import signal
import socket
import struct
import sys
import threading
import time

import cbor2
import pytest

import harness
from harness import ROOT, Runtime, wait_for

sys.path.insert(0, str(ROOT / "verify" / "python"))
import nacre_sealed  # noqa: E402
import sealed_request as independent  # noqa: E402

pytestmark = pytest.mark.sanitizer

TYPE = nacre_sealed.TYPE
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
ROUTE = "/process_data"


def body_of(metadata="on a Sunday"):
    return json.dumps({"payload": {"media_hash": HASH, "metadata": metadata}}).encode()


def enclave_of(runtime):
    """Data key and app as the attested user_data has them."""
    document = cbor2.loads(bytes.fromhex(runtime.get("/get_attestation").json["attestation"]))
    payload = cbor2.loads((document.value if isinstance(document, cbor2.CBORTag) else document)[2])
    user_data = cbor2.loads(payload["user_data"])
    return nacre_sealed.Enclave(user_data["data_key"], user_data["app"])


def send(runtime, envelope, path=ROUTE, **headers):
    return runtime.post(path, envelope, headers={"Content-Type": TYPE, **headers})


def check_signed(runtime, body):
    return runtime.verify(harness.Reply(200, {"content-type": "application/json"}, body))


@pytest.fixture(scope="module")
def enclave(media):
    return enclave_of(media)


def test_signed_answer_comes_back_sealed(media, enclave):
    envelope, exchange = enclave.seal("POST", ROUTE, body_of("canary-4711"))
    reply = send(media, envelope)
    assert reply.status == 200 and reply.headers["content-type"] == TYPE
    assert b"canary-4711" not in envelope + reply.body
    status, body = exchange.open(reply.body)
    assert status == 200
    assert check_signed(media, body)["response"]["data"]["metadata"] == "canary-4711"


def test_independent_client(media, enclave):
    """Neither our module nor libsodium: what a client gets that was written from docs/SEALED.md alone."""
    v = {"time_ms": int(time.time() * 1000), "sender_secret": os.urandom(32), "data_key": enclave.data_key,
         "app": enclave.app, "method": "POST", "path": ROUTE, "nonce": os.urandom(24), "reply_key": os.urandom(32),
         "body": body_of()}
    envelope = independent.seal_request(v)
    reply = send(media, envelope)
    status, body = independent.open_answer(reply.body, independent.answer_key(v["reply_key"], envelope[:80]))
    assert status == reply.status == 200
    check_signed(media, body)


def test_errors_of_the_app_are_sealed(media, enclave):
    envelope, exchange = enclave.seal("POST", ROUTE, b"{}")
    reply = send(media, envelope)
    assert reply.status == 400 and reply.headers["content-type"] == TYPE
    status, body = exchange.open(reply.body)
    assert status == 400 and json.loads(body) == {"error": "payload: missing"}


def test_attestation_travels_inside(media, enclave):
    envelope, exchange = enclave.seal("POST", ROUTE, body_of())
    reply = send(media, envelope, ROUTE + "?attest=00112233")
    assert reply.headers["content-type"] == TYPE
    assert "attestation" in json.loads(exchange.open(reply.body)[1])


@pytest.mark.parametrize("size", [0, 1, 100, 200, 5000, 100_000])
def test_sizes_hide_in_buckets(media, enclave, size):
    lengths = set()
    for extra in (0, 1):
        envelope, exchange = enclave.seal("POST", ROUTE, body_of("m" * (size + extra)))
        reply = send(media, envelope)
        check_signed(media, exchange.open(reply.body)[1])
        lengths.add((len(envelope), len(reply.body)))
    assert len(lengths) == 1 or size in (5000, 100_000)


def test_largest_body(start):
    runtime = start("media", sets=["http.body_bytes=15728640"])
    enclave = enclave_of(runtime)
    envelope, exchange = enclave.seal("POST", ROUTE, b" " * 15728640)
    reply = send(runtime, envelope)
    assert reply.headers["content-type"] == TYPE and exchange.open(reply.body)[0] == 400
    envelope, exchange = enclave.seal("POST", ROUTE, b" " * 15728641)
    reply = send(runtime, envelope)
    status = exchange.open(reply.body)[0] if reply.headers["content-type"] == TYPE else reply.status
    assert status == 413


# ---- What is refused. None of it was opened, so it is said in plain, as application/json.

def refused(reply, status, words):
    assert reply.status == status and reply.headers["content-type"] == "application/json", reply
    assert words in reply.error, reply


def test_replay(media, enclave):
    envelope, exchange = enclave.seal("POST", ROUTE, body_of())
    assert exchange.open(send(media, envelope).body)[0] == 200
    for _ in range(3):
        refused(send(media, envelope), 409, "came before")
    refused(send(media, envelope, Prefer="respond-async"), 409, "came before")


@pytest.mark.parametrize("off,words", [(-70_000, "too old"), (20_000, "future"), (-(10 ** 12), "too old")])
def test_time_is_judged(media, enclave, off, words):
    refused(send(media, enclave.seal("POST", ROUTE, body_of(), int(time.time() * 1000) + off)[0]), 400, words)


@pytest.mark.parametrize("off", [-50_000, 5_000])
def test_time_within_the_window(media, enclave, off):
    envelope, exchange = enclave.seal("POST", ROUTE, body_of(), int(time.time() * 1000) + off)
    assert exchange.open(send(media, envelope).body)[0] == 200


@pytest.mark.parametrize("method,path", [("POST", "/sign_report"), ("GET", ROUTE), ("POST", ROUTE + "/"),
                                         ("POST", "/process%5Fdata"), ("post", ROUTE), ("", ""), ("POST", "")])
def test_sealed_for_another_route(media, enclave, method, path):
    refused(send(media, enclave.seal(method, path, body_of())[0]), 400, "does not open")


def test_sealed_for_another_app_or_key(media, enclave):
    other = nacre_sealed.Enclave(enclave.data_key, "weather")
    refused(send(media, other.seal("POST", ROUTE, body_of())[0]), 400, "does not open")
    other = nacre_sealed.Enclave(independent.public_of(os.urandom(32)), enclave.app)
    refused(send(media, other.seal("POST", ROUTE, body_of())[0]), 400, "does not open")


def test_a_flipped_bit_anywhere(media, enclave):
    """Header: another key, another time or no envelope. Box: does not open. Never an answer."""
    sample, _ = enclave.seal("POST", ROUTE, b'{"payload":{}}')
    for at in [*range(0, 100), *range(100, len(sample), 23), len(sample) - 1]:
        envelope, _ = enclave.seal("POST", ROUTE, b'{"payload":{}}')
        reply = send(media, envelope[:at] + bytes([envelope[at] ^ 1 << at % 8]) + envelope[at + 1:])
        assert reply.status == 400 and reply.headers["content-type"] == "application/json", (at, reply)


@pytest.mark.parametrize("keep", [0, 1, 15, 16, 24, 56, 79, 80, 95, 96, 131, 132, 200, -1])
def test_cut_short(media, enclave, keep):
    envelope, _ = enclave.seal("POST", ROUTE, body_of())
    reply = send(media, envelope[:keep])
    assert reply.status == 400 and reply.headers["content-type"] == "application/json", reply


def test_something_behind_it(media, enclave):
    envelope, _ = enclave.seal("POST", ROUTE, body_of())
    refused(send(media, envelope + b"\0"), 400, "does not open")


def test_lying_content(media, enclave):
    """Sealed with the right key, and out of form inside: lengths that lie, padding that is not zero."""
    for content in (bytes(32) + struct.pack("<I", 1), bytes(32) + struct.pack("<I", 0xffffffff) + b"x" * 300,
                    bytes(32) + struct.pack("<I", 2) + b"{}" + bytes(9) + b"\1"):
        secret, nonce = os.urandom(32), os.urandom(24)
        header = (independent.MAGIC + b"\1\1" + bytes(6) + struct.pack("<Q", int(time.time() * 1000)) +
                  independent.public_of(secret) + nonce)
        key = independent.request_key(independent.product(secret, enclave.data_key), header, enclave.data_key,
                                      enclave.app, "POST", ROUTE)
        refused(send(media, header + independent.box(content, nonce, key)), 400, "out of form")


def test_a_data_envelope_is_no_request(media, enclave):
    """The box that data is encrypted in for training (crypto_box, the same key pair) behind a request's header."""
    secret, nonce = os.urandom(32), os.urandom(24)
    header = (independent.MAGIC + b"\1\1" + bytes(6) + struct.pack("<Q", int(time.time() * 1000)) +
              independent.public_of(secret) + nonce)
    shared = independent.hsalsa20(independent.product(secret, enclave.data_key), bytes(16))
    content = bytes(32) + struct.pack("<I", 2) + b"{}"
    refused(send(media, header + independent.box(content, nonce, shared)), 400, "does not open")


@pytest.mark.parametrize("point", [bytes(32), b"\1" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f",
                                   bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")])
def test_senders_of_small_order(media, enclave, point):
    envelope, _ = enclave.seal("POST", ROUTE, body_of())
    refused(send(media, envelope[:24] + point + envelope[56:]), 400, "sender key")


def test_another_spelling_of_the_sender(media, enclave):
    """The top bit of an X25519 key is ignored: the same product, and yet no second key for the same box."""
    envelope, exchange = enclave.seal("POST", ROUTE, body_of())
    other = envelope[:55] + bytes([envelope[55] ^ 0x80]) + envelope[56:]
    assert exchange.open(send(media, envelope).body)[0] == 200
    refused(send(media, other), 400, "does not open")


def test_answers_cannot_be_swapped_or_altered(media, enclave):
    one, first = enclave.seal("POST", ROUTE, body_of("one"))
    two, second = enclave.seal("POST", ROUTE, body_of("two"))
    answer_one, answer_two = send(media, one).body, send(media, two).body
    with pytest.raises(ValueError):
        first.open(answer_two)
    with pytest.raises(ValueError):
        second.open(answer_one)
    for at in range(0, len(answer_one), 7):
        with pytest.raises(ValueError):
            first.open(answer_one[:at] + bytes([answer_one[at] ^ 1]) + answer_one[at + 1:])
    for keep in range(0, len(answer_one), 50):
        with pytest.raises(ValueError):
            first.open(answer_one[:keep])
    first.open(answer_one)


def test_plain_body_under_the_sealed_type(media):
    refused(send(media, body_of()), 400, "does not begin like")
    refused(send(media, b"{}"), 400, "too short")


def test_sealed_body_as_json(media, enclave):
    reply = media.post(ROUTE, enclave.seal("POST", ROUTE, body_of())[0])
    assert reply.status == 400 and reply.headers["content-type"] == "application/json"


def test_builtins_take_none(media, enclave):
    assert send(media, enclave.seal("GET", "/health_check", b"")[0], "/health_check").status == 405
    assert send(media, enclave.seal("POST", "/nowhere", b"")[0], "/nowhere").status == 404
    assert media.get("/health_check", headers={"Content-Type": TYPE}).status == 200


def test_get_routes_are_called_with_post(start):
    """The method stands in the envelope; the plain GET beside it answers as ever."""
    runtime = start(plugin=harness.TEST_PLUGINS / "getter.so")
    enclave = enclave_of(runtime)

    def text_of(path, method="GET", to=None):
        envelope, exchange = enclave.seal(method, path, b"")
        reply = send(runtime, envelope, to or path)
        if reply.headers["content-type"] != TYPE:
            refused(reply, 400, "does not open")
            return None
        return json.loads(exchange.open(reply.body)[1])["response"]["data"]["text"]

    assert runtime.get("/echo/a%20b").json["response"]["data"]["text"] == "a b"
    assert text_of("/echo/a%20b") == "a b" and text_of("/echo/%C3%BC") == "\u00fc" and text_of("/echo/%61") == "a"
    # with another parameter, another method, another spelling of the same: not what was sealed
    for wrong in (text_of("/echo/a", to="/echo/b"), text_of("/echo/a", "POST"), text_of("/echo/a", to="/echo/%61")):
        assert wrong is None
    plain = runtime.get("/echo/a", headers={"Content-Type": TYPE})
    refused(plain, 400, "too short")


# ---- Replays across crashes, and the table's bound

def test_replays_outlive_crashes(start):
    runtime = start("media")
    enclave = enclave_of(runtime)
    envelope, exchange = enclave.seal("POST", ROUTE, body_of())
    assert exchange.open(send(runtime, envelope).body)[0] == 200
    for name in ("nacre-app", "nacre-http"):
        before = runtime.pid(name)
        os.kill(before, signal.SIGKILL)
        wait_for(f"another {name}", lambda name=name, before=before: runtime.pid(name) not in (None, before), 20)

        def ready():
            try:
                return runtime.health()["app_state"] == "up"
            except (OSError, KeyError):
                return False
        wait_for("both to be up", ready, 20)
        refused(send(runtime, envelope), 409, "came before")
    envelope, exchange = enclave.seal("POST", ROUTE, body_of())
    assert exchange.open(send(runtime, envelope).body)[0] == 200


def test_nothing_outlives_a_new_start(start):
    first, second = start("media"), start("media")
    envelope, _ = enclave_of(first).seal("POST", ROUTE, body_of())
    refused(send(second, envelope), 400, "does not open")


def test_full_table_refuses_and_recovers(start):
    runtime = start("media", sets=["sealed.seen=16", "sealed.window_s=1", "sealed.skew_s=1"])
    enclave = enclave_of(runtime)
    sealed = [enclave.seal("POST", ROUTE, body_of(str(n))) for n in range(17)]
    codes = [send(runtime, envelope).status for envelope, _ in sealed]
    assert codes == [200] * 16 + [503]
    # forgotten only once too old: what was taken is never taken again
    end = time.monotonic() + 6
    while time.monotonic() < end:
        reply = send(runtime, sealed[0][0])
        assert reply.status in (409, 400), reply
        time.sleep(0.1)
    envelope, exchange = enclave.seal("POST", ROUTE, body_of())
    assert exchange.open(send(runtime, envelope).body)[0] == 200


# ---- What the configuration says

def test_off(start):
    runtime = start("media", sets=["sealed.mode=off", "sealed.routes=/sign_report=allowed"])
    enclave = enclave_of(runtime)
    refused(send(runtime, enclave.seal("POST", ROUTE, body_of())[0]), 415, "switched off")
    runtime.verify(runtime.post(ROUTE, body_of()))
    envelope, exchange = enclave.seal("POST", "/sign_report", b"{}")
    assert exchange.open(send(runtime, envelope, "/sign_report").body)[0] == 400


def test_required(start):
    runtime = start("media", sets=["sealed.mode=required"])
    refused(runtime.post(ROUTE, body_of()), 415, "sealed requests only")
    refused(runtime.request("POST", ROUTE, body_of(), {"Content-Type": None}), 415, "sealed requests only")
    envelope, exchange = enclave_of(runtime).seal("POST", ROUTE, body_of())
    check_signed(runtime, exchange.open(send(runtime, envelope).body)[1])
    assert runtime.health()["status"] == "ok"
    described = runtime.get("/openapi.json").json["paths"][ROUTE]["post"]["requestBody"]["content"]
    assert described[TYPE]["schema"]["description"].startswith("The only form")


@pytest.mark.parametrize("routes,words", [("/nowhere=off", "/nowhere"), ("/process_data", "/process_data"),
                                          ("/process_data=maybe", "maybe")])
def test_wrong_settings_do_not_start(routes, words):
    runtime = Runtime("media", sets=[f"sealed.routes={routes}"], start=False)
    status, said = runtime.fails()
    assert status != 0 and "sealed.routes" in said and words in said


# ---- Jobs

def job(runtime, envelope, path=ROUTE):
    reply = send(runtime, envelope, path, Prefer="respond-async")
    assert reply.status == 202, reply
    place = reply.headers["location"]

    def ended():
        document = runtime.get(place).json
        return document if document["state"] not in ("queued", "running") else None
    return place, wait_for("the job", ended, 20, 0.05)


def test_job_keeps_its_answer_sealed(media, enclave):
    envelope, exchange = enclave.seal("POST", ROUTE, body_of("job-canary"))
    place, document = job(media, envelope)
    assert document["state"] == "done" and document["sealed"] is True and "answer" not in document
    reply = media.get(place + "/answer")
    assert reply.status == 200 and reply.headers["content-type"] == TYPE
    assert b"job-canary" not in media.get(place).body + reply.body
    status, body = exchange.open(reply.body)
    assert status == 200
    check_signed(media, body)
    refused(send(media, envelope, Prefer="respond-async"), 409, "came before")
    refused(send(media, envelope), 409, "came before")


def test_job_errors(media, enclave):
    envelope, exchange = enclave.seal("POST", ROUTE, b"{}")
    place, document = job(media, envelope)
    assert document["state"] == "failed" and document["sealed"] is True
    reply = media.get(place + "/answer")
    assert reply.status == 400 and exchange.open(reply.body)[0] == 400
    # a replay, or what does not open, never becomes a job
    envelope, _ = enclave.seal("POST", "/sign_report", body_of())
    refused(send(media, envelope, Prefer="respond-async"), 400, "does not open")
    assert send(media, b"x", Prefer="respond-async").status == 400


@pytest.fixture(scope="module")
def worker():
    with Runtime(plugin=harness.TEST_PLUGINS / "worker.so", sets=["sealed.window_s=1", "sealed.skew_s=1"]) as runtime:
        yield runtime


def test_a_job_may_wait_for_longer_than_it_is_fresh(worker):
    """Opened when it came: its turn may come long after its window."""
    enclave = enclave_of(worker)
    first, open_first = enclave.seal("POST", "/work", b'{"ms":2500,"mode":""}')
    second, open_second = enclave.seal("POST", "/work", b'{"ms":1,"mode":""}')
    places = []
    for envelope in (first, second):
        reply = send(worker, envelope, "/work", Prefer="respond-async")
        assert reply.status == 202, reply
        places.append(reply.headers["location"])

    def state(place):
        return worker.get(place).json
    wait_for("the first to run", lambda: state(places[0])["progress"] > 0, 10)
    assert state(places[0])["message"] == "" and state(places[1])["state"] == "queued"
    # queued or not: neither is taken again, as a job or as a call
    refused(send(worker, second, "/work", Prefer="respond-async"), 409, "came before")
    wait_for("the second to end", lambda: state(places[1])["state"] == "done", 20)
    for place, exchange in zip(places, (open_first, open_second)):
        assert exchange.open(worker.get(place + "/answer").body)[0] == 200
    assert send(worker, second, "/work").status == 400, "too old by now"


def test_a_job_that_waits_dies_with_the_app(worker):
    """What it waited as can be opened by that one process. It says so, and a new one works."""
    enclave = enclave_of(worker)
    envelope, _ = enclave.seal("POST", "/work", b'{"ms":3000,"mode":""}')
    assert send(worker, envelope, "/work", Prefer="respond-async").status == 202
    envelope, _ = enclave.seal("POST", "/work", b'{"ms":1,"mode":""}')
    waiting = send(worker, envelope, "/work", Prefer="respond-async").headers["location"]
    os.kill(worker.pid("nacre-app"), signal.SIGKILL)
    wait_for("the end", lambda: worker.get(waiting).json["state"] == "failed", 20)
    document = worker.get(waiting).json
    assert document["status"] == 503 and "started anew" in document["answer"]["error"] and "sealed" not in document
    envelope, exchange = enclave.seal("POST", "/work", b'{"ms":1,"mode":""}')
    place, document = job(worker, envelope, "/work")
    assert document["state"] == "done" and exchange.open(worker.get(place + "/answer").body)[0] == 200


def test_what_ends_late_is_sealed_too(worker):
    """An error of nacre-http's own, once the request was opened."""
    enclave = enclave_of(worker)
    envelope, exchange = enclave.seal("POST", "/work", b'{"ms":4000,"mode":"deaf"}')
    reply = send(worker, envelope, "/work")
    assert reply.status == 504 and reply.headers["content-type"] == TYPE
    assert exchange.open(reply.body)[0] == 504
    envelope, exchange = enclave.seal("POST", "/work", b'{"ms":1,"mode":"crash"}')
    reply = send(worker, envelope, "/work")
    assert reply.status == 503 and exchange.open(reply.body)[0] == 503


def test_no_answer_in_plain_from_a_plugin_that_turned(start):
    """It answers a sealed request that it has not opened, with a good ticket: nacred signs, and nothing of it leaves."""
    runtime = start(plugin=harness.TEST_PLUGINS / "hostile-payloads.so",
                    sets=["app.workers=1", "jobs.concurrent=0", "http.threads=1"])
    enclave = enclave_of(runtime)
    replies = {}

    def attack():
        replies["attacker"] = runtime.post("/attack", {"mode": "good", "arg": ""}, timeout=30)

    attacker = threading.Thread(target=attack)
    attacker.start()
    time.sleep(0.3)  # the one worker is in the attack's handler, and waits for a victim
    envelope, _ = enclave.seal("POST", "/victim", b'{"mode":"","arg":""}')
    victim = send(runtime, envelope, "/victim")
    attacker.join()
    assert int(replies["attacker"].json["response"]["data"]["sent"]) == 1, "the attack did not reach the signer"
    refused(victim, 503, "key is missing")
    # and what is honest goes on
    envelope, exchange = enclave.seal("POST", "/victim", b'{"mode":"","arg":""}')
    assert exchange.open(send(runtime, envelope, "/victim").body)[0] == 200


def test_bodies_in_pieces(media, enclave):
    """Chunked, and in halves with a pause between: the envelope is the same."""
    envelope, exchange = enclave.seal("POST", ROUTE, body_of("in pieces"))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (envelope[:70], envelope[70:90], envelope[90:]))
    head = f"POST {ROUTE} HTTP/1.1\r\nHost: a\r\nContent-Type: {TYPE}; charset=binary\r\n".encode()
    raw = media.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert exchange.open(raw[raw.index(b"\r\n\r\n") + 4:])[0] == 200
    envelope, exchange = enclave.seal("POST", ROUTE, body_of("in halves"))
    with socket.create_connection(media.address, timeout=20) as s:
        s.sendall(head + b"Content-Length: %d\r\n\r\n" % len(envelope) + envelope[:60])
        time.sleep(0.2)
        s.sendall(envelope[60:])
        got = b""
        while not harness.complete(got):
            got += s.recv(65536)
    assert exchange.open(got[got.index(b"\r\n\r\n") + 4:])[0] == 200


def test_many_at_once(media, enclave):
    """Each gets its own answer, sealed and plain ones side by side."""
    wrong, good = [], []

    def calls(name):
        for n in range(25):
            text = f"{name}-{n}"
            envelope, exchange = enclave.seal("POST", ROUTE, body_of(text))
            status, body = exchange.open(send(media, envelope).body)
            if status != 200 or json.loads(body)["response"]["data"]["metadata"] != text:
                wrong.append(body)
            if media.post(ROUTE, body_of(text)).json["response"]["data"]["metadata"] != text:
                wrong.append(text)
            good.append(text)

    threads = [threading.Thread(target=calls, args=(name,)) for name in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and len(good) == 12 * 25
