"""`nacre dev` with the real programs: ready line, signals, ports, and that nothing is left behind."""

import http.client
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import termios
import urllib.parse

import cbor2
import nacl.signing
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tool import BIN, FIXTURES, OUT, WAIT, Dev, alive, descendants, name_of, wait_for

RUNS = FIXTURES / "runs.so"


@pytest.fixture
def dev(tmp_path):
    """dev(argument, ...) -> a running Dev; killed after the test, were it still there."""
    running = []

    def begin(*arguments, listen="127.0.0.1:0"):
        one = Dev(tmp_path, "--listen", listen, *arguments)
        running.append(one)
        return one

    yield begin
    for one in running:
        one.__exit__()


def call(url, method, path, body=None):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=WAIT)
    try:
        connection.request(method, path, None if body is None else json.dumps(body),
                           {"Content-Type": "application/json"} if body is not None else {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def document(url):
    """What is attested; it is there from the ready line on."""
    status, body = call(url, "GET", "/get_attestation")
    assert status == 200, body
    return cbor2.loads(bytes.fromhex(body["attestation"]))


def failed(one, *words):
    code, out = one.end()
    assert code == 1 and out == b"", (code, out, one.log)
    for word in words:
        assert word in one.log, one.log
    one.assert_nothing_left()


def test_ready_line_is_true(dev):
    one = dev("--plugin", RUNS)
    url, key, root, directory = one.ready()
    assert url.startswith("http://127.0.0.1:") and not url.endswith(":0")
    status, body = call(url, "POST", "/double", {"number": 21})
    assert status == 200, body
    answer = body["response"]
    assert answer["data"] == {"doubled": 42}
    signed = struct.pack("<BQQ", answer["intent"], answer["timestamp_ms"], 42)
    nacl.signing.VerifyKey(bytes.fromhex(key)).verify(signed, bytes.fromhex(body["signature"]))
    payload = cbor2.loads(document(url)[2])
    assert payload["public_key"] == bytes.fromhex(key)
    pem = x509.load_pem_x509_certificate(open(root, "rb").read())
    assert pem.subject == pem.issuer
    assert payload["cabundle"][0] == pem.public_bytes(Encoding.DER)
    assert sorted(os.listdir(directory)) == ["manifest.cbor", "nsm.sock", "root.pem"]
    assert os.stat(directory).st_mode & 0o7777 == 0o700
    assert set(one.children()) >= {"nacre-nsm-sim", "nacred", "nacre-http", "nacre-app"}
    assert one.stop() == (0, b"")
    one.assert_nothing_left()


def test_https_is_asked_whether_it_is_ready(dev):
    """The document comes behind a session ticket, which must not be taken for silence."""
    one = dev("--plugin", RUNS, "--tls")
    assert one.ready()[0].startswith("https://127.0.0.1:")
    assert "no attestation document" not in one.log
    assert one.stop() == (0, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_cleanly(dev, number):
    one = dev("--plugin", RUNS)
    one.ready()
    assert one.stop(number) == (0, b"")
    one.assert_nothing_left()


def test_ctrl_c_reaches_only_the_one_in_the_foreground(tmp_path):
    """At a terminal, Ctrl-C goes to the whole foreground group: the others must be ended in order all the same."""
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    (tmp_path / "tmp").mkdir()
    command = ["/usr/bin/setsid", "--ctty", "--wait", str(BIN / "nacre"), "dev", "--plugin", str(RUNS), "--listen",
               "127.0.0.1:0"]
    with open(tmp_path / "out", "wb") as out, open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, stdin=slave, stdout=out, stderr=log,
                                   env=dict(os.environ, TMPDIR=str(tmp_path / "tmp")))
    os.close(slave)
    try:
        wait_for("the ready line", lambda: (tmp_path / "out").read_bytes().endswith(b"\n"))
        everyone = descendants(process.pid)
        os.write(master, b"\x03")
        assert process.wait(WAIT) == 0, (tmp_path / "log").read_text()
        wait_for("all to end", lambda: not [pid for pid in everyone if alive(pid)])
        wait_for("the files to go", lambda: not os.listdir(tmp_path / "tmp"))
        assert "nacre dev:" not in (tmp_path / "log").read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)


def test_sigkill_takes_all_with_it(dev):
    one = dev("--plugin", RUNS)
    one.ready()
    assert len(one.seen) >= 4
    one.send(signal.SIGKILL)
    code, _ = one.end()
    assert code == -signal.SIGKILL
    one.assert_nothing_left()


def test_sigkill_before_it_is_ready(dev):
    one = dev("--plugin", RUNS)
    wait_for("nacred", lambda: "nacred" in one.children())
    one.seen = set(descendants(one.pid))
    one.send(signal.SIGKILL)
    one.end()
    one.assert_nothing_left()


@pytest.mark.parametrize("victim", ["nacred", "nacre-nsm-sim"])
def test_death_of_a_part_ends_it_with_a_reason(dev, victim):
    one = dev("--plugin", RUNS)
    one.ready()
    os.kill(one.children()[victim], signal.SIGKILL)
    failed(one, f"nacre dev: {victim} was ended by signal 9 (Killed) though nobody asked it to")


def test_given_port_is_the_one(dev):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    one = dev("--plugin", RUNS, listen=f"127.0.0.1:{port}")
    assert one.ready()[0] == f"http://127.0.0.1:{port}"
    assert one.stop() == (0, b"")
    # and it is free again at once
    one = dev("--plugin", RUNS, listen=f"127.0.0.1:{port}")
    assert one.ready()[0] == f"http://127.0.0.1:{port}"
    assert one.stop() == (0, b"")


def test_port_in_use_is_said(dev):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        one = dev("--plugin", RUNS, listen=f"127.0.0.1:{port}")
        failed(one, f"127.0.0.1:{port}", "in use", "nacre dev: nacred stopped with exit code 2 before it was ready")


def test_ipv6_and_any_address(dev):
    if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("no IPv6 on this machine")
    one = dev("--plugin", RUNS, listen="[::1]:0")
    url = one.ready()[0]
    assert url.startswith("http://[::1]:") and call(url, "POST", "/double", {"number": 1})[0] == 200
    assert one.stop() == (0, b"")
    one = dev("--plugin", RUNS, listen="0.0.0.0:0")
    url = one.ready()[0]
    assert url.startswith("http://127.0.0.1:") and call(url, "POST", "/double", {"number": 1})[0] == 200
    assert one.stop() == (0, b"")


def test_kept_directory_can_be_used_again(dev, tmp_path):
    kept = tmp_path / "kept"
    for _ in range(2):
        one = dev("--plugin", RUNS, "--keep", kept)
        _, _, root, directory = one.ready()
        assert directory == str(kept) and root == str(kept / "root.pem")
        assert one.stop() == (0, b"")
        one.assert_nothing_left()
        assert (kept / "manifest.cbor").stat().st_size > 100 and (kept / "root.pem").exists()


def test_pid_file_stands_while_it_runs(dev, tmp_path):
    one = dev("--plugin", RUNS, "--pid-file", tmp_path / "pid")
    one.ready()
    assert (tmp_path / "pid").read_text() == f"{one.pid}\n"
    assert one.stop() == (0, b"")
    assert not (tmp_path / "pid").exists()


def test_app_by_name(dev):
    one = dev("--app", "media")
    url = one.ready()[0]
    assert call(url, "GET", "/health_check")[1]["app"] == "media"
    assert one.stop() == (0, b"")
    failed(dev("--app", "nonesuch"), "plugins/nonesuch/nonesuch.so")
    failed(dev("--app", "../media"), "'../media' is no app name")


@pytest.mark.parametrize("kind, first", [(None, 0xBF), ("indefinite", 0xBF), ("definite", 0xA0)])
def test_map_of_the_document(dev, kind, first):
    one = dev("--plugin", RUNS, *(["--map", kind] if kind else []))
    byte = document(one.ready()[0])[2][0]
    assert byte == first if first == 0xBF else byte & 0xE0 == first and byte != 0xBF
    assert one.stop() == (0, b"")


def test_settings_reach_the_runtime(dev, tmp_path):
    (tmp_path / "c.yaml").write_text("log: {format: json}\nplugin: {a: {b: 1}}\n")
    one = dev("--plugin", RUNS, "--config", tmp_path / "c.yaml", "--set", "http.body_bytes=12", "--set", "plugin.c=2")
    url, _, _, directory = one.ready()
    config = cbor2.loads(cbor2.loads(open(f"{directory}/manifest.cbor", "rb").read())["config"])
    assert config["runtime"]["http.body_bytes"] == 12 and config["runtime"]["log.format"] == "json"
    assert config["runtime"]["nsm.transport"] == f"unix:{directory}/nsm.sock"
    assert config["plugin"] == [["a.b", "1"], ["c", "2"]]
    assert call(url, "POST", "/double", {"number": 1111})[0] == 413
    assert any(line.startswith("{") for line in one.log.splitlines())
    assert one.stop() == (0, b"")


def test_secrets_come_from_the_file(dev, tmp_path):
    failed(dev("--plugin", FIXTURES / "good.so", "--timeout", "5"), "API_KEY", "nacre dev: nacred ")
    (tmp_path / "secrets.json").write_text('{"API_KEY":"hush-1234"}')
    one = dev("--plugin", FIXTURES / "good.so", "--secrets", tmp_path / "secrets.json")
    one.ready()
    assert one.stop() == (0, b"")
    assert "hush-1234" not in one.log
    failed(dev("--plugin", FIXTURES / "good.so", "--secrets", tmp_path / "none.json"), str(tmp_path / "none.json"))


def test_hosts_are_mapped_or_unreachable(dev, tmp_path):
    (tmp_path / "a.yaml").write_text("endpoints:\n  - api.example.com\n  - {host: other.example.com, port: 8443}\n"
                                     "  - nowhere.invalid\n")
    one = dev("--plugin", FIXTURES / "needs_host.so", "--allow", tmp_path / "a.yaml", "--upstream",
              "api.example.com=127.0.0.1:9", "--upstream", "other.example.com:8443=[::1]:9")
    _, _, _, directory = one.ready()
    config = cbor2.loads(cbor2.loads(open(f"{directory}/manifest.cbor", "rb").read())["config"])
    assert [entry[2] for entry in config["allow"]] == ["tcp:127.0.0.1:9", "tcp:[::1]:9", "none"]
    assert "warning: nowhere.invalid cannot be reached" in one.log
    assert one.stop() == (0, b"")


@pytest.mark.parametrize("arguments, words", [
    (("--set", "http.bdy=1"), ("http.bdy: unknown key",)),
    (("--set", "nsm.transport=device"), ("nsm.transport=device", "simulated")),
    (("--listen-not", "x"), None),
    (("--admin", "localhost:1"), ("listen.admin", "'tcp:localhost:1'")),
    (("--upstream", "x.example=127.0.0.1:1"), ("'x.example'", "not on the allow list")),
    (("--upstream", "x.example"), ("HOST[:PORT]=ADDR:PORT",)),
    (("--ca", "/nonexistent/ca.pem"), ("/nonexistent/ca.pem",)),
    (("--config", "/nonexistent/c.yaml"), ("/nonexistent/c.yaml",)),
    (("--allow", "/nonexistent/a.yaml"), ("/nonexistent/a.yaml",)),
    (("--keep", "/nonexistent/a/b"), ("/nonexistent/a/b",)),
    (("--pid-file", "/nonexistent/pid"), ("/nonexistent/pid",)),
])
def test_mistakes_are_said_before_anything_starts(dev, arguments, words):
    one = dev("--plugin", RUNS, *arguments)
    if words is None:
        code, out = one.end()
        assert code == 2 and out == b""
    else:
        failed(one, *words)
    assert "nacre-nsm-sim" not in one.log


@pytest.mark.parametrize("plugin, words", [
    ("wrong_magic", ("4e41435245585858", "4e41435245504c47")),
    ("two_types", ("Answer", "Question")),
    ("needs_host", ("api.example.com port 443", "not on the allow list")),
    ("crash", ("signal 6",)),
])
def test_wrong_plugins_are_refused(dev, plugin, words):
    failed(dev("--plugin", FIXTURES / f"{plugin}.so"), *words)


def test_ready_line_that_nobody_can_read(tmp_path):
    (tmp_path / "tmp").mkdir()
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BIN / "nacre", "dev", "--plugin", RUNS, "--listen", "127.0.0.1:0"], stdout=full,
                              stderr=subprocess.PIPE, timeout=WAIT, check=False,
                              env=dict(os.environ, TMPDIR=str(tmp_path / "tmp")))
    assert done.returncode == 1 and b"standard output cannot be written" in done.stderr
    assert not os.listdir(tmp_path / "tmp")


def test_two_at_once_do_not_meet(dev):
    first, second = dev("--plugin", RUNS), None
    first_ready = first.ready()
    second = dev("--plugin", RUNS)
    second_ready = second.ready()
    assert first_ready[0] != second_ready[0] and first_ready[1] != second_ready[1]
    assert first.stop() == (0, b"")
    assert call(second_ready[0], "POST", "/double", {"number": 4})[0] == 200
    assert second.stop() == (0, b"")
    second.assert_nothing_left()


def test_all_processes_are_named(dev):
    """What this file relies on when it looks for survivors."""
    one = dev("--plugin", RUNS)
    one.ready()
    assert "nacre-app" in {name_of(pid) for pid in one.seen}
    assert (OUT / "config" / "nacre.yaml").exists()
    assert one.stop() == (0, b"")
