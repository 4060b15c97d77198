"""
Plugins that have been taken over (plugins/hostile), each a shared object of its own: one row is one attack. For each:
what it could reach, which is nothing; what the core did; and that the next honest request is served under the same key.
"""
import dataclasses
import os
import re
import signal
import subprocess

import pytest

import harness
from harness import wait_for
from hostile import HONEST, TYPES, Counts, Watch, Worlds, came_through, honest, post, strike, strike_with

REFUSED, BAD = "nacre_refused_answers_total", "nacre_http_bad_frames_total"
UNSIGNED, SIGNED, EITHER = "unsigned", "signed", "either"


@dataclasses.dataclass
class Row:
    """An attack and what the core must do about it."""

    plugin: str
    mode: str
    victims: tuple = ()
    want: str = UNSIGNED  # what the victims get
    refused: int = 0      # results without a signature, at least
    bad: int = 0          # messages that nacre-http dropped, at least
    says: str = ""        # in the log
    dies: bool = False    # nacre-app, and is started again
    least: int = 1        # attempts


ONE = ("/victim",)
PAYLOADS = ("empty", "truncated", "trailing", "twice", "bool", "uleb", "utf8", "surrogate", "option", "length", "count",
            "other-type")
ROWS = [
    # response bytes that are not the declared type; the first shows that the attack reaches the signer at all
    Row("payloads", "good", ONE, SIGNED),
    *(Row("payloads", mode, ONE, refused=1, says='reason="bad type"') for mode in PAYLOADS),
    # a signature without a request
    Row("tickets", "forged", refused=4, says='reason="bad ticket"', least=4),
    *(Row("tickets", mode, ONE, refused=1, says='reason="bad ticket"')
      for mode in ("route", "no-route", "id", "deadline", "reserved", "mac")),
    Row("tickets", "future", ("/timed",), refused=1, says='reason="time in the future"'),
    Row("tickets", "end-of-time", ("/timed",), refused=1, says='reason="time in the future"'),
    Row("tickets", "old", ("/timed",), refused=1, says='reason="time too old"'),
    Row("tickets", "late", ONE, refused=1, says='reason="past its deadline"'),
    Row("tickets", "answer", ONE, bad=1),
    Row("tickets", "failure", ONE),
    Row("tickets", "swap", ("/victim", "/other"), refused=6, least=6),  # more lines of the log than it takes in a second
    Row("tickets", "replay", ONE, SIGNED, least=1000),
    Row("tickets", "guess", ONE, refused=5128, least=5128),
    # messages that are none
    Row("frames", "lie", ONE, refused=40, says='reason="message out of form"', least=40),
    Row("frames", "cut-short", ONE, EITHER, refused=80, least=80),
    Row("frames", "oversized", ONE, refused=3, bad=3, least=10),
    Row("frames", "descriptors", ONE, EITHER, refused=30, least=30),
    Row("frames", "types-result", ONE, refused=100, least=128),
    Row("frames", "types-request", ONE, bad=100, least=128),
    Row("frames", "out-of-order", ONE, EITHER, refused=200, bad=200, least=800),
    Row("frames", "flood-result", ONE, refused=1000, least=1000),
    Row("frames", "flood-request", ONE, bad=1000, least=1000),
    Row("frames", "flood-box", least=100),
    Row("frames", "flood-connect", least=100),
    Row("frames", "types-control", says="control message of a wrong type or content|out of form", dies=True),
    Row("frames", "shut-control", ONE, EITHER, says="helper (killed|ended)", dies=True),
    Row("frames", "shut-result", ONE, dies=True),
    Row("frames", "shut-request", ONE, EITHER, dies=True),
    # system calls
    Row("calls", "outside", says='event="system call refused" call=socket', least=70),
    Row("calls", "fork", least=7),
    Row("calls", "x32", least=4),
    Row("calls", "int80", least=4),
    Row("pages", "all", least=9),
    Row("early", "constructor", least=60),
    Row("early", "start", least=60),
    # documents of its own
    Row("nsm", "names", least=16),
    Row("nsm", "descriptors", least=1000),
    Row("nsm", "request", bad=1, least=2),
    Row("nsm", "rights", least=0),
    Row("nsm", "control", says="control message of a wrong type or content", dies=True),
    # memory that is not there, and the ends of a process
    Row("wild", "read", least=1000),
    Row("wild", "write", least=1000),
    *(Row("wild", mode, says="helper ended", dies=True)
      for mode in ("null", "jump", "jump-data", "stack", "divide", "trap", "text", "vtable", "kill", "double-free")),
    Row("wild", "scribble", dies=True),
]


