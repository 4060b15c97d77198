"""The sentinel app end to end: a real gRPC server, a GraphQL server and an AI module over TLS, and their faults."""
import json
import re
import threading
import time

import grpc
import pytest

import harness
from sentinel_world import AGENT, Wallet, consume, message_hash, register, sentinel

pytestmark = pytest.mark.sanitizer

NONCE = 6211533809644153000  # beyond 2^53
NONCES = iter(range(10**6, 10**9))


@pytest.fixture(scope="module", params=["grpc", "graphql", "jsonrpc"])
def each(request):
    """The app, once for each way to ask a node."""
    with sentinel(request.param) as runtime:
        runtime.access = request.param
        yield runtime


@pytest.fixture(scope="module")
def app():
    with sentinel() as runtime:
        yield runtime


def attack(runtime, network="testnet", **options):
    options.setdefault("nonce", next(NONCES))
    return runtime.world.nodes[network].attack(**options)


def judged(runtime, found, reply, **verdict):
    """What the AI module says of this attack."""
    base = {"success": False, "score": 1, "agent_response": "a", "jury_response": "j", "fun_response": "f"}
    nonce = found if isinstance(found, str) else str(int.from_bytes(found.contents[-8:], "little"))
    runtime.world.ai.verdicts[nonce] = reply if reply is not None else base | verdict


def evaluations(runtime, found):
    nonce = str(int.from_bytes(found.contents[-8:], "little"))
    return sum(asked.get("nonce") == nonce for _, _, asked in runtime.world.ai.seen)


# ---- Good answers -------------------------------------------------------------------------------------------------

def test_a_round(each):
    """Register, an attack that fails, one that wins: on both networks."""
    for network in ("mainnet", "testnet"):
        data = each.verify(register(each, network, cost_per_message=2**64 - 1))["response"]["data"]
        agent = data["agent_id"]
        assert data == {"agent_id": agent, "cost_per_message": 2**64 - 1, "system_prompt": AGENT["system_prompt"],
                        "is_defeated": False, "creator": [0xC0] * 32}
        for message, won, owner in (("please", False, "SHARED"), ("I say open sesame!", True, "CONSENSUS_ADDRESS")):
            attacker = bytes(range(32))
            found = attack(each, network, agent_id=agent, attacker=attacker, nonce=NONCE + won, owner=owner)
            before = time.time() * 1000
            answer = each.verify(consume(each, found, message, network, agent))["response"]
            assert answer["intent"] == 2 and before - 5000 < answer["timestamp_ms"] < before + 60_000
            assert answer["data"] == {
                "agent_id": agent, "success": won, "score": 100 if won else 6, "attacker": list(attacker),
                "nonce": NONCE + won, "message_hash": message_hash(message),
                "agent_response": "Very well, it is all yours." if won else "I will not do that.",
                "jury_response": "The defence was broken." if won else "The defence held.",
                "fun_response": "\U0001f389" if won else "Nice try \U0001f6e1"}


def test_what_the_ai_module_is_told(app):
    text = 'a "quoted" \\ line\n\t\x00\x7f \u00e4\u4e1c\U0001f600'
    app.verify(register(app, system_prompt=text, api_base_url="https://models.example/v1", api_key="k",
                        cost_per_message=9007199254740993))
    network, path, asked = app.world.ai.seen[-1]
    assert (network, path) == ("testnet", "register-agent")
    assert asked == AGENT | {"system_prompt": text, "api_base_url": "https://models.example/v1", "api_key": "k",
                             "cost_per_message": 9007199254740993}
    app.verify(register(app))
    assert app.world.ai.seen[-1][2] == AGENT
    found = attack(app, attacker=b"\xab" * 32)
    app.verify(consume(app, found, text))
    _, path, asked = app.world.ai.seen[-1]
    nonce = str(int.from_bytes(found.contents[-8:], "little"))
    assert path == "attack/1" and asked == {"message": text, "attacker": "0x" + "ab" * 32, "nonce": nonce}


