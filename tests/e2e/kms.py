"""AWS KMS for the tests: nacre-kms-stub with a key policy, a runtime whose secrets come from it, and a parent that lends."""
import contextlib
import datetime
import json
import pathlib
import struct
import subprocess
import tempfile

import cbor2
import nacl.utils

import harness
from weather_upstream import API_KEY, Upstream

REGION = "eu-central-1"
HOST = f"kms.{REGION}.amazonaws.com"
SECRETS = json.dumps({"API_KEY": API_KEY}).encode()
ROLE = "arn:aws:iam::000000000000:role/parent"
WAIT = 60


def new_credentials(seconds=3600):
    """As EC2's metadata service says them."""
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return {"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
            "AccessKeyId": "ASIA" + nacl.utils.random(8).hex().upper(), "SecretAccessKey": nacl.utils.random(20).hex(),
            "Token": nacl.utils.random(500).hex(), "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ")}


def message(credentials):
    """What is sent to the enclave, by Python alone; docs/SECRETS.md has the format."""
    texts = [credentials[name].encode() for name in ("AccessKeyId", "SecretAccessKey", "Token")]
    end = datetime.datetime.strptime(credentials["Expiration"], "%Y-%m-%dT%H:%M:%SZ")
    expires = int(end.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)
    body = struct.pack("<QBBH", expires, *map(len, texts)) + b"".join(texts)
    return b"\x8anacre lender\r\n\x1a" + struct.pack("<II", 1, 24 + len(body)) + body


def policy(pcrs, role=ROLE):
    """As config/terraform writes it: the account may encrypt, the parent's role decrypt for one image."""
    conditions = {f"kms:RecipientAttestation:PCR{i}": value for i, value in pcrs.items()}
    return {"Version": "2012-10-17", "Statement": [
        {"Sid": "Encrypt", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
         "Action": ["kms:Encrypt"], "Resource": "*"},
        {"Sid": "Enclave", "Effect": "Allow", "Principal": {"AWS": role}, "Action": "kms:Decrypt", "Resource": "*",
         "Condition": {"StringEqualsIgnoreCase": conditions}}]}


class Stub:
    """A nacre-kms-stub in a directory of its own."""

    def __init__(self, root_path=None, region=REGION):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="nacre-kms-"))
        self.region = region
        self.files = {name: self.dir / name for name in ("key", "policy", "credentials", "fault", "ca.pem", "record", "root.pem")}
        self.log_path, self.process = self.dir / "log", None
        if root_path:
            self.believe(root_path)
        self.credentials = new_credentials()
        self.write("credentials", self.credentials)
        self.allow({0: "00" * 48})
        self.start()

    def write(self, name, value):
        self.files[name].write_text(value if isinstance(value, str) else json.dumps(value))

    def allow(self, pcrs):
        self.write("policy", policy(pcrs))

    def believe(self, root_path):
        """Documents under this root from now on."""
        self.files["root.pem"].write_bytes(pathlib.Path(root_path).read_bytes())

    def lend(self, seconds=3600):
        self.credentials = new_credentials(seconds)
        self.write("credentials", self.credentials)

    def fault(self, name, count=1):
        self.write("fault", f"{name} {count}")

    def start(self):
        command = [str(harness.BIN / "nacre-kms-stub"), "--region", self.region]
        for name, option in (("key", "key"), ("policy", "policy"), ("credentials", "credentials"), ("fault", "fault"),
                             ("ca.pem", "ca-out"), ("record", "record"), ("root.pem", "root")):
            command += ["--" + option, str(self.files[name])]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        word, port, self.key_id = self.process.stdout.readline().decode().split()
        assert word == "ready", self.log()
        self.port = int(port)
        self.arn = f"arn:aws:kms:{self.region}:000000000000:key/{self.key_id}"

    def encrypt(self, secrets, path):
        plain = self.dir / "plain"
        plain.write_bytes(secrets)
        subprocess.run([str(harness.BIN / "nacre-kms-stub"), "--key", str(self.files["key"]), "--encrypt", str(plain), "-o",
                        str(path)], check=True, timeout=WAIT)
        plain.unlink()
        return path

    def log(self):
        return self.log_path.read_text("utf-8", "replace")

    def answers(self, what):
        return self.log().count(what)

    def stop(self):
        if self.process:
            harness.end_process(self.process)
            self.process.stdout.close()
        self.process = None


class Kms(harness.Runtime):
    """`nacre dev` with the weather app, whose secrets come from KMS."""

    def __init__(self, secrets=SECRETS, sets=(), kms_port=None, stub=None, sealed_only=True):
        super().__init__("weather", admin=True, start=False)
        self.port = harness.free_port()
        self.address = ("127.0.0.1", self.port)
        self.url = f"http://127.0.0.1:{self.port}"
        self.socket = self.dir / "secrets.sock"
        self.own_stub = stub is None
        self.stub = stub or Stub()
        self.ciphertext = self.stub.encrypt(secrets, self.dir / "secrets.kms")
        self.server = Upstream(self.dir)
        self.ca = self.dir / "both.pem"
        self.ca.write_bytes(self.server.ca.read_bytes() + self.stub.files["ca.pem"].read_bytes())
        self.upstream = [self.server.mapping, f"{HOST}=127.0.0.1:{kms_port or self.stub.port}"]
        self.sets = [f"secrets.source=unix:{self.socket}", f"secrets.kms.region={REGION}",
                     f"secrets.kms.key_id={self.stub.key_id}", f"secrets.kms.ciphertext={self.ciphertext}",
                     f"secrets.sealed_only={str(sealed_only).lower()}", *sets]

    def dev_command(self):
        command = super().dev_command()
        command[command.index("--listen") + 1] = "127.0.0.1:%d" % self.port
        return command

    def answers(self):
        try:
            return self.get("/get_attestation").status == 200
        except OSError:
            return False

    def begin(self, allow=True):
        """Until it answers, which is before it has secrets. The key policy then names what it measures."""
        self.spawn()
        harness.wait_for("the HTTP side", self.answers, WAIT)
        self.root_path = self.dir / "run" / "root.pem"
        self.stub.believe(self.root_path)
        payload = self.payload()
        self.key = payload["public_key"]
        self.pcrs = {i: payload["pcrs"][i].hex() for i in (0, 1, 2, 16, 17)}
        self.pcrs_path = self.dir / "app.pcrs"
        self.pcrs_path.write_text("".join(f"{value} PCR{i}\n" for i, value in self.pcrs.items()))
        if allow:
            self.stub.allow({i: self.pcrs[i] for i in (0, 17)})

    def payload(self):
        return cbor2.loads(cbor2.loads(bytes.fromhex(self.get("/get_attestation").json["attestation"]))[2])

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
            if self.own_stub:
                self.stub.stop()

    def deliver(self, data):
        """What the socket answers to these bytes; "" when nobody listens any more."""
        import socket  # pylint: disable=import-outside-toplevel
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(WAIT)
            try:
                s.connect(str(self.socket))
            except OSError:
                return ""
            with contextlib.suppress(BrokenPipeError):
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
            got = b""
            with contextlib.suppress(ConnectionResetError):
                while more := s.recv(4096):
                    got += more
            return got.decode()

    def lend(self, credentials=None):
        return self.deliver(message(credentials or self.stub.credentials))

    def await_log(self, text, count=1):
        harness.wait_for(f"'{text}'", lambda: self.log().count(text) >= count, WAIT)

    def works(self):
        harness.wait_for("the app", lambda: self.health()["app_state"] == "up", WAIT)
        self.verify(self.post("/process_data", {"payload": {"location": "London"}}))
