"""
A plugin that reads all of its own memory (plugins/hostile/scan.c). What it looks for is read from nacred's memory by
root and given to it as hashes: the plugin's process holds what is looked for only if the runtime has put it there.
"""
import os
import signal

import pytest

import nacre_check
from harness import SANITIZED
from hostile import TYPES, Watch, Worlds, came_through, honest, post, strike
from memory import find_seed, find_x25519, needles

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(SANITIZED, reason="a sanitizer's shadow memory takes hours to read"),
]
FACTOR, WINDOW = 0x9e3779b97f4a7c15, 16
MINE, THEIRS = "mine-5cd1f0e0b7a94c8e-declared", "theirs-0fd9a3c2e17b45d6-not-declared"


def hash_of(data):
    """As scan.c has it."""
    value = 0
    for byte in data[:WINDOW]:
        value = (value * FACTOR + byte) % 2**64
    return value


def scan(runtime, wanted):
    """How often each of the named values is in the plugin's memory, by the plugin's own count."""
    report = strike(runtime, "scan", ",".join(f"{hash_of(value):x}" for value in wanted.values()))
    assert report.status == 200 and report.tried > 1 << 20, report
    return dict(zip(wanted, (int(n) for n in report.said.split(","))))


@pytest.fixture(scope="module")
def runtime():
    worlds = Worlds()
    yield worlds.get("scan", secrets={"MINE": MINE, "THEIRS": THEIRS})
    worlds.stop()


def secrets_of_nacred(runtime):
    nacred = runtime.pid("nacred")
    seed = find_seed(nacred, runtime.key)
    assert seed is not None, "the seed was not found in nacred: the test looks in the wrong place"
    data = nacre_check.user_data(runtime.document(runtime.get("/get_attestation?nonce=00")))
    boxes = {name: secret for name in ("secrets_key", "data_key")
             if (secret := find_x25519(nacred, data[name])) is not None}
    assert boxes, "no X25519 secret was found in nacred"
    return needles(seed, boxes)


def test_key(runtime):
    """Seed, scalar, prefix, the X25519 secrets and the half of each; the secret that it was given is the control."""
    honest(runtime)
    watch = Watch(runtime)
    wanted = secrets_of_nacred(runtime)
    for _ in range(2):
        found = scan(runtime, {**wanted, "mine": MINE.encode()})
        assert found.pop("mine") >= 1, "the scan does not find what is there"
        assert not any(found.values()), found
        os.kill(runtime.pid("nacre-app"), signal.SIGKILL)  # and again after a restart
        honest(runtime)
    came_through(runtime, watch, "scan")


def test_secret_that_it_did_not_declare(runtime):
    honest(runtime)
    watch = Watch(runtime)
    found = scan(runtime, {"mine": MINE.encode(), "theirs": THEIRS.encode(), "tail of theirs": THEIRS.encode()[16:]})
    assert found["mine"] >= 1
    assert found["theirs"] == found["tail of theirs"] == 0, found
    came_through(runtime, watch, "scan")


def test_requests_that_are_over(runtime):
    """What earlier clients sent is wiped once they are answered, signed or refused, inline or in a memfd."""
    honest(runtime)
    watch = Watch(runtime)
    marks = {name: f"{name}-4b1d77c0a5e8-mark" for name in ("sigmark", "badmark", "bigmark", "oddmark")}
    runtime.verify(post(runtime, "/victim", marks["sigmark"]), TYPES)
    assert runtime.post("/victim", {"mode": marks["badmark"], "arg": 7}).status == 400
    runtime.verify(post(runtime, "/victim", marks["bigmark"] * 4000), TYPES)
    assert runtime.request("POST", "/victim", b'{"mode":"' + marks["oddmark"].encode() + b'","').status == 400
    found = scan(runtime, {name: mark.encode() for name, mark in marks.items()})
    assert not any(found.values()), found
    came_through(runtime, watch, "scan")
