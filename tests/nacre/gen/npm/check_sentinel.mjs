// node check_sentinel.mjs CASES.jsonl: answers of the sentinel app, encoded again with @mysten/bcs from struct definitions
// written by hand and verified with @noble/curves.
//
// Each line is { name, key, text, expected }: the body of the answer as it came, and the data it must hold, u64 as strings.
// Every answer must verify, and must not once a bit of it has changed.
import assert from "node:assert/strict";
import fs from "node:fs";
import { bcs } from "@mysten/bcs";
import { ed25519 } from "@noble/curves/ed25519.js";

const address = bcs.fixedArray(32, bcs.u8());
const types = {
  1: bcs.struct("RegisterAgentResponse", {
    agent_id: bcs.string(), cost_per_message: bcs.u64(), system_prompt: bcs.string(), is_defeated: bcs.bool(), creator: address,
  }),
  2: bcs.struct("ConsumePromptResponse", {
    agent_id: bcs.string(), success: bcs.bool(), score: bcs.u8(), attacker: address, nonce: bcs.u64(), message_hash: address,
    agent_response: bcs.string(), jury_response: bcs.string(), fun_response: bcs.string(),
  }),
};

// JSON.parse would round these; within a text their quotes would be escaped.
const exact = (text) => JSON.parse(text.replace(/(?<!\\)"(nonce|cost_per_message|timestamp_ms)":(\d+)/g, '"$1":"$2"'));

function message({ intent, timestamp_ms, data }) {
  const type = bcs.struct("IntentMessage", { intent: bcs.u8(), timestamp_ms: bcs.u64(), data: types[intent] });
  return type.serialize({ intent, timestamp_ms, data }, { initialSize: 1024, maxSize: 1 << 20 }).toBytes();
}

const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const lines = fs.readFileSync(process.argv[2], "utf8").split("\n").filter(Boolean);
const failures = [];
for (const line of lines) {
  const c = JSON.parse(line);
  try {
    const answer = exact(c.text);
    assert.deepEqual(answer.response.data, c.expected);
    const signed = message(answer.response), signature = bytes(answer.signature), key = bytes(c.key);
    assert.equal(ed25519.verify(signature, signed, key, { zip215: false }), true, "the signature is not good");
    signed[signed.length - 1 - (lines.length * 7919) % signed.length] ^= 1;
    assert.equal(ed25519.verify(signature, signed, key, { zip215: false }), false, "a changed answer is taken");
  } catch (e) {
    failures.push(`${c.name}: ${e.message.slice(0, 300)}`);
  }
}
console.log(`${lines.length - failures.length} of ${lines.length} answers verified`);
for (const failure of failures.slice(0, 20)) console.log(failure);
process.exit(failures.length ? 1 : 0);