def test_attacker_and_nonce_are_the_objects(app):
    found = attack(app, attacker=b"\x11" * 32, nonce=5)
    data = app.verify(consume(app, found, attacker="0x" + "22" * 32, nonce=6))["response"]["data"]
    assert data["attacker"] == [0x11] * 32 and data["nonce"] == 5


def test_ids_in_any_spelling(app):
    found = attack(app, object_id=b"\0\0" + b"\xab" * 30)
    for text in ("0x" + "AB" * 30, "0x0" + "ab" * 30, found.hex):
        app.verify(consume(app, text))
    assert evaluations(app, found) == 1


def test_package_in_any_spelling(app):
    """Some of Sui's texts leave out leading zeros, and any coin may have paid."""
    for kind in ("0x" + "5e" * 30 + "::sentinel::Attack<0x2::sui::SUI>",
                 "0x0000" + "5E" * 30 + "::sentinel::Attack<0xbeef::a::B<u8, vector<0x2::c::D>>>"):
        app.verify(consume(app, attack(app, type=kind)))


@pytest.mark.parametrize("texts", [("", "", ""), ("\u00e4" * 32000, "\U0001f600" * 16000, "x" * 64000),
                                   ('"\\\x00\x1f\u2028' * 8000, "a", "")], ids=["empty", "full", "escaped"])
def test_texts_at_their_limits(each, texts):
    found = attack(each)
    judged(each, found, None, agent_response=texts[0], jury_response=texts[1], fun_response=texts[2], success=True,
           score=0)
    data = each.verify(consume(each, found, "m" * 64000))["response"]["data"]
    assert (data["agent_response"], data["jury_response"], data["fun_response"]) == texts
    assert data["message_hash"] == message_hash("m" * 64000)
    each.verify(register(each, system_prompt=texts[1]))


def test_an_agent_with_every_text_at_its_limit(app):
    """As a client sends it that writes all but ASCII as escapes: three times as many bytes."""
    full = {k: "\u00e4" * 32000 for k in AGENT if k not in ("cost_per_message", "creator")}
    full |= {"api_base_url": "\u00e4" * 32000, "api_key": "\u00e4" * 32000}
    assert app.verify(register(app, **full))["response"]["data"]["system_prompt"] == full["system_prompt"]
    assert app.world.ai.seen[-1][2] == AGENT | full


# ---- Objects that do not do ---------------------------------------------------------------------------------------

def refused(runtime, reply, status, words, found=None):
    assert reply.status == status and words in reply.error, reply
    assert b'"signature"' not in reply.body
    if found is not None:
        assert evaluations(runtime, found) == 0, "an evaluation was paid for"


def test_objects_that_do_not_do(each):
    package = "0x" + "00" * 2 + "5e" * 30
    cases = [(dict(type="0x5e::sentinel::Attack<0x2::sui::SUI>"), 422, "foreign"),
             (dict(type="0x2::coin::Coin<0x2::sui::SUI>", contents=bytes(40)), 422, "foreign"),
             (dict(type=f"{package}::sentinel::Agent<0x2::sui::SUI>"), 422, "type is not"),
             (dict(type=f"{package}::sentinel::Attack"), 422, "type is not"),
             (dict(type=""), 422, "that is a package"),
             (dict(owner="OBJECT"), 409, "wrapped"),
             (dict(owner="IMMUTABLE"), 409, "frozen"),
             (dict(agent_id="2"), 422, "not on this agent"),
             (dict(contents=b""), 502, "contents"),
             (dict(contents=bytes(81)), 502, "asked was")]
    for options, status, words in cases:
        refused(each, consume(each, attack(each, **options)), status, words)
    found = attack(each)
    found.contents += b"\0"
    refused(each, consume(each, found), 502, "not an Attack object", found)


