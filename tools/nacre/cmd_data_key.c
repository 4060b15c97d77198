/* The enclave's data key, and what the commands that seal to it have in common. */
#include "cmd_data.h"

#include "keyfile.h"

#include <common/cbor_get.h>

#include <sodium.h>
#include <string.h>

int nacre_dataset_key_load(struct nacre_dataset_key *out, const char *path, nacre_verify_error *why)
{
    uint8_t both[sizeof out->id + sizeof out->key];
    int rc = nacre_keyfile_load(both, sizeof both, path, NACRE_WORD_DATASET, why->text, sizeof why->text);
    if (rc == 0) {
        memcpy(out->id, both, sizeof out->id);
        memcpy(out->key, both + sizeof out->id, sizeof out->key);
    }
    sodium_memzero(both, sizeof both);
    return rc == 0 ? NACRE_CHECKED : NACRE_UNCHECKED;
}

static bool take_key(nacre_verify_bytes user_data, uint8_t key[32])
{
    cbor_item_t *map = user_data.data != NULL ? nacre_cbor_load(user_data.data, user_data.size) : NULL;
    const uint8_t *found = NULL;
    size_t len = 0;
    bool good = map != NULL && nacre_cbor_bytes(nacre_cbor_key(map, "data_key"), &found, &len) && len == 32;
    if (good) {
        memcpy(key, found, 32);
    }
    if (map != NULL) {
        cbor_decref(&map);
    }
    return good;
}

int nacre_data_attested_key(const struct nacre_vcmd_options *options, const char *url, uint8_t key[32],
                            nacre_verify_error *why)
{
    nacre_verify_report *report = NULL;
    int r = nacre_vcmd_is_url(url)
                ? NACRE_CHECKED
                : nacre_vcmd_unchecked(why, "'%.200s' is no URL, expected http:// or https://", url);
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_run_document(options, url, "/get_attestation", &report, why);
    }
    const nacre_verify_doc *doc = r == NACRE_CHECKED ? nacre_verify_report_doc(report) : NULL;
    if (r == NACRE_CHECKED && doc == NULL) {
        struct nacre_vcmd_verdict verdict = {0};
        nacre_vcmd_add_report(&verdict, "document", report);
        nacre_vcmd_print_text(stderr, &verdict);
        r = NACRE_REFUSED;
    }
    if (r == NACRE_CHECKED && !take_key(nacre_verify_doc_user_data(doc), key)) {
        r = nacre_vcmd_unchecked(why, "the document's user_data has no data_key of 32 bytes");
    }
    nacre_verify_report_free(report);
    return r;
}

int nacre_data_conclude(const char *program, int result, const nacre_verify_error *why)
{
    if (result == NACRE_UNCHECKED) {
        (void)fprintf(stderr, "%s: %s\n", program, why->text);
    }
    return result;
}
