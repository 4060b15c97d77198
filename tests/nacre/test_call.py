"""`nacre call` against a live runtime, honest and behind a server that changes what passes through it."""

import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import pty
import re
import shlex
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import nacl.signing
import pytest
from tool import BIN, OUT, WAIT, Dev, nacre

sys.path.insert(0, str(pathlib.Path(__file__).parent / "gen"))
from values import EMPTY, FULL, LONG, TIME, App, KEY  # noqa: E402

SOURCE = pathlib.Path(os.environ.get("NACRE_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
SHARED = pathlib.Path(os.environ.get("NACRE_SHARED", SOURCE / ".." / "shared"))
MEDIA = OUT / "plugins" / "media" / "media.so"
ALLTYPES = OUT / "tests" / "gen" / "alltypes.so"
VERIFIED, REFUSED, UNCHECKED = 0, 1, 2
HASH = hashlib.sha256(b"a picture").hexdigest()
BODY = json.dumps({"payload": {"media_hash": HASH, "metadata": "caf\u00e9 \"1\""}})


def pcrs_of(url, root):
    code, out, err = nacre("verify", "document", url, "--root", root, "--signature-only", "--json")
    assert code == VERIFIED, err
    return json.loads(out)["document"]["pcrs"]


class Enclave:
    def __init__(self, dev, folder):
        self.url, self.key, self.root, _ = dev.ready()
        self.found = pcrs_of(self.url, self.root)
        self.pcrs = folder / "app.pcrs"
        self.pcrs.write_text("".join(f"{self.found[str(i)]} PCR{i}\n" for i in range(3)))

    def call(self, code, *args, url=None, policy=None, says=""):
        """The exit code, and what is said on stderr. Returns stdout, which is empty unless the answer is verified."""
        policy = ["--pcrs", self.pcrs, "--root", self.root] if policy is None else policy
        got, out, err = nacre("call", url or self.url, *args, *policy)
        assert got == code, f"{got}\n{out.decode()}\n{err}"
        assert says in err, err
        assert code == VERIFIED or out == b"" or "--json" in args, out
        return out.decode()


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    with Dev(folder, "--listen", "127.0.0.1:0", "--app", "media") as dev:
        yield Enclave(dev, folder)


@pytest.fixture(scope="module")
def alltypes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alltypes")
    with Dev(folder, "--listen", "127.0.0.1:0", "--plugin", ALLTYPES) as dev:
        yield Enclave(dev, folder)


@pytest.fixture(scope="module")
def types(tmp_path_factory):
    file = tmp_path_factory.mktemp("types") / "media.types"
    assert nacre("plugin", "types", MEDIA, "-o", file)[0] == 0
    return file


@contextlib.contextmanager
def between(target, change, delay=0.0):
    """A server that passes everything on: change(path, status, body) -> (status, body)."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def pass_on(self):
            length = int(self.headers.get("Content-Length") or 0)
            request = urllib.request.Request(target + self.path, method=self.command,
                                             data=self.rfile.read(length) if length else None,
                                             headers={"Content-Type": "application/json"} if length else {})
            try:
                with urllib.request.urlopen(request, timeout=WAIT) as answer:
                    status, body = answer.status, answer.read()
            except urllib.error.HTTPError as error:
                status, body = error.code, error.read()
            seen.append(self.path)
            status, body = change(self.path.partition("?")[0], status, body)
            if self.path.startswith("/process_data"):
                time.sleep(delay)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = pass_on

        def log_message(self, *_):
            pass

    seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class TestGood:
    def test_data_is_what_was_answered(self, media, types):
        for source in ([], ["--types", types], ["--plugin", MEDIA]):
            data = json.loads(media.call(VERIFIED, "/process_data", "-d", BODY, *source, says="checks passed; types from"))
            assert data == {"media_hash": list(bytes.fromhex(HASH)), "metadata": "caf\u00e9 \"1\""}

    def test_where_the_types_are_from_is_said(self, media, types):
        media.call(VERIFIED, "/process_data", "-d", BODY, says="/openapi.json, which nobody signs")
        media.call(VERIFIED, "/process_data", "-d", BODY, "--types", types, says=f"types from {types}")

    def test_body_from_file_and_stdin(self, media, tmp_path):
        file = tmp_path / "body.json"
        file.write_text(BODY)
        media.call(VERIFIED, "/process_data", "-d", f"@{file}")
        done = subprocess.run([BIN / "nacre", "call", media.url, "/process_data", "-d", "-", "--pcrs", media.pcrs, "--root",
                               media.root], input=BODY.encode(), capture_output=True, timeout=WAIT, check=False)
        assert done.returncode == VERIFIED and json.loads(done.stdout)["metadata"] == "caf\u00e9 \"1\""
        media.call(UNCHECKED, "/process_data", "-d", f"@{tmp_path}/none", says="No such file")

    def test_json(self, media):
        found = json.loads(media.call(VERIFIED, "/process_data", "-d", BODY, "--json"))
        assert found["verified"] is True and found["document"]["public_key"] == media.key
        answer = found["answer"]
        assert answer["response"]["intent"] == 0 and len(answer["signature"]) == 128
        assert {c["name"] for c in found["checks"] if c["subject"] == "response"} == {"encoding", "intent", "type", "signature"}
        assert "openapi" in found["types_from"]

    def test_attest(self, media):
        found = json.loads(media.call(VERIFIED, "/process_data?x=1", "-d", BODY, "--attest", "--json"))
        checks = {c["name"]: c["actual"] for c in found["checks"] if c["subject"] == "attest"}
        assert checks["public_key"] == media.key and len(checks["nonce"]) == 64
        first = {c["name"]: c["actual"] for c in found["checks"] if c["subject"] == "document"}
        assert first["nonce"] != checks["nonce"]

    @pytest.mark.parametrize("name", ["full", "empty", "long"])
    def test_every_type(self, alltypes, tmp_path, name):
        value = {"full": FULL, "empty": EMPTY, "long": LONG}[name]
        file = tmp_path / "body.json"
        file.write_text(json.dumps(value))
        for source in ([], ["--plugin", ALLTYPES]):
            assert json.loads(alltypes.call(VERIFIED, "/echo", "-d", f"@{file}", *source)) == value

    def test_method_and_path_parameters(self, alltypes):
        expected = {"town": "K\u00f6ln", "number": 2**64 - 1}
        for more in ([], ["-X", "get"]):
            assert json.loads(alltypes.call(VERIFIED, "/places/K%C3%B6ln/18446744073709551615", *more)) == expected
        measure = '{"value": 1.5, "note": null, "unit": {"name": "m", "factor": "1"}}'
        assert json.loads(alltypes.call(VERIFIED, "/measure", "-d", measure))["note"] == "null"

    def test_max_response_age(self, media):
        media.call(VERIFIED, "/process_data", "-d", BODY, "--max-response-age", "60")
        late = ["--pcrs", media.pcrs, "--root", media.root, "--at", str(int(time.time() * 1000) + 3600000)]
        media.call(REFUSED, "/process_data", "-d", BODY, "--max-response-age", "60", policy=late, says="FAIL  response age")


class TestRefused:
    def test_wrong_pcrs(self, media, tmp_path):
        bad = tmp_path / "bad.pcrs"
        bad.write_text(f"{'ab' * 48} PCR0\n")
        policy = ["--pcrs", bad, "--root", media.root]
        media.call(REFUSED, "/process_data", "-d", BODY, policy=policy, says="FAIL  document PCR0")
        policy = ["--pcr", f"8={'00' * 47}01", "--root", media.root]
        media.call(REFUSED, "/process_data", "-d", BODY, policy=policy, says="FAIL  document PCR8")

    def test_wrong_root(self, media):
        media.call(REFUSED, "/process_data", "-d", BODY, policy=["--pcrs", media.pcrs], says="FAIL  document root")

    def test_no_policy(self, media):
        media.call(UNCHECKED, "/process_data", "-d", BODY, policy=["--root", media.root], says="no PCR and no public key")
        media.call(VERIFIED, "/process_data", "-d", BODY, policy=["--root", media.root, "--signature-only"],
                   says="nothing is said about which code runs")

    def test_nothing_is_sent_to_an_enclave_that_is_not_verified(self, media):
        with between(media.url, lambda path, status, body: (status, body)) as (url, seen):
            media.call(REFUSED, "/process_data", "-d", BODY, url=url, policy=["--pcrs", media.pcrs])
            assert [path.partition("?")[0] for path in seen] == ["/get_attestation"]
            media.call(VERIFIED, "/process_data", "-d", BODY, url=url)
            assert seen[-1] == "/process_data"

    def answer(self, change):
        def inner(path, status, body):
            if path != "/process_data":
                return status, body
            answer = json.loads(body)
            change(answer)
            return status, json.dumps(answer).encode()
        return inner

    @pytest.mark.parametrize("check, change", [
        ("signature", lambda a: a["response"]["data"].update(metadata="cafe")),
        ("signature", lambda a: a["response"]["data"]["media_hash"].append(0)),
        ("signature", lambda a: a["response"].update(timestamp_ms=a["response"]["timestamp_ms"] + 1)),
        ("signature", lambda a: a.update(signature="00" * 64)),
        ("signature", lambda a: a.update(signature=nacl.signing.SigningKey.generate().sign(b"x").signature.hex())),
        ("intent", lambda a: a["response"].update(intent=9)),
        ("type", lambda a: a["response"]["data"].update(verdict="authentic")),
        ("type", lambda a: a["response"]["data"].pop("metadata")),
        ("encoding", lambda a: a.pop("signature")),
        ("encoding", lambda a: a["response"].update(verdict="authentic")),
        ("encoding", lambda a: a.pop("response")),
    ])
    def test_answer_changed(self, media, types, check, change):
        with between(media.url, self.answer(change)) as (url, _):
            media.call(REFUSED, "/process_data", "-d", BODY, "--types", types, url=url, says=f"FAIL  response {check}")
            out = media.call(REFUSED, "/process_data", "-d", BODY, "--types", types, "--json", url=url)
            assert json.loads(out)["verified"] is False and "answer" not in json.loads(out)

    def test_answer_with_a_key_twice(self, media, types):
        def twice(path, status, body):
            return status, body.replace(b'"metadata":', b'"metadata":"other","metadata":') if path == "/process_data" else body
        with between(media.url, twice) as (url, _):
            media.call(REFUSED, "/process_data", "-d", BODY, "--types", types, url=url, says="FAIL  response type")

    def test_document_changed(self, media):
        def flip(path, status, body):
            if path != "/get_attestation":
                return status, body
            raw = bytearray(bytes.fromhex(json.loads(body)["attestation"]))
            raw[-1] ^= 1
            return status, json.dumps({"attestation": raw.hex()}).encode()
        with between(media.url, flip) as (url, _):
            media.call(REFUSED, "/process_data", "-d", BODY, url=url, says="FAIL  document signature")

    def test_document_replayed(self, media):
        with urllib.request.urlopen(media.url + "/get_attestation", timeout=WAIT) as answer:
            old = answer.read()
        with between(media.url, lambda path, status, body: (status, old if path == "/get_attestation" else body)) as (url, _):
            media.call(REFUSED, "/process_data", "-d", BODY, url=url, says="FAIL  document nonce")

    def test_answer_of_another_enclave(self, media, types, tmp_path):
        with Dev(tmp_path, "--listen", "127.0.0.1:0", "--app", "media") as dev:
            other = Enclave(dev, tmp_path)
            request = urllib.request.Request(other.url + "/process_data", BODY.encode(), {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=WAIT) as answer:
                foreign = answer.read()
        with between(media.url, lambda path, status, body: (status, foreign if path == "/process_data" else body)) as (url, _):
            media.call(REFUSED, "/process_data", "-d", BODY, "--types", types, url=url, says="FAIL  response signature")

    def test_attestation_in_the_answer_replayed(self, media, types):
        with urllib.request.urlopen(media.url + "/get_attestation?nonce=00", timeout=WAIT) as answer:
            old = json.loads(answer.read())["attestation"]
        with between(media.url, self.answer(lambda a: a.update(attestation=old))) as (url, _):
            media.call(REFUSED, "/process_data", "-d", BODY, "--types", types, "--attest", url=url, says="FAIL  attest nonce")
        with between(media.url, self.answer(lambda a: a.pop("attestation"))) as (url, _):
            media.call(UNCHECKED, "/process_data", "-d", BODY, "--types", types, "--attest", url=url, says='no "attestation"')


class TestUnchecked:
    def test_errors_of_the_route(self, media):
        media.call(UNCHECKED, "/process_data", "-d", "{}", says="status 400: payload: missing")
        media.call(UNCHECKED, "/none", "-d", "{}", says="no route /none")
        media.call(UNCHECKED, "/none", "-d", "{}", "--plugin", MEDIA, says="status 404")

    def test_terminal_codes_of_a_server_are_not_passed_on(self, media, types):
        def rude(path, status, body):
            return (500, b'{"error":"\x1b[2Jgone"}') if path == "/process_data" else (status, body)
        with between(media.url, rude) as (url, _):
            media.call(UNCHECKED, "/process_data", "-d", BODY, "--types", types, url=url, says="?[2Jgone")

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"paths":{}}', b'{"paths":{"/process_data":{"post":{}}}}',
                                      b'{"paths":[' * 200, b"\xff" * 100])
    def test_bad_openapi(self, media, types, body):
        with between(media.url, lambda path, status, old: (status, body if path == "/openapi.json" else old)) as (url, _):
            media.call(UNCHECKED, "/process_data", "-d", BODY, url=url, says="could not check")
            media.call(VERIFIED, "/process_data", "-d", BODY, "--types", types, url=url)

    def test_openapi_that_refers_to_itself(self, media):
        def loop(path, status, body):
            if path != "/openapi.json":
                return status, body
            found = json.loads(body)
            found["components"]["schemas"]["MediaResponse"]["properties"]["metadata"] = {"$ref": "#/components/schemas/MediaResponse"}
            return status, json.dumps(found).encode()
        with between(media.url, loop) as (url, _):
            media.call(UNCHECKED, "/process_data", "-d", BODY, url=url, says="nested deeper")

    def test_usage(self, media, types):
        for args, says in ((["process_data"], "starts with '/'"), ([], "the route is ''"),
                           (["/process_data", "--types", types, "--plugin", MEDIA], "give one of them"),
                           (["/process_data", "--nonce", "00"], "its own nonce"), (["/process_data", "--timeout", "0"], "--timeout"),
                           (["/process_data", "-X", "A B"], "--method"), (["/process_data", "--ptb", "--json"], "--ptb"),
                           (["/process_data", "--types", "/none"], "No such file"), (["/process_data", "--package", "1"], "0x")):
            media.call(UNCHECKED, *args, says=says)
        media.call(UNCHECKED, "/process_data", url="ftp://127.0.0.1", says="no URL")
        media.call(UNCHECKED, "/process_data", url="http://127.0.0.1:1", says="cannot fetch")

    def test_timeout_and_progress_line(self, media, types):
        with between(media.url, lambda path, status, body: (status, body), delay=3) as (url, _):
            media.call(UNCHECKED, "/process_data", "-d", BODY, "--types", types, "--timeout", "1", url=url, says="timed out")
            args = [str(a) for a in (BIN / "nacre", "call", url, "/process_data", "-d", BODY, "--types", types, "--pcrs",
                                     media.pcrs, "--root", media.root)]
            ours, theirs = pty.openpty()
            with subprocess.Popen(args, stdout=subprocess.PIPE, stderr=theirs) as process:
                out, _ = process.communicate(timeout=WAIT)
            os.close(theirs)
            shown = b""
            with contextlib.suppress(OSError):  # a terminal gives some at a time, and ends with an error
                while some := os.read(ours, 65536):
                    shown += some
            shown = shown.decode()
            os.close(ours)
            assert json.loads(out)["metadata"] and process.returncode == VERIFIED
            assert re.search(r"waiting for /process_data: [12] s", shown), shown
            assert shown.index("\r\x1b[K", shown.rindex(" s, ")) < shown.index("verified:")
            assert "waiting" not in nacre(*args[1:])[2]


class TestPtb:
    def test_command(self, media):
        out = media.call(VERIFIED, "/process_data", "-d", BODY.replace("caf\\u00e9 \\\"1\\\"", "it's fine"), "--ptb", "--package",
                         "0xab", "--module", "media", "--function", "submit", "--enclave", "0xcd", "--type-args", "0xab::media::MEDIA")
        words = subprocess.run(["sh", "-c", 'sui() { printf "%s\\n" "$@"; }\n' + out], capture_output=True, text=True,
                               check=True, timeout=WAIT).stdout.splitlines()
        assert words[:4] == ["client", "ptb", "--assign", "sig"]
        assert len(words[4].removeprefix("vector[").removesuffix("]").split(",")) == 64
        octets = ",".join(f"{b}u8" for b in bytes.fromhex(HASH))
        assert words[5:9] == ["--move-call", "0xab::media::submit<0xab::media::MEDIA>", f"vector[{octets}]", '"it\'s fine"']
        assert re.fullmatch(r"[0-9]{13}u64", words[9]) and words[10:] == ["sig", "@0xcd", "--gas-budget", "100000000"]

    def test_placeholders_and_what_has_no_form(self, media, alltypes):
        plain = json.dumps({"payload": {"media_hash": HASH, "metadata": "m"}})
        assert "PACKAGE_ID::MODULE::FUNCTION" in media.call(VERIFIED, "/process_data", "-d", plain, "--ptb")
        media.call(UNCHECKED, "/process_data", "-d", BODY, "--ptb", says="needs escapes")
        alltypes.call(UNCHECKED, "/echo", "-d", json.dumps(EMPTY), "--ptb", says="struct Inner")
        words = shlex.split(alltypes.call(VERIFIED, "/places/K/7", "--ptb"), posix=True)
        assert words[words.index("PACKAGE_ID::MODULE::FUNCTION") + 1:][:2] == ["'K'", "7u64"]


class TestOffline:
    """`nacre verify response` with declared types, on answers that PyNaCl signed."""

    @pytest.fixture(scope="class")
    def app(self, tmp_path_factory):
        return App("alltypes", tmp_path_factory.mktemp("app"))

    @pytest.fixture(scope="class")
    def file(self, tmp_path_factory):
        file = tmp_path_factory.mktemp("types") / "alltypes.types"
        assert nacre("plugin", "types", ALLTYPES, "-o", file)[0] == 0
        return file

    def verify(self, code, answer, *args, says="", folder=None):
        path = folder / "answer.json"
        path.write_text(answer if isinstance(answer, str) else json.dumps(answer))
        got, out, err = nacre("verify", "response", path, *args)
        assert got == code and says in out.decode() + err, out.decode() + err

    @pytest.mark.parametrize("name", ["full", "empty", "long"])
    def test_every_type(self, app, file, tmp_path, name):
        answer = app.sign(7, {"full": FULL, "empty": EMPTY, "long": LONG}[name])
        key = ["--key", KEY.verify_key.encode().hex()]
        self.verify(VERIFIED, answer, *key, "--types", file, folder=tmp_path)
        self.verify(VERIFIED, json.dumps(answer, ensure_ascii=False, indent=1), *key, "--plugin", ALLTYPES, "--intent-name",
                    "EchoEverything", "--intent", "7", folder=tmp_path)
        self.verify(REFUSED, answer, *key, "--types", file, "--intent-name", "Measure", says="FAIL  response intent",
                    folder=tmp_path)
        self.verify(REFUSED, answer, *key, "--types", file, "--intent", "8", says="FAIL  response intent", folder=tmp_path)
        answer["response"]["data"]["huge"] ^= 1
        self.verify(REFUSED, answer, *key, "--types", file, says="FAIL  response signature", folder=tmp_path)

    def test_usage(self, app, file, tmp_path):
        answer = app.sign(0, {"bits": 2**64 - 1, "note": ""}, time=TIME)
        key = ["--key", KEY.verify_key.encode().hex()]
        self.verify(VERIFIED, answer, *key, "--types", file, folder=tmp_path)
        for args, says in ((key, "missing"), ([*key, "--types", file, "--bcs", "00"], "one of them"),
                           ([*key, "--bcs", "00", "--intent-name", "x"], "--intent-name"), (["--types", file], "one of them"),
                           ([*key, "--types", MEDIA], "type file")):
            self.verify(UNCHECKED, answer, *args, says=says, folder=tmp_path)
        assert nacre("verify", "response", *key, "--types", file)[0] == UNCHECKED

    def test_type_files_are_always_the_same(self, file):
        assert nacre("plugin", "types", ALLTYPES)[1] == file.read_bytes()
        assert json.loads(file.read_bytes())["nacre_types"] == 1

    def test_real_answer(self, tmp_path):
        vector = SHARED / "vectors" / "signed-response-weather.json"
        if not vector.exists():
            pytest.skip("no ../shared/vectors: the real answer is not verified")
        found = json.loads(vector.read_text())
        args = ["--document", SHARED / "vectors" / "attestation" / found["attestation"], "--at", found["verify_at_ms"],
                "--plugin", OUT / "plugins" / "weather" / "weather.so"]
        args += [word for i in range(3) for word in ("--pcr", f"{i}={found['pcrs'][str(i)]}")]
        self.verify(VERIFIED, found["response"], *args, "--intent-name", "ProcessData", folder=tmp_path)
        found["response"]["response"]["data"]["temperature"] = 14
        self.verify(REFUSED, found["response"], *args, says="FAIL  response signature", folder=tmp_path)
