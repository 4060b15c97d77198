#!/usr/bin/python3
"""A TLS server on the loopback address that stands in for api.weatherapi.com and misbehaves on demand.

    upstream.py --host api.weatherapi.com --ca-out ca.pem

It makes a CA and a certificate for the given hosts, writes the CA's certificate, and prints on standard output

    port 40123
    pin 3f1c...      (SHA-256 of the certificate's SubjectPublicKeyInfo, as a key pin wants it)
    ready

Then it serves until it is terminated, or until standard input ends when --stdin is given. Nothing is kept.

GET /v1/current.json?key=K&q=PLACE replies as the weather service does, with a reading of now. PLACE "Nowhere" does
not exist, the key "disabled" is refused, and PLACE "fault:NAME" goes wrong as NAME says, as does every request under
--fault NAME and the page /fault/NAME. Further pages, for tests of the client: /echo /stats /status/N /size/N
/chunked/N /headers/N /trailers /redirect?to=URL.
"""
import argparse
import os
import socket
import socketserver
import ssl
import sys
import tempfile
import threading
import time
import warnings

import upstream_http1
import upstream_http2
from upstream_cert import Authority
from upstream_replies import Replies

HANDSHAKES = ("hang", "garbage", "reset")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, context, replies, handshake):
        self.context, self.replies, self.handshake = context, replies, handshake
        super().__init__(address, None)

    def finish_request(self, request, client_address):
        """In the connection's own thread."""
        request.settimeout(60)
        if self.handshake:
            self.misbehave(request)
            return
        with self.context.wrap_socket(request, server_side=True, suppress_ragged_eofs=True) as tls:
            tls.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.replies.connected(bool(tls.session_reused))
            if tls.selected_alpn_protocol() == "h2":
                upstream_http2.Connection(tls, self.replies).run()
            else:
                handler = type("Handler", (upstream_http1.Handler,), {"replies": self.replies})
                handler(tls, client_address, self)

    def misbehave(self, request):
        if self.handshake == "hang":
            time.sleep(30)
        elif self.handshake == "garbage":
            request.sendall(b"220 this is a mail server\r\n" * 20)
            time.sleep(0.2)

    def shutdown_request(self, request):
        self.close_request(request)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # OSError: the client went away, or refused us
            super().handle_error(request, client_address)


def make_context(args, pem):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if args.tls == "1.1":
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    elif args.tls:
        context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, "TLSv" + args.tls.replace(".", "_"))
    if args.ciphers:
        context.set_ciphers(args.ciphers)
        context.options |= 1 << 19  # no encrypt-then-MAC, as old servers
    if args.http2:
        context.set_alpn_protocols(["h2", "http/1.1"])
    with tempfile.NamedTemporaryFile() as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", action="append", metavar="NAME", help="a name in the certificate; may be repeated")
    parser.add_argument("--ca-out", metavar="FILE", help="where the CA's certificate is written (PEM)")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--epoch", type=int, help="last_updated_epoch of the reading; default: now")
    parser.add_argument("--temperature", type=float, default=11.2)
    parser.add_argument("--key", help="the only API key that is taken; default: any")
    parser.add_argument("--fault", default="", choices=[""] + sorted(upstream_http1.FAULTS), metavar="NAME",
                        help="every request: " + "; ".join(f"{n}: {t}" for n, t in upstream_http1.FAULTS.items()))
    parser.add_argument("--handshake", choices=HANDSHAKES, help="no handshake, but this")
    parser.add_argument("--expired", action="store_true", help="a certificate that is over since an hour")
    parser.add_argument("--tls", choices=("1.1", "1.2", "1.3"), help="this version only")
    parser.add_argument("--ciphers", help="of TLS 1.2, as OpenSSL names them, without RFC 7366")
    parser.add_argument("--http2", action="store_true", help="offer HTTP/2 as well; needs python3-h2")
    parser.add_argument("--stdin", action="store_true", help="end when standard input ends")
    return parser.parse_args()


def main():
    warnings.simplefilter("ignore", DeprecationWarning)  # old TLS versions and naive dates are what is wanted
    args = arguments()
    if args.http2 and not upstream_http2.AVAILABLE:
        sys.exit("upstream.py: --http2 needs the Debian package python3-h2")
    authority = Authority()
    pem, pin = authority.issue(args.host or ["api.weatherapi.com"], args.expired)
    if args.ca_out:
        with open(args.ca_out, "wb") as file:
            file.write(authority.pem())
    replies = Replies(args.epoch, args.temperature, args.key, args.fault)
    server = Server(("127.0.0.1", args.port), make_context(args, pem), replies, args.handshake)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"port {server.server_address[1]}\npin {pin.hex()}\nready", flush=True)
    try:
        while args.stdin and os.read(0, 4096):
            pass
        while not args.stdin:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
