"""A model of capacity: from measured constants and stated assumptions to what a deployment would do, and which limit
comes first. bench/MODEL.md explains it and holds its figures."""
import pathlib
import re

from . import stats

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What was not measured here. Each is a line in MODEL.md.
ASSUMED = {
    "signature_there_us": (None, "CPU time of one signature on the instance, us; as here until `sign-once` ran there"),
    "smt": (1.25, "a core's two hyperthreads together do so many times what one does alone"),
    "enclave_cpus": (2, "vCPUs of the enclave, which are one core"),
    "parent_cpus": (2, "vCPUs left to the parent, which are one core"),
    "rtt_us": (120.0, "one round trip over vsock, us"),
    "nsm_ms": (5.0, "one attestation document, ms; the NSM makes one at a time"),
    "enclave_mib": (6144, "memory of the enclave, MiB"),
    "instances": (10, "enclaves in the group"),
    "margin": (0.7, "share of its capacity at which an instance is meant to run"),
}


def setting(section, key, text=None):
    """A default of config/nacre.yaml."""
    text = (ROOT / "config/nacre.yaml").read_text() if text is None else text
    body = re.search(rf"^{section}:\n((?:[ #].*\n|\n)*)", text, re.M).group(1)
    return int(re.search(rf"^  {key}: (\d+)$", body, re.M).group(1))


def constants(result):
    """What was measured: {name: value}. Times in microseconds of CPU."""
    rows = [row for row in result["load"]["rows"] if row["peer"] == "nacre"]

    def at(**wanted):
        return stats.of(rows, "cpu_us", **wanted)["median"]

    found = {"signature": stats.summary(result["signature_us"])["median"], "answer": at(connections=64, keepalive=True),
             "answer, a connection each": at(connections=64, keepalive=False),
             "latency of one client": stats.of(rows, "p50_us", connections=1, keepalive=True)["median"]}
    busy = [row["cpu_us_by_process"] for row in rows if row["connections"] == 64 and row["keepalive"]]
    for name in busy[0]:
        found[f"answer, {name}"] = stats.summary([one[name] for one in busy])["median"]
    for keepalive, name in ((True, "parent, a request"), (False, "parent, a connection and a request")):
        found[name] = stats.of(result["parent"]["rows"], "cpu_us", keepalive=keepalive)["median"]
    if "attestation" in result:
        part = result["attestation"]
        found["documents/s in batches, NSM at %g ms" % part["options"]["nsm_ms"]] = part["summary"]["batch"]["per_second"]["median"]
    memory = result["size"]["memory"]
    if memory:
        pss = {what: sum(one["pss"] for one in memory[what].values()) for what in memory}
        found["memory at rest, KiB"] = pss["media, one answer"]
        found["memory a connection, KiB"] = max(pss["media, under load"] - pss["media, one answer"], 0) / 64
    return found


def scaled(measured, assumed):
    """CPU times as the instance would take them: by how much longer or shorter a signature is there."""
    there = assumed["signature_there_us"] or measured["signature"]
    return there / measured["signature"]


def cores(cpus, smt):
    """What so many vCPUs, two a core, do in units of one hyperthread that has its core to itself."""
    whole, half = divmod(cpus, 2)
    return whole * smt + half


