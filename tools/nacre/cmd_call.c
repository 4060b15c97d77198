/* nacre call */
#include "cmd_call.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "commands.h"

#define NONCE_SIZE  32u
#define TIMEOUT_MAX 86400u
#define URL_SIZE    4096u

static const char help[] =
    "usage: nacre call URL ROUTE [-d JSON|@FILE|-] [POLICY] [--types FILE|--plugin APP.so]\n"
    "\n"
    "Calls a route of an enclave and prints the answer's data, once all of this is so: the enclave's "
    "document, fetched\n"
    "with a fresh nonce, is verified under the policy, and the answer is signed by the key in it. Nothing is "
    "sent to\n"
    "the route before the document is verified. The data is printed byte for byte as answered.\n"
    "\n"
    "  -d, --data JSON         the request: JSON, @FILE, or - for standard input\n"
    "  -X, --method METHOD     else as /openapi.json says, or POST\n"
    "  --types FILE            the declared types, as `nacre plugin types` writes them\n"
    "  --plugin APP.so         the same from the plugin itself. Without either they are taken from the "
    "server's\n"
    "                          /openapi.json, which nobody signs: BCS holds no names, so whoever stands "
    "between can\n"
    "                          then swap what two fields of one kind are called. Good for looking, not for "
    "relying\n"
    "  --attest                have the answer carry a document of its own, with a second fresh nonce, and "
    "verify\n"
    "                          it too: so the key signs while this call is made\n"
    "  --async                 call it as a job: follow it, with a progress bar, and verify the answer at "
    "its "
    "end\n"
    "  --max-response-age S    how many seconds old the answer may be; not checked if left out\n"
    "  --timeout S             for the route's answer; 30 if left out, and with --async as long as it "
    "takes\n"
    "  --seal                  seal the body to the data key in the verified document, and take a sealed "
    "answer only:\n"
    "                          whoever carries them reads and changes neither. A query stays in clear "
    "(docs/SEALED.md)\n"
    "  --json                  one JSON object with checks, document and answer\n"
    "\n"
    "  --ptb                   print the `sui client ptb` command that submits the answer instead of its "
    "data. The\n"
    "                          Move function takes the data's fields, timestamp_ms, the signature and the "
    "Enclave\n"
    "  --package ID  --module NAME  --function NAME  --enclave ID  --type-args TYPES  --gas-budget MIST\n"
    "                          what stands in it; a placeholder where left out\n"
    "\n"
    "Policy (at least one PCR or the public key, or --signature-only), as in nacre verify document --help:\n"
    "  --pcrs FILE  --pcr N=HEX  --public-key HEX  --user-data HEX  --max-age S  --allow-debug  "
    "--signature-only\n"
    "  --root FILE  --at WHEN\n"
    "\n"
    "Exit codes: 0 verified, 1 refused, 2 could not check (the route's own errors too).\n";

struct words {
    const char *route, *data, *method, *types, *plugin, *timeout, *max_age;
    struct nacre_vcall_ptb ids;
    bool attest, ptb, async, seal;
};

struct call {
    struct nacre_vcmd_options options;
    struct words words;
    struct nacre_vcmd_verdict verdict;
    struct nacre_vcmd_buffer body;
    struct nacre_vcmd_buffer answer;
    struct nacre_vcall_seal seal;
    nacre_verify_types *types;
    nacre_verify_report *document;
    nacre_verify_report *attested; /* of the answer's own document */
    nacre_verify_report *response;
    char method[NACRE_VCALL_METHOD_SIZE];
    long timeout_s;
    uint8_t nonce[NONCE_SIZE];
    nacre_verify_error why;
};

static int read_body(struct call *c)
{
    const char *data = c->words.data;
    if (data == NULL) {
        return NACRE_CHECKED;
    }
    if (strcmp(data, "-") == 0 || data[0] == '@') {
        return nacre_vcmd_load_up_to(data[0] == '@' ? data + 1 : data, NACRE_VCMD_ANSWER_MAX, &c->body,
                                     &c->why);
    }
    c->body.data = (uint8_t *)strdup(data);
    c->body.size = strlen(data);
    return c->body.data != NULL ? NACRE_CHECKED : nacre_vcmd_unchecked(&c->why, "out of memory");
}

