"""HTTPS through what stands on the parent instance: `nacre host` and HAProxy pass it on, and see that the enclave is well."""
import json
import os
import signal
import subprocess

import pytest

import harness
import mitm
import parent
import tls_peers as peers
from harness import wait_for


@pytest.fixture(scope="module")
def runtime():
    with harness.Runtime("media", direct=True, sets=peers.ON) as r:
        yield r


def test_it_passes_tls_through_and_asks_over_tls(runtime):
    """The certificate that a client sees is the enclave's, and what the daemon asks is answered."""
    with parent.Host([parent.at(runtime, "a")], health={"scheme": "https"}) as h:
        h.wait_healthy("a")
        assert peers.served_key(h.address) == peers.served_key(runtime.address)
        for n in range(10):
            runtime.verify(harness.request(h.address, "POST", "/process_data", harness.media_body(n), tls=runtime.tls))
        done = subprocess.run([str(harness.BIN / "nacre"), "call", "https://%s:%d" % h.address, "/process_data", "-d",
                               json.dumps(harness.media_body(1)), "--public-key", runtime.key.hex(), "--root",
                               str(runtime.root_path)], capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr


def test_it_changes_no_byte(runtime):
    """The same bytes before the daemon and behind it, both ways."""
    with mitm.Mitm(runtime.address) as behind:
        enclave = {"name": "a", "connect": "tcp:%s:%d" % behind.address}
        with parent.Host([enclave], health={"scheme": "https", "interval_ms": 3600000}) as h:
            h.wait_healthy("a")
            asked = len(behind.connections)
            with mitm.Mitm(h.address) as before:
                runtime.verify(harness.request(before.address, "POST", "/process_data", harness.media_body(3, "x" * 300000),
                                               tls=runtime.tls))
                wait_for("the bytes", lambda: len(behind.connections) == asked + 1, 10)
                wait_for("the end", lambda: bytes(behind.connections[asked].said[mitm.UP]) == before.up, 10)
                assert bytes(behind.connections[asked].said[mitm.DOWN]).startswith(before.down[:-200]) and len(before.up) > 300000


def test_an_enclave_asked_in_the_wrong_way_is_not_well(runtime, media):
    with parent.Host([parent.at(runtime, "a")]) as h:  # plain HTTP to HTTPS
        wait_for("the first look", lambda: h.enclave("a")["health"] == "unhealthy", 15)
    with parent.Host([parent.at(media, "a")], health={"scheme": "https"}) as h:
        wait_for("the first look", lambda: h.enclave("a")["health"] == "unhealthy", 15)
        assert "TLS" in json.dumps(h.enclave("a"))


def test_it_sees_an_enclave_come_back(runtime):
    with parent.Host([parent.at(runtime, "a")], health={"scheme": "https"}) as h:
        h.wait_healthy("a")
        os.kill(runtime.pid("nacre-http"), signal.SIGSTOP)
        try:
            wait_for("it to be noticed", lambda: h.enclave("a")["health"] == "unhealthy", 30)
        finally:
            os.kill(runtime.pid("nacre-http"), signal.SIGCONT)
        h.wait_healthy("a")


def test_haproxy_passes_it_through(runtime, tmp_path):
    """As docs/HOST.md shows it: TCP mode, no certificate on the parent instance."""
    haproxy = parent.program("haproxy")
    port = harness.free_port()
    config = tmp_path / "haproxy.cfg"
    config.write_text(f"""defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen enclave
  bind 127.0.0.1:{port}
  option httpchk GET /health_check
  server a {runtime.address[0]}:{runtime.address[1]} check check-ssl verify none
""")
    process = subprocess.Popen([haproxy, "-db", "-f", str(config)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        def served():
            try:
                return peers.served_key(("127.0.0.1", port))
            except OSError:
                return None
        assert wait_for("HAProxy", served, 15) == peers.served_key(runtime.address)
        runtime.verify(harness.request(("127.0.0.1", port), "POST", "/process_data", harness.media_body(1), tls=runtime.tls))
    finally:
        harness.end_process(process)
