"""`nacre verify` from outside: every form of input, every option, every exit code, and servers good and bad."""
import base64
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import subprocess
import sys
import textwrap
import threading
import time
import urllib.parse

import nacl.signing
import pytest

sys.path.insert(0, os.path.dirname(__file__))
import documents as d  # noqa: E402
sys.path.insert(0, str(pathlib.Path(os.environ["NACRE_SOURCE"]) / "tests" / "independent"))
import nacre_batch  # noqa: E402

NACRE = pathlib.Path(os.environ["NACRE_OUT"]) / "bin" / "nacre"
MADE = pathlib.Path(os.environ["NACRE_VERIFY_DOCUMENTS"])
SHARED = pathlib.Path(os.environ.get("NACRE_SHARED", pathlib.Path(os.environ["NACRE_SOURCE"]) / ".." / "shared"))
ROOT = ["--root", str(MADE / "root.pem")]
GOOD = str(MADE / "good.cbor")
PCR = {i: value.hex() for i, value in d.default_pcrs().items()}
AT = ["--at", "document"]
KEY = nacl.signing.SigningKey(bytes(range(32)))
VERIFIED, REFUSED, UNCHECKED = 0, 1, 2


def run(*args, stdin=b""):
    return subprocess.run([NACRE, "verify", *map(str, args)], input=stdin, capture_output=True, timeout=60)


def check(code, *args, says="", stdin=b""):
    """The exit code, and what is said: a verdict on stdout, anything else on stderr."""
    done = run(*args, stdin=stdin)
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == code, out + err
    assert says in (err if code == UNCHECKED else out), out + err
    if code == UNCHECKED:
        assert "verified" not in out.replace('"verified":null', "")
    return out


def document(code, *args, **options):
    return check(code, "document", *args, *ROOT, **options)


@pytest.fixture(scope="module")
def pcrs(tmp_path_factory):
    file = tmp_path_factory.mktemp("pcrs") / "app.pcrs"
    file.write_text("".join(f"{PCR[i]} PCR{i}\n" for i in range(3)))
    return file


class TestInput:
    raw = pathlib.Path(GOOD).read_bytes()
    forms = {
        "raw": raw, "hex": raw.hex().encode(), "hex-upper": raw.hex().upper().encode(), "hex-0x": b"0x" + raw.hex().encode(),
        "hex-lines": textwrap.fill(raw.hex(), 64).encode() + b"\n",
        "base64": base64.b64encode(raw), "base64-lines": base64.encodebytes(raw),
        "base64-unpadded": base64.b64encode(raw).rstrip(b"="), "base64-url": base64.urlsafe_b64encode(raw),
        "json": json.dumps({"attestation": raw.hex()}).encode(),
        "json-more": json.dumps({"a": [1, {"b": "\\\u00e9"}], "attestation": raw.hex(), "c": None}, indent=1).encode(),
        "tagged": b"\xd2" + raw,
    }
    bad = {
        "empty": (b"", "empty"), "text": (b"hello, world", "no CBOR"), "html": (b"<html></html>", "no CBOR"),
        "odd-hex": (raw.hex()[1:].encode() + b"!", "no CBOR"), "null": (b"null", "no CBOR"),
        "json-without": (b'{"document":"84"}', 'no "attestation"'), "json-number": (b'{"attestation":84}', "not a string"),
        "json-twice": (b'{"attestation":"84","attestation":"84"}', "twice"),
        "json-no-hex": (b'{"attestation":"xyz"}', "no hex"), "json-cut": (b'{"attestation":"84"', "bad JSON"),
        "json-escape": (b'{"attestation":"\\u0038"}', "escape"), "json-trailing": (b'{"attestation":"84"} x', "bad JSON"),
    }

    @pytest.mark.parametrize("form", forms)
    def test_forms(self, form, tmp_path):
        document(VERIFIED, *AT, "--signature-only", stdin=self.forms[form])
        document(VERIFIED, "-", *AT, "--signature-only", stdin=self.forms[form])
        file = tmp_path / "document"
        file.write_bytes(self.forms[form])
        document(VERIFIED, file, *AT, "--signature-only")

    @pytest.mark.parametrize("form", bad)
    def test_bad_forms(self, form):
        data, says = self.bad[form]
        document(UNCHECKED, *AT, "--signature-only", stdin=data, says=says)

    def test_malformed_document_is_refused(self):
        document(REFUSED, *AT, "--signature-only", stdin=self.raw[:-1], says="FAIL  document encoding")
        document(REFUSED, *AT, "--signature-only", stdin=b"\x84", says="cut off")

    def test_no_file(self, tmp_path):
        document(UNCHECKED, tmp_path / "none", *AT, "--signature-only", says="No such file")
        document(UNCHECKED, tmp_path, *AT, "--signature-only", says="directory")

    def test_too_large(self):
        document(UNCHECKED, *AT, "--signature-only", stdin=b"\x84" * (1 << 21), says="more than 1048576 bytes")


