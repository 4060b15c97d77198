"""
Every client of sealed requests against every other end: envelopes by C, Python, TypeScript and the independent one, opened by
the runtime's own code and by the independent one; answers by both, opened by all four; and each client against a runtime.
The TypeScript client needs Node 20.19 or newer, npm, and its registry once; without them its cases are skipped.
"""
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import time

import pytest

import mitm
from harness import OUT, ROOT
from test_sealed_requests import ROUTE, body_of, check_signed, enclave_of, independent, nacre_sealed

DRIVER = OUT / "tests" / "sealed-driver"
PACKAGE = ROOT / "verify" / "ts"
PROJECT = OUT / "tests" / "sealed-ts"
NO_NETWORK = re.compile(r"code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH)")
CLIENTS = ["c", "python", "typescript", "independent"]
BODIES = [b"", b"{}", b"x" * 220, b"x" * 221, "{\"stra\u00dfe\":\"\u6771\u4eac\"}".encode(), os.urandom(70_000)]


def driver(*words, given=b""):
    done = subprocess.run([DRIVER, *map(str, words)], input=given, capture_output=True, timeout=60, check=False)
    if done.returncode != 0:
        raise ValueError(done.stderr.decode())
    return done.stdout.decode().rstrip("\n").split("\n")


class Node:
    """The TypeScript client, compiled under --strict."""

    def __init__(self):
        build()
        self.process = subprocess.Popen(["node", ROOT / "tests" / "e2e" / "sealed_client.mjs", PROJECT / "dist" /
                                         "nacre-sealed.js"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **what):
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        if "error" in said:
            raise ValueError(said["error"])
        return said

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def build():
    for program in ("node", "npm"):
        if not shutil.which(program):
            pytest.skip(f"the TypeScript client was not tested: no program '{program}'")
    version = subprocess.run(["node", "--version"], capture_output=True, check=True).stdout.decode().strip()
    if tuple(map(int, version.lstrip("v").split(".")[:2])) < (20, 19):
        pytest.skip(f"the TypeScript client was not tested: node is {version}, v20.19 or newer is needed")
    PROJECT.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "tsconfig.json", "nacre-sealed.ts"):
        shutil.copy(PACKAGE / name, PROJECT)
    stamp = PROJECT / "node_modules" / ".installed"
    wanted = hashlib.sha256((PACKAGE / "package-lock.json").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=PROJECT, capture_output=True,
                              timeout=300, check=False)
        said = (done.stdout + done.stderr).decode()
        if done.returncode != 0 and NO_NETWORK.search(said):
            pytest.skip(f"the TypeScript client was not tested: npm cannot reach its registry ({NO_NETWORK.search(said)[1]})")
        assert done.returncode == 0, said
        stamp.write_text(wanted)
    done = subprocess.run(["npx", "--no-install", "tsc", "-p", "."], cwd=PROJECT, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout.decode()


@pytest.fixture(scope="module")
def node():
    child = Node()
    yield child
    child.stop()


@pytest.fixture
def client(request):
    """A client by its name: seal(data_key, app, method, path, body) -> (envelope, what opens its answer)."""
    if request.param == "typescript":
        return request.getfixturevalue("node"), request.param
    return None, request.param


def seal(client, data_key, app, method, path, body):
    node, name = client
    now = int(time.time() * 1000)
    if name == "c":
        envelope, key = driver("seal", data_key.hex(), app, method, path, now, given=body)

        def c_open(answer):
            status, _, text = driver("read", key, given=answer)[0].partition(" ")
            return int(status), bytes.fromhex(text)
        return bytes.fromhex(envelope), c_open
    if name == "python":
        envelope, exchange = nacre_sealed.Enclave(data_key, app).seal(method, path, body, now)
        return envelope, exchange.open
    if name == "typescript":
        made = node.ask(do="seal", dataKey=data_key.hex(), app=app, method=method, path=path, body=body.hex(), timeMs=now)

        def node_open(answer):
            said = node.ask(do="open", exchange=made["exchange"], envelope=answer.hex())
            return said["status"], bytes.fromhex(said["body"])
        return bytes.fromhex(made["envelope"]), node_open
    v = {"time_ms": now, "sender_secret": os.urandom(32), "data_key": data_key, "app": app, "method": method,
         "path": path, "nonce": os.urandom(24), "reply_key": os.urandom(32), "body": body}
    envelope = independent.seal_request(v)
    return envelope, lambda answer: independent.open_answer(answer, independent.answer_key(v["reply_key"], envelope[:80]))


def opened(end, envelope, secret, app, method, path):
    """Body and the answer's key, by the runtime's code or by the independent one."""
    if end == "c":
        return tuple(bytes.fromhex(line) for line in driver("open", secret.hex(), app, method, path, given=envelope))
    _, key, body = independent.open_request(envelope, secret, app, method, path)
    return body, key


def answer(end, key, status, body):
    if end == "c":
        return bytes.fromhex(driver("answer", key.hex(), status, given=body)[0])
    return independent.seal_answer(key, os.urandom(24), status, body)


@pytest.mark.parametrize("end", ["c", "independent"])
@pytest.mark.parametrize("client", CLIENTS, indirect=True)
def test_each_against_each(client, end):
    secret = os.urandom(32)
    data_key = independent.public_of(secret)
    for n, body in enumerate(BODIES):
        to = ("media", ("POST", "GET", "PUT")[n % 3], ("/a", "/Z%C3%BCrich/7", "/" + "p" * 300)[n % 3])
        envelope, read = seal(client, data_key, *to, body)
        assert len(envelope) == 96 + independent.padded(36 + len(body))
        got, key = opened(end, envelope, secret, *to)
        assert got == body
        said = answer(end, key, 200 + n, body[::-1])
        assert read(said) == (200 + n, body[::-1])
        for wrong in (answer(end, os.urandom(32), 200, body), said[:-1], said + b"\0", said[:16], b"",
                      said[:8] + b"\2" + said[9:], said[:9] + b"\1" + said[10:]):
            with pytest.raises(ValueError):
                read(wrong)
        for words in (("other", *to[1:]), (to[0], "DELETE", to[2]), (*to[:2], to[2] + "/")):
            with pytest.raises(ValueError):
                opened(end, envelope, secret, *words)


@pytest.mark.parametrize("client", CLIENTS, indirect=True)
def test_a_flipped_bit_at_every_byte(client):
    secret = os.urandom(32)
    envelope, read = seal(client, independent.public_of(secret), "media", "POST", "/a", b"{}")
    _, key = opened("independent", envelope, secret, "media", "POST", "/a")
    said = answer("independent", key, 200, b"{}")
    at_once = range(len(envelope)) if client[1] != "c" else range(0, len(envelope), 5)  # a process each
    for at in at_once:
        changed = envelope[:at] + bytes([envelope[at] ^ 1 << at % 8]) + envelope[at + 1:]
        with pytest.raises(ValueError):
            opened("independent", changed, secret, "media", "POST", "/a")
    for at in range(0, len(said), 1 if client[1] != "c" else 5):
        with pytest.raises(ValueError):
            read(said[:at] + bytes([said[at] ^ 1 << at % 8]) + said[at + 1:])


@pytest.mark.parametrize("client", CLIENTS, indirect=True)
def test_lies_within_an_answer(client):
    """Sealed with the right key and out of form inside."""
    secret = os.urandom(32)
    envelope, read = seal(client, independent.public_of(secret), "media", "POST", "/a", b"{}")
    _, key = opened("independent", envelope, secret, "media", "POST", "/a")
    begin, nonce = independent.MAGIC + b"\1\2" + bytes(6), os.urandom(24)
    for content in (struct.pack("<HHI", 200, 0, 1), struct.pack("<HHI", 200, 1, 0), struct.pack("<HHI", 200, 0, 0xffffffff) + b"x" * 99,
                    struct.pack("<HHI", 200, 0, 1) + b"xy"):
        with pytest.raises(ValueError):
            read(begin + nonce + independent.box(content, nonce, key))
    assert read(begin + nonce + independent.box(struct.pack("<HHI", 200, 0, 1) + b"x", nonce, key)) == (200, b"x")


def test_vectors():
    """What is committed is what the independent implementation makes, and C opens it (see ctest -R sealed_call)."""
    text = (ROOT / "tests" / "vectors" / "sealed_request.txt").read_text()
    made = list(independent.vectors())
    assert [dict(v) for v in independent.read(text)] == made
    for v in made:
        assert opened("c", v["envelope"], v["data_secret"], v["app"], v["method"], v["path"]) == (v["body"], v["answer_key"])
        status, _, body = driver("read", v["answer_key"].hex(), given=v["answer"])[0].partition(" ")
        assert (int(status), bytes.fromhex(body)) == (v["status"], v["answer_body"])
        exchange = nacre_sealed.Exchange(v["reply_key"], v["envelope"][:80])
        assert exchange.open(v["answer"]) == (v["status"], v["answer_body"])


def test_typescript_against_a_runtime(node, media):
    enclave = enclave_of(media)
    with mitm.Mitm(media.address) as man:
        to = {"do": "call", "url": "http://%s:%d" % man.address, "dataKey": enclave.data_key.hex(), "app": enclave.app,
              "method": "POST", "path": ROUTE}
        said = node.ask(**to, body=body_of("canary-of-typescript").decode())
        assert said["status"] == 200
        assert check_signed(media, said["text"].encode())["response"]["data"]["metadata"] == "canary-of-typescript"
        said = node.ask(**to, body="{}")
        assert said["status"] == 400 and json.loads(said["text"])["error"]
        with pytest.raises(ValueError, match="NotSealedError.*does not open"):
            node.ask(**{**to, "app": "weather"}, body="{}")
        with pytest.raises(ValueError, match="NotSealedError.*future"):
            node.ask(**to, timeMs=int(time.time() * 1000) + 60_000, body="{}")
        assert not man.learns("canary-of-typescript")
    with mitm.Mitm(media.address, alter=mitm.swap(mitm.DOWN, b"200 OK", b"201 OK")) as man:
        with pytest.raises(ValueError, match="HTTP says 201"):
            node.ask(**{**to, "url": "http://%s:%d" % man.address}, body=body_of().decode())
