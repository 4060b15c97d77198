"""Runs nacre-nsm-sim for a test and speaks its two sockets. Uses nothing of nacre's own code."""

import contextlib
import os
import pathlib
import select
import signal
import socket
import subprocess

import cbor2

PROGRAM = pathlib.Path(os.environ.get("NACRE_OUT", "out")) / "bin" / "nacre-nsm-sim"
WAIT = 20  # seconds for anything to happen, sanitizers included


class Simulator:
    def __init__(self, directory, *options, listen_fd=None):
        self.directory = pathlib.Path(directory)
        self.socket_path = self.directory / "nsm.sock"
        self.control_path = self.directory / "control.sock"
        self.root_path = self.directory / "root.pem"
        where = ["--socket", self.socket_path] if listen_fd is None else ["--listen-fd", str(listen_fd)]
        self.open = []
        read_end, write_end = os.pipe()
        command = [PROGRAM, *where, "--control", self.control_path, "--root-out", self.root_path,
                   "--ready-fd", str(write_end), *options]
        fds = (write_end,) if listen_fd is None else (write_end, listen_fd)
        self.process = subprocess.Popen([str(part) for part in command], pass_fds=fds, stderr=subprocess.PIPE)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as ready:
            readable, _, _ = select.select([ready], [], [], WAIT)
            self.ready = ready.read() if readable else b""

    def connect(self):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.settimeout(WAIT)
        sock.connect(str(self.socket_path))
        self.open.append(sock)
        return sock

    def exchange(self, message, sock=None):
        """Sends raw bytes, returns the raw reply; b"" when the connection was closed instead."""
        sock = sock or self.connect()
        sock.sendall(message)
        return sock.recv(0x4000)

    def call(self, request, sock=None):
        return cbor2.loads(self.exchange(cbor2.dumps(request), sock))

    def attest(self, **fields):
        """The bytes of a document."""
        reply = self.call({"Attestation": fields})
        assert list(reply) == ["Attestation"] and list(reply["Attestation"]) == ["document"], reply
        return reply["Attestation"]["document"]

    def control(self, line):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.settimeout(WAIT)
            sock.connect(str(self.control_path))
            sock.sendall(line.encode() + b"\n")
            return sock.recv(4096).decode()

    def stop(self, how=signal.SIGTERM):
        """Ends the program and returns its exit status and what it said."""
        for sock in self.open:
            sock.close()
        self.process.send_signal(how)
        try:
            _, said = self.process.communicate(timeout=WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return self.process.returncode, said.decode()


@contextlib.contextmanager
def running(directory, *options, **more):
    """A simulator that is ready, and that must also end well."""
    simulator = Simulator(directory, *options, **more)
    try:
        assert simulator.ready == b"ready\n", simulator.stop()
        yield simulator
    except BaseException:
        simulator.stop()
        raise
    status, said = simulator.stop()
    assert status == 0, said