class TestPolicy:
    def test_empty(self):
        document(UNCHECKED, GOOD, *AT, says="no PCR and no public key")
        document(UNCHECKED, GOOD, *AT, "--nonce", b"nonce".hex(), says="no PCR and no public key")

    def test_root_is_aws_by_default(self):
        check(REFUSED, "document", GOOD, *AT, "--signature-only", says="FAIL  document root")

    def test_root_forms(self, tmp_path):
        check(VERIFIED, "document", GOOD, *AT, "--signature-only", "--root", MADE / "root.der")
        bad = tmp_path / "bad.pem"
        bad.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        check(UNCHECKED, "document", GOOD, *AT, "--signature-only", "--root", bad, says="not one X.509 certificate")
        check(UNCHECKED, "document", GOOD, *AT, "--signature-only", "--root", tmp_path / "none", says="No such file")

    def test_pcrs(self, pcrs, tmp_path):
        out = document(VERIFIED, GOOD, *AT, "--pcrs", pcrs)
        assert f"ok    document PCR2         {PCR[2]}\n" in out
        other = tmp_path / "other.pcrs"
        other.write_text(pcrs.read_text().replace(PCR[1], "ab" * 48))
        document(REFUSED, GOOD, *AT, "--pcrs", other, says=f"FAIL  document PCR1         {PCR[1]} (expected: {'ab' * 48})")
        other.write_text(pcrs.read_text().replace("PCR1", "PCR17"))
        document(REFUSED, GOOD, *AT, "--pcrs", other, says="FAIL  document PCR17        none")
        other.write_text("")
        document(UNCHECKED, GOOD, *AT, "--pcrs", other, says="no PCR in 0 lines")
        other.write_text("zz PCR0\n")
        document(UNCHECKED, GOOD, *AT, "--pcrs", other, says="line 1")
        document(UNCHECKED, GOOD, *AT, "--pcrs", pcrs, "--pcr", "0=" + "ab" * 48, says="PCR0 is expected twice")

    def test_pcr(self):
        document(VERIFIED, GOOD, *AT, "--pcr", "0=" + PCR[0], "--pcr", "1=0x" + PCR[1].upper())
        document(REFUSED, GOOD, *AT, "--pcr", "0=" + PCR[0], "--pcr", "4=" + PCR[0], says="FAIL  document PCR4")
        for bad in ("0", "0=", "=00", "32=" + PCR[0], "0=" + PCR[0][2:], "0=" + PCR[0] + "00", "-1=" + PCR[0], "0=zz"):
            document(UNCHECKED, GOOD, *AT, "--pcr", bad, says="--pcr")

    def test_fields(self):
        key = bytes(range(32)).hex()
        document(VERIFIED, GOOD, *AT, "--public-key", key, "--nonce", b"nonce".hex(), "--user-data", b"user data".hex())
        document(REFUSED, GOOD, *AT, "--public-key", key[2:], says="FAIL  document public_key")
        document(REFUSED, GOOD, *AT, "--public-key", key, "--nonce", "00", says="FAIL  document nonce")
        document(REFUSED, GOOD, *AT, "--public-key", key, "--user-data", "", says="(expected: empty)")
        document(UNCHECKED, GOOD, *AT, "--public-key", "xy", says="no hex")
        document(UNCHECKED, GOOD, *AT, "--public-key", "00" * 1025, says="limit is 1024")
        document(UNCHECKED, GOOD, *AT, "--nonce", "00" * 513, says="limit is 512")
        document(UNCHECKED, GOOD, *AT, "--nonce", "00" * 2000, says="no hex")

    def test_debug(self):
        debug = MADE / "debug.cbor"
        document(REFUSED, debug, *AT, "--pcr", "0=" + "00" * 48, says="FAIL  document debug")
        document(VERIFIED, debug, *AT, "--signature-only", "--allow-debug")

    def test_says_so_when_only_the_signature_was_checked(self):
        assert "signature only" in document(VERIFIED, GOOD, *AT, "--signature-only")
        assert "signature only" not in document(VERIFIED, GOOD, *AT, "--pcr", "0=" + PCR[0])

    def test_usage(self):
        for args in (["--colour"], ["--pcr"], [GOOD, GOOD]):
            assert run("document", *args).returncode == UNCHECKED
        assert run("nothing").returncode == UNCHECKED
        assert run().returncode == UNCHECKED
        for command in ("document", "response", "health"):
            done = run(command, "--help")
            assert done.returncode == 0 and b"usage: nacre verify " + command.encode() in done.stdout


