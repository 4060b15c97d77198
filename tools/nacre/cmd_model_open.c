/* nacre model open */
#include "cmd_data.h"

#include "file.h"
#include "keyfile.h"
#include "receipt.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "usage: nacre model open FILE --key KEYFILE -o DIR [--receipt FILE]\n"
    "\n"
    "Decrypts a trained model, as it lies in the store, with the buyer's key (from nacre model keygen), "
    "checks that it\n"
    "is the model its card speaks of, and writes DIR/model.safetensors and DIR/card.json.\n"
    "\n"
    "  --receipt FILE    the signed answer of /train, or its data as nacre call prints it: the stored bytes, "
    "the buyer's\n"
    "                    key and the model must be the receipt's. Its signature is not checked here but by "
    "nacre call\n"
    "                    or nacre verify response\n"
    "\n"
    "A card says of itself where the model comes from. Only a receipt, which is signed, proves it.\n"
    "Exit codes: 0 opened, 1 something does not fit, 2 could not.\n";

struct opened {
    uint8_t public_key[32];
    uint8_t *plain;
    size_t plain_len;
    struct ml_bundle parts;
};

static int decrypt(const struct nacre_vcmd_buffer *stored, const char *key_path, struct opened *out,
                   nacre_verify_error *why)
{
    uint8_t secret[32];
    if (nacre_keyfile_load(secret, sizeof secret, key_path, NACRE_WORD_MODEL, why->text, sizeof why->text) !=
        0) {
        return NACRE_UNCHECKED;
    }
    int r = NACRE_CHECKED;
    (void)crypto_scalarmult_base(out->public_key, secret);
    if (stored->size < crypto_box_SEALBYTES) {
        r = nacre_vcmd_unchecked(why, "%zu bytes are no sealed model", stored->size);
    } else {
        out->plain_len = stored->size - crypto_box_SEALBYTES;
        out->plain = malloc(out->plain_len + 1);
        if (out->plain == NULL) {
            r = nacre_vcmd_unchecked(why, "out of memory");
        } else if (crypto_box_seal_open(out->plain, stored->data, stored->size, out->public_key, secret) !=
                   0) {
            (void)nacre_vcmd_unchecked(why, "it does not open with this key: sealed to another, or changed");
            r = NACRE_REFUSED;
        }
    }
    sodium_memzero(secret, sizeof secret);
    return r;
}

static int differ(const char *what, const uint8_t *found, const uint8_t *expected, nacre_verify_error *why)
{
    char a[65], b[65];
    if (memcmp(found, expected, 32) == 0) {
        return NACRE_CHECKED;
    }
    (void)nacre_vcmd_unchecked(why, "%s is %s, expected %s", what, sodium_bin2hex(a, sizeof a, found, 32),
                               sodium_bin2hex(b, sizeof b, expected, 32));
    return NACRE_REFUSED;
}

static int check_receipt(const char *path, const struct nacre_vcmd_buffer *stored, const struct opened *o,
                         const uint8_t model[32], nacre_verify_error *why)
{
    struct nacre_receipt receipt;
    uint8_t sealed[32];
    int r = nacre_receipt_read(&receipt, path, why);
    if (r == NACRE_CHECKED && (!receipt.has_sealed || !receipt.has_buyer)) {
        r = nacre_vcmd_unchecked(why, "%.200s is no receipt of /train: no sealed_sha256 or buyer", path);
    }
    (void)crypto_hash_sha256(sealed, stored->data, stored->size);
    if (r == NACRE_CHECKED) {
        r = differ("SHA-256 of the stored bytes", sealed, receipt.sealed_sha256, why);
    }
    if (r == NACRE_CHECKED) {
        r = differ("the buyer's key", o->public_key, receipt.buyer, why);
    }
    return r == NACRE_CHECKED ? differ("SHA-256 of the model", model, receipt.model_sha256, why) : r;
}

