"""Input that nobody well-meaning sends. None may crash, hang, leak or be signed."""
import json
import socket
import time

import pytest

import nacre_check
from harness import complete, descriptors, media_body, memory_kib, raw_exchange, status_of, wait_for, SANITIZED

pytestmark = pytest.mark.sanitizer

HASH = "ab" * 32
OK = json.dumps({"payload": {"media_hash": HASH, "metadata": "m"}}).encode()


@pytest.fixture(autouse=True)
def nothing_happens(media):
    """The same processes before and after, and a good request is still answered."""
    before = [media.pid(n) for n in ("nacred", "nacre-http", "nacre-app")]
    yield
    assert [media.pid(n) for n in ("nacred", "nacre-http", "nacre-app")] == before
    media.verify(media.post("/process_data", media_body(1)))


def body(text):
    return text if isinstance(text, bytes) else text.encode()


BODIES = {
    "empty": b"",
    "white space": b" \r\n\t ",
    "nul bytes": b"\0" * 100,
    "byte order mark": b"\xef\xbb\xbf" + OK,
    "utf-16": OK.decode().encode("utf-16"),
    "two values": OK + OK,
    "rest after value": OK + b" x",
    "trailing comma": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":"m",}}',
    "single quotes": b"{'payload':{}}",
    "comment": b'{"payload":{/* */"media_hash":"' + HASH.encode() + b'","metadata":"m"}}',
    "NaN": b'{"payload":NaN}',
    "array instead": b"[]",
    "string instead": b'"payload"',
    "null instead": b"null",
    "number for string": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":5}}',
    "array for string": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":[]}}',
    "null for string": b'{"payload":{"media_hash":null,"metadata":"m"}}',
    "huge number": b'{"payload":{"media_hash":' + b"9" * 5000 + b',"metadata":"m"}}',
    "huge exponent": b'{"payload":{"media_hash":1e999999999,"metadata":"m"}}',
    "leading zero": b'{"payload":{"media_hash":01,"metadata":"m"}}',
    "bare minus": b'{"payload":{"media_hash":-,"metadata":"m"}}',
    "duplicate key": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":"a","metadata":"b"}}',
    "duplicate key, escaped": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":"a","met\\u0061data":"b"}}',
    "duplicate object": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":"a"},"payload":{}}',
    "lone high surrogate": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":"\\ud800"}}',
    "lone low surrogate": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":"\\udc00x"}}',
    "surrogates swapped": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":"\\udc00\\ud800"}}',
    "surrogate in ignored key": b'{"x":"\\ud800","payload":{"media_hash":"' + HASH.encode() + b'","metadata":"m"}}',
    "bad escape": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":"\\x41"}}',
    "control in string": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":"a\nb"}}',
    "invalid utf-8": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":"\xff\xfe"}}',
    "overlong utf-8": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":"\xc0\xaf"}}',
    "utf-8 surrogate": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":"\xed\xa0\x80"}}',
    "utf-8 cut short": b'{"payload":{"media_hash":"' + HASH.encode() + b'","metadata":"\xe2\x82"}}',
    "deep arrays": b'{"x":' + b"[" * 100000 + b"]" * 100000 + b',"payload":{"media_hash":"' + HASH.encode()
                   + b'","metadata":"m"}}',
    "deep objects": b'{"a":' * 20000 + b"1" + b"}" * 20000,
    "deep and open": b"[" * 500000,
    "hash too long": b'{"payload":{"media_hash":"' + b"ab" * 5000 + b'","metadata":"m"}}',
    "hash not hex": b'{"payload":{"media_hash":"' + b"xy" * 32 + b'","metadata":"m"}}',
}


@pytest.mark.parametrize("name", BODIES)
def test_body(media, name):
    reply = media.post("/process_data", BODIES[name])
    assert reply.status == 400, reply
    assert reply.error and "signature" not in reply.json
    assert len(reply.body) < 2000, "an error repeats at most a little of what was sent"


def test_truncated_at_every_byte(media):
    whole = json.dumps({"payload": {"media_hash": HASH, "metadata": "ab\u00df\"\\", "more": [1.5, True, None]}}).encode()
    for n in range(len(whole)):
        reply = media.post("/process_data", whole[:n])
        assert reply.status == 400, (n, whole[:n], reply)
    media.verify(media.post("/process_data", whole))


REPORTS = {
    "no report": {}, "report is text": {"report": "x"}, "no verdict": {"report": {"jobId": "j", "mediaHash": HASH}},
    "verdict is a number": {"report": {"jobId": "j", "mediaHash": HASH, "verdict": 1}},
    "hash is no hex": {"report": {"jobId": "j", "mediaHash": "xyz", "verdict": "v"}},
}