class TestClock:
    @pytest.mark.parametrize("when", ["2025-01-01T00:00:00Z", "2025-01-01T00:00:00.999z", "2025-01-01 00:00:00Z",
                                      "2025-01-01T05:29:59.5+05:30", "2024-12-31T23:30:00-00:30", "1735689600123"])
    def test_times(self, when):
        document(VERIFIED, GOOD, "--signature-only", "--at", when, says="the given time")

    @pytest.mark.parametrize("when", ["", "yesterday", "2025-01-01", "2025-01-01T00:00:00", "2025-02-30T00:00:00Z",
                                      "2025-01-01T24:00:00Z", "2025-01-01T00:60:00Z", "2025-01-01T00:00:00.Z", "0",
                                      "2025-01-01T00:00:00Zulu", "2025-01-01T00:00:00+24:00", "-1", "1e12",
                                      "253402300800000", "99999999999999999999", "1969-12-31T23:59:59Z"])
    def test_no_times(self, when):
        document(UNCHECKED, GOOD, "--signature-only", "--at", when, says="--at is")

    def test_now(self):
        document(REFUSED, GOOD, "--signature-only", says="(now)")
        document(REFUSED, GOOD, "--signature-only", "--at", "now", says="\"test enclave\" expired at 2025-01-01T03:00:00.000Z")

    def test_max_age(self):
        at = ["--at", str(d.TIME_MS + 5000)]
        document(VERIFIED, GOOD, "--signature-only", *at, "--max-age", "5")
        document(REFUSED, GOOD, "--signature-only", *at, "--max-age", "4", says="FAIL  document age")
        document(UNCHECKED, GOOD, "--signature-only", *AT, "--max-age", "5", says="document's own clock")
        for bad in ("0", "-1", "1.5", "1000000001", ""):
            document(UNCHECKED, GOOD, "--signature-only", *at, "--max-age", bad, says="--max-age is")


