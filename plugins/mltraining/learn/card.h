/* card.h - the JSON card of a trained model: what it was made from, and how good it is. */
#ifndef ML_CARD_H
#define ML_CARD_H

#include "job.h"

struct ml_card_blob {
    struct nacre_str id;
    uint8_t sha256[32]; /* of the blob as it is stored */
    uint64_t rows;
};

struct ml_card {
    const struct ml_config *config;
    const struct ml_job *job;
    const struct ml_result *result;
    const struct ml_card_blob *blobs; /* data */
    uint64_t n_blobs;
    struct ml_card_blob config_blob; /* rows is not used */
    const uint8_t *request_sha256;   /* 32 bytes; NULL: not known */
    uint8_t model_sha256[32];        /* of the safetensors file */
    const struct nacre_about *about; /* NULL: made outside an enclave, and the card says so with null */
};

/* JSON text (terminated, *len without it) in memory the caller frees; NULL when it is out. */
char *ml_card_write(const struct ml_card *card, size_t *len);

#endif
