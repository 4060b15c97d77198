/* JSON of a declared type into BCS: what the enclave signed, from what it showed. */
#ifndef NACRE_VFY_RESPONSE_ENCODE_H
#define NACRE_VFY_RESPONSE_ENCODE_H

#include "response_types.h"

struct nacre_vfy_bcs {
    uint8_t *base; /* malloc'd, the caller's to free */
    size_t size;
    size_t room;
    bool out_of_memory;
    char why[256]; /* where the value is not of its type */
};

/*
 * Encodes the next value of `json`, which must be exactly one of `type`: every field there once and none besides,
 * integers in range, u128 and u256 as decimal strings, bytes and addresses as arrays of numbers, null for an absent
 * option. False when it is not, or when memory is out. `out` is zeroed by the caller.
 */
bool nacre_vfy_encode(const struct nacre_verify_types *types, uint32_t type, struct nacre_json *json,
                      struct nacre_vfy_bcs *out);

#endif
