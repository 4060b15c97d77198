// node check_json.mjs MODULE: the generated JSON reader against RFC 8259, and against JSON.parse where that is exact.
import assert from "node:assert/strict";

const { parseJson } = await import(`./dist/${process.argv[2]}.js`);
const same = (text, value) => assert.deepEqual(parseJson(text), value, text);
const plain = (v) => Array.isArray(v) ? v.map(plain)
  : typeof v === "object" && v !== null ? Object.fromEntries(Object.entries(v).map(([k, e]) => [k, plain(e)])) : v;

// Integers, to the last digit.
same("9007199254740991", 9007199254740991);
same("9007199254740992", 9007199254740992n);
same("9007199254740993", 9007199254740993n);
same("-9007199254740993", -9007199254740993n);
same("6211533809644153000", 6211533809644153000n);
same("18446744073709551615", 18446744073709551615n);
same("115792089237316195423570985008687907853269984665640564039457584007913129639935", 2n ** 256n - 1n);
same("0", 0);
same("-0", -0);
same("1e3", 1000);
same("-1.5E-2", -0.015);

// Values and white space.
same(" \t\r\n null\n", null);
same("[]", []);
same("[ 1 , [true,false] , \"\" ]", [1, [true, false], ""]);
assert.deepEqual(plain(parseJson('{"a":{"b":[{}]},"":1}')), { a: { b: [{}] }, "": 1 });
assert.equal(Object.getPrototypeOf(parseJson("{}")), null);
assert.deepEqual(Object.keys(parseJson('{"__proto__":1,"constructor":2}')), ["__proto__", "constructor"]);
assert.equal({}.polluted, parseJson('{"__proto__":{"polluted":1}}').polluted);

// Strings.
same('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u20AC\\ud834\\uDD1E"', '"\\/\b\f\n\r\t\u00e4\u20ac\u{1d11e}');
same('"\u007f\u2028 \u{1f41a}"', "\u007f\u2028 \u{1f41a}");
same("[".repeat(64) + "]".repeat(64), JSON.parse("[".repeat(64) + "]".repeat(64)));

const refused = ["", " ", "nul", "nulll", "True", "undefined", "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5", "1e",
  "1e+", "0x10", "1 2", "1,", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{", "}", "{}}", "{,}", '{"a"}', '{"a":}',
  '{"a":1,}', '{"a" 1}', "{a:1}", "{'a':1}", '{"a":1 "b":2}', '{1:2}', '"', '"a', "'a'", '"\\"', '"\\x"', '"\\u12"',
  '"\\u12g4"', '"\\', '"\n"', '"\t"', '"\u0000"', '"\\ud800"', '"\\udc00"', '"\\udc00\\ud800"', '"\ud800"', '"a\udfff"',
  '{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '{"__proto__":1,"__proto__":1}', "// c\n1", "/**/1", "\ufeff1", "\u00a01", "1\u00a0",
  "1e999", "-1e999", "1".repeat(81), "[".repeat(65) + "]".repeat(65), '{"a":'.repeat(65) + "1" + "}".repeat(65),
  "[".repeat(100000), "1;", "1}", "nullnull", "\v1"];
for (const text of refused)
  assert.throws(() => parseJson(text), SyntaxError, JSON.stringify(text.slice(0, 60)));

// Random values that JSON.parse reads exactly, written in random ways.
let seed = 20240601;
const random = (n) => {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  return Math.floor((seed / 2 ** 32) * n);
};
const strings = ["", "a", "\u00e4\u20ac", "\u{1f41a}\u{10ffff}", '"\\', "\u0000\u001f\u007f", "x".repeat(1000), "__proto__2"];
const make = (depth) => {
  switch (random(depth > 4 ? 6 : 8)) {
    case 0: return null;
    case 1: return random(2) === 0;
    case 2: return random(2 ** 31) - 2 ** 30;
    case 3: return Number.MAX_SAFE_INTEGER - random(1000);
    case 4: return (random(1e9) + 0.5) * 10 ** -random(40);
    case 5: return strings[random(strings.length)];
    case 6: return Array.from({ length: random(5) }, () => make(depth + 1));
    default: return Object.fromEntries(Array.from({ length: random(5) }, (_, i) => [`${strings[random(5)]}${i}`, make(depth + 1)]));
  }
};
for (let i = 0; i < 5000; i++) {
  const text = JSON.stringify(make(0), null, [undefined, 1, "\t", " \n"][random(4)]);
  assert.deepEqual(plain(parseJson(text)), JSON.parse(text));
  // a cut text is never a value, unless it ends in a number that lost digits only
  const cut = text.slice(0, random(text.length));
  let expected;
  try { expected = JSON.parse(cut); } catch { expected = undefined; }
  if (expected === undefined) assert.throws(() => parseJson(cut), SyntaxError);
  else assert.deepEqual(plain(parseJson(cut)), expected);
}

// A large answer is read in reasonable time: 1 MiB of bytes as numbers.
const big = JSON.stringify(Array.from({ length: 2 ** 20 }, (_, i) => i % 256));
const begin = process.hrtime.bigint();
assert.equal(parseJson(big).length, 2 ** 20);
const ms = Number((process.hrtime.bigint() - begin) / 1000000n);
assert.ok(ms < 10000, `${ms} ms for ${big.length} characters`);
console.log(`the JSON reader agrees; ${big.length} characters in ${ms} ms`);
