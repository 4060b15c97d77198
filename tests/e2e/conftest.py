import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "sanitizer: also run against the sanitizer builds")
    config.addinivalue_line("markers", "root: looks into processes that are not dumpable")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("root") and not harness.can_read_memory():
            item.add_marker(pytest.mark.skip(reason="needs root: looks into processes that are not dumpable"))


def pytest_terminal_summary(terminalreporter):
    import hostile
    if hostile.Counts.attacks:
        terminalreporter.write_line(hostile.Counts.line())


@pytest.fixture(scope="session", autouse=True)
def programs():
    missing = [n for n in ("nacred", "nacre-http", "nacre-app", "nacre-nsm-sim", "nacre")
               if not (harness.BIN / n).exists()]
    assert not missing, f"not built in {harness.BIN}: {missing}; run `make build`"


@pytest.fixture(scope="module")
def media():
    """One runtime with the media app for all tests of a module that leave it as they found it."""
    with harness.Runtime("media", admin=True, direct=True) as runtime:
        yield runtime


@pytest.fixture
def start():
    """start(app, ...) -> Runtime, stopped after the test and checked for a clean end."""
    running = []

    def begin(*args, **kw):
        runtime = harness.Runtime(*args, **kw)
        running.append(runtime)
        return runtime

    yield begin
    for runtime in running:
        runtime.stop()
