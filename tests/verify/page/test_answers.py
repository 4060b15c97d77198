"""Signed answers: the one of a real enclave, every type against PyNaCl and another BCS, and what must not pass."""
import base64
import json
import os
import pathlib
import re
import time

import documents as d
import nacl.signing
import pytest
from csp import PAGE, line_of
from nacre_check import signed_bytes

KEY = nacl.signing.SigningKey(bytes(range(32)))
SHARED = pathlib.Path(os.environ.get("NACRE_SHARED", PAGE.parents[3] / "shared"))
# What nacre_check calls them, what the page calls them, a value.
VALUES = [
    ("bool", "bool", True), ("u8", "u8", 255), ("u16", "u16", 65535), ("u32", "u32", 2**32 - 1),
    ("u64", "u64", 2**53 + 1), ("u64", "u64", 2**64 - 1), ("u64", "u64", 6211533809644153000), ("u64", "u64", 0),
    ("u128", "u128", str(2**128 - 1)), ("u256", "u256", str(2**256 - 1)), ("u256", "u256", "0"),
    ("string", "string", "na\u00efve \u20ac \U0001f41a \"\\\n\u0000"), ("string", "string", "x" * 20000), ("string", "string", ""),
    ("bytes", "bytes", list(range(256))), ("address", "address", list(range(32))),
    (("vector", "u16"), "vector<u16>", [1, 2, 65535]), (("vector", "u8"), "vector<u8>", [0, 255]),
    (("option", "u64"), "option<u64>", None), (("option", "u64"), "option<u64>", 2**63 + 1),
    (("vector", ("option", "string")), "vector<option<string>>", [None, "", "a"]),
    ([("b", "u8"), ("a", ("vector", [("x", "bool")]))], "S { b: u8, a: vector<{ x: bool, }> }", {"b": 7, "a": [{"x": True}]}),
]
# Neither of these is of its type, however it is signed.
WRONG = [
    ("u8", "256"), ("u8", "-1"), ("u8", "1.0"), ("u8", "1e0"), ("u8", "-0"), ("u8", '"1"'), ("u8", "true"), ("u8", "null"),
    ("u64", str(2**64)), ("u128", "1"), ("u128", f'"{2**128}"'), ("u256", '"01"'), ("u256", '"0x1"'), ("bool", "1"),
    ("string", "1"), ("bytes", "[256]"), ("bytes", '"00"'), ("address", "[0]"), ("address", '"0x00"'), ("vector<u8>", "{}"),
    ("{ a: u8 }", "{}"), ("{ a: u8 }", '{"a":1,"b":2}'), ("{ a: u8 }", "[1]"), ("{ a: u8 }", '{"a":1,"__proto__":2}'),
]
BROKEN = [
    "", "null", "[]", "{", '{"response":1,"signature":"00"}', '{"response":{"intent":0,"timestamp_ms":1,"data":1}}',
    '{"response":{"intent":256,"timestamp_ms":1,"data":1},"signature":"%s"}' % ("00" * 64),
    '{"response":{"intent":0,"timestamp_ms":1,"data":1},"signature":"00"}',
    '{"response":{"intent":0,"timestamp_ms":1,"data":1,"data":1},"signature":"%s"}' % ("00" * 64),
    '{"response":{"intent":0,"timestamp_ms":1,"data":1},"signature":"%s"} x' % ("00" * 64),
    '{"response":{"intent":0,"timestamp_ms":1,"data":"\\ud800"},"signature":"%s"}' % ("00" * 64),
    '{"response":{"intent":0,"timestamp_ms":1,"data":01},"signature":"%s"}' % ("00" * 64),
    '{"response":{"intent":0,"timestamp_ms":1,"data":1,"more":1},"signature":"%s"}' % ("00" * 64), "[" * 100,
]
BAD_TYPES = ["", "u7", "vector", "vector<u8", "option<>", "{ a u8 }", "{ a: u8, a: u8 }", "u8 u8", "{ a: u8", "vector<" * 40, "1", "f64", "<b>"]


def root():
    return d.pem(d.certificates(d.default_chain())[0]).decode()


def pcr_lines():
    return "".join(f"{value.hex()} PCR{i}\n" for i, value in list(d.default_pcrs().items())[:3])


def verified_document(page, key=bytes(KEY.verify_key)):
    document = d.document(change=lambda p: p.update(public_key=key))
    return page.document(document.hex(), pcrs=pcr_lines(), root=root(), clock="document")


def sign(kind, value, intent=3, timestamp=2**63 + 1):
    response = {"intent": intent, "timestamp_ms": timestamp, "data": value}
    return {"response": response, "signature": KEY.sign(signed_bytes(response, kind)).signature.hex()}


