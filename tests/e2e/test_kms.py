"""
Secrets through AWS KMS with nobody present: the real programs, nacre-kms-stub in KMS's place, and everything that can go
wrong between them.
"""
import base64
import json
import os
import pathlib
import signal
import subprocess
import threading

import cbor2
import pytest
from cryptography.hazmat.primitives import serialization

import harness
import kms
import parent
from weather_upstream import API_KEY


def nacre(*arguments, stdin=b""):
    done = subprocess.run([str(harness.BIN / "nacre"), *map(str, arguments)], input=stdin, capture_output=True,
                          timeout=kms.WAIT, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def tells_nothing(runtime, *more):
    """Neither secrets nor credentials are in what was logged."""
    said = runtime.log() + runtime.stub.log() + "".join(more)
    credentials = runtime.stub.credentials
    for text in (API_KEY, credentials["SecretAccessKey"], credentials["Token"], credentials["AccessKeyId"]):
        assert text not in said and base64.b64encode(text.encode()).decode() not in said


def recipient(stub):
    """The document of the last question, and its payload."""
    body = json.loads(stub.files["record"].read_text())
    assert body["KeyId"] == stub.key_id and body["Recipient"]["KeyEncryptionAlgorithm"] == "RSAES_OAEP_SHA_256"
    document = base64.b64decode(body["Recipient"]["AttestationDocument"])
    return document, cbor2.loads(cbor2.loads(document)[2])


@pytest.mark.sanitizer
def test_secrets_come_through_kms():
    with kms.Kms() as r:
        assert r.health()["secrets"] == "waiting"
        assert r.post("/process_data", {"payload": {"location": "London"}}).status == 503
        assert r.deliver(kms.SECRETS).startswith("no: plain secrets were refused")
        assert r.lend() == "ok: credentials received\n"
        r.works()
        assert r.health()["secrets"] == "kms"
        assert 'nacre_secrets{form="kms"} 1\n' in harness.request(r.admin, "GET", "/metrics").body.decode()
        assert r.lend() == "", "nobody listens any more"
        assert r.stub.answers(": 200") == 1
        tells_nothing(r)
        document, payload = recipient(r.stub)
        # nothing that a verifier of an enclave looks for: no nonce, an RSA key, other user_data
        assert payload["nonce"] is None and payload["public_key"] != r.key
        assert serialization.load_der_public_key(payload["public_key"]).key_size == 2048
        said = cbor2.loads(payload["user_data"])
        assert said == {"v": 1, "for": "kms", "config": said["config"]}
        path = r.dir / "recipient"
        path.write_bytes(document)
        common = ("--document", path, "--pcrs", r.pcrs_path, "--root", r.root_path)
        status, out, err = nacre("register", *common, "--enclave-package", "0x1", "--app-package", "0x2", "--module", "m",
                                 "--otw", "M", "--config", "0x3")
        assert status != 0 and "sui" not in out, out + err
        assert nacre("secrets", "seal", "-", "--document", path, "--pcrs", r.pcrs_path, "--root", r.root_path, "--key", r.dir / "k",
                     "-o", r.dir / "blob")[0] != 0
        # a crash of the app costs no second question
        os.kill(r.pid("nacre-app"), signal.SIGKILL)
        harness.wait_for("the restart", lambda: r.health()["restarts"]["app"] == 1, kms.WAIT)
        r.works()
        assert r.stub.answers("TrentService.Decrypt") == 1


def test_plain_secrets_do_not_come_first():
    """Where KMS is asked, the parent has no say, whatever sealed_only is."""
    with kms.Kms(sealed_only=False) as r:
        assert r.deliver(kms.SECRETS).startswith("no: plain secrets were refused: they come from secrets.kms")
        assert r.lend() == "ok: credentials received\n"
        r.works()


def test_an_image_that_the_key_policy_does_not_name_gets_nothing():
    with kms.Kms() as r:
        r.stub.allow({0: r.pcrs[0], 17: "11" * 48})
        assert r.lend().startswith("ok")
        r.await_log("KMS answers 400 AccessDeniedException")
        r.stub.write("policy", kms.policy({0: r.pcrs[0]}, role="arn:aws:iam::000000000000:role/other"))
        r.lend()
        r.await_log("KMS answers 400 AccessDeniedException", 2)
        assert r.health()["secrets"] == "waiting"
        r.stub.write("policy", kms.policy({"0": r.pcrs[0].upper()}))
        r.lend()
        r.works()
        tells_nothing(r)


# fault -> what the log says of it
HOSTILE = {
    "garbage": "is not the JSON that was expected",
    "huge": "KMS cannot be asked: upstream kms.eu-central-1.amazonaws.com: the reply's body is larger than 65536 bytes",
    "trailing": "is not the JSON that was expected",
    "other-id": "is from another key than",
    "plain": "has no CiphertextForRecipient",
    "other-key": "is not encrypted to this run's key",
    "replay": "is not encrypted to this run's key",
    "oaep-sha1": "is not encrypted by RSAES-OAEP with SHA-256",
    "aes128": "is not encrypted by AES-256-CBC",
    "two-recipients": "has not exactly one recipient",
    "cut": "cannot be opened",
    "no-object": "is not a JSON object",
    "expired": "KMS answers 400 ExpiredTokenException",
    "denied": "KMS answers 400 AccessDeniedException",
}


@pytest.mark.sanitizer
def test_hostile_and_broken_answers():
    """Every one is refused with its reason, and the next good one is taken. `replay` is a good answer to an earlier run."""
    with kms.Kms() as first:
        first.lend()
        first.works()
        with kms.Kms(stub=first.stub) as r:
            for fault, reason in HOSTILE.items():
                before = r.log().count(reason)
                r.stub.fault(fault, 7 if fault == "huge" else 1)  # it may be the network's, and is asked again
                assert r.lend().startswith("ok"), fault
                harness.wait_for(f"{fault} to be refused", lambda: r.log().count(reason) > before, kms.WAIT)  # pylint: disable=cell-var-from-loop
                assert r.health()["secrets"] == "waiting", fault
            r.stub.fault("none", 0)
            r.lend()
            r.works()
            tells_nothing(r)


def test_passing_trouble_is_waited_out_in_one_run():
    with kms.Kms() as r:
        r.stub.fault("throttle", 2)
        r.lend()
        r.works()
        assert r.log().count("asking KMS") == 1 and r.stub.answers("ThrottlingException") == 2
    with kms.Kms() as r:
        r.stub.fault("internal", 1)
        r.lend()
        r.works()
        assert r.log().count("asking KMS") == 1
    with kms.Kms() as r:
        r.stub.lend(36000)
        r.stub.fault("skew", 2)
        r.lend()
        r.works()
        assert r.log().count("asking KMS") == 1 and r.stub.answers("InvalidSignatureException") == 1
        tells_nothing(r)


def test_credentials_that_have_expired_or_are_out_of_form():
    with kms.Kms() as r:
        old = r.stub.credentials
        r.stub.lend()
        assert r.lend(old).startswith("ok")
        r.await_log("KMS answers 400 UnrecognizedClientException")
        r.stub.lend(-10)
        r.lend()
        r.await_log("KMS answers 400 ExpiredTokenException")
        good = kms.message(r.stub.credentials)
        for bad in (good[:40], good[:20] + b"\xff\xff\0\0" + good[24:], good[:16] + b"\2" + good[17:],
                    good[:33] + b"\xff" + good[34:], good[:36] + b"\n" + good[37:]):
            before = r.log().count("no secrets from KMS")
            said = r.deliver(bad)
            if said.startswith("ok"):  # the run parses it; nacred looks at the length that it says
                harness.wait_for("a refusal", lambda: r.log().count("no secrets from KMS") > before, kms.WAIT)  # pylint: disable=cell-var-from-loop
        r.stub.lend()
        r.lend()
        r.works()
        tells_nothing(r)


def test_credentials_are_refused_where_there_is_no_kms():
    r = kms.Kms()
    r.sets = [one for one in r.sets if ".kms." not in one and "sealed_only" not in one]
    r.upstream = r.upstream[:1]
    with r:
        assert r.lend() == "no: credentials were refused: secrets.kms.region is none\n"
        assert r.deliver(kms.SECRETS) == "ok: plain secrets received\n"
        r.works()


def test_the_configuration_is_checked(tmp_path):
    r = kms.Kms()
    r.upstream = r.upstream[:1]
    try:
        for sets, reason in (
                ([f"secrets.kms.region={kms.REGION}"], "all three, or none"),
                (["secrets.kms.region=EU", "secrets.kms.key_id=k", f"secrets.kms.ciphertext={r.ciphertext}",
                  f"secrets.source=unix:{tmp_path}/s"], "no region such as"),
                ([f"secrets.kms.region={kms.REGION}", "secrets.kms.key_id=alias/x", f"secrets.kms.ciphertext={r.ciphertext}",
                  f"secrets.source=unix:{tmp_path}/s"], "an alias can be moved"),
                ([f"secrets.kms.region={kms.REGION}", "secrets.kms.key_id=k", f"secrets.kms.ciphertext={r.ciphertext}"],
                 "needs credentials at secrets.source"),
                ([f"secrets.kms.region={kms.REGION}", "secrets.kms.key_id=k", "secrets.kms.ciphertext=/nowhere",
                  f"secrets.source=unix:{tmp_path}/s"], "/nowhere"),
                (["secrets.kms.color=red"], "unknown key")):
            r.sets = sets
            status, said = r.fails()
            assert status != 0 and reason in said, (sets, said[-500:])
    finally:
        r.server.stop()
        r.stub.stop()


def test_the_parent_opens_the_way_to_kms_behind_the_list(tmp_path):
    """`nacre host` by the image's manifest, whatever its file is called: one port more than the allow list has hosts."""
    r = kms.Kms()
    try:
        config = {"secrets": {"source": "vsock:7777", "sealed_only": True, "kms": {
            "region": kms.REGION, "key_id": r.stub.key_id, "ciphertext": "secrets.kms"}}}
        (tmp_path / "nacre.yaml").write_text(json.dumps(config))
        (tmp_path / "secrets.kms").write_bytes(r.ciphertext.read_bytes())  # beside the file that names it
        manifest = tmp_path / "allowed_endpoints.yaml"
        status, _, err = nacre("plugin", "manifest", r.plugin, "--config", tmp_path / "nacre.yaml", "--allow", r.allow, "-o",
                               manifest)
        assert status == 0, err
        assert r.ciphertext.read_bytes() in manifest.read_bytes() and str(tmp_path).encode() not in manifest.read_bytes()
        vm = parent.Vm(tmp_path, "blue", {})
        with parent.Host([dict(vm.config, allow=str(manifest))], limits={"connect_ms": 500}) as host:
            assert "hosts=2" in host.log(), host.log()
            for port in (8101, 8102):
                vm.outward(port).close()
            with pytest.raises(OSError):
                vm.outward(8103)
        vm.close()
    finally:
        r.server.stop()
        r.stub.stop()


def test_what_aws_is_told(tmp_path):
    pcrs = tmp_path / "nitro.pcrs"
    pcrs.write_text(f"# measured\n{'ab' * 48} PCR0\n\n{'0C' * 48} PCR8\n")
    status, out, err = nacre("secrets", "kms", "policy", "--pcrs", pcrs, "--role", kms.ROLE)
    assert status == 0, err
    said = json.loads(out)
    assert said["Action"] == "kms:Decrypt" and said["Principal"] == {"AWS": kms.ROLE} and said["Effect"] == "Allow"
    assert said["Condition"] == {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:PCR0": "ab" * 48,
                                                            "kms:RecipientAttestation:PCR8": "0C" * 48}}
    for bad in ("", "# none\n", "ab PCR0\n", f"{'ab' * 48} PCR32\n", f"{'ab' * 48} PCR0 x\n", f"{'ab' * 48}\n",
                f"{'00' * 48} PCR0\n", f"{'ab' * 48} PCR8\n{'00' * 48} PCR0\n", f"{'ab' * 48} PCR0\n{'cd' * 48} PCR0\n",
                f"{'ab' * 48} PCR00\n", f"{'ab' * 48} PCR-1\n", f"{'ab' * 48} PCR\n"):
        pcrs.write_text(bad)
        status, out, err = nacre("secrets", "kms", "policy", "--pcrs", pcrs, "--role", kms.ROLE)
        assert status == 1 and not out and "nitro.pcrs" in err, (bad, out, err)
    status, out, _ = nacre("secrets", "kms", "encrypt", "--region", "eu-central-1", "--key-id", "k", "it's.json", "-o", "out")
    (tmp_path / "aws").write_text(f'#!/bin/sh\nfor i; do echo "$i"; done >{tmp_path}/words\necho YWJj\n')
    (tmp_path / "aws").chmod(0o755)
    assert status == 0
    subprocess.run(["sh", "-c", out], check=True, cwd=tmp_path, env=dict(os.environ, PATH=f"{tmp_path}:{os.environ['PATH']}"))
    assert "fileb://it's.json" in (tmp_path / "words").read_text() and (tmp_path / "out").read_bytes() == b"abc"
    assert nacre("secrets", "kms", "encrypt", "x")[0] == 2


