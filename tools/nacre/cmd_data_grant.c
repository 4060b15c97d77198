/* nacre data grant */
#include "cmd_data.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: nacre data grant KEYFILE --to URL [--buyer KEY] [--not-after WHEN] POLICY\n"
    "\n"
    "Seals the key of an encrypted dataset (from nacre data encrypt --key) to the data key of the enclave at "
    "URL, as\n"
    "its verified document says it, and prints what goes into the list data_keys of a training job. Good "
    "until that\n"
    "enclave is started again; the dataset itself stays as it is.\n"
    "\n"
    "  --to URL          the enclave\n"
    "  --buyer KEY       models trained on it may be encrypted to this X25519 key alone (hex or base64); "
    "any, if left\n"
    "                    out\n"
    "  --not-after WHEN  no job may use it later (a time like 2026-04-15T02:25:23Z, or milliseconds since "
    "1970)\n"
    "\n"
    "Policy: as in nacre verify document --help. Exit codes: 0 granted, 1 the enclave was refused, 2 could "
    "not.\n";

static int fill(struct ml_grant *grant, const struct nacre_vcmd_options *options, const char *buyer,
                const char *not_after, nacre_verify_error *why)
{
    struct nacre_dataset_key key;
    if (buyer != NULL && ml_key_read(grant->buyer, buyer, strlen(buyer)) != 0) {
        return nacre_vcmd_unchecked(why, "--buyer is '%.100s', expected a 32-byte key in hex or base64",
                                    buyer);
    }
    if (buyer != NULL && sodium_is_zero(grant->buyer, sizeof grant->buyer)) {
        return nacre_vcmd_unchecked(why, "--buyer is all zeros, which would allow models to any key");
    }
    if (not_after != NULL && (nacre_vcmd_parse_time(not_after, &grant->not_after_ms) != NACRE_CHECKED ||
                              grant->not_after_ms == 0)) {
        return nacre_vcmd_unchecked(
            why,
            "--not-after is '%.100s', expected a time like 2026-04-15T02:25:23Z or milliseconds since 1970",
            not_after);
    }
    int r = nacre_dataset_key_load(&key, options->input, why);
    if (r == NACRE_CHECKED) {
        memcpy(grant->id, key.id, sizeof grant->id);
        memcpy(grant->key, key.key, sizeof grant->key);
    }
    sodium_memzero(&key, sizeof key);
    return r;
}

static int print(const struct ml_grant *grant, const uint8_t enclave[32], nacre_verify_error *why)
{
    uint8_t bytes[ML_GRANT_LEN];
    ml_grant_write(bytes, grant);
    char *text = ml_envelope_seal(bytes, sizeof bytes, enclave);
    sodium_memzero(bytes, sizeof bytes);
    if (text == NULL) {
        return nacre_vcmd_unchecked(why, "the enclave's data key cannot be encrypted to, or memory is out");
    }
    bool good = puts(text) != EOF && fflush(stdout) == 0;
    free(text);
    return good ? NACRE_CHECKED : nacre_vcmd_unchecked(why, "standard output cannot be written to");
}

int nacre_cmd_data_grant(int argc, char **argv)
{
    struct nacre_vcmd_options options;
    nacre_verify_error why = {.text = ""};
    const char *to = NULL, *buyer = NULL, *not_after = NULL;
    const struct nacre_vcmd_word list[] = {
        {.name = "to", .text = &to},
        {.name = "buyer", .text = &buyer},
        {.name = "not-after", .text = &not_after},
    };
    const struct nacre_vcmd_words words = {.word = list, .count = sizeof list / sizeof list[0]};
    struct ml_grant grant = {.not_after_ms = 0};
    uint8_t enclave[32];
    int code = nacre_vcmd_read_options(&options, argc, argv, help, &words);
    if (code >= 0) {
        return code;
    }
    int r = options.input != NULL && to != NULL
                ? fill(&grant, &options, buyer, not_after, &why)
                : nacre_vcmd_unchecked(&why, "KEYFILE and --to URL are needed; see --help");
    if (r == NACRE_CHECKED) {
        r = nacre_data_attested_key(&options, to, enclave, &why);
    }
    if (r == NACRE_CHECKED) {
        r = print(&grant, enclave, &why);
    }
    sodium_memzero(&grant, sizeof grant);
    nacre_verify_policy_free(options.policy);
    return nacre_data_conclude(options.program, r, &why);
}
