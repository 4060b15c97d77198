"""The program from outside: requests, bad input, faults, sockets, start and stop."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import cbor2
import pytest

from simulator import PROGRAM, WAIT, Simulator, running

MALFORMED = {"Error": "InvalidOperation"}


def run(*arguments):
    return subprocess.run([str(PROGRAM), *map(str, arguments)], capture_output=True, text=True, timeout=WAIT)


def test_describe(tmp_path):
    with running(tmp_path) as simulator:
        described = simulator.call("DescribeNSM")["DescribeNSM"]
        assert described.pop("module_id").startswith("i-")
        assert described == {"version_major": 1, "version_minor": 0, "version_patch": 0, "max_pcrs": 32,
                             "locked_pcrs": list(range(16)), "digest": "SHA384"}
        assert simulator.call({"LockPCR": {"index": 20}}) == "LockPCR"
        assert simulator.call("DescribeNSM")["DescribeNSM"]["locked_pcrs"] == [*range(16), 20]


def test_random(tmp_path):
    with running(tmp_path) as simulator:
        first = simulator.call("GetRandom")["GetRandom"]["random"]
        second = simulator.call("GetRandom")["GetRandom"]["random"]
        assert len(first) == len(second) == 256 and first != second


def test_pcr_errors(tmp_path):
    with running(tmp_path) as simulator:
        assert simulator.call({"DescribePCR": {"index": 15}})["DescribePCR"]["lock"] is True
        assert simulator.call({"DescribePCR": {"index": 16}}) == {"DescribePCR": {"lock": False, "data": bytes(48)}}
        for name, more in (("DescribePCR", {}), ("ExtendPCR", {"data": b"x"}), ("LockPCR", {})):
            for index in (32, 255, 65535):
                assert simulator.call({name: {"index": index, **more}}) == {"Error": "InvalidIndex"}
        for name, more in (("ExtendPCR", {"data": b"x"}), ("LockPCR", {})):
            assert simulator.call({name: {"index": 0, **more}}) == {"Error": "ReadOnlyIndex"}
            assert simulator.call({name: {"index": 15, **more}}) == {"Error": "ReadOnlyIndex"}
        assert simulator.call({"LockPCRs": {"range": 33}}) == {"Error": "InvalidIndex"}
        assert simulator.call({"LockPCRs": {"range": 0}}) == "LockPCRs"
        assert simulator.call({"LockPCRs": {"range": 17}}) == "LockPCRs"
        assert simulator.call({"ExtendPCR": {"index": 16, "data": b"x"}}) == {"Error": "ReadOnlyIndex"}
        assert simulator.call({"LockPCR": {"index": 16}}) == {"Error": "ReadOnlyIndex"}
        assert list(simulator.call({"ExtendPCR": {"index": 17, "data": b"x"}})) == ["ExtendPCR"]


def test_message_sizes(tmp_path):
    with running(tmp_path) as simulator:
        sock = simulator.connect()
        assert cbor2.loads(simulator.exchange(b"", sock)) == MALFORMED
        assert cbor2.loads(simulator.exchange(bytes(0x1000), sock)) == MALFORMED
        for size in (0x1001, 0x3000, 0x10000):
            assert cbor2.loads(simulator.exchange(bytes(size), sock)) == {"Error": "InputTooLarge"}
        assert list(simulator.call("GetRandom", sock)) == ["GetRandom"]


def test_bad_bytes_never_hurt(tmp_path):
    choose = random.Random(20)
    good = [cbor2.dumps(item) for item in (
        "GetRandom", {"ExtendPCR": {"index": 16, "data": b"data"}}, {"LockPCR": {"index": 33}},
        {"Attestation": {"nonce": b"n", "user_data": None, "public_key": b"k"}})]
    with running(tmp_path) as simulator:
        sock = simulator.connect()
        for _ in range(3000):
            message = bytearray(choose.choice(good))
            for _ in range(choose.randrange(1, 4)):
                message[choose.randrange(len(message))] = choose.randrange(256)
            del message[choose.randrange(len(message)) + choose.randrange(2):]
            reply = cbor2.loads(simulator.exchange(bytes(message), sock))
            assert isinstance(reply, (dict, str))
        for opener in (b"\x81", b"\x9f", b"\xbf", b"\xc1"):
            assert cbor2.loads(simulator.exchange(opener * 0x1000, sock)) == MALFORMED
        assert list(simulator.call("GetRandom", sock)) == ["GetRandom"]


def test_many_connections(tmp_path):
    with running(tmp_path) as simulator:
        wrong = []

        def client(number):
            sock = simulator.connect()
            for turn in range(20):
                nonce = b"%d-%d" % (number, turn)
                document = simulator.call({"Attestation": {"nonce": nonce}}, sock)["Attestation"]["document"]
                if cbor2.loads(cbor2.loads(document)[2])["nonce"] != nonce:
                    wrong.append(nonce)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        assert not wrong
        assert simulator.control("count Attestation") == "ok 320\n"


def test_more_connections_than_slots(tmp_path):
    with running(tmp_path) as simulator:
        socks = [simulator.connect() for _ in range(64)]
        for sock in socks:
            assert list(simulator.call("GetRandom", sock)) == ["GetRandom"]
        late = simulator.connect()
        late.sendall(cbor2.dumps("GetRandom"))
        late.settimeout(0.2)
        with pytest.raises(TimeoutError):
            late.recv(0x4000)
        socks[7].close()
        late.settimeout(WAIT)
        assert list(cbor2.loads(late.recv(0x4000))) == ["GetRandom"]


def test_who_does_not_read_is_dropped(tmp_path):
    with running(tmp_path) as simulator:
        lazy = simulator.connect()
        lazy.settimeout(5)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(100000):
                lazy.sendall(cbor2.dumps("GetRandom"))
        assert list(simulator.call("GetRandom")) == ["GetRandom"]


@pytest.mark.parametrize("request_, expected", [("GetRandom", "DescribeNSM"), ("DescribeNSM", "GetRandom")])
def test_wrong_type_fault(tmp_path, request_, expected):
    with running(tmp_path, "--fault", "wrong-type#1") as simulator:
        assert list(simulator.call(request_)) == [expected]
        assert list(simulator.call(request_)) == [request_]


def test_faults_at_run_time(tmp_path):
    with running(tmp_path) as simulator:
        sock = simulator.connect()
        assert simulator.control("fault error InternalError Attestation 2") == "ok\n"
        for _ in range(2):
            assert list(simulator.call("GetRandom", sock)) == ["GetRandom"]
            assert simulator.call({"Attestation": {}}, sock) == {"Error": "InternalError"}
        assert list(simulator.call({"Attestation": {}}, sock)) == ["Attestation"]

        for kind in ("garbage", "truncate"):
            assert simulator.control("fault %s GetRandom 1" % kind) == "ok\n"
            with pytest.raises(cbor2.CBORDecodeError):
                cbor2.loads(simulator.exchange(cbor2.dumps("GetRandom"), sock))
        assert simulator.control("fault close 1") == "ok\n"
        assert simulator.exchange(cbor2.dumps("GetRandom"), sock) == b""
        assert list(simulator.call("GetRandom")) == ["GetRandom"]

        assert simulator.control("fault error ReadOnlyIndex") == "ok\n"
        assert simulator.call("GetRandom") == {"Error": "ReadOnlyIndex"}
        assert simulator.control("clear") == "ok\n"
        assert list(simulator.call("GetRandom")) == ["GetRandom"]


def test_control_lines(tmp_path):
    with running(tmp_path) as simulator:
        assert simulator.control_path.stat().st_mode & 0o777 == 0o600
        for line in ("", "hello", "fault", "fault nothing", "clock soon", "x" * 200):
            assert simulator.control(line).startswith("error: "), line
        assert simulator.control("x" * 300) == "error: line too long\n"
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(WAIT)
            sock.connect(str(simulator.control_path))
            sock.sendall(b"fault delay 1\ncl")
            sock.sendall(b"ear\ncount *\n")
            said = b""
            while said.count(b"\n") < 3:
                said += sock.recv(4096)
            assert said == b"ok\nok\nok 0\n"


@pytest.mark.parametrize("kind", ["delay", "hold"])
def test_device_is_busy_meanwhile(tmp_path, kind):
    with running(tmp_path, "--fault", kind + ":1500@Attestation") as simulator:
        slow, other = simulator.connect(), simulator.connect()
        start = time.monotonic()
        began = time.time() * 1000
        slow.sendall(cbor2.dumps({"Attestation": {}}))
        time.sleep(0.05)
        # As behind the kernel's mutex, the next request waits for the slow one; the control socket does not.
        other.sendall(cbor2.dumps("GetRandom"))
        assert simulator.control("count Attestation") == "ok 1\n"
        assert time.monotonic() - start < 1.2
        assert list(cbor2.loads(other.recv(0x4000))) == ["GetRandom"]
        assert time.monotonic() - start >= 1.49
        document = cbor2.loads(slow.recv(0x4000))["Attestation"]["document"]
        age = cbor2.loads(cbor2.loads(document)[2])["timestamp"] - began
        assert age >= 1490 if kind == "delay" else age < 1200


def test_client_gone_during_delay(tmp_path):
    with running(tmp_path, "--fault", "delay:200#1") as simulator:
        sock = simulator.connect()
        sock.sendall(cbor2.dumps("GetRandom"))
        time.sleep(0.05)
        sock.close()
        assert list(simulator.call("GetRandom")) == ["GetRandom"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly(tmp_path, how):
    simulator = Simulator(tmp_path, "--fault", "delay:60000")
    assert simulator.ready == b"ready\n"
    assert simulator.socket_path.stat().st_mode & 0o777 == 0o600
    sock = simulator.connect()
    sock.sendall(cbor2.dumps("GetRandom"))
    time.sleep(0.05)
    start = time.monotonic()
    status, _ = simulator.stop(how)
    assert status == 0 and time.monotonic() - start < 5
    assert not simulator.socket_path.exists() and not simulator.control_path.exists()


def test_paths_in_use(tmp_path):
    first = Simulator(tmp_path)
    second = run("--socket", first.socket_path)
    assert second.returncode == 1 and "in use" in second.stderr
    assert list(first.call("GetRandom")) == ["GetRandom"]
    # Killed, it leaves its sockets behind, and the next one takes their place.
    first.stop(signal.SIGKILL)
    assert first.socket_path.exists() and first.control_path.exists()
    with running(tmp_path) as third:
        assert list(third.call("GetRandom")) == ["GetRandom"]
    plain = tmp_path / "file"
    plain.write_text("keep")
    refused = run("--socket", plain)
    assert refused.returncode == 1 and plain.read_text() == "keep"


def test_inherited_socket(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(tmp_path / "nsm.sock"))
        listener.listen()
        with running(tmp_path, listen_fd=listener.fileno()) as simulator:
            assert list(simulator.call("GetRandom")) == ["GetRandom"]
        assert (tmp_path / "nsm.sock").exists()


def test_dies_with_parent(tmp_path):
    starter = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.argv[1], '--socket', sys.argv[2], '--ready-fd', '1', '--die-with-parent'],\n"
        "                         stdout=subprocess.PIPE)\n"
        "assert child.stdout.read() == b'ready\\n'\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n")
    path = tmp_path / "nsm.sock"
    parent = subprocess.Popen([sys.executable, "-c", starter, str(PROGRAM), str(path)], stdout=subprocess.PIPE)
    try:
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
    finally:
        parent.kill()
        parent.communicate(timeout=WAIT)
    deadline = time.monotonic() + WAIT
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not path.exists()


@pytest.mark.parametrize("arguments", [
    (), ("--socket", "a", "--listen-fd", "3"), ("--socket", "a", "extra"), ("--socket", "a", "--unknown"),
    ("--socket", "a", "--map", "long"), ("--socket", "a", "--limits", "some"), ("--listen-fd", "x"),
    ("--listen-fd", "-1"), ("--socket", "a", "--pcr", "16=" + "00" * 48), ("--socket", "a", "--pcr", "0=00"),
    ("--socket", "a", "--pcr", "=" + "00" * 48), ("--socket", "a", "--pcr", "0" + "00" * 48),
    ("--socket", "a", "--fault", "sloth"), ("--socket", "a", "--module-id", "x"),
    ("--socket", "a", "--module-id", "i-" + "1" * 50 + "-enc1"), ("--socket", "a", "--module-id", "i-A-enc1"),
])
def test_bad_options(tmp_path, arguments, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.returncode == 2 and "nacre-nsm-sim" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [
    ("--listen-fd", "0"), ("--socket", "missing/socket"), ("--socket", "x" * 120),
    ("--socket", "a", "--root-out", "missing/root"), ("--socket", "a", "--root-key", "missing/key"),
    ("--socket", "a", "--control", "missing/control"), ("--socket", "a", "--ready-fd", "99"),
])
def test_what_cannot_start_leaves_nothing(tmp_path, arguments, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.returncode == 1 and "nacre-nsm-sim: " in result.stderr
    assert not list(tmp_path.iterdir())


def test_help_and_version():
    assert run("--version").stdout.startswith("nacre-nsm-sim ")
    told = run("--help")
    assert told.returncode == 0
    for option in ("--socket", "--listen-fd", "--control", "--root-out", "--root-key", "--pcr", "--debug", "--map",
                   "--tag", "--limits", "--module-id", "--fault", "--ready-fd", "--die-with-parent"):
        assert option in told.stdout
