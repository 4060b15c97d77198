"""`nacre host`: clients to enclaves, over TCP and over a VM's Unix socket."""
import json
import os
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

import harness
import parent
from harness import BIN, wait_for

pytestmark = pytest.mark.sanitizer


@pytest.fixture(scope="module")
def runtime():
    with harness.Runtime("media", direct=True) as r:
        yield r


@pytest.fixture
def host():
    """host(...) -> Host, stopped after the test and checked for a clean end."""
    running = []

    def begin(*args, **kw):
        one = parent.Host(*args, **kw)
        running.append(one)
        return one

    yield begin
    for one in running:
        one.stop()


@pytest.fixture
def vm(tmp_path):
    running = []

    def begin(name, ports):
        one = parent.Vm(tmp_path, name, ports)
        running.append(one)
        return one

    yield begin
    for one in running:
        one.close()


def script(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


# ---- The way in ---------------------------------------------------------------------------------------------------

def test_answers_verify_through_it(runtime, host):
    h = host([parent.at(runtime, "a")])
    h.wait_healthy("a")
    for n in range(20):
        runtime.verify(h.request("POST", "/process_data", harness.media_body(n)))
    runtime.document(h.get("/get_attestation"))
    assert h.get("/").body == b"Pong!"
    assert h.get("/nowhere").status == 404


def test_large_bodies_both_ways(runtime, host):
    """Bodies past every buffer on the way, several at once."""
    h = host([parent.at(runtime, "a")])
    report = {"report": {"jobId": "j", "mediaHash": "ab" * 32, "verdict": "authentic", "text": "x" * 700_000}}
    results = []

    def ask():
        results.append(h.request("POST", "/sign_report", report, timeout=60))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(90)
    assert len(results) == 6
    for reply in results:
        runtime.verify(reply)
    openapi = h.get("/openapi.json")
    assert openapi.status == 200 and openapi.body == runtime.get("/openapi.json").body


def test_a_vm_behind_a_unix_socket(runtime, host, vm):
    v = vm("blue", {3000: runtime.address})
    h = host([v.config])
    h.wait_healthy("blue")
    for n in range(10):
        runtime.verify(h.request("POST", "/process_data", harness.media_body(n)))
    assert set(v.asked) == {b"CONNECT 3000\n"}


def test_ports_lead_to_ports(host, vm):
    """5000 beside 3000, each to its own port of the enclave."""
    def say(text):
        def each(s):
            s.recv(4096)
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(text), text))
            s.close()
        return each
    v = vm("a", {3000: say(b"three"), 5000: say(b"five")})
    ports = [("127.0.0.1", harness.free_port()) for _ in range(2)]
    h = host([v.config], ingress=[{"listen": "tcp:%s:%d" % ports[0], "port": 3000},
                                  {"listen": "tcp:%s:%d" % ports[1], "port": 5000}])
    h.wait_healthy("a")
    assert harness.request(ports[0], "GET", "/").body == b"three"
    assert harness.request(ports[1], "GET", "/").body == b"five"


def test_a_guest_that_boots_is_waited_for(runtime, host, vm):
    """Before the guest listens its connections are closed: the client waits and is answered."""
    v = vm("a", {})
    h = host([v.config], health={"interval_ms": 60000})
    wait_for("the first probe", lambda: h.enclave("a")["health_check"])
    threading.Timer(0.5, lambda: v.ports.update({3000: runtime.address})).start()
    began = time.monotonic()
    runtime.verify(h.request("POST", "/process_data", harness.media_body(1)))
    assert time.monotonic() - began > 0.3
    assert h.metrics()["redials_total"] > 2


@pytest.mark.parametrize("answer", [b"OK x\n", b"OK 5", b"ERR\n", b"OK 99999999999\n", b"HTTP/1.1 200 OK\r\n\r\n", b""])
def test_a_vm_that_lies_gets_no_client(host, vm, answer):
    v = vm("a", {3000: lambda s: None})
    v.answer = answer
    h = host([v.config], limits={"connect_ms": 300})
    reply = h.get("/", timeout=10)
    assert reply.status == 503 and reply.error == "no enclave is available"