class TestJson:
    def test_verified(self):
        found = json.loads(document(VERIFIED, GOOD, *AT, "--json", "--pcr", "0=" + PCR[0]))
        assert found["verified"] is True and found["signature_only"] is False
        assert found["verified_at_ms"] == d.TIME_MS
        assert all(c["passed"] is True and c["subject"] == "document" for c in found["checks"])
        assert found["checks"][-1] == {"subject": "document", "name": "PCR0", "passed": True, "expected": PCR[0],
                                       "actual": PCR[0]}
        assert found["document"] == {
            "module_id": "i-0123456789abcdef0-enc0123456789abcdef", "timestamp_ms": d.TIME_MS,
            "pcrs": {str(i): value for i, value in PCR.items()}, "public_key": bytes(range(32)).hex(),
            "user_data": b"user data".hex(), "nonce": b"nonce".hex(), "tls_key": None}

    def test_null_and_empty(self):
        found = json.loads(document(VERIFIED, MADE / "good-null-fields.cbor", *AT, "--json", "--signature-only"))
        assert found["document"]["nonce"] is None
        found = json.loads(document(VERIFIED, MADE / "good-empty-fields.cbor", *AT, "--json", "--signature-only"))
        assert found["document"]["nonce"] == ""

    def test_refused(self):
        found = json.loads(document(REFUSED, GOOD, "--json", "--signature-only"))
        assert found["verified"] is False and found["document"] is None
        assert [c["name"] for c in found["checks"] if not c["passed"]] == ["validity"]

    def test_unchecked(self):
        found = json.loads(document(UNCHECKED, GOOD, *AT, "--json", says="could not check"))
        assert found["verified"] is None and "no PCR" in found["error"]


class Server(http.server.BaseHTTPRequestHandler):
    """An enclave's two routes, or what is in `pages` instead."""
    pages, nonces, queries = {}, [], []

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        nonce = urllib.parse.parse_qs(url.query).get("nonce", [None])[0]
        Server.nonces.append(nonce)
        Server.queries.append(url.query)
        page = Server.pages.get(url.path)
        status, body = page(nonce) if page else (404, b'{"error":"no such route"}')
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def attest(nonce, **fields):
    """A document of this moment."""
    now = int(time.time() * 1000)
    chain = d.default_chain()
    hours = (now - d.TIME_MS) / 3600000
    for cert in chain[1:]:
        cert.start, cert.end = hours - 1, hours + 1
    chain[0].end = 24 * 365 * 30
    fields = {"timestamp": now, "nonce": bytes.fromhex(nonce) if nonce else None,
              "public_key": bytes(KEY.verify_key), **fields}
    ders = d.issue(chain)
    return chain, (200, json.dumps({"attestation": d.seal(
        d.encode({**d.default_payload(ders), **fields}), signing_key=chain[-1].key()).hex()}).encode())


@pytest.fixture(scope="module")
def live_root(tmp_path_factory):
    chain, _ = attest(None)
    file = tmp_path_factory.mktemp("root") / "live.pem"
    file.write_bytes(d.pem(d.certificates(chain)[0]))
    return ["--root", str(file)]


@pytest.fixture
def server():
    health = {"pk": bytes(KEY.verify_key).hex(), "endpoints_status": {"api.example.com": True}}
    Server.nonces = []
    Server.pages = {"/get_attestation": lambda nonce: attest(nonce)[1],
                    "/health_check": lambda _: (200, json.dumps(health).encode())}
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_address[1]}"
    httpd.shutdown()
    thread.join()
    httpd.server_close()


WHO = ["--pcr", "0=" + PCR[0]]


class TestUrl:
    def test_fresh_nonce(self, server, live_root):
        for url in (server, server + "/", server + "/get_attestation", server + "/get_attestation?x=1"):
            out = check(VERIFIED, "document", url, *WHO, *live_root)
            assert f"nonce        {Server.nonces[-1]}" in out
        assert len(set(Server.nonces)) == 4 and all(len(nonce) == 64 for nonce in Server.nonces)

    def test_own_nonce(self, server, live_root):
        check(VERIFIED, "document", server, *WHO, *live_root, "--nonce", "aabb")
        assert Server.nonces == ["aabb"]

    def test_no_nonce(self, server, live_root):
        check(VERIFIED, "document", server, *WHO, *live_root, "--no-nonce")
        assert Server.nonces == [None]

    def test_fresh_nonce_is_no_policy(self, server, live_root):
        check(UNCHECKED, "document", server, *live_root, says="no PCR and no public key")

    def test_replayed_document(self, server, live_root):
        for nonce in (None, "aa" * 32):
            Server.pages["/get_attestation"] = lambda _, nonce=nonce: attest(nonce)[1]
            check(REFUSED, "document", server, *WHO, *live_root, says="FAIL  document nonce")

    def test_servers_that_fail(self, server, live_root):
        pages = {"status 500": lambda _: (500, b"{}"), "cannot fetch": lambda _: (200, b"a" * (1 << 21)),
                 "no CBOR": lambda _: (200, b"Pong!"), "status 302": lambda _: (302, b""), "empty": lambda _: (200, b"")}
        for says, page in pages.items():
            Server.pages["/get_attestation"] = page
            check(UNCHECKED, "document", server, *WHO, *live_root, says=says)
        check(UNCHECKED, "document", server + "/other", *WHO, *live_root, says="status 404")
        check(UNCHECKED, "document", "http://127.0.0.1:1", *WHO, *live_root, says="cannot fetch")
        check(UNCHECKED, "document", "http://", *WHO, *live_root, says="is no URL")
        check(UNCHECKED, "document", server.replace("http:", "https:"), *WHO, *live_root, says="cannot fetch")


