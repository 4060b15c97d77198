/* parsers.h - the forms a blob may have, each taking bytes as they come. For source.c. */
#ifndef ML_PARSERS_H
#define ML_PARSERS_H

#include "rows.h"
#include "source.h"

/* ---- JSON: [[[1,2,...],label], ...] ---- */
struct ml_json_pairs {
    struct ml_rows *rows;
    int state;
};
void ml_json_pairs_begin(struct ml_json_pairs *p, struct ml_rows *rows);
int ml_json_pairs_feed(struct ml_json_pairs *p, const uint8_t *bytes, size_t len);
int ml_json_pairs_end(struct ml_json_pairs *p);

/* ---- CSV with a header ---- */
#define ML_FIELD_MAX 256u /* bytes of a column's name or a value's text */

struct ml_csv {
    struct ml_rows *rows;
    const char *label; /* "": the last column */
    char field[ML_FIELD_MAX];
    size_t field_len;
    bool cr;      /* the last one was a carriage return: a line feed must follow */
    int quote;    /* 0: not quoted; 1: inside; 2: a quote came inside */
    bool in_line; /* something of the line has come */
    bool header_done;
    uint32_t column;  /* being read, from 0 */
    uint32_t columns; /* of the header */
    uint32_t label_at;
    bool has_label;
    float label_value;
    crypto_hash_sha256_state names, names_before;
};
void ml_csv_begin(struct ml_csv *p, struct ml_rows *rows, const char *label);
int ml_csv_feed(struct ml_csv *p, const uint8_t *bytes, size_t len);
int ml_csv_end(struct ml_csv *p);

/* ---- {"encrypted":..,"nonce":..,"ephemeralPublicKey":..}: collected, since a box opens whole ---- */
struct ml_envelope {
    struct ml_rows *rows;
    int state;
    int escape;
    char key[32];
    size_t key_len;
    int target;    /* which of the three is being read, or none of them */
    uint32_t bits; /* of base64 not yet a byte */
    int n_bits;
    bool padded;
    unsigned have; /* a bit for each of the three */
    uint8_t *box;
    size_t box_len, box_room;
    uint8_t nonce[24], sender[32];
    size_t nonce_len, sender_len;
};
void ml_envelope_begin(struct ml_envelope *p, struct ml_rows *rows);
int ml_envelope_feed(struct ml_envelope *p, const uint8_t *bytes, size_t len);
/* 0 when all three have come, complete. */
int ml_envelope_end(struct ml_envelope *p);
void ml_envelope_free(struct ml_envelope *p);

/* ---- "NACREDS1" ---- */
struct ml_stream {
    struct ml_rows *rows;
    const struct ml_keys *keys;
    uint8_t head[ML_DATASET_HEAD];
    size_t head_len;
    size_t chunk; /* plain bytes in one */
    uint8_t *sealed;
    uint8_t *plain;
    size_t sealed_len;
    bool ended; /* the final chunk has come */
    crypto_secretstream_xchacha20poly1305_state state;
    int (*feed)(void *ctx, const uint8_t *bytes, size_t len); /* what is inside */
    void *ctx;
};
void ml_stream_begin(struct ml_stream *p, struct ml_rows *rows, const struct ml_keys *keys,
                     int (*feed)(void *ctx, const uint8_t *bytes, size_t len), void *ctx);
int ml_stream_feed(struct ml_stream *p, const uint8_t *bytes, size_t len);
int ml_stream_end(struct ml_stream *p);
void ml_stream_free(struct ml_stream *p);

#endif
