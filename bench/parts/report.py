"""The tables in bench/README.md, from a file of results."""
import json
import re

from . import attestation, outbound, parent, profile, scaling, size, start, stats
from .stats import markdown, number, of, paired, text

TITLES = {"nacre": "nacre", "axum": "axum, ed25519-dalek", "nginx": "nginx, a constant", "microhttpd": "libmicrohttpd, a constant"}


def signature(result):
    return stats.summary(result["signature_us"])


def names(rows):
    found = {row["peer"] for row in rows}
    return [name for name in TITLES if name in found] + sorted(found - set(TITLES))


def where(result):
    m, s = result["machine"], result["settings"]
    load = f"{m['load_before']:.1f} before and {m.get('load_after', 0):.1f} after"
    return [f"{m['cpus']} CPUs ({m['model']}), {m['system']}, Linux {m['kernel']}, {m['date']}, commit {m['commit']}"
            + (" with changes" if m["changed"] else "") + f". Load average {load}"
            + (": **the machine had other work, so these figures show that the bench runs, and no more.**"
               if m["load_before"] > 1.0 else ".")
            + f" {s['rounds']} rounds of {s['seconds']} s; median ± median absolute deviation. One bare signature: "
            f"{text(signature(result))} us of CPU time."]


def versions(result):
    v = result.get("versions")
    if not v:
        return []
    parts = [f"{name} {version}" for name, version in {**v["crates"], **v["packages"]}.items()]
    return ["Versions: " + ", ".join(parts + [v["nginx"].replace("nginx version: ", ""), v["rustc"], v["gcc"]]) + "."]


def aim(value, limit, what="{}"):
    return f"{what.format(limit)}: {'met' if value <= limit else f'missed by {100 * (value / limit - 1):.0f} %'}"


def costs(result):
    """CPU time an answer at 64 connections: the table that the aims are about."""
    rows, sign = result["load"]["rows"], signature(result)["median"]
    at = {"connections": 64, "keepalive": True}
    table = []
    for name in names(rows):
        cpu = of(rows, "cpu_us", peer=name, **at)
        p50, p99 = (of(rows, key, peer=name, **at) for key in ("p50_us", "p99_us"))
        table.append([TITLES.get(name, name), text(cpu), number(cpu["median"] / sign),
                      text(of(rows, "per_second", peer=name, **at)), text(p50), text(p99)])
    lines = markdown(["64 connections, keep-alive", "us of CPU an answer", "in signatures", "answers/s", "p50, us", "p99, us"],
                     table + [["the bare signature", text(signature(result)), "1.00", "-", "-", "-"]])
    mine = [row for row in rows if row["peer"] == "nacre" and row["connections"] == 64 and row["keepalive"]]
    each = {key: stats.summary([row["cpu_us_by_process"][key] for row in mine]) for key in mine[0]["cpu_us_by_process"]}
    lines += ["", "nacre's, by process: " + ", ".join(f"{key} {text(s)} us ({number(s['median'] / sign)} signatures)"
                                                    for key, s in each.items()) + "."]
    return lines + [""] + aims(result, rows, sign, at)


def aims(result, rows, sign, at):
    mine = of(rows, "cpu_us", peer="nacre", **at)["median"] / sign
    lines = [f"- CPU time of a signed answer in signatures: {number(mine)} (aim {aim(mine, 1.7)})"]
    cpu, speed = (paired(rows, key, "nacre", "axum", **at) for key in ("cpu_us", "per_second"))
    if cpu:
        lines.append(f"- CPU time beside axum's: {text(cpu)} times (aim {aim(cpu['median'], 0.5)})")
        lines.append(f"- answers per second beside axum's: {text(speed)} times (aim 2: "
                     + ("met" if speed["median"] >= 2 else f"missed by {100 * (1 - speed['median'] / 2):.0f} %") + ")")
    half = result.get("half", {}).get("rows", [])
    if p99 := of(half, "p99_us", peer="nacre"):
        other = of(half, "p99_us", peer="nginx")
        limit = 1.5 * (other["median"] + sign) if other else None
        lines.append(f"- p99 at half load: {text(p99)} us" + (f" (aim: 1.5 times nginx's and a signature, {number(limit)} us: "
                     + ("met" if p99["median"] <= limit else f"missed by {100 * (p99['median'] / limit - 1):.0f} %") + ")"
                                                              if limit else ""))
    return lines


