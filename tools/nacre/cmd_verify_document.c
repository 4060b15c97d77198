/* nacre verify document */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cmd_verify.h"
#include "commands.h"

#define FRESH_NONCE_SIZE 32u

static const char help[] =
    "usage: nacre verify document [FILE|-|URL] [POLICY]\n"
    "\n"
    "Verifies a Nitro attestation document: COSE signature, certificate chain to the AWS root, validity, and "
    "the\n"
    "policy. FILE holds the raw CBOR, hex, base64 or {\"attestation\":\"hex\"}; standard input if left out. "
    "From a\n"
    "URL (http://HOST:PORT is enough) the document is fetched with a fresh nonce, which must come back in "
    "it, as\n"
    "such or below the root of a batch (docs/VERIFYING.md, Batches).\n"
    "\n"
    "Policy (at least one PCR or the public key, or --signature-only):\n"
    "  --pcrs FILE         PCRs that are expected: lines of `HEX PCR<n>`\n"
    "  --pcr N=HEX         the same for one\n"
    "  --public-key HEX    the key that is expected\n"
    "  --nonce HEX         the nonce that is expected; sent to a URL instead of a fresh one\n"
    "  --no-nonce          fetch from a URL without a nonce: the document may be an old one\n"
    "  --no-batch          fetch a document that is shared with nobody: the nonce must stand in it as it is\n"
    "  --user-data HEX     the user data that is expected\n"
    "  --max-age SECONDS   how old the document may be\n"
    "  --allow-debug       accept an enclave in debug mode (PCR0 all zero)\n"
    "  --signature-only    accept an enclave of anyone running anything\n"
    "  --root FILE         trust this certificate (PEM or DER) instead of the AWS root\n"
    "  --at WHEN           the clock: now (default), document (its own timestamp), or a time (RFC 3339 or "
    "ms)\n"
    "\n"
    "  --json              one JSON object instead of text\n"
    "  -h, --help\n"
    "\n"
    "Exit codes: 0 verified, 1 refused, 2 could not check.\n";

static void write_query(char *query, size_t room, const uint8_t *nonce, size_t size, bool batch)
{
    static const char name[] = "nonce=";
    memcpy(query, name, sizeof name);
    (void)sodium_bin2hex(query + sizeof name - 1, room - (sizeof name - 1), nonce, size);
    if (batch) {
        (void)snprintf(query + strlen(query), room - strlen(query), "&batch=1");
    }
}

/* Without a nonce, a URL may answer with any document of the past. */
static int fetch_document(const struct nacre_vcmd_options *options, const char *name, const char *path,
                          nacre_verify_bytes nonce, struct nacre_vcmd_buffer *buffer, nacre_verify_error *why)
{
    char query[sizeof "nonce=&batch=1" + (size_t)2 * NACRE_VERIFY_NONCE_MAX];
    if (nonce.size > 0) {
        write_query(query, sizeof query, nonce.data, nonce.size, !options->no_batch);
    }
    char *url = nacre_vcmd_url(name, path != NULL ? path : "/get_attestation", path != NULL,
                               nonce.size > 0 ? query : NULL);
    int r = url != NULL ? nacre_vcmd_fetch_document(options, url, buffer, why)
                        : nacre_vcmd_unchecked(why, "%.400s is no URL", name);
    free(url);
    return r;
}

int nacre_vcmd_get_document(const struct nacre_vcmd_options *options, const char *name, const char *path,
                            struct nacre_vcmd_buffer *buffer, nacre_verify_error *why)
{
    uint8_t fresh[FRESH_NONCE_SIZE];
    bool live = nacre_vcmd_is_url(name);
    nacre_verify_bytes nonce = {.data = options->nonce, .size = options->nonce_size};
    if (live && !options->expects_nonce && !options->no_nonce) {
        randombytes_buf(fresh, sizeof fresh);
        nonce = (nacre_verify_bytes){.data = fresh, .size = sizeof fresh};
        if (nacre_verify_policy_expect_nonce(options->policy, fresh, sizeof fresh, why) != NACRE_VERIFY_OK) {
            return NACRE_UNCHECKED;
        }
    }
    int r =
        live ? fetch_document(options, name, path, nonce, buffer, why) : nacre_vcmd_load(name, buffer, why);
    if (r == NACRE_CHECKED && nonce.size > 0 && !options->no_batch) {
        r = nacre_vcmd_take_batch(options->policy, nonce.data, nonce.size, buffer, why);
    }
    return r == NACRE_CHECKED ? nacre_vcmd_decode(buffer, why) : r;
}

int nacre_vcmd_judge_document(const struct nacre_vcmd_options *options,
                              const struct nacre_vcmd_buffer *buffer, nacre_verify_report **report,
                              nacre_verify_error *why)
{
    nacre_verify_error inner = {.text = ""};
    int verdict = nacre_verify_document(buffer->data, buffer->size, options->policy, report, &inner);
    if (verdict >= NACRE_VERIFY_OK) {
        return NACRE_CHECKED;
    }
    return nacre_vcmd_unchecked(why, "%.450s%s", inner.text,
                                verdict == NACRE_VERIFY_E_POLICY ? "; see nacre verify document --help" : "");
}

int nacre_vcmd_run_document(const struct nacre_vcmd_options *options, const char *name, const char *path,
                            nacre_verify_report **report, nacre_verify_error *why)
{
    struct nacre_vcmd_buffer buffer = {0};
    int r = nacre_vcmd_get_document(options, name, path, &buffer, why);
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_judge_document(options, &buffer, report, why);
    }
    nacre_vcmd_buffer_free(&buffer);
    return r;
}

int nacre_cmd_verify_document(int argc, char **argv)
{
    struct nacre_vcmd_options options;
    nacre_verify_report *report = NULL;
    nacre_verify_error why = {.text = ""};
    int code = nacre_vcmd_read_options(&options, argc, argv, help, NULL);
    if (code >= 0) {
        nacre_verify_policy_free(options.policy);
        return code;
    }
    const char *name = options.input != NULL ? options.input : "-";
    if (nacre_vcmd_run_document(&options, name, NULL, &report, &why) != NACRE_CHECKED) {
        code = nacre_vcmd_give_up(&options, &why);
    } else {
        struct nacre_vcmd_verdict verdict = {.signature_only = options.signature_only,
                                             .url = strncmp(name, "https:", 6) == 0 ? name : NULL};
        nacre_vcmd_add_report(&verdict, "document", report);
        code = nacre_vcmd_print(&options, &verdict);
    }
    nacre_verify_report_free(report);
    nacre_verify_policy_free(options.policy);
    return code;
}
