"""HTTP/1.1 for the test upstream, with the ways in which a server can go wrong."""
import http.server
import socket
import struct
import time

from upstream_replies import Request

FAULTS = {
    "slow": "nothing for 30 s",
    "trickle": "the body, a byte a second",
    "reset": "the connection is reset before the answer",
    "cut": "the connection is closed in the middle of the body",
    "close": "the connection is closed before the answer",
    "huge": "a body without end",
    "huge-header": "a header without end",
    "garbage": "bytes that are not HTTP",
    "not-json": "200 with a page of HTML",
    "empty": "200 with an empty body",
    "no-field": "200 with JSON that lacks what the caller needs",
    "old": "a reading of two hours ago",
    "future": "a reading of the future",
    "leave": "a good answer, and then the connection is closed without notice",
}
HTML = b"<html><body>maintenance</body></html>"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    replies = None  # set by the server

    def log_message(self, *_args):
        pass

    def serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(self.command, self.path, list(self.headers.items()), self.rfile.read(length),
                          self.request_version)
        reply = self.replies.answer(request)
        if reply.fault:
            self.fail(reply.fault)
        else:
            self.send(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = serve

    def send(self, reply):
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if not reply.chunked:
            self.wfile.write(reply.body)
            return
        for i in range(0, len(reply.body), 8192):
            part = reply.body[i:i + 8192]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        trailers = "".join(f"{n}: {v}\r\n" for n, v in reply.trailers)
        self.wfile.write(f"0\r\n{trailers}\r\n".encode())

    def send_page(self, body, kind="application/json", announced=None):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        self.end_headers()
        self.wfile.write(body)

    # ---- faults --------------------------------------------------------------------------------------------------

    def fail(self, fault):
        if fault not in FAULTS:
            self.send_error(400, "unknown fault")
            return
        self.close_connection = fault not in ("not-json", "empty", "no-field", "old", "future")
        try:
            getattr(self, "fail_" + fault.replace("-", "_"))()
        except OSError:
            self.close_connection = True  # the client has had enough

    def fail_slow(self):
        time.sleep(30)

    def fail_trickle(self):
        self.send_page(b"{", announced=1000)
        for _ in range(30):
            time.sleep(1)
            self.wfile.write(b" ")

    def fail_reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.close(self.connection)

    def fail_cut(self):
        self.send_page(b'{"location":', announced=1000)

    def fail_close(self):
        pass

    def fail_leave(self):
        self.send_page(b"{}")

    def fail_huge(self):
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b"z" * 65536)

    def fail_huge_header(self):
        self.send_response(200)
        self.flush_headers()
        while True:
            self.wfile.write(b"X-Filler: " + b"h" * 1000 + b"\r\n")

    def fail_garbage(self):
        self.wfile.write(b"\x00\x01\x02 this is not HTTP at all\r\n\r\n" * 10)

    def fail_not_json(self):
        self.send_page(HTML, "text/html")

    def fail_empty(self):
        self.send_page(b"")

    def fail_no_field(self):
        self.send_page(b'{"location":{"name":"London"},"current":{"last_updated_epoch":%d}}' % time.time())

    def reading(self, epoch):
        self.send_page(b'{"location":{"name":"London"},"current":{"last_updated_epoch":%d,"temp_c":1.0}}' % epoch)

    def fail_old(self):
        self.reading(time.time() - 7200)

    def fail_future(self):
        self.reading(time.time() + 3600)
