import json
import pathlib
import statistics
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1] / "e2e")]
import enclave  # noqa: E402
import machine  # noqa: E402
import bridge  # noqa: E402
from weather_upstream import Upstream  # noqa: E402

SECRET = "a-secret-that-came-over-vsock"


@pytest.fixture(scope="session")
def image():
    """The image that ships, as `make image` has left it."""
    path = enclave.OUT / "nitro.eif"
    assert path.exists(), f"no {path}: run `make image`"
    assert enclave.PROGRAMS, "NACRE_VM_PROGRAMS is not set: run `make test-vm`"
    return path


@pytest.fixture(scope="session")
def measured():
    """What `make image` says that it measures."""
    return enclave.read_pcrs((enclave.OUT / "nitro.pcrs").read_text())


@pytest.fixture(scope="session")
def shipped(image):
    with enclave.Enclave(image) as running:
        if bridge.manifest_of(image)["descriptor"]["secrets"]:
            running.console.await_line(machine.event("helper up"), 180)
            bridge.push_secrets(running, json.dumps({"API_KEY": SECRET}).encode())
        running.ready()
        yield running


@pytest.fixture(scope="session")
def upstream(tmp_path_factory):
    server = Upstream(tmp_path_factory.mktemp("upstream"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def probe_image(image, upstream, tmp_path_factory):
    """The runtime that ships, with the probe as its app: its upstream is the local one, by its pinned key."""
    work = tmp_path_factory.mktemp("probe")
    ramdisk = enclave.app_ramdisk(work / "app", enclave.OUT / "tests/plugins/probe.so",
                                  [{"host": upstream.host, "pins": [upstream.pin]}, "unreachable.example"])
    shipped = enclave.parts(image)
    return enclave.build(work / "probe.eif", shipped[machine.KERNEL], shipped[machine.CMDLINE].decode(),
                         [shipped[machine.RAMDISK][0], ramdisk])


@pytest.fixture(scope="session")
def probe(probe_image, upstream):
    with enclave.Enclave(probe_image) as running:
        running.egress = bridge.egress(running, [("127.0.0.1", upstream.port)])  # the first entry, and no other
        running.console.await_line(machine.event("helper up"), 180)
        bridge.push_secrets(running, json.dumps({"API_KEY": SECRET}).encode())
        running.ready()
        yield running
        for listener in running.egress:
            listener.close()


class Figures:
    """Seconds from QEMU's start, split; told at the end."""

    def __init__(self):
        self.boots = []

    def add(self, running, answered):
        marks = [running.started]
        for pattern in map(machine.event, ("enclave started", "enclave set up", "ready")):
            marks.append(running.console.find(pattern)[0])
        marks.append(answered)
        self.boots.append([after - before for before, after in zip(marks, marks[1:])])

    def lines(self):
        names = ("kernel", "init", "runtime", "first signed answer")
        rows = [(name, sorted(boot[i] for boot in self.boots)) for i, name in enumerate(names)]
        rows.append(("all", sorted(map(sum, self.boots))))
        return [(name, statistics.median(values), values[0], values[-1]) for name, values in rows]


@pytest.fixture(scope="session")
def figures(request):
    found = Figures()
    request.config.vm_figures = found
    return found


def pytest_terminal_summary(terminalreporter, config):
    found = getattr(config, "vm_figures", None)
    if not found or not found.boots:
        return
    terminalreporter.write_sep("-", f"from QEMU's start to the first signed answer, {len(found.boots)} boots, TCG, one CPU")
    for name, median, low, high in found.lines():
        terminalreporter.write_line(f"{name:<20} {median:6.2f} s  ({low:.2f} to {high:.2f})")
    sizes = {name: (enclave.OUT / name).stat().st_size for name in ("nitro.eif", "runtime.cpio.gz", "app.cpio.gz")
             if (enclave.OUT / name).exists()}
    for name, size in sizes.items():
        terminalreporter.write_line(f"{name:<20} {size / 1048576:6.2f} MiB")
    record = {"boots": found.boots, "sizes": sizes}
    (enclave.OUT / "vm-figures.json").write_text(json.dumps(record, indent=1) + "\n")
