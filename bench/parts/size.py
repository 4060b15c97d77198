"""Memory at rest and under load, of each process; what the binaries and their libraries weigh and cost."""
import pathlib
import re
import subprocess
import time

from . import accounting, stats

PROGRAMS = ("nacred", "nacre-http", "nacre-app")
WHERE = re.compile(r"=> (/\S+) \(")


def memory(runtime):
    return {name: accounting.memory_kib(runtime.pid(name)) for name in PROGRAMS}


def under_load(runtime):
    """While 64 connections keep it busy."""
    process = runtime.begin_storm(verify=False, seconds=3, connections=64)
    time.sleep(2)
    found = memory(runtime)
    process.communicate(timeout=60)
    return found


def stripped(path):
    """Bytes of code and data, without what only a debugger reads."""
    done = subprocess.run(["size", str(path)], capture_output=True, text=True, check=False)
    words = done.stdout.splitlines()[1].split() if done.returncode == 0 else ["0"] * 4
    return sum(int(w) for w in words[:2])


def ldd(program):
    return subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout


def libraries(pid, program):
    """[{"library", "file_kib", "pss", "dirty", "direct"}] of a running process: `direct` when the program itself asks for it."""
    found = []
    maps = accounting.mappings(pathlib.Path(f"/proc/{pid}/smaps").read_text())
    dynamic = subprocess.run(["objdump", "-p", str(program)], capture_output=True, text=True, check=False).stdout
    wanted = set(re.findall(r"NEEDED\s+(\S+)", dynamic))
    sonames = {pathlib.Path(path).resolve().name for path in WHERE.findall(ldd(program))
               if pathlib.Path(path).name in wanted}
    for path, kib in maps.items():
        name = pathlib.Path(path).name
        if ".so" in name:
            size = pathlib.Path(path).stat().st_size // 1024 if pathlib.Path(path).exists() else 0
            found.append({"library": name, "file_kib": size, "direct": name in wanted | sonames, **kib})
    return sorted(found, key=lambda row: -row["pss"])


def start_cost(run):
    """Microseconds to execute something with one library in it, less the same with none: 40 times each, in turns.
    LD_PRELOAD does it, into a program of the C library alone, so a library's own libraries are in its figure."""
    program, found = "/bin/true", {}
    names = {}
    for one in PROGRAMS:
        names.update((pathlib.Path(path).resolve().name, path) for path in WHERE.findall(ldd(run.bin / one)))
    names = {name: path for name, path in names.items() if not name.startswith("libc.so")}
    took = {name: [] for name in ["", *names]}
    for number in range(40):
        for name in stats.rotated(took, number):
            env = {"LD_PRELOAD": names[name]} if name else {}
            begin = time.perf_counter()
            subprocess.run([program], env=env, check=False)
            took[name].append((time.perf_counter() - begin) * 1e6)
    base = stats.summary(took[""])["median"]
    for name in names:
        found[name] = stats.summary(took[name])["median"] - base
    return found


def measure(run):
    import weather_upstream
    found = {"files": {}, "memory": {}, "libraries": {}}
    for path in [run.bin / name for name in PROGRAMS] + [run.out / "lib/nacre/nacre-fetch.so",
                                                         run.out / "plugins/media/media.so"]:
        found["files"][path.name] = {"file_kib": path.stat().st_size // 1024, "loaded_kib": stripped(path) // 1024}
    for image in (run.out / "nitro.eif",):
        if image.exists():
            found["files"][image.name] = {"file_kib": image.stat().st_size // 1024, "loaded_kib": 0}
    found["start_us"] = start_cost(run)
    if not run.harness.can_read_memory():
        return found
    with run.harness.Runtime("media", direct=True) as media:
        media.verify(media.post("/process_data", run.harness.media_body(1)))
        found["memory"]["media, one answer"] = memory(media)
        found["memory"]["media, under load"] = under_load(media)
        for name in PROGRAMS:
            found["libraries"][name] = libraries(media.pid(name), run.bin / name)
    with weather_upstream.weather() as weather:
        weather.verify(weather.post("/process_data", {"payload": {"location": "London"}}))
        maps = pathlib.Path(f"/proc/{weather.pid('nacre-app')}/maps").read_text()
        assert "libcurl" in maps, "libcurl is not loaded: this would measure something else"
        found["memory"]["weather, libcurl loaded"] = memory(weather)
        found["libraries"]["nacre-app with libcurl"] = libraries(weather.pid("nacre-app"), run.bin / "nacre-app")
    run.say("size: done")
    return found


def table(part):
    rows = []
    for what, each in part["memory"].items():
        total = {key: sum(one[key] for one in each.values()) for key in ("rss", "pss", "dirty", "locked")}
        for name, kib in [*each.items(), ("**all three**", total)]:
            rows.append([what, name] + [f"{kib[key] / 1024:.2f}" for key in ("rss", "pss", "dirty", "locked")])
    lines = stats.markdown(["memory, MiB", "process", "resident", "proportional", "private dirty", "locked"], rows)
    if curl := part["memory"].get("weather, libcurl loaded"):
        pss = sum(one["pss"] for one in curl.values()) / 1024
        lines += ["", f"Proportional set size of the three with libcurl loaded: {pss:.1f} MiB (aim 16: "
                  + ("met" if pss <= 16 else f"missed by {100 * (pss / 16 - 1):.0f} %") + ")."]
    lines += [""] + stats.markdown(["file", "KiB", "code and data, KiB"],
                                   [[name, f["file_kib"], f["loaded_kib"] or "-"] for name, f in part["files"].items()])
    heavy = [[process, row["library"], "yes" if row["direct"] else "", row["file_kib"], row["pss"], row["dirty"],
              f"{part['start_us'][row['library']]:.0f}" if row["library"] in part["start_us"] else "-"]
             for process, libs in part["libraries"].items() for row in libs if row["direct"] or row["dirty"] >= 32]
    rest = [f"{process}: {len(small)}, {sum(row['pss'] for row in small)} KiB proportional"
            for process, libs in part["libraries"].items()
            if (small := [row for row in libs if not row["direct"] and row["dirty"] < 32])]
    return lines + [""] + stats.markdown(["process", "library", "asked for by the program", "file, KiB", "proportional, KiB",
                                          "private dirty, KiB", "start, us"], heavy) + \
        ["", "Libraries that come along and dirty less than 32 KiB each: " + "; ".join(rest) + "."]
