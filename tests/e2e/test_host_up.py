"""
`nacre host up`, `down` and `status`: a nitro-cli that is played (fake_nitro.py), enclaves that are real runtimes, and
the real daemon in front of them.
"""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pytest

import fake_nitro
import harness

WAIT = 120
PCRS = {f"PCR{i}": f"{i + 1:x}{i:x}" * 48 for i in range(3)}
NITRO = pathlib.Path(fake_nitro.__file__)


class Parent:
    """A parent instance in a directory: nitro-cli, state, the daemon's configuration, and the daemon when it is wanted."""

    def __init__(self, daemon=True):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="nacre-up-"))
        self.nitro = self.dir / "n"
        self.nitro.mkdir()
        self.env = dict(os.environ, FAKE_NITRO=str(self.nitro), FAKE_NITRO_NACRE=str(harness.BIN / "nacre"))
        self.state, self.config, self.targets = self.dir / "state", self.dir / "host.yaml", self.dir / "enclaves.yaml"
        self.ingress, self.admin = ("127.0.0.1", harness.free_port()), ("127.0.0.1", harness.free_port())
        self.config.write_text(
            f"enclaves_file: {self.targets}\npid_file: {self.dir}/pid\n"
            f"ingress:\n  - listen: tcp:127.0.0.1:{self.ingress[1]}\n    port: 3000\n"
            f"health:\n  listen: tcp:127.0.0.1:{self.admin[1]}\n  interval_ms: 100\n"
            f"nitro:\n  describe: {NITRO} describe-enclaves\n  console: none\n  interval_s: 1\n"
            "limits:\n  rate_per_client: 0\n  connections_per_client: 0\n  drain_s: 30\n")
        self.pcrs = self.dir / "app.pcrs"
        self.pcrs.write_text("# measured\n" + "".join(f"{value} {name}\n" for name, value in PCRS.items()))
        self.daemon = None
        if daemon:
            self.start_daemon()

    def start_daemon(self):
        with open(self.dir / "daemon.log", "ab") as log:
            self.daemon = subprocess.Popen([str(harness.BIN / "nacre"), "host", "run", "--config", str(self.config)],
                                           env=self.env, stdout=log, stderr=log)
        harness.wait_for("the daemon", self.daemon_health, WAIT)

    def daemon_health(self):
        try:
            return harness.request(self.admin, "GET", "/health").json
        except OSError:
            return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.daemon is not None:
            harness.end_process(self.daemon, 60)
        fake_nitro.HOME = self.nitro
        for one in fake_nitro.known():
            fake_nitro.end(one["ProcessID"])

    def image(self, name="image", app="media", **more):
        file = self.dir / f"{name}.eif"
        file.write_text(json.dumps({"pcrs": PCRS, "dev": ["--app", app], **more}))
        return file

    def command(self, what, *more):
        return [str(harness.BIN / "nacre"), "host", what, "--config", str(self.config), "--state", str(self.state),
                "--nitro-cli", str(NITRO), "--connect", f"unix:{self.nitro}/{{cid}}.vsock", *map(str, more)]

    def run(self, what, *more, env=None):
        done = subprocess.run(self.command(what, *more), capture_output=True, timeout=WAIT, check=False,
                              env=env or self.env, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def up(self, eif, *more, name="media", pcrs=None, **how):
        return self.run("up", name, "--eif", eif, "--pcrs", pcrs or self.pcrs, *more, **how)

    def begin_up(self, eif, *more):
        return subprocess.Popen(self.command("up", "media", "--eif", eif, "--pcrs", self.pcrs, *more), env=self.env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)

    def behave(self, **how):
        (self.nitro / "behave").write_text(json.dumps(how))

    def running(self):
        """CIDs of the enclaves that run."""
        fake_nitro.HOME = self.nitro
        return [one["EnclaveCID"] for one in fake_nitro.known()]

    def status(self):
        code, out, err = self.run("status", "--json")
        return code, json.loads(out) if out else err

    def served(self):
        """(title, drain) of what the daemon is told."""
        found, lines = [], self.targets.read_text().splitlines() if self.targets.exists() else []
        for line in lines:
            if line.startswith("- name:"):
                found.append([line.split('"')[1], None])
            if line.startswith("  drain:"):
                found[-1][1] = line.endswith("true")
        return [tuple(one) for one in found]

    def key(self):
        return harness.request(self.ingress, "GET", "/health_check").json["pk"]


@pytest.fixture
def parent():
    with Parent() as p:
        yield p


@pytest.fixture
def alone():
    with Parent(daemon=False) as p:
        yield p


class Load:
    """Clients that call through the daemon, one connection a request, until they are told to stop."""

    def __init__(self, address):
        self.address, self.keys, self.failed, self.stop = address, [], [], threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(3)]
        for thread in self.threads:
            thread.start()

    def run(self):
        n = 0
        while not self.stop.is_set():
            n += 1
            try:
                reply = harness.request(self.address, "POST", "/process_data", harness.media_body(n))
                if reply.status != 200:
                    self.failed.append(repr(reply))
                else:
                    self.keys.append(reply.json["signature"])
            except OSError as error:
                self.failed.append(repr(error))

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def test_up_roll_and_down_under_load(parent):
    status, out, err = parent.up(parent.image())
    assert status == 0, out + err
    assert "media-16: started as i-" in out and "media-16: serving" in out
    assert parent.served() == [("media-16", False)] and parent.running() == [16]
    harness.wait_for("the daemon to serve it", lambda: parent.daemon_health()["status"] == "healthy", WAIT)
    first = parent.key()
    code, rows = parent.status()
    assert code == 0 and len(rows) == 1
    assert (rows[0]["phase"], rows[0]["state"], rows[0]["status"], rows[0]["daemon"]) == ("serving", "RUNNING", "ok", "healthy")
    assert rows[0]["public_key"] == first
    load = Load(parent.ingress)
    try:
        status, out, err = parent.up(parent.image("second"))
    finally:
        time.sleep(0.5)
        load.end()
    assert status == 0, out + err
    assert not load.failed and len(load.keys) > 50, (len(load.keys), load.failed[:3])
    assert parent.served() == [("media-17", False)] and parent.running() == [17]
    for words in ("media-17: healthy", "media-17: serving", "media-16: drained", "media-16: ended"):
        assert words in out, (words, out)
    assert out.index("media-17: serving") < out.index("media-16: drained")
    assert parent.key() != first
    # what was written down survives the daemon
    parent.daemon.kill()
    parent.daemon.wait()
    assert parent.status()[1][0]["daemon"] == "unknown"
    parent.start_daemon()
    harness.wait_for("the daemon to find it again", lambda: parent.daemon_health()["status"] == "healthy", WAIT)
    status, out, err = parent.run("down", "media")
    assert status == 0, out + err
    assert parent.running() == [] and parent.served() == [] and parent.status() == (1, [])
    assert parent.run("down", "media")[0] == 1 and parent.run("down", "--all")[0] == 0


