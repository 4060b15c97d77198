"""
Secrets that the parent instance carries and cannot read, write or swap: the real programs, PyNaCl as the second
implementation, and parents that try.
"""
import contextlib
import datetime
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

import cbor2
import nacl.public
import nacl.signing
import pytest

import harness
import nacre_check
import sealed
from weather_upstream import API_KEY, Upstream

sys.path.insert(0, str(harness.ROOT / "tests" / "verify"))
import documents  # noqa: E402

SECRETS = json.dumps({"API_KEY": API_KEY}).encode()
WAIT = 60


def nacre(*arguments, stdin=b""):
    done = subprocess.run([str(harness.BIN / "nacre"), *map(str, arguments)], input=stdin, capture_output=True,
                          timeout=WAIT, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Waiting(harness.Runtime):
    """`nacre dev` with the weather app, which waits for its secrets at a socket; with an operator and his key."""

    def __init__(self, operator=True, sealed_only=False, sets=()):
        super().__init__("weather", admin=True, start=False)
        self.key_file, self.blob_file = self.dir / "operator.key", self.dir / "blob"
        self.socket = self.dir / "secrets.sock"
        self.port = harness.free_port()
        self.address = ("127.0.0.1", self.port)
        self.url = f"http://127.0.0.1:{self.port}"
        status, out, err = nacre("secrets", "keygen", self.key_file)
        assert status == 0, err
        self.operator = nacl.signing.SigningKey(bytes.fromhex(self.key_file.read_text().strip()))
        assert out.strip() == bytes(self.operator.verify_key).hex()
        self.sets = [f"secrets.source=unix:{self.socket}", *sets]
        if operator:
            self.sets.append(f"secrets.operator_key={out.strip()}")
        if sealed_only:
            self.sets.append("secrets.sealed_only=true")
        self.server = Upstream(self.dir)
        self.upstream, self.ca = [self.server.mapping], self.server.ca

    def dev_command(self):
        command = super().dev_command()
        command[command.index("--listen") + 1] = "127.0.0.1:%d" % self.port
        return command

    def begin(self):
        """Until it answers, which is before it has secrets."""
        self.spawn()
        harness.wait_for("the HTTP side", self.answers, WAIT)
        self.pcrs = self.dir / "app.pcrs"
        payload = cbor2.loads(cbor2.loads(bytes.fromhex(self.get("/get_attestation").json["attestation"]))[2])
        self.pcrs.write_text("".join(f"{payload['pcrs'][i].hex()} PCR{i}\n" for i in (0, 1, 2, 16, 17)))
        self.target = cbor2.loads(payload["user_data"])
        self.key = payload["public_key"]

    def answers(self):
        try:
            return self.get("/get_attestation").status == 200
        except OSError:
            return False

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            self.__exit__(True)
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            self.stop(check=kind is None)
        finally:
            self.server.stop()

    def seal(self, *more, stdin=SECRETS, key=None, url=None):
        return nacre("secrets", "seal", "-", "--url", url or self.url, "--pcrs", self.pcrs, "--root", self.root_path, "--key",
                     key or self.key_file, "-o", self.blob_file, *more, stdin=stdin)

    def check(self, blob=None):
        return nacre("secrets", "check", blob or self.blob_file, "--url", self.url, "--pcrs", self.pcrs, "--root",
                     self.root_path)

    def send(self, *more, blob=None, place=None):
        return nacre("secrets", "send", blob or self.blob_file, *(place or ("--unix", self.socket)), *more)

    def deliver(self, data):
        """What the socket answers to these bytes."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(WAIT)
            s.connect(str(self.socket))
            with contextlib.suppress(BrokenPipeError):
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
            got = b""
            with contextlib.suppress(ConnectionResetError):
                while more := s.recv(4096):
                    got += more
            return got.decode()

    def await_app(self):
        harness.wait_for("the app", lambda: self.health()["app_state"] == "up", WAIT)

    def works(self):
        self.await_app()
        self.verify(self.post("/process_data", {"payload": {"location": "London"}}))

    def metrics(self):
        return harness.request(self.admin, "GET", "/metrics").body.decode()


class Parent:
    """Relays bytes between the operator and the enclave, keeps all it sees, and may send something else instead."""

    def __init__(self, target, swap=lambda data: data):
        self.target, self.swap, self.seen = str(target), swap, b""
        self.server = socket.create_server(("127.0.0.1", 0))
        self.place = ("--tcp", "127.0.0.1:%d" % self.server.getsockname()[1])
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            with client, socket.socket(socket.AF_UNIX) as enclave:
                data = b""
                while more := client.recv(65536):
                    data += more
                self.seen += data
                enclave.connect(self.target)
                with contextlib.suppress(OSError):
                    enclave.sendall(self.swap(data))
                    enclave.shutdown(socket.SHUT_WR)
                    client.sendall(enclave.recv(4096))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join()


@pytest.mark.sanitizer
def test_sealed_by_the_tool_carried_by_a_parent_opened_by_the_enclave():
    with Waiting(sealed_only=True) as r:
        health = r.get("/health_check")
        assert health.status == 200 and health.json["secrets"] == "waiting", health
        assert 'nacre_secrets{form="waiting"} 1\n' in r.metrics()
        refusal = r.post("/process_data", {"payload": {"location": "London"}}, timeout=WAIT)
        assert refusal.status == 503 and refusal.error == "the app waits for its secrets"
        assert r.document(r.get("/get_attestation?nonce=77"))["nonce"] == b"\x77"
        status, _, err = r.seal()
        assert status == 0, err
        blob = r.blob_file.read_bytes()
        assert API_KEY.encode() not in blob
        status, out, _ = nacre("secrets", "show", r.blob_file)
        for word in ("weather", r.target["config"].hex(), r.target["secrets_key"].hex(), bytes(r.operator.verify_key).hex(),
                     f"{len(blob)}, of which the secrets are {len(SECRETS)}", "fits"):
            assert word in out, (word, out)
        assert status == 0
        status, _, err = r.check()
        assert status == 1 and "has taken no sealed secrets" in err, err
        with Parent(r.socket) as parent:
            status, out, err = r.send(place=parent.place)
        assert (status, out) == (0, "received\n"), err
        assert parent.seen == blob
        status, out, err = r.check()
        assert (status, out) == (0, f"taken: {hashlib.sha256(blob).hexdigest()}\n"), err
        taken = r.document(r.get("/get_attestation?nonce=01"))
        assert nacre_check.user_data(taken)["secrets"] == hashlib.sha256(blob).digest()
        harness.wait_for("the cached document", lambda: "secrets" in nacre_check.user_data(
            r.document(r.get("/get_attestation"))), WAIT)
        r.works()
        assert r.health()["secrets"] == "sealed"
        assert 'nacre_secrets{form="sealed"} 1\n' in r.metrics()
        assert "sealed secrets received" in r.log() and API_KEY not in r.log()
        # the same boot takes one delivery only
        status, _, err = r.send()
        assert status == 2 and "cannot connect" in err, err


def test_which_of_two_blobs_arrived():
    """The parent may choose between two that were sealed for one start; the document says which one it was."""
    with Waiting(sealed_only=True) as r:
        assert r.seal()[0] == 0
        older = r.dir / "older"
        r.blob_file.rename(older)
        assert r.seal()[0] == 0
        assert r.send(blob=older)[0] == 0
        r.await_app()
        assert r.check(older)[0] == 0
        status, out, err = r.check()
        assert status == 1 and not out, err
        for blob in (older, r.blob_file):
            assert hashlib.sha256(blob.read_bytes()).hexdigest() in err, err
        r.pcrs.write_text("ab" * 48 + " PCR0\n")
        status, out, err = r.check(older)
        assert status == 1 and "FAIL" in err and not out, err


def test_sealed_by_another_implementation():
    with Waiting(sealed_only=True) as r:
        assert r.deliver(sealed.seal(r.operator, r.target, SECRETS)) == "ok: sealed secrets received\n"
        r.works()


def test_plain_is_labelled():
    with Waiting() as r:
        assert r.deliver(SECRETS) == "ok: plain secrets received\n"
        r.works()
        assert r.health()["secrets"] == "plain" and 'nacre_secrets{form="plain"} 1\n' in r.metrics()
        assert "plain secrets received" in r.log()


def test_the_parent_cannot_put_its_own():
    """Sealed to the right key, bound to the right app and configuration, signed by the wrong hand."""
    mallory = nacl.signing.SigningKey.generate()
    with Waiting(sealed_only=True) as r:
        evil = json.dumps({"API_KEY": "the-parents-own"}).encode()
        assert r.seal()[0] == 0
        good = r.blob_file.read_bytes()
        box = sealed.seal(mallory, r.target, evil)
        other = sealed.seal(mallory, r.target, SECRETS)
        attempts = [
            (box, ["signed by operator", bytes(mallory.verify_key).hex(), bytes(r.operator.verify_key).hex()]),
            (good[:32] + bytes(mallory.verify_key) + good[64:], ["signed by operator"]),
            (box[:32] + bytes(r.operator.verify_key) + box[64:], ["signature does not fit"]),
            (good[:152] + other[152:-64] + good[-64:], ["signature does not fit"]),
            (good[:-1] + bytes([good[-1] ^ 1]), ["signature does not fit"]),
            (good + b"\n", ["says it has"]),
            (good[:-1], ["says it has"]),
            (sealed.seal(r.operator, r.target, evil, version=2), ["version 2", "version 1"]),
            (b"", ["empty"]),
        ]
        time.sleep(1.1)
        for data, words in attempts[:4] + attempts[-1:]:
            said = r.deliver(data)
            assert said.startswith("no: ") and all(word in said for word in words), (said, words)
        time.sleep(1.1)
        for data, words in attempts[4:-1]:
            said = r.deliver(data)
            assert said.startswith("no: ") and all(word in said for word in words), (said, words)
        assert "sealed_only" in r.deliver(evil)
        time.sleep(1.1)
        with Parent(r.socket, swap=lambda data: box) as parent:
            status, _, err = r.send(place=parent.place)
        assert status == 1 and "signed by operator" in err, err
        with Parent(r.socket, swap=lambda data: evil) as parent:
            status, _, err = r.send(place=parent.place)
        assert status == 1 and "secrets.sealed_only is true" in err, err
        assert r.health()["secrets"] == "waiting"
        assert f"nacre_secrets_refused_total {len(attempts) + 3}\n" in r.metrics()
        assert "plain secrets were refused" in r.log() and "secrets.sealed_only is true" in r.log()
        assert "the-parents-own" not in r.log()
        assert r.send()[0] == 0
        r.works()


def test_blobs_for_others():
    """Another start of the same enclave, another app, another configuration: the operator signed all of them."""
    with Waiting(sealed_only=True) as r:
        assert r.seal()[0] == 0
        old = r.blob_file.read_bytes()
        before = r.target
        r.stop(check=False)
        r.out, r.process = "", None
        r.begin()
        assert r.target["config"] == before["config"] and r.target["secrets_key"] != before["secrets_key"]
        said = r.deliver(old)
        assert said.startswith("no: ") and before["secrets_key"].hex() in said and r.target["secrets_key"].hex() in said
        said = r.deliver(sealed.seal(r.operator, r.target, SECRETS, app="sentinel"))
        assert "'sentinel'" in said and "'weather'" in said, said
        said = r.deliver(sealed.seal(r.operator, r.target, SECRETS, config=bytes(48)))
        assert "00" * 48 in said and r.target["config"].hex() in said, said
        assert r.deliver(sealed.seal(r.operator, r.target, SECRETS)).startswith("ok: ")
        r.works()


def test_no_operator_no_sealed_ones():
    with Waiting(operator=False) as r:
        assert "secrets.operator_key names nobody" in r.deliver(sealed.seal(r.operator, r.target, SECRETS))
        assert r.deliver(SECRETS).startswith("ok: plain")
        r.works()


def test_sealing_refuses_what_does_not_verify(tmp_path):
    with Waiting() as r:
        def refused(code, word, *more, **how):
            r.blob_file.unlink(missing_ok=True)
            status, out, err = r.seal(*more, **how)
            assert status == code and word in err, (status, out, err)
            assert not r.blob_file.exists() and API_KEY not in err

        wrong = tmp_path / "wrong.pcrs"
        wrong.write_text("ab" * 48 + " PCR0\n")
        weak = tmp_path / "weak.pcrs"
        weak.write_text(re.search(r".* PCR16\n", r.pcrs.read_text()).group())
        r.pcrs, right = wrong, r.pcrs
        refused(1, "ab" * 48)
        r.pcrs = weak
        refused(2, "PCR0, or PCR1 and PCR2")
        r.pcrs = right
        refused(2, "--signature-only", "--signature-only")
        refused(2, "--no-nonce", "--no-nonce")
        refused(2, "--at", "--at", "document")
        refused(2, "not a JSON object of texts", stdin=b'{"API_KEY":5}')
        refused(2, "not a JSON object of texts", stdin=b'{"API_KEY":"' + API_KEY.encode() + b'"')
        refused(2, "expected 1 to 65536", stdin=b"")
        refused(2, "expected 1 to 65536", stdin=b"{" + b" " * 65536 + b"}")
        os.chmod(r.key_file, 0o640)
        refused(2, "mode 640")
        os.chmod(r.key_file, 0o600)
        short = tmp_path / "short.key"
        short.write_text("00" * 31)
        short.chmod(0o600)
        refused(2, "64 hex digits", key=short)
        root, r.root_path = r.root_path, harness.ROOT / "tests" / "nowhere"
        refused(2, "No such file")
        r.root_path = root
        assert nacre("secrets", "keygen", r.key_file)[0] == 1, "a key is never overwritten"
        assert r.seal()[0] == 0
        plain = tmp_path / "plain"
        plain.write_bytes(SECRETS)
        assert r.send(blob=plain)[0] == 2 and r.send("--plain")[0] == 2, "nothing goes out by mistake"
        status, out, _ = r.send("--plain", blob=plain)
        assert (status, out) == (0, "received, in plain\n")
        r.works()


def test_another_implementation_opens_what_the_tool_seals(tmp_path, monkeypatch):
    """A document of our own making names a key whose secret we have."""
    now = datetime.datetime.utcnow().replace(microsecond=0)
    monkeypatch.setattr(documents, "TIME", now)
    enclave = nacl.public.PrivateKey.generate()
    target = {"v": 1, "app": "weather", "plugin": bytes(48), "config": bytes(range(48)),
              "secrets_key": bytes(enclave.public_key), "data_key": bytes(32)}

    def document(user_data):
        path = tmp_path / "document"
        path.write_bytes(documents.document(change=lambda p: p.update(
            timestamp=int(now.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000),
            user_data=user_data if isinstance(user_data, bytes) else cbor2.dumps(user_data))))
        return path

    documents.root_of.cache_clear()
    good = document(target)
    (tmp_path / "root.pem").write_bytes(documents.pem(documents.certificates(documents.default_chain())[0]))
    (tmp_path / "pcrs").write_text("".join(f"{documents.default_pcrs()[i].hex()} PCR{i}\n" for i in range(3)))
    key, blob = tmp_path / "key", tmp_path / "blob"
    operator = bytes.fromhex(nacre("secrets", "keygen", key)[1])

    def seal(path):
        blob.unlink(missing_ok=True)
        return nacre("secrets", "seal", "-", "--document", path, "--pcrs", tmp_path / "pcrs", "--root",
                     tmp_path / "root.pem", "--key", key, "-o", blob, stdin=SECRETS)

    status, _, err = seal(good)
    assert status == 0, err
    found = sealed.unseal(blob.read_bytes(), bytes(enclave), operator)
    assert found.pop("made_ms") / 1000 == pytest.approx(time.time(), abs=60)
    assert found == {"app": "weather", "config": target["config"], "secrets_key": target["secrets_key"], "content": SECRETS}
    for change in ({"v": 2}, {"app": ""}, {"app": 5}, {"config": bytes(47)}, {"secrets_key": bytes(31)}):
        status, _, err = seal(document({**target, **change}))
        assert status == 2 and "user_data" in err and not blob.exists(), (change, err)
    for raw in (b"", b"\xff", cbor2.dumps([1]), cbor2.dumps(target) + b"\0"):
        assert seal(document(raw))[0] == 2 and not blob.exists(), raw
    status, _, err = seal(document({**target, "secrets_key": bytes(32)}))
    assert status == 2 and "cannot be sealed to" in err, err


def test_show_and_send_of_what_is_no_blob(tmp_path):
    file = tmp_path / "file"
    for content in (b"", b"{}", sealed.MAGIC, sealed.MAGIC + bytes(400), b"\x89" * 70000):
        file.write_bytes(content)
        for command in (["show", file], ["send", file, "--unix", tmp_path / "nobody"]):
            status, out, err = nacre("secrets", *command)
            assert status == 2 and not out and str(file) in err, (command, err)
    operator, key = nacl.signing.SigningKey.generate(), bytes(nacl.public.PrivateKey.generate().public_key)
    good = sealed.seal(operator, {"app": "a\x1b[31m", "config": bytes(48), "secrets_key": key}, b"{}")
    file.write_bytes(good)
    status, out, _ = nacre("secrets", "show", file)
    assert status == 0 and "\x1b" not in out
    file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    status, out, _ = nacre("secrets", "show", file)
    assert status == 1 and "DOES NOT FIT" in out
    for place in (["--vsock", "x"], ["--vsock", "3:99999999999"], ["--tcp", "localhost:1"], ["--unix", "p", "--port", "x"], [],
                  ["--unix", "a", "--tcp", "127.0.0.1:1"], ["--port", "1"], ["--unix", "p", "--wait", "-1"]):
        assert nacre("secrets", "send", file, *place)[0] == 2, place


def test_a_machine_that_speaks_connect(tmp_path):
    """The socket of Firecracker or vhost-device-vsock: CONNECT 7777 first; it closes while nobody listens there."""
    operator, key = nacl.signing.SigningKey.generate(), bytes(nacl.public.PrivateKey.generate().public_key)
    blob = sealed.seal(operator, {"app": "a", "config": bytes(48), "secrets_key": key}, b"{}")
    (tmp_path / "blob").write_bytes(blob)
    seen = []

    def machine(server):
        for number in range(3):
            client, _ = server.accept()
            with client:
                line = b""
                while not line.endswith(b"\n"):
                    line += client.recv(1)
                seen.append(line)
                if number < 2:
                    continue
                client.sendall(b"OK 1073741824\n")
                got = b""
                while len(got) < len(blob):
                    got += client.recv(65536)
                seen.append(got)
                client.sendall(b"no: sealed secrets were refused: because\x1b[0m\n")

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "vm.vsock"))
        server.listen()
        thread = threading.Thread(target=machine, args=(server,), daemon=True)
        thread.start()
        status, _, err = nacre("secrets", "send", tmp_path / "blob", "--unix", tmp_path / "vm.vsock", "--port", "7777",
                               "--wait", "30")
        thread.join()
    assert seen == [b"CONNECT 7777\n"] * 3 + [blob]
    assert status == 1 and "refused: sealed secrets were refused: because?[0m" in err, err


@pytest.mark.parametrize("sets,words", [
    (["secrets.sealed_only=true"], ["sealed_only", "operator_key"]),
    (["secrets.operator_key=abc"], ["'abc'", "64 hex digits"]),
    (["secrets.operator_key=" + "00" * 33], ["64 hex digits"]),
    (["secrets.sealed_only=yes"], ["'yes'", "false|true"]),
    (["secrets.sealed_only=true", "secrets.operator_key=" + "ab" * 32, "secrets.source=file:/nowhere"],
     ["file:/nowhere", "older than the key"]),
])
def test_configurations_that_cannot_be_meant(sets, words):
    runtime = harness.Runtime("media", sets=sets, start=False)
    status, said = runtime.fails()
    assert status != 0 and all(word in said for word in words), said


def test_the_vector_of_the_documentation():
    """It is the one that nacred's unit test opens, and PyNaCl opens it too."""
    text = (harness.ROOT / "docs" / "SECRETS.md").read_text("utf-8")
    shown = re.search(r"^```\n([0-9a-f\n]+)```$", text, re.M).group(1).replace("\n", "")
    tested = "".join(re.findall(r'^    "([0-9a-f]+)"', (harness.ROOT / "tests/support/sealed_vector.h").read_text(), re.M))
    assert shown == tested
    operator = bytes(nacl.signing.SigningKey(bytes(range(32))).verify_key)
    found = sealed.unseal(bytes.fromhex(shown), bytes(range(32, 64)), operator)
    assert found["content"] == b'{"API_KEY":"vector"}' and found["app"] == "weather"
    assert found["made_ms"] == 1764000000000 and found["config"] == hashlib.sha384(b"config").digest()
    assert len(shown) // 2 == 257 + len("weather") + len(found["content"])