# What the plugin may call while it serves; connect() is answered and not made, clone3() says that there is none.
PASS = set("""read write readv writev close fstat newfstatat recvmsg sendmsg recvfrom sendto poll ppoll select pselect6
    epoll_create1 epoll_ctl epoll_wait epoll_pwait shutdown getsockname getpeername getsockopt setsockopt fcntl memfd_create
    pread64 lseek connect eventfd2 pipe2 socketpair mmap munmap mremap mprotect madvise mlock munlock clone clone3 futex
    set_robust_list rseq sched_yield sched_getaffinity sysinfo gettid uname getpid getuid geteuid getgid getegid getrusage
    rt_sigaction rt_sigprocmask sigaltstack restart_syscall tgkill clock_gettime clock_getres clock_nanosleep nanosleep
    gettimeofday time getrandom""".split())


@pytest.fixture(scope="module")
def worlds():
    all_of_them = Worlds()
    yield all_of_them
    all_of_them.stop()


def check_victims(runtime, row, answers):
    for path, answer in zip(row.victims, answers):
        if row.want == SIGNED or (row.want == EITHER and answer.status == 200):
            assert runtime.verify(answer, TYPES)["response"]["data"] == HONEST[path]
        else:
            assert 400 <= answer.status <= 599 and answer.error and b"signature" not in answer.body, answer


def check_core(row, watch):
    if row.refused:
        watch.rose(REFUSED, row.refused)
    if row.bad:
        watch.rose(BAD, row.bad)
    if row.says:
        watch.said(row.says)
    if row.dies:
        watch.said('event="helper ended" helper=nacre-app')


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.plugin}-{row.mode}")
def test_attack(worlds, row):
    runtime = worlds.get(row.plugin)
    honest(runtime)
    watch = Watch(runtime)
    if row.victims:
        report, answers = strike_with(runtime, row.mode, row.victims)
        check_victims(runtime, row, answers)
    else:
        report = strike(runtime, row.mode)
    assert report.reached == ""
    if not row.dies:
        assert report.status == 200 and report.tried >= row.least, report
    check_core(row, watch)
    came_through(runtime, watch, row.plugin)


MISBEHAVIOUR = [
    ("value-bool", {500}), ("value-utf8", {500}), ("value-null", {500}), ("value-wild", {500, 503}),
    ("value-huge", {500, 503}), ("value-count", {500, 503}), ("status-1", {500}), ("status-200", {500}),
    ("status-negative", {500}), ("status-700", {500}), ("other-time", {500}), ("abort", {503}), ("exit", {503}),
    ("after-deadline", {504}), ("never", {504}), ("scratch", {200}), ("old-call", {200}),
]


@pytest.mark.parametrize("mode,statuses", MISBEHAVIOUR, ids=lambda value: value if isinstance(value, str) else "")
def test_handler(worlds, mode, statuses):
    runtime = worlds.get("handlers")
    watch = Watch(runtime)
    if mode == "old-call":
        assert strike(runtime, mode).reached == ""
    reply = post(runtime, "/victim", "" if mode == "old-call" else mode)
    assert reply.status in statuses, reply
    if reply.status == 200:
        runtime.verify(reply, TYPES)
    else:
        assert reply.error and b"signature" not in reply.body
    if mode == "never":
        watch.said('event="workers are stuck"')
    came_through(runtime, watch, "handlers")


@pytest.mark.parametrize("mode", ["live-fields", "live-type", "live-types", "live-path", "live-wild"])
def test_tables_that_change_while_they_are_used(worlds, mode):
    """The runtime encodes by the plugin's own tables; nacred checks by the measured ones."""
    runtime = worlds.get("descriptor")
    honest(runtime)
    watch = Watch(runtime)
    report = strike(runtime, mode)
    assert report.reached == "" and (report.status != 200 or report.tried == 1), report
    try:
        reply = post(runtime, "/victim")
    except OSError as error:
        raise AssertionError("nacre-http went") from error
    if reply.status == 200:
        assert runtime.verify(reply, TYPES)["response"]["data"] == HONEST["/victim"]
    else:
        assert reply.error and b"signature" not in reply.body
    if watch.identity("nacre-app") == watch.processes["nacre-app"]:
        os.kill(runtime.pid("nacre-app"), signal.SIGKILL)  # it has spoiled itself for good
    came_through(runtime, watch, "descriptor")


CHANGES = {
    "magic": "magic|nacre_plugin", "size": "abi", "counts": "route", "pointer": "helper ended.*SEGV|route|readable",
    "secrets": "secret", "name": "name|honest", "types": "Answer|Other|type", "path": "elsewhere|route", "intent": "intent",
    "deadline": "deadline", "time": "time", "more": "route",
}