static int read_method(struct call *c)
{
    const char *method = c->words.method;
    size_t length = method != NULL ? strlen(method) : 0;
    if (length >= sizeof c->method || (method != NULL && length == 0)) {
        return nacre_vcmd_unchecked(&c->why, "--method is '%.100s', expected GET, POST, PUT, PATCH or DELETE",
                                    method);
    }
    for (size_t i = 0; i < length; i++) {
        if (!isalpha((unsigned char)method[i])) {
            return nacre_vcmd_unchecked(&c->why, "--method is '%.100s', expected letters", method);
        }
        c->method[i] = (char)toupper((unsigned char)method[i]);
    }
    return NACRE_CHECKED;
}

static int check_usage(struct call *c)
{
    const struct words *w = &c->words;
    uint64_t seconds = 0;
    if (c->options.input == NULL || !nacre_vcmd_is_url(c->options.input)) {
        return nacre_vcmd_unchecked(&c->why, "'%.200s' is no URL, expected http:// or https://",
                                    c->options.input != NULL ? c->options.input : "");
    }
    if (w->route == NULL || w->route[0] != '/') {
        return nacre_vcmd_unchecked(&c->why, "the route is '%.200s', expected one that starts with '/'",
                                    w->route != NULL ? w->route : "");
    }
    if (w->types != NULL && w->plugin != NULL) {
        return nacre_vcmd_unchecked(&c->why,
                                    "the types come from --types or from --plugin: give one of them");
    }
    if (c->options.no_nonce || c->options.expects_nonce) {
        return nacre_vcmd_unchecked(&c->why, "a call makes its own nonce: leave --nonce and --no-nonce out");
    }
    if (w->async && w->attest) {
        return nacre_vcmd_unchecked(&c->why,
                                    "a job's answer carries no document: leave --attest or --async out");
    }
    if (w->ptb && c->options.json) {
        return nacre_vcmd_unchecked(&c->why, "--ptb prints a command and --json an object: give one of them");
    }
    if (w->timeout != NULL &&
        (nacre_vcmd_parse_u64(w->timeout, strlen(w->timeout), TIMEOUT_MAX, &seconds) != NACRE_CHECKED ||
         seconds == 0)) {
        return nacre_vcmd_unchecked(&c->why, "--timeout is '%.100s', expected seconds from 1 to %u",
                                    w->timeout, TIMEOUT_MAX);
    }
    c->timeout_s = (long)seconds;
    if (w->max_age != NULL &&
        nacre_vcmd_parse_seconds("--max-response-age", w->max_age, &c->options.max_response_age_ms,
                                 &c->why) != NACRE_CHECKED) {
        return NACRE_UNCHECKED;
    }
    if (c->options.at_document && w->max_age != NULL) {
        return nacre_vcmd_unchecked(&c->why, "--max-response-age needs a clock other than the document's");
    }
    return nacre_vcall_ptb_check(&c->words.ids, &c->why);
}

/* What comes before the network. */
static int prepare(struct call *c)
{
    int r = check_usage(c);
    if (r == NACRE_CHECKED) {
        r = read_method(c);
    }
    if (r == NACRE_CHECKED) {
        r = read_body(c);
    }
    if (r == NACRE_CHECKED && (c->words.types != NULL || c->words.plugin != NULL)) {
        r = nacre_vcmd_load_types(c->words.types, c->words.plugin, &c->types, &c->why);
    }
    return r;
}