def test_half_a_greeting_is_waited_for_without_work(host, vm):
    v = vm("a", {3000: lambda s: None})
    v.answer = b"O"
    h = host([v.config], health={"timeout_ms": 20000})
    wait_for("the health check to begin", lambda: v.asked)
    begin = h.cpu_seconds()
    time.sleep(1.5)
    assert h.cpu_seconds() - begin < 0.3
    assert len(v.asked) == 1


def test_nobody_there_is_said_at_once(host):
    h = host([{"name": "a", "connect": "tcp:127.0.0.1:%d" % harness.free_port()}])
    wait_for("the enclave to be known as unwell", lambda: h.enclave("a")["health"] == "unhealthy")
    began = time.monotonic()
    reply = h.get("/")
    assert reply.status == 503 and reply.headers["retry-after"] == "1" and time.monotonic() - began < 2
    assert h.health_reply().status == 503


def test_half_closed_clients_are_answered(runtime, host, vm):
    """`printf ... | nc -N`: over sockets that can be half closed and over those that cannot."""
    v = vm("b", {3000: runtime.address})
    for enclave in (parent.at(runtime, "a"), v.config):
        h = host([enclave])
        h.wait_healthy(enclave["name"])
        raw = harness.raw_exchange(h.address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", shut=True)
        assert harness.status_of(raw) == 200 and raw.endswith(b"Pong!"), raw
        wait_for("the connection to go", lambda: h.enclave(enclave["name"])["connections"] == 0)


def test_an_early_refusal_of_a_large_body_arrives(runtime, host):
    """413 is sent while the client is still sending: the daemon may not reset the connection under it."""
    h = host([parent.at(runtime, "a")])
    h.wait_healthy("a")
    head = b"POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"
    for _ in range(10):
        assert harness.status_of(harness.raw_exchange(h.address, head + b"x" * 400_000)) == 413


# ---- Several enclaves ---------------------------------------------------------------------------------------------

def test_the_fewest_connections(runtime, host):
    """Two of one runtime under two names: connections spread evenly, also when some stay."""
    with harness.Runtime("media", direct=True) as other:
        h = host([parent.at(runtime, "a"), parent.at(other, "b")])
        h.wait_healthy("a", "b")
        held = []
        for _ in range(10):
            s = socket.create_connection(h.address)
            s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"Pong!" in s.recv(4096)
            held.append(s)
        assert sorted(e["connections"] for e in h.health()["enclaves"]) == [5, 5]
        for s in held:
            s.close()


def test_draining_gives_no_new_connections(runtime, host):
    with harness.Runtime("media", direct=True) as other:
        h = host([parent.at(runtime, "a"), parent.at(other, "b")], limits={"drain_s": 3})
        h.wait_healthy("a", "b")
        with parent.Load(h.address, [runtime.key, other.key], clients=6) as load:
            wait_for("both to be used", lambda: {runtime.key, other.key} <= set(load.on))
            h.config["enclaves"][0]["drain"] = True
            h.reload()
            wait_for("the drained one to be left", lambda: h.enclave("a")["connections"] == 0, 25)
            before = sum(load.good)
            wait_for("the other to serve all", lambda: sum(load.good) > before + 50)
            load.stop()
        assert not load.wrong
        # A keep-alive connection that never rests is cut at drain_s at the latest: at most one request each.
        assert sum(load.lost) <= 6
        assert h.enclave("a")["draining"] is True and h.health_reply().status == 200


# ---- Health, console, metrics -------------------------------------------------------------------------------------

DESCRIBED = {"EnclaveName": "nacre", "EnclaveID": "i-0abc-enc187", "ProcessID": 1, "EnclaveCID": 4321,
             "NumberOfCPUs": 2, "CPUIDs": [1, 3], "MemoryMiB": 512, "State": "RUNNING", "Flags": "NONE",
             "Measurements": {"HashAlgorithm": "Sha384 { ... }", "PCR0": "ab" * 48}}


def test_health_has_the_shape_that_is_expected(runtime, host):
    h = host([parent.at(runtime, "a")])
    h.wait_healthy("a")
    reply = h.health_reply()
    assert reply.status == 200 and reply.headers["content-type"] == "application/json"
    health = reply.json
    assert health["status"] == "healthy" and abs(health["timestamp"] - time.time()) < 5
    assert health["enclave"]["health_check"]["answer"]["pk"] == runtime.key.hex()
    assert health["enclave"] == dict(health["enclaves"][0], health_check=health["enclave"]["health_check"])
    assert harness.request(h.health_address, "POST", "/health", {}).status == 405
    assert harness.request(h.health_address, "GET", "/").status == 404


def test_what_nitro_cli_says(host, tmp_path):
    """No vsock to anybody here: the enclave is described and not reached."""
    tool = script(tmp_path / "nitro-cli", f"echo '{json.dumps([DESCRIBED])}'\n")
    h = host([{"name": "a", "connect": "vsock:4321"}, {"name": "b", "connect": "vsock:4322"}],
             nitro={"describe": f"{tool} describe-enclaves"}, health={"timeout_ms": 200})
    wait_for("the description", lambda: h.enclave("a")["describe_enclaves"])
    reply = h.health_reply()
    assert reply.status == 503
    assert reply.json["enclaves"][0]["describe_enclaves"] == DESCRIBED
    assert [e["state"] for e in reply.json["enclaves"]] == ["RUNNING", "GONE"]
    assert reply.json["describe_error"] is None
    assert h.metrics()['enclave_running{enclave="a"}'] == 1


@pytest.mark.parametrize("text,error", [
    ("echo '{}'", "no JSON array"), ("echo '[{]'", "EnclaveCID"), ("echo '[]'; exit 3", "exit status 3"), ("kill -9 $$", "signal 9"),
    ("exec yes", "no answer in time"), ("head -c 100000 /dev/zero", "more than 65536 bytes"), ("sleep 60", "in time")])
def test_a_nitro_cli_that_misbehaves(host, tmp_path, text, error):
    tool = script(tmp_path / "nitro-cli", text + "\n")
    h = host([{"name": "a", "connect": "vsock:4321"}], nitro={"describe": tool, "timeout_s": 1})
    wait_for("the error", lambda: h.health()["describe_error"])
    assert error in h.health()["describe_error"]
    assert h.enclave("a")["state"] == "UNKNOWN"


def test_no_nitro_cli_at_all(host):
    h = host([{"name": "a", "connect": "vsock:4321"}], nitro={"describe": "/nonexistent/nitro-cli describe-enclaves"})
    wait_for("the error", lambda: h.health()["describe_error"])
    assert "No such file" in h.health()["describe_error"]


def test_the_console_of_a_debug_enclave(host, tmp_path):
    described = json.dumps([dict(DESCRIBED, Flags="DEBUG_MODE")])
    tool = script(tmp_path / "nitro-cli", f"""
case "$1" in
describe-enclaves) echo '{described}' ;;
console) test "$2 $3" = "--enclave-id i-0abc-enc187" && printf 'booting\\r\\nready\\033[2J\\n' && exec sleep 60 ;;
esac
""")
    h = host([{"name": "a", "connect": "vsock:4321"}],
             nitro={"describe": f"{tool} describe-enclaves", "console": f"{tool} console --enclave-id {{id}}"})
    wait_for("the console", lambda: "ready?[2J" in h.log())
    assert "event=console enclave=a line=booting" in h.log()
    assert "debug enclave" in h.log()


def test_no_console_without_debug(host, tmp_path):
    touched = tmp_path / "touched"
    tool = script(tmp_path / "nitro-cli", f"""
case "$1" in
describe-enclaves) echo '{json.dumps([DESCRIBED])}' ;;
console) touch {touched} ;;
esac
""")
    h = host([{"name": "a", "connect": "vsock:4321"}],
             nitro={"describe": f"{tool} describe-enclaves", "console": f"{tool} console --enclave-id {{id}}"})
    wait_for("the description", lambda: h.enclave("a")["describe_enclaves"])
    time.sleep(0.3)
    assert not touched.exists()


@pytest.mark.parametrize("answer,healthy", [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", True),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", True),
    (b"HTTP/1.1 200 OK\r\n\r\nnot json", True),
    (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}", False),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n{}", False),
    (b"SSH-2.0-OpenSSH_9.2\r\n", False),
    (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 90000, False),
    (b"", False)])
