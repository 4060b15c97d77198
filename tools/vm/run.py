#!/usr/bin/python3
"""What `make vm` does once everything is built: boots an image in QEMU and serves it on a TCP address until Ctrl-C.

The documents of this machine's NSM are not signed: no verifier takes them. They show what would be measured.
"""

import argparse
import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bridge  # noqa: E402
import machine  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--eif", required=True, type=pathlib.Path)
    parser.add_argument("--programs", required=True, help="where tools/vm/setup.sh put QEMU and vhost-device-vsock")
    parser.add_argument("--parent-init", required=True, help="the parent machine's only program")
    parser.add_argument("--nacre", required=True, help="the tool, for its `host run`")
    parser.add_argument("--listen", default="127.0.0.1:3000", help="ADDRESS:PORT")
    parser.add_argument("--secrets", default="", help="a file with the app's secrets, a JSON object")
    parser.add_argument("--requests", type=pathlib.Path, help="requests to show, URL standing for the address")
    parser.add_argument("--memory", type=int, default=machine.MEMORY_MIB, help="MiB")
    return parser.parse_args()


def show(url, requests, machines, key):
    print(f"\nready url={url} public_key={key} dir={machines.dir}")
    print("Requests to copy, Ctrl-C ends it:")
    lines = ["curl URL/health_check", "curl URL/get_attestation", "curl URL/openapi.json"]
    if requests and requests.exists():
        lines += [line for line in requests.read_text().splitlines() if line and not line.startswith("#")]
    for line in lines:
        print("  " + line.replace("URL", url))
    print(f"Past TCP: a Unix socket, {machines.dir}/parent.vsock; write \"CONNECT 3000\\n\", read \"OK\", speak HTTP.",
          flush=True)


@contextlib.contextmanager
def host_daemon(args, machines):
    """`nacre host` as on a parent instance: clients in, the hosts of the image's allow list out."""
    manifest = machines.dir / "manifest.cbor"
    manifest.write_bytes(bridge.manifest_bytes(args.eif))
    config = machines.dir / "host.yaml"
    config.write_text(f"""ingress: [{{listen: "tcp:{args.listen}", port: 3000}}]
enclaves: [{{name: vm, connect: "unix:{machines.dir}/parent.vsock", allow: "{manifest}"}}]
health: {{listen: none}}
""")
    process = subprocess.Popen([*machine.TIED, args.nacre, "host", "run", "--config", str(config)], start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def health(url, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health_check", timeout=seconds) as reply:
                return json.load(reply)
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def boot(args, machines, manifest):
    """From the start of QEMU to the ready line."""
    machines.console.await_line(machine.event("helper up|cannot start"), 120)
    if manifest["descriptor"]["secrets"]:
        bridge.push_secrets(machines, pathlib.Path(args.secrets).read_bytes() if args.secrets else b"{}")
    machines.console.await_line(machine.event("ready|cannot start"), 120)
    if not machines.console.find(machine.event("ready")):
        machines.console.await_end(60)
        raise machine.BootError("the enclave did not start; its last words are above")
    url = f"http://{args.listen}"
    show(url, args.requests, machines, health(url)["pk"])


def run(args):
    manifest = bridge.manifest_of(args.eif)
    required = [name for name, must in manifest["descriptor"]["secrets"] if must]
    if required and not args.secrets:
        print(f"vm: {manifest['descriptor']['name']} needs the secrets {', '.join(required)}: a JSON object in a file, "
              "SECRETS=FILE", file=sys.stderr)
        return 2
    print(f"vm: booting {args.eif} beside its parent", flush=True)
    with machine.Machines(args.eif, args.programs, args.parent_init, memory_mib=args.memory,
                          echo=lambda line: print(f"enclave: {line}", flush=True)) as machines:
        with host_daemon(args, machines) as daemon:
            boot(args, machines, manifest)
            while not machines.console.ended and daemon.poll() is None:
                time.sleep(0.5)
    print("vm: the enclave has ended" if machines.console.ended else "vm: nacre host has ended")
    return 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        sys.exit(run(arguments()))
    except (machine.BootError, OSError) as error:
        print(f"vm: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(0)
