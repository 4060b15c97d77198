/*
 * personal.h - the attacker's signature: what a Sui wallet makes of a text that its owner is asked to sign
 * (signPersonalMessage), with an Ed25519 key.
 */
#ifndef SENTINEL_PERSONAL_H
#define SENTINEL_PERSONAL_H

#include <nacre/plugin.h>

/*
 * The text that is signed: "sui-sentinel consume-prompt", network, object id ("0x" and 64 lower-case digits) and the
 * message, a line feed between them. In the call's memory; ptr is NULL when that is out.
 */
struct nacre_bytes sentinel_personal_text(const struct nacre_call *call, const char *network,
                                          const uint8_t id[32], struct nacre_str message);

/*
 * Checks a signature as wallets give it: base64 of flag 0x00, 64 bytes of signature and 32 of public key. What is
 * signed is BLAKE2b-256(3, 0, 0, BCS(text)); the address is BLAKE2b-256(0x00, key).
 * 0, or with the text noted: 400 out of form or another scheme, 403 not the attacker's or not of this text.
 */
int32_t sentinel_personal_check(const struct nacre_call *call, struct nacre_str signature,
                                struct nacre_bytes text, const uint8_t attacker[32]);

/* BCS of a String or vector<u8>: its length in ULEB128 before it, `prefix` before that; NULL when memory is out. */
struct nacre_bytes sentinel_bcs_bytes(const struct nacre_call *call, struct nacre_bytes prefix,
                                      struct nacre_bytes data);

#endif