def test_answer_of_a_real_enclave(page):
    file = SHARED / "vectors" / "signed-response-weather.json"
    if not file.exists():
        pytest.skip(f"{file} is not there")
    found = json.loads(file.read_text())
    document = (SHARED / "vectors" / "attestation" / found["attestation"]).read_bytes()
    pcrs = "".join(f"{value} PCR{i}\n" for i, value in found["pcrs"].items())
    result = page.document(document.hex(), at=found["verify_at_ms"], pcrs=pcrs, key=found["public_key"])
    assert result.verdict == "ok" and "AWS Nitro Enclaves Root-G1" in result.texts["root"], result
    kind = "Weather { location: string, temperature: u64 }"
    result = page.answer(json.dumps(found["response"]), kind, intent=0)
    assert result.verdict == "ok", result
    assert page.bytes_of("answer", "signature")["What was signed: intent, timestamp_ms, data"] == found["signed_bytes"]
    changed = json.loads(json.dumps(found["response"]))
    changed["response"]["data"]["temperature"] += 1
    assert page.answer(json.dumps(changed), kind).failed() == ["signature"]
    assert page.answer(json.dumps(found["response"]), kind, intent=1).failed() == ["intent"]
    assert page.answer(json.dumps(found["response"]), kind, max_age=60).failed() == ["time"]
    assert page.answer(json.dumps(found["response"]), "{ temperature: u64, location: string }").failed() == ["signature"]
    assert page.answer(json.dumps(found["response"]), "{ location: string, temperature: u32 }").failed() == ["signature"]


def test_every_type(page):
    assert verified_document(page).verdict == "ok"
    for kind, written, value in VALUES:
        answer = sign(kind, value)
        assert page.answer(json.dumps(answer), written, intent=3).verdict == "ok", (kind, value)
        answer["signature"] = answer["signature"][:-2] + ("00" if answer["signature"][-2:] != "00" else "01")
        assert page.answer(json.dumps(answer), written, intent=3).failed() == ["signature"], (kind, value)


def test_order_is_the_types(page):
    """Whoever passed the answer on may have sorted its keys."""
    verified_document(page)
    answer = sign([("b", "u8"), ("a", "u8")], {"b": 1, "a": 2})
    assert page.answer(json.dumps(answer, sort_keys=True), "{ b: u8, a: u8 }").verdict == "ok"
    assert page.answer(json.dumps(answer, sort_keys=True), "{ a: u8, b: u8 }").failed() == ["signature"]


def test_integers_that_javascript_rounds(page):
    """2^53 + 1 reads as 2^53 in a double: neither may pass for the other."""
    verified_document(page)
    text = json.dumps(sign("u64", 2**53 + 1))
    assert page.answer(text, "u64").verdict == "ok"
    assert page.answer(text.replace(str(2**53 + 1), str(2**53)), "u64").failed() == ["signature"]


def test_values_that_are_not_of_their_type(page):
    verified_document(page)
    for kind, value in WRONG:
        text = '{"response":{"intent":0,"timestamp_ms":1,"data":%s},"signature":"%s"}' % (value, "00" * 64)
        result = page.answer(text, kind)
        assert result.failed() == ["data"] and result.verdict == "bad", (kind, value, result)


def test_answers_and_types_that_cannot_be_read(page):
    verified_document(page)
    for text in BROKEN:
        result = page.answer(text, "u8")
        assert result.verdict == ("bad" if text else "unknown"), (text, result)
        assert result.failed() == (["encoding"] if text else []), (text, result)
    for kind in BAD_TYPES:
        result = page.answer(json.dumps(sign("u8", 1)), kind)
        assert result.verdict == "unknown" and result.states["data"] == "unknown", (kind, result)
    for field, value in (("intent", "256"), ("intent", "x"), ("max_age", "-1")):
        result = page.answer(json.dumps(sign("u8", 1)), "u8", **{field: value})
        assert result.verdict == "unknown" and not result.states, result


def test_age(page):
    verified_document(page)
    now = int(time.time() * 1000)
    for timestamp, verdict in ((now, "ok"), (now - 50_000, "ok"), (now - 120_000, "bad"), (now + 60_000, "bad")):
        assert page.answer(json.dumps(sign("u8", 1, timestamp=timestamp)), "u8", max_age=90).verdict == verdict


def test_keys_that_sign_nothing(page):
    """A document without an Ed25519 key is a good document, but no answer can be checked with it."""
    for key in (None, b"", bytes(33), b"\x04" + bytes(64)):
        assert verified_document(page, key).verdict == "ok"
        result = page.answer(json.dumps(sign("u8", 1)), "u8")
        assert result.verdict == "unknown" and result.states["signature"] == "idle", result
    verified_document(page, bytes(nacl.signing.SigningKey(bytes(32)).verify_key))
    assert page.answer(json.dumps(sign("u8", 1)), "u8").failed() == ["signature"]


