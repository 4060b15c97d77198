"""A program outside the tree builds against the installed library, shared and static, by pkg-config alone.

usage: BUILD_DIR C_COMPILER
"""
import os
import pathlib
import subprocess
import sys
import tempfile

build, compiler = sys.argv[1:]
source = pathlib.Path(__file__).with_name("header_c11.c")


def run(*args, **environment):
    done = subprocess.run(args, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


with tempfile.TemporaryDirectory() as folder:
    prefix = pathlib.Path(folder) / "elsewhere"
    run("cmake", "--install", str(pathlib.Path(build) / "verify"), "--prefix", str(prefix))
    (pc,) = prefix.rglob("libnacre-verify.pc")
    where = {"PKG_CONFIG_PATH": str(pc.parent)}
    for extra in ([], ["--static"]):
        flags = run("pkg-config", *extra, "--cflags", "--libs", "libnacre-verify", **where).split()
        program = str(prefix / "program")
        run(compiler, "-std=c11", "-pedantic", "-Werror", str(source), "-o", program, *flags)
        run(program, LD_LIBRARY_PATH=str(pc.parent.parent))
        for shared in prefix.rglob("libnacre-verify.so*"):
            shared.unlink()
    flags = run("pkg-config", "--cflags", "--libs", "libnacre-sealed", **where).split()
    program = str(prefix / "sealed")
    run(compiler, "-std=c11", "-pedantic", "-Werror", str(source.with_name("sealed_c11.c")), "-o", program, *flags)
    run(program)