def test_an_enclaves_own_words(host, vm, answer, healthy):
    def each(s):
        s.recv(4096)
        try:
            s.sendall(answer)
        except OSError:
            pass
        s.close()
    v = vm("a", {3000: each})
    h = host([v.config])
    wait_for("a verdict", lambda: h.enclave("a")["health"] != "unknown")
    assert h.enclave("a")["health"] == ("healthy" if healthy else "unhealthy")
    assert h.health_reply().status == (200 if healthy else 503)


# ---- Limits -------------------------------------------------------------------------------------------------------

def test_connections_of_one_address(runtime, host):
    h = host([parent.at(runtime, "a")], limits={"connections_per_client": 5})
    held = [socket.create_connection(h.address) for _ in range(5)]
    wait_for("five", lambda: h.health()["connections"] == 5)
    reply = h.get("/")
    assert reply.status == 429 and "address" in reply.error
    with socket.create_connection(h.address, source_address=("127.0.0.2", 0)) as other:
        other.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"Pong!" in other.recv(4096)
    held.pop().close()
    wait_for("room", lambda: h.get("/").status == 200)
    for s in held:
        s.close()
    assert h.metrics()['refused_total{reason="connections_per_client"}'] >= 1


def test_rate_of_one_address(runtime, host):
    h = host([parent.at(runtime, "a")], limits={"rate_per_client": 1, "burst_per_client": 10})
    h.wait_healthy("a")
    statuses = [h.get("/").status for _ in range(15)]
    assert statuses[:10] == [200] * 10 and 429 in statuses[10:]
    wait_for("a token", lambda: h.get("/").status == 200, 20, 1.1)


