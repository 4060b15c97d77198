/*
 * cbor_get.h - typed access to a CBOR tree made by libcbor (RFC 8949). Pointers are borrowed from the tree;
 * maps may be of definite or indefinite length, strings and byte strings must be definite (one piece).
 */
#ifndef NACRE_COMMON_CBOR_GET_H
#define NACRE_COMMON_CBOR_GET_H

#include <cbor.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The tree of exactly data[0..len), or NULL when it is not one whole item. Free with cbor_decref(). */
cbor_item_t *nacre_cbor_load(const uint8_t *data, size_t len);

/* The value under a text key, or NULL when item is no map or has no such key, or has it twice. */
cbor_item_t *nacre_cbor_key(const cbor_item_t *item, const char *key);

/* Element i of an array, or NULL. */
cbor_item_t *nacre_cbor_at(const cbor_item_t *item, size_t i);

/* Elements of an array or pairs of a map; 0 for anything else (NULL too). */
size_t nacre_cbor_count(const cbor_item_t *item);

/* Each returns false, with the outputs untouched, when item is NULL or of another type. */
bool nacre_cbor_u64(const cbor_item_t *item, uint64_t max, uint64_t *out);
bool nacre_cbor_bool(const cbor_item_t *item, bool *out);
bool nacre_cbor_bytes(const cbor_item_t *item, const uint8_t **data, size_t *len);
bool nacre_cbor_text(const cbor_item_t *item, const char **text, size_t *len);

#endif
