/* nacre data, nacre model */
#include "cmd_data.h"

#include "commands.h"
#include "keyfile.h"

#include <sodium.h>
#include <string.h>

static const char keygen_help[] =
    "usage: nacre model keygen FILE\n"
    "\n"
    "Makes the X25519 key that models are encrypted to, in a new FILE that only its owner may read, and "
    "prints the\n"
    "public half in hex: the key_id of a training job.\n";

static int keygen(int argc, char **argv)
{
    uint8_t public_key[32], secret[32];
    char hex[65], why[512];
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        (void)fputs(keygen_help, stdout);
        return 0;
    }
    if (argc != 2 || argv[1][0] == '-')
        return nacre_usage_error(argv[0], "expected one file name");
    (void)crypto_box_keypair(public_key, secret);
    int rc = nacre_keyfile_create(argv[1], NACRE_WORD_MODEL, secret, sizeof secret, why, sizeof why);
    sodium_memzero(secret, sizeof secret);
    if (rc) {
        (void)fprintf(stderr, "%s: %s\n", argv[0], why);
        return NACRE_EXIT_FAILED;
    }
    (void)puts(sodium_bin2hex(hex, sizeof hex, public_key, sizeof public_key));
    return 0;
}

static int dispatch(const char *program, const char *about, const struct nacre_command *commands, size_t n,
                    int argc, char **argv)
{
    if (sodium_init() < 0) {
        (void)fprintf(stderr, "%s: libsodium cannot start\n", program);
        return NACRE_UNCHECKED;
    }
    return nacre_command_dispatch(program, about, commands, n, argc, argv);
}

int nacre_cmd_data(int argc, char **argv)
{
    static const struct nacre_command commands[] = {
        {"encrypt", "encrypt a dataset, under a key of its own or to one enclave", nacre_cmd_data_encrypt},
        {"grant", "give a dataset's key to a live enclave for one job", nacre_cmd_data_grant},
    };
    return dispatch("nacre data", "Encrypts what contributors bring to a training job.", commands,
                    sizeof commands / sizeof commands[0], argc, argv);
}

int nacre_cmd_model(int argc, char **argv)
{
    static const struct nacre_command commands[] = {
        {"keygen", "make the key that models are encrypted to", keygen},
        {"open", "decrypt, check and export a trained model", nacre_cmd_model_open},
        {"plot", "draw loss and accuracy", nacre_cmd_model_plot},
    };
    return dispatch("nacre model", "Opens and shows what a training job made.", commands,
                    sizeof commands / sizeof commands[0], argc, argv);
}
