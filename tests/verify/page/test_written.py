"""`nacre verify --page`"""
import os
import pathlib
import subprocess

from csp import PAGE
from page import Page

NACRE = pathlib.Path(os.environ["NACRE_OUT"]) / "bin" / "nacre"


def run(*args, code=0):
    done = subprocess.run([NACRE, "verify", "--page", *map(str, args)], capture_output=True, timeout=30, check=False)
    assert done.returncode == code, done
    return done.stdout, done.stderr.decode()


def test_what_is_written(chromium, tmp_path):
    assert run()[0] == run("-")[0] == PAGE.read_bytes()
    file = tmp_path / "a page.html"
    file.write_text("old")
    assert run(file) == (b"", "")
    assert file.read_bytes() == PAGE.read_bytes()
    assert Page(chromium, file.as_uri()).document("").verdict == "unknown"


def test_what_is_not(tmp_path):
    out, said = run(tmp_path / "none" / "page.html", code=2)
    assert out == b"" and "No such file" in said
    assert run(tmp_path, code=2)[1]
    assert "'b' is one more" in run("a", "b", code=2)[1]
    assert "no option '--pages'" in run("--pages", code=2)[1]
    assert b"usage: nacre verify --page" in run("--help")[0]
    with open("/dev/full", "wb") as full:
        done = subprocess.run([NACRE, "verify", "--page"], stdout=full, stderr=subprocess.PIPE, timeout=30, check=False)
    assert done.returncode == 2 and b"cannot write" in done.stderr
