"""Starts and stops the real programs for the tests, and looks at them from outside (/proc)."""
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = pathlib.Path(os.environ.get("NACRE_OUT", ROOT / "out"))
BIN = OUT / "bin"
PLUGINS = OUT / "plugins"
TEST_PLUGINS = OUT / "tests" / "plugins"
STORM = OUT / "tests" / "storm"
SANITIZED = OUT.name in ("asan", "tsan")

sys.path.insert(0, str(ROOT / "tests" / "independent"))
import nacre_check  # noqa: E402


# ---- Processes ----------------------------------------------------------------------------------------------------

def parent_of(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return -1


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def state_of(pid):
    """One letter as in /proc/PID/stat, '' when there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def thread_states(pid):
    return [pathlib.Path(f"/proc/{pid}/task/{task}/stat").read_text().rpartition(")")[2].split()[0]
            for task in os.listdir(f"/proc/{pid}/task")]


def descendants(pid):
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            children.setdefault(parent_of(int(entry)), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            found.append(child)
            todo.append(child)
    return found


def start_time(pid):
    """Clock ticks since boot; with the pid it names a process for ever."""
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return -1


def descriptors(pid):
    return sorted(int(n) for n in os.listdir(f"/proc/{pid}/fd"))


def memory_kib(pid, field="Pss"):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise AssertionError(f"no {field} for {pid}")


def cpu_seconds(pid):
    """User and system time of all threads, in seconds, from the scheduler's nanoseconds."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        total += int(pathlib.Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    return total / 1e9


def can_read_memory():
    """May this user read the memory of processes that are not dumpable?"""
    return os.geteuid() == 0


def wait_for(what, condition, seconds=10.0, pause=0.01):
    """Polls until condition() is true and returns its value; fails with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(pause)


def end_process(process, seconds=15):
    """SIGTERM to one child, SIGKILL when it does not listen. Returns its exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{process.args[0]} did not end within {seconds} s of SIGTERM") from None
    return process.returncode


# ---- HTTP ---------------------------------------------------------------------------------------------------------

class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return nacre_check.parse_json(self.body.decode("utf-8"))

    @property
    def error(self):
        """The text of an error answer, which must have the form of one."""
        parsed = self.json
        assert list(parsed) == ["error"] and isinstance(parsed["error"], str) and parsed["error"], parsed
        return parsed["error"]

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:400]!r}>"