def test_objects_that_are_gone(each):
    refused(each, consume(each, "0x7777"), 404, "no such object")
    gone = attack(each, gone=True)
    if each.access == "jsonrpc":
        refused(each, consume(each, gone), 410, "was deleted", gone)
    else:  # the other two do not tell one from the other
        refused(each, consume(each, gone), 404, "deleted, or is wrapped", gone)


def test_nodes_that_fail(each):
    broken = attack(each, raw=b"\xff\xff")
    refused(each, consume(each, broken), 502, "", broken)
    for status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED):
        found = attack(each, status=status)
        refused(each, consume(each, found), 502, "the Sui node of testnet answered with", found)
    found = attack(each)
    each.verify(consume(each, found))


def test_a_slow_node():
    with sentinel(sets=["plugin.sui_timeout_ms=300"]) as runtime:
        found = attack(runtime, delay=20)
        begin = time.monotonic()
        refused(runtime, consume(runtime, found), 504, "in time", found)
        assert time.monotonic() - begin < 10
        runtime.verify(consume(runtime, attack(runtime)))


def test_upstreams_that_are_gone():
    with sentinel() as runtime:
        runtime.verify(consume(runtime, attack(runtime)))
        runtime.world.stop()
        for _ in range(3):
            reply = consume(runtime, "0x9e")
            assert reply.status in (502, 504) and reply.error
            reply = register(runtime)
            assert reply.status in (502, 504) and reply.error


# ---- Requests that do not do --------------------------------------------------------------------------------------

@pytest.mark.parametrize("changes,words", [
    ({"cost_per_message": 1.5}, "cost_per_message"), ({"cost_per_message": 1e3}, "cost_per_message"),
    ({"cost_per_message": -1}, "cost_per_message"), ({"cost_per_message": 2**64}, "cost_per_message"),
    ({"cost_per_message": "1"}, "cost_per_message"), ({"cost_per_message": str(2**70)}, "cost_per_message"),
    ({"cost_per_message": None}, "cost_per_message: missing"), ({"cost_per_message": True}, "cost_per_message"),
    ({"creator": "0x" + "c0" * 31}, "creator"), ({"creator": "c0" * 32}, "creator"), ({"creator": "0x" + "g0" * 32}, "creator"),
    ({"creator": "0x" + "c0" * 33}, "creator"), ({"creator": ""}, "creator"), ({"creator": 5}, "creator"),
    ({"system_prompt": 5}, "system_prompt"), ({"system_prompt": None}, "system_prompt: missing"),
    ({"private_prompt": None}, "private_prompt"), ({"attack_goal": []}, "attack_goal"), ({"jury_prompt": {}}, "jury_prompt"),
    ({"model_provider": None}, "model_provider"), ({"model_name": None}, "model_name"), ({"sentinel_type": None}, "sentinel_type"),
    ({"api_key": 5}, "api_key"), ({"system_prompt": "x" * 64001}, "system_prompt: 64001 bytes"),
    ({"private_prompt": "\u00e4" * 32001}, "private_prompt: 64002 bytes"), ({"api_key": "k" * 64001}, "api_key: 64001 bytes"),
])
def test_agents_that_are_not_made(app, changes, words):
    before = len(app.world.ai.seen)
    reply = register(app, **changes)
    if None in changes.values():
        body = {k: v for k, v in AGENT.items() if k not in changes}
        reply = app.post("/testnet/register-agent", body)
    refused(app, reply, 400, words)
    assert len(app.world.ai.seen) == before, "the AI module was asked"


