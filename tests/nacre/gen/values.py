"""Values of every type, what they are as BCS and as generated code hands them out, and answers signed by PyNaCl."""
import contextlib
import hashlib
import json
import sys

import nacl.signing
from gen import PLUGINS, SOURCE, Descriptor

sys.path.insert(0, str(SOURCE / "tests" / "independent"))
sys.path.insert(0, str(SOURCE / "tests" / "e2e"))
import harness  # noqa: E402
import nacre_check  # noqa: E402

KEY = nacl.signing.SigningKey(hashlib.sha256(b"a key of the tests").digest())
TIME = 1744038900000

INNER = {"flag": True, "label": "", "ids": [0, 1, 65535], "nick": None}
FULL = {
    "yes": True, "small": 255, "medium": 65535, "large": 4294967295, "huge": 6211533809644153000,
    "wide": str(2**128 - 1), "widest": str(2**256 - 1), "text": "na\u00efve \u20ac \U0001f41a \"quoted\" \\ \n\t\u0000 \u2028",
    "data": [0, 127, 128, 255], "who": list(range(32)), "inner": INNER | {"nick": "Perle \u00e4\u00f6"},
    "numbers": [0, 1, 2**53 - 1, 2**53, 2**53 + 1, 2**64 - 1], "octets": list(range(256)),
    "items": [INNER, INNER | {"flag": False, "label": "x" * 5000, "ids": [], "nick": ""}], "names": ["", "a", "\u00e4" * 300],
    "people": [[255] * 32, [0] * 32], "grid": [[], [1], [2, 4294967295]], "gaps": [None, "0", str(2**127), None],
    "maybe": INNER, "maybe_wide": "0", "maybe_flags": [True, False],
}
EMPTY = {
    "yes": False, "small": 0, "medium": 0, "large": 0, "huge": 0, "wide": "0", "widest": "0", "text": "", "data": [],
    "who": [0] * 32, "inner": {"flag": False, "label": "", "ids": [], "nick": None}, "numbers": [], "octets": [],
    "items": [], "names": [], "people": [], "grid": [], "gaps": [], "maybe": None, "maybe_wide": None, "maybe_flags": None,
}
LONG = EMPTY | {"text": "\u20ac" * 100000, "data": [i % 251 for i in range(100000)], "maybe_flags": []}


def tagged(kind, value):
    """What the generated code hands out for a JSON value, as check_answers.mjs prints it."""
    if isinstance(kind, list):
        return {name: tagged(t, value[name]) for name, t in kind}
    if kind == "bytes" or kind == ("vector", "u8"):
        return {"$b": bytes(value).hex()}
    if isinstance(kind, tuple):
        if kind[0] == "option":
            return None if value is None else tagged(kind[1], value)
        return [tagged(kind[1], v) for v in value]
    if kind == "address":
        return "0x" + bytes(value).hex()
    return {"$n": str(value)} if kind in ("u64", "u128", "u256") else value


@contextlib.contextmanager
def live(**options):
    """The every-type plugin under `nacre dev`, ready for requests."""
    with harness.Runtime(plugin=PLUGINS / "alltypes.so", **options) as runtime:
        harness.wait_for("an app that answers", lambda: runtime.health()["status"] == "ok")
        yield runtime


class App:
    def __init__(self, name, folder):
        self.name = name
        self.descriptor = Descriptor(name, folder)
        self.types = {scope: self.descriptor.kind(index) for scope, (_, index) in self.descriptor.intents.items()}
        self.structs = {scope: self.descriptor.raw["types"][index][1]
                        for scope, (_, index) in self.descriptor.intents.items()}

    def sign(self, scope, data, time=TIME, key=KEY):
        response = {"intent": scope, "timestamp_ms": time, "data": data}
        message = nacre_check.signed_bytes(response, self.types[scope])
        return {"response": response, "signature": key.sign(message).signature.hex()}

    def good(self, name, scope, answer, key=KEY.verify_key.encode(), text=None):
        """A case that must be accepted. The values are read from the JSON by Python, which has exact integers."""
        response = answer["response"]
        kind = self.types[scope]
        return {"module": self.name, "name": name, "key": bytes(key).hex(), "text": text or json.dumps(answer),
                "intent": scope, "struct": self.structs[scope], "timestamp": str(response["timestamp_ms"]),
                "expected": tagged(kind, response["data"]), "bcs": nacre_check.bcs(kind, response["data"]).hex(),
                "message": nacre_check.signed_bytes(response, kind).hex()}

    def bad(self, name, answer, error, key=KEY.verify_key.encode().hex(), asked=None):
        text = answer if isinstance(answer, str) else json.dumps(answer)
        case = {"module": self.name, "name": name, "key": key, "text": text, "error": error}
        return case if asked is None else case | {"asked": asked}
