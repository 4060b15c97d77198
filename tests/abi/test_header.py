"""nacre/plugin.h alone, under every compiler here, in the standards that plugin authors use."""
import os
import shutil
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.path.join(os.environ["NACRE_SOURCE"], "include")
C = [c for c in ("gcc", "clang") if shutil.which(c)]
CXX = [c for c in ("g++", "clang++") if shutil.which(c)]
STRICT = ["-pedantic", "-Wall", "-Werror"]
# what the header's own macros make of a plugin's text is judged as strictly as the header
STRICTER = STRICT + ["-Wextra", "-Wshadow", "-Wconversion", "-Wno-sign-conversion", "-Wcast-qual", "-Wundef"]


def compiles(compiler, *args):
    """Compiles in memory; the messages, or None when there are none."""
    done = subprocess.run([compiler, *args, "-I", INCLUDE, "-c", "-o", "/dev/null"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120)
    return done.stdout.decode() or "failed" if done.returncode else None


def test_there_are_compilers():
    assert C and CXX


@pytest.mark.parametrize("compiler", C)
@pytest.mark.parametrize("std", ["c11", "c17", "gnu17", "c2x"])
def test_c(compiler, std):
    assert compiles(compiler, "-std=" + std, *STRICT, os.path.join(HERE, "alone.c")) is None
    assert compiles(compiler, "-std=" + std, *STRICTER, os.path.join(HERE, "whole.c")) is None
    assert compiles(compiler, "-std=" + std, *STRICTER, os.path.join(HERE, "layout.c")) is None


@pytest.mark.parametrize("compiler", CXX)
@pytest.mark.parametrize("std", ["c++11", "c++17", "c++20"])
def test_cxx(compiler, std):
    assert compiles(compiler, "-x", "c++", "-std=" + std, *STRICT, os.path.join(HERE, "alone.c")) is None
    assert compiles(compiler, "-x", "c++", "-std=" + std, *STRICT, os.path.join(HERE, "whole.c")) is None


@pytest.mark.parametrize("compiler", C)
def test_mistakes_are_caught(compiler):
    for wrong in range(11):
        said = compiles(compiler, "-std=c11", *STRICT, "-DWRONG=%d" % wrong, os.path.join(HERE, "wrong.c"))
        assert (said is None) == (wrong == 0), "WRONG=%d: %s" % (wrong, said)


@pytest.mark.parametrize("compiler", C)
def test_one_symbol_is_exported(compiler, tmp_path):
    so = str(tmp_path / "whole.so")
    subprocess.run([compiler, "-std=c11", "-shared", "-fPIC", "-fvisibility=hidden", "-I", INCLUDE, "-o", so,
                    os.path.join(HERE, "whole.c")], check=True, timeout=120)
    names = subprocess.run(["nm", "-D", "--defined-only", so], stdout=subprocess.PIPE, check=True, timeout=60)
    assert [line.split()[1:] for line in names.stdout.decode().splitlines()] in ([["R", "nacre_plugin"]],
                                                                                 [["D", "nacre_plugin"]])
