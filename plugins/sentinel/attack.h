/*
 * attack.h - the contents of an on-chain Attack object in BCS. Move has it as
 *   Attack<T> { id: UID, agent_id: String, attacker: address, paid_amount: u64, nonce: u64 }
 */
#ifndef SENTINEL_ATTACK_H
#define SENTINEL_ATTACK_H

#include <nacre/plugin.h>

struct sentinel_attack {
    uint8_t id[32];
    struct nacre_str agent_id; /* borrowed from the input; its UTF-8 is not checked */
    uint8_t attacker[32];
    uint64_t paid_amount; /* MIST */
    uint64_t nonce;
};

/* 0, or -1 when the bytes are not exactly one Attack; *out is untouched then. */
int sentinel_attack_decode(struct sentinel_attack *out, struct nacre_bytes bcs);

#endif
