"""One run of the bench: what its parts share."""
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time

from . import stats

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Run:
    def __init__(self, out, rounds, seconds):
        os.environ["NACRE_OUT"] = str(out)
        os.environ.pop("NOTIFY_SOCKET", None)
        sys.path.insert(0, str(ROOT / "tests" / "e2e"))
        import harness
        import nacre_check
        self.harness, self.check = harness, nacre_check
        self.out, self.tests, self.bin = out, out / "tests", out / "bin"
        self.rounds, self.seconds = rounds, seconds
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="nacre-bench-"))
        os.chmod(self.directory, 0o755)  # nginx's workers are another user
        self.peers, self.signatures, self.answer_size = [], [], 0
        self.begin = time.monotonic()

    def say(self, text):
        print(f"bench: {time.monotonic() - self.begin:5.0f} s  {text}", file=sys.stderr, flush=True)

    def sign(self):
        """One more measurement of the bare signature, in microseconds of CPU time."""
        done = subprocess.run([self.tests / "sign-once"], capture_output=True, check=True)
        self.signatures.append(int(done.stdout) / 1000)
        return self.signatures[-1]

    def signature_us(self):
        return stats.summary(self.signatures)["median"]

    def close(self):
        for peer in self.peers:
            peer.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def git(*words):
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def machine():
    """The machine, what else it had to do, and what was measured on it."""
    model = [line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    system = ""
    if pathlib.Path("/etc/os-release").exists():
        system = dict(line.partition("=")[::2] for line in pathlib.Path("/etc/os-release").read_text().splitlines()
                      ).get("PRETTY_NAME", "").strip('"')
    memory = pathlib.Path("/proc/meminfo").read_text().splitlines()[0].split()[1]
    return {"cpus": len(os.sched_getaffinity(0)), "model": model[0] if model else platform.machine(),
            "memory_mib": int(memory) // 1024, "kernel": platform.release(), "system": system,
            "load_before": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "commit": git("rev-parse", "--short=12", "HEAD"), "changed": bool(git("status", "--porcelain", "-uno"))}