def by_connections(result):
    rows = result["load"]["rows"]
    lines = []
    for keepalive in (True, False):
        kinds = names(rows)
        sizes = sorted({row["connections"] for row in rows})
        table = [[n] + [text(of(rows, "per_second", peer=k, connections=n, keepalive=keepalive)) for k in kinds]
                 + [text(of(rows, "p99_us", peer=k, connections=n, keepalive=keepalive)) for k in kinds] for n in sizes]
        how = "keep-alive" if keepalive else "a connection a request"
        lines += markdown([how] + [f"{k}, answers/s" for k in kinds] + [f"{k}, p99 us" for k in kinds], table) + [""]
    errors = sum(row["errors"] for row in rows)
    return lines + [f"Requests that met a socket error: {errors} of {sum(row['requests'] for row in rows):,}."]


def half(result):
    rows = result["half"]["rows"]
    table = [[TITLES.get(name, name)] + [text(of(rows, key, peer=name)) for key in
                                         ("p50_us", "p90_us", "p99_us", "p999_us", "cpu_us")] for name in names(rows)]
    return markdown([f"{result['half']['rate']:,.0f} requests/s", "p50, us", "p90, us", "p99, us", "p99.9, us",
                     "us of CPU an answer"], table)


# Markers in README.md, the key of the results that must be there, and what makes the lines.
PARTS = (("where", "machine", where), ("costs", "load", costs), ("by-connections", "load", by_connections),
         ("half", "half", half), ("versions", "versions", versions), ("size", "size", lambda r: size.table(r["size"])),
         ("start", "start", lambda r: start.table(r["start"])),
         ("outbound", "outbound", lambda r: outbound.table(r["outbound"])),
         ("profile", "profile", lambda r: profile.table(r["profile"])),
         ("parent", "parent", lambda r: parent.table(r["parent"])),
         ("attestation", "attestation", lambda r: attestation.table(r["attestation"])),
         ("scaling", "scaling", lambda r: scaling.table(r["scaling"])))


def plots(path):
    """Links to the plots beside a file of results, from the page one folder up."""
    return [f"![{plot.stem.removeprefix(path.stem + '-')}](results/{plot.name})"
            for plot in sorted(path.parent.glob(f"{path.stem}-*.png"))]


def sections(result):
    return {name: make(result) for name, key, make in PARTS if key in result}


def replace(readme, found):
    """README with each section between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` put in anew."""
    for name, lines in found.items():
        begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.S)
        if len(pattern.findall(readme)) != 1:
            raise ValueError(f"README.md has not one section {begin} ... {end}")
        readme = pattern.sub(lambda _, b=begin, e=end, t=lines: "\n".join([b, *t, e]), readme)
    return readme


def compact(result):
    """JSON with one row of measurements a line, numbers to four digits that matter."""
    def short(value):
        if isinstance(value, dict):
            return {k: short(v) for k, v in value.items()}
        if isinstance(value, list):
            return [short(v) for v in value]
        return float(f"{value:.5g}") if isinstance(value, float) else value

    def lines(value, indent):
        pad = " " * indent
        if isinstance(value, dict) and any(isinstance(v, (dict, list)) for v in value.values()) and indent < 3:
            return "{\n" + ",\n".join(f"{pad} {json.dumps(k)}: {lines(v, indent + 1)}" for k, v in value.items()) + f"\n{pad}}}"
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return "[\n" + ",\n".join(f"{pad} {json.dumps(v)}" for v in value) + f"\n{pad}]"
        return json.dumps(value)
    return lines(short(result), 0) + "\n"
