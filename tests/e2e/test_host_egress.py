"""`nacre host`: from the enclaves outward, to the hosts of the allow list and nowhere else."""
import json
import os
import resource
import socket
import threading
import time

import pytest

import harness
import parent
from harness import wait_for

pytestmark = pytest.mark.sanitizer


class Upstream:
    """Sends back what it gets, with a mark of its own before it."""

    def __init__(self, mark, address=("127.0.0.1", 0)):
        self.mark = mark
        self.listener = socket.create_server(address)
        self.address = self.listener.getsockname()
        self.port = self.address[1]
        self.served = 0
        parent.serve(self.listener, self.each)

    def each(self, s):
        self.served += 1
        s.sendall(self.mark)
        try:
            while data := s.recv(65536):
                s.sendall(data)
        except OSError:
            pass
        s.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def upstream():
    running = []

    def begin(*args):
        running.append(Upstream(*args))
        return running[-1]

    yield begin
    for one in running:
        one.close()


@pytest.fixture
def outward(tmp_path):
    """outward(entries, ...) -> (host, vm): a VM with this allow list behind a daemon."""
    running = []

    def begin(entries, private=("127.0.0.0/8", "::1/128"), name="a", **sections):
        allow = tmp_path / f"{name}.yaml"
        allow.write_text(json.dumps({"endpoints": entries}))
        vm = parent.Vm(tmp_path, name, {})
        running.append(vm)
        egress = dict({"allow": str(allow), "private": list(private)}, **sections.pop("egress", {}))
        host = parent.Host([vm.config], egress=egress, health={"interval_ms": 60000}, **sections)
        running.append(host)
        return host, vm

    yield begin
    for one in reversed(running):
        one.stop() if isinstance(one, parent.Host) else one.close()


def everything(s):
    got = b""
    try:
        while data := s.recv(65536):
            got += data
    except ConnectionResetError:
        pass
    s.close()
    return got


def test_each_port_is_one_host_of_the_list(upstream, outward):
    one, two = upstream(b"one"), upstream(b"two")
    host, vm = outward([{"host": "localhost", "port": one.port}, {"host": "localhost", "port": two.port}])
    for port, mark in ((8101, b"one"), (8102, b"two")):
        s = vm.outward(port)
        assert s.recv(3) == mark
        s.sendall(b"hello")
        assert s.recv(5) == b"hello"
        s.close()
    with pytest.raises(FileNotFoundError):
        vm.outward(8103)
    metrics = host.metrics()
    assert metrics[f'egress_opened_total{{host="localhost",port="{one.port}"}}'] == 1
    assert metrics[f'egress_sent_bytes_total{{host="localhost",port="{one.port}"}}'] == 5
    assert metrics[f'egress_received_bytes_total{{host="localhost",port="{one.port}"}}'] == 8


def test_bytes_arrive_as_they_were_sent(upstream, outward):
    """Megabytes both ways at once, through buffers of 64 KiB and writes of 32."""
    up = upstream(b"")
    _, vm = outward([{"host": "localhost", "port": up.port}])
    s = vm.outward(8101)
    data = bytes(range(256)) * 20_000
    threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)), daemon=True).start()
    assert everything(s) == data


def test_private_addresses_are_refused(upstream, outward):
    """The name is on the list, what it resolves to is the parent itself."""
    up = upstream(b"secret")
    host, vm = outward([{"host": "localhost", "port": up.port}], private=())
    for _ in range(3):
        assert everything(vm.outward(8101)) == b""
    assert up.served == 0
    assert host.metrics()[f'egress_refused_total{{host="localhost",port="{up.port}"}}'] >= 3
    assert "upstream address refused" in host.log() and "loopback" in host.log()


def test_only_the_named_range_is_let_through(upstream, outward):
    up = upstream(b"secret")
    _, vm = outward([{"host": "localhost", "port": up.port}], private=("127.0.0.2/32", "10.0.0.0/8"))
    assert everything(vm.outward(8101)) == b""
    assert up.served == 0