@contextlib.contextmanager
def old_keeps_serving(parent):
    """An old enclave that must be there, and the only one, after what is done."""
    status, out, err = parent.up(parent.image("old"))
    assert status == 0, out + err
    yield
    assert parent.running() == [16], "the new one is gone and the old one there"
    assert parent.served() == [("media-16", False)]
    code, rows = parent.status()
    assert code == 0 and [row["phase"] for row in rows] == ["serving"]


def test_a_roll_that_fails_changes_nothing(parent):
    with old_keeps_serving(parent):
        wrong = dict(PCRS, PCR2="ab" * 48)
        status, out, err = parent.up(parent.image("wrong", pcrs=wrong))
        assert status == 1 and "PCR2 is " + "ab" * 48 in err and PCRS["PCR2"] in err, out + err
        assert "media-17: ended" in out
        status, out, err = parent.up(parent.image("silent", dev=["--app", "nothing"]), "--wait", "5")
        assert status == 1 and "it ended by itself before it was healthy" in err, out + err
        status, out, err = parent.up(parent.image("never", dead=60), "--wait", "2")
        assert status == 1 and "not healthy within 2 s" in err, out + err
        # the app declares a secret that it does not get
        status, out, err = parent.up(parent.image("needs", app="weather", secrets=True), "--wait", "3")
        assert status == 1 and "app starting, secrets waiting" in err, out + err
        status, out, err = parent.up(parent.image("debug"), "--cid", "16")
        assert status == 1 and "CID 16 is taken" in err, out + err


