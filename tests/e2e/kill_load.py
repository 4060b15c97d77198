"""
Both helpers killed over and over under load, with every answer checked: its signature, its time against this machine's
clock, that it is the answer to its own request, and that no secret and nothing of a request stands where it must not.
"""
import hashlib
import os
import secrets as random_bytes
import signal
import time

import harness
from harness import TEST_PLUGINS, finish_storm, state_of, start_time, wait_for

# Times are signed only while their error is at most this, so no answer may be further off.
BOUND_MS = 100
SETS = ["restart.initial_ms=1", "restart.max_ms=1", "restart.reset_s=1", "log.level=debug", f"clock.max_error_ms={BOUND_MS}"]
HELPERS = ("nacre-http", "nacre-app")
TYPES = {0: [("media_hash", "bytes"), ("metadata", "string")], 1: [("digest", "bytes")]}


class KillLoad:
    def __init__(self):
        self.secret = "secret-" + random_bytes.token_hex(12)
        self.canary = "canary-" + random_bytes.token_hex(12)
        self.runtime = harness.Runtime(plugin=TEST_PLUGINS / "keeper.so", direct=True, sets=SETS, secrets={"KEPT": self.secret})
        self.kills = {name: 0 for name in HELPERS}
        self.sums = dict.fromkeys(("good", "foreign", "bad_signature", "bad_time", "leaks", "malformed", "closed",
                                   "refused"), 0)
        self.statuses = {}

    def kill(self, name):
        pid = self.runtime.pid(name)
        if pid is None:
            return
        born = start_time(pid)
        os.kill(pid, signal.SIGKILL if self.kills[name] % 2 or harness.SANITIZED else signal.SIGSEGV)
        self.kills[name] += 1
        wait_for(f"{name} to be gone", lambda: start_time(pid) != born or state_of(pid) in ("", "Z"))

    def load(self, seconds, every=1.0):
        """Both are killed once in `every` seconds, half of that apart."""
        storm = self.runtime.begin_storm(seconds=seconds, connections=64, bound_ms=BOUND_MS, canary=self.canary,
                                         forbid=self.secret, give_up=seconds + 60)
        due, turn = time.monotonic() + every / 2, 0
        while storm.poll() is None:
            time.sleep(max(0.0, due - time.monotonic()))
            if storm.poll() is None:
                self.kill(HELPERS[turn % 2])
            due, turn = due + every / 2, turn + 1
        report = finish_storm(storm, check=False)
        for name in self.sums:
            self.sums[name] += report[name]
        for status, n in report["statuses"].items():
            self.statuses[status] = self.statuses.get(status, 0) + n
        return report

    def keeps_secret(self):
        """The app that runs now has the secret that was delivered once, at the start."""
        def answered():
            try:
                return self.runtime.post("/secret", {"tag": ""}).status == 200
            except OSError:
                return False
        wait_for("service", answered)
        data = self.runtime.verify(self.runtime.post("/secret", {"tag": ""}), TYPES)["response"]["data"]
        return bytes(data["digest"]) == hashlib.sha256(self.secret.encode()).digest()

    def leaks(self):
        """Answers that held what they must not, and lines of the log with the secret or anything of a request."""
        log = self.runtime.log()
        assert "helper ended" in log, "the log is not what was searched"
        return self.sums["leaks"] + sum(self.secret in line or self.canary in line for line in log.splitlines())

    def finish(self):
        """The line with all counts; asserts what must be zero and what must not."""
        same_key = bytes.fromhex(self.runtime.health()["pk"]) == self.runtime.key
        kept, leaks = self.keeps_secret(), self.leaks()
        line = (f"kills: {sum(self.kills.values())} of helpers, {self.sums['good']} answers verified, wrong signatures "
                f"{self.sums['bad_signature']}, times outside the bound of {BOUND_MS} ms {self.sums['bad_time']}, answers "
                f"that belong to another request {self.sums['foreign']}, secrets in output {leaks}, key the same: "
                f"{'yes' if same_key else 'NO'}, secret kept: {'yes' if kept else 'NO'}; not answered 200: "
                f"{self.statuses or 'none'}, cut off {self.sums['closed']}")
        print(line, flush=True)
        assert same_key and kept, line
        assert not any(self.sums[name] for name in ("bad_signature", "bad_time", "foreign", "malformed")) and leaks == 0, line
        assert self.sums["refused"] == 0, "the listening socket was lost"
        assert set(self.statuses) <= {"503"}, line
        return line
