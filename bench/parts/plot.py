"""Plots of a file of results, as PNG beside it. Without matplotlib there are none."""
from . import stats

COLOURS = {"nacre": "#1b6ca8", "axum": "#c8553d", "nginx": "#3a7d44", "microhttpd": "#8e6c8a"}
MARKS = {"nacre": "o", "axum": "s", "nginx": "^", "microhttpd": "D"}


def series(rows, key, keepalive):
    """{peer: [(connections, summary), ...]}"""
    found = {}
    for peer in dict.fromkeys(row["peer"] for row in rows):
        for n in sorted({row["connections"] for row in rows}):
            s = stats.of(rows, key, peer=peer, connections=n, keepalive=keepalive)
            if s:
                found.setdefault(peer, []).append((n, s))
    return found


def lines(axes, rows, key, keepalive, label, log):
    for peer, points in series(rows, key, keepalive).items():
        x = [n for n, _ in points]
        y = [s["median"] for _, s in points]
        bars = [[s["median"] - s["min"] for _, s in points], [s["max"] - s["median"] for _, s in points]]
        axes.errorbar(x, y, yerr=bars, label=peer, marker=MARKS.get(peer, "x"), color=COLOURS.get(peer), capsize=3,
                      linewidth=1.6, markersize=5)
    axes.set_xscale("log", base=2)
    ticks = sorted({row["connections"] for row in rows})
    axes.set_xticks(ticks)
    axes.set_xticklabels([str(t) for t in ticks])
    axes.set_yscale("log") if log else axes.set_ylim(bottom=0)
    axes.set_xlabel("connections")
    axes.set_ylabel(label)
    axes.set_title("keep-alive" if keepalive else "a connection a request", fontsize=10)
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize=8)


def pair(plt, rows, key, label, title, path, log=False):
    figure, both = plt.subplots(1, 2, figsize=(11, 4.4), sharey=log)
    for axes, keepalive in zip(both, (True, False)):
        lines(axes, rows, key, keepalive, label, log)
    return save(plt, figure, title, path)


def save(plt, figure, title, path):
    figure.suptitle(title, fontsize=11)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return f"plot: {path}"


def cost_bars(plt, result, path):
    """CPU time an answer at 64 connections, nacre's by process, and the signature as a line."""
    rows = [r for r in result["load"]["rows"] if r["connections"] == 64 and r["keepalive"]]
    signature = stats.summary(result["signature_us"])["median"]
    figure, axes = plt.subplots(figsize=(7.5, 4.4))
    shades = ("#1b6ca8", "#5a9bc9", "#a5cbe6")
    for peer in dict.fromkeys(row["peer"] for row in rows):
        mine, bottom = [r for r in rows if r["peer"] == peer], 0.0
        if peer == "nacre":
            for shade, process in zip(shades, mine[0]["cpu_us_by_process"]):
                height = stats.summary([r["cpu_us_by_process"][process] for r in mine])["median"]
                axes.bar(peer, height, bottom=bottom, color=shade, label=process)
                bottom += height
        else:
            bottom = stats.of(mine, "cpu_us")["median"]
            axes.bar(peer, bottom, color=COLOURS.get(peer))
        axes.text(peer, bottom, f" {bottom:.1f}", ha="center", va="bottom", fontsize=9)
    axes.axhline(signature, color="black", linestyle="--", linewidth=1, label=f"one signature, {signature:.1f} us")
    axes.axhline(1.7 * signature, color="grey", linestyle=":", linewidth=1, label="aim: 1.7 signatures")
    axes.set_ylabel("CPU time an answer, microseconds")
    axes.legend(fontsize=8)
    return save(plt, figure, "CPU time an answer, 64 connections with keep-alive", path)


def start_bars(plt, part, path):
    """What happens between exec and the first signed answer."""
    figure, axes = plt.subplots(figsize=(9, 3.6))
    at = 0.0
    for n, (name, us) in enumerate(part["phases_us"].items()):
        axes.barh(n, us / 1000, left=at / 1000, color="#1b6ca8")
        axes.text((at + us) / 1000, n, f" {us / 1000:.2f}", va="center", fontsize=8)
        at += us
    axes.set_yticks(range(len(part["phases_us"])))
    axes.set_yticklabels(part["phases_us"], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, at / 1000 * 1.1)
    axes.set_xlabel("milliseconds since exec (traced, so somewhat slower than alone)")
    return save(plt, figure, "From exec to the first signed answer", path)


def draw(result, base):
    """Writes BASE-*.png. The lines to print."""
    try:
        import matplotlib
    except ImportError:
        return ["no plots: python3-matplotlib is not installed"]
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    done = []
    if "load" in result:
        rows = result["load"]["rows"]
        done += [pair(plt, rows, "per_second", "answers per second", "Answers per second (bars: least and greatest round)",
                      f"{base}-throughput.png"),
                 pair(plt, rows, "p99_us", "p99, microseconds", "Latency under full load, p99 (bars: least and greatest round)",
                      f"{base}-p99.png", log=True), cost_bars(plt, result, f"{base}-cpu.png")]
    if "start" in result:
        done.append(start_bars(plt, result["start"], f"{base}-start.png"))
    return done
