/* nacre verify health */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cmd_verify.h"
#include "commands.h"

#define KEY_SIZE     32u
#define KEY_HEX_SIZE (2 * KEY_SIZE + 1)

static const char help[] = "usage: nacre verify health URL [POLICY]\n"
                           "\n"
                           "Asks an enclave for /health_check and /get_attestation, verifies the document "
                           "under the policy (see nacre verify\n"
                           "document --help for its options) and checks that the key it reports is the "
                           "attested one. Which upstream hosts it\n"
                           "reaches is shown and does not change the verdict.\n"
                           "\n"
                           "Exit codes: 0 verified, 1 refused, 2 could not check.\n";

struct health {
    struct nacre_vcmd_buffer text;
    struct nacre_vcmd_json endpoints;
    char attested[KEY_HEX_SIZE];
    char pk[KEY_HEX_SIZE];
    char public_key[KEY_HEX_SIZE];
    nacre_verify_check check[2];
    nacre_verify_report *report;
};

/* A key as the health check shows it, in lower case. */
static int take_key(struct nacre_vcmd_json all, const char *name, char *hex, nacre_verify_error *why)
{
    uint8_t key[KEY_SIZE];
    size_t size = 0;
    struct nacre_vcmd_json value;
    int r = nacre_vcmd_json_string(all, name, &value, why);
    if (r != NACRE_CHECKED) {
        return r;
    }
    if (nacre_vcmd_parse_hex(value.text, value.size, key, sizeof key, &size) != NACRE_CHECKED ||
        size != KEY_SIZE) {
        return nacre_vcmd_unchecked(why,
                                    "\"%s\" of the health check has %zu characters, expected %u bytes in hex",
                                    name, value.size, KEY_SIZE);
    }
    (void)sodium_bin2hex(hex, KEY_HEX_SIZE, key, sizeof key);
    return NACRE_CHECKED;
}

static int fetch_health(const char *base, struct health *health, nacre_verify_error *why)
{
    char *url = nacre_vcmd_url(base, "/health_check", true, NULL);
    if (url == NULL) {
        return nacre_vcmd_unchecked(why, "%.400s is no URL", base);
    }
    int r = nacre_vcmd_fetch(url, &health->text, why);
    free(url);
    if (r != NACRE_CHECKED) {
        return r;
    }
    struct nacre_vcmd_json all = {.text = (const char *)health->text.data, .size = health->text.size};
    if (nacre_vcmd_json_has(all, "endpoints_status")) {
        (void)nacre_vcmd_json_object(all, "endpoints_status", &health->endpoints, NULL);
    }
    r = take_key(all, "pk", health->pk, why);
    /* Some servers say it under a second name as well; then both have to be right. */
    if (r == NACRE_CHECKED && nacre_vcmd_json_has(all, "public_key")) {
        r = take_key(all, "public_key", health->public_key, why);
    }
    return r;
}

static void compare(struct nacre_vcmd_verdict *verdict, struct health *health, size_t index, const char *name,
                    const char *found)
{
    health->check[index] = (nacre_verify_check){.name = name,
                                                .passed = strcmp(found, health->attested) == 0,
                                                .expected = health->attested,
                                                .actual = found};
    nacre_vcmd_add_check(verdict, "health", &health->check[index]);
}

static int verify(const struct nacre_vcmd_options *options, struct nacre_vcmd_verdict *verdict,
                  struct health *health, nacre_verify_error *why)
{
    if (options->input == NULL || !nacre_vcmd_is_url(options->input)) {
        return nacre_vcmd_unchecked(why, "'%.400s' is no URL, expected http:// or https://",
                                    options->input != NULL ? options->input : "");
    }
    /* the document first: it says which key HTTPS has to be under */
    int r = nacre_vcmd_run_document(options, options->input, "/get_attestation", &health->report, why);
    if (r == NACRE_CHECKED) {
        r = fetch_health(options->input, health, why);
    }
    if (r != NACRE_CHECKED) {
        return r;
    }
    nacre_vcmd_add_report(verdict, "document", health->report);
    const nacre_verify_doc *doc = nacre_verify_report_doc(health->report);
    if (doc != NULL) {
        nacre_verify_bytes key = nacre_verify_doc_public_key(doc);
        if (key.size == KEY_SIZE) {
            (void)sodium_bin2hex(health->attested, sizeof health->attested, key.data, key.size);
        } else {
            (void)snprintf(health->attested, sizeof health->attested, "no key of 32 bytes");
        }
        compare(verdict, health, 0, "pk", health->pk);
        if (health->public_key[0] != '\0') {
            compare(verdict, health, 1, "public_key", health->public_key);
        }
    }
    return NACRE_CHECKED;
}

int nacre_cmd_verify_health(int argc, char **argv)
{
    struct nacre_vcmd_options options;
    struct nacre_vcmd_verdict verdict = {0};
    struct health health = {0};
    nacre_verify_error why = {.text = ""};
    int code = nacre_vcmd_read_options(&options, argc, argv, help, NULL);
    if (code < 0 && verify(&options, &verdict, &health, &why) != NACRE_CHECKED) {
        code = nacre_vcmd_give_up(&options, &why);
    }
    if (code < 0) {
        verdict.signature_only = options.signature_only;
        verdict.endpoints = health.endpoints.text;
        verdict.endpoints_size = health.endpoints.size;
        code = nacre_vcmd_print(&options, &verdict);
    }
    nacre_verify_report_free(health.report);
    nacre_vcmd_buffer_free(&health.text);
    nacre_verify_policy_free(options.policy);
    return code;
}