static int verify_document(struct call *c)
{
    int r = nacre_vcmd_run_document(&c->options, c->options.input, "/get_attestation", &c->document, &c->why);
    if (r == NACRE_CHECKED) {
        nacre_vcmd_add_report(&c->verdict, "document", c->document);
    }
    if (r == NACRE_CHECKED && c->verdict.failed == 0 && c->words.seal) {
        r = nacre_vcall_seal_begin(&c->seal, nacre_verify_report_doc(c->document), &c->why);
    }
    return r != NACRE_CHECKED ? r : c->verdict.failed > 0 ? NACRE_REFUSED : NACRE_CHECKED;
}

/* The method, and the types if there are none yet. With types of our own an enclave without the document will do. */
static int ask_openapi(struct call *c)
{
    struct nacre_vcmd_buffer text = {0};
    char *made = NULL;
    bool needed = c->types == NULL;
    if (!needed && c->method[0] != '\0') {
        return NACRE_CHECKED;
    }
    char *url = nacre_vcmd_url(c->options.input, "/openapi.json", true, NULL);
    int r = url != NULL ? nacre_vcmd_fetch(url, &text, &c->why) : nacre_vcmd_unchecked(&c->why, "no URL");
    free(url);
    if (r == NACRE_CHECKED) {
        struct nacre_vcmd_json all = {.text = (const char *)text.data, .size = text.size};
        r = nacre_vcall_openapi(all, c->words.route, c->body.data != NULL, c->method, needed ? &made : NULL,
                                &c->why);
    }
    if (r == NACRE_CHECKED && needed) {
        nacre_verify_error inner = {.text = ""};
        if (nacre_verify_types_parse(made, strlen(made), &c->types, &inner) != NACRE_VERIFY_OK) {
            r = nacre_vcmd_unchecked(&c->why, "openapi.json: %.400s", inner.text);
        }
    }
    free(made);
    nacre_vcmd_buffer_free(&text);
    return needed ? r : NACRE_CHECKED;
}

/* The route's URL, its own query kept, and our nonce if the answer is to carry a document. */
static int make_url(struct call *c, char url[URL_SIZE])
{
    char hex[2 * NONCE_SIZE + 1] = "";
    size_t path = strcspn(c->words.route, "?");
    char *bare = strndup(c->words.route, path);
    char *base = bare != NULL ? nacre_vcmd_url(c->options.input, bare, true, NULL) : NULL;
    const char *query = c->words.route[path] != '\0' ? c->words.route + path + 1 : "";
    if (c->words.attest) {
        randombytes_buf(c->nonce, sizeof c->nonce);
        (void)sodium_bin2hex(hex, sizeof hex, c->nonce, sizeof c->nonce);
    }
    int n = base == NULL ? -1
                         : snprintf(url, URL_SIZE, "%s%s%s%s%s%s", base,
                                    query[0] != '\0' || c->words.attest ? "?" : "", query,
                                    query[0] != '\0' && c->words.attest ? "&" : "",
                                    c->words.attest ? "attest=" : "", hex);
    free(bare);
    free(base);
    if (n < 0 || (size_t)n >= URL_SIZE) {
        return nacre_vcmd_unchecked(&c->why, "no URL can be made for the route %.200s", c->words.route);
    }
    return NACRE_CHECKED;
}

/* The server's own words, without anything a terminal might obey. */
static int explain(struct call *c, const char *url, long status)
{
    struct nacre_vcmd_json all = {.text = (const char *)c->answer.data, .size = c->answer.size};
    struct nacre_vcmd_json text = all;
    (void)nacre_vcmd_json_any(all, "error", &text, NULL);
    char shown[256];
    size_t size = text.size < sizeof shown - 1 ? text.size : sizeof shown - 1;
    for (size_t i = 0; i < size; i++) {
        shown[i] = (char)(text.text[i] >= ' ' && text.text[i] <= '~' ? text.text[i] : '?');
    }
    shown[size] = '\0';
    return nacre_vcmd_unchecked(&c->why, "%.200s answers with status %ld: %s", url, status, shown);
}