def test_all_connections(runtime, host):
    h = host([parent.at(runtime, "a")], limits={"connections": 8})
    held = [socket.create_connection(h.address) for _ in range(8)]
    wait_for("eight", lambda: h.health()["connections"] == 8)
    assert h.get("/").status == 503
    for s in held:
        s.close()
    wait_for("room", lambda: h.get("/").status == 200)


def test_silence_ends(runtime, host):
    h = host([parent.at(runtime, "a")], limits={"first_byte_s": 1, "idle_s": 2})
    h.wait_healthy("a")
    with socket.create_connection(h.address) as silent, socket.create_connection(h.address) as rests:
        rests.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"Pong!" in rests.recv(4096)
        began = time.monotonic()
        assert silent.recv(1) == b""
        assert rests.recv(1) == b""
        assert 1 < time.monotonic() - began < 15
    metrics = h.metrics()
    assert metrics['closed_total{reason="first_byte"}'] == 1 and metrics['closed_total{reason="idle"}'] == 1


def test_a_request_that_trickles_ends(runtime, host):
    """A header a moment keeps the silence short; the request as a whole takes too long."""
    h = host([parent.at(runtime, "a")], limits={"answer_s": 2, "idle_s": 60})
    h.wait_healthy("a")
    with socket.create_connection(h.address) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"Pong!" in s.recv(4096)
        began = time.monotonic()
        s.sendall(b"GET / HTTP/1.1\r\n")
        s.settimeout(0.1)
        while time.monotonic() - began < 20:
            try:
                s.sendall(b"X: y\r\n")
                if s.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert 1.5 < time.monotonic() - began < 15
    assert h.metrics()['closed_total{reason="answer"}'] == 1


