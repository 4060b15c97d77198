"""Runs the tests of this folder. Ends with 77, and says why, where there is no browser."""
import pathlib
import sys

import pytest

sys.dont_write_bytecode = True
sys.exit(pytest.main(["-q", "-rs", "-x", "-p", "no:cacheprovider", str(pathlib.Path(__file__).resolve().parent), *sys.argv[1:]]))
