/*
 * One CBOR item at a time, out of a bounded buffer, through libcbor's streaming decoder. No tree is built and
 * nothing is allocated, so a peer cannot make us spend more memory than its bytes take.
 */
#ifndef NACRE_VFY_CURSOR_H
#define NACRE_VFY_CURSOR_H

#include <stdbool.h>

#include "nacre/verify.h"

enum nacre_vfy_kind {
    NACRE_VFY_UINT,
    NACRE_VFY_NEGINT, /* value n stands for -1 - n */
    NACRE_VFY_BYTES,
    NACRE_VFY_TEXT,
    NACRE_VFY_ARRAY,
    NACRE_VFY_MAP,
    NACRE_VFY_TAG,
    NACRE_VFY_NULL,
    NACRE_VFY_BREAK,
    NACRE_VFY_OTHER /* booleans, floats, undefined */
};

struct nacre_vfy_item {
    enum nacre_vfy_kind kind;
    bool indefinite;
    uint64_t value;      /* the number, tag, or count of entries */
    const uint8_t *data; /* strings: inside the buffer */
    size_t size;
};

struct nacre_vfy_cursor {
    const uint8_t *start;
    const uint8_t *next;
    size_t left;
};

void nacre_vfy_cursor_init(struct nacre_vfy_cursor *cursor, const uint8_t *bytes, size_t size);
size_t nacre_vfy_cursor_offset(const struct nacre_vfy_cursor *cursor);

/*
 * Reads one item's head, and a string's content with it. Refused: truncated or reserved encodings, lengths
 * not in their shortest form (RFC 8949 section 4.2.1), strings in chunks. The NSM writes none of them, and
 * outside the signed payload each would be a second spelling of the same document. `what` names the item in
 * the error text.
 */
int nacre_vfy_next(struct nacre_vfy_cursor *cursor, const char *what, struct nacre_vfy_item *item,
                   nacre_verify_error *error);
/* The same, and the item must be of that kind. */
int nacre_vfy_expect(struct nacre_vfy_cursor *cursor, const char *what, enum nacre_vfy_kind kind,
                     struct nacre_vfy_item *item, nacre_verify_error *error);

/*
 * Steps through a container whose head is `item`: sets *more to whether another entry follows (and counts
 * it), and swallows the break that ends an indefinite one.
 */
int nacre_vfy_more(struct nacre_vfy_cursor *cursor, struct nacre_vfy_item *item, bool *more,
                   nacre_verify_error *error);

/* Reads past one whole item, however nested (up to a limit). */
int nacre_vfy_skip(struct nacre_vfy_cursor *cursor, const char *what, nacre_verify_error *error);

const char *nacre_vfy_kind_name(enum nacre_vfy_kind kind);

#endif
