"""Requests that request-smuggling research turns on, as raw bytes, and what became of them in one word or two.

Two parties that find different ends of one request can be made to disagree about where the next one begins. So what
matters is not politeness but that nothing ambiguous is ever answered twice, or passed on in another form.
"""
import json
import re
import select
import socket
import time

BODY = json.dumps({"payload": {"media_hash": "ab" * 32, "metadata": "m"}}, separators=(",", ":")).encode()
HEX = b"%x" % len(BODY)
CHUNKED = HEX + b"\r\n" + BODY + b"\r\n0\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def post(*lines, body=BODY, target=b"/process_data", version=b"HTTP/1.1", host=b"Host: a\r\n", end=b"\r\n"):
    head = b"POST " + target + b" " + version + end + host + b"Content-Type: application/json\r\n"
    return head + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def length(n=len(BODY)):
    return b"Content-Length: %d" % n


TE = b"Transfer-Encoding: "
# name, section of RFC 9112 (9110 where it says so), bytes
CASES = [
    ("a plain request", "6.2", post(length())),
    ("a chunked request", "7.1", post(TE + b"chunked", body=CHUNKED)),
    ("chunked in capitals", "7", post(TE + b"ChUnKeD", body=CHUNKED)),
    ("Content-Length and Transfer-Encoding", "6.1", post(length(), TE + b"chunked", body=CHUNKED + SMUGGLED)),
    ("the same, the length short", "6.1", post(length(4), TE + b"chunked", body=CHUNKED + SMUGGLED)),
    ("two lengths that differ", "6.3", post(length(), length(4), body=BODY + SMUGGLED)),
    ("two equal lengths", "6.3", post(length(), length())),
    ("a list of equal lengths", "6.3", post(b"Content-Length: %d, %d" % (len(BODY), len(BODY)))),
    ("a length with a sign", "9110 8.6", post(b"Content-Length: +%d" % len(BODY))),
    ("a negative length", "9110 8.6", post(b"Content-Length: -1", body=SMUGGLED)),
    ("a length in hex", "9110 8.6", post(b"Content-Length: 0x%x" % len(BODY))),
    ("a length past 64 bits", "9110 8.6", post(b"Content-Length: 18446744073709551616", body=SMUGGLED)),
    ("an empty length", "9110 8.6", post(b"Content-Length:", body=SMUGGLED)),
    ("a length with a space inside", "9110 8.6", post(b"Content-Length: 1 2", body=SMUGGLED)),
    ("Transfer-Encoding twice", "6.1", post(TE + b"chunked", TE + b"identity", body=CHUNKED + SMUGGLED)),
    ("Transfer-Encoding: identity", "7", post(TE + b"identity", length())),
    ("Transfer-Encoding: gzip, chunked", "6.1", post(TE + b"gzip, chunked", body=CHUNKED)),
    ("Transfer-Encoding: chunked, identity", "6.1", post(TE + b"chunked, identity", body=CHUNKED + SMUGGLED)),
    ("Transfer-Encoding: xchunked", "6.1", post(TE + b"xchunked", body=CHUNKED + SMUGGLED)),
    ("Transfer-Encoding with a vertical tab", "6.1", post(TE + b"\x0bchunked", body=CHUNKED + SMUGGLED)),
    ("Transfer-Encoding in quotes", "6.1", post(TE + b'"chunked"', body=CHUNKED + SMUGGLED)),
    ("Transfer-Encoding in HTTP/1.0", "6.1", post(TE + b"chunked", body=CHUNKED, version=b"HTTP/1.0")),
    ("a space before the colon", "5.1", post(b"Content-Length : %d" % len(BODY), body=BODY + SMUGGLED)),
    ("a folded header", "5.2", post(b"X-Folded: a\r\n b", length())),
    ("a folded Transfer-Encoding", "5.2", post(b"Transfer-Encoding:\r\n chunked", body=CHUNKED + SMUGGLED)),
    ("white space before the first header", "2.2", post(length(), host=b" Host: a\r\n")),
    ("a header without a colon", "5", post(b"Nonsense", length())),
    ("a header without a name", "5.1", post(b": empty", length())),
    ("NUL in a header", "9110 5.5", post(b"X-Nul: a\0b", length())),
    ("a bare CR in a header", "2.2", post(b"X-Cr: a\rContent-Length: 4", length())),
    ("a bare LF as line end", "2.2", post(b"X-Lf: a\nContent-Length: 4", length())),
    ("bare LFs throughout", "2.2", post(length()).replace(b"\r\n", b"\n")),
    ("a chunk extension", "7.1.1", post(TE + b"chunked", body=HEX + b";a=b\r\n" + BODY + b"\r\n0\r\n\r\n")),
    ("a chunk extension with a bare LF", "7.1.1",
     post(TE + b"chunked", body=HEX + b";a\n" + BODY + b"\r\n0\r\n\r\n" + SMUGGLED)),
    ("a chunk size with a prefix", "7.1", post(TE + b"chunked", body=b"0x" + CHUNKED + SMUGGLED)),
    ("a chunk size past 64 bits", "7.1", post(TE + b"chunked", body=b"f" * 17 + b"\r\n" + BODY + b"\r\n0\r\n\r\n")),
    ("a negative chunk size", "7.1", post(TE + b"chunked", body=b"-1\r\n" + BODY + b"\r\n0\r\n\r\n" + SMUGGLED)),
    ("a chunk longer than it says", "7.1", post(TE + b"chunked", body=b"5\r\n" + BODY + b"\r\n0\r\n\r\n" + SMUGGLED)),
    ("bare LFs around chunks", "7.1", post(TE + b"chunked", body=CHUNKED.replace(b"\r\n", b"\n") + SMUGGLED)),
    ("a trailer that names a length", "7.1.2",
     post(TE + b"chunked", body=HEX + b"\r\n" + BODY + b"\r\n0\r\nContent-Length: 4\r\n\r\n")),
    ("an absolute target", "3.2.2", post(length(), target=b"http://a/process_data")),
    ("an absolute target of another host", "3.2.2", post(length(), target=b"http://b/process_data")),
    ("a target without a slash", "3.2", post(length(), target=b"process_data")),
    ("an authority target", "3.2.3", post(length(), target=b"a:80")),
    ("a target with a space", "3.2", post(length(), target=b"/process_data x")),
    ("a target with a NUL", "3.2", post(length(), target=b"/process_data\0x")),
    ("a fragment in the target", "3.2", post(length(), target=b"/process_data#x")),
    ("no Host", "3.2", post(length(), host=b"")),
    ("two Hosts", "3.2", post(length(), host=b"Host: a\r\nHost: b\r\n")),
    ("HTTP/2.0 in text", "2.3", post(length(), version=b"HTTP/2.0")),
    ("HTTP/1.2", "2.3", post(length(), version=b"HTTP/1.2")),
    ("HTTP/0.9", "2.3", b"GET /health_check\r\n"),
    ("lower-case protocol", "2.3", post(length(), version=b"http/1.1")),
    ("a GET with a body", "9110 9.3.1", b"GET /health_check HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"
     % (len(SMUGGLED), SMUGGLED)),
    ("empty lines before the request", "2.2", b"\r\n\r\n" + post(length())),
    ("two requests in one packet", "9.3", post(length()) + post(length())),
]


