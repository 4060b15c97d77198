"""What a parent instance does for the enclave of machine.py, where `nacre host` is not what is needed: secrets, and hosts
of the allow list that are somewhere else than their names say."""

import pathlib
import socket
import threading
import time
import zlib

import cbor2

import machine

EGRESS_PORT = 8101
BLOCK = 65536


def carry(source, sink, ended):
    try:
        while data := source.recv(BLOCK):
            sink.sendall(data)
    except OSError:
        pass
    # a half that is shut is not passed on by vhost-device-vsock: the end of one is the end of both
    for sock in (source, sink):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
    ended.release()


def bridge(a, b):
    """Both ways until one side ends."""
    with a, b:
        a.settimeout(None)
        b.settimeout(None)
        ended = threading.Semaphore(0)
        threads = [threading.Thread(target=carry, args=(*pair, ended), daemon=True) for pair in ((a, b), (b, a))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def serve(listener, connect):
    """Every connection that arrives is bridged with one that connect() makes."""

    def one(sock):
        try:
            far = connect()
        except OSError:
            sock.close()
            return
        bridge(sock, far)

    def accept():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=one, args=(sock,), daemon=True).start()

    listener.listen(128)
    threading.Thread(target=accept, daemon=True).start()
    return listener


def egress(machines, targets):
    """targets: (host, port) of every entry of the allow list, in its order."""
    listeners = []
    for index, target in enumerate(targets):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(machines.host_socket(EGRESS_PORT + index))
        listeners.append(serve(listener, lambda target=target: socket.create_connection(target, 10)))
    return listeners


def push_secrets(machines, data, seconds=120):
    """Delivers the object, again until the enclave says that it has it: before it listens, a delivery is lost."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not machines.console.ended:
        try:
            with machines.connect(7777) as sock:
                sock.sendall(data)
            machines.console.await_line(machine.event("plain secrets received|cannot start"), 2)
            return
        except (machine.BootError, OSError):
            time.sleep(0.2)
    raise machine.BootError(f"the secrets were not taken within {seconds} s\n{machines.console.text()}")


def unpack(ramdisk):
    return zlib.decompress(ramdisk, 31) if ramdisk[:2] == b"\x1f\x8b" else ramdisk


def manifest_bytes(eif):
    """The manifest in an image's last ramdisk."""
    ramdisk = [data for kind, data in machine.sections(eif) if kind == machine.RAMDISK][-1]
    for name, data in machine.cpio_entries(unpack(ramdisk)):
        if name == "app/manifest.cbor":
            return data
    raise machine.BootError(f"no app/manifest.cbor in the last ramdisk of {pathlib.Path(eif).name}")


def manifest_of(eif):
    """The same, parsed by a reader that is not nacre's."""
    manifest = cbor2.loads(manifest_bytes(eif))
    return {name: cbor2.loads(value) if name in ("descriptor", "config") else value
            for name, value in manifest.items()}