static int check(struct opened *o, const struct nacre_vcmd_buffer *stored, const char *receipt,
                 nacre_verify_error *why)
{
    uint8_t digest[32], said[32];
    char text[ML_WHY];
    struct ml_bundle parts;
    if (ml_bundle_read(&parts, o->plain, o->plain_len, text) != 0) {
        (void)nacre_vcmd_unchecked(why, "%.200s", text);
        return NACRE_REFUSED;
    }
    o->parts = parts;
    (void)crypto_hash_sha256(digest, o->parts.model, o->parts.model_len);
    int r = nacre_receipt_of_card(said, o->parts.card, o->parts.card_len, why);
    if (r == NACRE_CHECKED) {
        r = differ("SHA-256 of the model", digest, said, why);
    }
    return r == NACRE_CHECKED && receipt != NULL ? check_receipt(receipt, stored, o, digest, why) : r;
}

static int export(const struct opened *o, const char *dir, nacre_verify_error *why)
{
    char model[4096], card[4096];
    if (mkdir(dir, 0777) < 0 && errno != EEXIST) {
        return nacre_vcmd_unchecked(why, "%.200s: %s", dir, strerror(errno));
    }
    if (nacre_file_join(model, sizeof model, dir, "model.safetensors") != 0 ||
        nacre_file_join(card, sizeof card, dir, "card.json") != 0) {
        return nacre_vcmd_unchecked(why, "%.200s: name too long", dir);
    }
    if (nacre_file_write(model, o->parts.model, o->parts.model_len, why->text, sizeof why->text) != 0 ||
        nacre_file_write(card, o->parts.card, o->parts.card_len, why->text, sizeof why->text) != 0) {
        return NACRE_UNCHECKED;
    }
    (void)printf("%s\n%s\n", model, card);
    return NACRE_CHECKED;
}

static int open_model(const struct nacre_vcmd_options *options, const char *key, const char *dir,
                      const char *receipt, nacre_verify_error *why)
{
    struct nacre_vcmd_buffer stored = {0};
    struct opened o = {.plain = NULL};
    int r = nacre_vcmd_load_up_to(options->input, NACRE_DATA_MAX, &stored, why);
    if (r == NACRE_CHECKED) {
        r = decrypt(&stored, key, &o, why);
    }
    if (r == NACRE_CHECKED) {
        r = check(&o, &stored, receipt, why);
    }
    if (r == NACRE_CHECKED) {
        r = export(&o, dir, why);
    }
    if (o.plain != NULL) {
        sodium_memzero(o.plain, o.plain_len);
    }
    free(o.plain);
    nacre_vcmd_buffer_free(&stored);
    return r;
}

int nacre_cmd_model_open(int argc, char **argv)
{
    struct nacre_vcmd_options options;
    nacre_verify_error why = {.text = ""};
    const char *key = NULL, *dir = NULL, *receipt = NULL;
    const struct nacre_vcmd_word list[] = {
        {.name = "key", .text = &key},
        {.name = "output", .letter = 'o', .text = &dir},
        {.name = "receipt", .text = &receipt},
    };
    const struct nacre_vcmd_words words = {.word = list, .count = sizeof list / sizeof list[0]};
    int code = nacre_vcmd_read_options(&options, argc, argv, help, &words);
    if (code >= 0) {
        return code;
    }
    int r;
    if (options.input == NULL || key == NULL || dir == NULL) {
        r = nacre_vcmd_unchecked(&why, "FILE, --key and -o are needed; see --help");
    } else {
        r = open_model(&options, key, dir, receipt, &why);
    }
    if (r == NACRE_CHECKED) {
        (void)fprintf(stderr, "the model is the one of its card%s\n",
                      receipt != NULL ? " and of the receipt"
                                      : "; without --receipt, the card is its word alone");
    } else {
        (void)fprintf(stderr, "%s: %s\n", options.program, why.text);
    }
    nacre_verify_policy_free(options.policy);
    return r;
}
