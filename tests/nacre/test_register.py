"""`nacre register` and `nacre verify chain`: a `sui` that records what it is asked, and a server that plays GraphQL."""

import base64
import contextlib
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import urllib.request

import cbor2
import pytest
from tool import WAIT, Dev, nacre

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402

DONE, REFUSED, UNCHECKED = 0, 1, 2
PACKAGE, APP, CONFIG, CAP = "0x" + "e1" * 32, "0x" + "a2" * 32, "0x" + "c3" * 32, "0x" + "d4" * 32
IDS = ["--enclave-package", PACKAGE, "--app-package", APP, "--module", "media", "--otw", "MEDIA"]
TYPE = f"{APP}::media::MEDIA"
SUI = '''#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done > "$SUI_LOG.$$"
mv "$SUI_LOG.$$" "$SUI_LOG.$(ls "$SUI_LOG".[0-9] 2>/dev/null | wc -l)"
exit "$SUI_EXIT"
'''


class Enclave:
    def __init__(self, dev, folder):
        self.url, _, self.root, _ = dev.ready()
        with urllib.request.urlopen(self.url + "/get_attestation", timeout=WAIT) as answer:
            self.raw = bytes.fromhex(json.loads(answer.read())["attestation"])
        self.document = folder / "document"
        self.document.write_bytes(self.raw)
        self.found = cbor2.loads(cbor2.loads(self.raw)[2])["pcrs"]
        self.pcrs = folder / "app.pcrs"
        self.pcrs.write_text("# measured\n" + "".join(f"{self.found[i].hex()} PCR{i}\n" for i in range(3)))
        self.policy = ["--pcrs", self.pcrs, "--root", self.root]
        self.from_file = ["--document", self.document, *self.policy]


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    with Dev(folder, "--listen", "127.0.0.1:0", "--app", "media") as dev:
        yield Enclave(dev, folder)


class Sui:
    """A directory for PATH with a `sui` in it, and what that was called with."""

    def __init__(self, folder):
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.log = folder / "called"
        (self.bin / "sui").write_text(SUI)
        (self.bin / "sui").chmod(0o755)

    def run(self, *args, exits=0):
        env = dict(os.environ, PATH=f"{self.bin}:{os.environ['PATH']}", SUI_LOG=str(self.log), SUI_EXIT=str(exits))
        return nacre("register", *args, env=env)

    def calls(self):
        return [path.read_text().splitlines() for path in sorted(self.log.parent.glob("called.[0-9]"))]


@pytest.fixture
def sui(tmp_path):
    return Sui(tmp_path)


def octets(word):
    """What stands in "vector[1u8,2u8]"."""
    assert word.startswith("vector[") and word.endswith("]"), word
    items = word[len("vector["):-1].split(",")
    assert all(item.endswith("u8") for item in items), word
    return bytes(int(item[:-2]) for item in items)


def check_register(words, document=None):
    assert words[:4] == ["client", "ptb", "--assign", "v"]
    assert document is None or octets(words[4]) == document
    assert words[5:] == ["--move-call", "0x2::nitro_attestation::load_nitro_attestation", "v", "@0x6", "--assign", "result",
                         "--move-call", f"{PACKAGE}::enclave::register_enclave<{TYPE}>", f"@{CONFIG}", "result",
                         "--gas-budget", "100000000"]
    return octets(words[4])


def check_update(words, media):
    assert words[:6] == ["client", "ptb", "--move-call", f"{PACKAGE}::enclave::update_pcrs<{TYPE}>", f"@{CONFIG}", f"@{CAP}"]
    assert [octets(word) for word in words[6:9]] == [media.found[i] for i in range(3)]
    assert words[9:] == ["--gas-budget", "100000000"]


