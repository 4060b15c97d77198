"""
`nacre dev` when the programs it starts misbehave. The simulator is the real one; in nacred's place stands a script
beside a copy of `nacre`, for a runtime that hangs or lies on request does not exist.
"""

import os
import shutil
import signal
import stat
import subprocess

import pytest
from tool import BIN, FIXTURES, OUT, Dev, wait_for

KEY = "ab" * 32


@pytest.fixture
def fake(tmp_path):
    """fake(script, ...) -> a Dev with `script` as nacred."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "config").mkdir()
    for name in ("nacre", "nacre-nsm-sim"):
        shutil.copy2(BIN / name, tmp_path / "bin" / name)
    shutil.copy2(OUT / "config" / "nacre.yaml", tmp_path / "config")
    running = []

    def begin(script, *arguments):
        core = tmp_path / "bin" / "nacred"
        core.write_text("#!/bin/sh\n" + script)
        core.chmod(core.stat().st_mode | stat.S_IXUSR)
        dev = Dev(tmp_path, "--plugin", FIXTURES / "runs.so", *arguments, program=tmp_path / "bin" / "nacre")
        running.append(dev)
        return dev

    yield begin
    for dev in running:
        dev.__exit__()


def failed(dev, *words):
    code, out = dev.end()
    assert code == 1 and out == b"", (code, out)
    for word in words:
        assert word in dev.log, dev.log
    dev.assert_nothing_left()


def test_core_that_ends_before_it_is_ready(fake):
    failed(fake("echo 'no key for you' >&2; exit 2\n"), "no key for you",
           "nacre dev: nacred stopped with exit code 2 before it was ready")


def test_core_that_is_killed_before_it_is_ready(fake):
    failed(fake("kill -SEGV $$\n"), "nacre dev: nacred was ended by signal 11 (Segmentation fault) before it was ready")


@pytest.mark.parametrize("line", ["ready", "ready 12 3000", f"ready {KEY}", f"ready {KEY} x", f"READY {KEY} 3000",
                                  f"ready {KEY} 3000 x", f"ready {KEY[1:]}g 3000", "x" * 300])
def test_ready_lines_out_of_form(fake, line):
    failed(fake(f"echo '{line}' >&3; exec sleep 60\n"), "ready line", "out of form")


def test_ready_line_gives_url_and_key(fake):
    dev = fake(f"trap 'exit 0' TERM; echo 'ready {KEY} 4711' >&3; while :; do sleep 0.01; done\n", "--listen", "[::]:0")
    url, key, root, directory = dev.ready()
    assert url == "http://[::1]:4711" and key == KEY
    assert root == f"{directory}/root.pem"
    assert dev.stop() == (0, b"")
    dev.assert_nothing_left()


def test_vsock_listener_has_a_vsock_url(fake):
    dev = fake(f"trap 'exit 0' TERM; echo 'ready {KEY} 3000' >&3; while :; do sleep 0.01; done\n", "--set",
               "listen.api=vsock:3000")
    assert dev.ready()[0] == "vsock:3000"
    assert dev.stop() == (0, b"")


def test_core_that_ends_later(fake):
    dev = fake(f"echo 'ready {KEY} 4711' >&3; sleep 0.2; exit 0\n")
    dev.ready()
    failed(dev, "nacre dev: nacred stopped with exit code 0 though nobody asked it to")


def test_core_that_ends_badly_when_told_to(fake):
    dev = fake(f"trap 'exit 3' TERM; echo 'ready {KEY} 4711' >&3; while :; do sleep 0.01; done\n")
    dev.ready()
    dev.send(signal.SIGTERM)
    failed(dev, "nacre dev: nacred stopped with exit code 3 when it was to stop")


def test_core_that_does_not_listen_is_killed(fake):
    dev = fake(f"trap '' TERM; echo 'ready {KEY} 4711' >&3; while :; do sleep 0.05; done\n")
    dev.ready()
    dev.send(signal.SIGINT)
    failed(dev, "nacred did not stop within 10000 ms and was killed")


def test_stop_before_it_is_ready(fake):
    dev = fake("trap 'exit 0' TERM; echo waiting; while :; do sleep 0.01; done\n")
    wait_for("nacred to run", lambda: "waiting\n" in dev.log)
    assert dev.stop(signal.SIGINT) == (0, b"")
    dev.assert_nothing_left()


def test_core_that_cannot_be_run(fake, tmp_path):
    dev = fake("exit 0\n")
    dev.end()  # one that is killed leaves its files
    os.chmod(tmp_path / "bin" / "nacred", 0o755)
    (tmp_path / "bin" / "nacred").write_text("#!/nonexistent/interpreter\n")
    with Dev(tmp_path, "--plugin", FIXTURES / "runs.so", program=tmp_path / "bin" / "nacre") as again:
        failed(again, "cannot start", "/bin/nacred")
    (tmp_path / "bin" / "nacred").unlink()
    with Dev(tmp_path, "--plugin", FIXTURES / "runs.so", program=tmp_path / "bin" / "nacre") as again:
        failed(again, "/bin/nacred: cannot be run: No such file")


def test_simulator_that_dies_takes_all_down(fake):
    dev = fake(f"trap 'exit 0' TERM; echo 'ready {KEY} 4711' >&3; while :; do sleep 0.01; done\n")
    dev.ready()
    os.kill(dev.children()["nacre-nsm-sim"], signal.SIGKILL)
    failed(dev, "nacre-nsm-sim was ended by signal 9 (Killed) though nobody asked it to")


def test_core_gets_what_it_needs_and_nothing_more(fake):
    dev = fake(f"""echo "args $*"; echo "stdin $(readlink /proc/$$/fd/0)"; echo "fds" $(ls /proc/$$/fd)
trap 'exit 0' TERM; echo 'ready {KEY} 4711' >&3; while :; do sleep 0.01; done
""")
    _, _, _, directory = dev.ready()
    assert f"args --manifest {directory}/manifest.cbor --plugin {FIXTURES}/runs.so --ready-fd 3\n" in dev.log
    assert "stdin /dev/null\n" in dev.log
    assert os.stat(directory).st_mode & 0o7777 == 0o700
    assert dev.stop() == (0, b"")


def test_core_that_is_never_ready(fake):
    failed(fake("exec sleep 60\n", "--timeout", "1"), "nacre dev: nacred was not ready within 1000 ms")


def test_ignored_hangup_stays_ignored(fake):
    """As nohup does; an ignored SIGINT, which shells give to what they run in the background, does not count."""
    old = [(number, signal.signal(number, signal.SIG_IGN)) for number in (signal.SIGHUP, signal.SIGINT)]
    try:
        dev = fake(f"trap 'exit 0' TERM; echo 'ready {KEY} 4711' >&3; while :; do sleep 0.01; done\n")
    finally:
        for number, handler in old:
            signal.signal(number, handler)
    dev.ready()
    dev.send(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        dev.process.wait(0.5)
    dev.send(signal.SIGINT)
    assert dev.end() == (0, b"")
    assert "nacre dev:" not in dev.log
