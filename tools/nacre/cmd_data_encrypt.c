/* nacre data encrypt */
#include "cmd_data.h"

#include "commands.h"
#include "file.h"
#include "keyfile.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: nacre data encrypt FILE -o OUT --key KEYFILE\n"
    "       nacre data encrypt FILE -o OUT --to URL POLICY\n"
    "\n"
    "Encrypts a dataset (CSV with a header, or JSON pairs; - is standard input).\n"
    "\n"
    "  -o, --output OUT    where the encrypted dataset goes\n"
    "  --key KEYFILE       under a fresh key, which goes into the new file KEYFILE: what is stored then "
    "outlives every\n"
    "                      restart of an enclave, and `nacre data grant` gives the key to one enclave for "
    "one job\n"
    "  --to URL            to the data key of the enclave at URL, as its verified document says it: nothing "
    "more is\n"
    "                      needed for a job, but it is good for this start of this enclave only\n"
    "\n"
    "Policy: as in nacre verify document --help.\n"
    "Exit codes: 0 encrypted, 1 the enclave was refused, 2 could not.\n";

/* FILE as an encrypted dataset: *out is the caller's. */
static int seal_dataset(const struct nacre_vcmd_buffer *plain, struct ml_seal *s, uint8_t **out,
                        size_t *out_len)
{
    size_t chunks = plain->size / ML_DATASET_CHUNK + 1, at = sizeof s->head;
    uint8_t *bytes = malloc(sizeof s->head + plain->size + chunks * 17);
    if (bytes == NULL) {
        return -1;
    }
    memcpy(bytes, s->head, sizeof s->head);
    for (size_t done = 0, n = 0; done < plain->size; done += n) {
        size_t left = plain->size - done;
        n = left < ML_DATASET_CHUNK ? left : ML_DATASET_CHUNK;
        at += ml_seal_chunk(s, bytes + at, plain->data + done, n, n == left);
    }
    *out = bytes;
    *out_len = at;
    return 0;
}

static int with_key(const struct nacre_vcmd_buffer *plain, const char *key_path, const char *output,
                    nacre_verify_error *why)
{
    struct nacre_dataset_key key;
    struct ml_seal s;
    uint8_t both[sizeof key.id + sizeof key.key], *out = NULL;
    size_t len = 0;
    randombytes_buf(key.key, sizeof key.key);
    ml_seal_begin(&s, key.key);
    memcpy(key.id, s.head + 8, sizeof key.id); /* behind "NACREDS1" */
    memcpy(both, key.id, sizeof key.id);
    memcpy(both + sizeof key.id, key.key, sizeof key.key);
    int r =
        seal_dataset(plain, &s, &out, &len) == 0 ? NACRE_CHECKED : nacre_vcmd_unchecked(why, "out of memory");
    /* the key first: data that nobody can open is worse than a key without data */
    if (r == NACRE_CHECKED && (nacre_keyfile_create(key_path, NACRE_WORD_DATASET, both, sizeof both,
                                                    why->text, sizeof why->text) != 0 ||
                               nacre_file_write(output, out, len, why->text, sizeof why->text) != 0)) {
        r = NACRE_UNCHECKED;
    }
    sodium_memzero(&key, sizeof key);
    sodium_memzero(&s, sizeof s);
    sodium_memzero(both, sizeof both);
    free(out);
    if (r == NACRE_CHECKED) {
        (void)fprintf(stderr, "encrypted %zu bytes into %s (%zu bytes); its key is in %s\n", plain->size,
                      output, len, key_path);
    }
    return r;
}

static int to_enclave(const struct nacre_vcmd_options *options, const struct nacre_vcmd_buffer *plain,
                      const char *url, const char *output, nacre_verify_error *why)
{
    uint8_t key[32];
    int r = nacre_data_attested_key(options, url, key, why);
    char *text = r == NACRE_CHECKED ? ml_envelope_seal(plain->data, plain->size, key) : NULL;
    if (r == NACRE_CHECKED && text == NULL) {
        r = nacre_vcmd_unchecked(why, "the enclave's data key cannot be encrypted to, or memory is out");
    }
    if (r == NACRE_CHECKED && text != NULL &&
        nacre_file_write(output, text, strlen(text), why->text, sizeof why->text) != 0) {
        r = NACRE_UNCHECKED;
    }
    if (r == NACRE_CHECKED) {
        (void)fprintf(stderr,
                      "encrypted %zu bytes into %s, to the enclave at %s: of use until it is started again\n",
                      plain->size, output, url);
    }
    free(text);
    return r;
}

int nacre_cmd_data_encrypt(int argc, char **argv)
{
    struct nacre_vcmd_options options;
    struct nacre_vcmd_buffer plain = {0};
    nacre_verify_error why = {.text = ""};
    const char *output = NULL, *key = NULL, *to = NULL;
    const struct nacre_vcmd_word list[] = {
        {.name = "output", .letter = 'o', .text = &output},
        {.name = "key", .text = &key},
        {.name = "to", .text = &to},
    };
    const struct nacre_vcmd_words words = {.word = list, .count = sizeof list / sizeof list[0]};
    int code = nacre_vcmd_read_options(&options, argc, argv, help, &words);
    if (code >= 0) {
        return code;
    }
    int r = options.input != NULL && output != NULL && (key == NULL) != (to == NULL)
                ? nacre_vcmd_load_up_to(options.input, NACRE_DATA_MAX, &plain, &why)
                : nacre_vcmd_unchecked(&why, "FILE, -o and one of --key and --to are needed; see --help");
    if (r == NACRE_CHECKED && plain.size == 0) {
        r = nacre_vcmd_unchecked(&why, "%.200s is empty", options.input);
    }
    if (r == NACRE_CHECKED) {
        r = key != NULL ? with_key(&plain, key, output, &why)
                        : to_enclave(&options, &plain, to, output, &why);
    }
    if (plain.data != NULL) {
        sodium_memzero(plain.data, plain.size);
    }
    nacre_vcmd_buffer_free(&plain);
    nacre_verify_policy_free(options.policy);
    return nacre_data_conclude(options.program, r, &why);
}