class TestRegister:
    def test_run(self, media, sui):
        code, out, err = sui.run(*media.from_file, *IDS, "--config", CONFIG, "--run")
        assert (code, out) == (DONE, b""), err
        (words,) = sui.calls()
        check_register(words, media.raw)

    def test_run_from_the_live_enclave(self, media, sui):
        code, _, err = sui.run("--url", media.url, *media.policy, *IDS, "--config", CONFIG, "--update-pcrs", "--cap", CAP, "--run")
        assert code == DONE, err
        first, second = sui.calls()
        check_update(first, media)
        payload = cbor2.loads(cbor2.loads(check_register(second))[2])
        assert payload["pcrs"] == media.found and len(payload["nonce"]) == 32

    def test_printed_lines_are_what_is_run(self, media, sui):
        code, out, err = sui.run(*media.from_file, *IDS, "--config", CONFIG, "--update-pcrs", "--cap", CAP)
        assert code == DONE and not sui.calls(), err
        env = dict(os.environ, PATH=f"{sui.bin}:{os.environ['PATH']}", SUI_LOG=str(sui.log), SUI_EXIT="0")
        subprocess.run(["sh", "-e", "-c", out.decode()], check=True, env=env, timeout=WAIT)
        first, second = sui.calls()
        check_update(first, media)
        check_register(second, media.raw)

    def test_create(self, media, sui):
        code, _, err = sui.run(*media.from_file, *IDS, "--create", "--cap", CAP, "--name", "it's new; $(id)", "--gas-budget", "7",
                               "--run")
        assert code == DONE, err
        (words,) = sui.calls()
        assert words[:4] == ["client", "ptb", "--move-call", f"{PACKAGE}::enclave::create_enclave_config<{TYPE}>"]
        assert words[4:6] == [f"@{CAP}", '"it\'s new; $(id)"']
        assert [octets(word) for word in words[6:9]] == [media.found[i] for i in range(3)]
        assert words[9:] == ["--gas-budget", "7"]

    def test_stops_at_the_first_that_fails(self, media, sui):
        code, _, err = sui.run(*media.from_file, *IDS, "--config", CONFIG, "--update-pcrs", "--cap", CAP, "--run", exits=3)
        assert code == UNCHECKED and "exit code 3" in err and len(sui.calls()) == 1

    def test_no_sui(self, media, tmp_path):
        code, _, err = nacre("register", *media.from_file, *IDS, "--config", CONFIG, "--run",
                             env=dict(os.environ, PATH=str(tmp_path)))
        assert code == UNCHECKED and "cannot run sui" in err

    def refused(self, sui, *args, says):
        for more in ([], ["--run"]):
            code, out, err = sui.run(*args, *IDS, "--config", CONFIG, *more)
            assert code == REFUSED and says in err and out == b"" and not sui.calls(), err

    def test_other_pcrs_are_refused(self, media, sui, tmp_path):
        for i in range(3):
            bad = tmp_path / "bad.pcrs"
            bad.write_text("".join(f"{'ab' * 48 if k == i else media.found[k].hex()} PCR{k}\n" for k in range(3)))
            self.refused(sui, "--document", media.document, "--root", media.root, "--pcrs", bad, says=f"FAIL  document PCR{i}")

    def test_another_root_is_refused(self, media, sui):
        self.refused(sui, "--document", media.document, "--pcrs", media.pcrs, says="FAIL  document root")

    def test_a_changed_document_is_refused(self, media, sui, tmp_path):
        file = tmp_path / "changed"
        file.write_bytes(media.raw[:-1] + bytes([media.raw[-1] ^ 1]))
        self.refused(sui, "--document", file, *media.policy, says="FAIL  document signature")

    def test_debug_is_refused(self, sui, tmp_path):
        """A simulator in debug mode: its PCR0 to PCR2 are zero, and so are those that someone expects."""
        with harness.Runtime("media", sim=["--debug"]) as runtime:
            zero = tmp_path / "zero.pcrs"
            zero.write_text("".join(f"{'00' * 48} PCR{i}\n" for i in range(3)))
            url = "http://%s:%d" % runtime.address
            self.refused(sui, "--url", url, "--root", runtime.root_path, "--pcrs", zero, says="FAIL  document debug")

    def test_usage(self, media, sui, tmp_path):
        two = tmp_path / "two.pcrs"
        two.write_text("".join(f"{media.found[i].hex()} PCR{i}\n" for i in range(2)))
        good = [*media.from_file, *IDS, "--config", CONFIG]
        for args, says in (([*good, "--allow-debug"], "for looking"), ([*good, "--signature-only"], "for looking"),
                           ([*good, "--at", "document"], "for looking"), ([*good, "--update-pcrs"], "--cap is missing"),
                           ([*good, "--url", media.url], "give one of them"), ([*good, "--create", "--cap", CAP], "--create"),
                           ([*media.from_file, *IDS], "--config is missing"), ([*good, "--config", "c3"], "--config is 'c3'"),
                           ([*good, "--otw", "A;B"], "--otw is"), ([*good, "--gas-budget", "-1"], "--gas-budget"),
                           ([*good, "--module", "0x1"], "--module is"), ([*good, "extra"], "no option"),
                           (["--document", media.document, "--root", media.root, "--pcrs", two, *IDS, "--config", CONFIG], "all three"),
                           (["--document", media.document, "--root", media.root, *IDS, "--config", CONFIG], "no PCR and no public key")):
            code, out, err = sui.run(*args, "--run")
            assert code == UNCHECKED and says in err and out == b"" and not sui.calls(), (args, err)


