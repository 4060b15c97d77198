"""Boots an enclave image in QEMU's nitro-enclave machine, beside a small machine that is its parent, CID 3.

Both hang on one vhost-device-vsock. From the host, a Unix socket leads to the parent (write "CONNECT 3000", read "OK",
speak HTTP), and the parent's connections to the host arrive at Unix sockets of their port's name; see parent.c.
"""

import gzip
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time

PARENT_CID, ENCLAVE_CID = 3, 16
KERNEL, CMDLINE, RAMDISK, SIGNATURE, METADATA = range(1, 6)  # types of sections
MEMORY_MIB = 256
TIED = ("setpriv", "--pdeathsig", "KILL")  # a process that ends with us, however we end
# Seen by the enclave's NSM as the values behind PCR4 and PCR3.
INSTANCE, ROLE = "i-0abc0123456789def", "arn:aws:iam::123456789012:role/nacre"


class BootError(Exception):
    """A machine that did not do what it should; the text ends with its console."""


def sections(eif):
    """The sections of an image: (type, data), as far as it is in form."""
    data = pathlib.Path(eif).read_bytes()
    if data[:4] != b".eif":
        raise BootError(f"{eif} is no enclave image")
    (count,) = struct.unpack_from(">H", data, 26)
    for offset in struct.unpack_from(f">{count}Q", data, 28):
        kind, _flags, size = struct.unpack_from(">HHQ", data, offset)
        yield kind, data[offset + 12 : offset + 12 + size]


def cpio(files):
    """An archive (newc) of (name, mode, data)."""
    out = bytearray()
    for number, (name, mode, data) in enumerate([*files, ("TRAILER!!!", 0, b"")], 1):
        path = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
        out += b"070701" + b"".join(b"%08x" % field for field in fields) + path
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def cpio_entries(archive):
    """(name, data) of everything in an archive (newc)."""
    at = 0
    while archive[at : at + 6] == b"070701":
        size, name_size = (int(archive[at + offset : at + offset + 8], 16) for offset in (54, 94))
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        start = (at + 110 + name_size + 3) // 4 * 4
        if name == "TRAILER!!!":
            return
        yield name, archive[start : start + size]
        at = (start + size + 3) // 4 * 4
    raise BootError("a ramdisk is no archive, or has no end")


def event(name):
    """What a line about an event looks for, in either of the two formats of log lines."""
    return rf'event"?[=:]"?(?:{name})"?(?:[ ,}}]|$)'


class Console(threading.Thread):
    """Reads what a process prints; every line with the time when it came."""

    def __init__(self, process, echo=None):
        super().__init__(daemon=True)
        self.process, self.echo = process, echo
        self.lines, self.news = [], threading.Condition()
        self.ended = False
        self.start()

    def run(self):
        for raw in self.process.stdout:
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            with self.news:
                self.lines.append((time.monotonic(), line))
                self.news.notify_all()
            if self.echo:
                self.echo(line)
        with self.news:
            self.ended = True
            self.news.notify_all()

    def text(self):
        with self.news:
            return "\n".join(line for _, line in self.lines)

    def find(self, pattern):
        """(time, match) of the first line with this, or None."""
        with self.news:
            for when, line in self.lines:
                match = re.search(pattern, line)
                if match:
                    return when, match
        return None

    def await_line(self, pattern, seconds):
        end = time.monotonic() + seconds
        while True:
            with self.news:
                seen, ended = len(self.lines), self.ended
            found = self.find(pattern)
            if found:
                return found
            left = end - time.monotonic()
            if ended or left <= 0:
                why = "it ended" if ended else f"not within {seconds} s"
                raise BootError(f"no {pattern!r} on the console: {why}\n{self.text()}")
            with self.news:
                self.news.wait_for(lambda: len(self.lines) > seen or self.ended, left)

    def await_end(self, seconds):
        with self.news:
            if not self.news.wait_for(lambda: self.ended, seconds):
                raise BootError(f"the machine still runs after {seconds} s\n" + "\n".join(l for _, l in self.lines))


