"""Pictures of the page for people to look at, in both widths and colours; and that nothing is wider than a phone."""
import json
import os
import pathlib

import documents as d
import pytest
from enclave import Enclave
from test_answers import KEY, pcr_lines, root, sign, verified_document

OUT = pathlib.Path(os.environ["NACRE_OUT"]) / "tests" / "page"
LOOKS = [("desktop-light", 1000, False), ("desktop-dark", 1000, True), ("phone-light", 360, False), ("phone-dark", 360, True)]


def open_all(page):
    page.browser.run("for (const d of document.querySelectorAll('details')) d.open = true;")
    page.browser.wait("the bytes", "return [...document.querySelectorAll('.bytes')].every((b) => b.children.length > 1)")


def green(page):
    verified_document(page)
    answer = sign([("location", "string"), ("temperature", "u64")], {"location": "San Francisco", "temperature": 2**63}, timestamp=d.TIME_MS)
    assert page.answer(json.dumps(answer), "Weather {\n  location: string,\n  temperature: u64,\n}", intent=3).verdict == "ok"


def red(page):
    bad = d.document(chain=d.default_chain(), change=lambda p: p.update(public_key=bytes(KEY.verify_key)))
    result = page.document(bad.hex(), pcrs=pcr_lines().replace("a", "b"), root=root())
    assert result.failed() == ["validity", "pcrs"]
    assert page.answer(json.dumps(sign("u8", 1)), "u8", intent=4).verdict == "bad"


def unknown(page):
    page.document(d.document().hex(), root=root(), clock="document")
    assert page.answer(json.dumps(sign("u8", 1)), "u7").verdict == "unknown"


def foreign(page):
    """A document of another root: most is not reached."""
    assert page.document(d.document().hex(), pcrs=pcr_lines()).failed() == ["root", "chain", "validity"]


def opened(page):
    green(page)
    open_all(page)


def routes(page):
    with Enclave() as enclave:
        enclave.answers["/openapi.json"] = json.dumps({"paths": {"/echo": {"post": {"summary": "Echo", "requestBody": {
            "content": {"application/json": {"schema": {"type": "boolean"}}}}, "responses": {"200": {"content": {"application/json": {
                "schema": {"properties": {"signature": {}, "response": {"properties": {"intent": {"const": 7}, "data": {
                    "type": "array", "items": {"type": "integer", "format": "uint64"}}}}}}}}}}}}}})
        page.browser.click("#source-live")
        page.browser.fill("#url", enclave.url)
        page.routes()


@pytest.mark.parametrize("look,width,dark", LOOKS, ids=[look for look, *_ in LOOKS])
@pytest.mark.parametrize("state", [green, red, unknown, foreign, opened, routes], ids=lambda state: state.__name__)
def test_picture(page, state, look, width, dark):
    OUT.mkdir(parents=True, exist_ok=True)
    page.browser.window(width, dark=dark)
    try:
        state(page)
        wide = page.browser.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide[0] <= wide[1], f"the page is {wide[0]} pixels wide, the window {wide[1]}"
        page.browser.picture(OUT / f"{state.__name__}-{look}.png")
    finally:
        page.browser.window(900)