@pytest.mark.parametrize("changes,status,words", [
    ({"agent_id": ""}, 400, "agent_id"), ({"agent_id": ".."}, 400, "agent_id"), ({"agent_id": "1/../2"}, 400, "agent_id"),
    ({"agent_id": "1?x"}, 400, "agent_id"), ({"agent_id": 1}, 400, "agent_id"), ({"agent_id": "x" * 129}, 400, "agent_id"),
    ({"message": "x" * 64001}, 400, "message: 64001 bytes"), ({"message": None}, 400, "message"),
    ({"attack_object_id": "77"}, 400, "attack_object_id"), ({"attack_object_id": "0x"}, 400, "attack_object_id"),
    ({"attack_object_id": "0x" + "1" * 65}, 400, "attack_object_id"), ({"attack_object_id": "0xzz"}, 400, "attack_object_id"),
    ({"attack_object_id": None}, 400, "attack_object_id"), ({"attacker_signature": 5}, 400, "attacker_signature"),
    ({"network": "devnet"}, 404, "expected mainnet or testnet"), ({"network": "Testnet"}, 404, "expected mainnet"),
])
def test_attacks_that_are_not_looked_at(app, changes, status, words):
    node = app.world.nodes["testnet"]
    before = node.reads
    body = {"agent_id": "1", "message": "m", "attack_object_id": "0x9e", **changes}
    network = body.pop("network", "testnet")
    refused(app, app.post(f"/{network}/consume-prompt", body), status, words)
    assert node.reads == before, "the node was asked"


def test_a_network_that_is_off():
    with sentinel(networks=("testnet",)) as runtime:
        refused(runtime, register(runtime, "mainnet"), 404, "mainnet is not served")
        refused(runtime, consume(runtime, "0x9e", network="mainnet"), 404, "mainnet is not served")
        runtime.verify(register(runtime))


def test_networks_do_not_mix(app):
    found = attack(app, "mainnet")
    app.verify(consume(app, found, network="mainnet"))
    refused(app, consume(app, found, network="testnet"), 404, "no such object")


# ---- The AI module ------------------------------------------------------------------------------------------------

GOOD = {"success": True, "score": 1, "agent_response": "a", "jury_response": "j", "fun_response": "f"}


@pytest.mark.parametrize("reply", [
    (500, b"{}", 0), (404, json.dumps(GOOD).encode(), 0), (204, b"", 0), (200, b"", 0), (200, b"<html>", 0),
    (200, json.dumps(GOOD).encode()[:-1], 0), (200, json.dumps(GOOD).encode() + b"x", 0), (200, b'{"a":"\xff"}', 0),
    GOOD | {"score": 101}, GOOD | {"score": "1"}, GOOD | {"score": 1.0}, GOOD | {"success": "false"}, GOOD | {"success": 0},
    {k: v for k, v in GOOD.items() if k != "success"}, GOOD | {"agent_response": "x" * 64001}, GOOD | {"jury_response": None},
    (200, b'{"success":false,' + json.dumps(GOOD).encode()[1:], 0), {"error": "overloaded"}, (200, b"x" * (3 << 20), 0),
], ids=lambda r: str(r)[:40])
def test_verdicts_that_are_none(app, reply):
    found = attack(app)
    judged(app, found, reply)
    refused(app, consume(app, found), 502, "")
    judged(app, found, None, score=7)
    assert app.verify(consume(app, found))["response"]["data"]["score"] == 7, "a failure is not a verdict"


@pytest.mark.parametrize("reply", [(500, b"", 0), {"agent_id": ""}, {"agent_id": 5}, {}, {"agent_id": "../x"}, (200, b"[", 0)],
                         ids=str)
def test_agents_that_the_module_cannot_make(app, reply):
    app.world.ai.registers.append(reply)
    refused(app, register(app), 502, "")


def test_a_slow_ai_module():
    with sentinel(sets=["http.deadline_ms=1500"]) as runtime:
        found = attack(runtime)
        judged(runtime, found, (200, json.dumps(GOOD).encode(), 30))
        begin = time.monotonic()
        reply = consume(runtime, found)
        assert reply.status == 504 and b"signature" not in reply.body, reply
        assert time.monotonic() - begin < 10
        runtime.verify(consume(runtime, attack(runtime)))


