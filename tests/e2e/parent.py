"""Runs `nacre host` and what stands on both sides of it for the tests: VMs behind a Unix socket, load that verifies."""
import http.client
import json
import os
import pathlib
import select
import signal
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest

import harness
import nacre_check
from harness import BIN, wait_for


class Host:
    """One daemon in a directory of its own. It tells us that it is ready as it would tell systemd."""

    def __init__(self, enclaves=(), ingress=None, start=True, watchdog_us=None, **sections):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="nacre-host-"))
        self.address = ("127.0.0.1", harness.free_port())
        self.health_address = ("127.0.0.1", harness.free_port())
        self.config = {
            "ingress": ingress or [{"listen": "tcp:%s:%d" % self.address, "port": 3000}],
            "enclaves": list(enclaves),
            "health": {"listen": "tcp:%s:%d" % self.health_address, "interval_ms": 100},
            "limits": {"connections_per_client": 0, "rate_per_client": 0},
            "nitro": {"describe": "none", "console": "none"},
        }
        for section, values in sections.items():
            if isinstance(values, dict):
                self.config.setdefault(section, {}).update(values)
            else:
                self.config[section] = values
        self.path = self.dir / "host.yaml"
        self.log_path = self.dir / "log"
        self.watchdog_us = watchdog_us
        self.process = None
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(self.dir / "notify"))
        self.write()
        if start:
            self.start()

    def write(self):
        """YAML as JSON, which it contains."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(self.config, indent=1))
        fresh.rename(self.path)

    def spawn(self):
        env = dict(os.environ, NOTIFY_SOCKET=str(self.dir / "notify"))
        if self.watchdog_us:
            env["WATCHDOG_USEC"] = str(self.watchdog_us)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(BIN / "nacre"), "host", "run", "--config", str(self.path)], stdout=log,
                                            stderr=log, env=env)

    def said(self, seconds=15):
        """The next message to systemd."""
        ready, _, _ = select.select([self.notify], [], [], seconds)
        assert ready, f"nothing was said\n{self.log()}"
        return self.notify.recv(4096).decode()

    def start(self):
        self.spawn()
        while self.said() != "READY=1":
            pass

    def reload(self, good=True):
        self.write()
        before = self.health()
        self.process.send_signal(signal.SIGHUP)
        which = "reloads" if good else "reloads_failed"
        wait_for("the configuration to be read", lambda: self.health()[which] == before[which] + 1)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, check=True):
        if self.process is None:
            return
        status = harness.end_process(self.process, 40)
        self.process = None
        self.notify.close()
        if check:
            assert status == 0, f"exit status {status}\n{self.log()[-4000:]}"
            assert "Sanitizer" not in self.log() and "runtime error:" not in self.log(), self.log()[-8000:]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop(check=kind is None)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def log(self):
        return self.log_path.read_text("utf-8", "replace")

    def request(self, method, path, body=None, **kw):
        return harness.request(self.address, method, path, body, **kw)

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def health_reply(self):
        return harness.request(self.health_address, "GET", "/health")

    def health(self):
        return self.health_reply().json

    def enclave(self, name):
        return next((e for e in self.health()["enclaves"] if e["name"] == name), None)

    def metrics(self):
        text = harness.request(self.health_address, "GET", "/metrics").body.decode()
        return {line.rpartition(" ")[0].removeprefix("nacre_host_"): int(line.rpartition(" ")[2])
                for line in text.splitlines() if not line.startswith("#")}

    def wait_healthy(self, *names):
        for name in names:
            wait_for(f"{name} to be healthy", lambda: (self.enclave(name) or {}).get("health") == "healthy", 15)


def program(name):
    """The path of another program, or a skip that says what is missing."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def at(runtime, name, **more):
    """A runtime of `nacre dev` as an enclave of the configuration."""
    return dict(name=name, connect="tcp:%s:%d" % runtime.address, **more)