def test_a_daemon_that_does_not_take_it(parent):
    """Its configuration has become unreadable: it goes on with the old one, and a roll would leave it nobody."""
    with old_keeps_serving(parent):
        good = parent.config.read_text()
        parent.config.write_text(good + "nonsense: 1\n")
        status, out, err = parent.up(parent.image("second"))
        assert status == 1 and "the daemon's view of it is 'unknown to it'" in err, out + err
        parent.config.write_text(good)
        parent.daemon.send_signal(signal.SIGHUP)


def test_the_allow_list_is_found_where_the_operator_stands(parent):
    (parent.dir / "list.yaml").write_text("endpoints: [example.com]\n")
    words = parent.command("up", "media", "--eif", parent.image(), "--pcrs", parent.pcrs, "--allow", "list.yaml")
    done = subprocess.run(words, cwd=parent.dir, env=parent.env, capture_output=True, timeout=WAIT, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert f'allow: "{parent.dir}/list.yaml"' in parent.targets.read_text()
    assert (parent.nitro / "16.vsock_8101").exists()


def test_no_allow_list(alone):
    for path, words in (("none.yaml", "cannot find the allow list"), (alone.dir / ("d/" * 130) / "a", "is longer than 255 bytes")):
        path = alone.dir / path
        if "longer" in words:
            path.parent.mkdir(parents=True)
            path.write_text("endpoints: []\n")
        status, out, err = alone.up(alone.image(), "--allow", path)
        assert status == 1 and words in err, out + err
        assert alone.running() == [] and alone.status()[1] == []


def test_debug_mode_has_to_be_asked_for(alone):
    zero = {f"PCR{i}": "00" * 48 for i in range(3)}
    pcrs = alone.dir / "debug.pcrs"
    pcrs.write_text("".join(f"{value} {name}\n" for name, value in zero.items()))
    status, out, err = alone.up(alone.image(pcrs=zero), "--debug", pcrs=pcrs)
    assert status == 0, out + err


@pytest.mark.parametrize("how,words", [
    ({"run-enclave": ["E26", "Insufficient memory requested. User provided `memory` is 1 MB"]}, ["E26", "Insufficient memory"]),
    ({"run-enclave": "garbage"}, ["not enclaves"]),
    ({"run-enclave": "empty"}, ["0 bytes"]),
    ({"run-enclave": "huge"}, ["more than"]),
    ({"run-enclave": "hang"}, ["did not end within 2000 ms"]),
    ({"describe-enclaves": "cut"}, ["not enclaves"]),
    ({"describe-enclaves": ["E44", "Could not read the enclaves"]}, ["E44"]),
])
def test_a_nitro_cli_that_fails(alone, how, words):
    alone.behave(**how)
    status, out, err = alone.up(alone.image(), "--nitro-wait", "2")
    assert status == 1 and all(word in err for word in words), out + err
    alone.behave()
    assert alone.served() == [] and alone.running() == []
    status, out, err = alone.up(alone.image())
    assert status == 0, out + err


def test_no_nitro_cli(alone):
    status, out, err = alone.up(alone.image(), "--nitro-cli", "/nowhere/nitro-cli")
    assert status == 1 and "cannot run /nowhere/nitro-cli: No such file" in err, out + err
    assert alone.run("status")[0] == 1


def test_measurements_that_cannot_be_meant(alone):
    for text, words in (("", "PCR0, or PCR1 and PCR2"), ("ab" * 48 + " PCR1\n", "PCR0, or PCR1 and PCR2"),
                        ("ab" * 47 + " PCR0\n", ":1:"), ("zz" * 48 + " PCR0\n", ":1:"), ("ab" * 48 + " PCR32\n", ":1:"),
                        ("ab" * 48 + " PCR0\n" + "cd" * 48 + " PCR0\n", ":2:"), ("ab" * 48 + "PCR0\n", ":1:")):
        file = alone.dir / "bad.pcrs"
        file.write_text(text)
        status, out, err = alone.up(alone.image(), pcrs=file)
        assert status == 1 and words in err, (text, err)
    assert alone.running() == []


def test_a_run_that_was_killed_is_cleared_up(alone):
    """Killed while it waits: what it started is written down, and the next run ends it."""
    process = alone.begin_up(alone.image("never", dead=300), "--wait", "100")
    harness.wait_for("an enclave", lambda: alone.running() == [16], WAIT)
    # nobody else meanwhile
    status, _, err = alone.up(alone.image())
    assert status == 1 and "another nacre host up or down" in err, err
    process.kill()
    process.communicate()
    assert alone.running() == [16] and alone.status()[1][0]["phase"] == "starting"
    status, out, err = alone.up(alone.image())
    assert status == 0, out + err
    assert "left behind by an earlier run" in out and "media-16: ended" in out
    assert len(alone.running()) == 1 and [row["phase"] for row in alone.status()[1]] == ["serving"]


def test_a_state_that_is_no_state(alone):
    alone.state.mkdir()
    for text in ("{", "[]", '{"enclaves":[{}]}', '{"enclaves":[{"name":"../x","phase":"serving","id":"i","cid":1,"connect":"c",'
                 '"eif":"e","allow":"","since_s":1}]}', "\0", '{"enclaves":5}'):
        (alone.state / "state.json").write_text(text)
        for command in (["status"], ["down", "--all"]):
            status, _, err = alone.run(*command)
            assert status == 1 and "state.json" in err, (text, err)


SUI = """#!/bin/sh
echo "$@" | tr '\\n' ' ' >> "$SUI_LOG"; echo >> "$SUI_LOG"
case "$*" in *--json*) echo '{"objectChanges":[{"type":"created","objectType":"0x1::enclave::Enclave<0x2::a::B>","objectId":"0xf5"}]}' ;; esac
exit "$(cat "$SUI_LOG.exit")"
"""


class TestSwitch:
    """A contract that takes one enclave's answers: the chain is switched when the new one is healthy, not before."""

    def prepare(self, parent):
        (parent.dir / "sui").write_text(SUI)
        (parent.dir / "sui").chmod(0o755)
        self.log, self.exit = parent.dir / "sui.log", parent.dir / "sui.log.exit"
        self.exit.write_text("0")
        parent.env.update(PATH=f"{parent.dir}:{os.environ['PATH']}", SUI_LOG=str(self.log))
        assert parent.up(parent.image())[0] == 0

    def options(self, parent, cid):
        """Of nacre register, as an operator has them in a file."""
        pcrs = parent.dir / "chain.pcrs"
        run = parent.nitro / "16.run" / "root.pem"
        document = parent.dir / "document"
        document.write_bytes(harness.request(parent.ingress, "GET", "/get_attestation").body)
        pcrs.write_text(fake_pcrs(document))
        return ["--", "--pcrs", pcrs, "--root", run.parent.parent / f"{cid}.run" / "root.pem", "--enclave-package", "0x1",
                "--app-package", "0x2", "--module", "sentinel", "--otw", "SENTINEL", "--config", "0x3", "--canonical", "0x4"]

    def test_run(self, parent):
        self.prepare(parent)
        status, out, err = parent.up(parent.image(), "--switch", "run", *self.options(parent, 17))
        assert status == 0, out + err
        first, second = self.log.read_text().splitlines()
        assert "register_enclave" in first and "0x2::sentinel::update_canonical_enclave @0x4 @0xf5 @0x6" in second
        assert parent.served() == [("media-17", False)] and parent.running() == [17]

    def test_a_switch_that_fails_can_be_tried_again(self, parent):
        self.prepare(parent)
        self.exit.write_text("1")
        options = self.options(parent, 17)
        status, out, err = parent.up(parent.image(), "--switch", "run", *options)
        assert status == 1 and "the chain still expects the old one" in err and "--finish" in err, out + err
        assert parent.served() == [("media-16", False), ("media-17", True)] and parent.running() == [16, 17]
        status, _, err = parent.up(parent.image())
        assert status == 1 and "waits already" in err, err
        assert parent.run("up", "media", "--abandon")[0] == 0
        assert parent.served() == [("media-16", False)] and parent.running() == [16]
        assert parent.run("up", "media", "--abandon")[0] == 1 and parent.run("up", "media", "--finish")[0] == 1

    def test_print_and_finish(self, parent):
        self.prepare(parent)
        old = parent.key()
        status, out, err = parent.up(parent.image(), "--switch", "print", *self.options(parent, 17))
        assert status == 3, out + err
        assert "sui client ptb" in out and "update_canonical_enclave" in out and not self.log.exists()
        for _ in range(5):
            assert parent.key() == old, "the new one gets no connections before the switch"
        phases = {row["title"]: row["phase"] for row in parent.status()[1]}
        assert phases == {"media-16": "serving", "media-17": "ready"}
        status, out, err = parent.run("up", "media", "--finish")
        assert status == 0, out + err
        assert parent.served() == [("media-17", False)] and parent.running() == [17] and parent.key() != old

    def test_finish_when_the_new_one_is_no_more(self, parent):
        """It may have ended while the operator was at the chain: the old one is all there is, and stays."""
        self.prepare(parent)
        old = parent.key()
        assert parent.up(parent.image(), "--switch", "print", *self.options(parent, 17))[0] == 3
        fake_nitro.HOME = parent.nitro
        (new,) = [one for one in fake_nitro.known() if one["EnclaveCID"] == 17]
        fake_nitro.end(new["ProcessID"])
        status, out, err = parent.run("up", "media", "--finish")
        assert status == 1 and "ended by itself" in err, out + err
        assert parent.served() == [("media-16", False), ("media-17", True)] and parent.running() == [16] and parent.key() == old
        assert parent.run("up", "media", "--abandon")[0] == 0
        assert parent.served() == [("media-16", False)] and parent.running() == [16] and parent.key() == old

    def test_up_when_none_of_them_is_any_more(self, parent):
        """A reboot between roll and switch: what comes up by itself afterwards does not wait for somebody to abandon the dead."""
        self.prepare(parent)
        assert parent.up(parent.image(), "--switch", "print", *self.options(parent, 17))[0] == 3
        fake_nitro.HOME = parent.nitro
        for one in fake_nitro.known():
            fake_nitro.end(one["ProcessID"])
        status, out, err = parent.up(parent.image())
        assert status == 0 and "media-17: had ended" in out and "media-16: had ended" in out, out + err
        assert parent.served() == [("media-17", False)] and parent.running() == [17]


class TestSecrets:
    KEY = "a-key-that-nobody-must-see"
    TEXT = json.dumps({"API_KEY": KEY})

    def weather(self, parent, *sets):
        words = ["--app", "weather"]
        for one in sets:
            words += ["--set", one]
        return parent.image("weather", dev=words, secrets=True)

    def operator(self, parent):
        out = subprocess.run([str(harness.BIN / "nacre"), "secrets", "keygen", str(parent.dir / "key")], check=True,
                             capture_output=True).stdout.decode()
        return out.strip()

    def seal(self, parent, document, blob, cid=16):
        """Somewhere else: whoever has the operator's key seals to a document that was brought to him."""
        payload = fake_pcrs(document)
        pcrs = parent.dir / "enclave.pcrs"
        pcrs.write_text(payload)
        subprocess.run([str(harness.BIN / "nacre"), "secrets", "seal", "-", "--document", str(document), "--pcrs", str(pcrs),
                        "--root", str(parent.nitro / f"{cid}.run" / "root.pem"), "--key", str(parent.dir / "key"), "-o",
                        str(blob)], input=self.TEXT.encode(), check=True, capture_output=True)

    def test_plain(self, alone):
        file = alone.dir / "secrets.json"
        file.write_text(self.TEXT)
        status, out, err = alone.up(self.weather(alone), "--plain", file)
        assert status == 0, out + err
        assert "took plain secrets, which this machine can read" in out and self.KEY not in out + err
        assert alone.status()[1][0]["secrets"] == "plain"

    def test_plain_where_none_may_be(self, alone):
        file = alone.dir / "secrets.json"
        file.write_text(self.TEXT)
        image = self.weather(alone, "secrets.sealed_only=true", f"secrets.operator_key={self.operator(alone)}")
        status, out, err = alone.up(image, "--plain", file)
        assert status == 1 and "the secrets were not taken" in err and "secrets.sealed_only is true" in err, out + err
        assert self.KEY not in out + err and alone.running() == []

    def test_by_directory(self, alone):
        blobs = alone.dir / "blobs"
        blobs.mkdir()
        image = self.weather(alone, "secrets.sealed_only=true", f"secrets.operator_key={self.operator(alone)}")
        (blobs / "media-16.blob").write_bytes(b"of another time")
        process = alone.begin_up(image, "--blobs", blobs)
        document = blobs / "media-16.document"
        harness.wait_for("a document", document.exists, WAIT)
        self.seal(alone, document, alone.dir / "blob")
        good = (alone.dir / "blob").read_bytes()
        harness.wait_for("the old blob to go", lambda: not (blobs / "media-16.blob").exists(), WAIT)

        def bring(data):
            (blobs / "part").write_bytes(data)
            os.rename(blobs / "part", blobs / "media-16.blob")

        os.symlink("media-16.blob", blobs / "media-16.blob")  # as good as one that belongs to somebody else
        time.sleep(2)
        bring(good[:-1] + bytes([good[-1] ^ 1]))
        harness.wait_for("a refusal", (blobs / "media-16.refused").exists, WAIT)
        bring(good)
        out, err = process.communicate(timeout=WAIT)
        assert process.returncode == 0, out + err
        assert out.count(b"media-16.blob cannot be read: ") == 1
        assert b"signature does not fit" in out and b"took sealed secrets" in out
        assert alone.status()[1][0]["secrets"] == "sealed"
        assert sorted(file.name for file in blobs.iterdir()) == ["media-16.refused"]

    def test_by_directory_when_nobody_seals(self, alone):
        status, out, err = alone.up(self.weather(alone), "--blobs", alone.dir, "--secrets-wait", "1")
        assert status == 1 and "media-16.blob within 1 s" in err, out + err
        assert alone.running() == []

    def test_by_hook(self, alone):
        image = self.weather(alone, "secrets.sealed_only=true", f"secrets.operator_key={self.operator(alone)}")
        hook = alone.dir / "hook"
        hook.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(NITRO.parent)!r})\n"
                        "import pathlib, test_host_up as t\n"
                        f"class P: dir = pathlib.Path({str(alone.dir)!r}); nitro = dir / 'n'\n"
                        "assert sys.argv[1] == 'media-16'\n"
                        "t.TestSecrets().seal(P, pathlib.Path(sys.argv[2]), sys.argv[3])\n")
        hook.chmod(0o755)
        status, out, err = alone.up(image, "--secrets-hook", hook)
        assert status == 0, out + err
        assert "took sealed secrets" in out and alone.status()[1][0]["secrets"] == "sealed"
        hook.write_text("#!/bin/sh\necho the safe is closed >&2\nexit 3\n")
        status, out, err = alone.up(image, "--secrets-hook", hook)
        assert status == 1 and "exit code 3: the safe is closed" in err, out + err
        assert len(alone.running()) == 1


