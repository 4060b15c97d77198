/*
 * json_read.h - a strict JSON reader (RFC 8259) that pulls one token after another from text in memory,
 * without a tree. Ours because no C library of Debian 12 keeps u64 exact and refuses duplicate keys and lone
 * surrogates.
 *
 * Refused: anything RFC 8259 does not allow, invalid UTF-8, lone surrogates, nesting deeper than
 * NACRE_JSON_DEPTH, text after the value. Duplicate keys are the caller's to refuse: only it knows which keys
 * matter.
 */
#ifndef NACRE_COMMON_JSON_READ_H
#define NACRE_COMMON_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NACRE_JSON_DEPTH 64u

enum nacre_json_token {
    NACRE_JSON_ERROR,
    NACRE_JSON_NULL,
    NACRE_JSON_TRUE,
    NACRE_JSON_FALSE,
    NACRE_JSON_NUMBER, /* text holds the literal as written */
    NACRE_JSON_STRING, /* text holds the raw content between the quotes, escapes not yet undone, checked valid
                        */
    NACRE_JSON_OBJECT, /* '{' */
    NACRE_JSON_ARRAY,  /* '[' */
    NACRE_JSON_KEY,    /* like STRING; its value follows */
    NACRE_JSON_OBJECT_END,
    NACRE_JSON_ARRAY_END,
    NACRE_JSON_END, /* after the one value: nothing but white space was left */
};

struct nacre_json {
    const char *at, *end, *begin;
    const char *text; /* of the last NUMBER, STRING or KEY; borrowed from the input */
    size_t text_len;
    bool escaped;    /* the last STRING or KEY has escapes: its content is shorter than text_len */
    const char *why; /* after ERROR: what is wrong; the place is at - begin */
    uint32_t depth;
    uint64_t is_object; /* one bit a level */
    uint8_t expect;     /* private: state of the grammar */
};

/* Begins to read text[0..len). The text must outlive the reader. */
void nacre_json_init(struct nacre_json *j, const char *text, size_t len);

/* The next token. After ERROR it stays ERROR. */
enum nacre_json_token nacre_json_next(struct nacre_json *j);

/* Reads on past the value whose first token was `first`. 0, or -EBADMSG (then the reader is in ERROR). */
int nacre_json_skip(struct nacre_json *j, enum nacre_json_token first);

/*
 * Undoes the escapes of a STRING's or KEY's raw text into out (raw_len bytes always suffice). Returns the
 * length in bytes. The text must be what the reader gave: it is not checked again.
 */
size_t nacre_json_unescape(char *out, const char *raw, size_t raw_len);

/* Does the last KEY equal `key` (terminated), escapes undone? */
bool nacre_json_key_is(const struct nacre_json *j, const char *key, size_t key_len);

#endif
