import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
for folder in (HERE, HERE.parent, HERE.parents[1] / "e2e", HERE.parents[1] / "nacre" / "gen", HERE.parents[1] / "independent"):
    sys.path.insert(0, str(folder))
os.environ.setdefault("NACRE_OUT", str(HERE.parents[2] / "out"))

import browser as driver  # noqa: E402
from page import Page  # noqa: E402


def pytest_configure():
    why = driver.missing()
    if why:
        pytest.exit(f"SKIPPED: the page was not tried in a browser: {why} (Debian: chromium, chromium-driver)", returncode=77)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    running = driver.Browser(tmp_path_factory.mktemp("chromium"))
    running.window(900)
    yield running
    running.close()


@pytest.fixture
def page(chromium):
    """The page, freshly opened from its file. Nothing may have been refused by its policy or thrown at the end."""
    chromium.console()
    yield Page(chromium)
    said = [line for line in chromium.console() if "Security Policy" in line or "Uncaught" in line]
    assert not said, said
