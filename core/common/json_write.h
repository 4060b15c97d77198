/*
 * json_write.h - JSON text into a growing buffer. The caller keeps the grammar (commas, braces); this keeps
 * strings and numbers right. Sticks at the first allocation failure.
 */
#ifndef NACRE_COMMON_JSON_WRITE_H
#define NACRE_COMMON_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nacre_json_out {
    char *base; /* malloc'd, the caller's to free; not terminated */
    size_t len;
    size_t cap;
    bool failed;
};

/* Appends as it stands. */
void nacre_json_raw(struct nacre_json_out *o, const char *text, size_t len);
void nacre_json_lit(struct nacre_json_out *o, const char *terminated);

/* Appends a quoted string: '"', '\\' and controls escaped, everything else as it is. `text` must be valid
 * UTF-8. */
void nacre_json_string(struct nacre_json_out *o, const char *text, size_t len);

/* Appends a number. */
void nacre_json_u64(struct nacre_json_out *o, uint64_t v);
void nacre_json_i64(struct nacre_json_out *o, int64_t v);

/* Appends `len` bytes as lower-case hex, without quotes. */
void nacre_json_hex(struct nacre_json_out *o, const uint8_t *data, size_t len);

/* Makes sure `more` further bytes fit; false on failure. */
bool nacre_json_reserve(struct nacre_json_out *o, size_t more);

#endif
