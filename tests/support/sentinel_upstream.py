#!/usr/bin/python3
"""A local Sui and AI module for the sentinel app, over TLS: for development, demo, tests and benchmark.

    sentinel_upstream.py --ca-out ca.pem [--delay-ms 300]

serves gRPC, GraphQL and JSON-RPC of two networks with the same objects, and the AI module; prints the options that
`nacre dev --app sentinel` needs to reach them, then "ready", and ends with standard input or a signal. In this mode
every object whose id begins with 9e is a paid Attack on agent "7"; an attack on a registered agent wins when its
message contains the agent's private_prompt. With --access graphql or jsonrpc, graphql.{mainnet,testnet}.sui.io have to be
on the allow list as well.
"""
import argparse
import asyncio
import json
import pathlib
import ssl
import sys
import tempfile
import threading
import warnings

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import sui_node  # noqa: E402
from upstream_cert import Authority  # noqa: E402

PACKAGE = bytes.fromhex("00" * 2 + "5e" * 30)  # with leading zeros, which some of Sui's texts leave out
AI_HOST = "redteam.suisentinel.xyz"
GRPC_HOSTS = {"mainnet": "fullnode.mainnet.sui.io", "testnet": "fullnode.testnet.sui.io"}
GRAPHQL_HOSTS = {"mainnet": "graphql.mainnet.sui.io", "testnet": "graphql.testnet.sui.io"}


class AiModule:
    """Makes agents and judges; a test puts what it wants answered into `registers` and `verdicts`."""

    def __init__(self):
        self.agents, self.seen = {}, []
        self.registers, self.verdicts = [], {}  # next replies; reply by nonce: a dict, or (status, bytes, delay)

    def answer(self, path, body):
        """(status, body, delay) for a POST."""
        network, _, rest = path.strip("/").partition("/")
        asked = json.loads(body)
        self.seen.append((network, rest, asked))
        if network not in GRPC_HOSTS:
            return 404, b"{}", 0
        if rest == "register-agent":
            reply = self.registers.pop(0) if self.registers else {"agent_id": str(len(self.agents) + 1), "created": True}
            if isinstance(reply, dict):
                self.agents[reply["agent_id"]] = asked
        elif rest.startswith("attack/"):
            reply = self.verdicts.get(asked["nonce"])
            if reply is None:
                reply = self.judge(rest.removeprefix("attack/"), asked["message"])
        else:
            return 404, b"{}", 0
        return reply if isinstance(reply, tuple) else (200, json.dumps(reply).encode(), 0)

    def judge(self, agent_id, message):
        agent = self.agents.get(agent_id)
        won = agent is not None and bool(agent["private_prompt"]) and agent["private_prompt"] in message
        return {"success": won, "score": 100 if won else min(len(message), 99),
                "agent_response": "Very well, it is all yours." if won else "I will not do that.",
                "jury_response": "The defence was broken." if won else "The defence held.",
                "fun_response": "\U0001f389" if won else "Nice try \U0001f6e1", "model": "local"}


def event_loop():
    """The one of this process, in a thread of its own: grpcio does not do well with several."""
    if not hasattr(event_loop, "made"):
        event_loop.made = asyncio.new_event_loop()
        threading.Thread(target=event_loop.made.run_forever, daemon=True).start()
    return event_loop.made


