"""The page against a live runtime, and against a server that plays one and lies."""
import hashlib
import json
import time

import documents as d
import nacl.signing
import pytest
from enclave import Enclave
from values import EMPTY, FULL, LONG

import harness
import nacre_batch

REPORT = {"report": {"jobId": "job 1", "mediaHash": "ab" * 32, "verdict": "clean"}}
KEY = nacl.signing.SigningKey(bytes(range(32)))


def measurements(runtime):
    """PCR16 and PCR17 from what was measured, the rest from a document: .pcrs lines."""
    digest = hashlib.sha384(runtime.plugin.read_bytes()).digest()
    pcr16 = hashlib.sha384(bytes(48) + digest).hexdigest()
    document = bytes.fromhex(runtime.get("/get_attestation").json["attestation"])
    pcrs = d.cbor2.loads(d.cbor2.loads(document)[2])["pcrs"]
    return f"{pcr16} PCR16\n{pcrs[17].hex()} PCR17\n" + "".join(f"{pcrs[i].hex()} PCR{i}\n" for i in range(3))


@pytest.fixture(scope="module")
def media():
    with harness.Runtime("media") as runtime:
        runtime.url = "http://%s:%d" % runtime.address
        yield runtime


class TestMedia:
    def expected(self, media):
        return {"pcrs": measurements(media), "root": media.root_path.read_text()}

    def test_from_document_to_answer(self, page, media):
        result = page.enclave(media.url, **self.expected(media))
        assert result.verdict == "ok" and "not that of AWS" in result.text, result
        assert page.bytes_of("document", "public_key") == {"public_key": media.key.hex()}
        nonces = page.bytes_of("document", "nonce")
        assert nonces["Expected nonce"] == nonces["nonce of the document"] and len(nonces["Expected nonce"]) == 64
        assert "nobody signs them" in page.routes()
        result = page.call("POST /sign_report", json.dumps(REPORT))
        assert result.verdict == "ok" and result.states["key"] == "ok" and result.states["intent"] == "ok", result
        shown = page.bytes_of("answer", "signature")
        nacl.signing.VerifyKey(media.key).verify(bytes.fromhex(shown["What was signed: intent, timestamp_ms, data"]),
                                                 bytes.fromhex(shown["Signature"]))

    def test_nonce_is_new_each_time(self, page, media):
        seen = set()
        for _ in range(3):
            assert page.enclave(media.url, **self.expected(media)).verdict == "ok"
            seen.add(page.bytes_of("document", "nonce")["Expected nonce"])
        assert len(seen) == 3

    def test_changed_answer(self, page, media):
        answer = json.loads(media.post("/sign_report", REPORT).body)
        page.enclave(media.url, **self.expected(media))
        page.routes()
        kind = page.browser.run("const r = document.getElementById('route'); r.value = '1';"
                                "r.dispatchEvent(new Event('change')); return document.getElementById('type').value;")
        assert page.answer(json.dumps(answer), kind).verdict == "ok"
        for change in ({"verdict": "Clean"}, {"job_id": "job 2"}):
            data = {**answer["response"]["data"], **change}
            changed = {**answer, "response": {**answer["response"], "data": data}}
            assert page.answer(json.dumps(changed), kind).failed() == ["signature"]
        later = {**answer, "response": {**answer["response"], "timestamp_ms": answer["response"]["timestamp_ms"] + 1}}
        assert page.answer(json.dumps(later), kind).failed() == ["signature"]
        result = page.answer(json.dumps({**answer, "signature": "00" * 64}), kind)
        assert result.failed() == ["signature"] and "does not sign" in result.text

    def test_refused_without_what_the_user_must_add(self, page, media):
        expected = self.expected(media)
        assert "root" in page.enclave(media.url, **{**expected, "root": ""}).failed()
        result = page.enclave(media.url, **{**expected, "pcrs": ""})
        assert result.verdict == "unknown" and result.open() == ["pcrs"], result
        other = "00" * 48 + " PCR16"
        assert page.enclave(media.url, **{**expected, "pcrs": other}).failed() == ["pcrs"]
        page.routes()
        result = page.call("POST /sign_report", json.dumps(REPORT))
        assert result.verdict == "bad" and "key" in result.failed(), result

    def test_errors_of_the_enclave_are_shown(self, page, media):
        page.enclave(media.url, **self.expected(media))
        page.routes()
        result = page.call("POST /sign_report", "{}")
        assert result.verdict == "unknown" and "answers 400" in result.text, result