class TestBatch:
    """A document that is shared: the answer says how the nonce leads to the one in it."""
    others = [b"%d" % i * (i + 1) for i in range(6)]

    def answer(self, nonce, place=3, change=lambda answer: None, root_of=nacre_batch.root):
        nonces = self.others[:place] + [bytes.fromhex(nonce)] + self.others[place:]
        path = nacre_batch.path(place, [nacre_batch.leaf(n) for n in nonces])
        answer = json.loads(attest(root_of(nonces).hex())[1][1])
        answer["batch"] = {"size": len(nonces), "index": place, "path": [h.hex() for h in path]}
        change(answer)
        return 200, json.dumps(answer).encode()

    def serve(self, **how):
        Server.pages["/get_attestation"] = lambda nonce: self.answer(nonce, **how)

    @pytest.mark.parametrize("place", range(7))
    def test_asked_for_and_checked(self, server, live_root, place):
        self.serve(place=place)
        out = check(VERIFIED, "document", server, *WHO, *live_root)
        assert "ok    document batch" in out and "ok    document nonce" in out
        assert Server.queries[-1] == f"nonce={Server.nonces[-1]}&batch=1"
        check(VERIFIED, "document", server + "/get_attestation?x=1", *WHO, *live_root, "--nonce", "aabb")
        assert Server.queries[-1] == "x=1&nonce=aabb&batch=1"

    def test_a_server_that_knows_no_batches(self, server, live_root):
        assert "batch" not in check(VERIFIED, "document", server, *WHO, *live_root)

    def test_not_shared_with_anybody(self, server, live_root):
        check(VERIFIED, "document", server, *WHO, *live_root, "--no-batch")
        assert Server.queries[-1] == f"nonce={Server.nonces[-1]}"
        self.serve()
        check(REFUSED, "document", server, *WHO, *live_root, "--no-batch", says="FAIL  document nonce")

    def test_kept_in_a_file(self, live_root, tmp_path):
        file = tmp_path / "document.json"
        file.write_bytes(self.answer("aabb")[1])
        check(VERIFIED, "document", file, *WHO, *live_root, "--nonce", "aabb")
        check(VERIFIED, "document", file, *WHO, *live_root)  # compared with nothing
        check(REFUSED, "document", file, *WHO, *live_root, "--nonce", "aabc", says="FAIL  document nonce")
        check(REFUSED, "document", file, *WHO, *live_root, "--nonce", self.others[0].hex(), says="FAIL  document nonce")
        check(REFUSED, "document", file, *WHO, *live_root, "--nonce", "aabb", "--no-batch", says="FAIL  document nonce")

    lies = {
        "index": (lambda b: b.update(index=b["index"] ^ 1), "FAIL  document nonce"),
        "size": (lambda b: b.update(size=b["size"] + 1), "FAIL  document nonce"),
        "large-size": (lambda b: b.update(size=65537), "FAIL  document batch"),
        "no-size": (lambda b: b.update(size=0), "FAIL  document batch"),
        "past-the-end": (lambda b: b.update(index=7), "FAIL  document batch"),
        "too-short": (lambda b: b["path"].pop(), "FAIL  document batch"),
        "too-long": (lambda b: b["path"].append("00" * 32), "FAIL  document batch"),
        "too-deep": (lambda b: b["path"].extend(["00" * 32] * 1000), "FAIL  document batch"),
        "twice": (lambda b: b["path"].insert(0, b["path"][0]), "FAIL  document batch"),
        "other-order": (lambda b: b["path"].reverse(), "FAIL  document nonce"),
        "another-hash": (lambda b: b["path"].__setitem__(1, "00" * 32), "FAIL  document nonce"),
        "empty": (lambda b: b.update(size=1, index=0, path=[]), "FAIL  document nonce"),
    }

    @pytest.mark.parametrize("lie", lies)
    def test_lies(self, server, live_root, lie):
        change, says = self.lies[lie]
        self.serve(change=lambda answer: change(answer["batch"]))
        check(REFUSED, "document", server, *WHO, *live_root, says=says)

    forms = {
        "null": lambda a: a.update(batch=None), "list": lambda a: a.update(batch=[]), "none": lambda a: a["batch"].clear(),
        "no-path": lambda a: a["batch"].pop("path"), "path-text": lambda a: a["batch"].update(path="00" * 32),
        "number": lambda a: a["batch"]["path"].append(1), "short-hash": lambda a: a["batch"]["path"].append("00" * 31),
        "no-hex": lambda a: a["batch"]["path"].append("zz" * 32), "size-text": lambda a: a["batch"].update(size="7"),
        "negative": lambda a: a["batch"].update(index=-1), "fraction": lambda a: a["batch"].update(size=7.5),
        "huge": lambda a: a["batch"].update(size=1 << 64),
    }

    @pytest.mark.parametrize("form", forms)
    def test_bad_forms(self, server, live_root, form):
        self.serve(change=self.forms[form])
        check(UNCHECKED, "document", server, *WHO, *live_root)

    def test_the_key_twice(self, server, live_root):
        Server.pages["/get_attestation"] = lambda nonce: (200, self.answer(nonce)[1][:-1] + b',"batch":{}}')
        check(REFUSED, "document", server, *WHO, *live_root, says="FAIL  document nonce")

    def test_of_somebody_else(self, server, live_root):
        """A right answer to another's question."""
        Server.pages["/get_attestation"] = lambda _: self.answer("aabb")
        check(REFUSED, "document", server, *WHO, *live_root, says="FAIL  document nonce")

    def test_another_tree(self, server, live_root):
        """Hashes without the words that tell ours from others."""
        def plain(nonces):
            level = [hashlib.sha256(b"\0" + n).digest() for n in nonces]
            while len(level) > 1:
                level = [hashlib.sha256(b"\1" + b"".join(level[i:i + 2])).digest() for i in range(0, len(level), 2)]
            return level[0]
        self.serve(root_of=plain)
        check(REFUSED, "document", server, *WHO, *live_root, says="FAIL  document nonce")

    def test_everything_else_is_still_checked(self, server, live_root):
        self.serve()
        check(REFUSED, "document", server, "--pcr", "0=" + "00" * 48, *live_root, says="FAIL  document PCR0")
        check(VERIFIED, "health", server, *WHO, *live_root)