SUI_JSON = '''#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done > "$SUI_LOG.$$"
mv "$SUI_LOG.$$" "$SUI_LOG.$(ls "$SUI_LOG".[0-9] 2>/dev/null | wc -l)"
case "$*" in *--json*) cat "$SUI_LOG.answer" ;; esac
exit "$SUI_EXIT"
'''
ENCLAVE, PROTOCOL = "0x" + "f5" * 32, "0x" + "b6" * 32


def made(*changes):
    return json.dumps({"digest": "x", "objectChanges": list(changes), "effects": {"a": [1, {"b": None}]}})


class TestCanonical:
    """A contract that takes one enclave's answers: register, then switch to the object that this has made."""
    GAS = {"type": "mutated", "objectType": "0x2::coin::Coin<0x2::sui::SUI>", "objectId": "0x1"}
    NEW = {"type": "created", "sender": "0x1", "owner": {"Shared": {"initial_shared_version": 5}},
           "objectType": f"{PACKAGE}::enclave::Enclave<{TYPE}>", "objectId": ENCLAVE, "version": "5"}

    def run(self, media, sui, answer, *more, **how):
        (sui.bin / "sui").write_text(SUI_JSON)
        (sui.log.parent / "called.answer").write_text(answer)
        return sui.run(*media.from_file, *IDS, "--config", CONFIG, "--canonical", PROTOCOL, *more, **how)

    def check_switch(self, words, enclave=ENCLAVE):
        assert words == ["client", "ptb", "--move-call", f"{APP}::media::update_canonical_enclave", f"@{PROTOCOL}",
                         f"@{enclave}", "@0x6", "--gas-budget", "100000000"]

    @pytest.mark.parametrize("before", ["", "[warning] client and server differ\n"])
    def test_run(self, media, sui, before):
        code, out, err = self.run(media, sui, before + made(self.GAS, self.NEW), "--run")
        assert code == DONE and ENCLAVE in out.decode(), err
        first, second = sui.calls()
        assert first[-1] == "--json"
        check_register(first[:-1], media.raw)
        self.check_switch(second)

    def test_printed(self, media, sui):
        code, out, err = self.run(media, sui, "")
        assert code == DONE and not sui.calls(), err
        assert f"{APP}::media::update_canonical_enclave" in out.decode() and "@0xENCLAVE" in out.decode()
        commands = out.decode().replace("@0xENCLAVE", f"@{ENCLAVE}")
        env = dict(os.environ, PATH=f"{sui.bin}:{os.environ['PATH']}", SUI_LOG=str(sui.log), SUI_EXIT="0")
        subprocess.run(["sh", "-e", "-c", commands], check=True, env=env, timeout=WAIT)
        first, second = sui.calls()
        check_register(first, media.raw)
        self.check_switch(second)

    def test_nothing_is_switched_to_what_is_not_known(self, media, sui):
        other = dict(self.NEW, objectId="0x" + "f6" * 32)
        for answer in ("", "{", "[]", made(), made(self.GAS), made(self.NEW, other), made(dict(self.NEW, type="mutated")),
                       made(dict(self.NEW, objectId="f5")), made(dict(self.NEW, objectType=f"{PACKAGE}::enclave::Cap<{TYPE}>")),
                       made(self.NEW)[:-1], json.dumps({"objectChanges": {"a": self.NEW}})):
            for file in sui.log.parent.glob("called.[0-9]"):
                file.unlink()
            code, _, err = self.run(media, sui, answer, "--run")
            assert code == UNCHECKED and "the switch is yours" in err and len(sui.calls()) == 1, (answer, err)

    def test_a_registration_that_fails(self, media, sui):
        code, _, err = self.run(media, sui, made(self.NEW), "--run", exits=4)
        assert code == UNCHECKED and "exit code 4" in err and len(sui.calls()) == 1

    def test_usage(self, media, sui):
        code, out, err = sui.run(*media.from_file, *IDS, "--config", CONFIG, "--canonical", "b6")
        assert code == UNCHECKED and "--canonical is 'b6'" in err and not out, err
        code, _, err = sui.run(*media.from_file, *IDS, "--create", "--cap", CAP, "--canonical", PROTOCOL)
        assert code == UNCHECKED and "--canonical out" in err


