"""Answers per second with one CPU, two, and so on to all of them."""
import os

from . import load, peers, stats


def measure(run):
    """The runtime on the first n CPUs, wrk on what is left; with all of them taken they share."""
    everything = sorted(os.sched_getaffinity(0))
    counts = sorted({1, *(n for n in (2, 4, 8, 16, 32, 64) if n < len(everything)), len(everything)})
    rows = []
    for number in range(run.rounds):
        for n in stats.rotated(counts, number):
            for kind in (peers.Nacre, peers.Axum):
                row = one(run, kind, everything[:n], everything[n:] or everything, len(everything[n:]) > 0)
                if row:
                    rows.append(dict(row, round=number, cpus=n))
    run.say("scaling: done")
    return {"rows": rows}


def one(run, kind, cpus, client, apart):
    """One window on its own CPUs; None when the peer cannot be had."""
    everything = os.sched_getaffinity(0)
    peer = kind(run)
    try:
        os.sched_setaffinity(0, cpus)  # what is started now inherits it
        try:
            peer.start()
        except peers.Missing:
            return None
        peer.check()
        os.sched_setaffinity(0, client)
        row = load.window(peer, lambda: load.wrk(peer.address, 64, max(run.seconds, 2), True))
        return {"peer": peer.name, "per_second": row["requests"] / row["duration_us"] * 1e6, "cpu_us": row["cpu_us"],
                "client_apart": apart, "client_cpus": len(client)}
    finally:
        os.sched_setaffinity(0, everything)
        if peer.process or hasattr(peer, "runtime"):
            peer.stop()


def table(part):
    rows = []
    for n in sorted({row["cpus"] for row in part["rows"]}):
        mine = [row for row in part["rows"] if row["cpus"] == n]
        for peer in dict.fromkeys(row["peer"] for row in mine):
            one_cpu = stats.of(part["rows"], "per_second", peer=peer, cpus=1)
            here = stats.of(mine, "per_second", peer=peer)
            client = "apart, on %d" % mine[0]["client_cpus"] if mine[0]["client_apart"] else "on the same"
            rows.append([n, client, peer, stats.text(here), stats.number(here["median"] / one_cpu["median"]),
                         stats.text(stats.of(mine, "cpu_us", peer=peer))])
    return stats.markdown(["CPUs", "client", "server", "answers/s", "times one CPU's", "us of CPU an answer"], rows)