/* What came back, opened if it was to come sealed. */
static int take_answer(struct call *c, const char *url, long status)
{
    int r = c->words.seal ? nacre_vcall_unseal(&c->seal, &c->answer, status, &c->why) : NACRE_CHECKED;
    if (r == NACRE_UNCHECKED || status == 200) {
        return r;
    }
    int explained = explain(c, url, status);
    if (r == NACRE_REFUSED) {
        const char *said = "this answer came unsealed, so it is nobody's word";
        size_t len = strlen(c->why.text);
        (void)snprintf(c->why.text + len, sizeof c->why.text - len, " (%s)", said);
    }
    return explained;
}

static int call_route(struct call *c)
{
    char url[URL_SIZE];
    char progress[128];
    long status = 0;
    const char *method = c->method[0] != '\0' ? c->method : "POST";
    int r = make_url(c, url);
    if (r == NACRE_CHECKED && c->words.seal) {
        r = nacre_vcall_seal(&c->seal, method, c->words.route, &c->body, &c->why);
    }
    if (r != NACRE_CHECKED) {
        return r;
    }
    if (c->words.seal && strcmp(method, "GET") == 0) {
        method = "POST"; /* a GET takes no body; what it is stands in the envelope */
    }
    (void)snprintf(progress, sizeof progress, "nacre call: waiting for %.80s", c->words.route);
    const struct nacre_vcmd_request request = {.method = method,
                                               .url = url,
                                               .async = c->words.async,
                                               .body = (const char *)c->body.data,
                                               .type = c->words.seal ? NACRE_SEALED_TYPE : NULL,
                                               .body_size = c->body.size,
                                               .max = NACRE_VCMD_ANSWER_MAX,
                                               .timeout_s = c->words.async ? 0 : c->timeout_s,
                                               .progress = progress};
    r = nacre_vcmd_http(&request, &c->answer, &status, &c->why);
    if (r == NACRE_CHECKED && status == 202 && c->words.async) {
        r = nacre_vcall_job(c->options.input, c->timeout_s, &c->answer, &status, &c->why);
    }
    return r == NACRE_CHECKED ? take_answer(c, url, status) : r;
}

/* The document in the answer: our nonce, and the key that we already know. */
static int verify_attested(struct call *c, nacre_verify_bytes key)
{
    struct nacre_vcmd_buffer copy = {.data = malloc(c->answer.size + 1), .size = c->answer.size};
    if (copy.data == NULL) {
        return nacre_vcmd_unchecked(&c->why, "out of memory");
    }
    memcpy(copy.data, c->answer.data, c->answer.size + 1);
    int r = nacre_verify_policy_expect_nonce(c->options.policy, c->nonce, sizeof c->nonce, &c->why) == 0 &&
                    nacre_verify_policy_expect_public_key(c->options.policy, key.data, key.size, &c->why) == 0
                ? nacre_vcmd_decode(&copy, &c->why)
                : NACRE_UNCHECKED;
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_judge_document(&c->options, &copy, &c->attested, &c->why);
    }
    if (r == NACRE_CHECKED) {
        nacre_vcmd_add_report(&c->verdict, "attest", c->attested);
    }
    nacre_vcmd_buffer_free(&copy);
    return r;
}

static int verify_answer(struct call *c)
{
    nacre_verify_bytes key = nacre_verify_doc_public_key(nacre_verify_report_doc(c->document));
    int r = nacre_vcmd_judge_answer(&c->options, &c->answer, c->types, NULL, key, &c->response, &c->why);
    if (r == NACRE_CHECKED) {
        nacre_vcmd_add_report(&c->verdict, "response", c->response);
    }
    if (r == NACRE_CHECKED && c->verdict.failed == 0 && c->words.attest) {
        r = verify_attested(c, key);
    }
    return r != NACRE_CHECKED ? r : c->verdict.failed > 0 ? NACRE_REFUSED : NACRE_CHECKED;
}

