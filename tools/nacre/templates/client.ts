//@here head
import { bcs, type BcsType } from "@mysten/bcs";
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";

/** Any JSON value. An integer beyond 2^53 - 1 is a bigint, so that no digit of it is lost. */
export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };

const MAX_DEPTH = 64;
const MAX_INTEGER = 80; // characters; 2^256 has 78
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const SIMPLE_ESCAPE = /\\(["\\/bfnrt])/y;
const UNICODE_ESCAPE = /\\u([0-9a-fA-F]{4})/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const SIMPLE = new Map([["b", "\b"], ["f", "\f"], ["n", "\n"], ["r", "\r"], ["t", "\t"]]);

/**
 * Reads JSON (RFC 8259) without losing digits, which JSON.parse does beyond 2^53 - 1. Strict: duplicate keys, halves
 * of surrogate pairs and nesting deeper than 64 are errors. Objects have no prototype.
 */
export function parseJson(text: string): Json {
  let at = 0;
  const fail: (why: string) => never = (why) => {
    throw new SyntaxError(`JSON, character ${at}: ${why}`);
  };
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at += match[0].length;
    return match;
  };
  /** The next character that is no white space, "" at the end. */
  const peek = (): string => {
    let c = text.charAt(at);
    while (c === " " || c === "\n" || c === "\r" || c === "\t") c = text.charAt(++at);
    return c;
  };
  const next = (wanted: string): boolean => {
    const found = peek() === wanted;
    if (found) at++;
    return found;
  };

  const escape = (): string => {
    const c = take(SIMPLE_ESCAPE)?.[1];
    if (c !== undefined) return SIMPLE.get(c) ?? c;
    const hex = take(UNICODE_ESCAPE)?.[1];
    return hex === undefined ? fail("an unknown escape") : String.fromCharCode(parseInt(hex, 16));
  };
  const string = (): string => {
    let out = "";
    at++;
    for (;;) {
      out += take(PLAIN)?.[0] ?? "";
      const c = text.charAt(at);
      if (c === '"') break;
      if (c !== "\\") fail(c === "" ? "the text ends within a string" : "a control character within a string");
      out += escape();
    }
    at++;
    return /\p{Surrogate}/u.test(out) ? fail("half of a surrogate pair in the string before this") : out;
  };
  const number = (): number | bigint => {
    const match = take(NUMBER);
    if (!match) return fail(at === text.length ? "the text ends too early" : "not a JSON value");
    const value = Number(match[0]);
    if (match[1] !== undefined || match[2] !== undefined)
      return Number.isFinite(value) ? value : fail("a number beyond the range of a double before this");
    if (match[0].length > MAX_INTEGER) fail(`an integer of more than ${MAX_INTEGER} characters before this`);
    return Number.isSafeInteger(value) ? value : BigInt(match[0]);
  };
  const word = <T>(wanted: string, value: T): T => {
    if (!text.startsWith(wanted, at)) fail("not a JSON value");
    at += wanted.length;
    return value;
  };
  const array = (depth: number): Json[] => {
    const out: Json[] = [];
    at++;
    if (next("]")) return out;
    do out.push(value(depth)); while (next(","));
    return next("]") ? out : fail("expected , or ]");
  };
  const object = (depth: number): Json => {
    const out: { [key: string]: Json } = Object.create(null);
    at++;
    if (next("}")) return out;
    do {
      const key = peek() === '"' ? string() : fail("expected a key in quotes");
      if (key in out) fail(`the key ${JSON.stringify(key)} twice in one object`);
      if (!next(":")) fail("expected :");
      out[key] = value(depth);
    } while (next(","));
    return next("}") ? out : fail("expected , or }");
  };
  const value = (depth: number): Json => {
    const c = peek();
    if ((c === "{" || c === "[") && depth === MAX_DEPTH) fail(`nested deeper than ${MAX_DEPTH}`);
    switch (c) {
      case "{":
        return object(depth + 1);
      case "[":
        return array(depth + 1);
      case '"':
        return string();
      case "t":
        return word("true", true);
      case "f":
        return word("false", false);
      case "n":
        return word("null", null);
      default:
        return number();
    }
  };

  const result = value(0);
  return peek() === "" ? result : fail("something stands after the value");
}

/** What is signed: BCS of the intent scope, the time in milliseconds since 1970, and the data. */
export function intentMessage<T, Input>(data: BcsType<T, Input>) {
  return bcs.struct("IntentMessage", { intent: bcs.u8(), timestamp_ms: u64, data });
}

// ---- Integers and addresses as this file hands them out.

const u64 = bcs.u64().transform({ input: (v: bigint) => v, output: (v) => BigInt(v) });
//@if u128
const u128 = bcs.u128().transform({ input: (v: bigint) => v, output: (v) => BigInt(v) });
//@end
//@if u256
const u256 = bcs.u256().transform({ input: (v: bigint) => v, output: (v) => BigInt(v) });
//@end
//@if address
/** 0x and 64 hex digits. */
const address = bcs.bytes(32).transform({
  input: (v: string) => unhex(v.startsWith("0x") ? v.slice(2) : v, 32, "an address"),
  output: (v) => `0x${Array.from(v, (b) => b.toString(16).padStart(2, "0")).join("")}`,
});
//@end

// ---- From JSON to typed values. Whatever is not exactly of the declared type is an error that says where.

function mismatch(at: string, wanted: string, found: Json | undefined): never {
  let what: string = typeof found;
  if (found === undefined) what = "nothing";
  else if (found === null) what = "null";
  else if (Array.isArray(found)) what = "an array";
  throw new TypeError(`${at}: expected ${wanted}, got ${what}`);
}

function readObject(v: Json | undefined, at: string): { [key: string]: Json } {
  return typeof v !== "object" || v === null || Array.isArray(v) ? mismatch(at, "an object", v) : v;
}

/** An object without other keys than these: what is not declared is not signed. */
function readFields(v: Json | undefined, at: string, names: readonly string[]): { [key: string]: Json } {
  const object = readObject(v, at);
  for (const key of Object.keys(object))
    if (!names.includes(key)) throw new TypeError(`${at}: the key ${JSON.stringify(key)} is not declared`);
  return object;
}

function readInteger(v: Json | undefined, at: string, bits: number): bigint {
  if ((typeof v !== "bigint" && !Number.isInteger(v)) || Object.is(v, -0)) return mismatch(at, `a u${bits}`, v);
  const value = BigInt(v as number | bigint);
  if (value < 0n || value >> BigInt(bits) !== 0n) throw new RangeError(`${at}: ${value} is no u${bits}`);
  return value;
}

const readU64 = (v: Json | undefined, at: string): bigint => readInteger(v, at, 64);
const readU8 = (v: Json | undefined, at: string): number => Number(readInteger(v, at, 8));
//@if read-u16
const readU16 = (v: Json | undefined, at: string): number => Number(readInteger(v, at, 16));
//@end
//@if read-u32
const readU32 = (v: Json | undefined, at: string): number => Number(readInteger(v, at, 32));
//@end

function readString(v: Json | undefined, at: string): string {
  return typeof v === "string" ? v : mismatch(at, "a string", v);
}
//@if read-bool

function readBool(v: Json | undefined, at: string): boolean {
  return typeof v === "boolean" ? v : mismatch(at, "true or false", v);
}
//@end
//@if read-wide

/** Integers beyond 64 bits travel as decimal strings. */
function readWide(v: Json | undefined, at: string, bits: number): bigint {
  const text = readString(v, at);
  if (!/^(0|[1-9][0-9]{0,77})$/.test(text)) throw new RangeError(`${at}: ${JSON.stringify(text)} is no u${bits}`);
  return readInteger(BigInt(text), at, bits);
}
//@end
//@if read-u128

const readU128 = (v: Json | undefined, at: string): bigint => readWide(v, at, 128);
//@end
//@if read-u256

const readU256 = (v: Json | undefined, at: string): bigint => readWide(v, at, 256);
//@end
//@if read-vector

function readVector<T>(v: Json | undefined, at: string, element: (v: Json | undefined, at: string) => T): T[] {
  return Array.isArray(v) ? v.map((e, i) => element(e, `${at}[${i}]`)) : mismatch(at, "an array", v);
}
//@end
//@if read-bytes

function readBytes(v: Json | undefined, at: string): Uint8Array {
  return Uint8Array.from(readVector(v, at, readU8));
}
//@end
//@if read-address

function readAddress(v: Json | undefined, at: string): string {
  const bytes = readVector(v, at, readU8);
  if (bytes.length !== 32) throw new RangeError(`${at}: an address has 32 bytes, not ${bytes.length}`);
  return address.parse(Uint8Array.from(bytes));
}
//@end
//@if read-option

function readOption<T>(v: Json | undefined, at: string, inside: (v: Json | undefined, at: string) => T): T | null {
  return v === null || v === undefined ? null : inside(v, at);
}
//@end

function unhex(text: string, size: number, what: string): Uint8Array {
  if (!/^[0-9a-fA-F]*$/.test(text) || text.length !== 2 * size)
    throw new TypeError(`${what}: expected ${2 * size} hex digits, got ${text.length} characters`);
  return Uint8Array.from({ length: size }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

// ---- The app's types.
//@here structs

// ---- The app's intents.

/** Intent scopes by name. */
export const intents = {
//@here intents
} as const;

/** What is signed under each. */
export interface Responses {
//@here responses
}
export type Intent = keyof Responses;

/** An answer whose signature was verified. */
export type Verified<I extends Intent = Intent> = {
  [K in I]: { intent: K; timestampMs: bigint; data: Responses[K] };
}[I];

function decode(intent: number, timestamp_ms: bigint, json: Json | undefined): [Verified, Uint8Array] {
  const timestampMs = timestamp_ms;
  switch (intent) {
//@here cases
    default:
      throw new RangeError(`response.intent: the app has no intent ${intent}`);
  }
}

/**
 * Checks an answer of the app and returns what was signed, and nothing but that. Throws when anything is wrong.
 *
 * `publicKeyHex` must come from an attestation document that was verified (`nacre verify document` does): a key taken
 * from the server's word proves nothing. `intent` is the one the called route signs under; without it, look at the
 * result's. How old an answer may be, and that it is not used twice, is the caller's to check.
 */
export function verifyResponse(publicKeyHex: string, responseText: string): Verified;
export function verifyResponse<I extends Intent>(publicKeyHex: string, responseText: string, intent: I): Verified<I>;
export function verifyResponse(publicKeyHex: string, responseText: string, intent?: Intent): Verified {
  const publicKey = unhex(publicKeyHex, 32, "the public key");
  const answer = readObject(parseJson(responseText), "the answer");
  if (typeof answer["error"] === "string") throw new Error(`not signed, the app says: ${answer["error"]}`);
  const response = readFields(answer["response"], "response", ["intent", "timestamp_ms", "data"]);
  const signature = unhex(readString(answer["signature"], "signature"), 64, "signature");
  const scope = readU8(response["intent"], "response.intent");
  if (intent !== undefined && scope !== intent) throw new Error(`response.intent: expected ${intent}, got ${scope}`);
  const timestamp = readU64(response["timestamp_ms"], "response.timestamp_ms");
  const [verified, message] = decode(scope, timestamp, response["data"]);
  if (!ed25519.verify(signature, message, publicKey, { zip215: false }))
    throw new Error("the signature is not of this public key over these values");
  return verified;
}

// ---- Shared attestation documents: /get_attestation?nonce=..&batch=1

const BATCH_MAX = 65536;
const BATCH_CONTEXT = Array.from("nacre-batch-v1", (c) => c.charCodeAt(0));

const batchHash = (kind: 0 | 1 | 2, ...parts: Uint8Array[]): Uint8Array =>
  sha256(Uint8Array.from([kind, ...BATCH_CONTEXT, ...parts.flatMap((part) => Array.from(part))]));

const bigEndian = (value: number, bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, i) => (value / 2 ** (8 * (bytes - 1 - i))) & 255);

/**
 * The nonce, in hex, that the attestation document in an answer of /get_attestation must carry when `nonceHex` was sent:
 * that nonce itself, or, when the answer says that the document is shared, the root that its path leads to. Throws when
 * there can be no such path. It does not look into the document: verify it (`nacre verify document` does), and compare its
 * nonce with this.
 */
export function attestedNonce(nonceHex: string, attestationText: string): string {
  if (!/^([0-9a-fA-F]{2}){1,512}$/.test(nonceHex)) throw new TypeError("the nonce: expected hex of 1 to 512 bytes");
  const nonce = unhex(nonceHex, nonceHex.length / 2, "the nonce");
  const answer = readObject(parseJson(attestationText), "the answer");
  if (typeof answer["error"] === "string") throw new Error(`no document, the enclave says: ${answer["error"]}`);
  readString(answer["attestation"], "attestation");
  if (answer["batch"] === undefined) return nonceHex.toLowerCase();
  const batch = readFields(answer["batch"], "batch", ["size", "index", "path"]);
  const size = Number(readInteger(batch["size"], "batch.size", 32));
  const index = Number(readInteger(batch["index"], "batch.index", 32));
  if (!Array.isArray(batch["path"])) return mismatch("batch.path", "an array", batch["path"]);
  const path = batch["path"].map((h, i) => unhex(readString(h, `batch.path[${i}]`), 32, `batch.path[${i}]`));
  if (index >= size || size > BATCH_MAX) throw new RangeError(`batch: there is no place ${index} of ${size}`);
  let hash = batchHash(0, bigEndian(nonce.length, 2), nonce);
  let used = 0;
  for (let n = size, i = index; n > 1; n = Math.ceil(n / 2), i = Math.floor(i / 2)) {
    if (i % 2 === 0 && i + 1 === n) continue; // a last one without a partner
    const beside = path[used++];
    if (beside === undefined) throw new RangeError(`batch.path: ${path.length} hashes are too few for place ${index} of ${size}`);
    hash = i % 2 === 0 ? batchHash(1, hash, beside) : batchHash(1, beside, hash);
  }
  if (used !== path.length) throw new RangeError(`batch.path: expected ${used} hashes, got ${path.length}`);
  return Array.from(batchHash(2, bigEndian(size, 4), hash), (b) => b.toString(16).padStart(2, "0")).join("");
}

// ---- HTTPS that ends in the enclave

/** What is used of a `TLSSocket` of Node. */
export interface PinnedSocket {
  once(event: "secureConnect", listener: () => void): unknown;
  once(event: "error", listener: (error: Error) => void): unknown;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
  destroy(): unknown;
  getPeerX509Certificate(): { publicKey: { export(form: { type: "spki"; format: "der" }): Uint8Array } } | undefined;
}

/**
 * Connections that end in the enclave of a verified document, or are not made at all. For Node:
 *
 *   import * as https from "node:https";
 *   import * as tls from "node:tls";
 *   const agent = new https.Agent({ keepAlive: true });
 *   agent.createConnection = pinnedConnection(tls, tlsKeyHex);
 *   https.request({ host, port, path, method: "POST", agent }, ...);
 *
 * `tlsKeyHex` is "tls_key" of a document that was verified (`nacre verify document URL --json` gives it): the SHA-256 of
 * the SubjectPublicKeyInfo of the key that HTTPS is under. No certificate authority is asked, and no byte of a request is
 * sent to another key. In a browser there is nothing like it: scripts never see the certificate, so no page can tell whether
 * TLS ends in the enclave. There, seal the requests, or have what is sent known to whoever is on the way.
 */
export function pinnedConnection<S extends PinnedSocket>(
  tls: { connect(options: object): S }, tlsKeyHex: string,
): (options: object, done?: (error: Error | null, socket: S) => void) => undefined {
  const wanted = unhex(tlsKeyHex, 32, "the TLS key");
  return (options, done) => {
    const socket = tls.connect({ ALPNProtocols: ["http/1.1"], ...options, session: undefined, rejectUnauthorized: false });
    const fail = (error: Error): void => done?.(error, socket);
    socket.once("error", fail);
    socket.once("secureConnect", () => {
      socket.removeListener("error", fail);
      const spki = socket.getPeerX509Certificate()?.publicKey.export({ type: "spki", format: "der" });
      const found = spki === undefined ? undefined : sha256(Uint8Array.from(spki));
      if (found !== undefined && found.every((b, i) => b === wanted[i])) return done?.(null, socket);
      socket.destroy();
      const hex = found === undefined ? "none" : Array.from(found, (b) => b.toString(16).padStart(2, "0")).join("");
      return fail(new Error(`HTTPS does not end in the enclave: its key is ${hex}, expected ${tlsKeyHex.toLowerCase()}`));
    });
    return undefined;
  };
}
