"""One attack of a hostile plugin (plugins/hostile): what it reached, what the core did, and that honest requests go on."""
import collections
import dataclasses
import re
import threading
import time

import harness
from harness import TEST_PLUGINS, wait_for

TYPES = {
    3: [("flag", "bool"), ("text", "string"), ("small", "u16"), ("bytes", "bytes"), ("maybe", ("option", "u8")),
        ("list", ("vector", "u32"))],
    4: [("amount", "u64")],
    5: [("reached", "string"), ("said", "string"), ("tried", "u64"), ("sent", "u64")],
}
RIGHT = {"flag": True, "text": "hi", "small": 513, "bytes": [1, 2], "maybe": 7, "list": [1, 2]}
HONEST = {"/victim": RIGHT, "/other": {"amount": 1}, "/timed": {"amount": 1}}
# One worker: an attack on the lane is the only one who reads it.
SETS = ["app.workers=1", "jobs.concurrent=0", "http.threads=1", "restart.initial_ms=1", "restart.max_ms=1"]


class Counts:
    """Of this run of pytest; conftest.py prints them at its end."""

    plugins, attacks, frames, honest, fuzzed = set(), 0, 0, 0, 0

    @classmethod
    def line(cls):
        return (f"hostile: {len(cls.plugins)} plugins, {cls.attacks} attacks, {cls.frames} frames sent "
                f"({cls.fuzzed} of them fuzzed), {cls.honest} honest requests verified after them")


@dataclasses.dataclass
class Report:
    """What the plugin says of its attack; status 503 and nothing when its process ended."""

    status: int
    reached: str = ""
    said: str = ""
    tried: int = 0
    sent: int = 0


def post(runtime, path, mode="", arg="", timeout=40):
    return runtime.post(path, {"mode": mode, "arg": arg}, timeout=timeout)


def strike(runtime, mode, arg=""):
    """Sends the attack. Its answer is signed like any other, so it is verified like any other."""
    try:
        reply = post(runtime, "/attack", mode, arg)
    except OSError:  # nacre-http went with it, which the caller looks at
        return Report(0)
    if reply.status != 200:
        assert b"signature" not in reply.body
        return Report(reply.status)
    data = runtime.verify(reply, TYPES)["response"]["data"]
    Counts.frames += int(data["sent"])
    return Report(200, data["reached"], data["said"], int(data["tried"]), int(data["sent"]))


def strike_with(runtime, mode, victims, arg=""):
    """The attack, and while it runs its victims. Returns its report and the victims' answers."""
    answers = {}

    def send(key, call):
        answers[key] = call()

    for _ in range(3):
        answers.clear()
        threads = [threading.Thread(target=send, args=("attack", lambda: strike(runtime, mode, arg)))]
        threads += [threading.Thread(target=send, args=(i, lambda path=path: post(runtime, path)))
                    for i, path in enumerate(victims)]
        for thread in threads:
            thread.start()
            time.sleep(0.08 if thread is threads[0] else 0.02)  # the one worker is with the attack, and waits
        for thread in threads:
            thread.join()
        if answers["attack"].status != 200 or answers["attack"].tried:
            break  # else a victim came before the attack was there
    return answers["attack"], [answers[i] for i in range(len(victims)) if i in answers]


def honest(runtime, path="/victim"):
    """The next honest request: served under the same key, and verified by code that is not the runtime's."""

    def served():
        try:
            reply = post(runtime, path)
        except OSError:
            return None
        return reply if reply.status == 200 else None

    answer = runtime.verify(wait_for("service", served, 20), TYPES)
    assert answer["response"]["data"] == HONEST[path]
    Counts.honest += 1


def metric(runtime, name):
    text = harness.request(runtime.admin, "GET", "/metrics").body.decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


class Watch:
    """What the core does from here on."""

    def __init__(self, runtime):
        self.runtime = runtime
        self.log_from = len(runtime.log())
        self.processes = {n: self.identity(n) for n in ("nacred", "nacre-http", "nacre-app")}
        self.metrics = {n: metric(runtime, n) for n in ("nacre_refused_answers_total", "nacre_http_bad_frames_total")}

    def identity(self, name):
        pid = self.runtime.pid(name)
        return pid, harness.start_time(pid)

    def log(self):
        return self.runtime.log()[self.log_from:]

    def said(self, pattern):
        return wait_for(f"a line with {pattern}", lambda: re.search(pattern, self.log()), 15)

    def rose(self, name, least):
        """By this much at least; nacred tells nacre-http its numbers once a second."""
        return wait_for(f"{name} to rise by {least}", lambda: metric(self.runtime, name) >= self.metrics[name] + least, 5,
                        0.05)

    def same(self, *names):
        for name in names:
            assert self.identity(name) == self.processes[name], f"{name} is not the same any more:\n{self.log()[-4000:]}"


def came_through(runtime, watch, plugin):
    """The end of every attack: the core is the same, the key too, and it goes on."""
    watch.same("nacred", "nacre-http")
    honest(runtime)
    assert bytes.fromhex(runtime.health()["pk"]) == runtime.key
    watch.same("nacred", "nacre-http")
    Counts.plugins.add(plugin)
    Counts.attacks += 1


class Worlds:
    """One runtime a plugin, kept for all of its attacks: each of them meets what the ones before left behind."""

    def __init__(self):
        self.running = collections.OrderedDict()

    def get(self, plugin, **options):
        if plugin not in self.running:
            self.stop()
            options.setdefault("sets", SETS)
            options.setdefault("secrets", {"MINE": "the secret of this very plugin"})
            self.running[plugin] = harness.Runtime(plugin=TEST_PLUGINS / f"hostile-{plugin}.so", admin=True, direct=True,
                                                   **options)
        return self.running[plugin]

    def stop(self):
        while self.running:
            self.running.popitem()[1].stop()