class Waiting:
    """An enclave that takes credentials, calls taken() for each, and waits for its secrets all the same."""

    def __init__(self, path, taken):
        import socket  # pylint: disable=import-outside-toplevel
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen()
        self.taken = taken
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection = self.server.accept()[0]
            except OSError:
                return
            with connection:
                if connection.recv(65536):
                    self.taken()
                    connection.sendall(b"ok: credentials received\n")


def test_who_has_nothing_more_to_lend_does_not_say_that_all_is_well(tmp_path):
    """The credentials' source fails while the enclave still waits. Only an enclave that is gone is believed to need none."""
    source = tmp_path / "credentials"
    source.write_text(json.dumps(kms.new_credentials()))
    enclave = Waiting(tmp_path / "sock", lambda: source.unlink(missing_ok=True))
    status, out, err = nacre("secrets", "lend", "--to", f"unix:{tmp_path}/sock", "--from", source, "--wait", "8")
    assert status == 2 and not out and str(source) in err, (status, out, err)
    enclave.server.close()


class Hole:
    """Takes connections and answers nothing."""

    def __init__(self):
        import socket  # pylint: disable=import-outside-toplevel
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port, self.held = self.server.getsockname()[1], []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                self.held.append(self.server.accept()[0])
            except OSError:
                return

    def stop(self):
        for one in self.held:
            one.close()
        self.server.close()


def runs(r):
    """The process that asks KMS, by its command line."""
    for pid in r.everyone():
        try:
            if b"--kms" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        except OSError:
            continue
    return None


@pytest.mark.root
def test_the_run_never_has_the_plugin_and_dies_alone():
    hole = Hole()
    try:
        with kms.Kms(kms_port=hole.port) as r:
            r.lend()
            harness.wait_for("a connection to KMS", lambda: hole.held, kms.WAIT)
            pid = runs(r)
            files = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
            maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
            assert "nacre-kms.so" in maps and "nacre-fetch.so" in maps and "memfd" not in maps and "weather" not in maps
            assert not any("memfd" in name for name in files), files
            assert "nacre-kms.so" not in pathlib.Path(f"/proc/{r.pid('nacre-app')}/maps").read_text()
            os.kill(pid, signal.SIGKILL)
            r.await_log("no secrets from KMS")
            harness.wait_for("another run", lambda: runs(r) not in (None, pid), kms.WAIT)
            assert r.health()["secrets"] == "waiting" and r.get("/get_attestation?nonce=aa").status == 200
    finally:
        hole.stop()