@pytest.mark.parametrize("how", CHANGES)
def test_descriptor_that_changes_on_a_restart(worlds, how):
    """Started again it claims to be another plugin. It is not served, and served again once it is itself."""
    runtime = worlds.get("descriptor")
    honest(runtime)
    watch = Watch(runtime)
    turn = runtime.dir / "turn"
    turn.write_text(how)
    try:
        os.kill(runtime.pid("nacre-app"), signal.SIGKILL)
        said = watch.said('event="helper cannot start" helper=nacre-app reason=.*|helper=nacre-app pid=[0-9]+ signal=SEGV')
        assert re.search(CHANGES[how], said.group(0)) or "SEGV" in said.group(0), said.group(0)
        for path in ("/victim", "/other", "/more", "/elsewhere"):
            reply = post(runtime, path)
            assert reply.status in (404, 503) and b"signature" not in reply.body, reply
    finally:
        turn.unlink()
    came_through(runtime, watch, "descriptor")


@pytest.mark.parametrize("where,count", [("result", 30000), ("request", 30000), ("result", 30000)],
                         ids=["nacred", "nacre-http", "nacred-again"])
def test_fuzzed_frames(worlds, where, count):
    """Real frames, changed at random from a seed, over the real sockets, with a ticket that counts."""
    runtime = worlds.get("fuzz")
    honest(runtime)
    watch = Watch(runtime)
    seed = sum(where.encode()) + Counts.attacks % 7
    report, answers = strike_with(runtime, where, ("/victim",), f"{seed} {count}")
    assert report.status == 200 and report.sent >= count * 0.9, report
    Counts.fuzzed += report.sent
    for answer in answers:
        if answer.status == 200:
            runtime.verify(answer, TYPES)
    watch.rose(REFUSED if where == "result" else BAD, count // 4)
    came_through(runtime, watch, "fuzz")


def test_fuzzed_control(worlds):
    """The control socket takes the first bad frame for the end of that process: one life of it, one frame or a few."""
    runtime = worlds.get("fuzz")
    watch = Watch(runtime)
    for seed in range(25):
        honest(runtime)
        Counts.fuzzed += strike(runtime, "control", f"{seed} 400").sent
    watch.said("helper killed.*control message")
    came_through(runtime, watch, "fuzz")


def test_every_type_on_the_control_socket(worlds):
    """Each type of frame in a life of its own: those that nacre-app has no business with end it, the others do no harm."""
    runtime = worlds.get("frames")
    watch = Watch(runtime)
    for kind in range(64):
        honest(runtime)
        assert strike(runtime, "types-control", str(kind)).reached == ""
    came_through(runtime, watch, "frames")


def test_ticket_of_before_a_restart_of_nacre_http(worlds):
    """Its key goes with nacre-http: what the plugin has kept is worth nothing under the next one."""
    runtime = worlds.get("tickets")
    honest(runtime)
    report, _ = strike_with(runtime, "keep", ("/victim",))
    assert report.tried == 1
    old = runtime.pid("nacre-http")
    os.kill(old, signal.SIGKILL)
    wait_for("a new nacre-http", lambda: runtime.pid("nacre-http") not in (None, old))
    honest(runtime)
    watch = Watch(runtime)
    assert strike(runtime, "use-kept").sent == 1
    watch.said('reason="bad ticket"')
    came_through(runtime, watch, "tickets")


def test_payload_that_changes_while_it_is_signed(worlds):
    """In a memfd that the plugin still writes to. What is signed is what was checked, and what the client gets."""
    runtime = worlds.get("payloads")
    honest(runtime)
    watch = Watch(runtime)
    report, answers = strike_with(runtime, "changing", ("/victim",) * 40)
    assert report.status == 200 and report.tried >= 30, report
    signed = [answer for answer in answers if answer.status == 200]
    for answer in signed:
        text = runtime.verify(answer, TYPES)["response"]["data"]["text"]
        assert len(text) == 40000, len(text)
    assert signed, "nothing was signed: the attack does not reach the signer"
    came_through(runtime, watch, "payloads")


@pytest.mark.skipif(harness.SANITIZED, reason="the sanitizers' own calls are on no list")
def test_every_system_call_number(worlds):
    """All 512 numbers: those that answer anything but EPERM are the list, and nothing else."""
    runtime = worlds.get("calls")
    watch = Watch(runtime)
    report = strike(runtime, "numbers")
    assert report.status == 200 and report.tried > 500, report
    macros = subprocess.run(["cc", "-E", "-dM", "-x", "c", "-"], input=b"#include <sys/syscall.h>\n", capture_output=True,
                            check=True).stdout.decode()
    names = {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)", macros)}
    passed = {names.get(int(number), number) for number in report.said.split(",") if number}
    assert passed <= PASS, f"let through: {passed - PASS}"
    came_through(runtime, watch, "calls")
