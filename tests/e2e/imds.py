"""EC2's metadata service, version 2, as far as `nacre` asks it: a session's token, the role's name, its credentials."""
import http.server
import json
import threading


class Imds:
    """credentials() is asked anew for each request."""

    def __init__(self, credentials, role="parent"):
        self.token, self.role, self.asked, self.refuse = "AQAEA-a-session", role, [], False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status, text=""):
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_PUT(self):  # pylint: disable=invalid-name
                outer.asked.append(self.path)
                good = self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
                self.answer(*((200, outer.token) if good and not outer.refuse else (403,)))

            def do_GET(self):  # pylint: disable=invalid-name
                outer.asked.append(self.path)
                base = "/latest/meta-data/iam/security-credentials/"
                if self.headers["X-aws-ec2-metadata-token"] != outer.token:
                    self.answer(401)
                elif self.path == base:
                    self.answer(200, outer.role)
                elif self.path == base + outer.role:
                    self.answer(200, json.dumps(credentials()))
                else:
                    self.answer(404)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.place = "imds:127.0.0.1:%d" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)
