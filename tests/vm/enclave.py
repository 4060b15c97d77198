"""Images and enclaves for the tests: what differs from the image that ships, and how one is talked to."""
import hashlib
import http.client
import json
import os
import pathlib
import struct
import subprocess
import sys
import time
import zlib

import cbor2

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = pathlib.Path(os.environ.get("NACRE_OUT", ROOT / "out"))
TOOL = OUT / "bin" / "nacre"
PROGRAMS = os.environ.get("NACRE_VM_PROGRAMS", "")
PARENT_INIT = OUT / "vm" / "parent-init"

sys.path[:0] = [str(ROOT / "tools" / "vm"), str(ROOT / "tests" / "independent")]
import machine  # noqa: E402
import nacre_check  # noqa: E402

NOTHING = hashlib.sha384(bytes(48) + hashlib.sha384(b"").digest()).digest()  # PCR2 of an image with one ramdisk


def parts(eif):
    """The sections of an image by type; ramdisks are a list."""
    found = {machine.RAMDISK: []}
    for kind, data in machine.sections(eif):
        if kind == machine.RAMDISK:
            found[kind].append(data)
        else:
            found[kind] = data
    return found


def build(path, kernel, cmdline, ramdisks, *more):
    """An image by `nacre eif build`."""
    work = pathlib.Path(f"{path}.parts")
    work.mkdir()
    (work / "kernel").write_bytes(kernel)
    command = [TOOL, "eif", "build", "--kernel", work / "kernel", "--cmdline", cmdline, "-o", path, *more]
    for number, ramdisk in enumerate(ramdisks):
        (work / f"ramdisk{number}").write_bytes(ramdisk)
        command += ["--ramdisk", work / f"ramdisk{number}"]
    subprocess.run(command, check=True)
    return path


def app_ramdisk(path, plugin, allow, **settings):
    """An app's ramdisk by `nacre eif ramdisk`, with the configuration of the images that ship."""
    config = pathlib.Path(f"{path}.config")
    config.mkdir()
    (config / "allowed_endpoints.yaml").write_text(f"endpoints: {json.dumps(allow)}\n")
    sections = {"listen": {"api": "vsock:3000"}, "nsm": {"transport": "device"}, "secrets": {"source": "vsock:7777"}}
    for name, value in settings.items():
        section, _, key = name.partition("__")
        sections.setdefault(section, {})[key] = value
    (config / "nacre.yaml").write_text(json.dumps(sections))  # JSON is YAML
    subprocess.run([TOOL, "eif", "ramdisk", "--app", plugin, "--config", config, "-o", path], check=True)
    return pathlib.Path(path).read_bytes()


def measure(eif):
    """What `nacre eif` says of an image: {number: bytes}."""
    lines = subprocess.run([TOOL, "eif", "measure", eif], check=True, capture_output=True, text=True).stdout
    return read_pcrs(lines)


def read_pcrs(text):
    return {int(name.removeprefix("PCR")): bytes.fromhex(value) for value, name in map(str.split, text.splitlines())}


def damage(eif, path, needle, crc=True):
    """A copy of an image with one bit turned inside `needle`, its checksum put right again, or not."""
    data = bytearray(pathlib.Path(eif).read_bytes())
    at = bytes(data).index(needle) + len(needle) // 2
    data[at] ^= 0x10
    if crc:
        data[544:548] = struct.pack(">I", zlib.crc32(data[:544] + data[548:]))
    pathlib.Path(path).write_bytes(data)
    return path


class Enclave(machine.Machines):
    def __init__(self, eif, **options):
        super().__init__(eif, PROGRAMS, PARENT_INIT, **options)

    def ready(self, seconds=180):
        self.console.await_line(machine.event("ready"), seconds)

    def request(self, method, path, body=None, sock=None):
        """Through the parent, or through a socket that is given. Status and body."""
        connection = http.client.HTTPConnection("enclave")
        connection.sock = sock or self.connect(3000)
        headers = {"Connection": "close"} | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def post(self, payload, sock=None):
        """Again for some seconds while the clock is unsure: this machine's NSM tells the time in whole seconds, which
        is less exact than what the runtime has made of it a minute later."""
        end = time.monotonic() + 15
        while True:
            status, body = self.request("POST", "/process_data", {"payload": payload}, sock)
            if status != 503 or b"clock" not in body or sock or time.monotonic() > end:
                return status, body
            time.sleep(0.5)

    def document(self, nonce="00112233"):
        """The attestation document, as the machine's NSM made it, and its payload, taken apart by cbor2."""
        status, body = self.request("GET", f"/get_attestation?nonce={nonce}")
        assert status == 200, body
        raw = bytes.fromhex(json.loads(body)["attestation"])
        _protected, _unprotected, payload, _signature = cbor2.loads(raw)
        return raw, cbor2.loads(payload)

    def ask(self, what, url="", size=0):
        """What the probe found: (number, text), its signature verified."""
        status, body = self.post({"what": what, "url": url, "bytes": size})
        if status != 200:
            return status, json.loads(body)["error"]
        key = self.document()[1]["public_key"]
        nacre_check.verify_response(body, key, {0: [("number", "u64"), ("text", "string")]})
        data = json.loads(body)["response"]["data"]
        return data["number"], data["text"]