class TestBrowsersThatLackSomething:
    def reload(self, page, script):
        added = page.browser.devtools("Page.addScriptToEvaluateOnNewDocument", source=f"if (self.SubtleCrypto) {{ {script} }}")["identifier"]
        page.browser.open("about:blank")
        page.browser.open(PAGE.as_uri())
        return added

    @pytest.mark.parametrize("script,document,step", [
        ("const f = SubtleCrypto.prototype.importKey; SubtleCrypto.prototype.importKey = function (...a) {"
         "return a[2].name === 'Ed25519' ? Promise.reject(new DOMException('', 'NotSupportedError')) : f.apply(this, a); };", "ok", "signature"),
        ("const f = SubtleCrypto.prototype.importKey; SubtleCrypto.prototype.importKey = function (...a) {"
         "return a[2].name === 'ECDSA' ? Promise.reject(new DOMException('', 'NotSupportedError')) : f.apply(this, a); };", "unknown", "key"),
        ("Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined });", "unknown", "key"),
        ("SubtleCrypto.prototype.verify = () => Promise.reject(new DOMException('', 'OperationError'));", "unknown", "key"),
    ], ids=["no-ed25519", "no-p384", "no-webcrypto", "no-verify"])
    def test_could_not_check(self, page, script, document, step):
        added = self.reload(page, script)
        try:
            result = verified_document(page)
            assert result.verdict == document and not result.failed(), result
            result = page.answer(json.dumps(sign("u8", 1)), "u8")
            assert result.verdict == "unknown" and result.states[step] == "unknown", result
            assert result.words[step] == "could not check" and "Verified" not in result.text.split("\n"), result
        finally:
            page.browser.devtools("Page.removeScriptToEvaluateOnNewDocument", identifier=added)


def test_files(page, tmp_path):
    """What is loaded from files is what would have been pasted; a bare document is turned into hex."""
    document = d.document(change=lambda p: p.update(public_key=bytes(KEY.verify_key)))
    files = {"pasted": document, "pcrs": pcr_lines().encode(), "root": root().encode(), "answer": json.dumps(sign("u8", 1)).encode()}
    page.browser.click("#source-paste")
    page.browser.click(".more > summary")
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        page.browser.type(f"#{name}-file", tmp_path / name)
        page.browser.wait(f"the file {name}", f"return document.getElementById('{name}').value !== ''")
    page.browser.click("input[name=clock][value=document]")
    page.browser.click("#verify-document")
    assert page.result("document").verdict == "ok"
    page.browser.type("#type", "u8")
    page.browser.click("#verify-answer")
    assert page.result("answer").verdict == "ok"
    # another file takes the verdict away
    page.browser.type("#pcrs-file", tmp_path / "root")
    page.browser.wait("the file", "return document.getElementById('pcrs').value.startsWith('-----')")
    assert page.shown("document").verdict is None and page.shown("answer").verdict is None


def test_policy_of_the_page():
    text = PAGE.read_text("ascii")
    assert line_of(text) in text, f"the policy has to be\n{line_of(text)}"
    # Nothing is fetched but what the user names, and no text becomes markup.
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|localStorage", text)
    assert not re.search(r"<(link|img|iframe|object|embed|base)\b|<script\s|@import|url\(", text)


def test_built_in_root():
    """The same bytes as libnacre-verify's."""
    page = PAGE.read_text("ascii")
    pem = re.search(r"AWS_ROOT = unbase64\(`\n([A-Za-z0-9+/=\n]+)`\)", page).group(1)
    source = (PAGE.parents[1] / "root.c").read_text()
    assert base64.b64decode(pem) == bytes(int(x, 16) for x in re.findall(r"0x([0-9a-f]{2})\b", source))


def test_policy_of_the_page_stops_what_it_should(page):
    """Text that became markup after all would neither run nor fetch."""
    page.browser.console()
    done = page.browser.run("""
        try { document.body.innerHTML = "<b>"; return "set"; } catch (error) { return error.name; }""")
    assert done == "TypeError"
    page.browser.run("const s = document.createElement('img'); s.src = 'http://127.0.0.1:9/x.png'; document.body.append(s);")
    page.browser.wait("the refusal", "return document.images.length === 1 && document.images[0].complete")
    assert any("Security Policy" in line for line in page.browser.console())


def test_form_is_named_and_announced(page):
    unnamed = page.browser.run("""
        return [...document.querySelectorAll("input, textarea, select, button")].filter((e) =>
          !(e.labels?.length || e.getAttribute("aria-label") || e.textContent.trim())).map((e) => e.id);""")
    assert unnamed == []
    assert page.browser.run("return document.querySelectorAll('[aria-live=polite]').length") == 3