def test_names_that_lead_nowhere(outward):
    host, vm = outward([{"host": "no-such-name.invalid", "port": 443}, {"host": "localhost", "port": harness.free_port()}])
    assert everything(vm.outward(8101)) == b""
    assert everything(vm.outward(8102)) == b""
    metrics = host.metrics()
    assert metrics['egress_unresolved_total{host="no-such-name.invalid",port="443"}'] == 1
    assert "upstream not reached" in host.log()


def test_no_list_no_way_out(tmp_path):
    vm = parent.Vm(tmp_path, "a", {})
    with parent.Host([vm.config]):
        with pytest.raises(FileNotFoundError):
            vm.outward(8101)
    vm.close()


def test_connections_outward_are_limited(upstream, outward):
    up = upstream(b"x")
    host, vm = outward([{"host": "localhost", "port": up.port}], egress={"connections": 3})
    held = [vm.outward(8101) for _ in range(3)]
    for s in held:
        assert s.recv(1) == b"x"
    assert everything(vm.outward(8101)) == b""
    assert host.metrics()["egress_turned_away_total"] == 1
    held.pop().close()
    wait_for("room", lambda: everything_starts(vm))
    for s in held:
        s.close()


def everything_starts(vm):
    s = vm.outward(8101)
    try:
        return s.recv(1) == b"x"
    finally:
        s.close()


def test_a_new_list_on_reload(upstream, outward, tmp_path):
    """Ports come and go with the list; connections of the old one stay."""
    one, two = upstream(b"1"), upstream(b"2")
    host, vm = outward([{"host": "localhost", "port": one.port}])
    kept = vm.outward(8101)
    assert kept.recv(1) == b"1"
    (tmp_path / "a.yaml").write_text(json.dumps({"endpoints": [{"host": "localhost", "port": two.port},
                                                               {"host": "localhost", "port": one.port}]}))
    host.reload()
    assert vm.outward(8101).recv(1) == b"2" and vm.outward(8102).recv(1) == b"1"
    kept.sendall(b"y")
    assert kept.recv(1) == b"y"
    (tmp_path / "a.yaml").write_text("endpoints: [127.0.0.1]\n")
    host.reload(good=False)
    assert "a.yaml:1: endpoints[0]" in host.log()
    assert vm.outward(8102).recv(1) == b"1"
    (tmp_path / "a.yaml").write_text("endpoints: []\n")
    host.reload()
    with pytest.raises(FileNotFoundError):
        vm.outward(8101)


def test_each_enclave_has_its_own_list(upstream, outward, tmp_path):
    """Two images at once, as during a roll."""
    one, two = upstream(b"1"), upstream(b"2")
    host, vm = outward([{"host": "localhost", "port": one.port}])
    other = parent.Vm(tmp_path, "b", {})
    allow = tmp_path / "b.yaml"
    allow.write_text(json.dumps({"endpoints": [{"host": "localhost", "port": two.port}]}))
    host.config["enclaves"].append(dict(other.config, allow=str(allow)))
    host.reload()
    assert vm.outward(8101).recv(1) == b"1" and other.outward(8101).recv(1) == b"2"
    other.close()


def test_a_refused_configuration_closes_nothing(upstream, outward, tmp_path):
    """Nor does it later, when an enclave that was being drained has lost its last connection."""
    one = upstream(b"1")
    host, vm = outward([{"host": "localhost", "port": one.port}])
    old = parent.Vm(tmp_path, "old", {3000: upstream(b"x").address})
    host.config["enclaves"][0]["drain"] = True
    host.config["enclaves"].append(old.config)
    host.reload()
    client = socket.create_connection(host.address)
    client.sendall(b"request")
    assert client.recv(1) == b"x"
    client.sendall(b"more")  # unanswered or not, it is not at rest
    host.config["enclaves"] = host.config["enclaves"][:1]
    host.reload()
    (tmp_path / "a.yaml").write_text("endpoints: [127.0.0.1]\n")
    host.reload(good=False)
    client.close()
    wait_for("the old one to be gone", lambda: "enclave gone" in host.log())
    assert vm.outward(8101).recv(1) == b"1"
    old.close()