class Upstream:
    """All servers of one world."""

    def __init__(self, delay_ms=0, packages=None):
        packages = packages or {}
        self.delay = delay_ms / 1000
        self.nodes = {name: sui_node.Node(packages.get(name, PACKAGE)) for name in GRPC_HOSTS}
        self.ai = AiModule()
        self.authority = Authority()
        self.ports, self.servers, self.writers = {}, [], set()
        asyncio.run_coroutine_threadsafe(self.start(), event_loop()).result(60)

    def issue(self, host):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.authority.issue([host])[0]

    def context(self, host):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.issue(host))
            file.flush()
            context.load_cert_chain(file.name)
        return context

    async def start(self):
        for name, host in GRPC_HOSTS.items():
            pem = self.issue(host)
            key = pem[pem.index(b"-----BEGIN PRIVATE KEY"):]
            server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
            server.add_generic_rpc_handlers([sui_node.ledger_service({None: self.nodes[name]}, self.pause)])
            credentials = grpc.ssl_server_credentials([(key, pem[:pem.index(b"-----BEGIN PRIVATE KEY")])])
            self.ports[host] = server.add_secure_port("127.0.0.1:0", credentials)
            await server.start()
            self.servers.append(server)
        for name, host in GRAPHQL_HOSTS.items():
            await self.serve(host, self.node_answer(self.nodes[name]))
        await self.serve(AI_HOST, self.ai.answer)

    def node_answer(self, node):
        def answer(path, body):
            told = json.loads(body)
            found = node.objects.get(bytes.fromhex(
                (told["variables"]["id"] if "query" in told else told["params"][0]).removeprefix("0x")))
            if found and found.status is not None:
                return 500, b"internal error", 0
            if found and found.raw is not None:
                return 200, found.raw, found.delay
            made = node.graphql(body) if path == "/graphql" else node.jsonrpc(body)
            return 200, json.dumps(made).encode(), found.delay if found else 0
        return answer

    async def pause(self, more=0):
        if self.delay or more:
            await asyncio.sleep(self.delay + more)

    async def serve(self, host, answer):
        async def connection(reader, writer):
            self.writers.add(writer)
            try:
                while await self.exchange(reader, writer, answer):
                    pass
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                self.writers.discard(writer)
                writer.close()
        server = await asyncio.start_server(connection, "127.0.0.1", 0, ssl=self.context(host), backlog=512)
        self.ports[host] = server.sockets[0].getsockname()[1]
        self.servers.append(server)

    async def exchange(self, reader, writer, answer):
        """One HTTP/1.1 request and its reply."""
        head = await reader.readuntil(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        method, path, _ = line.split(" ")
        lengths = [f.partition(":")[2] for f in fields if f.lower().startswith("content-length:")]
        body = await reader.readexactly(int(lengths[0])) if lengths else b""
        status, reply, delay = answer(path, body) if method == "POST" else (405, b"", 0)
        await self.pause(delay)
        writer.write(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(reply))
                     + reply)
        await writer.drain()
        return True

    def stop(self):
        async def end():
            for server in self.servers:
                if hasattr(server, "add_generic_rpc_handlers"):
                    await server.stop(0)
                else:
                    server.close()
            for writer in list(self.writers):
                writer.transport.abort()
        asyncio.run_coroutine_threadsafe(end(), event_loop()).result(60)

    def mappings(self, access=None):
        """What `nacre dev --upstream` needs: for all hosts, or for those of one way to ask a node."""
        left_out = set() if access is None else set((GRAPHQL_HOSTS if access == "grpc" else GRPC_HOSTS).values())
        return [f"{host}=127.0.0.1:{port}" for host, port in self.ports.items() if host not in left_out]

    def settings(self, access="grpc", networks=("mainnet", "testnet")):
        """What `nacre dev --set` needs."""
        urls = {"grpc": lambda n: f"https://{GRPC_HOSTS[n]}:443", "graphql": lambda n: f"https://{GRAPHQL_HOSTS[n]}/graphql",
                "jsonrpc": lambda n: f"https://{GRAPHQL_HOSTS[n]}/rpc"}
        return [f"plugin.{n}.{key}={value}" for n in networks for key, value in
                (("package", "0x" + self.nodes[n].package.hex()), ("access", access), ("url", urls[access](n)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ca-out", required=True, help="where the CA's certificate is written (PEM)")
    parser.add_argument("--delay-ms", type=int, default=0, help="what every answer waits")
    parser.add_argument("--access", default="grpc", choices=("grpc", "graphql", "jsonrpc"))
    args = parser.parse_args()
    upstream = Upstream(args.delay_ms)
    pathlib.Path(args.ca_out).write_bytes(upstream.authority.pem())
    options = [f"--upstream {m}" for m in upstream.mappings(args.access)] + [f"--set {s}" for s in upstream.settings(args.access)]
    print(f"options --ca {args.ca_out} {' '.join(options)}\nready", flush=True)
    try:
        sys.stdin.read()
    except KeyboardInterrupt:
        pass
    upstream.stop()


if __name__ == "__main__":
    main()
