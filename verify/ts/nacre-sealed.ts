/**
 * Sealed requests to a nacre enclave: the body is sealed to the enclave's attested data key, and so comes back the answer.
 * docs/SEALED.md of the nacre repository has the format.
 *
 * `dataKey` and `app` stand in the `user_data` of the enclave's attestation document. Nothing here verifies that document:
 * seal to no key that was not verified.
 */
import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { randomBytes } from "@noble/hashes/utils.js";

/** The Content-Type of a sealed request and of a sealed answer. */
export const SEALED_TYPE = "application/vnd.nacre.sealed";

const MAGIC = [0x89, 0x4e, 0x53, 0x45, 0x41, 0x4c, 0x0d, 0x0a, 1];
const HEADER = 80;
const ANSWER_HEADER = 40;
const MAC = 16;
const utf8 = new TextEncoder();

/** What an answer said: the HTTP status and the body, both the enclave's word. */
export interface SealedAnswer {
  status: number;
  body: Uint8Array;
}

/** Opens the answer to one request. Throws for whatever is not the enclave's answer to it. */
export type OpenAnswer = (envelope: Uint8Array) => SealedAnswer;

/** An answer that did not come sealed: from the enclave's door, or from anybody on the way. Nobody's word. */
export class NotSealedError extends Error {
  readonly status: number;
  readonly text: string;
  constructor(status: number, text: string) {
    super(`not sealed, so nobody's word: status ${status}: ${text.slice(0, 500)}`);
    this.name = "NotSealedError";
    this.status = status;
    this.text = text;
  }
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function begin(kind: number): Uint8Array {
  const out = new Uint8Array(16);
  out.set([...MAGIC, kind]);
  return out;
}

function label(text: string): Uint8Array {
  const out = new Uint8Array(24);
  out.set(utf8.encode(text));
  return out;
}

const hash = (data: Uint8Array, key?: Uint8Array): Uint8Array => blake2b(data, key ? { dkLen: 32, key } : { dkLen: 32 });

/** Padme, and 256 bytes at least. */
function padded(length: number): number {
  if (length <= 256) return 256;
  const exponent = Math.floor(Math.log2(length));
  const step = 2 ** (exponent - Math.floor(Math.log2(exponent)) - 1);
  return Math.ceil(length / step) * step;
}

function answerOpener(replyKey: Uint8Array, header: Uint8Array): OpenAnswer {
  const key = hash(joined(label("nacre sealed answer v1"), header), replyKey);
  return (envelope) => {
    const wanted = begin(2);
    if (envelope.length < ANSWER_HEADER + MAC + 8 || !wanted.every((byte, i) => envelope[i] === byte))
      throw new Error("not a sealed answer of version 1");
    const content = xsalsa20poly1305(key, envelope.slice(16, ANSWER_HEADER)).decrypt(envelope.slice(ANSWER_HEADER));
    const view = new DataView(content.buffer, content.byteOffset, content.length);
    const length = view.getUint32(4, true);
    if (view.getUint16(2, true) !== 0 || length > content.length - 8 || content.subarray(8 + length).some((b) => b !== 0))
      throw new Error("the answer's content is out of form");
    return { status: view.getUint16(0, true), body: content.slice(8, 8 + length) };
  };
}

/** What a request is for, and when it was made. */
export interface SealOptions {
  /** X25519, 32 bytes: `data_key` of a verified document's `user_data`. */
  dataKey: Uint8Array;
  /** `app` of the same. */
  app: string;
  /** The route's method in capitals. */
  method: string;
  /** The path as it stands in the request line, up to the '?'. */
  path: string;
  body: Uint8Array;
  /** Milliseconds since 1970; the clock of this machine if left out. */
  timeMs?: number;
}

/** The envelope of one request, and what opens its answer. Seal every request anew: an envelope is taken once. */
export function seal(options: SealOptions): { envelope: Uint8Array; open: OpenAnswer } {
  const { dataKey, app, method, path, body } = options;
  if (dataKey.length !== 32) throw new RangeError(`a data key of ${dataKey.length} bytes, expected 32`);
  const secret = x25519.utils.randomSecretKey();
  const nonce = randomBytes(24);
  const replyKey = randomBytes(32);
  const time = new Uint8Array(8);
  new DataView(time.buffer).setBigUint64(0, BigInt(options.timeMs ?? Date.now()), true);
  const header = joined(begin(1), time, x25519.getPublicKey(secret), nonce);
  const target = hash(utf8.encode(`${app}\0${method}\0${path}`));
  const key = hash(joined(label("nacre sealed request v1"), header, dataKey, target), x25519.getSharedSecret(secret, dataKey));
  const content = new Uint8Array(padded(36 + body.length));
  content.set(replyKey);
  new DataView(content.buffer).setUint32(32, body.length, true);
  content.set(body, 36);
  const envelope = joined(header, xsalsa20poly1305(key, nonce).encrypt(content));
  const open = answerOpener(replyKey, envelope.slice(0, HEADER));
  for (const part of [secret, key, content, replyKey]) part.fill(0);
  return { envelope, open };
}

/** Where and how call() sends. */
export interface CallOptions extends Omit<SealOptions, "body"> {
  /** The enclave's address without a path: "https://example.org". */
  url: string;
  /** JSON; nothing for a route without a body. */
  body?: string;
  /** Sent in clear, and not protected: "attest=..." */
  query?: string;
  fetch?: typeof fetch;
}

/**
 * Sends a sealed request and opens its answer. Throws NotSealedError for an answer that is not sealed, and an Error for one that
 * does not open or was sent under another status. The answer's own signature is still to be verified.
 */
export async function call(options: CallOptions): Promise<{ status: number; text: string }> {
  const { envelope, open } = seal({ ...options, body: utf8.encode(options.body ?? "") });
  const url = options.url.replace(/\/+$/, "") + options.path + (options.query ? `?${options.query}` : "");
  const reply = await (options.fetch ?? fetch)(url, {
    method: options.method === "GET" ? "POST" : options.method,
    headers: { "Content-Type": SEALED_TYPE },
    body: envelope as Uint8Array<ArrayBuffer>,
    redirect: "error",
  });
  const data = new Uint8Array(await reply.arrayBuffer());
  if (reply.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() !== SEALED_TYPE)
    throw new NotSealedError(reply.status, new TextDecoder().decode(data));
  const { status, body } = open(data);
  if (status !== reply.status) throw new Error(`HTTP says ${reply.status}, the enclave ${status}`);
  return { status, text: new TextDecoder("utf-8", { fatal: true }).decode(body) };
}