@pytest.mark.parametrize("name", REPORTS)
def test_report(media, name):
    reply = media.post("/sign_report", REPORTS[name])
    assert reply.status == 400 and reply.error, reply


@pytest.mark.parametrize("raw", [
    b'{"report":{"jobId":"j","jobId":"k","mediaHash":"' + HASH.encode() + b'","verdict":"v"}}',
    b'{"report":{"jobId":"j","mediaHash":"' + HASH.encode() + b'","verdict":"v","x":{"a":1,"a":2}}}',
    b'{"report":{"jobId":"j","mediaHash":"' + HASH.encode() + b'","verdict":"v","x":1e400}}',
    b'{"report":{"jobId":"j","mediaHash":"' + HASH.encode() + b'","verdict":"v","x":"\\ud800"}}',
    b'{"report":{"jobId":"j","mediaHash":"' + HASH.encode() + b'","verdict":"v","x":' + b"[" * 200 + b"]" * 200 + b"}}",
], ids=["duplicate", "duplicate inside", "number beyond binary64", "lone surrogate", "deep"])
def test_report_that_has_no_canonical_form(media, raw):
    reply = media.post("/sign_report", raw)
    assert reply.status == 400 and reply.error, reply


def test_ten_mebibytes(media):
    reply = media.post("/process_data", b'{"payload":{"metadata":"' + b"a" * (10 << 20) + b'"}}')
    assert reply.status == 413 and reply.error


def test_ten_mebibytes_chunked(media):
    """No Content-Length to refuse by: the limit counts while the body comes."""
    head = b"POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n%s\r\n" % (65536, b"a" * 65536)
    raw = raw_exchange(media.address, head + chunk * 160 + b"0\r\n\r\n")
    assert status_of(raw) in (413, None), raw[:200]
    assert b"signature" not in raw


def test_length_that_lies(media):
    """Announces more than it sends, then hangs up: no answer is owed, nobody may wait for the rest for ever."""
    raw = media.raw(b"POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
                    + OK, shut=True, timeout=2)
    assert b"signature" not in raw


@pytest.mark.parametrize("length", ["-1", "18446744073709551616", "1e3", "0x10", "5, 6", "99999999999999999999999"])
def test_length_that_is_no_length(media, length):
    raw = media.raw(b"POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
                    + length.encode() + b"\r\n\r\n" + OK, shut=True, timeout=2)
    assert b"signature" not in raw
    assert status_of(raw) in (400, 413, None), raw[:200]


@pytest.mark.parametrize("cut", [0, 1, 3, 5, 20, -1, -3, -5])
def test_chunked_body_cut_short(media, cut):
    head = b"POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (20, OK[:20], len(OK) - 20, OK[20:])
    whole = media.raw(head + body)
    nacre_check.verify_response(whole.partition(b"\r\n\r\n")[2], media.key, nacre_check.APPS["media"])
    raw = media.raw(head + body[:cut], shut=True, timeout=2)
    assert b"signature" not in raw


@pytest.mark.parametrize("size", [b"zz", b"-5", b"ffffffffffffffffff", b"5;" + b"x" * 100000],
                         ids=["letters", "negative", "too large", "long extension"])
def test_chunk_size_that_is_none(media, size):
    head = b"POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw = media.raw(head + size + b"\r\n" + OK + b"\r\n0\r\n\r\n", shut=True, timeout=2)
    assert b"signature" not in raw


def test_length_and_chunked_at_once(media):
    """Request smuggling's favourite: the two must not disagree about where the next request begins."""
    raw = media.raw(b"POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n" % len(OK),
                    shut=True, timeout=2)
    assert b"signature" not in raw


@pytest.mark.parametrize("path", [
    "//process_data", "/process_data/", "//", "/process_data//", "/./process_data", "/x/../process_data",
    "/process%5fdata%2f", "/%2e%2e/process_data", "/process_data%00", "/process_data%2f", "/%2fprocess_data",
    "/PROCESS_DATA", "/process_data;x", "/process_data\\", "/process_data%", "/process_data%zz", "/" + "a" * 4000,
    "/%", "/%ff%fe", "/process%c0%afdata",
])
def test_path(media, path):
    reply = media.post(path, OK)
    assert reply.status in (400, 404), reply
    assert reply.error