class TestEveryType:
    @pytest.fixture(scope="class")
    def runtime(self):
        yield from ((setattr(r, "url", "http://%s:%d" % r.address), r)[1] for r in live_runtime())

    def test_through_the_runtime(self, page, runtime):
        result = page.enclave(runtime.url, pcrs=measurements(runtime), root=runtime.root_path.read_text())
        assert result.verdict == "ok", result
        page.routes()
        for value in (FULL, EMPTY, LONG):
            result = page.call("POST /echo", json.dumps(value))
            assert result.verdict == "ok", result
        result = page.call("GET /places", path="/places/K%C3%B6ln/18446744073709551615")
        assert result.verdict == "ok" and '18446744073709551615' in page.browser.run(
            "return document.getElementById('answer').value"), result


def live_runtime():
    with harness.Runtime(plugin=harness.OUT / "tests" / "gen" / "alltypes.so") as runtime:
        yield runtime


# ---- A server that plays the enclave

@pytest.fixture
def played():
    with Enclave() as enclave:
        yield enclave


def fresh_time():
    return int(time.time() * 1000)


def document_for(nonce, **changes):
    return json.dumps({"attestation": d.document(change=lambda p: p.update({"nonce": nonce, **changes})).hex()})


def root():
    return d.pem(d.certificates(d.default_chain())[0]).decode()


def pcr_lines():
    return "".join(f"{value.hex()} PCR{i}\n" for i, value in list(d.default_pcrs().items())[:3])


def test_played_documents(page, played):
    """Documents of 2025, judged at their own time; the nonce is the page's own."""
    good = {"pcrs": pcr_lines(), "root": root(), "clock": "document"}
    played.answers["/get_attestation"] = lambda query: document_for(bytes.fromhex(query["nonce"]))
    assert page.enclave(played.url + "/", **good).verdict == "ok"
    assert page.enclave(played.url, **{**good, "clock": "now"}).failed() == ["validity"]
    other = d.pem(d.certificates([d.Cert("another root", usage=("key_cert_sign",))])[0]).decode()
    assert page.enclave(played.url, **{**good, "root": other}).failed() == ["root", "chain"]
    assert page.enclave(played.url, **{**good, "pcrs": pcr_lines().replace(" PCR2", " PCR5")}).failed() == ["pcrs"]
    result = page.enclave(played.url, **{**good, "pcrs": "00" * 48 + " PCR31"})
    assert result.failed() == ["pcrs"] and "PCR31 is not as expected" in result.text
    assert "PCR31: not in the document" in result.texts["pcrs"]
    assert page.enclave(played.url, **{**good, "key": "00" * 32}).failed() == ["public_key"]
    assert page.enclave(played.url, **{**good, "key": bytes(range(32)).hex()}).verdict == "ok"

    played.answers["/get_attestation"] = document_for(bytes(32))
    assert page.enclave(played.url, **good).failed() == ["nonce"]
    played.answers["/get_attestation"] = lambda query: document_for(None)
    assert page.enclave(played.url, **good).failed() == ["nonce"]
    played.answers["/get_attestation"] = lambda query: document_for(
        bytes.fromhex(query["nonce"]), pcrs={i: bytes(48) for i in range(16)})
    zero = {**good, "pcrs": "00" * 48 + " PCR0"}
    assert page.enclave(played.url, **zero).failed() == ["debug"]
    result = page.enclave(played.url, **{**zero, "allow_debug": True})
    assert result.verdict == "ok" and "Debug mode: the code was not measured" in result.text


