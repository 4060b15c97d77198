"""What must not start does not, and says why with both values that disagree, before a key exists."""
import hashlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from harness import BIN, PLUGINS, TEST_PLUGINS, Runtime, media_body, start_time, state_of, wait_for

HEX64 = re.compile(r"\b[0-9a-f]{64}\b")


def refused(runtime):
    status, said = runtime.fails()
    assert status not in (0, None) and status > 0, (status, said)
    assert "ready" not in runtime.out
    assert not HEX64.search(re.sub(r"[0-9a-f]{96}", "", said)), f"there is a key in {said}"
    assert len(said.strip().splitlines()[-1]) < 600
    return said


def test_the_plugin_without_a_fault_starts(start):
    runtime = start(plugin=TEST_PLUGINS / "faulty.so")
    reply = runtime.post("/process_data", {"text": "x"})
    runtime.verify(reply, {0: [("number", "u64")]})


@pytest.mark.parametrize("fault,words", [
    ("magic", [b"NACREPLX".hex(), b"NACREPLG".hex()]),
    ("major", ["77", "1"]),
    ("size", ["20"]),
    ("symbol", ["nacre_plugin"]),
    ("two-types", ["Answer", "OtherAnswer"]),
    ("path", ["missing"]),
    ("intent", ["9"]),
    ("endpoint", ["needed.example"]),
    ("secret", ["TOKEN"]),
    ("start", ["faulty plugin does not start"]),
    ("constructor", []),
])
def test_faulty_plugins(fault, words):
    said = refused(Runtime(plugin=TEST_PLUGINS / f"faulty-{fault}.so", start=False))
    for word in words:
        assert word in said, said


def test_endpoint_on_the_allow_list(tmp_path, start):
    allow = tmp_path / "allow.yaml"
    allow.write_text("endpoints: [other.example]\n")
    said = refused(Runtime(plugin=TEST_PLUGINS / "faulty-endpoint.so", allow=allow, start=False))
    assert "needed.example" in said
    allow.write_text("endpoints: [other.example, needed.example]\n")
    start(plugin=TEST_PLUGINS / "faulty-endpoint.so", allow=allow, upstream=["needed.example=127.0.0.1:1",
                                                                            "other.example=127.0.0.1:1"])


def copy_of_media(tmp_path):
    plugin = tmp_path / "media.so"
    shutil.copy(PLUGINS / "media" / "media.so", plugin)
    return plugin


def direct_refusal(runtime, damage):
    """Writes manifest and simulator as they should be, damages something, and starts nacred."""
    status, said = runtime.write_manifest()
    assert status == 0, said
    runtime.start_simulator()
    damage()
    try:
        done = subprocess.run(runtime.direct_command(), capture_output=True, timeout=30, check=False)
    finally:
        runtime.simulator.terminate()
        runtime.simulator.wait(10)
        runtime.simulator.stdout.close()
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 2, (done.returncode, said)
    assert "ready" not in done.stdout.decode() and not HEX64.search(re.sub(r"[0-9a-f]{96}", "", said)), said
    return said


