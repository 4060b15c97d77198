"""The same load on every peer: wrk as fast as it can, and at half load a client with a fixed schedule (bench/pace.c)."""
import json
import pathlib
import subprocess
import time

from . import accounting, stats

CONNECTIONS = (1, 4, 16, 64, 256)
SCRIPT = pathlib.Path(__file__).with_name("media.lua")


def wrk(address, connections, seconds, keepalive, body=None):
    """One window, with bodies of the media route or this one. What wrk's script printed."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT),
               "http://%s:%d" % address, "--", "keep-alive" if keepalive else "close"]
    command += [body] if body else []
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(out.strip().splitlines()[-1])


def window(peer, drive):
    """Runs drive() and counts the peer's CPU time around it. The row of results."""
    pids = peer.pids()
    before = accounting.cpu_of(pids)
    said = drive()
    time.sleep(0.02)  # what is under way ends
    after = accounting.cpu_of(pids)
    answers = max(said["requests"], 1)
    by_process = {name: (after[name] - before[name]) / answers * 1e6 for name in pids}
    return dict(said, peer=peer.name, cpu_us=sum(by_process.values()), cpu_us_by_process=by_process)


def measure(run):
    """Every number of connections, with and without keep-alive, all peers in turn, the order rotated by the round."""
    rows = []
    for number in range(run.rounds):
        run.sign()
        for connections in CONNECTIONS:
            for keepalive in (True, False):
                for peer in stats.rotated(run.peers, number):
                    row = window(peer, lambda: wrk(peer.address, connections, run.seconds, keepalive))
                    row.update(round=number, connections=connections, keepalive=keepalive,
                               per_second=row["requests"] / row["duration_us"] * 1e6,
                               errors=row["connect"] + row["read"] + row["write"] + row["timeout"])
                    assert row["status"] == 0, f"{peer.name}: {row['status']} answers that are no 2xx: {row}"
                    rows.append(row)
        run.say(f"load: round {number + 1} of {run.rounds}")
    run.sign()
    return {"rows": rows}


def pace(program, address, rate, connections, seconds):
    out = subprocess.run([program, "%s:%d" % address, str(int(rate)), str(connections), str(seconds)],
                         capture_output=True, text=True, check=True).stdout
    return json.loads(out)


def measure_half(run, rows):
    """All peers at the same rate, half of what nacre reaches with 64 connections, on a schedule of random gaps."""
    best = stats.of(rows, "per_second", peer="nacre", connections=64, keepalive=True)
    rate = best["median"] / 2
    found = []
    for number in range(run.rounds):
        for peer in stats.rotated(run.peers, number):
            row = window(peer, lambda: pace(run.tests / "pace", peer.address, rate, 64, run.seconds * 2))
            row.update(round=number, rate=rate)
            found.append(row)
    run.say("half load: done")
    return {"rate": rate, "rows": found}
