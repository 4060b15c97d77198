"""
The generated TypeScript compiled under --strict and run, the generated Move parsed by a grammar that is not ours.
Needs Node 20.19 or newer, npm, and its registry once. Without them this ends with exit code 77 and says so.
"""
import copy
import hashlib
import json
import re
import shutil
import subprocess

import nacl.signing
import pytest
from gen import HERE, OUT, PLUGINS, Descriptor, generate, nacre
from values import EMPTY, FULL, LONG, TIME, App, live

import harness  # values.py knows where they are
import mitm
import nacre_batch
import nacre_check

PROJECT = OUT / "tests" / "gen" / "npm"
TYPESCRIPT = ["alltypes", "words", "clash-fields", "clash-words", "clash-intents"]
NO_NETWORK = re.compile(r"code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH)")


def absent(why):
    pytest.exit(f"SKIPPED: nothing was checked with npm packages: {why}", returncode=77)


def run(*command, status=0):
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, timeout=300, check=False)
    text = (done.stdout + done.stderr).decode()
    assert done.returncode == status, f"{command}: exit code {done.returncode}\n{text[-6000:]}"
    return done.stdout.decode()


def install():
    """npm ci, once for each lock file."""
    lock = (HERE / "npm" / "package-lock.json").read_bytes()
    stamp = PROJECT / "node_modules" / ".installed"
    wanted = hashlib.sha256(lock).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=PROJECT,
                          capture_output=True, timeout=300, check=False)
    said = (done.stdout + done.stderr).decode()
    if done.returncode != 0 and NO_NETWORK.search(said):
        absent(f"npm cannot reach its registry ({NO_NETWORK.search(said).group(1)})")
    assert done.returncode == 0, said
    stamp.write_text(wanted)