class TestBatches:
    """A shared document: the page takes part by itself, and climbs from its nonce to the root."""
    others = [bytes([i]) * (i + 1) for i in range(6)]

    def answer(self, nonce, place=3, change=lambda batch: None, **changes):
        nonces = self.others[:place] + [nonce] + self.others[place:]
        path = [h.hex() for h in nacre_batch.path(place, [nacre_batch.leaf(n) for n in nonces])]
        batch = {"size": len(nonces), "index": place, "path": path}
        change(batch)
        return json.dumps({**json.loads(document_for(nacre_batch.root(nonces), **changes)), "batch": batch})

    def test_from_a_live_runtime(self, page, media):
        result = page.enclave(media.url, pcrs=measurements(media), root=media.root_path.read_text())
        assert result.verdict == "ok" and result.states["batch"] == "ok" and result.states["nonce"] == "ok", result
        shown = page.bytes_of("document", "batch")
        assert nacre_batch.root_of(bytes.fromhex(shown["Nonce"]), {"size": 1, "index": 0, "path": []}).hex() == shown["Root"]

    @pytest.mark.parametrize("place", range(7))
    def test_every_place(self, page, played, place):
        good = {"pcrs": pcr_lines(), "root": root(), "clock": "document"}
        played.answers["/get_attestation"] = lambda query: self.answer(bytes.fromhex(query["nonce"]), place)
        result = page.enclave(played.url, **good)
        assert result.verdict == "ok" and "shared by 7" in result.texts["batch"], result
        assert played.asked[-1][1].endswith("&batch=1")
        assert page.bytes_of("document", "batch")["Root"] == page.bytes_of("document", "nonce")["nonce of the document"]

    def test_lies(self, page, played):
        good = {"pcrs": pcr_lines(), "root": root(), "clock": "document"}
        lies = {
            "index": (lambda b: b.update(index=2), ["nonce"]), "size": (lambda b: b.update(size=8), ["nonce"]),
            "past the end": (lambda b: b.update(index=7), ["batch"]), "too large": (lambda b: b.update(size=65537), ["batch"]),
            "none": (lambda b: b.update(size=0, index=0, path=[]), ["batch"]), "too short": (lambda b: b["path"].pop(), ["batch"]),
            "too deep": (lambda b: b["path"].extend(["00" * 32] * 14), ["batch"]),
            "order": (lambda b: b["path"].reverse(), ["nonce"]), "alone": (lambda b: b.update(size=1, index=0, path=[]), ["nonce"])}
        for name, (change, failed) in lies.items():
            played.answers["/get_attestation"] = lambda query, c=change: self.answer(bytes.fromhex(query["nonce"]), change=c)
            result = page.enclave(played.url, **good)
            assert result.verdict == "bad" and result.failed() == failed, (name, result)
        played.answers["/get_attestation"] = self.answer(b"of somebody else")
        assert page.enclave(played.url, **good).failed() == ["nonce"]
        forms = {"text": lambda b: b.update(size="7"), "no path": lambda b: b.pop("path"), "short": lambda b: b["path"].append("00"),
                 "no hex": lambda b: b["path"].append("zz" * 32), "many": lambda b: b["path"].extend(["00" * 32] * 64),
                 "negative": lambda b: b.update(index=-1), "fraction": lambda b: b.update(index=0.5)}
        for name, change in forms.items():
            played.answers["/get_attestation"] = lambda query, c=change: self.answer(bytes.fromhex(query["nonce"]), change=c)
            result = page.enclave(played.url, **good)
            assert result.verdict == "unknown" and '"batch" has no' in result.texts["fetch"], (name, result)

    def test_pasted(self, page):
        good = {"pcrs": pcr_lines(), "root": root(), "clock": "document"}
        text = self.answer(b"mine")
        assert page.document(text, nonce=b"mine".hex(), **good).verdict == "ok"
        assert page.document(text, nonce=b"mint".hex(), **good).failed() == ["nonce"]
        result = page.document(text, **good)  # compared with nothing, and said so
        assert result.verdict == "ok" and "may be an old one" in result.text and "batch" not in result.states

    def test_other_checks_still_fail(self, page, played):
        good = {"pcrs": pcr_lines().replace(" PCR2", " PCR5"), "root": root(), "clock": "document"}
        played.answers["/get_attestation"] = lambda query: self.answer(bytes.fromhex(query["nonce"]))
        assert page.enclave(played.url, **good).failed() == ["pcrs"]


