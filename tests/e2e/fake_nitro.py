#!/usr/bin/python3
"""
nitro-cli as a test wants it: the arguments, JSON on standard output and error texts of the real one, and enclaves that
are `nacre dev` behind a Unix socket that speaks CONNECT. FAKE_NITRO is its directory; `behave` in it, JSON, says what
goes wrong. An "image" is JSON: {"pcrs": {...}, "dev": [arguments], "secrets": true} or {"pcrs": ..., "dead": seconds}.
"""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

HOME = pathlib.Path(os.environ.get("FAKE_NITRO", "."))
LINK = "https://docs.aws.amazon.com/enclaves/latest/user/cli-errors.html#"


def behave(key):
    file = HOME / "behave"
    return json.loads(file.read_text()).get(key) if file.exists() else None


def fail(code, text):
    print(f"[ {code} ] {text}\n\nFor more details, please visit {LINK}{code}\n\nIf you open a support ticket, please provide "
          "the error log found at \"/var/log/nitro_enclaves/err.log\"\nFailed connections: 0", file=sys.stderr)
    sys.exit(1)


def misbehave(command):
    how = behave(command)
    if how == "hang":
        time.sleep(600)
    if how == "garbage":
        print("Start allocating memory...\n{\"EnclaveID\": 5}")
        sys.exit(0)
    if how == "huge":
        sys.stdout.write("x" * (4 << 20))
        sys.exit(0)
    if how == "empty":
        sys.exit(0)
    if how == "cut":
        print('[{"EnclaveID": "i-1-enc1", "EnclaveC')
        sys.exit(0)
    if how:
        fail(*how)
    return how


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def known():
    found = []
    for file in sorted(HOME.glob("*.enclave")):
        one = json.loads(file.read_text())
        if alive(one["ProcessID"]):
            found.append(one)
    return found


def options(words):
    found = {}
    words = list(words)
    while words:
        name = words.pop(0)
        found[name] = True if name == "--debug-mode" else words.pop(0)
    return found


def run_enclave(words):
    o = options(words)
    eif, cid = pathlib.Path(o["--eif-path"]), int(o["--enclave-cid"])
    if not eif.exists():
        fail("E19", "File operation failure. Such error appears when the system fails to perform the requested file operation")
    if int(o["--memory"]) > 4096:
        fail("E26", "Insufficient memory requested. User provided `memory` is bigger than what there is")
    if any(one["EnclaveCID"] == cid for one in known()):
        fail("E39", "Enclave process connection failure")
    image = json.loads(eif.read_text())
    process = subprocess.Popen([sys.executable, __file__, "--enclave", str(cid), str(eif)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=open(HOME / f"{cid}.log", "ab"), start_new_session=True)
    ident = f"i-0f00{os.getpid():08x}-enc{time.monotonic_ns():016x}"
    print(f"Start allocating memory...\nStarted enclave with enclave-cid: {cid}, memory: {o['--memory']} MiB", file=sys.stderr)
    one = {"EnclaveName": eif.stem, "EnclaveID": ident, "ProcessID": process.pid, "EnclaveCID": cid,
           "NumberOfCPUs": int(o["--cpu-count"]), "CPUIDs": [1], "MemoryMiB": int(o["--memory"])}
    flags = "DEBUG_MODE" if "--debug-mode" in o else "NONE"
    full = dict(one, State="RUNNING", Flags=flags, Measurements=dict({"HashAlgorithm": "Sha384 { ... }"}, **image["pcrs"]))
    (HOME / f"{ident}.enclave").write_text(json.dumps(full))
    print(json.dumps(one, indent=2))


def terminate(words):
    ident = options(words)["--enclave-id"]
    for one in known():
        if one["EnclaveID"] == ident:
            end(one["ProcessID"])
            (HOME / f"{ident}.enclave").unlink()
            print(json.dumps({"EnclaveName": one["EnclaveName"], "EnclaveID": ident, "Terminated": True}, indent=2))
            return
    fail("E47", "Socket error. The enclave is not there")


def end(pid):
    """The enclave's processes, which are a session of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            return
        limit = time.monotonic() + 5
        while alive(pid) and time.monotonic() < limit:
            time.sleep(0.01)


# ---- The enclave: nacre dev, and the ports of its vsock ----

def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client, ports):
    line = b""
    try:
        while not line.endswith(b"\n"):
            more = client.recv(1)
            if not more:
                return client.close()
            line += more
        family, address = ports[int(line.split()[1])]
        inner = socket.socket(family)
        inner.connect(address)
        client.sendall(b"OK 1073741824\n")
    except (OSError, KeyError, ValueError, IndexError):
        return client.close()
    back = threading.Thread(target=pump, args=(inner, client), daemon=True)
    back.start()
    pump(client, inner)
    back.join()
    client.close()
    return inner.close()


def enclave(cid, image):
    if "dead" in image:
        time.sleep(image["dead"])
        return
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    secrets = HOME / f"{cid}.secrets"
    words = [os.environ["FAKE_NITRO_NACRE"], "dev", "--listen", f"127.0.0.1:{port}", "--keep", str(HOME / f"{cid}.run"),
             *image["dev"]]
    if image.get("secrets"):
        words += ["--set", f"secrets.source=unix:{secrets}"]
    dev = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    path = HOME / f"{cid}.vsock"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(128)
        server.settimeout(0.2)
        ports = {3000: (socket.AF_INET, ("127.0.0.1", port)), 7777: (socket.AF_UNIX, str(secrets))}
        while dev.poll() is None:
            try:
                client, _ = server.accept()
            except TimeoutError:
                continue
            client.settimeout(None)
            threading.Thread(target=serve, args=(client, ports), daemon=True).start()
    path.unlink(missing_ok=True)


def main():
    command, words = sys.argv[1], sys.argv[2:]
    if command == "--enclave":
        enclave(int(words[0]), json.loads(pathlib.Path(words[1]).read_text()))
        return
    misbehave(command)
    if command == "run-enclave":
        run_enclave(words)
    elif command == "describe-enclaves":
        print(json.dumps(known(), indent=2))
    elif command == "terminate-enclave":
        terminate(words)
    else:
        fail("E01", f"Unknown command {command}")


if __name__ == "__main__":
    main()