class TestHealth:
    def test_good(self, server, live_root):
        out = check(VERIFIED, "health", server, *WHO, *live_root)
        assert f"ok    health pk           {bytes(KEY.verify_key).hex()}\n" in out
        assert 'endpoints   {"api.example.com": true}' in out
        found = json.loads(check(VERIFIED, "health", server, *WHO, *live_root, "--json"))
        assert found["verified"] is True and found["endpoints_status"] == {"api.example.com": True}

    def test_below_a_path(self, server, live_root):
        Server.pages = {"/v1" + path: page for path, page in Server.pages.items()}
        check(VERIFIED, "health", server + "/v1", *WHO, *live_root)
        check(VERIFIED, "health", server + "/v1/", *WHO, *live_root)

    def test_other_key(self, server, live_root):
        Server.pages["/health_check"] = lambda _: (200, json.dumps({"pk": "ab" * 32}).encode())
        check(REFUSED, "health", server, *WHO, *live_root, says="FAIL  health pk           " + "ab" * 32)

    def test_second_name(self, server, live_root):
        pk = bytes(KEY.verify_key).hex()
        Server.pages["/health_check"] = lambda _: (200, json.dumps({"pk": pk, "public_key": pk}).encode())
        check(VERIFIED, "health", server, *WHO, *live_root)
        Server.pages["/health_check"] = lambda _: (200, json.dumps({"pk": pk, "public_key": "ab" * 32}).encode())
        check(REFUSED, "health", server, *WHO, *live_root, says="FAIL  health public_key")

    def test_document_without_key(self, server, live_root):
        Server.pages["/get_attestation"] = lambda nonce: attest(nonce, public_key=None)[1]
        check(REFUSED, "health", server, *WHO, *live_root, says="no key of 32 bytes")

    def test_refused_document(self, server, live_root):
        out = check(REFUSED, "health", server, "--pcr", "0=" + PCR[1], *live_root, says="FAIL  document PCR0")
        assert "health pk" not in out

    def test_bad_health(self, server, live_root):
        for body in (b"Pong!", b"{}", b'{"pk":1}', b'{"pk":"abcd"}', b'{"pk":"%s"}' % (b"x" * 64),
                     b'{"pk":"00","pk":"00"}'):
            Server.pages["/health_check"] = lambda _, body=body: (200, body)
            check(UNCHECKED, "health", server, *WHO, *live_root, says="could not check")

    def test_terminal_is_safe(self, server, live_root):
        pk = bytes(KEY.verify_key).hex()
        body = '{"pk":"%s","endpoints_status":{\n"\x7f\u009b2J":true}}' % pk
        Server.pages["/health_check"] = lambda _: (200, body.encode())
        out = check(VERIFIED, "health", server, *WHO, *live_root)
        assert 'endpoints   {?"???2J":true}\n' in out

    def test_empty_policy(self, server, live_root):
        check(UNCHECKED, "health", server, *live_root, says="no PCR and no public key")

    def test_no_url(self):
        check(UNCHECKED, "health", "enclave.example.com", *WHO, says="is no URL")
        check(UNCHECKED, "health", *WHO, says="is no URL")