def test_servers_that_are_no_enclave(page, played):
    good = {"pcrs": pcr_lines(), "root": root(), "clock": "document"}
    for answer, says in (("<html>", "no hex"), ('{"attestation": 1}', 'no "attestation"'), ('{"error": "x"}', 'no "attestation"'),
                         ('{"attestation": "84", "attestation": "84"}', "twice"), (b'"\xff"', "cannot be read"),
                         ("8" * (5 << 20), "more than 4194304 bytes")):
        played.answers["/get_attestation"] = answer
        result = page.enclave(played.url, **good)
        assert result.verdict == "unknown" and says in result.texts["fetch"], result
    played.answers["/get_attestation"] = '{"attestation": "84"}'
    assert page.enclave(played.url, **good).failed() == ["encoding"]
    played.status = 503
    assert "answers 503" in page.enclave(played.url, **good).text
    played.status, played.cors = 200, None
    page.browser.console()
    assert "cors_origin" in page.enclave(played.url, **good).text
    for url, says in (("nonsense", "no URL"), ("ftp://127.0.0.1/", "neither https nor http"), ("http://a:b@127.0.0.1/", "no user name"),
                      (played.url + "/?x=1", "no ?"), ("http://127.0.0.1:9/", "cannot be read")):
        result = page.enclave(url, **good)
        assert result.verdict == "unknown" and says in result.text, result
    page.browser.console()


def test_bad_expectations_check_nothing(page, played):
    good = {"pcrs": pcr_lines(), "root": root()}
    for bad, says in (({"pcrs": "# nothing"}, "no PCR"), ({"pcrs": "00 PCR0"}, "line 1"), ({"pcrs": pcr_lines() * 2}, "line 4: PCR0 comes twice"),
                      ({"pcrs": "00" * 48 + " PCR32"}, "line 1"), ({"root": "nonsense"}, "0 PEM"), ({"root": root() * 2}, "2 PEM"),
                      ({"root": root().replace("MII", "AAA", 1)}, "the other root"), ({"key": "xyz"}, "expected hex"), ({"at": "tomorrow"}, "stated time")):
        result = page.enclave(played.url, **{**good, **bad})
        assert result.verdict == "unknown" and says in result.text and not result.states, result
    assert not played.asked


def test_a_changed_field_takes_the_verdict_away(page):
    text = d.document().hex()
    assert page.document(text, pcrs=pcr_lines(), root=root(), clock="document").verdict == "ok"
    page.browser.type("#pcrs", "#")
    assert page.shown("document").verdict is None and not page.shown("document").states
    result = page.answer('{"response":{"intent":0,"timestamp_ms":1,"data":1},"signature":"' + "00" * 64 + '"}', "u64")
    assert result.verdict == "unknown" and "no document was verified" in result.text


def test_types_of_a_liar(page, played):
    """An OpenAPI document of a stranger is shown or refused; it runs nothing and hangs nothing."""
    def api(data, schemas=None):
        response = {"properties": {"intent": {"const": 0}, "timestamp_ms": {}, "data": data}}
        schema = {"properties": {"response": response, "signature": {}}}
        return json.dumps({"paths": {"/<img src=x onerror=alert(1)>": {"get": {"summary": "\u202e<b>", "responses": {
            "200": {"content": {"application/json": {"schema": schema}}}}}}}, "components": {"schemas": schemas or {}}})

    ref = {"$ref": "#/components/schemas/A"}
    loop = {"A": {"type": "object", "properties": {"a": ref}, "required": ["a"]}}
    bomb = {chr(65 + i): {"properties": {"a": {"$ref": f"#/components/schemas/{chr(66 + i)}"}, "b": {"$ref": f"#/components/schemas/{chr(66 + i)}"}},
                          "required": ["a", "b"]} for i in range(20)}
    bomb["U"] = {"properties": {}, "required": []}
    cases = [(api(ref), "no struct A"), (api(ref, loop), "too large"), (api(ref, bomb), "too large"), (api({}), "no type that BCS has"),
             (api({"type": "number", "format": "double"}), "no type that BCS has"), (api({"type": "integer"}), "no size"),
             (api(ref, {"A": {"properties": {"a": {"type": "boolean"}}, "required": []}}), "order of the fields"),
             (api(ref, {"A": {"properties": {"a b": {"type": "boolean"}}, "required": ["a b"]}}), "no good name"),
             (api({"anyOf": [{"type": "boolean"}, {"type": "string"}]}), "no option"), ("[]", "no paths"), ("{", "JSON"),
             ('{"paths":{}}', "no route"), (api({"type": "boolean"}), "nobody signs")]
    page.browser.click("#source-live")
    page.browser.fill("#url", played.url)
    for text, says in cases:
        played.answers["/openapi.json"] = text
        assert says in page.routes(), text
    assert page.browser.run("return document.querySelectorAll('img, b').length") == 0