def predict(measured, assumed, limits):
    """[(what, figure, unit, formula)] for one enclave and its parent, then the group."""
    scale = scaled(measured, assumed)
    answer, fresh = measured["answer"] * scale, measured["answer, a connection each"] * scale
    enclave = cores(assumed["enclave_cpus"], assumed["smt"])
    parent = cores(assumed["parent_cpus"], assumed["smt"])
    latency = assumed["rtt_us"] + measured["latency of one client"] * scale
    # with one lane the HTTP side is one thread and the signer another: each has one hyperthread of a core that is busy
    thread = max(measured["answer, nacred"], measured["answer, nacre-http"]) * scale
    capacity = {
        "the enclave's CPUs": enclave * 1e6 / answer,
        "the busiest thread of the one lane": assumed["smt"] / 2 * 1e6 / thread,
        "the enclave's CPUs, a connection each": enclave * 1e6 / fresh,
        "the parent's CPUs": parent * 1e6 / (measured["parent, a request"] * scale),
        "the parent's CPUs, a connection each": parent * 1e6 / (measured["parent, a connection and a request"] * scale),
        "connections, busy without a pause": limits["connections"] * 1e6 / latency,
        "connections, a request a second on each": float(limits["connections"]),
        "nonced documents, one NSM call each": 1000 / assumed["nsm_ms"],
    }
    for name, value in measured.items():
        if "in batches" in name:
            capacity["nonced documents in batches, as offered here"] = value
    best = min(capacity["the enclave's CPUs"], capacity["the busiest thread of the one lane"])
    need = best * latency / 1e6
    rows = [("answers/s of one enclave, kept connections", best, "/s",
             "the lesser of smt / CPU time an answer, and smt / 2 / the busiest thread's"),
            ("answers/s of one enclave, a connection each", capacity["the enclave's CPUs, a connection each"], "/s",
             "smt / CPU time with a connection"),
            ("requests/s through its parent, kept connections", capacity["the parent's CPUs"], "/s", "smt / CPU time of `nacre host`"),
            ("requests/s through its parent, a connection each", capacity["the parent's CPUs, a connection each"], "/s",
             "smt / CPU time of `nacre host` with a connection"),
            ("latency of a lone client at the parent", latency, "us", "round trip over vsock + latency measured here"),
            ("answers/s of one client that waits for each", 1e6 / latency, "/s", "1 / latency"),
            ("requests in flight that keep the enclave busy", need, "", "answers/s x latency (Little)"),
            ("nonced documents/s, one NSM call each", capacity["nonced documents, one NSM call each"], "/s", "1 / NSM call"),
            ("clients with a request a second on a kept connection", float(limits["connections"]), "", "http.connections")]
    if "memory a connection, KiB" in measured:
        full = measured["memory at rest, KiB"] + limits["connections"] * max(measured["memory a connection, KiB"], limits["header_kib"])
        rows.append(("memory with all connections open", full / 1024, "MiB",
                     "at rest + http.connections x the larger of measured and http.header_bytes"))
        rows.append(("share of the enclave's memory", 100 * full / 1024 / assumed["enclave_mib"], "%", ""))
    group = assumed["instances"] * assumed["margin"]
    rows += [(f"answers/s of {assumed['instances']} at {assumed['margin']:.0%} of capacity",
              group * min(best, capacity["the parent's CPUs"]), "/s", "instances x margin x the lesser"),
             (f"the same when one of {assumed['instances']} is lost: load of the others",
              100 * assumed["margin"] * assumed["instances"] / (assumed["instances"] - 1), "%", "margin x n / (n - 1)")]
    return rows, capacity


def ranking(capacity):
    """The limits, lowest first: what breaks first if each request used each of them."""
    return sorted(capacity.items(), key=lambda item: item[1])


def sections(result, assumed=None):
    values = {name: value for name, (value, _) in ASSUMED.items()}
    values.update(assumed or {})
    limits = {"connections": setting("http", "connections"), "header_kib": setting("http", "header_bytes") / 1024,
              "in_flight": setting("http", "in_flight")}
    measured = constants(result)
    if not values["signature_there_us"]:
        values["signature_there_us"] = measured["signature"]
    rows, capacity = predict(measured, values, limits)
    m = result["machine"]
    note = "**The machine had other work: figures to show the form, not to plan with.**" if m["load_before"] > 1 else ""
    return {
        "constants": [f"From the run of {m['date']} on {m['cpus']} CPUs ({m['model']}), commit {m['commit']}. {note}".strip(), ""]
        + stats.markdown(["measured", "value"], [[name, stats.number(value) + ("" if "KiB" in name or "/s" in name else " us")]
                                                 for name, value in measured.items()]),
        "assumptions": stats.markdown(["assumed", "value", "what"],
                                      [[f"`{name}`", stats.number(float(values[name])), what]
                                       for name, (_, what) in ASSUMED.items()]),
        "figures": stats.markdown(["what", "figure", "how"],
                                  [[what, f"{stats.number(value)} {unit}".strip(), how] for what, value, unit, how in rows]),
        "first": stats.markdown(["limit", "requests/s at which it is reached"],
                                [[name, stats.number(value)] for name, value in ranking(capacity)]),
    }
