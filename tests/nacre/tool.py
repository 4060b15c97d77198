"""Runs the program `nacre` for the tests and looks at its processes from outside. Uses nothing of nacre's own code."""

import os
import pathlib
import re
import select
import signal
import subprocess
import time

OUT = pathlib.Path(os.environ.get("NACRE_OUT", "out")).resolve()
BIN = OUT / "bin"
FIXTURES = OUT / "tests" / "nacre-plugins"
WAIT = 60  # seconds for anything to happen, sanitizers included
READY = re.compile(r"ready url=(\S+) public_key=([0-9a-f]{64}) root=(\S+) dir=(\S+)\n")


def nacre(*arguments, env=None, cwd=None):
    """Runs it to its end: (exit code, standard output, standard error)."""
    done = subprocess.run([str(BIN / "nacre"), *map(str, arguments)], capture_output=True, timeout=WAIT, check=False,
                          env=env, cwd=cwd, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr.decode()


def stat_of(pid):
    """The fields of /proc/PID/stat after the name; None when there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def alive(pid):
    stat = stat_of(pid)
    return stat is not None and stat[0] not in "ZX"


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def descendants(pid):
    parents = {}
    for entry in os.listdir("/proc"):
        stat = stat_of(entry) if entry.isdigit() else None
        if stat:
            parents.setdefault(int(stat[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found


def wait_for(what, condition, seconds=WAIT):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.01)


class Dev:
    """One `nacre dev` in the background, with a TMPDIR of its own to see what it leaves there."""

    def __init__(self, directory, *arguments, program=BIN / "nacre"):
        self.tmp = pathlib.Path(directory) / "tmp"
        self.tmp.mkdir(exist_ok=True)
        self.log_path = pathlib.Path(directory) / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([str(program), "dev", *map(str, arguments)], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=log, env=dict(os.environ, TMPDIR=str(self.tmp)))
        self.pid = self.process.pid
        self.seen = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.stdout.close()
        self.process.wait()

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def ready(self):
        """Reads the ready line: (url, public key, root, dir)."""
        line = b""
        end = time.monotonic() + WAIT
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 65536) if readable else b""
            assert chunk, f"no ready line; {self.process.poll()}; {self.log}"
            line += chunk
        found = READY.fullmatch(line.decode())
        assert found, line
        self.seen = set(descendants(self.pid))
        return found.groups()

    def children(self):
        """name -> pid of all processes below."""
        return {name_of(pid): pid for pid in descendants(self.pid)}

    def send(self, number):
        self.process.send_signal(number)

    def end(self):
        """Waits for the end: (exit code, what more came on standard output)."""
        rest, _ = self.process.communicate(timeout=WAIT)
        return self.process.returncode, rest

    def stop(self, number=signal.SIGTERM):
        self.send(number)
        return self.end()

    def assert_nothing_left(self):
        """No process and no file of this run survives it."""
        wait_for("its processes to end", lambda: not [pid for pid in self.seen if alive(pid)])
        wait_for("its files to go", lambda: not list(self.tmp.iterdir()))
