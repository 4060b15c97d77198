/* receipt.h - what a training job's receipt, or a model's card, says of the model. */
#ifndef NACRE_TOOL_RECEIPT_H
#define NACRE_TOOL_RECEIPT_H

#include "cmd_verify.h"

struct nacre_receipt {
    bool has_sealed, has_buyer;
    uint8_t model_sha256[32];
    uint8_t sealed_sha256[32];
    uint8_t buyer[32];
};

/*
 * nacre_receipt_read - the answer of /train, or its data alone as `nacre call` prints it, or a card; told apart by what
 * they have. Nothing is verified here: `nacre call` or `nacre verify response` did that.
 */
int nacre_receipt_read(struct nacre_receipt *out, const char *path, nacre_verify_error *why);

/* model_sha256 out of a card. */
int nacre_receipt_of_card(uint8_t model_sha256[32], const char *card, size_t len, nacre_verify_error *why);

#endif