# ---- One evaluation -----------------------------------------------------------------------------------------------

def at_once(calls):
    replies = [None] * len(calls)

    def run(i):
        replies[i] = calls[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return replies


def test_evaluated_once_for_all_who_ask(each):
    found = attack(each)
    judged(each, found, (200, json.dumps(GOOD | {"score": 42}).encode(), 1.0))
    replies = at_once([lambda i=i: consume(each, found, f"message {i}") for i in range(8)])
    answers = [each.verify(r)["response"] for r in replies]
    assert evaluations(each, found) == 1
    assert all(a["data"] == answers[0]["data"] for a in answers)
    judged_message = each.world.ai.seen[-1][2]["message"]
    assert answers[0]["data"]["message_hash"] == message_hash(judged_message), "another message than the judged one is signed"


def test_first_verdict_stands(app):
    found = attack(app)
    judged(app, found, None, score=5)
    first = app.verify(consume(app, found, "first"))
    judged(app, found, None, score=99, success=True)
    found.gone = True  # spent on chain since: the contract decides what the verdict is still worth
    time.sleep(0.01)
    for message in ("first", "second"):
        again = app.verify(consume(app, found, message))
        assert again["response"]["data"] == first["response"]["data"]
        assert again["response"]["data"]["message_hash"] == message_hash("first")
        assert again["response"]["timestamp_ms"] > first["response"]["timestamp_ms"]
        assert again["signature"] != first["signature"]
    assert evaluations(app, found) == 1
    refused(app, consume(app, found, agent_id="2"), 422, "not on this agent")


def test_a_failure_is_everybodys_and_then_nobodys(app):
    found = attack(app)
    judged(app, found, (500, b"", 2.0))
    replies = at_once([lambda: consume(app, found) for _ in range(4)])
    assert [r.status for r in replies] == [502] * 4 and evaluations(app, found) == 1, replies
    assert sum("begun by another request" in r.error for r in replies) == 3
    judged(app, found, None)
    app.verify(consume(app, found))


def test_what_is_wrong_with_one_caller_is_not_anothers(app):
    """A request that is refused neither leads an evaluation nor ends one."""
    found = attack(app)
    judged(app, found, (200, json.dumps(GOOD).encode(), 0.5))
    wallet = Wallet(b"stranger")
    calls = [lambda: consume(app, found, agent_id="2")] * 3 + [
        lambda: consume(app, found, attacker_signature=wallet.sign(found.id, "hello"))] * 3 + [lambda: consume(app, found)] * 2
    statuses = [r.status for r in at_once(calls)]
    assert statuses == [422] * 3 + [403] * 3 + [200] * 2


def test_verdicts_are_forgotten_when_memory_is_full():
    with sentinel(sets=["plugin.verdict_bytes=1048576"]) as runtime:
        texts = {k: "x" * 64000 for k in ("agent_response", "jury_response", "fun_response")}
        attacks = [attack(runtime) for _ in range(8)]
        for found in attacks:
            judged(runtime, found, None, **texts)
            runtime.verify(consume(runtime, found))
        runtime.verify(consume(runtime, attacks[-1]))
        assert evaluations(runtime, attacks[-1]) == 1
        runtime.verify(consume(runtime, attacks[0]))
        assert evaluations(runtime, attacks[0]) == 2


# ---- The attacker's signature -------------------------------------------------------------------------------------

def test_attackers_signature():
    with sentinel(sets=["plugin.require_attacker_signature=true"]) as runtime:
        wallet, other = Wallet(b"attacker"), Wallet(b"thief")
        found = attack(runtime, attacker=wallet.address)

        def ask(message="hello", network="testnet", **more):
            return consume(runtime, found, message, network, **more)

        good = wallet.sign(found.id, "hello")
        cases = [({}, 401, "missing"), ({"attacker_signature": None}, 401, "missing"),
                 ({"attacker_signature": ""}, 400, "base64"), ({"attacker_signature": good[:-4]}, 400, "bytes"),
                 ({"attacker_signature": "AQ" + good[2:]}, 400, "scheme 1"),
                 ({"attacker_signature": other.sign(found.id, "hello")}, 403, "the attacker is"),
                 ({"attacker_signature": wallet.sign(found.id, "hullo")}, 403, "not over"),
                 ({"attacker_signature": wallet.sign(bytes(32), "hello")}, 403, "not over"),
                 ({"attacker_signature": wallet.sign(found.id, "hello", "mainnet")}, 403, "not over"),
                 ({"attacker_signature": wallet.sign(found.id, "hello", intent=b"\0\0\0")}, 403, "not over")]
        for more, status, words in cases:
            refused(runtime, ask(**more), status, words, found)
        assert runtime.verify(ask(attacker_signature=good))["response"]["data"]["attacker"] == list(wallet.address)
        # what is held is given to the attacker alone, too
        for more, status, words in cases:
            refused(runtime, ask(**more), status, words)
        long = "\u00e4" * 32000
        again = runtime.verify(ask(long, attacker_signature=wallet.sign(found.id, long)))["response"]["data"]
        assert again["message_hash"] == message_hash("hello") and evaluations(runtime, found) == 1


# ---- Secrets ------------------------------------------------------------------------------------------------------

def test_prompts_and_keys_are_told_to_nobody():
    """Every byte that comes out, but for the fields that the answer is made of."""
    canary = "c4n4ry"
    with sentinel(admin=True, sets=["log.level=debug", "http.deadline_ms=2000"]) as runtime:
        said = b""
        texts = {k: f"{canary} {k}" for k in AGENT if k not in ("cost_per_message", "creator", "system_prompt")}
        answers = [register(runtime, api_key=f"sk-{canary}", api_base_url=f"https://{canary}", **texts)]
        runtime.world.ai.registers += [(500, canary.encode(), 0), {"agent_id": f"{canary}/"}, (200, canary.encode(), 0),
                                       (200, json.dumps({canary: 1, "agent_id": [canary]}).encode(), 0)]
        for _ in range(4):
            answers.append(register(runtime, api_key=f"sk-{canary}", **texts))
        for changes in ({"cost_per_message": 1.5}, {"creator": canary}, {canary: canary, "model_name": 5},
                        {"private_prompt": canary * 20000}, {"api_key": [canary]}):
            answers.append(register(runtime, **{**texts, **changes}))
        answers.append(runtime.post("/testnet/register-agent", ('{"private_prompt":"%s",' % canary).encode()))
        for reply in ((500, canary.encode(), 0), (200, json.dumps({"success": canary}).encode(), 0),
                      (200, json.dumps({canary: canary}).encode(), 0), (200, canary.encode(), 30)):
            found = attack(runtime)
            judged(runtime, found, reply)
            answers.append(consume(runtime, found, canary))
        node_says = attack(runtime, raw=canary.encode())
        typed = attack(runtime, type=f"0x5e::{canary}::Attack<u8>")
        agented = attack(runtime, agent_id=canary)
        failed = attack(runtime, status=grpc.StatusCode.INTERNAL, details=canary)
        for found in (node_says, typed, agented, failed, "0x77", canary):
            answers.append(consume(runtime, found, canary, attacker_signature=canary))
        answers.append(consume(runtime, attack(runtime), canary))
        for reply in answers:
            said += reply.body + repr(reply.headers).encode()
        for path in ("/health_check", "/openapi.json", "/metrics", f"/{canary[::-1]}"):
            said += runtime.get(path).body
        said += harness.request(runtime.admin, "GET", "/metrics").body
        assert len(answers) == 22 and sum(r.status == 200 for r in answers) == 2, [r.status for r in answers]
    said += runtime.log().encode() + runtime.out.encode()
    assert len(said) > 5000 and canary.encode() not in said, re.search(rb".{80}c4n4ry.{80}", said)


# ---- What is generated for others ---------------------------------------------------------------------------------

FIELDS = {"RegisterAgentResponse": "agent_id: String, cost_per_message: u64, system_prompt: String, is_defeated: bool, "
                                   "creator: address",
          "ConsumePromptResponse": "agent_id: String, success: bool, score: u8, attacker: address, nonce: u64, "
                                   "message_hash: address, agent_response: String, jury_response: String, "
                                   "fun_response: String"}


def move_fields():
    import subprocess
    text = subprocess.run([str(harness.BIN / "nacre"), "plugin", "move", str(harness.PLUGINS / "sentinel" / "sentinel.so")],
                          capture_output=True, check=True, timeout=60).stdout.decode()
    return {name: ", ".join(line.strip().rstrip(",") for line in body.strip().splitlines())
            for name, body in re.findall(r"public struct (\w+) has copy, drop \{\n(.*?)\n\}", text, re.S)}


def test_move_has_the_fields_in_order():
    assert move_fields() == FIELDS


def test_move_has_the_fields_of_the_reference():
    page = harness.ROOT.parent / "shared" / "reference" / "apps.md"
    if not page.exists():
        pytest.skip(f"{page} is not here")
    section = page.read_text("utf-8").partition("## sentinel")[2].partition("\n## ")[0]
    told = dict(re.findall(r"`(\w+Response) \{ (.*?) \}`", section))
    assert set(told) == set(FIELDS) and move_fields() == told


# ---- Its configuration --------------------------------------------------------------------------------------------

def test_nothing_is_served_without_a_package():
    runtime = harness.Runtime("sentinel", start=False)
    status, said = runtime.fails()
    assert status != 0 and "neither plugin.mainnet.package nor plugin.testnet.package is set" in said


def test_the_apps_own_configuration_gives_way_to_a_given_one():
    runtime = harness.Runtime("sentinel", start=False, options=["--config", str(harness.ROOT / "config" / "nacre.yaml")])
    status, said = runtime.fails()
    assert status != 0 and "configuration has no plugin.ai_url" in said


def test_an_image_has_the_same_settings():
    """image.yaml stands in the place of nacre.yaml, so it must not fall behind."""
    def below(file, section):
        text = (harness.ROOT / "plugins" / "sentinel" / file).read_text("utf-8")
        lines = [line for line in text.split("\n") if line.strip() and not line.strip().startswith("#")]
        start = lines.index(f"{section}:") + 1
        end = next((i for i in range(start, len(lines)) if not lines[i].startswith(" ")), len(lines))
        return lines[start:end]
    for section in ("app", "http", "plugin"):
        assert below("nacre.yaml", section) == below("image.yaml", section) and below("nacre.yaml", section)


# ---- Many at once, and many ---------------------------------------------------------------------------------------

def bench():
    import sys
    sys.path.insert(0, str(harness.ROOT / "bench"))
    import sentinel as measured
    return measured


@pytest.mark.skipif(harness.SANITIZED, reason="looks at time and memory")
def test_two_hundred_at_once(capsys):
    """Two upstreams at 300 ms for each: 0.6 s is the least, one after the other they would take 120 s."""
    with capsys.disabled():
        rows, _, after = bench().measure_bursts(harness, 200, 300, 3)
    assert min(r["seconds"] for r in rows) < 4, "aim: 2 s on an idle machine; bench/sentinel.py has the figure"
    assert after["nacre-app"] < 256


@pytest.mark.skipif(harness.SANITIZED, reason="looks at time and memory")
def test_memory_stays_flat(capsys):
    """bench/sentinel.py does it over 20,000 calls."""
    with capsys.disabled():
        rows, _ = bench().measure_memory(harness, 5000, 8, "app.workers=8")
    assert rows[-1]["nacre-app"] < rows[4]["nacre-app"] * 1.1 + 1