class Machines:
    """A context: the parent is up and the enclave has been started when it is entered, all is gone when it is left."""

    def __init__(self, eif, programs, parent_init, *, memory_mib=MEMORY_MIB, smp="1", echo=None, with_parent=True):
        self.eif, self.programs = pathlib.Path(eif).resolve(), pathlib.Path(programs)
        self.parent_init = pathlib.Path(parent_init)
        self.memory_mib, self.echo, self.with_parent = memory_mib, echo, with_parent
        self.smp = smp  # processors of the enclave, as QEMU's option says it
        self.processes = []
        self.dir = None

    def __enter__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="nacre-vm-"))
        try:
            self._start_vsock()
            if self.with_parent:
                self._start_parent()
            self._start_enclave()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def _spawn(self, command):
        process = subprocess.Popen(
            [*TIED, "nice", "-n", "5", *map(str, command)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def _start_vsock(self):
        command = [self.programs / "vhost-device-vsock"]
        for name, cid in (("parent", PARENT_CID), ("enclave", ENCLAVE_CID)):
            # what a guest writes in one piece above the buffer's size hangs
            command += ["--vm", f"guest-cid={cid},socket={self.dir}/{name}.vhost,uds-path={self.dir}/{name}.vsock,"
                                f"tx-buffer-size=32768"]
        process = self._spawn(command)
        self.vsock_log = Console(process)
        end = time.monotonic() + 20
        while not all((self.dir / f"{name}.vhost").exists() for name in ("parent", "enclave")):
            if process.poll() is not None or time.monotonic() > end:
                raise BootError(f"vhost-device-vsock does not start\n{self.vsock_log.text()}")
            time.sleep(0.02)

    def _qemu(self, machine, memory_mib, name, *more, smp="1"):
        return self._spawn([
            self.programs / "qemu-system-x86_64", "-L", "/usr/share/qemu", "-L", "/usr/share/seabios",
            "-M", machine, "-accel", "tcg", "-cpu", "max", "-smp", smp, "-m", f"{memory_mib}M",
            "-nodefaults", "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot",
            "-chardev", f"socket,id=vsock,path={self.dir}/{name}.vhost", *more,
        ])

    def _start_parent(self):
        kernel, archive = self.dir / "kernel", self.dir / "parent.cpio.gz"
        kernel.write_bytes(next(data for kind, data in sections(self.eif) if kind == KERNEL))
        archive.write_bytes(gzip.compress(cpio([("init", 0o100755, self.parent_init.read_bytes())]), 6, mtime=0))
        self.parent = Console(self._qemu(
            "microvm,acpi=off,memory-backend=shared", 64, "parent",
            "-object", "memory-backend-memfd,id=shared,size=64M,share=on",
            "-global", "virtio-mmio.force-legacy=false", "-device", "vhost-user-vsock-device,chardev=vsock",
            "-kernel", kernel, "-initrd", archive, "-append", "console=ttyS0 reboot=t panic=-1 quiet",
        ))
        self.parent.await_line("parent: ready", 120)

    def _start_enclave(self):
        self.started = time.monotonic()
        self.console = Console(self._qemu(
            f"nitro-enclave,vsock=vsock,id={INSTANCE}-enc0123456789abcdef,parent-role={ROLE},parent-id={INSTANCE}",
            self.memory_mib, "enclave", "-kernel", self.eif, smp=self.smp,
        ), self.echo)

    def host_socket(self, port):
        """Where a connection of the enclave to this port of its parent arrives on the host; listen here."""
        return str(self.dir / f"parent.vsock_{port}")

    def connect(self, port, seconds=60, at="parent"):
        """A connection to this port of the enclave, through its parent or ("enclave") straight from the host. Before
        the enclave listens it is refused, or accepted and ended."""
        end = time.monotonic() + seconds
        while True:
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(seconds)
            try:
                sock.connect(str(self.dir / f"{at}.vsock"))
                sock.sendall(b"CONNECT %d\n" % port)
                if read_line(sock).startswith(b"OK "):
                    return sock
                raise ConnectionError("the parent refused the connection")
            except OSError:
                sock.close()
                if time.monotonic() > end or self.console.ended:
                    raise
                time.sleep(0.1)


def read_line(sock):
    """The answer to CONNECT, and not a byte more."""
    line = b""
    while not line.endswith(b"\n") and len(line) < 64:
        byte = sock.recv(1)
        if not byte:
            raise ConnectionError("the connection ended before OK")
        line += byte
    return line
