#!/usr/bin/python3
"""Looks at the built programs, plugins and libraries for what the compiler and the linker were asked to put in.

check_hardening.py OUT BUILD: OUT holds bin/, lib/ and plugins/, BUILD compile_commands.json. A flag that somebody
drops, or a target that is linked past the common flags, shows here and not in a review.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import time

OUT, BUILD = map(pathlib.Path, sys.argv[1:3])
FLAGS = ["-fstack-protector-strong", "-D_FORTIFY_SOURCE=3", "-fvisibility=hidden"]
FLAGS_X86 = ["-fcf-protection=full", "-fstack-clash-protection"]
# Programs in which at least one call goes through glibc's checked variants; a plugin may have none to check.
FORTIFIED = ["nacred", "nacre-http", "nacre-app", "nacre"]
problems, looked_at = [], 0


def readelf(path, *options):
    return subprocess.run(["readelf", "-W", *options, str(path)], capture_output=True, text=True, check=True).stdout


def expect(path, what, found, wanted):
    global looked_at
    looked_at += 1
    if found != wanted:
        problems.append(f"{path.name}: {what} is {found}, expected {wanted}")


def check_segments(path):
    program = readelf(path, "-l")
    stack = re.search(r"GNU_STACK\s+(?:0x[0-9a-f]+\s+){5}([RWE ]{3})", program)
    expect(path, "the stack's segment", stack.group(1).strip() if stack else "missing", "RW")
    expect(path, "a read-only-after-relocation segment", "GNU_RELRO" in program, True)
    loads = re.findall(r"LOAD\s+(?:0x[0-9a-f]+\s+){5}([RWE ]{3})", program)
    expect(path, "segments that can be written and executed", [f for f in loads if "W" in f and "E" in f], [])
    expect(path, "number of segments", len(loads) > 1, True)


def check_dynamic(path, program):
    dynamic = readelf(path, "-d")
    expect(path, "binding at start", bool(re.search(r"\(FLAGS_1\).*\bNOW\b", dynamic)), True)
    expect(path, "a path to search for libraries", re.findall(r"\((?:RPATH|RUNPATH|TEXTREL)\)", dynamic), [])
    expect(path, "type", re.search(r"Type:\s+(\w+)", readelf(path, "-h")).group(1), "DYN")
    if program:
        expect(path, "a position-independent program", bool(re.search(r"\(FLAGS_1\).*\bPIE\b", dynamic)), True)


def check_symbols(path):
    symbols = readelf(path, "--dyn-syms")
    imported = re.findall(r"\sUND (\S+?)(?:@\S+)?(?: \(\d+\))?$", symbols, re.M)
    expect(path, "a stack protector", "__stack_chk_fail" in imported, True)
    if path.name in FORTIFIED:
        expect(path, "a fortified call", any(s.endswith("_chk") for s in imported), True)
    exported = re.findall(r"\sGLOBAL DEFAULT\s+\d+ (\S+)$", symbols, re.M)
    return [s.split("@")[0] for s in exported]


def check_cet(path):
    """In objects, not in programs: Debian's start-up files carry no mark, so the linker gives none to what it links."""
    if "X86-64" in readelf(path, "-h"):
        notes = re.search(r"x86 feature: (.*)", readelf(path, "-n"))
        expect(path, "control-flow protection", notes.group(1).strip() if notes else "none", "IBT, SHSTK")


def check_file(path, program, exports):
    check_segments(path)
    check_dynamic(path, program)
    expect(path, "exported symbols", sorted(check_symbols(path)), sorted(exports))


def check_flags():
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    ours = [c for c in commands if re.search(r"/(core|verify|tools|plugins)/", c["file"])]
    expect(BUILD, "sources compiled", len(ours) > 100, True)
    wanted = FLAGS + (FLAGS_X86 if os.uname().machine == "x86_64" else [])
    for command in ours:
        words = command["command"].split()
        expect(pathlib.Path(command["file"]), "missing flags", [f for f in wanted if f not in words], [])
    for core in sorted((BUILD / "core").rglob("*.c.o")):
        check_cet(core)


def main():
    started = time.monotonic()
    for path in sorted((OUT / "bin").iterdir()):
        if path.read_bytes()[:4] == b"\x7fELF":
            check_file(path, True, [])
    for path in sorted((OUT / "plugins").glob("*/*.so")):
        check_file(path, False, ["nacre_plugin"])
    for path in sorted((OUT / "lib" / "nacre").glob("*.so")):
        check_file(path, False, [path.stem.replace("-", "_") + "_module"])
    check_flags()
    for problem in problems:
        print(problem)
    print(f"{len(problems)} failed, {looked_at - len(problems)} passed in {time.monotonic() - started:.1f}s")
    return 1 if problems or not looked_at else 0


if __name__ == "__main__":
    sys.exit(main())
