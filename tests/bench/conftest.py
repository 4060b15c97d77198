import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("NACRE_OUT", str(ROOT / "out"))
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests" / "e2e")]


@pytest.fixture
def run():
    """A bench run with one short round."""
    from parts.run import Run
    one = Run(pathlib.Path(os.environ["NACRE_OUT"]).resolve(), 1, 1)
    yield one
    one.close()
