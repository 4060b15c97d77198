"""Medians, ratios, what the kernel's books say, the model: wrong numbers here would go unnoticed into the pages."""
import json
import os
import pathlib
import subprocess
import sys

import pytest
from parts import accounting, model, outbound, report, start, stats

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_summary_is_of_the_middle():
    s = stats.summary([9, 1, 2, 100])
    assert s == {"median": 5.5, "mad": 4.0, "min": 1, "max": 100, "n": 4}
    assert stats.summary([7])["mad"] == 0
    with pytest.raises(Exception):
        stats.summary([])


def test_of_takes_only_what_is_wanted():
    rows = [{"peer": "a", "k": True, "v": 1}, {"peer": "a", "k": False, "v": 50}, {"peer": "b", "k": True, "v": 9}]
    assert stats.of(rows, "v", peer="a", k=True)["median"] == 1
    assert stats.of(rows, "v", peer="c") is None


def test_ratios_are_taken_round_by_round():
    rows = [{"peer": p, "round": n, "v": v * factor} for n, factor in ((0, 1), (1, 10), (2, 1000))
            for p, v in (("a", 3.0), ("b", 2.0))]
    assert stats.paired(rows, "v", "a", "b") == {"median": 1.5, "mad": 0, "min": 1.5, "max": 1.5, "n": 3}
    assert stats.paired(rows, "v", "a", "nobody") is None


def test_everyone_is_first_and_not_always_behind_the_same():
    orders = [stats.rotated("abc", n) for n in range(6)]
    assert sorted(o[0] for o in orders[:3]) == ["a", "b", "c"]
    assert len({tuple(o) for o in orders}) == 6
    assert all(sorted(o) == ["a", "b", "c"] for o in orders)