def test_tampered_plugin(tmp_path):
    plugin = copy_of_media(tmp_path)
    good = hashlib.sha384(plugin.read_bytes()).hexdigest()
    runtime = Runtime("media", plugin=plugin, direct=True, start=False)

    def damage():
        raw = bytearray(plugin.read_bytes())
        raw[len(raw) // 2] ^= 1
        plugin.write_bytes(raw)

    said = direct_refusal(runtime, damage)
    bad = hashlib.sha384(plugin.read_bytes()).hexdigest()
    assert good in said and bad in said and good != bad, said


@pytest.mark.parametrize("at", [0, 1, 60, -1])
def test_tampered_manifest(tmp_path, at):
    runtime = Runtime("media", plugin=copy_of_media(tmp_path), direct=True, start=False)

    def damage():
        raw = bytearray(runtime.manifest_path.read_bytes())
        raw[at] ^= 0xFF
        runtime.manifest_path.write_bytes(raw)

    direct_refusal(runtime, damage)


@pytest.mark.parametrize("content", [b"", b"\x00", b"\xbf", b"\xff" * 2_000_000, b"\x9f" * 100_000],
                         ids=["empty", "zero", "open map", "too large", "deep"])
def test_manifest_that_is_none(tmp_path, content):
    runtime = Runtime("media", plugin=copy_of_media(tmp_path), direct=True, start=False)
    direct_refusal(runtime, lambda: runtime.manifest_path.write_bytes(content))


@pytest.mark.parametrize("content", [b"", b"not a shared object"], ids=["empty", "text"])
def test_plugin_that_is_none(tmp_path, content):
    plugin = copy_of_media(tmp_path)
    runtime = Runtime("media", plugin=plugin, direct=True, start=False)
    said = direct_refusal(runtime, lambda: plugin.write_bytes(content))
    assert hashlib.sha384(content).hexdigest() in said, said


def test_no_nsm(tmp_path):
    runtime = Runtime("media", direct=True, start=False)
    status, said = runtime.write_manifest()
    assert status == 0, said
    done = subprocess.run(runtime.direct_command(), capture_output=True, timeout=30, check=False)
    assert done.returncode == 2 and "nsm" in done.stderr.decode().lower(), done


def test_pcrs_that_belong_to_someone_else(tmp_path):
    """The NSM is locked with another plugin's digest: both values are named."""
    other = copy_of_media(tmp_path)
    with open(other, "ab") as f:
        f.write(b"\0")
    first = Runtime("media", direct=True)
    second = Runtime("media", plugin=other, direct=True, start=False)
    second.dir = first.dir  # the same simulator
    second.manifest_path = first.dir / "other-manifest"
    try:
        status, said = second.write_manifest()
        assert status == 0, said
        done = subprocess.run(second.direct_command(), capture_output=True, timeout=30, check=False)
        said = done.stderr.decode()
        assert done.returncode == 2 and len(set(re.findall(r"\b[0-9a-f]{96}\b", said))) >= 2, said
    finally:
        first.stop()


def test_restart_against_the_same_nsm():
    """A runtime that starts again finds its own PCRs, and starts; the key is a new one."""
    runtime = Runtime("media", direct=True)
    try:
        old = runtime.key
        runtime.process.terminate()
        assert runtime.process.wait(15) == 0
        runtime.process.stdout.close()
        runtime.process = runtime.popen(runtime.direct_command(), True)
        line = runtime.process.stdout.readline().decode().split()
        assert line[0] == "ready" and line[1] != old.hex()
        runtime.key, runtime.address = bytes.fromhex(line[1]), ("127.0.0.1", int(line[2]))
        runtime.verify(runtime.post("/process_data", media_body(1)))
        runtime.document(runtime.get("/get_attestation?nonce=00"))
    finally:
        runtime.stop()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("direct", [False, True])
def test_stops_cleanly(sig, direct):
    runtime = Runtime("media", direct=direct)
    running = [(p, start_time(p)) for p in runtime.everyone() if p != (runtime.simulator and runtime.simulator.pid)]
    runtime.process.send_signal(sig)
    assert runtime.process.wait(10) == 0, runtime.log()
    wait_for("all to be gone", lambda: all(start_time(p) != t or state_of(p) in ("", "Z") for p, t in running), 5)
    runtime.stop(check=False)


def test_stop_waits_for_requests_in_flight():
    runtime = Runtime("media", direct=True)
    storm = runtime.begin_storm(seconds=2, connections=16)
    time.sleep(1)
    runtime.process.terminate()
    assert runtime.process.wait(10) == 0, runtime.log()
    storm.terminate()
    storm.communicate()
    runtime.stop(check=False)


@pytest.mark.parametrize("argv", [
    ["dev"], ["dev", "--app", "nothing"], ["dev", "--app", "../media"], ["dev", "--plugin", "/nothing.so"],
    ["dev", "--app", "media", "--listen", "localhost"], ["dev", "--app", "media", "--listen", "127.0.0.1:99999"],
    ["dev", "--app", "media", "--set", "http.nothing=1"], ["dev", "--app", "media", "--set", "http.threads=many"],
    ["dev", "--app", "media", "--upstream", "x"], ["dev", "--app", "media", "--nothing"],
], ids=lambda a: " ".join(a))
def test_wrong_command_lines(argv):
    done = subprocess.run([str(BIN / "nacre"), *argv], capture_output=True, timeout=20, check=False)
    assert done.returncode in (1, 2) and done.stderr.strip() and not done.stdout, done


def test_port_in_use(start):
    runtime = start("media")
    done = subprocess.run([str(BIN / "nacre"), "dev", "--app", "media", "--listen", "127.0.0.1:%d" % runtime.address[1]],
                          capture_output=True, timeout=20, check=False)
    said = done.stderr.decode()
    assert done.returncode != 0 and str(runtime.address[1]) in said and "in use" in said.lower(), said
