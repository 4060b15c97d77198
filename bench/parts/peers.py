"""The servers that the same load goes to. A peer that cannot be had is left out, with one line that says why."""
import hashlib
import pathlib
import platform
import re
import shutil
import socket
import subprocess
import time

from . import accounting

ROOT = pathlib.Path(__file__).resolve().parents[2]
CARGO_OLDEST = (1, 85)


class Missing(Exception):
    """Why a peer cannot be had here."""


class Peer:
    """A server in a process of its own; its CPU time is that of this process and its descendants."""
    name = signs = None
    version = ""

    def __init__(self, run):
        self.run = run
        self.process = None
        self.address = ("127.0.0.1", run.harness.free_port())

    def command(self):
        raise NotImplementedError

    def start(self):
        self.process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.run.harness.wait_for(f"{self.name} to listen", self.listens, 15)

    def listens(self):
        try:
            with socket.create_connection(self.address, timeout=1):
                return True
        except OSError:
            if self.process.poll() is not None:
                raise Missing(f"{self.name} ended with {self.process.returncode}") from None
            return False

    def pids(self):
        return {f"{self.name} {pid}": pid for pid in accounting.tree(self.process.pid)}

    def ask(self, body):
        return self.run.harness.request(self.address, "POST", "/process_data", body)

    def key(self):
        return bytes.fromhex(self.run.harness.request(self.address, "GET", "/health_check").json["pk"])

    def check(self):
        """Is it right what is about to be timed? Signed answers are checked by code that is neither's."""
        check = self.run.check
        for n in range(20):
            body = self.run.harness.media_body(n, "ü\"\\ " * (n % 4) + "m" * n)
            reply = self.ask(body)
            assert reply.status == 200, f"{self.name}: {reply}"
            if not self.signs:
                assert len(reply.body) == self.run.answer_size, f"{self.name}: {len(reply.body)} bytes"
                continue
            answer = check.parse_json(reply.body.decode())["response"]
            check.verify_response(reply.body, self.key(), check.APPS["media"])
            assert answer["intent"] == 0 and abs(answer["timestamp_ms"] - time.time() * 1000) < 60_000, answer
            assert answer["data"] == {"media_hash": list(hashlib.sha256(str(n).encode()).digest()),
                                      "metadata": body["payload"]["metadata"]}, answer

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Nacre(Peer):
    name, signs = "nacre", True

    def start(self):
        self.runtime = self.run.harness.Runtime("media", direct=True, start=False)
        self.runtime.start()
        self.address = self.runtime.address

    def pids(self):
        return {name: self.runtime.pid(name) for name in ("nacred", "nacre-http", "nacre-app")}

    def stop(self):
        self.runtime.stop()


class Axum(Peer):
    name, signs = "axum", True

    def command(self):
        return [build_axum(self.run.out), "%s:%d" % self.address]


class Nginx(Peer):
    name, signs = "nginx", False
    CONFIG = """daemon off; master_process on; worker_processes auto; pid {dir}/pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 100000000; client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    server {{
        listen {host}:{port} backlog=4096;
        default_type application/json;
        location / {{ return 200 "{body}"; }}
    }}
}}
"""

    def command(self):
        program = find_nginx(self.run.out)
        config = self.run.directory / "nginx.conf"
        config.write_text(self.CONFIG.format(dir=self.run.directory, host=self.address[0], port=self.address[1],
                                             body="x" * self.run.answer_size))
        self.version = first_line([program, "-v"])
        return [program, "-c", str(config), "-p", str(self.run.directory), "-e", "stderr"]


class Microhttpd(Peer):
    name, signs = "microhttpd", False

    def command(self):
        return [str(self.run.tests / "constant-mhd"), "%s:%d" % self.address, str(self.run.answer_size)]


def first_line(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().partition("\n")[0]


def build_axum(out):
    """Path of the peer, built with the versions of its lock file."""
    cargo = shutil.which("cargo")
    if not cargo:
        raise Missing("no cargo (Debian 13's will do)")
    found = re.search(r"(\d+)\.(\d+)", first_line([cargo, "--version"]))
    version = (int(found.group(1)), int(found.group(2))) if found else (0, 0)
    if version < CARGO_OLDEST:
        raise Missing("cargo is %d.%d, and what the lock file names wants %d.%d" % (*version, *CARGO_OLDEST))
    done = subprocess.run([cargo, "build", "--release", "--locked", "--quiet", "--manifest-path",
                           str(ROOT / "bench" / "peers" / "axum" / "Cargo.toml"), "--target-dir", str(out / "peers" / "axum")],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"cargo build: {done.stderr.strip().splitlines()[-1:] or done.returncode}")
    return str(out / "peers" / "axum" / "release" / "media-axum")


def find_nginx(out):
    """nginx where it is installed, or else out of Debian's package, unpacked: installing it would start a service."""
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    unpacked = out / "peers" / "nginx"
    if found or (unpacked / "usr/sbin/nginx").exists():
        return found or str(unpacked / "usr/sbin/nginx")
    if not shutil.which("apt-get"):
        raise Missing("nginx is not installed")
    unpacked.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", "-qq", "nginx"], cwd=unpacked, capture_output=True, check=False)
    packages = sorted(unpacked.glob("nginx_*.deb"))
    if not packages or subprocess.run(["dpkg-deb", "-x", packages[-1], unpacked], check=False).returncode:
        raise Missing("nginx is not installed, and its package cannot be downloaded")
    return str(unpacked / "usr/sbin/nginx")


def versions(run):
    """What stood beside what."""
    lock = (ROOT / "bench/peers/axum/Cargo.lock").read_text()
    crates = dict(re.findall(r'name = "(axum|hyper|tokio|ed25519-dalek|curve25519-dalek|bcs)"\nversion = "([^"]+)"', lock))
    packages = {}
    for name in ("libmicrohttpd12", "libmicrohttpd12t64", "libsodium23", "libcurl4", "libcurl4t64", "libssl3",
                 "libssl3t64", "libc6", "wrk"):
        line = first_line(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", name]) \
            if shutil.which("dpkg-query") else ""
        if line.startswith("installed "):
            packages[name] = line.split()[1]
    nginx = next((p.version for p in run.peers if p.version), "")
    return {"crates": crates, "packages": packages, "nginx": nginx, "python": platform.python_version(),
            "rustc": first_line(["rustc", "--version"]) if shutil.which("rustc") else "",
            "gcc": first_line(["gcc", "--version"]) if shutil.which("gcc") else ""}


ALL = (Nacre, Axum, Nginx, Microhttpd)


def start_all(run, wanted=ALL):
    """Starts what can be had, and checks it. nacre comes first: the size of its answer is that of the constants."""
    found = []
    try:
        for kind in wanted:
            peer = kind(run)
            try:
                peer.start()
            except (Missing, OSError, AssertionError) as e:
                peer.stop() if peer.process else None
                if kind is Nacre:
                    raise
                run.say(f"left out: {kind.name}: {e}")
                continue
            found.append(peer)
            if kind is Nacre:
                run.answer_size = len(peer.ask(run.harness.media_body(0, "a picture taken on a Sunday, " * 3)).body)
            peer.check()
        return found
    except BaseException:
        for peer in found:
            peer.stop()
        raise