@pytest.mark.parametrize("value,text", [(0, "0"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1,234"), (0.001, "0.00")])
def test_numbers_as_people_read_them(value, text):
    assert stats.number(value) == text


def test_stat_with_a_name_that_looks_like_fields():
    text = "12 (a) b (c) 9) S 7 1 1 0 -1 4194560 1 2 3 4 111 222 300 400 20 0 1 0 5 6 7"
    assert accounting.stat_fields(text)[:2] == ["S", "7"]
    assert accounting.reaped_seconds(text) == (300 + 400) / os.sysconf("SC_CLK_TCK")


def test_tree_of_processes():
    assert sorted(accounting.tree(2, {2: 1, 3: 2, 4: 3, 5: 1, 6: 4})) == [2, 3, 4, 6]


def test_memory_of_the_kernels_files():
    assert accounting.parse_kib("Name:\tx\nVmLck:\t     68 kB\nThreads:\t3\nPss:   12 kB\n") == {"VmLck": 68, "Pss": 12}
    smaps = ("55d0-55e0 r-xp 00000000 08:01 11 /usr/lib/libx.so\nRss: 8 kB\nPss: 4 kB\nPrivate_Dirty: 0 kB\n"
             "55e0-55f0 rw-p 00000000 08:01 11 /usr/lib/libx.so\nRss: 4 kB\nPss: 4 kB\nPrivate_Dirty: 4 kB\n"
             "7f00-7f10 rw-p 00000000 00:00 0 \nRss: 12 kB\nPss: 12 kB\nPrivate_Dirty: 12 kB\n")
    assert accounting.mappings(smaps) == {"/usr/lib/libx.so": {"rss": 12, "pss": 8, "dirty": 4},
                                          "(anonymous)": {"rss": 12, "pss": 12, "dirty": 12}}


BURN = """
import os, sys, threading, time
def burn(s):
    end = time.thread_time() + s
    while time.thread_time() < end: pass
sys.stdin.readline()
t = threading.Thread(target=burn, args=(.1,)); t.start(); t.join()   # a thread that has ended
if os.fork() == 0:
    burn(.1); os._exit(0)
os.wait()                                                            # a child that was reaped
print(time.process_time(), flush=True)
sys.stdin.readline()
"""


def test_cpu_time_counts_ended_threads_and_reaped_children():
    with subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        before = accounting.cpu_seconds(p.pid)
        p.stdin.write("\n")
        p.stdin.flush()
        p.stdout.readline()
        spent = accounting.cpu_seconds(p.pid) - before
        p.communicate("\n", timeout=20)
    assert 0.18 <= spent < 0.6, spent


def event(us, pid, what, other=0):
    return {"us": us, "pid": pid, "what": what, "other": other, "name": ""}


def test_phases_of_a_start_add_up():
    events = [event(100, 1, "exec"), event(900, 1, "fork", 2), event(1500, 2, "exit"), event(2000, 1, "fork", 3),
              event(2500, 3, "exec"), event(4000, 3, "exit"), event(4500, 1, "fork", 4), event(4800, 1, "fork", 5),
              event(4900, 4, "exec"), event(5200, 5, "exec"), event(5600, 1, "clone", 6), event(7000, 5, "clone", 7),
              event(8000, 4, "clone", 8)]
    found = start.phases({"events": events, "total_us": 9000.0})
    assert sum(found.values()) == pytest.approx(9000)
    assert found["which namespaces the machine has"] == 600
    assert found["check of the plugin: libraries, sandbox, plugin"] == 1500
    assert all(us >= 0 for us in found.values())
    holder = start.phases({"events": events[:3] + [event(1800, 1, "fork", 9)] + events[3:], "total_us": 9000.0})
    assert sum(holder.values()) == pytest.approx(9000)
    assert holder["nacred: its system call list, PCRs"] == 300 and holder["nacred: PID namespace of the helpers"] == 200
    with pytest.raises(ValueError):
        start.phases({"events": events[:4], "total_us": 9000.0})


def test_what_an_upstream_saw():
    lines = ["1 . HTTP/2.0\n", "1 . HTTP/2.0\n", "2 r HTTP/2.0\n", "3 . HTTP/1.1\n"]
    assert outbound.seen(lines) == {"requests": 4, "connections": 3, "resumed": 1,
                                    "protocols": {"HTTP/2.0": 3, "HTTP/1.1": 1}}


def rows():
    found = []
    for n in range(2):
        for peer, cpu, speed in (("nacre", 30.0, 100.0), ("axum", 20.0, 200.0), ("nginx", 5.0, 400.0)):
            for keepalive in (True, False):
                for connections in (1, 64):
                    found.append({"peer": peer, "round": n, "connections": connections, "keepalive": keepalive,
                                  "cpu_us": cpu, "cpu_us_by_process": {"nacred": 18.0, "nacre-http": 9.0, "nacre-app": 3.0},
                                  "per_second": speed, "p50_us": 100, "p99_us": 300, "errors": 0, "requests": 10})
    return found


def result():
    memory = {name: {"rss": 9, "pss": 1024, "dirty": 1, "locked": 0} for name in ("nacred", "nacre-http", "nacre-app")}
    busy = {name: dict(kib, pss=kib["pss"] + 64) for name, kib in memory.items()}
    return {"machine": {"cpus": 2, "model": "M", "kernel": "6", "system": "D", "date": "today", "commit": "c0ffee",
                        "changed": False, "load_before": 0.1, "load_after": 2.0},
            "settings": {"rounds": 2, "seconds": 1}, "signature_us": [10.0, 10.0, 12.0], "load": {"rows": rows()},
            "half": {"rate": 50, "rows": [{"peer": p, "round": 0, "p50_us": 1, "p90_us": 2, "p99_us": v, "p999_us": 9, "cpu_us": 1}
                                          for p, v in (("nacre", 30), ("nginx", 20))]},
            "parent": {"rows": [{"keepalive": k, "cpu_us": v, "per_second": 1} for k, v in ((True, 8.0), (False, 20.0))]},
            "size": {"memory": {"media, one answer": memory, "media, under load": busy}}}


def test_costs_say_what_is_missed_and_by_how_much():
    text = "\n".join(report.costs(result()))
    assert "in signatures: 3.00 (aim 1.7: missed by 76 %)" in text
    assert "beside axum's: 1.50 ± 0 times (aim 0.5: missed by 200 %)" in text
    assert "answers per second beside axum's: 0.50 ± 0 times (aim 2: missed by 75 %)" in text
    assert "p99 at half load: 30.0 ± 0 us (aim: 1.5 times nginx's and a signature, 45.0 us: met)" in text


def test_sections_of_a_file_with_some_parts():
    one = result()
    del one["size"]
    assert set(report.sections(one)) == {"where", "costs", "by-connections", "half", "parent"}
    assert "had other work" not in report.where(one)[0]
    one["machine"]["load_before"] = 3.0
    assert "had other work" in report.where(one)[0]


def test_a_file_reads_back_as_it_was():
    one = result()
    assert json.loads(report.compact(one)) == one


def test_replacing_sections_leaves_the_rest():
    page = "a\n<!-- bench:x -->\nold\n<!-- /bench:x -->\nb\n"
    new = report.replace(page, {"x": ["\\1 new", "rows"]})
    assert new == "a\n<!-- bench:x -->\n\\1 new\nrows\n<!-- /bench:x -->\nb\n"
    assert report.replace(new, {"x": ["\\1 new", "rows"]}) == new
    with pytest.raises(ValueError):
        report.replace(page, {"y": []})


def test_pages_have_a_place_for_every_section():
    readme = (ROOT / "bench" / "README.md").read_text()
    report.replace(readme, {name: [] for name in ["plots", *(name for name, _, _ in report.PARTS)]})
    report.replace((ROOT / "bench" / "MODEL.md").read_text(), model.sections(result()))


def test_a_profile_is_read_and_summed():
    from parts import profile
    text = ("# Samples\n    40.50%  nacred      libsodium.so.23.3.0  [.] ge25519_p3\n     9.50%  nacre-http  [kernel.kallsyms]  [k] tcp\n"
            "     0.50%  nacred      libsodium.so.23.3.0  [.] x\n")
    found = profile.shares(text)
    assert len(found) == 3 and found[1] == (9.5, "nacre-http", "[kernel.kallsyms]", "tcp")
    assert profile.by(found, lambda row: row[1]) == [("nacred", 41.0), ("nacre-http", 9.5)]


def test_model_by_hand():
    text = "\n".join(model.sections(result(), {"signature_there_us": 20.0, "smt": 1.0})["first"])
    # twice as slow there: 1e6 / 60 by the core, half a core over 36 by the busier thread, 1e6 / 16 by the parent
    assert "| the enclave's CPUs | 16,667 |" in text
    assert "| the busiest thread of the one lane | 13,889 |" in text
    assert "| the parent's CPUs | 62,500 |" in text
    limits = [line.split("|")[1].strip() for line in text.splitlines()[2:]]
    assert limits[0] == "nonced documents, one NSM call each"
    figures = "\n".join(model.sections(result())["figures"])
    assert "answers/s of 10 at 70% of capacity" in figures


def test_model_reads_the_settings():
    assert model.setting("http", "connections") == 1024
    assert model.setting("b", "n", "a:\n  n: 1\nb:\n  # c\n  m: 2\n\n  n: 3\nc:\n  n: 4\n") == 3


def test_results_in_the_repository_make_tables():
    for path in (ROOT / "bench" / "results").glob("*.json"):
        one = json.loads(path.read_text())
        if one.get("format") == 1:
            assert report.sections(one)