def need_node():
    """Ends all with exit code 77 where there is no npm, or a Node that is too old."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            absent(f"no program '{program}'")
    version = subprocess.run(["node", "--version"], capture_output=True, check=True).stdout.decode().strip()
    if tuple(map(int, version.lstrip("v").split(".")[:2])) < (20, 19):
        absent(f"node is {version}, v20.19 or newer is needed")


@pytest.fixture(scope="session", autouse=True)
def project():
    """The npm project, outside of the source tree, with everything generated and compiled."""
    need_node()
    (PROJECT / "src").mkdir(parents=True, exist_ok=True)
    for file in (HERE / "npm").iterdir():
        if file.is_file():
            shutil.copy(file, PROJECT / "src" if file.suffix == ".ts" else PROJECT)
    install()
    for name in TYPESCRIPT:
        nacre("plugin", "ts", PLUGINS / f"{name}.so", "-o", PROJECT / "src" / f"{name}.ts")
    shutil.rmtree(PROJECT / "dist", ignore_errors=True)
    run("npx", "--no-install", "tsc", "-p", ".")


# ---- Answers made without nacre's code ----------------------------------------------------------------------------

def judge(cases):
    path = PROJECT / "cases.json"
    path.write_text(json.dumps(cases))
    said = run("node", "check_answers.mjs", str(path))
    assert said.startswith(f"{len(cases)} of {len(cases)} answers judged as expected")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return App("alltypes", tmp_path_factory.mktemp("alltypes"))


def test_good_answers(app):
    cases = []
    for name, value in (("full", FULL), ("empty", EMPTY), ("long", LONG)):
        for time in (0, TIME, 2**64 - 1):
            answer = app.sign(7, value, time)
            cases.append(app.good(f"{name} at {time}", 7, answer))
            cases.append(app.good(f"{name} in UTF-8", 7, answer, text=json.dumps(answer, ensure_ascii=False, indent=1)))
    cases.append(app.good("intent 0", 0, app.sign(0, {"bits": 2**63 + 1, "note": "{}"})))
    cases.append(app.good("intent 255", 255, app.sign(255, {"town": "K\u00f6ln", "number": 2**53 + 1})))
    answer = app.sign(255, {"town": "", "number": 1})
    cases.append(app.good("keys in another order", 255, answer, text=json.dumps(
        {"attestation": "00", "signature": answer["signature"].upper(),
         "response": {"data": {"number": 1, "town": ""}, "timestamp_ms": TIME, "intent": 255}})))
    judge(cases)


def test_answers_of_a_live_runtime(app):
    """The same from the real programs, every type among them."""
    cases = []
    with live() as runtime:
        for name, value in (("full", FULL), ("empty", EMPTY), ("long", LONG)):
            reply = runtime.post("/echo", value)
            cases.append(app.good(f"live {name}", 7, reply.json, runtime.key, reply.body.decode()))
        reply = runtime.get("/places/K%C3%B6ln/9007199254740993?attest=00ff")
        cases.append(app.good("live place", 255, reply.json, runtime.key, reply.body.decode()))
        assert "attestation" in reply.json
        reply = runtime.request("PUT", "/measure", {"value": 0.1, "note": "\u00e4", "unit": {"name": "", "factor": "0"}})
        cases.append(app.good("live measure", 0, reply.json, runtime.key, reply.body.decode()))
        reply = runtime.post("/echo", {"yes": 1})
        cases.append(app.bad("live error", reply.body.decode(), "not signed, the app says: yes: expected"))
    judge(cases)


# ---- Shared documents ---------------------------------------------------------------------------------------------

def judge_batches(cases):
    path = PROJECT / "batches.json"
    path.write_text(json.dumps(cases))
    said = run("node", "check_batch.mjs", "alltypes", str(path))
    assert said.startswith(f"{len(cases)} of {len(cases)} batches judged as expected")


def batch_text(size, index, path, **more):
    return json.dumps({"attestation": "84", "batch": {"size": size, "index": index, "path": path, **more}})


def vectors():
    for line in nacre_batch.VECTORS.read_text().splitlines():
        size, index, nonce, root, path = line.split()
        yield int(size), int(index), nonce, root, [] if path == "-" else [path[i:i + 64] for i in range(0, len(path), 64)]


def test_batches():
    """The vectors of hashlib, and what is near them and wrong."""
    cases = [{"name": "no batch", "nonce": "AAbb", "text": '{"attestation":"84"}', "expected": "aabb"}]
    for size, index, nonce, root, path in vectors():
        name = f"{index} of {size}"
        def case(what, nonce=nonce, name=name, root=root, size=size, index=index, path=path, **kw):
            return {"name": f"{name}, {what}", "nonce": nonce, "text": batch_text(size, index, path), "expected": root, **kw}
        cases += [case("right"), case("in capitals", nonce=nonce.upper()), case("another nonce", nonce=nonce + "00", differs=True),
                  case("past the end", index=size, error=f"no place {size} of {size}"),
                  case("too long", path=[*path, "00" * 32], error="hashes, got"),
                  case("a piece", path=[*path, "00" * 31], error="expected 64 hex digits"),
                  case("size + 65536", size=size + 65536, error="no place")]
        if path:
            cases += [case("too short", path=path[:-1], error="too few"),
                      case("another hash", path=["00" * 32, *path[1:]], differs=True)]
        if len(path) > 1 and path[0] != path[-1]:
            cases.append(case("in another order", path=path[::-1], differs=True))
        for other in {index ^ 1, index // 2} - {index, size}:
            if other < size and len(nacre_batch.path(other, [b""] * size)) == len(path):
                cases.append(case("another place", index=other, differs=True))
    judge_batches(cases)


def test_batches_out_of_form():
    batch = {"size": 2, "index": 0, "path": ["00" * 32]}
    texts = {"no JSON": ("{", "expected a key"), "an error": ('{"error":"full"}', "the enclave says: full"),
             "no document": (json.dumps({"batch": batch}), "attestation: expected a string"),
             "null": ('{"attestation":"84","batch":null}', "batch: expected an object"),
             "text as size": (batch_text("2", 0, ["00" * 32]), "batch.size: expected a u32"),
             "negative": (batch_text(2, -1, ["00" * 32]), "is no u32"), "fraction": (batch_text(2.5, 0, []), "batch.size"),
             "no array": (batch_text(2, 0, "00" * 32), "batch.path: expected an array"),
             "a number": (batch_text(2, 0, [1]), "batch.path[0]: expected a string"),
             "more keys": (batch_text(2, 0, ["00" * 32], root="00"), 'the key "root" is not declared'),
             "a key twice": ('{"attestation":"84","batch":{},"batch":{}}', "twice"),
             "no size": ('{"attestation":"84","batch":{"index":0,"path":[]}}', "batch.size"),
             "none of none": (batch_text(0, 0, []), "no place 0 of 0"), "2^32": (batch_text(2**32, 0, []), "is no u32")}
    cases = [{"name": name, "nonce": "aa", "text": text, "error": error} for name, (text, error) in texts.items()]
    cases += [{"name": f"nonce {n[:8]}", "nonce": n, "text": '{"attestation":"84"}', "error": "the nonce"}
              for n in ("", "a", "abc", "0g", "00" * 513)]
    judge_batches(cases)


def test_batches_of_a_live_runtime():
    with live() as runtime:
        reply = runtime.get("/get_attestation?nonce=00ff&batch=1")
        root = runtime.document(reply)["nonce"].hex()
        plain = runtime.get("/get_attestation?nonce=00ff")
    judge_batches([{"name": "live", "nonce": "00ff", "text": reply.body.decode(), "expected": root},
                   {"name": "plain", "nonce": "00ff", "text": plain.body.decode(), "expected": "00ff"}])


def test_words_of_languages(tmp_path):
    words = App("words", tmp_path)
    inner = {"type": 1, "Upper": 2, "_hidden": 3, "class": 4, "address": 2**64 - 1}
    outer = {"move": inner, "String": inner, "constructor": inner, "fun": 1, "fun_": 2, "bool": 3, "o": 4, "at": 5, "v": 6}
    # the exported names: '_' where TypeScript or the file has the word already
    words.structs[1] = words.structs[4] = "Error_"
    words.structs[2] = "verifyResponse_"
    judge([words.good("move", 0, words.sign(0, outer))]
          + [words.good(f"intent {i}", i, words.sign(i, {"value": i})) for i in (1, 2, 3, 4)])


def test_answers_that_were_changed(app):
    answer = app.sign(7, FULL)
    wrong = "the signature is not of this public key over these values"
    cases = []

    def changed(name, change, error=wrong, **kw):
        other = copy.deepcopy(answer)
        change(other)
        cases.append(app.bad(name, other, error, **kw))

    def swap(path, value):
        def change(other):
            for step in path[:-1]:
                other = other[step]
            other[path[-1]] = value
        return change

    data = ("response", "data")
    for field, value in (("yes", False), ("small", 254), ("huge", 6211533809644153001), ("huge", 6211533809644152832),
                         ("wide", "0"), ("text", "x"), ("data", []), ("who", [1] * 32), ("maybe", None), ("numbers", []),
                         ("gaps", [None]), ("maybe_flags", None)):
        changed(f"{field} is {value}", swap((*data, field), value))
    changed("time", swap(("response", "timestamp_ms"), TIME + 1))
    for bit in range(0, 512, 37):
        raw = bytearray.fromhex(answer["signature"])
        raw[bit // 8] ^= 1 << bit % 8
        changed(f"bit {bit} of the signature", swap(("signature",), raw.hex()))
    other_key = nacl.signing.SigningKey(bytes(32)).verify_key.encode().hex()
    cases.append(app.bad("another key", answer, wrong, key=other_key))
    # the same bytes under another intent: refused by the signature, and by who asked for one
    place = app.sign(255, {"town": "", "number": 1})
    place["response"]["intent"] = 0
    place["response"]["data"] = {"bits": 1, "note": ""}
    cases.append(app.bad("another intent", place, wrong))
    cases.append(app.bad("not the intent asked for", app.sign(0, {"bits": 1, "note": ""}),
                         "response.intent: expected 255, got 0", asked=255))
    judge(cases)


def test_keys_of_small_order_sign_nothing(app):
    """With the neutral element as key and R, and S = 0, the equation holds for every message."""
    neutral = "01" + "00" * 31
    answer = app.sign(255, {"town": "anything", "number": 1})
    answer["signature"] = neutral + "00" * 32
    judge([app.bad("neutral element", answer, "the signature is not", key=neutral)])


def test_answers_of_another_type(app):
    cases = []
    types = {
        "yes": (1, "true", None), "small": (-1, 256, 1.5, "1", True), "medium": (65536,), "large": (2**32,),
        "huge": (-1, 2**64, "1", None, 1e300), "wide": (1, "-1", "01", "", "1.0", "0x1", str(2**128), " 1", "1" * 79),
        "widest": (str(2**256),), "text": (1, None, []), "data": ("00", [256], [-1], ["0"], {}), "octets": ([256], "x"),
        "who": ([0] * 31, [0] * 33, "0x" + "00" * 32), "inner": (None, [], "x"), "numbers": ({}, [2**64], ["1"]),
        "items": ([None], [[]]), "names": ([1],), "people": ([[0] * 31],), "grid": ([1], [[2**32]]),
        "gaps": ([1], ["x"]), "maybe": ([], 1), "maybe_wide": (0, str(2**256)), "maybe_flags": ([1], [None]),
    }
    answer = app.sign(7, FULL)
    for field, values in types.items():
        for value in values:
            other = copy.deepcopy(answer)
            other["response"]["data"][field] = value
            cases.append(app.bad(f"{field} is {value!r:.40}", other, f"response.data.{field}"))
        other = copy.deepcopy(answer)
        del other["response"]["data"][field]
        # an option may be left out, which says something else than was signed
        optional = field.startswith("maybe")
        cases.append(app.bad(f"no {field}", other, "the signature" if optional else f"response.data.{field}"))
    other = copy.deepcopy(answer)
    other["response"]["data"]["items"][1]["extra"] = 1
    cases.append(app.bad("a key more", other, 'response.data.items[1]: the key "extra" is not declared'))
    judge(cases)


def test_answers_that_are_none(app):
    good = app.sign(255, {"town": "", "number": 1})
    text = json.dumps(good)

    def without(*path):
        other = copy.deepcopy(good)
        at = other
        for step in path[:-1]:
            at = at[step]
        del at[path[-1]]
        return other

    cases = [
        app.bad("error of the app", {"error": "no such place"}, "not signed, the app says: no such place"),
        app.bad("nothing", "", "JSON, character 0"),
        app.bad("cut", text[:-1], "JSON, character"),
        app.bad("twice", text + text, "something stands after the value"),
        app.bad("no object", "[]", "the answer: expected an object, got an array"),
        app.bad("no response", without("response"), "response: expected an object, got nothing"),
        app.bad("no signature", without("signature"), "signature: expected a string, got nothing"),
        app.bad("no time", without("response", "timestamp_ms"), "response.timestamp_ms"),
        app.bad("no intent", without("response", "intent"), "response.intent"),
        app.bad("no data", without("response", "data"), "response.data"),
        app.bad("unknown intent", {**good, "response": {**good["response"], "intent": 9}}, "the app has no intent 9"),
        app.bad("intent 256", {**good, "response": {**good["response"], "intent": 256}}, "256 is no u8"),
        app.bad("more in the response", {**good, "response": {**good["response"], "x": 1}}, '"x" is not declared'),
        app.bad("a duplicate", text.replace('"number": 1', '"number": 2, "number": 1'), 'the key "number" twice'),
        app.bad("short signature", {**good, "signature": good["signature"][:-2]}, "signature: expected 128 hex digits"),
        app.bad("no hex", {**good, "signature": "g" * 128}, "signature: expected 128 hex digits"),
        app.bad("short key", good, "the public key: expected 64 hex digits, got 62", key="00" * 31),
        app.bad("key with 0x", good, "the public key: expected 64 hex digits", key="0x" + "00" * 31),
        app.bad("empty key", good, "the public key", key=""),
    ]
    judge(cases)


def test_json_reader():
    assert "the JSON reader agrees" in run("node", "check_json.mjs", "alltypes")


# ---- Move ---------------------------------------------------------------------------------------------------------

def test_move_is_accepted_by_the_grammar(tmp_path):
    for name in ("alltypes", "words"):
        text = generate("move", name)
        file = tmp_path / f"{name}.move"
        file.write_text(text)
        structs = json.loads(run("node", "check_move.mjs", str(file)))
        expected = Descriptor(name, tmp_path).response_structs()
        assert [len(fields) for _, _, fields in structs] == [len(fields) for _, fields in expected]
        assert all(abilities == ["copy", "drop"] for _, abilities, _ in structs)
        if name == "alltypes":
            assert [(s, [f for f, _ in fields]) for s, _, fields in structs] == [
                (s, [f for f, _ in fields]) for s, fields in expected]


def test_the_grammar_notices_mistakes(tmp_path):
    text = generate("move", "alltypes")
    file = tmp_path / "broken.move"
    for name, broken in (("a brace less", text.replace("}\n\npublic fun new_inner", "\n\npublic fun new_inner", 1)),
                         ("a field less its name", text.replace("yes: bool", ": bool", 1)),
                         ("no type", text.replace("small: u8,", "small: ,", 1)),
                         ("a module twice", text.replace("const EInvalidSignature", "const const EInvalidSignature", 1))):
        assert broken != text
        file.write_text(broken)
        done = subprocess.run(["node", "check_move.mjs", str(file)], cwd=PROJECT, capture_output=True, timeout=60,
                              check=False)
        assert done.returncode == 1, name


# ---- HTTPS --------------------------------------------------------------------------------------------------------

def test_node_sends_to_no_other_key(app):
    """Node's own TLS: to the key of the document, on new connections and on one that is kept; to another one, nothing."""
    body = json.dumps({**FULL, "text": "canary-61f0c3aa52"})
    with live(sets=["http.tls=self-signed"]) as runtime:
        document = runtime.document(runtime.get("/get_attestation"))
        key = nacre_check.user_data(document)["tls"].hex()
        with mitm.Mitm(runtime.address) as looks:
            said = run("node", "check_tls.mjs", str(looks.address[1]), key, body, "3").splitlines()
            assert said[-1] == "short: the TLS key: expected 64 hex digits, got 2 characters", said
            assert said[-2] == "connections 4", said
            assert len(said) == 8
            for line in said[:6]:
                runtime.verify(harness.Reply(200, {}, line.encode()), app.types)
            assert looks.learns("canary-61f0c3aa52") == []
        with mitm.Mitm(runtime.address, certificate=mitm.own_certificate()) as ends:
            said = run("node", "check_tls.mjs", str(ends.address[1]), key, body)
            assert said.startswith("refused: HTTPS does not end in the enclave: its key is ") and f"expected {key}" in said
            assert ends.up == b"" and len(ends.connections) == 1
