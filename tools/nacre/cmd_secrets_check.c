/* nacre secrets check */
#include <string.h>

#include <common/cbor_get.h>
#include <common/sealed.h>
#include <sodium.h>

#include "cmd_secrets.h"

static const char help[] =
    "usage: nacre secrets check BLOB --url URL|--document FILE --pcrs FILE\n"
    "\n"
    "Verifies the document of an enclave under the policy, and says whether it took this very blob: once it "
    "has taken\n"
    "sealed secrets, its documents name the SHA-256 of the blob. Believe this, and not what the parent "
    "says.\n"
    "\n"
    "Policy: as in nacre secrets seal --help.\n"
    "\n"
    "Exit codes: 0 it did, 1 it did not, or the document is refused, 2 could not check.\n";

struct wish {
    const char *url, *document;
};

/* The digest in user_data; false: there is none. */
static bool taken(nacre_verify_bytes user_data, uint8_t id[NACRE_SEALED_ID])
{
    cbor_item_t *map = user_data.size > 0 ? nacre_cbor_load(user_data.data, user_data.size) : NULL;
    const uint8_t *data;
    size_t len;
    bool found =
        map && nacre_cbor_bytes(nacre_cbor_key(map, "secrets"), &data, &len) && len == NACRE_SEALED_ID;
    if (found) {
        memcpy(id, data, NACRE_SEALED_ID);
    }
    if (map) {
        cbor_decref(&map);
    }
    return found;
}

static int compare(const uint8_t expected[NACRE_SEALED_ID], const nacre_verify_doc *doc,
                   nacre_verify_error *why)
{
    uint8_t id[NACRE_SEALED_ID];
    char a[2 * NACRE_SEALED_ID + 1], b[2 * NACRE_SEALED_ID + 1];
    if (!taken(nacre_verify_doc_user_data(doc), id)) {
        (void)snprintf(why->text, sizeof why->text, "the enclave has taken no sealed secrets");
        return NACRE_REFUSED;
    }
    nacre_hex(a, id, sizeof id);
    nacre_hex(b, expected, NACRE_SEALED_ID);
    if (memcmp(id, expected, sizeof id) != 0) {
        (void)snprintf(why->text, sizeof why->text, "the enclave took blob %s, this is %s", a, b);
        return NACRE_REFUSED;
    }
    (void)printf("taken: %s\n", a);
    return NACRE_CHECKED;
}

static int check(const struct nacre_vcmd_options *options, const struct wish *w, nacre_verify_report **report,
                 nacre_verify_error *why)
{
    struct nacre_vcmd_buffer blob = {0};
    struct nacre_sealed sealed;
    uint8_t expected[NACRE_SEALED_ID];
    if (options->input == NULL) {
        return nacre_vcmd_unchecked(why, "BLOB is missing");
    }
    int r = nacre_secrets_usage(options, w->url, w->document, why);
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_load(options->input, &blob, why);
    }
    if (r == NACRE_CHECKED && nacre_sealed_parse(&sealed, blob.data, blob.size, why->text) != 0) {
        r = NACRE_UNCHECKED;
    }
    if (r == NACRE_CHECKED) {
        (void)crypto_hash_sha256(expected, blob.data, blob.size);
        r = nacre_secrets_document(options, w->url, w->document, report, why);
    }
    if (r == NACRE_CHECKED) {
        r = compare(expected, nacre_verify_report_doc(*report), why);
    }
    nacre_vcmd_buffer_free(&blob);
    return r;
}

int nacre_cmd_secrets_check(int argc, char **argv)
{
    struct nacre_vcmd_options options;
    struct wish w = {0};
    nacre_verify_report *report = NULL;
    nacre_verify_error why = {.text = ""};
    const struct nacre_vcmd_word list[] = {
        {.name = "url", .text = &w.url},
        {.name = "document", .text = &w.document},
    };
    const struct nacre_vcmd_words words = {.word = list, .count = sizeof list / sizeof list[0]};
    int code = nacre_vcmd_read_options(&options, argc, argv, help, &words);
    if (code < 0) {
        code = check(&options, &w, &report, &why);
        (void)nacre_secrets_conclude(&options, code, "not so", report, &why);
    }
    nacre_verify_report_free(report);
    nacre_verify_policy_free(options.policy);
    return code;
}
