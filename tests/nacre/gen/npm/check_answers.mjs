// node check_answers.mjs CASES.json: verifies answers with generated code and compares what comes out.
//
// CASES.json is an array of { module, name, key, text, intent?, struct?, expected?, bcs?, error? }: with `error` the
// answer must be refused with a message that contains it, else data, intent, time and BCS must be as given. In
// `expected` a bigint stands as {"$n": "1"} and bytes as {"$b": "00ff"}.
import assert from "node:assert/strict";
import fs from "node:fs";

const hex = (bytes) => Buffer.from(bytes).toString("hex");

function tagged(v) {
  if (typeof v === "bigint") return { $n: v.toString() };
  if (v instanceof Uint8Array) return { $b: hex(v) };
  if (Array.isArray(v)) return v.map(tagged);
  if (typeof v === "object" && v !== null) return Object.fromEntries(Object.entries(v).map(([k, e]) => [k, tagged(e)]));
  return v;
}

function accept(made, c) {
  const verified = made.verifyResponse(c.key, c.text);
  assert.deepEqual(tagged(verified.data), c.expected);
  assert.equal(verified.intent, c.intent);
  assert.equal(verified.timestampMs, BigInt(c.timestamp));
  assert.deepEqual(made.verifyResponse(c.key, c.text, c.intent), verified);
  const type = made[c.struct];
  assert.equal(type.serialize(verified.data).toHex(), c.bcs, "BCS of the data");
  assert.deepEqual(tagged(type.fromHex(c.bcs)), c.expected, "data of the BCS");
  const message = made.intentMessage(type).serialize({
    intent: verified.intent, timestamp_ms: verified.timestampMs, data: verified.data });
  assert.equal(hex(message.toBytes()), c.message, "what is signed");
}

const modules = new Map();
const cases = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const failures = [];
for (const c of cases) {
  if (!modules.has(c.module)) modules.set(c.module, await import(`./dist/${c.module}.js`));
  const made = modules.get(c.module);
  try {
    if (c.error === undefined) accept(made, c);
    else assert.throws(() => made.verifyResponse(c.key, c.text, ...(c.asked === undefined ? [] : [c.asked])),
      (e) => e.message.includes(c.error) || assert.fail(`'${e.message}' does not say '${c.error}'`));
  } catch (e) {
    failures.push(`${c.name}: ${e.message}`);
  }
}
console.log(`${cases.length - failures.length} of ${cases.length} answers judged as expected`);
for (const line of failures.slice(0, 20)) console.log(line);
process.exit(failures.length ? 1 : 0);
