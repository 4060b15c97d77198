"""An HTTP server that plays the enclave, with whatever answers a test gives it."""
import contextlib
import http.server
import threading
import urllib.parse


class Enclave:
    def __init__(self):
        self.answers = {}  # path: text, or a function of the query that returns one
        self.cors = "*"
        self.status = 200
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                outer.answer(self)

            do_POST = do_OPTIONS = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request):
        request.rfile.read(int(request.headers.get("Content-Length", 0)))
        parts = urllib.parse.urlsplit(request.path)
        self.asked.append((request.command, request.path))
        found = self.answers.get(parts.path)
        text = found(dict(urllib.parse.parse_qsl(parts.query))) if callable(found) else found or ""
        data = text if isinstance(text, bytes) else text.encode()
        request.send_response(self.status if found or request.command == "OPTIONS" else 404)
        if self.cors:
            request.send_header("Access-Control-Allow-Origin", self.cors)
            request.send_header("Access-Control-Allow-Headers", "*")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            request.wfile.write(data)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