def pump(one, other):
    """Bytes from one socket to the other until the end, which is not passed on: what vhost-device-vsock does."""
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    for s in (one, other):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(listener, each):
    """Runs each(connection) in a thread for every connection until the listener is closed."""
    def loop():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=each, args=(connection,), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()


class Vm:
    """A VM behind a Unix socket in Firecracker's way: port 3000 of it is a runtime."""

    def __init__(self, directory, name, ports):
        self.name, self.ports = name, dict(ports)  # port -> TCP address, or a function of the connection
        self.path = str(pathlib.Path(directory) / f"{name}.vsock")
        self.asked = []
        self.answer = None  # instead of OK
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(256)
        serve(self.listener, self.each)

    def each(self, s):
        line = b""
        while not line.endswith(b"\n"):
            byte = s.recv(1)
            if not byte:
                return
            line += byte
        self.asked.append(line)
        if self.answer is not None:
            s.sendall(self.answer)
            s.close()
            return
        to = self.ports.get(int(line.split()[1]))
        if to is None:  # nobody listens in there
            s.close()
            return
        if callable(to):
            s.sendall(b"OK 1073741824\n")
            to(s)
            return
        try:
            inner = socket.create_connection(to, timeout=10)
        except OSError:
            s.close()
            return
        inner.settimeout(None)
        try:
            s.sendall(b"OK 1073741824\n")
        except OSError:
            pass
        threading.Thread(target=pump, args=(inner, s), daemon=True).start()
        pump(s, inner)
        inner.close()
        s.close()

    @property
    def config(self):
        return {"name": self.name, "connect": f"unix:{self.path}"}

    def outward(self, port, timeout=20):
        """What the guest does to get out."""
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.settimeout(timeout)
        s.connect(f"{self.path}_{port}")
        return s

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Load:
    """
    Clients that ask one signed answer after another and verify each. Every client has one request on its way at a time,
    so `lost` counts requests that were on their way when something broke.
    """

    def __init__(self, address, keys, clients=12, keep_alive=True, app="media", source=None, body=None):
        self.body = body or (lambda i, n: harness.media_body(n, f"client {i}"))
        self.address, self.keys, self.keep_alive, self.app = address, keys, keep_alive, app
        self.source = source
        self.stopping = threading.Event()
        self.good, self.lost, self.refused, self.wrong = [0] * clients, [0] * clients, [0] * clients, []
        self.on = [None] * clients  # which key the client's connection was answered with
        self.lost_on = []           # (client, that key) of each lost request
        self.slowest = [0.0] * clients
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(clients)]
        for thread in self.threads:
            thread.start()

    def key_of(self, body):
        for key in self.keys:
            try:
                nacre_check.verify_response(body, key, nacre_check.APPS[self.app])
                return key
            except Exception:  # another key's, or nobody's
                continue
        return None

    def run(self, i):
        connection, n = None, 0
        while not self.stopping.is_set():
            n += 1
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(
                        *self.address, timeout=30, source_address=(self.source, 0) if self.source else None)
                    connection.connect()
                    self.on[i] = None
            except OSError:
                connection = None
                self.refused[i] += 1
                time.sleep(0.02)
                continue
            try:
                began = time.monotonic()
                connection.request("POST", "/process_data", json.dumps(self.body(i, n)),
                                   {"Content-Type": "application/json"})
                reply = connection.getresponse()
                body = reply.read()
            except (OSError, http.client.HTTPException):
                self.lost[i] += 1
                self.lost_on.append((i, self.on[i]))
                connection.close()
                connection = None
                time.sleep(0.1)  # not into the queue of what is just going down
                continue
            self.slowest[i] = max(self.slowest[i], time.monotonic() - began)
            if reply.status == 200:
                key = self.key_of(body)
                if key is None:
                    self.wrong.append(body)
                else:
                    self.good[i] += 1
                    self.on[i] = key
            else:
                self.refused[i] += 1
                time.sleep(0.02)
            if not self.keep_alive or reply.status != 200 or reply.will_close:
                connection.close()
                connection = None
        if connection:
            connection.close()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
