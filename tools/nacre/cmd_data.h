/* cmd_data.h - what the parts of `nacre data`, `nacre model` and `nacre repeat` share. */
#ifndef NACRE_TOOL_CMD_DATA_H
#define NACRE_TOOL_CMD_DATA_H

#include "cmd_verify.h"

#include <mltraining/learn/format.h>

#define NACRE_DATA_MAX ((size_t)1 << 30) /* bytes of a dataset or a sealed model */

#define NACRE_WORD_DATASET "nacre-dataset-key" /* id and key */
#define NACRE_WORD_MODEL   "nacre-model-key"   /* X25519 secret key */

/* A dataset's key as its file holds it. */
struct nacre_dataset_key {
    uint8_t id[ML_DATASET_ID];
    uint8_t key[32];
};
int nacre_dataset_key_load(struct nacre_dataset_key *out, const char *path, nacre_verify_error *why);

/*
 * cmd_data_key.c: the X25519 data key of the enclave at `url`, out of its document, which is fetched with a fresh nonce
 * and verified under the policy. NACRE_REFUSED, and the verdict was printed, or NACRE_UNCHECKED with `why`.
 */
int nacre_data_attested_key(const struct nacre_vcmd_options *options, const char *url, uint8_t key[32],
                            nacre_verify_error *why);

/* Ends a command that may have failed: says why. Returns the exit code. */
int nacre_data_conclude(const char *program, int result, const nacre_verify_error *why);

int nacre_cmd_data_encrypt(int argc, char **argv);
int nacre_cmd_data_grant(int argc, char **argv);
int nacre_cmd_model_open(int argc, char **argv);
int nacre_cmd_model_plot(int argc, char **argv);

#endif
