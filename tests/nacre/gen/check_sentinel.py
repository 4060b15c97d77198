"""
1,200 answers of the sentinel app, from a live runtime with a local Sui and AI module, encoded again with @mysten/bcs and
verified with @noble/curves. Without Node or npm this ends with exit code 77 and says so.
"""
import concurrent.futures
import json
import random
import shutil

import pytest
from check_npm import HERE, PROJECT, install, need_node, run
from values import harness

import sentinel_world

EACH = 600
U64 = (0, 1, 127, 128, 255, 256, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**53 + 1, 6211533809644153000, 2**63 - 1, 2**63,
       2**64 - 1)
TEXTS = ("", "a", "x" * 127, "x" * 128, "x" * 16383, "x" * 16384, "x" * 64000, "\u00e4" * 32000, "\u6771\u4eac" * 10666,
         "\U0001f600" * 16000, "\0", '"\\\b\f\n\r\t\x1f\x7f', "\u2028\u2029\ufeff\ufffd\uffff", "na\u00efve \u20ac", '"nonce":5',
         '\\"cost_per_message":7', "\\")
ALPHABETS = ("abc ", "\u00e4\u00f6\u00fc\u00df", "\u0416\u6771\u05d0\u0e01", "\U0001f41a\U0001f600\U0001f469\u200d", "\0\x01\x1f\"\\/\n")


@pytest.fixture(scope="session", autouse=True)
def project():
    need_node()
    PROJECT.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "check_sentinel.mjs"):
        shutil.copy(HERE / "npm" / name, PROJECT)
    install()


def text(rng, i):
    """Every listed text in turn, and texts by chance between them."""
    if i < len(TEXTS):
        return TEXTS[i]
    return "".join(rng.choice(rng.choice(ALPHABETS)) for _ in range(rng.choice((0, 1, 5, 40, 300))))


def number(rng, i):
    return U64[i] if i < len(U64) else rng.getrandbits(rng.randrange(1, 65))


def register_case(runtime, rng, i):
    body = sentinel_world.AGENT | {"system_prompt": text(rng, i), "cost_per_message": number(rng, i),
                                   "private_prompt": text(rng, rng.randrange(40)), "creator": "0x" + rng.randbytes(32).hex()}
    reply = runtime.post("/mainnet/register-agent", body, timeout=60)
    assert reply.status == 200, reply
    expected = {"agent_id": reply.json["response"]["data"]["agent_id"], "cost_per_message": str(body["cost_per_message"]),
                "system_prompt": body["system_prompt"], "is_defeated": False, "creator": list(bytes.fromhex(body["creator"][2:]))}
    assert runtime.world.ai.agents[expected["agent_id"]]["system_prompt"] == body["system_prompt"]
    return f"register {i}", reply, expected


def consume_case(runtime, rng, i):
    nonce = number(rng, i) if i < len(U64) else rng.getrandbits(64)
    message = text(rng, i + 5)
    agent = "".join(rng.choice("abcXYZ019-_") for _ in range(rng.randrange(1, 129)))
    attacker = rng.randbytes(32)
    verdict = {"success": rng.random() < 0.5, "score": rng.choice((0, 1, 99, 100, rng.randrange(101))),
               "agent_response": text(rng, i), "jury_response": text(rng, i + 3 if i < 20 else rng.randrange(300)),
               "fun_response": text(rng, len(TEXTS) - i if i < len(TEXTS) else 99)}
    runtime.world.ai.verdicts[str(nonce)] = verdict
    found = runtime.world.nodes["testnet"].attack(agent_id=agent, attacker=attacker, nonce=nonce)
    reply = sentinel_world.consume(runtime, found, message, agent_id=agent)
    assert reply.status == 200, reply
    return f"consume {i}", reply, {
        "agent_id": agent, "success": verdict["success"], "score": verdict["score"], "attacker": list(attacker),
        "nonce": str(nonce), "message_hash": sentinel_world.message_hash(message), "agent_response": verdict["agent_response"],
        "jury_response": verdict["jury_response"], "fun_response": verdict["fun_response"]}


def test_answers_verify_in_javascript(tmp_path):
    file = tmp_path / "cases.jsonl"
    with sentinel_world.sentinel() as runtime, file.open("w", encoding="ascii") as out:
        harness.wait_for("an app that answers", lambda: runtime.health()["status"] == "ok")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(make, runtime, random.Random(f"{make.__name__} {i}"), i)
                    for make in (register_case, consume_case) for i in range(EACH)]
            for job in jobs:
                name, reply, expected = job.result()
                out.write(json.dumps({"name": name, "key": runtime.key.hex(), "text": reply.body.decode(),
                                      "expected": expected}) + "\n")
    said = run("node", "check_sentinel.mjs", str(file))
    assert said.startswith(f"{2 * EACH} of {2 * EACH} answers verified"), said
