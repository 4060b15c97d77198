// Compiled, never run: what the generated declarations promise to someone who writes TypeScript.
import {
  type Everything, type Intent, type Json, type Responses, type Verified, Inner, intents, parseJson, verifyResponse,
} from "./alltypes.js";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_T extends true>(): void => undefined;

holds<Same<Everything["yes"], boolean>>();
holds<Same<Everything["small"], number>>();
holds<Same<Everything["large"], number>>();
holds<Same<Everything["huge"], bigint>>();
holds<Same<Everything["wide"], bigint>>();
holds<Same<Everything["widest"], bigint>>();
holds<Same<Everything["text"], string>>();
holds<Same<Everything["data"], Uint8Array>>();
holds<Same<Everything["octets"], Uint8Array>>();
holds<Same<Everything["who"], string>>();
holds<Same<Everything["numbers"], bigint[]>>();
holds<Same<Everything["grid"], number[][]>>();
holds<Same<Everything["gaps"], (bigint | null)[]>>();
holds<Same<Everything["items"][number]["nick"], string | null>>();
holds<Same<Everything["maybe_wide"], bigint | null>>();
holds<Same<Everything["maybe_flags"], boolean[] | null>>();
holds<Same<Intent, 0 | 7 | 255>>();
holds<Same<Responses[7], Everything>>();
holds<Same<(typeof intents)["EchoEverything"], 7>>();

export function use(key: string, text: string): bigint {
  const any: Verified = verifyResponse(key, text);
  const json: Json = parseJson(text);
  if (any.intent === 7) return any.data.huge + BigInt(typeof json === "object" ? 0 : 1);
  const place = verifyResponse(key, text, intents.FindPlace);
  // @ts-expect-error a place has no bits
  if (place.data.bits) return 0n;
  // @ts-expect-error the app has no intent 3
  verifyResponse(key, text, 3);
  // @ts-expect-error nick is missing
  Inner.serialize({ flag: true, label: "", ids: [] }).toBytes();
  return place.data.number + place.timestampMs;
}
