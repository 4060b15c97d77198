"""`nacre host` on real vsock sockets, as far as this machine has them: ports for egress, and all of it over loopback."""
import json
import random
import socket
import threading

import pytest

import parent
from harness import wait_for

LOCAL = 1  # VMADDR_CID_LOCAL


def port_for_tests():
    return random.randrange(100_000, 2**31)


@pytest.fixture(scope="module")
def vsock():
    try:
        with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as s:
            s.bind((socket.VMADDR_CID_ANY, port_for_tests()))
            s.listen(1)
    except OSError as problem:
        pytest.skip(f"no vsock on this machine: {problem}")


@pytest.fixture(scope="module")
def loopback(vsock):
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as listener, \
            socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as client:
        port = port_for_tests()
        listener.bind((socket.VMADDR_CID_ANY, port))
        listener.listen(1)
        client.settimeout(2)
        try:
            client.connect((LOCAL, port))
        except OSError as problem:
            pytest.skip(f"vsock is not looped back here (module vsock_loopback): {problem}")


def test_ports_outward_are_taken_and_given_back(vsock, tmp_path):
    first = port_for_tests()
    allow = tmp_path / "allow.yaml"
    allow.write_text(json.dumps({"endpoints": ["a.example.org", "b.example.org"]}))
    enclave = {"name": "a", "connect": "vsock:4321"}

    def taken(port):
        with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as s:
            try:
                s.bind((socket.VMADDR_CID_ANY, port))
            except OSError:
                return True
            return False

    with parent.Host([enclave], egress={"allow": str(allow), "first_port": first}) as host:
        assert [taken(first + i) for i in range(3)] == [True, True, False]
        # Two enclaves share the ports: who knocks is told by the CID.
        host.config["enclaves"].append({"name": "b", "connect": "vsock:4322"})
        host.reload()
        second = parent.Host([enclave], egress=host.config["egress"], start=False)
        second.spawn()
        assert second.process.wait(20) == 1
        assert f"egress at vsock port {first}: Address already in use" in second.log()
        host.config["enclaves"] = []
        host.reload()
        assert not taken(first)


def test_both_ways_over_loopback(loopback, tmp_path):
    """The enclave is this machine, CID 1."""
    inner, first = port_for_tests(), port_for_tests()
    server = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    server.bind((socket.VMADDR_CID_ANY, inner))
    server.listen(64)
    body = bytes(range(256)) * 4096

    def each(s):
        s.recv(4096)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        s.close()

    parent.serve(server, each)
    upstream = socket.create_server(("127.0.0.1", 0))
    parent.serve(upstream, lambda s: (s.sendall(s.recv(100)[::-1]), s.close()))
    allow = tmp_path / "allow.yaml"
    allow.write_text(json.dumps({"endpoints": [{"host": "localhost", "port": upstream.getsockname()[1]}]}))
    address = ("127.0.0.1", parent.harness.free_port())
    with parent.Host([{"name": "a", "connect": f"vsock:{LOCAL}"}],
                     ingress=[{"listen": "tcp:%s:%d" % address, "port": inner}], health={"port": inner},
                     egress={"allow": str(allow), "first_port": first, "private": ["127.0.0.0/8", "::1/128"]}) as host:
        host.wait_healthy("a")
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(parent.harness.request(address, "GET", "/")))
                   for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        assert [a.body == body for a in answers] == [True] * 8
        with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as s:
            s.settimeout(20)
            s.connect((LOCAL, first))
            s.sendall(b"abc")
            assert s.recv(3) == b"cba"
        wait_for("the count", lambda: any("egress_opened" in k and v == 1 for k, v in host.metrics().items()))
