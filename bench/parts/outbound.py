"""The weather route against a TLS upstream here, beside a bare libcurl program that asks the same.

The upstream is nginx with a constant answer, which logs for each request on which connection it came and whether that
connection's TLS session was resumed: so what is said about reuse is what the other side saw."""
import collections
import json
import subprocess
import sys
import time

from . import load, peers, stats

HOST = "api.weatherapi.com"
TARGET = "/v1/current.json?key=k&q=London"
CLIENTS = (1, 16)
KEPT, CLOSED = "keepalive_timeout 75; keepalive_requests 100000000;", "keepalive_timeout 0;"
CASES = {"HTTP/2, connections kept": ("http2", KEPT), "HTTP/1.1, connections kept": ("", KEPT),
         "HTTP/1.1, the upstream closes after each answer": ("", CLOSED)}
CONFIG = """daemon off; master_process on; worker_processes 1; pid {dir}/pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
    log_format reuse '$connection $ssl_session_reused $server_protocol';
    access_log {dir}/log reuse; client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    ssl_certificate {dir}/pem; ssl_certificate_key {dir}/pem; ssl_session_cache shared:s:1m;
    server {{
        listen 127.0.0.1:{port} ssl {http2} backlog=4096;
        {keep}
        default_type application/json;
        location / {{ return 200 '{body}'; }}
    }}
}}
"""


def seen(lines):
    """What the upstream's log says: requests, connections, how many of those resumed a session, protocols."""
    connections, protocols = {}, collections.Counter()
    for line in lines:
        connection, reused, protocol = line.split()
        connections.setdefault(connection, reused)
        protocols[protocol] += 1
    return {"requests": sum(protocols.values()), "connections": len(connections),
            "resumed": sum(reused == "r" for reused in connections.values()), "protocols": dict(protocols)}


class Upstream:
    def __init__(self, run, http2, keep):
        authority = certificate_authority(run)
        import upstream_replies
        self.directory = run.directory / f"upstream-{run.harness.free_port()}"
        self.directory.mkdir()
        self.ca = self.directory / "ca.pem"
        self.ca.write_bytes(authority.pem())
        (self.directory / "pem").write_bytes(authority.issue([HOST])[0])
        self.port = run.harness.free_port()
        body = json.dumps({"location": {**upstream_replies.LOCATION},
                           "current": {**upstream_replies.CURRENT, "last_updated_epoch": int(time.time()) - 60}})
        config = self.directory / "nginx.conf"
        config.write_text(CONFIG.format(dir=self.directory, port=self.port, http2=http2, keep=keep, body=body))
        self.log = self.directory / "log"
        self.process = subprocess.Popen([peers.find_nginx(run.out), "-c", str(config), "-p", str(self.directory), "-e", "stderr"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run.harness.wait_for("the upstream", self.log.exists, 10)

    def watch(self, drive):
        """(what drive() returned, what the upstream saw meanwhile)"""
        size = self.log.stat().st_size
        result = drive()
        time.sleep(0.05)
        with self.log.open() as log:
            log.seek(size)
            return result, seen(log)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def certificate_authority(run):
    sys.path.insert(0, str(run.harness.ROOT / "tests" / "support"))
    import warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    from upstream_cert import Authority
    return Authority()


class Weather:
    """The runtime, as load.window() wants a peer."""
    name = "nacre"

    def __init__(self, run, upstream):
        self.runtime = run.harness.Runtime("weather", secrets={"API_KEY": "k"}, ca=upstream.ca,
                                           upstream=[f"{HOST}=127.0.0.1:{upstream.port}"])
        self.runtime.verify(self.runtime.post("/process_data", {"payload": {"location": "London"}}))

    def pids(self):
        return {name: self.runtime.pid(name) for name in ("nacred", "nacre-http", "nacre-app")}


def bare(run, upstream, seconds):
    out = subprocess.run([run.tests / "fetch-once", f"https://{HOST}:{upstream.port}{TARGET}", upstream.ca,
                          f"{HOST}:{upstream.port}:127.0.0.1", str(seconds)], capture_output=True, text=True, check=True)
    return json.loads(out.stdout)


def one_case(run, case, http2, keep):
    rows = []
    upstream = Upstream(run, http2, keep)
    try:
        weather = Weather(run, upstream)
        try:
            for number in range(run.rounds):
                for who in stats.rotated(["libcurl", *CLIENTS], number):
                    seconds = max(run.seconds, 1)
                    if who == "libcurl":
                        row, saw = upstream.watch(lambda: bare(run, upstream, seconds))
                        row["clients"] = 1
                    else:
                        row, saw = upstream.watch(lambda: load.window(weather, lambda: load.wrk(
                            weather.runtime.address, who, seconds, True, '{"payload":{"location":"London"}}')))
                        assert row["status"] == 0, row
                        row["clients"] = who
                    rows.append({"case": case, "peer": "libcurl" if who == "libcurl" else "nacre", "round": number,
                                 **{key: row[key] for key in ("clients", "requests", "duration_us", "cpu_us", "p50_us", "p99_us")},
                                 "app_us": row.get("cpu_us_by_process", {}).get("nacre-app", row["cpu_us"]), "upstream": saw})
            weather.runtime.verify(weather.runtime.post("/process_data", {"payload": {"location": "London"}}))
        finally:
            weather.runtime.stop()
    finally:
        upstream.stop()
    return rows


def measure(run):
    try:
        peers.find_nginx(run.out)
    except peers.Missing as e:
        run.say(f"left out: outbound: {e}")
        return {"rows": []}
    rows = [row for case, (http2, keep) in CASES.items() for row in one_case(run, case, http2, keep)]
    run.say("outbound: done")
    return {"rows": rows}


def counted(rows):
    """`connections (of which resumed) for N requests`, over all rounds."""
    total = {key: sum(row["upstream"][key] for row in rows) for key in ("requests", "connections", "resumed")}
    return f"{total['requests']:,}", f"{total['connections']:,}", f"{total['resumed']:,}"


def table(part):
    rows = []
    for case in dict.fromkeys(row["case"] for row in part["rows"]):
        mine = [row for row in part["rows"] if row["case"] == case]
        base = stats.of(mine, "cpu_us", peer="libcurl")
        for peer, clients in (("libcurl", 1), *(("nacre", n) for n in CLIENTS)):
            some = [row for row in mine if row["peer"] == peer and row["clients"] == clients]
            cpu, app = stats.of(some, "cpu_us"), stats.of(some, "app_us")
            rows.append([case, "bare libcurl" if peer == "libcurl" else f"weather, {clients} client{'s' * (clients > 1)}",
                         *counted(some), stats.text(stats.of(some, "p50_us")), stats.text(app),
                         stats.number(app["median"] / base["median"]), stats.number(cpu["median"] / base["median"])])
    return stats.markdown(["upstream", "who asks", "calls", "connections", "of these resumed", "p50, us",
                           "us of CPU a call in the process that fetches", "times libcurl's", "all three processes, times libcurl's"],
                          rows) if rows else ["Not measured: no nginx for the upstream."]
