"""
A plugin that has been taken over (plugins/hostile.c): it steals requests with their tickets and sends nacred whatever
it likes. Nothing that does not fit the route's declared type is signed, and signatures go to the request they answer.
"""
import threading
import time

import pytest

import nacre_check
from harness import TEST_PLUGINS, name_of, wait_for

TYPES = {
    3: [("flag", "bool"), ("text", "string"), ("small", "u16"), ("bytes", "bytes"), ("maybe", ("option", "u8")),
        ("list", ("vector", "u32"))],
    4: [("amount", "u64")],
}
RIGHT = {"flag": True, "text": "hi", "small": 513, "bytes": [1, 2], "maybe": 7, "list": [1, 2]}
SETS = ["app.workers=1", "jobs.concurrent=0", "http.threads=1", "restart.initial_ms=1", "restart.max_ms=1"]


@pytest.fixture
def hostile(start):
    return start(plugin=TEST_PLUGINS / "hostile.so", sets=SETS, admin=True)


def attack(runtime, mode):
    """Sends the attack and its victim. Returns the victim's answer and the attacker's."""
    replies = {}

    def send(name, path, body):
        replies[name] = runtime.post(path, body, timeout=30)

    attacker = threading.Thread(target=send, args=("attacker", "/attack", {"mode": mode}))
    attacker.start()
    time.sleep(0.15)  # the one worker is in the attack's handler, and waits for a victim
    send("victim", "/victim", {"mode": ""})
    attacker.join()
    return replies["victim"], replies["attacker"]


def serves(runtime):
    def honest():
        try:
            return runtime.post("/victim", {"mode": ""}).status == 200
        except OSError:
            return False
    wait_for("service", honest)
    answer = runtime.post("/victim", {"mode": ""})
    runtime.verify(answer, TYPES)
    assert answer.json["response"]["data"] == RIGHT


def test_the_attack_reaches_the_signer(hostile):
    """The control: with a well-formed payload the stolen ticket is good, and its victim gets the signed answer."""
    victim, attacker = attack(hostile, "good")
    assert attacker.status == 418, attacker
    answer = hostile.verify(victim, TYPES)
    assert answer["response"]["data"] == RIGHT
    serves(hostile)


@pytest.mark.parametrize("mode", [
    "empty", "truncated", "trailing", "twice", "bool", "uleb", "utf8", "surrogate", "option", "length", "count",
    "other-type",
])
def test_wrong_bytes_get_no_signature(hostile, mode):
    nacred = hostile.pid("nacred")
    victim, attacker = attack(hostile, mode)
    assert attacker.status == 418, attacker
    assert victim.status == 500 and victim.error and b"signature" not in victim.body, victim
    assert hostile.pid("nacred") == nacred
    serves(hostile)


@pytest.mark.parametrize("mode", [
    "ticket-route", "ticket-id", "ticket-deadline", "ticket-mac", "forged-answer", "forged-failure", "lying-length",
    "garbage", "late",
])
def test_no_ticket_no_signature(hostile, mode):
    nacred = hostile.pid("nacred")
    victim, _ = attack(hostile, mode)
    assert victim.status in (500, 502, 503, 504) and b"signature" not in victim.body, victim
    assert hostile.pid("nacred") == nacred
    serves(hostile)


def test_replayed_results_are_answered_once(hostile):
    victim, _ = attack(hostile, "replay")
    hostile.verify(victim, TYPES)
    for _ in range(20):
        serves(hostile)


def test_garbage_on_every_socket(hostile):
    """Control and request socket too. It may cost the app its life, and nothing else."""
    key, nacred, http = hostile.key, hostile.pid("nacred"), hostile.pid("nacre-http")
    try:
        victim, _ = attack(hostile, "garbage-everywhere")
        assert b"signature" not in victim.body
    except OSError:
        pass
    serves(hostile)
    assert hostile.pid("nacred") == nacred and hostile.pid("nacre-http") == http
    assert bytes.fromhex(hostile.health()["pk"]) == key


@pytest.mark.parametrize("mode,statuses", [
    ("value-bool", {500}), ("value-utf8", {500}), ("value-null", {500}), ("value-wild", {500, 503}),
    ("value-huge", {500, 503}), ("value-count", {500, 503}), ("status-1", {500}), ("status-200", {500}),
    ("status-negative", {500}), ("status-700", {500}), ("other-time", {500}),
    ("null", {503}), ("abort", {503}), ("exit", {503}), ("loop", {504}),
])
def test_misbehaving_handlers(hostile, mode, statuses):
    reply = hostile.post("/victim", {"mode": mode})
    assert reply.status in statuses and reply.error and b"signature" not in reply.body, reply
    serves(hostile)


def test_scratch_memory_is_bounded(hostile):
    hostile.verify(hostile.post("/victim", {"mode": "scratch"}), TYPES)


def test_sandbox(hostile):
    """No socket, no file, no executable page, no other process: the call fails, or the app dies of trying."""
    reply = hostile.post("/victim", {"mode": "escape"})
    if reply.status == 200:
        assert reply.json["response"]["data"]["text"] == ""
    else:
        assert reply.status == 503, reply
    serves(hostile)
    assert name_of(hostile.pid("nacre-app")) == "nacre-app"


def test_refusals_are_counted(hostile):
    from harness import request

    def refused():
        text = request(hostile.admin, "GET", "/metrics").body.decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if "refused" in line and not line.startswith("#"))

    before = refused()
    attack(hostile, "trailing")
    wait_for("the refusal in /metrics", lambda: refused() == before + 1, 5, 0.1)
