/* decode_walk.h - what the files of the decoder share; decode.h is its outside. */
#ifndef NACRE_APP_DECODE_WALK_H
#define NACRE_APP_DECODE_WALK_H

#include "decode.h"

#include <common/json_read.h>

/* One text on its way into one value. */
struct nacre_walk {
    struct nacre_decode *d;
    struct nacre_json j;
    uint32_t depth; /* of types; a table from a plugin could loop */
};

/* Notes what is wrong and where; `at` NULL is the whole value. Each returns the error to pass on. */
int nacre_walk_say(struct nacre_walk *w, const struct nacre_place *at, const char *reason, int err);
int nacre_walk_memory(struct nacre_walk *w, const struct nacre_place *at);
int nacre_walk_syntax(struct nacre_walk *w);
int nacre_walk_expected(struct nacre_walk *w, const struct nacre_place *at, const char *what,
                        enum nacre_json_token token);

/*
 * The value that begins with `token`, which has been read, into c_size zeroed bytes at `out`: of any type; of a struct;
 * of a vector; bytes; an address given as an array, whose '[' has been read. 0, or an error that was noted.
 */
int nacre_walk_value(struct nacre_walk *w, const struct nacre_type *t, enum nacre_json_token token,
                     uint8_t *out, const struct nacre_place *at);
int nacre_walk_struct(struct nacre_walk *w, const struct nacre_type *t, enum nacre_json_token token,
                      uint8_t *out, const struct nacre_place *at);
int nacre_walk_vector(struct nacre_walk *w, const struct nacre_type *t, enum nacre_json_token token,
                      uint8_t *out, const struct nacre_place *at);
int nacre_walk_bytes(struct nacre_walk *w, enum nacre_json_token token, uint8_t *out,
                     const struct nacre_place *at);
int nacre_walk_address(struct nacre_walk *w, uint8_t *out, const struct nacre_place *at);

#endif
