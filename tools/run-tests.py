#!/usr/bin/python3
"""Runs the unit tests of a build directory (ctest) and the end-to-end tests (pytest), and says how many passed.

Counted are Check's single tests, not programs; a program that dies counts as one failure more. The numbers also go
into OUT/results-NAME.json, where .ci/run adds them up. Exit status 0 only when nothing failed.

A few tests that failed are run once more, alone: many watch a clock, and a machine that was busy for a moment is no
fault of the program's. Both outcomes are printed. What a sanitizer reported, or what failed with many others, stays
failed.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECOND_CHANCES = 4
SANITIZER = re.compile(r"(Address|Thread|Leak|UndefinedBehavior)Sanitizer|runtime error:")
CHECKS = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.M)
PYTEST = re.compile(r"^=*\s*(?:(\d+) failed, )?(\d+) passed.* in [\d.]+s", re.M)


def second_chance(name, part, final, again):
    """Runs again() for a part with few failures, none of them final; it takes the place of what failed."""
    if not part["bad"] or len(part["bad"]) > SECOND_CHANCES or final:
        return part
    print(f"{name}: once more, alone: {' '.join(part['bad'])}", flush=True)
    second = again()
    saved = [bad for bad in part["bad"] if bad not in second["bad"]]
    for bad in saved:
        print(f"{name}: {bad} failed beside other tests and passed alone")
    if second["bad"] or second["failed"]:
        return part
    return dict(part, passed=part["passed"] + part["failed"], failed=0, bad=[])


def unit(build, jobs, exclude, only=None):
    report = build / ("ctest-again.xml" if only else "ctest.xml")
    report.unlink(missing_ok=True)
    command = ["ctest", "--test-dir", str(build), "--output-on-failure", "--no-tests=error", "-j", str(jobs), "-Q",
               "--output-junit", str(report), "--test-output-size-passed", "100000"]
    if only:
        command += ["--tests-regex", f"^({'|'.join(map(re.escape, only))})$"]
    if exclude:
        command += ["--exclude-regex", exclude]
    done = subprocess.run(command, check=False)
    if not report.exists():
        return {"passed": 0, "failed": 1, "skipped": 0, "bad": ["ctest did not run"]}
    passed = failed = skipped = 0
    bad, final = [], False
    for case in ET.parse(report).getroot().iter("testcase"):
        text = "".join(case.itertext())
        counts = [tuple(map(int, m)) for m in CHECKS.findall(text)]
        counts += [(int(f or 0) + int(p), int(f or 0), 0) for f, p in PYTEST.findall(text)]
        ran = sum(c[0] for c in counts)
        lost = sum(c[1] + c[2] for c in counts)
        if case.get("status") == "disabled" or case.find("skipped") is not None:
            skipped += 1
            continue
        if case.get("status") != "run":
            # A crash, a time-out or a sanitizer's report: a failure that Check's own line may not show.
            lost = max(lost, 1)
            ran = max(ran, lost)
            bad.append(case.get("name"))
            final = final or bool(SANITIZER.search(text))
            print(f"--- {case.get('name')}\n{text[-6000:]}")
        passed += max(ran, 1) - lost if ran or not lost else 0
        failed += lost
    if done.returncode != 0 and not failed:
        failed, bad, final = 1, ["ctest"], True
    part = {"passed": passed, "failed": failed, "skipped": skipped, "bad": bad}
    return part if only else second_chance("unit", part, final, lambda: unit(build, 1, exclude, bad))


def node_id(case):
    return f"{case.get('classname').replace('.', '/')}.py::{case.get('name')}"


def end_to_end(out, marker, paths, extra, only=None):
    report = out / ("pytest-again.xml" if only else "pytest.xml")
    report.unlink(missing_ok=True)
    command = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", "--durations=8",
               f"--junitxml={report}", *(only or paths)]
    if marker:
        command += ["-m", marker]
    env = dict(os.environ, NACRE_OUT=str(out))
    done = subprocess.run(command + extra, cwd=ROOT, env=env, check=False)
    if not report.exists():
        return {"passed": 0, "failed": 1, "skipped": 0, "bad": ["pytest did not run"]}
    passed = failed = skipped = 0
    bad, final = [], False
    for suite in ET.parse(report).getroot().iter("testsuite"):
        n, f, e, s = (int(suite.get(k, "0")) for k in ("tests", "failures", "errors", "skipped"))
        passed, failed, skipped = passed + n - f - e - s, failed + f + e, skipped + s
        lost = [c for c in suite.iter("testcase") if c.find("failure") is not None or c.find("error") is not None]
        bad += [node_id(c) for c in lost]
        final = final or any(SANITIZER.search("".join(c.itertext())) for c in lost)
    if done.returncode not in (0,) and not failed:
        failed, bad, final = 1, [f"pytest ended with {done.returncode}"], True
    part = {"passed": passed, "failed": failed, "skipped": skipped, "bad": bad}
    return part if only else second_chance("end-to-end", part, final, lambda: end_to_end(out, marker, paths, extra, bad))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, help="CMake's build directory, for the unit tests")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="where bin/ is")
    parser.add_argument("--name", default="test")
    parser.add_argument("--no-e2e", action="store_true")
    parser.add_argument("--no-unit", action="store_true")
    parser.add_argument("--e2e", nargs="+", default=["tests/independent", "tests/e2e"], help="where those tests are")
    parser.add_argument("--e2e-marker", default="", help="pytest -m expression")
    parser.add_argument("--exclude-unit", default="", help="unit tests to leave out, a regular expression")
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 1) + 1, help="unit tests at once; many wait")
    args, extra = parser.parse_known_args()
    out = args.out.resolve()
    started = time.monotonic()
    parts = {}
    if not args.no_unit:
        parts["unit"] = unit(args.build.resolve(), args.jobs, args.exclude_unit)
    if not args.no_e2e:
        parts["end-to-end"] = end_to_end(out, args.e2e_marker, args.e2e, extra)
    (out / f"results-{args.name}.json").write_text(json.dumps(parts, indent=1) + "\n")
    total = {k: sum(p[k] for p in parts.values()) for k in ("passed", "failed", "skipped")}
    for name, part in parts.items():
        print(f"{args.name}: {name}: {part['passed']} passed, {part['failed']} failed, {part['skipped']} skipped")
        for bad in part["bad"]:
            print(f"{args.name}: failed: {bad}")
    print(f"{args.name}: {total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped "
          f"in {time.monotonic() - started:.0f} s")
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
