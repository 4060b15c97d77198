"""Where the time of a signed answer goes: perf over the three processes under load, as text."""
import re
import shutil
import subprocess

SECONDS = 3
SORT = "comm,dso,symbol"


def shares(text):
    """[(percent, process, library, symbol)] from `perf report --stdio --sort comm,dso,symbol`."""
    found = []
    for line in text.splitlines():
        m = re.match(r"\s*([\d.]+)%\s+(\S+)\s+(\S+)\s+\[(.)\]\s+(\S+)", line)
        if m:
            found.append((float(m.group(1)), m.group(2), m.group(3), m.group(5)))
    return found


def by(found, key):
    """Sums of the percentages by key(row), the greatest first."""
    total = {}
    for row in found:
        total[key(row)] = total.get(key(row), 0.0) + row[0]
    return sorted(total.items(), key=lambda item: -item[1])


def measure(run):
    if not shutil.which("perf"):
        run.say("left out: profile: perf is not installed (Debian's linux-perf)")
        return {}
    data = run.directory / "perf.data"
    with run.harness.Runtime("media", direct=True) as runtime:
        pids = ",".join(str(runtime.pid(name)) for name in ("nacred", "nacre-http", "nacre-app"))
        load = runtime.begin_storm(verify=False, seconds=SECONDS + 2, connections=64)
        done = subprocess.run(["perf", "record", "-q", "-F", "2000", "-o", str(data), "-p", pids, "--", "sleep", str(SECONDS)],
                              capture_output=True, text=True, check=False)
        load.communicate(timeout=60)
    if done.returncode:
        run.say(f"left out: profile: perf: {done.stderr.strip().splitlines()[-1:]}")
        return {}
    report = subprocess.run(["perf", "report", "-i", str(data), "--stdio", "--no-children", "-g", "none", "--sort", SORT],
                            capture_output=True, text=True, check=False).stdout
    found = shares(report)
    run.say("profile: done")
    return {"rows": [{"percent": p, "process": c, "library": d, "symbol": s} for p, c, d, s in found[:60]],
            "by_process": by(found, lambda row: f"{row[1]}, {'the kernel' if row[2].startswith('[') else row[2]}")[:20]}


def table(part):
    if not part:
        return ["No profile: perf was not there."]
    lines = ["```"] + [f"{percent:6.1f} %  {what}" for what, percent in part["by_process"] if percent >= 0.5] + [""]
    lines += [f"{row['percent']:6.2f} %  {row['process']:<12} {row['library']:<24} {row['symbol']}" for row in part["rows"]
              if row["percent"] >= 1.0 and not row["symbol"].startswith("0x")]
    return lines + ["```"]