def signed(intent=3, timestamp=d.TIME_MS, data=b"\x01\x02"):
    return KEY.sign(bytes([intent]) + timestamp.to_bytes(8, "little") + data).signature.hex()


class TestResponse:
    key = bytes(KEY.verify_key).hex()

    def words(self, **changes):
        words = {"key": self.key, "bcs": "0102", "signature": signed(), "intent": "3", "timestamp": str(d.TIME_MS)}
        words.update(changes)
        return [word for name, value in words.items() if value is not None for word in ("--" + name, value)]

    def test_words(self, tmp_path):
        check(VERIFIED, "response", *self.words())
        file = tmp_path / "data.bcs"
        file.write_bytes(b"\x01\x02")
        check(VERIFIED, "response", *self.words(bcs=str(file)))
        big = signed(255, 2**64 - 1, b"")
        check(VERIFIED, "response", *self.words(signature=big, intent="255", timestamp=str(2**64 - 1), bcs=""))

    def test_refused(self):
        for changes in ({"key": "ab" * 32}, {"bcs": "0103"}, {"signature": signed(4)}, {"intent": "4"},
                        {"timestamp": "1735689600124"}):
            check(REFUSED, "response", *self.words(**changes), says="FAIL  response signature")

    def test_unchecked(self):
        for changes in ({"key": None}, {"key": "ab"}, {"bcs": None}, {"bcs": "none-such"}, {"signature": None},
                        {"signature": "ab"}, {"intent": None}, {"intent": "256"}, {"intent": "-1"}, {"timestamp": None},
                        {"timestamp": str(2**64)}, {"timestamp": "1.5"}, {"document": GOOD}):
            check(UNCHECKED, "response", *self.words(**changes), says="could not check")

    def test_age(self):
        at = ["--at", str(d.TIME_MS + 60000)]
        check(VERIFIED, "response", *self.words(), *at, "--max-response-age", "60")
        check(REFUSED, "response", *self.words(), *at, "--max-response-age", "59", says="FAIL  response age")
        check(REFUSED, "response", *self.words(), "--max-response-age", "59", says="FAIL  response age")
        check(UNCHECKED, "response", *self.words(), *AT, "--max-response-age", "59", says="clock")

    @pytest.fixture
    def answer(self, tmp_path):
        file = tmp_path / "answer.json"
        file.write_text(json.dumps({"response": {"intent": 3, "timestamp_ms": d.TIME_MS, "data": {"a": [1, 2]}},
                                    "signature": signed()}))
        return file

    def test_file(self, answer):
        out = check(VERIFIED, "response", answer, "--key", self.key, "--bcs", "0102", "--intent", "3")
        assert "not compared" in out
        check(REFUSED, "response", answer, "--key", self.key, "--bcs", "0102", "--intent", "4", says="FAIL  response intent")
        check(REFUSED, "response", answer, "--key", self.key, "--bcs", "0201", says="FAIL  response signature")
        check(UNCHECKED, "response", answer, *self.words(), says="leave --signature")

    def test_bad_files(self, answer):
        good = answer.read_text()
        for old, new in (('"intent": 3', '"intent": 256'), ('"intent": 3', '"intent": 3.0'), ('"intent": 3', '"intent": "3"'),
                         ('"timestamp_ms"', '"time"'), ('"response"', '"answer"'), ('"signature"', '"sig"'),
                         ('"intent": 3', '"intent": 3, "intent": 3'), (signed()[:2], ""), ("}", "", )):
            answer.write_text(good.replace(old, new, 1))
            check(UNCHECKED, "response", answer, "--key", self.key, "--bcs", "0102", says="could not check")

    def test_document(self, answer, tmp_path):
        file = tmp_path / "document"
        file.write_bytes(d.document(change=lambda p: p.update(public_key=bytes(KEY.verify_key))))
        root = tmp_path / "root.der"
        root.write_bytes(d.issue(d.default_chain())[0])
        more = ["--bcs", "0102", "--root", root, *AT]
        out = check(VERIFIED, "response", answer, "--document", file, *WHO, *more)
        assert "ok    document chain" in out and "ok    response signature" in out
        check(REFUSED, "response", answer, "--document", GOOD, *WHO, "--bcs", "0102", *ROOT, *AT,
              says="FAIL  response signature")
        out = check(REFUSED, "response", answer, "--document", file, "--pcr", "0=" + PCR[1], *more, says="FAIL  document PCR0")
        assert "response signature" not in out
        check(UNCHECKED, "response", answer, "--document", file, *more, says="no PCR and no public key")
        file.write_bytes(d.document(change=lambda p: p.update(public_key=None)))
        check(REFUSED, "response", answer, "--document", file, *WHO, *more, says="FAIL  response key")

    def test_real_answer(self, tmp_path):
        vector = SHARED / "vectors" / "signed-response-weather.json"
        if not vector.exists():
            pytest.skip("no ../shared/vectors: the real answer is not verified")
        found = json.loads(vector.read_text())
        answer = tmp_path / "weather.json"
        answer.write_text(json.dumps(found["response"]))
        args = ["--document", SHARED / "vectors" / "attestation" / found["attestation"], "--at", found["verify_at_ms"],
                "--intent", "0"] + [word for i in range(3) for word in ("--pcr", f"{i}={found['pcrs'][str(i)]}")]
        bcs = found["signed_bytes"][18:]
        check(VERIFIED, "response", answer, "--bcs", bcs, *args)
        check(REFUSED, "response", answer, "--bcs", bcs.replace("0d0000", "0e0000"), *args, says="FAIL  response signature")
