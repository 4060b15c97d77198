"""Three runtimes behind a balancer, one killed under load: behind `nacre host`, and behind HAProxy. And slow clients."""
import os
import signal
import subprocess
import threading
import time

import pytest

import harness
import parent
from harness import wait_for

CLIENTS = 12

HAPROXY = """
global
    maxconn 1000
defaults
    mode tcp
    balance leastconn
    retries 3
    option redispatch 1
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend api
    bind 127.0.0.1:{port}
    default_backend enclaves
backend enclaves
    option httpchk GET /health_check
    default-server check inter 300ms fall 1 rise 1
{servers}
"""


@pytest.fixture
def three():
    runtimes = [harness.Runtime("media", direct=True) for _ in range(3)]
    yield runtimes
    for r in runtimes:
        r.stop(check=False)


def kill_all(runtime):
    """As when the enclave is gone: every process of it at once."""
    for pid in runtime.everyone():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def kill_one_under_load(address, runtimes):
    """Returns how many requests were on their way to the one that was killed, and how many were lost."""
    keys = [r.key for r in runtimes]
    with parent.Load(address, keys, clients=CLIENTS) as load:
        wait_for("all of them to be used", lambda: set(keys) <= set(load.on) and None not in load.on, 30)
        wait_for("answers", lambda: sum(load.good) > 20 * CLIENTS, 60)
        victims = {i for i, key in enumerate(load.on) if key == keys[1]}
        kill_all(runtimes[1])
        before = list(load.good)
        wait_for("every client to be answered again", lambda: all(n > b + 5 for n, b in zip(load.good, before)), 60)
        load.stop()
    assert not load.wrong, load.wrong[:3]
    assert set(load.on) == {keys[0], keys[2]}
    # Only who was on the killed one has lost anything, and nobody more than the one request on its way.
    lost = [i for i, _ in load.lost_on]
    assert set(lost) <= victims and len(lost) == len(set(lost)), (lost, victims)
    assert sum(load.refused) == 0
    return len(victims), len(lost)


def test_nacre_host_loses_no_more_than_what_was_on_its_way(three):
    with parent.Host([parent.at(r, f"r{i}") for i, r in enumerate(three)]) as host:
        host.wait_healthy("r0", "r1", "r2")
        on_its_way, lost = kill_one_under_load(host.address, three)
        assert on_its_way == CLIENTS // 3
        assert lost <= on_its_way
        wait_for("it to be known as unwell", lambda: host.enclave("r1")["health"] == "unhealthy")
        assert host.health_reply().status == 200


def test_haproxy_loses_no_more_than_what_was_on_its_way(three, tmp_path):
    haproxy = parent.program("haproxy")
    address = ("127.0.0.1", harness.free_port())
    servers = "\n".join("    server r%d %s:%d" % (i, *r.address) for i, r in enumerate(three))
    config = tmp_path / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=address[1], servers=servers))
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([haproxy, "-db", "-f", str(config)], stdout=log, stderr=log)
    try:
        wait_for("HAProxy", lambda: answers(address), 15)
        on_its_way, lost = kill_one_under_load(address, three)
        assert 0 < on_its_way < CLIENTS and lost <= on_its_way
    finally:
        harness.end_process(process) if process.poll() is None else None
        print((tmp_path / "log").read_text("utf-8", "replace")[-2000:])


def answers(address):
    try:
        return harness.request(address, "GET", "/", timeout=2).status == 200
    except OSError:
        return False


def test_haproxy_in_front_of_nacre_host(three):
    """The way they stand together: HAProxy for TLS and names, nacre host for vsock. The health check is /health."""
    haproxy = parent.program("haproxy")
    address = ("127.0.0.1", harness.free_port())
    hosts = [parent.Host([parent.at(r, "a")]) for r in three[:2]]
    try:
        servers = "\n".join("    server p%d %s:%d check port %d" % (i, *h.address, h.health_address[1])
                            for i, h in enumerate(hosts))
        config = hosts[0].dir / "haproxy.cfg"
        config.write_text(HAPROXY.replace("/health_check", "/health").format(port=address[1], servers=servers))
        with open(hosts[0].dir / "haproxy.log", "wb") as log:
            process = subprocess.Popen([haproxy, "-db", "-f", str(config)], stdout=log, stderr=log)
        try:
            wait_for("HAProxy", lambda: answers(address), 15)
            with parent.Load(address, [r.key for r in three], clients=6) as load:
                wait_for("both", lambda: {three[0].key, three[1].key} <= set(load.on), 20)
                kill_all(three[0])
                wait_for("/health to say so", lambda: hosts[0].health_reply().status == 503)
                time.sleep(0.5)
                before = list(load.good)
                wait_for("answers of the other", lambda: all(n > b + 5 for n, b in zip(load.good, before)), 30)
                load.stop()
            assert not load.wrong and set(load.on) == {three[1].key}
        finally:
            harness.end_process(process)
    finally:
        for h in hosts:
            h.stop()


def test_the_demonstration():
    """`make demo-parent`: it ends by itself and says what was lost."""
    done = subprocess.run(["/usr/bin/python3", str(harness.ROOT / "tests" / "independent" / "demo_parent.py"), "--out",
                           str(harness.OUT)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("refused ", "sealed ", "delivered ", "lost ", "verified "):
        assert f"\n{word}" in done.stdout, done.stdout


# ---- slowhttptest -------------------------------------------------------------------------------------------------

ATTACKS = {
    "slow headers": ["-H", "-i", "1", "-x", "24", "-u", "{url}/"],
    "slow body": ["-B", "-i", "1", "-s", "8192", "-x", "10", "-t", "POST", "-u", "{url}/process_data"],
    "slow read": ["-X", "-w", "1", "-y", "4", "-n", "5", "-z", "1", "-k", "3", "-u", "{url}/openapi.json"],
}


@pytest.mark.parametrize("attack", list(ATTACKS))
def test_slow_clients_do_not_stop_others(attack):
    """A thousand connections of one address, with the limits that are the defaults; other addresses go on."""
    tool = parent.program("slowhttptest")
    limits = {"connections_per_client": 256, "rate_per_client": 200}
    with harness.Runtime("media", direct=True) as runtime, \
            parent.Host([parent.at(runtime, "a")], limits=limits) as host:
        host.wait_healthy("a")
        command = [tool, "-c", "1000", "-r", "500", "-l", "6", "-p", "3"] + [
            word.format(url="http://%s:%d" % host.address) for word in ATTACKS[attack]]
        said = []
        attacker = threading.Thread(target=lambda: said.append(subprocess.run(
            command, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL)))
        attacker.start()
        try:
            wait_for("the attack", lambda: host.health()["connections"] >= 200, 20)
            with parent.Load(host.address, [runtime.key], clients=4, source="127.0.0.2") as load:
                time.sleep(3)
                held = host.health()["connections"]
                load.stop()
        finally:
            attacker.join(60)
        assert sum(load.good) > 100 and not load.wrong
        assert sum(load.lost) == 0 and sum(load.refused) == 0
        assert max(load.slowest) < 5, load.slowest
        assert 100 < held <= 256 + 4, held
        metrics = host.metrics()
        assert metrics['refused_total{reason="connections_per_client"}'] + \
            metrics['refused_total{reason="rate_per_client"}'] > 100
        assert host.get("/").status in (200, 429)