def test_no_descriptor_for_an_enclave(upstream, outward):
    """It waits in the queue, and the daemon does not spin until there is one."""
    one = upstream(b"1")
    host, vm = outward([{"host": "localhost", "port": one.port}])
    pid = host.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    time.sleep(0.5)  # what the start has opened is closed again
    used = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
    free = min(set(range(len(used) + 1)) - used)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, before[1]))
    waits = vm.outward(8101)

    begin = host.cpu_seconds()
    time.sleep(1.5)
    assert host.cpu_seconds() - begin < 0.3
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert waits.recv(1) == b"1", host.log()
    assert host.metrics()["accept_errors_total"] > 0


def test_another_first_port(upstream, outward):
    """A port that stays may lead to another entry of the list."""
    one, two = upstream(b"1"), upstream(b"2")
    host, vm = outward([{"host": "localhost", "port": one.port}, {"host": "localhost", "port": two.port}])
    assert vm.outward(8102).recv(1) == b"2"
    host.config["egress"]["first_port"] = 8102
    host.reload()
    assert vm.outward(8102).recv(1) == b"1" and vm.outward(8103).recv(1) == b"2"
    with pytest.raises(FileNotFoundError):
        vm.outward(8101)


def test_the_list_in_a_manifest(upstream, outward, tmp_path):
    """What the image was measured with, instead of the file it was made from."""
    with harness.Runtime("weather", direct=True, start=False) as runtime:
        status, said = runtime.write_manifest()
        assert status == 0, said
        vm = parent.Vm(tmp_path, "w", {})
        with parent.Host([vm.config], egress={"allow": str(runtime.manifest_path)}) as host:
            assert "hosts=1 first_port=8101" in host.log()
            assert os.path.exists(vm.path + "_8101") and not os.path.exists(vm.path + "_8102")
        bad = tmp_path / "bad.cbor"
        bad.write_bytes(runtime.manifest_path.read_bytes()[:-1])
        host = parent.Host([vm.config], egress={"allow": str(bad)}, start=False)
        host.spawn()
        assert host.process.wait(20) == 1
        assert str(bad) in host.log()
        vm.close()


def test_sockets_left_by_a_killed_daemon_are_taken_over(upstream, outward):
    up = upstream(b"x")
    host, vm = outward([{"host": "localhost", "port": up.port}])
    host.kill()
    with pytest.raises(ConnectionRefusedError):
        vm.outward(8101)
    host.start()
    assert vm.outward(8101).recv(1) == b"x"


def test_two_daemons_do_not_take_each_others_sockets(upstream, outward):
    up = upstream(b"x")
    host, vm = outward([{"host": "localhost", "port": up.port}])
    second = parent.Host([vm.config], egress=host.config["egress"], start=False)
    second.spawn()
    assert second.process.wait(20) == 1
    assert "Address already in use" in second.log()
    assert vm.outward(8101).recv(1) == b"x"


def test_a_slow_upstream_does_not_hold_the_others(upstream, outward):
    """One that takes connections and never answers, beside one that does."""
    slow = socket.create_server(("127.0.0.1", 0))
    up = upstream(b"x")
    _, vm = outward([{"host": "localhost", "port": slow.getsockname()[1]}, {"host": "localhost", "port": up.port}])
    held = [vm.outward(8101) for _ in range(50)]
    began = time.monotonic()
    for _ in range(20):
        assert everything_starts_at(vm, 8102)
    assert time.monotonic() - began < 10
    for s in held:
        s.close()
    slow.close()


def everything_starts_at(vm, port):
    s = vm.outward(port)
    try:
        return s.recv(1) == b"x"
    finally:
        s.close()
