"""CPU time and memory of processes, from the kernel's own books (/proc, CLOCK of a process)."""
import os
import pathlib
import time

PROC = pathlib.Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")
CPUCLOCK_SCHED = 2


def stat_fields(text):
    """What follows the name in /proc/PID/stat (a name may hold spaces and parentheses): [0] is the state, [1] the parent."""
    return text.rpartition(")")[2].split()


def reaped_seconds(text):
    """User and system time of the children that a process has waited for, from its /proc/PID/stat; to one tick."""
    fields = stat_fields(text)
    return (int(fields[13]) + int(fields[14])) / TICK


def process_clock(pid):
    """The id of the CPU clock of a whole process, as clock_getcpuclockid(3) makes it."""
    return ((~pid) << 3) | CPUCLOCK_SCHED


def cpu_seconds(pid):
    """CPU time of a process in seconds: all its threads, those that have ended too, to the nanosecond; and its reaped
    children."""
    return time.clock_gettime(process_clock(pid)) + reaped_seconds((PROC / str(pid) / "stat").read_text())


def parents():
    """Each living process's parent."""
    found = {}
    for entry in os.listdir(PROC):
        if entry.isdigit():
            try:
                found[int(entry)] = int(stat_fields((PROC / entry / "stat").read_text())[1])
            except (FileNotFoundError, ProcessLookupError):
                pass
    return found


def tree(pid, parent_of=None):
    """A process and all its descendants."""
    parent_of = parents() if parent_of is None else parent_of
    found, todo = [pid], [pid]
    while todo:
        at = todo.pop()
        children = [p for p, parent in parent_of.items() if parent == at]
        found += children
        todo += children
    return found


def cpu_of(pids):
    """{name: seconds} for {name: pid}."""
    return {name: cpu_seconds(pid) for name, pid in pids.items()}


def parse_kib(text):
    """{"Pss": 1234, ...} from smaps_rollup or status: the lines that count KiB."""
    found = {}
    for line in text.splitlines():
        words = line.replace(":", " ").split()
        if len(words) == 3 and words[2] == "kB" and words[1].isdigit():
            found[words[0]] = int(words[1])
    return found


def memory_kib(pid):
    """Resident, proportional, private and locked memory of a process in KiB."""
    rollup = parse_kib((PROC / str(pid) / "smaps_rollup").read_text())
    status = parse_kib((PROC / str(pid) / "status").read_text())
    return {"rss": rollup["Rss"], "pss": rollup["Pss"], "dirty": rollup["Private_Dirty"], "locked": status["VmLck"]}


def mappings(text):
    """What each file costs a process, from /proc/PID/smaps: {path: {"rss", "pss", "dirty"} in KiB}. Anonymous memory
    behind a library (its .bss) is a mapping without a name and not counted to it."""
    found, path = {}, None
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 5 and "-" in words[0] and not words[0].endswith(":"):
            path = words[5] if len(words) > 5 else "(anonymous)"
            found.setdefault(path, {"rss": 0, "pss": 0, "dirty": 0})
        elif path and words and words[0] in ("Rss:", "Pss:", "Private_Dirty:"):
            found[path][{"Rss:": "rss", "Pss:": "pss", "Private_Dirty:": "dirty"}[words[0]]] += int(words[1])
    return found
