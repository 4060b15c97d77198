/* nacre secrets; and of its parts those that need no enclave. */
#include "cmd_secrets.h"

#include "commands.h"
#include "file.h"
#include "seal.h"

#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char keygen_help[] =
    "usage: nacre secrets keygen FILE\n"
    "\n"
    "Makes the operator's Ed25519 key, which signs what is sealed, in a new FILE that only its owner may "
    "read, and\n"
    "prints the public half: the value of secrets.operator_key in the measured configuration.\n";

static const char show_help[] = "usage: nacre secrets show BLOB\n"
                                "\n"
                                "Prints whom a sealed blob is for and who signed it. Only the enclave can "
                                "open it; what is shown is checked against\n"
                                "the signature that the blob carries, and nothing else. Exit codes: 0 shown, "
                                "1 the signature does not fit, 2 no\n"
                                "blob.\n";

/* The one word of the command line, or NULL after *code has been set. */
static const char *only_word(int argc, char **argv, const char *help, int *code)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            (void)fputs(help, stdout);
            *code = 0;
            return NULL;
        }
    }
    if (argc == 2 && argv[1][0] != '-')
        return argv[1];
    *code = nacre_usage_error(argv[0], "expected one file name");
    return NULL;
}

int nacre_cmd_secrets_keygen(int argc, char **argv)
{
    int code = 0;
    char why[512], hex[65];
    struct nacre_operator key;
    const char *path = only_word(argc, argv, keygen_help, &code);
    if (!path)
        return code;
    if (nacre_operator_create(&key, path, why, sizeof why)) {
        (void)fprintf(stderr, "%s: %s\n", argv[0], why);
        return NACRE_EXIT_FAILED;
    }
    (void)puts(sodium_bin2hex(hex, sizeof hex, key.public_key, sizeof key.public_key));
    sodium_memzero(&key, sizeof key);
    return 0;
}

static void print_blob(const struct nacre_sealed *s, size_t len, bool fits)
{
    char hex[NACRE_SHA384_HEX], when[40] = "out of range";
    time_t seconds = (time_t)(s->made_ms / 1000);
    struct tm utc;
    if (s->made_ms / 1000 < INT64_C(253402300800) && gmtime_r(&seconds, &utc))
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    (void)printf("bytes        %zu, of which the secrets are %zu\n", len, s->box_len - NACRE_SEALED_BOX);
    (void)printf("sealed       %s (the operator's clock)\n", when);
    (void)fputs("app          ", stdout);
    for (size_t i = 0; i < s->app_len; i++) /* nobody has vouched for these bytes */
        (void)putchar(s->app[i] > 0x20 && s->app[i] < 0x7f ? s->app[i] : '?');
    nacre_hex(hex, s->config, NACRE_SHA384_LEN);
    (void)printf("\nconfig       %s\n", hex);
    nacre_hex(hex, s->enclave_key, 32);
    (void)printf("secrets_key  %s\n", hex);
    nacre_hex(hex, s->operator_key, 32);
    (void)printf("operator     %s\nsignature    %s\n", hex, fits ? "fits" : "DOES NOT FIT");
}

int nacre_cmd_secrets_show(int argc, char **argv)
{
    int code = 0;
    char why[NACRE_SEALED_WHY] = "";
    uint8_t *data = NULL;
    size_t len = 0;
    struct nacre_sealed s;
    const char *path = only_word(argc, argv, show_help, &code);
    if (!path)
        return code;
    if (nacre_file_read(&data, &len, path, NACRE_SEALED_MAX, why, sizeof why) ||
        nacre_sealed_parse(&s, data, len, why)) {
        (void)fprintf(stderr, "%s: %s: %s\n", argv[0], path, why);
        free(data);
        return 2;
    }
    bool fits = crypto_sign_verify_detached(s.signature, data, s.signed_len, s.operator_key) == 0;
    print_blob(&s, len, fits);
    free(data);
    return fits ? 0 : NACRE_EXIT_FAILED;
}

int nacre_cmd_secrets(int argc, char **argv)
{
    static const struct nacre_command commands[] = {
        {"check", "check that an enclave took this very blob", nacre_cmd_secrets_check},
        {"keygen", "make the operator's key", nacre_cmd_secrets_keygen},
        {"kms", "print what AWS KMS has to be told", nacre_cmd_secrets_kms},
        {"lend", "lend this instance's credentials to an enclave that asks KMS", nacre_cmd_secrets_lend},
        {"seal", "verify an enclave and seal secrets to it", nacre_cmd_secrets_seal},
        {"send", "deliver sealed secrets", nacre_cmd_secrets_send},
        {"show", "print whom sealed secrets are for", nacre_cmd_secrets_show},
    };
    if (sodium_init() < 0) {
        (void)fputs("nacre secrets: libsodium cannot start\n", stderr);
        return 2;
    }
    return nacre_command_dispatch("nacre secrets",
                                  "Brings secrets to an enclave past a parent that cannot read them.",
                                  commands, sizeof commands / sizeof commands[0], argc, argv);
}