@pytest.mark.parametrize("target", [b"*", b"process_data", b"http://evil/process_data", b"/\x00", b"/a b", b""])
def test_request_target(media, target):
    raw = media.raw(b"POST " + target + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", shut=True, timeout=2)
    assert b"signature" not in raw and status_of(raw) in (400, 404, 405, None), raw[:200]


@pytest.mark.parametrize("size", [20_000, 100_000, 1_000_000])
@pytest.mark.parametrize("where", ["name", "value", "many", "target"])
def test_headers_past_the_limit(media, where, size):
    extra = {"name": b"X" * size + b": 1\r\n", "value": b"X-A: " + b"v" * size + b"\r\n",
             "many": b"".join(b"X-%d: 1\r\n" % i for i in range(size // 9)), "target": b""}[where]
    target = b"/" + b"t" * size if where == "target" else b"/"
    raw = media.raw(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n" + extra + b"\r\n", shut=True, timeout=10)
    assert status_of(raw) in (400, 413, 414, 431, None), raw[:200]


@pytest.mark.parametrize("raw", [
    b"\r\n" * 1000, b"GET\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
    b"G" * 100000, b"\0" * 5000, b"POST /process_data HTTP/1.1\r\nHost: x\r\nExpect: 200-never\r\nContent-Length: 2\r\n\r\n{}",
], ids=["newlines", "GET", "no version", "version 9.9", "TLS", "HTTP 2", "no Host", "folded", "long method", "zeros",
        "Expect"])
def test_no_http(media, raw):
    assert b"signature" not in media.raw(raw, shut=True, timeout=2)


def test_expect_continue(media):
    with socket.create_connection(media.address, timeout=10) as s:
        s.sendall(b"POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                  b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(OK))
        assert s.recv(1000).startswith(b"HTTP/1.1 100")
        s.sendall(OK)
        got = b""
        while not complete(got):
            got += s.recv(65536)
    assert status_of(got) == 200


@pytest.mark.root
def test_slow_clients_are_dropped_and_leak_nothing(start):
    runtime = start("media", sets=["http.idle_s=1"])
    runtime.verify(runtime.post("/process_data", media_body(1)))
    http = runtime.pid("nacre-http")
    before = len(descriptors(http))
    slow = []
    for i in range(40):
        s = socket.create_connection(runtime.address, timeout=10)
        s.sendall(b"POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"[:10 + i])
        slow.append(s)
    runtime.verify(runtime.post("/process_data", media_body(2)))
    wait_for("slow connections to be dropped", lambda: len(descriptors(http)) <= before + 1, 15, 0.1)
    for s in slow:
        s.close()


@pytest.mark.root
def test_clients_that_leave_before_the_answer(media):
    app = media.pid("nacre-app"), media.pid("nacre-http")
    before = [len(descriptors(p)) for p in app]
    for i in range(300):
        with socket.create_connection(media.address, timeout=10) as s:
            s.sendall(b"POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                      % len(OK) + OK)
    wait_for("descriptors to be closed", lambda: [len(descriptors(p)) for p in app] <= before, 10, 0.1)


@pytest.mark.root
@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps freed memory on purpose")
def test_bad_input_leaks_no_memory(start):
    """A short idle limit: libmicrohttpd notices some clients that left in mid-request no earlier."""
    runtime = start("media", sets=["http.idle_s=1"])
    pids = [runtime.pid(n) for n in ("nacred", "nacre-http", "nacre-app")]

    def round_of(n):
        for _ in range(n):
            for raw in (BODIES["invalid utf-8"], BODIES["duplicate key"], BODIES["deep objects"], OK[:-1]):
                assert runtime.post("/process_data", raw).status == 400
            with socket.create_connection(runtime.address, timeout=5) as s:
                s.sendall(b"POST /process_data HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
        time.sleep(2.5)
        return [memory_kib(p, "Private_Dirty") for p in pids], [len(descriptors(p)) for p in pids]

    # The heap may take some rounds to find its size. A leak adds to every one.
    memory, fds = round_of(200)
    history = [memory]
    for _ in range(5):
        memory, fds_after = round_of(200)
        history.append(memory)
        assert fds_after == fds
        if all(a - b < 256 for a, b in zip(history[-1], history[-2])):
            return
    raise AssertionError(f"grows with every round: {history}")


def open_at_once(runtime, n):
    """How many of n connections, all asking before any is closed, get an answer."""
    kept = [socket.create_connection(runtime.address, timeout=5) for _ in range(n)]
    for s in kept:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    alive, end = 0, time.monotonic() + 0.5
    for s in kept:
        s.settimeout(max(0.01, end - time.monotonic()))
        try:
            alive += s.recv(1000).startswith(b"HTTP/1.1 200")
        except OSError:
            pass
    return kept, alive


def test_connection_limit(start):
    """Past the limit nobody is served; once the others are gone, by themselves or by the idle limit, all is well."""
    runtime = start("media", sets=["http.connections=20", "http.idle_s=2"])
    for leave in ("close", "idle"):
        kept, alive = open_at_once(runtime, 60)
        assert alive == 20, leave
        if leave == "idle":
            time.sleep(8)
        for s in kept:
            s.close()
        assert status_of(runtime.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", timeout=5)) == 200, leave
