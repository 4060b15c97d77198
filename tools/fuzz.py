#!/usr/bin/python3
"""Runs every fuzz target for its share of the time, and prints for each what it did: executions, coverage, findings.

The targets are in DIR/fuzzers. libFuzzer starts from the corpus in the repository and what earlier runs found (kept
beside the targets); --keep writes back the few inputs that add coverage, --engine afl runs AFL++ on targets built by
afl-clang-fast. A finding is left in DIR/findings with the command that shows it, and the exit status is 1.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
KEPT_FILES, KEPT_BYTES = 200, 8192
MAX_INPUT = 32768
TAKES_LONG = 25


def last(pattern, text, default="0"):
    found = re.findall(pattern, text)
    return found[-1] if found else default


def run_libfuzzer(target, seconds, work, findings):
    grown = work / target.name
    grown.mkdir(parents=True, exist_ok=True)
    command = [str(target), str(grown), str(CORPUS / target.name), f"-max_total_time={seconds}", f"-max_len={MAX_INPUT}",
               f"-timeout={TAKES_LONG}", "-rss_limit_mb=2048", "-print_final_stats=1",
               f"-artifact_prefix={findings}/{target.name}-"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    log = done.stderr
    (work / f"{target.name}.log").write_text(log)
    counters = int(last(r"\((\d+) inline 8-bit counters\)", log))
    covered = int(last(r"cov: (\d+)", log))
    return {"target": target.name, "executions": int(last(r"stat::number_of_executed_units: (\d+)", log)),
            "covered": covered, "edges": counters, "corpus": len(list(grown.iterdir())),
            "failed": done.returncode != 0, "log": log}


def run_afl(target, seconds, work, findings):
    out = work / target.name
    shutil.rmtree(out, ignore_errors=True)
    env = dict(os.environ, AFL_NO_UI="1", AFL_SKIP_CPUFREQ="1", AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES="1", AFL_NO_AFFINITY="1",
               ASAN_OPTIONS="abort_on_error=1:symbolize=0:detect_leaks=0")
    done = subprocess.run(["afl-fuzz", "-i", str(CORPUS / target.name), "-o", str(out), "-V", str(seconds), "-m", "none",
                           "-t", str(TAKES_LONG * 1000), "--", str(target)], capture_output=True, text=True,
                          errors="replace", env=env, check=False)
    stats = out / "default" / "fuzzer_stats"
    text = stats.read_text() if stats.exists() else ""
    crashes = [p for kind in ("crashes", "hangs") for p in (out / "default" / kind).glob("id*")]
    for path in crashes:
        shutil.copy(path, findings / f"{target.name}-{path.parent.name}-{path.name[:9].replace(':', '-')}")
    return {"target": target.name, "executions": int(last(r"execs_done\s*: (\d+)", text)),
            "covered": int(last(r"edges_found\s*: (\d+)", text)), "edges": int(last(r"total_edges\s*: (\d+)", text)),
            "corpus": int(last(r"corpus_count\s*: (\d+)", text)), "failed": bool(crashes) or not text,
            "log": done.stdout + done.stderr}


def keep(target, work):
    """The smallest set with the same coverage, small files only, goes into the repository."""
    merged = work / f"{target.name}.merged"
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir()
    subprocess.run([str(target), "-merge=1", f"-max_len={KEPT_BYTES}", str(merged), str(CORPUS / target.name),
                    str(work / target.name)], capture_output=True, check=True)
    have = {p.read_bytes() for p in (CORPUS / target.name).iterdir()}
    small = sorted((p for p in merged.iterdir() if p.read_bytes() not in have), key=lambda p: p.stat().st_size)
    for path in small[:max(0, KEPT_FILES - len(have))]:
        shutil.copy(path, CORPUS / target.name / path.name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dir", required=True, type=pathlib.Path)
    parser.add_argument("--minutes", required=True, type=float, help="for all targets together")
    parser.add_argument("--engine", choices=("libfuzzer", "afl"), default="libfuzzer")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="names of targets, a regular expression")
    parser.add_argument("--keep", action="store_true", help="write what adds coverage back into the corpora")
    args = parser.parse_args()
    targets = sorted(p for p in (args.dir / "fuzzers").iterdir() if re.search(args.only, p.name))
    if not targets:
        sys.exit(f"fuzz: no target in {args.dir / 'fuzzers'} matches '{args.only}'")
    work, findings = args.dir / args.engine, args.dir / "findings"
    work.mkdir(exist_ok=True)
    findings.mkdir(exist_ok=True)
    seconds = max(1, int(args.minutes * 60 * args.jobs / len(targets)))
    run = run_afl if args.engine == "afl" else run_libfuzzer
    print(f"{args.engine}: {len(targets)} targets, {seconds} s each, {args.jobs} at once", flush=True)
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        rows = list(pool.map(lambda t: run(t, seconds, work, findings), targets))
    print(f"{'target':<14}{'executions':>12}{'edges covered':>16}{'of':>8}{'corpus':>8}  finding")
    for row in rows:
        print(f"{row['target']:<14}{row['executions']:>12}{row['covered']:>16}{row['edges']:>8}{row['corpus']:>8}"
              f"  {'YES' if row['failed'] else 'none'}")
    for row in rows:
        if row["failed"]:
            print(f"--- {row['target']}\n{row['log'][-4000:]}\nshow it again: {args.dir}/fuzzers/{row['target']} FILE")
    if args.keep and args.engine == "libfuzzer":
        for target in targets:
            keep(target, work)
    print(f"fuzz: {sum(r['executions'] for r in rows)} executions in {time.monotonic() - begun:.0f} s, "
          f"{sum(r['failed'] for r in rows)} targets with findings")
    return 1 if any(r["failed"] for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
