// node check_batch.mjs MODULE CASES.json: which nonce a document must carry, by generated code.
//
// CASES.json is an array of { name, nonce, text, expected?, error? }: the nonce that comes out, or a part of the message.
import assert from "node:assert/strict";
import fs from "node:fs";

const { attestedNonce } = await import(`./dist/${process.argv[2]}.js`);
const cases = JSON.parse(fs.readFileSync(process.argv[3], "utf8"));
const failures = [];
for (const c of cases) {
  try {
    if (c.error === undefined) assert.equal(attestedNonce(c.nonce, c.text) === c.expected, !c.differs);
    else assert.throws(() => attestedNonce(c.nonce, c.text),
      (e) => e.message.includes(c.error) || assert.fail(`'${e.message}' does not say '${c.error}'`));
  } catch (e) {
    failures.push(`${c.name}: ${e.message}`);
  }
}
console.log(`${cases.length - failures.length} of ${cases.length} batches judged as expected`);
for (const line of failures.slice(0, 20)) console.log(line);
process.exit(failures.length ? 1 : 0);