def exchange(address, data, quiet=0.6, limit=8.0):
    """Everything that comes back until the peer closes or nothing came for `quiet` seconds."""
    got, closed = b"", False
    with socket.create_connection(address, timeout=limit) as s:
        try:
            s.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            closed = True
        end = time.monotonic() + limit
        while time.monotonic() < end:
            ready, _, _ = select.select([s], [], [], quiet if got else 2.5)
            if not ready:
                break
            try:
                more = s.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                closed = True
                break
            got += more
    return got, closed


def answers(raw):
    """(status, head, body) of each answer in the bytes."""
    # libmicrohttpd 0.9 sends the head of its own pages twice and closes.
    raw = re.sub(rb"\A(HTTP/1\.1 \d{3} [^\r]*\r\nConnection: close\r\nContent-Length: \d+\r\n\r\n)\1", rb"\1", raw)
    found = []
    while raw:
        head, mark, rest = raw.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.[01] (\d{3})", head)
        if not mark or not status:
            found.append((0, head, rest))
            break
        size = re.search(rb"(?im)^content-length:\s*(\d+)", head)
        n = int(size.group(1)) if size else len(rest)
        found.append((int(status.group(1)), head, rest[:n]))
        raw = rest[n:]
    return found


def outcome(raw, closed):
    """"200", "400", "400 page" (not our JSON), "200 + 404" (two answers), "-" (closed without a word)."""
    words = []
    for status, head, body in answers(raw):
        ours = re.search(rb"(?im)^content-type:\s*(application/json|text/plain)", head) and b"<html" not in body
        words.append(f"{status}" if ours or status == 200 else f"{status} page")
    return " + ".join(words) if words else "-" if closed else "waits"


HAPROXY = """global
  maxconn 100
defaults
  mode http
  timeout connect 2s
  timeout client 8s
  timeout server 8s
frontend all
  bind 127.0.0.1:%d
  default_backend runtime
backend runtime
  server one 127.0.0.1:%d
"""


def observe(address):
    """{name of a case: outcome}"""
    return {name: outcome(*exchange(address, raw)) for name, _, raw in CASES}
