"""
A man in the middle on the parent's position: a TCP proxy that records every byte both ways and may change them.

    with Mitm(runtime.address) as mitm:             # passes on and records
        request(mitm.address, ...)
        assert not mitm.learns(canary)              # in plain, hex, base64, ... of anything recorded
    Mitm(address, alter=flip(UP, 700))              # also changes one bit of byte 700 of what clients send
    Mitm(address, certificate=own_certificate())    # ends TLS with a certificate of its own, TLS again to the far side

`alter` is called as alter(direction, connection, offset, chunk) for what was received, `offset` being how many bytes came
before it in this direction of this connection, and returns what is passed on.
"""
import base64
import datetime
import pathlib
import select
import socket
import ssl
import tempfile
import threading
import urllib.parse

UP, DOWN = "up", "down"  # from client to enclave, and back


def flip(direction, at, connection=None):
    """Changes one bit of byte `at` of this direction, in every connection or in one."""
    def alter(way, number, offset, chunk):
        if way != direction or connection not in (None, number) or not offset <= at < offset + len(chunk):
            return chunk
        changed = bytearray(chunk)
        changed[at - offset] ^= 1
        return bytes(changed)
    return alter


def insert(direction, at, data):
    """Puts `data` before byte `at`."""
    def alter(way, _number, offset, chunk):
        if way != direction or not offset <= at < offset + len(chunk):
            return chunk
        return chunk[:at - offset] + data + chunk[at - offset:]
    return alter


def drop(direction, at, n=1):
    """Leaves out `n` bytes from byte `at` on."""
    def alter(way, _number, offset, chunk):
        if way != direction:
            return chunk
        first, last = max(at - offset, 0), max(at + n - offset, 0)
        return chunk[:first] + chunk[last:]
    return alter


def swap(direction, old, new):
    """Replaces text of the same length wherever it comes in one piece."""
    assert len(old) == len(new)

    def alter(way, _number, _offset, chunk):
        return chunk.replace(old, new) if way == direction else chunk
    return alter


def forms(canary):
    """Every form in which somebody who looks for `canary` would find it."""
    data = canary if isinstance(canary, bytes) else canary.encode()
    assert len(data) >= 8, "too short to be found by anything but chance"
    found = {"plain": data, "hex": data.hex().encode(), "HEX": data.hex().upper().encode(), "reversed": data[::-1],
             "percent": urllib.parse.quote(data, safe="").encode()}
    for shift in range(3):  # base64 of a text that has it at any place
        whole = base64.b64encode(bytes(shift) + data)
        cut = whole[(0, 2, 3)[shift]:len(whole) - (4 if (len(data) + shift) % 3 else 0)]
        found[f"base64 at {shift}"] = cut
        found[f"base64url at {shift}"] = cut.replace(b"+", b"-").replace(b"/", b"_")
    return {name: form for name, form in found.items() if form != data or name == "plain"}


def own_certificate(names=("localhost",), like=None, kind="p256"):
    """A certificate that nobody has asked for, with its key: what a man in the middle can always make. Returns a path."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import NameOID
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "p256" else rsa.generate_private_key(65537, 2048)
    subject = x509.load_der_x509_certificate(like).subject if like else x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
            .sign(key, hashes.SHA256()))
    path = pathlib.Path(tempfile.mkdtemp(prefix="nacre-mitm-")) / "own.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return path


def loose_context():
    """A client that checks nothing: for the far side of a man in the middle, who has nobody to mistrust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Connection:
    """What one connection said: up from the client, down from the enclave. `failed`: why TLS with the client ended."""

    def __init__(self):
        self.said = {UP: bytearray(), DOWN: bytearray()}
        self.failed = None


class Mitm:
    def __init__(self, upstream, alter=None, certificate=None, upstream_tls=True, listen=("127.0.0.1", 0), ends_from=0):
        """`ends_from`: with a certificate, TLS is ended in connections of this number and later ones only."""
        self.ends_from = ends_from
        self.upstream, self.alter, self.upstream_tls = upstream, alter, upstream_tls
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)
        self.connections = []
        self.listener = socket.create_server(listen)
        self.address = self.listener.getsockname()
        self.stopping = False
        self.threads = []
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    # ---- What was recorded

    @property
    def up(self):
        return b"".join(bytes(c.said[UP]) for c in self.connections)

    @property
    def down(self):
        return b"".join(bytes(c.said[DOWN]) for c in self.connections)

    def learns(self, canary):
        """The forms in which `canary` is in what was recorded, of any connection and both ways; [] for none."""
        said = [bytes(c.said[way]) for c in self.connections for way in (UP, DOWN)]
        return [name for name, form in forms(canary).items() if any(form in s for s in said)]

    def replay(self, number=0, timeout=10):
        """Says to the far side again what a client had said, on a connection of its own. Returns the answer."""
        with socket.create_connection(self.upstream, timeout=timeout) as s:
            got = b""
            try:
                s.sendall(bytes(self.connections[number].said[UP]))
                s.shutdown(socket.SHUT_WR)
                while more := s.recv(65536):
                    got += more
            except (TimeoutError, ConnectionError):
                pass
            return got

    # ---- The proxy

    def _accept(self):
        while not self.stopping:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                record = Connection()
                self.connections.append(record)
                thread = threading.Thread(target=self._serve, args=(client, record, len(self.connections) - 1), daemon=True)
                self.threads.append(thread)
            thread.start()

    def _serve(self, client, record, number):
        try:
            ends = self.context and number >= self.ends_from
            if ends:
                client.settimeout(20)
                client = self.context.wrap_socket(client, server_side=True)
            far = socket.create_connection(self.upstream, timeout=20)
            if ends and self.upstream_tls:
                far = loose_context().wrap_socket(far, server_hostname="localhost")
        except (OSError, ssl.SSLError) as e:
            record.failed = str(e)
            client.close()
            return
        with client, far:
            self._relay(client, far, record, number)

    def _relay(self, client, far, record, number):
        ways = {client: (UP, far), far: (DOWN, client)}
        while ways and not self.stopping:
            waiting = [s for s in ways if getattr(s, "pending", lambda: 0)()]
            ready = waiting or select.select(list(ways), [], [], 0.2)[0]
            for s in ready:
                way, to = ways[s]
                try:
                    s.settimeout(0)  # a record of TLS need not have a byte for us in it
                    chunk = s.recv(65536)
                    to.settimeout(20)
                    if not chunk:
                        del ways[s]
                        to.shutdown(socket.SHUT_WR)
                        continue
                    offset = len(record.said[way])
                    record.said[way] += chunk
                    passed = self.alter(way, number, offset, chunk) if self.alter else chunk
                    if passed:
                        to.sendall(passed)
                except (ssl.SSLWantReadError, BlockingIOError):
                    continue
                except (OSError, ssl.SSLError) as e:
                    record.failed = record.failed or str(e)
                    return

    def close(self):
        self.stopping = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.thread.join(10)
        for thread in self.threads:
            thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