def uleb(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + uleb(n >> 7)


def config_bcs(pcrs, name="app"):
    vectors = b"".join(uleb(len(pcr)) + pcr for pcr in pcrs)
    return bytes(32) + uleb(len(name)) + name.encode() + vectors + bytes(32) + (5).to_bytes(8, "little")


@contextlib.contextmanager
def graphql(contents, status=200, raw=None):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            found = None if contents is None else {"version": 7, "asMoveObject": {"contents": contents}}
            body = raw if raw is not None else json.dumps({"data": {"object": found}}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/graphql", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class TestChain:
    PCRS = [bytes([i + 1]) * 48 for i in range(3)]

    @pytest.fixture
    def file(self, tmp_path):
        file = tmp_path / "app.pcrs"
        file.write_text("# PCR0 of old: " + "\n" + "".join(f"{pcr.hex().upper()} PCR{i}\n" for i, pcr in enumerate(self.PCRS))
                        + f"{'77' * 48} PCR16\n")
        return file

    def contents(self, pcrs=None, kind="enclave::EnclaveConfig", bcs=None):
        return {"type": {"repr": f"{PACKAGE}::{kind}<{TYPE}>"},
                "bcs": base64.b64encode(bcs if bcs is not None else config_bcs(pcrs or self.PCRS)).decode()}

    def check(self, code, url, file, *more, says=""):
        got, out, err = nacre("verify", "chain", "--config", CONFIG, "--pcrs", file, "--graphql", url, *more)
        assert got == code and says in out.decode() + err, out.decode() + err
        return out.decode()

    def test_same(self, file):
        with graphql(self.contents()) as (url, asked):
            out = self.check(DONE, url, file)
            assert out.count("ok    config PCR") == 3 and self.PCRS[2].hex() in out
            assert json.loads(self.check(DONE, url, file, "--json"))["verified"] is True
        assert asked[0]["variables"] == {"id": CONFIG}
        assert "object(address:$id)" in asked[0]["query"]

    def test_other_pcrs(self, file):
        for i in range(3):
            pcrs = list(self.PCRS)
            pcrs[i] = bytes(48)
            with graphql(self.contents(pcrs)) as (url, _):
                self.check(REFUSED, url, file, says=f"FAIL  config PCR{i}")
        with graphql(self.contents([b"", b"", b""])) as (url, _):
            self.check(REFUSED, url, file, says="0 bytes")

    def test_another_type(self, file):
        with graphql(self.contents(kind="enclave::Enclave")) as (url, _):
            self.check(REFUSED, url, file, says="FAIL  config type")

    def test_unchecked(self, file, tmp_path):
        good = config_bcs(self.PCRS)
        for contents in (None, {}, {"type": {"repr": "x"}}, self.contents() | {"bcs": "!"}, self.contents(bcs=good[:-1]),
                         self.contents(bcs=good + b"\0"), self.contents(bcs=b""), self.contents(bcs=bytes(5000))):
            with graphql(contents) as (url, _):
                self.check(UNCHECKED, url, file, says="could not check")
        for options in ({"status": 500}, {"raw": b""}, {"raw": b"<html>"}, {"raw": b'{"errors":[{"message":"no"}]}'}):
            with graphql(self.contents(), **options) as (url, _):
                self.check(UNCHECKED, url, file, says="could not check")
        with graphql(self.contents()) as (url, asked):
            two = tmp_path / "two.pcrs"
            two.write_text("".join(f"{pcr.hex()} PCR{i}\n" for i, pcr in enumerate(self.PCRS[:2])))
            self.check(UNCHECKED, url, two, says="has no PCR2")
            self.check(UNCHECKED, url, file, "extra", says="nothing besides")
            self.check(UNCHECKED, "file:///etc/passwd", file, says="http://")
            self.check(UNCHECKED, url, file, "--config", "0x1\"", says="hex digits")
            assert not asked
