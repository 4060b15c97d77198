/* manifest_parser.h - what manifest.c and manifest_read.c share: a parser that sticks at its first error. */
#ifndef NACRE_COMMON_MANIFEST_PARSER_H
#define NACRE_COMMON_MANIFEST_PARSER_H

#include "arena.h"
#include "cbor_get.h"
#include "manifest.h"

struct nacre_manifest_parser {
    struct nacre_arena *arena;
    struct nacre_manifest *m;
    char *why;
    size_t why_len;
    int err; /* 0, -EINVAL or -ENOMEM; the first one stays */
};

/* Notes the first error. */
void nacre_manifest_fail(struct nacre_manifest_parser *p, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Typed members of an array entry, each failing with `what` in the reason. Safe to call after a failure. */
uint64_t nacre_manifest_number(struct nacre_manifest_parser *p, const cbor_item_t *item, uint64_t max,
                               const char *what);
const char *nacre_manifest_text(struct nacre_manifest_parser *p, const cbor_item_t *item, size_t max_len,
                                const char *what);
const uint8_t *nacre_manifest_bytes(struct nacre_manifest_parser *p, const cbor_item_t *item, size_t *len,
                                    const char *what);
/* An array of at most `max` entries: their number in *n, and as many zeroed structs of `size` bytes to fill. */
void *nacre_manifest_table(struct nacre_manifest_parser *p, const cbor_item_t *item, uint32_t max,
                           size_t size, uint32_t *n, const char *what);

/* The two halves, after the outer map. */
void nacre_manifest_read_descriptor(struct nacre_manifest_parser *p, const cbor_item_t *root);
void nacre_manifest_read_config(struct nacre_manifest_parser *p, const cbor_item_t *root);

#endif