static int run(struct call *c)
{
    int r = prepare(c);
    if (r == NACRE_CHECKED) {
        r = verify_document(c);
    }
    if (r == NACRE_CHECKED) {
        r = ask_openapi(c);
    }
    if (r == NACRE_CHECKED) {
        r = call_route(c);
    }
    return r == NACRE_CHECKED ? verify_answer(c) : r;
}

static int print_data(struct call *c)
{
    nacre_verify_bytes data = nacre_verify_report_data(c->response);
    if (c->words.ptb) {
        int r = nacre_vcall_ptb(&c->words.ids, c->types, c->response, &c->why);
        if (r != NACRE_CHECKED) {
            return nacre_vcmd_give_up(&c->options, &c->why);
        }
    } else {
        (void)fwrite(data.data, 1, data.size, stdout);
        (void)fputc('\n', stdout);
    }
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        (void)fprintf(stderr, "%s: cannot write the data\n", c->options.program);
        return NACRE_UNCHECKED;
    }
    (void)fprintf(
        stderr, "verified: %zu checks passed; types from %s%s\n", c->verdict.rows, c->verdict.types_from,
        c->options.signature_only ? " (signature only: nothing is said about which code runs)" : "");
    return NACRE_CHECKED;
}

static int conclude(struct call *c, int r)
{
    c->verdict.signature_only = c->options.signature_only;
    c->verdict.types_from = c->words.types != NULL    ? c->words.types
                            : c->words.plugin != NULL ? c->words.plugin
                                                      : "the server's /openapi.json, which nobody signs";
    if (r == NACRE_UNCHECKED) {
        return nacre_vcmd_give_up(&c->options, &c->why);
    }
    if (c->options.json) {
        bool good = r == NACRE_CHECKED;
        c->verdict.answer = good ? (const char *)c->answer.data : NULL;
        c->verdict.answer_size = c->answer.size;
        return nacre_vcmd_print(&c->options, &c->verdict);
    }
    if (r == NACRE_REFUSED) {
        nacre_vcmd_print_text(stderr, &c->verdict);
        return NACRE_REFUSED;
    }
    return print_data(c);
}

static int read_options(struct call *c, int argc, char **argv)
{
    struct words *w = &c->words;
    const struct nacre_vcmd_word list[] = {
        {.name = "data", .letter = 'd', .text = &w->data},
        {.name = "method", .letter = 'X', .text = &w->method},
        {.name = "types", .text = &w->types},
        {.name = "plugin", .text = &w->plugin},
        {.name = "timeout", .text = &w->timeout},
        {.name = "max-response-age", .text = &w->max_age},
        {.name = "attest", .flag = &w->attest},
        {.name = "async", .flag = &w->async},
        {.name = "seal", .flag = &w->seal},
        {.name = "ptb", .flag = &w->ptb},
        {.name = "package", .text = &w->ids.package},
        {.name = "module", .text = &w->ids.module},
        {.name = "function", .text = &w->ids.function},
        {.name = "enclave", .text = &w->ids.enclave},
        {.name = "type-args", .text = &w->ids.type},
        {.name = "gas-budget", .text = &w->ids.gas},
    };
    const struct nacre_vcmd_words words = {
        .word = list, .count = sizeof list / sizeof list[0], .second = &w->route};
    return nacre_vcmd_read_options(&c->options, argc, argv, help, &words);
}

int nacre_cmd_call(int argc, char **argv)
{
    struct call *c = calloc(1, sizeof *c);
    if (c == NULL) {
        (void)fputs("nacre call: out of memory\n", stderr);
        return NACRE_UNCHECKED;
    }
    int code = read_options(c, argc, argv);
    if (code < 0) {
        code = conclude(c, run(c));
    }
    nacre_verify_report_free(c->document);
    nacre_verify_report_free(c->attested);
    nacre_verify_report_free(c->response);
    nacre_verify_types_free(c->types);
    nacre_vcmd_buffer_free(&c->body);
    nacre_vcmd_buffer_free(&c->answer);
    nacre_verify_policy_free(c->options.policy);
    free(c);
    return code;
}
