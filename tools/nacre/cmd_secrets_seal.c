/* nacre secrets seal */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cmd_secrets.h"
#include "file.h"
#include "seal.h"

static const char help[] =
    "usage: nacre secrets seal SECRETS --url URL|--document FILE --pcrs FILE --key FILE -o BLOB\n"
    "\n"
    "Verifies the document of an enclave under the policy, then seals SECRETS (a JSON object of texts; - is "
    "standard\n"
    "input) to the X25519 key in it and signs the result with the operator's key. The blob is for this start "
    "of this\n"
    "enclave with this app and this configuration. Nothing is written when the document is refused.\n"
    "\n"
    "  --url URL           the enclave: its document is fetched with a fresh nonce\n"
    "  --document FILE     a document that was fetched elsewhere; its certificates live for about three "
    "hours\n"
    "  --key FILE          the operator's key, from nacre secrets keygen\n"
    "  -o, --output BLOB   where the blob goes\n"
    "  --certificate FILE  certificates for HTTPS (PEM, the enclave's own first), when http.tls is operator\n"
    "  --certificate-key FILE\n"
    "                      and the private key of the first. Only nacre-http gets them, never the app\n"
    "\n"
    "Policy: as in nacre verify document --help, except --signature-only, --no-nonce and --at. The PCRs have "
    "to say\n"
    "what runs there: PCR0, or PCR1 and PCR2. --allow-debug seals to an enclave whose console anyone on the "
    "parent\n"
    "can read.\n"
    "\n"
    "Exit codes: 0 sealed, 1 refused, 2 could not check or seal.\n";

struct wish {
    const char *url, *document, *key, *output, *certificate, *certificate_key;
};

static int check_usage(const struct nacre_vcmd_options *options, const struct wish *w,
                       nacre_verify_error *why)
{
    if (options->input == NULL || w->key == NULL || w->output == NULL) {
        return nacre_vcmd_unchecked(why, "SECRETS, --key and -o are needed");
    }
    if ((w->certificate == NULL) != (w->certificate_key == NULL)) {
        return nacre_vcmd_unchecked(why, "--certificate and --certificate-key belong together");
    }
    return nacre_secrets_usage(options, w->url, w->document, why);
}

static int get_target(const struct nacre_vcmd_options *options, const struct wish *w,
                      struct nacre_seal_for *to, nacre_verify_report **report, nacre_verify_error *why)
{
    int r = nacre_secrets_document(options, w->url, w->document, report, why);
    if (r == NACRE_CHECKED) {
        nacre_verify_bytes user_data = nacre_verify_doc_user_data(nacre_verify_report_doc(*report));
        r = nacre_seal_target(to, user_data.data, user_data.size, why->text, sizeof why->text) == 0
                ? NACRE_CHECKED
                : NACRE_UNCHECKED;
    }
    return r;
}

static int write_blob(const struct wish *w, const struct nacre_seal_for *to, const struct nacre_operator *key,
                      const struct nacre_vcmd_buffer *secrets, nacre_verify_error *why)
{
    uint8_t *blob = malloc(NACRE_SEALED_MAX);
    int size =
        blob != NULL ? nacre_seal(blob, to, key, nacre_vcmd_now_ms(), secrets->data, secrets->size) : -1;
    int r = NACRE_CHECKED;
    if (size < 0) {
        r = nacre_vcmd_unchecked(why, "the key in the document cannot be sealed to");
    } else if (nacre_file_write(w->output, blob, (size_t)size, why->text, sizeof why->text) != 0) {
        r = NACRE_UNCHECKED;
    } else {
        (void)fprintf(stderr, "sealed for %s into %s: %d bytes\n", to->app, w->output, size);
    }
    free(blob);
    return r;
}

static int seal(const struct nacre_vcmd_options *options, const struct wish *w, nacre_verify_report **report,
                nacre_verify_error *why)
{
    struct nacre_operator key = {.public_key = {0}};
    struct nacre_vcmd_buffer secrets = {0};
    struct nacre_seal_for to;
    int r = check_usage(options, w, why);
    if (r == NACRE_CHECKED && nacre_operator_load(&key, w->key, why->text, sizeof why->text) != 0) {
        r = NACRE_UNCHECKED;
    }
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_load(options->input, &secrets, why);
    }
    if (r == NACRE_CHECKED &&
        nacre_seal_check(secrets.data, secrets.size, why->text, sizeof why->text) != 0) {
        r = NACRE_UNCHECKED;
    }
    if (r == NACRE_CHECKED && w->certificate != NULL) {
        r = nacre_secrets_add_tls(&secrets, w->certificate, w->certificate_key, why);
    }
    if (r == NACRE_CHECKED) {
        r = get_target(options, w, &to, report, why);
    }
    if (r == NACRE_CHECKED && w->certificate != NULL &&
        nacre_verify_doc_tls_key(nacre_verify_report_doc(*report)).data == NULL) {
        r = nacre_vcmd_unchecked(why, "the document names no TLS key: this enclave's http.tls is none");
    }
    if (r == NACRE_CHECKED) {
        r = write_blob(w, &to, &key, &secrets, why);
    }
    sodium_memzero(&key, sizeof key);
    if (secrets.data != NULL) {
        sodium_memzero(secrets.data, secrets.size);
    }
    nacre_vcmd_buffer_free(&secrets);
    return r;
}

int nacre_cmd_secrets_seal(int argc, char **argv)
{
    struct nacre_vcmd_options options;
    struct wish w = {0};
    nacre_verify_report *report = NULL;
    nacre_verify_error why = {.text = ""};
    const struct nacre_vcmd_word list[] = {
        {.name = "url", .text = &w.url},
        {.name = "document", .text = &w.document},
        {.name = "key", .text = &w.key},
        {.name = "certificate", .text = &w.certificate},
        {.name = "certificate-key", .text = &w.certificate_key},
        {.name = "output", .letter = 'o', .text = &w.output},
    };
    const struct nacre_vcmd_words words = {.word = list, .count = sizeof list / sizeof list[0]};
    int code = nacre_vcmd_read_options(&options, argc, argv, help, &words);
    if (code < 0) {
        code = seal(&options, &w, &report, &why);
        (void)nacre_secrets_conclude(&options, code, "not sealed", report, &why);
    }
    nacre_verify_report_free(report);
    nacre_verify_policy_free(options.policy);
    return code;
}
