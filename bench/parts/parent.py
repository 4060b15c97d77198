"""What one request costs the parent instance's daemon: `nacre host` in front of a server that says nothing but the size
of a signed answer. bench/host.py has more of it, beside other proxies."""
from . import accounting, stats


def measure(run):
    import host
    size = run.answer_size or 700
    unix = run.directory / "behind"
    server = host.server(run.directory, f"unix:{unix}", size)
    proxy = None
    try:
        port = run.harness.free_port()
        proxy = host.Proxy("nacre host", port, host.host_config(run.directory, port, f"local:{unix}"))
        rows = []
        for number in range(run.rounds):
            for keepalive in stats.rotated([True, False], number):
                before = accounting.cpu_seconds(proxy.process.pid)
                row = host.wrk(port, 64, run.seconds, not keepalive)
                cpu = accounting.cpu_seconds(proxy.process.pid) - before
                rows.append({"round": number, "keepalive": keepalive, "answer_bytes": size, "per_second": row["per_second"],
                             "errors": row["errors"], "cpu_us": cpu / max(row["requests"], 1) * 1e6})
        run.say("parent: done")
        return {"rows": rows}
    finally:
        if proxy:
            proxy.stop()
        server.kill()
        server.wait()


def table(part):
    return stats.markdown(["`nacre host`, 64 connections", "us of CPU a request", "requests/s"],
                          [["keep-alive" if k else "a connection a request", stats.text(stats.of(part["rows"], "cpu_us", keepalive=k)),
                            stats.text(stats.of(part["rows"], "per_second", keepalive=k))] for k in (True, False)])
