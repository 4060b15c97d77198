/*
 * Bounded CBOR reading over libcbor's streaming decoder: no allocation, so a peer's length fields can
 * claim what they like. Nothing read is copied; byte and text strings point into the input.
 */
#ifndef NACRE_SIM_READER_H
#define NACRE_SIM_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NACRE_SIM_DEPTH_MAX 16 /* nested arrays, maps and tags in an item that is skipped */

enum nacre_sim_type {
    NACRE_SIM_UINT,
    NACRE_SIM_BYTES,
    NACRE_SIM_TEXT,
    NACRE_SIM_ARRAY,
    NACRE_SIM_MAP,
    NACRE_SIM_ARRAY_OPEN, /* of indefinite length, as the next two */
    NACRE_SIM_MAP_OPEN,
    NACRE_SIM_CHUNKS,
    NACRE_SIM_TAG,
    NACRE_SIM_NULL,
    NACRE_SIM_SIMPLE, /* everything without content that no request needs: negative, float, bool, undefined */
    NACRE_SIM_BREAK
};

struct nacre_sim_token {
    enum nacre_sim_type type;
    uint64_t value;      /* the number, or the length of string, array or map */
    const uint8_t *data; /* content of a definite string, else NULL */
};

struct nacre_sim_reader {
    const uint8_t *data;
    size_t len;
    size_t pos;
};

/* Iterates over a map of either length form: init on the token that opened it, then next before each key. */
struct nacre_sim_map {
    bool open;
    uint64_t left;
};

/* Reads one token. Returns 0 or -EBADMSG at the end of input and for bytes that are no CBOR. */
int nacre_sim_read(struct nacre_sim_reader *reader, struct nacre_sim_token *token);

/* Reads over one whole item. Returns 0 or -EBADMSG, also when it nests deeper than NACRE_SIM_DEPTH_MAX. */
int nacre_sim_skip(struct nacre_sim_reader *reader);

/* Returns 0, or -EBADMSG when the token opens no map. */
int nacre_sim_map_init(struct nacre_sim_map *map, const struct nacre_sim_token *token);

/* Returns 1 with the key's first token, 0 after the last pair, -EBADMSG as nacre_sim_read. */
int nacre_sim_map_next(struct nacre_sim_map *map, struct nacre_sim_reader *reader,
                       struct nacre_sim_token *key);

/* True when the token is a text string of exactly these bytes. */
bool nacre_sim_token_is(const struct nacre_sim_token *token, const char *text);

#endif