def fake_pcrs(document):
    import cbor2
    payload = cbor2.loads(cbor2.loads(bytes.fromhex(json.loads(document.read_text())["attestation"]))[2])
    return "".join(f"{payload['pcrs'][i].hex()} PCR{i}\n" for i in range(3))


@pytest.mark.parametrize("words", [
    ["up"], ["up", "x"], ["up", "x", "y"], ["up", "X", "--eif", "a", "--pcrs", "b"], ["up", "x", "--finish", "--abandon"],
    ["up", "x", "--finish", "--eif", "a"], ["up", "-x"], ["up", "x", "--eif", "a", "--pcrs", "b", "--cpus", "0"],
    ["up", "x", "--eif", "a", "--pcrs", "b", "--cid", "3"], ["up", "x", "--eif", "a", "--pcrs", "b", "--switch", "now"],
    ["up", "x", "--eif", "a", "--pcrs", "b", "--switch", "run"], ["up", "x", "--eif", "a", "--pcrs", "b", "--", "--otw"],
    ["up", "x", "--eif", "a", "--pcrs", "b", "--plain", "c", "--blobs", "d"], ["down"], ["down", "x", "--all"], ["status", "--no"],
])
def test_mistakes_on_the_command_line(words):
    done = subprocess.run([str(harness.BIN / "nacre"), "host", *words], capture_output=True, timeout=WAIT, check=False)
    assert done.returncode == 2 and not done.stdout and done.stderr, (words, done)