def test_clients_that_go_away_in_the_middle(runtime, host):
    """Half a request and gone: nothing of it is left after a while, neither connections nor descriptors."""
    h = host([parent.at(runtime, "a")], limits={"half_closed_s": 1})
    h.wait_healthy("a")
    wait_for("no probe to be on its way", lambda: h.health()["connections"] == 0)
    before = len(harness.descriptors(h.process.pid))
    for _ in range(50):
        with socket.create_connection(h.address) as s:
            s.sendall(b"POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    wait_for("all of them to be gone", lambda: h.health()["connections"] == 0, 20)
    # A probe and the question for /health may hold one each just now.
    wait_for("the descriptors", lambda: len(harness.descriptors(h.process.pid)) <= before + 1)


def test_a_long_answer_is_waited_for(host, vm):
    """Longer than the time a connection may rest: silence of an enclave that works is not idleness."""
    def each(s):
        s.recv(4096)
        time.sleep(3)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        s.close()
    v = vm("a", {3000: each})
    h = host([v.config], limits={"idle_s": 1, "half_closed_s": 20}, health={"interval_ms": 60000, "timeout_ms": 10000})
    assert h.get("/").body == b"done"
    raw = harness.raw_exchange(h.address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", shut=True)
    assert raw.endswith(b"done")


def test_a_client_that_does_not_read_holds_nobody(runtime, host):
    """It is sent nothing more than fits, the daemon keeps one block of it, and others are served."""
    h = host([parent.at(runtime, "a")])
    h.wait_healthy("a")
    slow = []
    for _ in range(20):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(h.address)
        s.setblocking(False)
        try:
            while True:
                s.send(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        except BlockingIOError:
            slow.append(s)
    for n in range(50):
        runtime.verify(h.request("POST", "/process_data", harness.media_body(n)))
    assert harness.memory_kib(h.process.pid) < (1 << 20 if harness.SANITIZED else 40 * 1024)
    for s in slow:
        s.close()


# ---- Its own life -------------------------------------------------------------------------------------------------

def test_reload_takes_what_is_new_and_keeps_connections(runtime, host):
    h = host([parent.at(runtime, "a")])
    h.wait_healthy("a")
    with socket.create_connection(h.address) as kept:
        kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"Pong!" in kept.recv(4096)
        second = ("127.0.0.1", harness.free_port())
        h.config["ingress"].append({"listen": "tcp:%s:%d" % second, "port": 3000})
        h.config["limits"]["connections_per_client"] = 50
        h.reload()
        assert harness.request(second, "GET", "/").status == 200
        del h.config["ingress"][0]
        h.reload()
        with pytest.raises(ConnectionRefusedError):
            h.get("/")
        kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"Pong!" in kept.recv(4096)
    assert harness.request(second, "GET", "/").status == 200


def test_a_mistake_changes_nothing(runtime, host):
    h = host([parent.at(runtime, "a")])
    h.wait_healthy("a")
    good = json.loads(json.dumps(h.config))
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen(1)
    busy = {"listen": "tcp:127.0.0.1:%d" % taken.getsockname()[1]}
    for mistake in ({"limits": {"idle_s": 0}}, {"nonsense": 1}, {"enclaves": [{"name": "x"}]},
                    {"ingress": good["ingress"] + [busy]}, {"health": busy}):
        h.config = dict(good, **mistake)
        h.reload(good=False)
        assert h.get("/").status == 200 and len(h.health()["enclaves"]) == 1
    assert "Address already in use" in h.log() and "nonsense" in h.log()
    h.config = good
    h.reload()
    taken.close()


def test_an_enclave_that_is_taken_out(runtime, host):
    """What it has goes on, and then it is gone."""
    h = host([parent.at(runtime, "a")], limits={"drain_s": 30})
    h.wait_healthy("a")
    with socket.create_connection(h.address) as half:
        half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        wait_for("the connection", lambda: h.enclave("a")["connections"] == 1)
        h.config["enclaves"] = []
        h.reload()
        assert h.get("/").status == 503
        assert h.enclave("a")["draining"] is True
        half.sendall(b"\r\n")
        assert b"Pong!" in half.recv(4096)
        assert half.recv(1) == b""
    wait_for("it to be gone", lambda: h.health()["enclaves"] == [])


def test_enclaves_of_the_second_file(runtime, host, tmp_path):
    more = tmp_path / "enclaves.yaml"
    h = host([], enclaves_file=str(more), pid_file=str(tmp_path / "pid"))
    assert h.get("/").status == 503
    assert int((tmp_path / "pid").read_text()) == h.process.pid == h.health()["pid"]
    more.write_text(json.dumps({"enclaves": [parent.at(runtime, "green")]}))
    h.reload()
    h.wait_healthy("green")
    assert h.get("/").status == 200
    h.stop()
    assert not (tmp_path / "pid").exists()


def test_sigterm_lets_requests_end(runtime, host):
    h = host([parent.at(runtime, "a")], limits={"drain_s": 30})
    h.wait_healthy("a")
    resting = socket.create_connection(h.address)
    resting.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"Pong!" in resting.recv(4096)
    busy = socket.create_connection(h.address)
    busy.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
    wait_for("both", lambda: h.enclave("a")["connections"] == 2)
    h.process.send_signal(signal.SIGTERM)
    while h.said() != "STOPPING=1":
        pass
    assert resting.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        h.get("/")
    assert h.health_reply().status == 503 and h.health()["draining"] is True
    time.sleep(1)
    assert h.process.poll() is None
    busy.sendall(b"\r\n")
    assert b"Pong!" in busy.recv(4096)
    assert h.process.wait(20) == 0
    resting.close()
    busy.close()


def test_the_watchdog_is_fed_and_reloads_are_told(runtime, host):
    h = host([parent.at(runtime, "a")], watchdog_us=400_000)
    began = time.monotonic()
    for _ in range(5):
        assert h.said() == "WATCHDOG=1"
    assert time.monotonic() - began < 10
    h.process.send_signal(signal.SIGHUP)
    told = []
    while "READY=1" not in told:
        told.append(h.said())
    assert any(t.startswith("RELOADING=1\nMONOTONIC_USEC=") for t in told)


def test_killed_and_started_again_it_has_lost_nothing(runtime, host):
    """kill -9 under load: the key is the same, answers verify, the port is free at once."""
    h = host([parent.at(runtime, "a")])
    h.wait_healthy("a")
    nacred = runtime.pid("nacred")
    started = harness.start_time(nacred)
    with parent.Load(h.address, [runtime.key], clients=8) as load:
        for _ in range(3):
            before = sum(load.good)
            wait_for("answers", lambda: sum(load.good) > before + 50, 30)
            h.kill()
            time.sleep(0.1)
            h.start()
        before = sum(load.good)
        wait_for("answers again", lambda: sum(load.good) > before + 50, 30)
    assert not load.wrong
    # One request of each client, and one that a client sent to the dying daemon's port before that was closed.
    assert len([key for _, key in load.lost_on if key]) <= 3 * 8
    assert sum(load.lost) <= 2 * 3 * 8
    assert runtime.pid("nacred") == nacred and harness.start_time(nacred) == started
    assert runtime.health()["restarts"] == {"app": 0, "http": 0}


# ---- The command --------------------------------------------------------------------------------------------------

def run(*arguments):
    return subprocess.run([str(BIN / "nacre"), "host", *arguments], capture_output=True, timeout=30, check=False)


def test_check_and_mistakes_on_the_command_line(tmp_path):
    good = tmp_path / "host.yaml"
    good.write_text("enclaves: [{name: a, connect: 'vsock:16'}]\n")
    done = run("run", "--check", "--config", str(good))
    assert done.returncode == 0 and b"1 ports, 1 enclaves" in done.stdout
    good.write_text("enclaves:\n  - {name: a, connect: 'vsock:16', weight: 3}\n")
    done = run("run", "--check", "--config", str(good))
    assert done.returncode == 1 and b"host.yaml:2: enclaves[0].weight: unknown key" in done.stderr
    assert run("run", "--config", str(good)).returncode == 1
    good.write_text("egress: {allow: %s}\n" % (tmp_path / "allow.yaml"))
    done = run("run", "--check", "--config", str(good))
    assert done.returncode == 1 and b"allow.yaml: cannot open: No such file" in done.stderr, done.stderr
    (tmp_path / "allow.yaml").write_text("endpoints: [10.0.0.1]\n")
    done = run("run", "--check", "--config", str(good))
    assert done.returncode == 1 and b"allow.yaml:1: endpoints[0]: '10.0.0.1'" in done.stderr, done.stderr
    assert run("run", "--config", str(tmp_path / "absent")).returncode == 1
    assert run("run", "--nonsense").returncode == 2
    assert run("run", "--config").returncode == 2
    assert run().returncode == 2 and run("nonsense").returncode == 2
    assert b"SIGHUP" in run("run", "--help").stdout


def test_the_shipped_configuration_is_right():
    assert run("run", "--check", "--config", str(harness.ROOT / "config" / "host.yaml")).returncode == 0


def test_a_port_that_is_taken_stops_the_start(host):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        h = host([], ingress=[{"listen": "tcp:127.0.0.1:%d" % taken.getsockname()[1]}], start=False)
        h.spawn()
        assert h.process.wait(20) == 1
        h.process = None
        assert "Address already in use" in h.log()
        assert os.path.exists(h.path)
