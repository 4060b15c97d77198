"""Every type the ABI has, through a live runtime: what comes back is what was sent, signed, and as generated code says."""
import json
import struct

import pytest
from gen import generate
from values import EMPTY, FULL, LONG, App, live


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return App("alltypes", tmp_path_factory.mktemp("alltypes"))


@pytest.fixture(scope="module")
def runtime():
    with live() as r:
        yield r


def test_openapi_is_what_is_served(runtime):
    reply = runtime.get("/openapi.json")
    assert reply.status == 200
    document = json.loads(reply.body)
    servers = json.dumps(document["servers"], separators=(",", ":"))  # what only who serves it knows
    assert generate("openapi", "alltypes") == reply.body.decode().replace(f'"servers":{servers},', "") + "\n"
    assert document["openapi"] == "3.1.0"
    assert {"/echo", "/places/{town}/{number}", "/measure"} < set(document["paths"])


@pytest.mark.parametrize("name", ["full", "empty", "long"])
def test_echo_of_every_type(runtime, app, name):
    value = {"full": FULL, "empty": EMPTY, "long": LONG}[name]
    answer = runtime.verify(runtime.post("/echo", value), app.types)
    assert answer["response"]["intent"] == 7 and answer["response"]["data"] == value


def test_requests_may_leave_options_out_and_write_addresses_in_hex(runtime, app):
    value = {k: v for k, v in FULL.items() if not k.startswith("maybe")} | {"who": "0x" + bytes(range(32)).hex()}
    answer = runtime.verify(runtime.post("/echo", value), app.types)
    assert answer["response"]["data"] == FULL | {"maybe": None, "maybe_wide": None, "maybe_flags": None}


def test_path_parameters(runtime, app):
    answer = runtime.verify(runtime.get("/places/K%C3%B6ln/18446744073709551615"), app.types)
    assert answer["response"]["data"] == {"town": "K\u00f6ln", "number": 2**64 - 1}
    assert runtime.get("/places/x/18446744073709551616").status == 400


def test_numbers_and_json_of_requests(runtime, app):
    body = '{"value": -1.5e-7, "note": {"b": [1.0, null], "a": 1e2}, "unit": {"name": "m", "factor": "1"}}'
    answer = runtime.verify(runtime.request("PUT", "/measure", body.encode()), app.types)
    assert answer["response"]["data"] == {"bits": struct.unpack("<Q", struct.pack("<d", -1.5e-7))[0],
                                          "note": '{"a":100,"b":[1,null]}'}