def loose_context():
    """TLS whose certificate is looked at by whoever calls, or by nobody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def request(address, method, path, body=None, headers=None, timeout=20, tls=None):
    """`tls`: a context for HTTPS; plain HTTP without."""
    connection = (http.client.HTTPSConnection(*address, timeout=timeout, context=tls) if tls else
                  http.client.HTTPConnection(*address, timeout=timeout))
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        raw = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} if raw is not None else {}
        given.update(headers or {})
        if raw is not None and "Content-Length" not in given and "Transfer-Encoding" not in given:
            given["Content-Length"] = str(len(raw))
        for name, value in given.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(raw)
        answer = connection.getresponse()
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def raw_exchange(address, data, timeout=10, shut=False):
    """Sends bytes as they are, returns all that comes back until the peer closes or `timeout` is over."""
    got = b""
    with socket.create_connection(address, timeout=timeout) as s:
        try:
            s.sendall(data)
            if shut:
                s.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            ready, _, _ = select.select([s], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                break
            try:
                more = s.recv(65536)
            except ConnectionResetError:
                break
            if not more:
                break
            got += more
            if complete(got):
                break
    return got


def complete(raw):
    """Is this a whole HTTP answer with a Content-Length?"""
    head, mark, body = raw.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length:\s*(\d+)", head)
    return bool(mark) and length is not None and len(body) >= int(length.group(1))


def status_of(raw):
    found = re.match(rb"HTTP/1\.[01] (\d{3})", raw)
    return int(found.group(1)) if found else None


# ---- The runtime --------------------------------------------------------------------------------------------------

def ready_line(text):
    """Host, port and public key of what `nacre dev` says when it serves."""
    host, port, key = re.search(r"url=https?://([^:/\s]+):(\d+)\S* public_key=([0-9a-f]{64})", text).groups()
    return host, int(port), key


class Runtime:
    """
    One simulator and one runtime, with everything about them in a directory of their own: started by `nacre dev`, or
    with direct=True program by program, which gives the test the simulator's control socket.
    """

    def __init__(self, app=None, plugin=None, sets=(), secrets=None, upstream=(), ca=None, admin=False, allow=None,
                 direct=False, sim=(), options=(), start=True):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="nacre-e2e-"))
        self.app = app
        self.plugin = pathlib.Path(plugin) if plugin else PLUGINS / app / f"{app}.so"
        self.allow = pathlib.Path(allow) if allow else self.plugin.parent / "allowed_endpoints.yaml"
        self.log_path = self.dir / "log"
        self.control_path = self.dir / "sim-control"
        self.root_path = self.dir / "run" / "root.pem"
        self.manifest_path = self.dir / "run" / "manifest.cbor"
        self.secrets_path = None
        self.out = ""
        self.address = self.admin = self.key = self.process = self.simulator = None
        self.tls = loose_context() if any(s.startswith("http.tls=") and s != "http.tls=none" for s in sets) else None
        self.sets, self.upstream, self.ca, self.options = list(sets), upstream, ca, options
        self.direct, self.sim_options = direct or bool(sim), sim
        if secrets is not None:
            self.secrets_path = self.dir / "secrets.json"
            self.secrets_path.write_text(secrets if isinstance(secrets, str) else json.dumps(secrets))
        if admin:
            self.admin = ("127.0.0.1", free_port())
        if start:
            self.start()

    def dev_command(self):
        command = [str(BIN / "nacre"), "dev", "--listen", "127.0.0.1:0", "--keep", str(self.dir / "run")]
        command += ["--app", self.app] if self.plugin.parent == PLUGINS / str(self.app) else ["--plugin", str(self.plugin)]
        if self.allow.exists():
            command += ["--allow", str(self.allow)]
        if self.secrets_path:
            command += ["--secrets", str(self.secrets_path)]
        for one in self.upstream:
            command += ["--upstream", one]
        if self.ca:
            command += ["--ca", str(self.ca)]
        if self.admin:
            command += ["--admin", "%s:%d" % self.admin]
        for one in self.sets:
            command += ["--set", one]
        return command + list(self.options)

    def settings(self):
        """The configuration file of a direct start."""
        sections = {"listen": {"api": "tcp:127.0.0.1:0"}, "nsm": {"transport": f"unix:{self.dir}/run/nsm"}}
        if self.admin:
            sections["listen"]["admin"] = "tcp:%s:%d" % self.admin
        if self.secrets_path:
            sections["secrets"] = {"source": f"file:{self.secrets_path}"}
        for one in self.sets:
            name, _, value = one.partition("=")
            section, _, key = name.partition(".")
            sections.setdefault(section, {})[key] = value
        lines = []
        for section, values in sections.items():
            lines.append(f"{section}:")
            lines += [f"  {key}: {value if str(value).isdigit() else json.dumps(value)}" for key, value in values.items()]
        return "\n".join(lines) + "\n"

    def write_manifest(self):
        """What the build does for an image. Returns (exit status, what was said)."""
        (self.dir / "run").mkdir(exist_ok=True)
        (self.dir / "nacre.yaml").write_text(self.settings())
        allow = self.allow
        if not allow.exists():
            allow = self.dir / "allowed_endpoints.yaml"
            allow.write_text("endpoints: []\n")
        done = subprocess.run([str(BIN / "nacre"), "plugin", "manifest", str(self.plugin), "--config",
                               str(self.dir / "nacre.yaml"), "--allow", str(allow), "-o", str(self.manifest_path)],
                              capture_output=True, timeout=30, check=False)
        return done.returncode, (done.stdout + done.stderr).decode()

    def start_simulator(self):
        (self.dir / "run").mkdir(exist_ok=True)
        with open(self.log_path, "ab") as log:
            self.simulator = subprocess.Popen(
                [str(BIN / "nacre-nsm-sim"), "--socket", str(self.dir / "run" / "nsm"), "--control",
                 str(self.control_path), "--root-out", str(self.root_path), "--ready-fd", "1", *self.sim_options],
                stdout=subprocess.PIPE, stderr=log, cwd=ROOT)
        assert self.simulator.stdout.readline() == b"ready\n", self.log()

    def direct_command(self):
        return [str(BIN / "nacred"), "--manifest", str(self.manifest_path), "--plugin", str(self.plugin), *self.options]

    def open_log(self):
        """What the runtime gets as its standard error."""
        return open(self.log_path, "ab")

    def popen(self, command, ready_fd=False):
        """Starts it with its ready line in our pipe: standard output, or a descriptor that is named to it."""
        with self.open_log() as log:
            if not ready_fd:
                return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, cwd=ROOT)
            ours, theirs = os.pipe()
            try:
                process = subprocess.Popen([*command, "--ready-fd", str(theirs)], stdout=log, stderr=log, cwd=ROOT,
                                           pass_fds=[theirs])
            finally:
                os.close(theirs)
            process.stdout = open(ours, "rb")
            return process

    def spawn(self):
        if self.direct:
            status, said = self.write_manifest()
            assert status == 0, said
            self.start_simulator()
        self.process = self.popen(self.direct_command(), True) if self.direct else self.popen(self.dev_command())

    def start(self, seconds=30):
        self.spawn()
        end = time.monotonic() + seconds
        while "\n" not in self.out:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 65536).decode() if ready else ""
            if not chunk:
                self.stop(check=False)
                raise AssertionError(f"not ready: {self.process}\n{self.out}\n{self.log()[-4000:]}")
            self.out += chunk
        if self.direct:
            key, port = re.fullmatch(r"ready ([0-9a-f]{64}) (\d+)\n", self.out).groups()
            host = "127.0.0.1"
        else:
            host, port, key = ready_line(self.out)
            self.root_path = pathlib.Path(re.search(r"root=(\S+)", self.out).group(1))
        self.address = (host, int(port))
        self.key = bytes.fromhex(key)
        # nacred says ready when it knows; nacre-http learns it a moment later.
        wait_for("the app", lambda: self.health()["app_state"] == "up", 5, 0.001)

    def fails(self, seconds=30):
        """Starts what must not start. Returns (exit status, what was said)."""
        self.spawn()
        try:
            out, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"started, or hangs: {self.log()}") from None
        finally:
            status = self.process.returncode
            self.stop(check=False)
        self.out = out.decode()
        return status, self.out + self.log()

    def everyone(self):
        """All processes of this runtime."""
        roots = [p.pid for p in (self.process, self.simulator) if p is not None]
        return roots + [pid for root in roots for pid in descendants(root)]

    def stop(self, check=True):
        """Stops it all by SIGTERM; with `check`: cleanly, and nothing is left."""
        if self.process is None:
            return
        running = [(p, start_time(p)) for p in self.everyone()]
        status = end_process(self.process)
        self.process.stdout.close()
        if self.simulator is not None:
            end_process(self.simulator)
            self.simulator.stdout.close()

        def left():
            return [p for p, t in running if start_time(p) == t and state_of(p) not in ("", "Z")]

        end = time.monotonic() + 2
        while left() and time.monotonic() < end:
            time.sleep(0.01)
        still = left()
        for pid in still:
            os.kill(pid, signal.SIGKILL)
        self.process = self.simulator = None
        if check:
            assert status == 0, f"exit status {status}\n{self.log()[-4000:]}"
            assert not still, f"left running: {still}"
            assert "Sanitizer" not in self.log() and "runtime error:" not in self.log(), self.log()[-8000:]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop(check=kind is None)

    def log(self):
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    def pid(self, name):
        """The living process of this name: nacred, nacre-http, nacre-app, nacre-nsm-sim."""
        for pid in self.everyone():
            if name_of(pid) == name and state_of(pid) not in ("Z", "X", ""):
                return pid
        return None

    def request(self, method, path, body=None, headers=None, timeout=20):
        return request(self.address, method, path, body, headers, timeout, self.tls)

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, body, **kw):
        return self.request("POST", path, body, **kw)

    def raw(self, data, **kw):
        return raw_exchange(self.address, data, **kw)

    def health(self):
        return self.get("/health_check").json

    def sim(self, line):
        """One line to the simulator's control socket. Returns its answer, which must begin with ok."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(10)
            s.connect(str(self.control_path))
            s.sendall(line.encode() + b"\n")
            answer = s.makefile().readline().strip()
        assert answer.startswith("ok"), f"{line}: {answer}"
        return answer[2:].strip()

    def verify(self, reply, types=None):
        """A signed answer: status 200 and a signature that an implementation not ours accepts. Returns its JSON."""
        assert reply.status == 200, reply
        nacre_check.verify_response(reply.body, self.key, types or nacre_check.APPS[self.app])
        return reply.json

    def document(self, reply_or_hex, **kw):
        """An attestation document, checked. Returns its payload."""
        text = reply_or_hex if isinstance(reply_or_hex, str) else reply_or_hex.json["attestation"]
        payload = nacre_check.verify_document(bytes.fromhex(text), self.root_path, **kw)
        assert payload["public_key"] == self.key
        nacre_check.check_measured(payload, self.plugin)
        return payload

    def storm(self, **options):
        """Runs the load client to its end. Returns its report."""
        return finish_storm(self.begin_storm(**options))

    def begin_storm(self, verify=True, **options):
        command = [str(STORM), "--to", "%s:%d" % self.address]
        if verify:
            command += ["--key", self.key.hex()]
        for name, value in options.items():
            command += ["--" + name.replace("_", "-"), str(value)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish_storm(process, seconds=600, check=True):
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    assert process.returncode == 0 or (not check and process.returncode == 1), f"storm ended with {process.returncode}: {err.decode()} {out.decode()}"
    return json.loads(out)


# Below the range that the kernel hands out by itself (net.ipv4.ip_local_port_range): no connection of anybody's and no
# bind to port 0 takes one of these between the look here and the program's own bind.
OWN_PORTS = range(15000, 31000)
_reserved = []


def free_port():
    """
    A port for a program that cannot say which one the kernel gave it. Other test runs on this machine stay away from it:
    its number is held as a name in the abstract namespace until this process ends.
    """
    for port in random.sample(OWN_PORTS, len(OWN_PORTS)):
        name, probe = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), socket.socket()
        with probe:
            try:
                name.bind(f"\0nacre-test-port-{port}")
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
                probe.listen()
            except OSError:
                name.close()
                continue
        _reserved.append(name)
        return port
    raise AssertionError("no port is free")


def media_body(n, text="m"):
    return {"payload": {"media_hash": hashlib.sha256(str(n).encode()).hexdigest(), "metadata": f"{text} {n}"}}
