/* nacre verify response */
#include <stdlib.h>
#include <string.h>

#include "cmd_verify.h"
#include "commands.h"

#define KEY_SIZE       32u
#define SIGNATURE_SIZE 64u

static const char help[] =
    "usage: nacre verify response FILE.json --document FILE|URL --types FILE [POLICY]\n"
    "       nacre verify response FILE.json --key HEX --types FILE|--plugin APP.so\n"
    "       nacre verify response FILE.json --key HEX --bcs HEX|FILE\n"
    "       nacre verify response --key HEX --bcs HEX|FILE --signature HEX --intent N --timestamp MS\n"
    "\n"
    "Verifies an answer that an enclave signed: Ed25519 over intent, timestamp and the BCS bytes of the "
    "data.\n"
    "FILE.json holds the answer as a route gives it: "
    "{\"response\":{\"intent\",\"timestamp_ms\",\"data\"},\"signature\"}.\n"
    "What was signed is made from \"data\" by the type that its intent declares; or, with --bcs, given "
    "apart: then\n"
    "that it says what \"data\" says in JSON is not checked.\n"
    "\n"
    "  --document FILE|URL     take the key from this document, verified under the policy (see nacre verify\n"
    "                          document --help for its options)\n"
    "  --key HEX               the enclave's Ed25519 key, known to be right\n"
    "  --types FILE            the declared types, as `nacre plugin types` writes them\n"
    "  --plugin APP.so         the same from the plugin itself\n"
    "  --intent-name NAME      the intent that is expected, by its declared name\n"
    "  --bcs HEX|FILE          the BCS bytes of the data, in hex or raw in a file\n"
    "  --signature HEX         64 bytes\n"
    "  --intent N              0 to 255; beside FILE.json: the intent that is expected\n"
    "  --timestamp MS          milliseconds since 1970\n"
    "  --max-response-age S    how many seconds old the answer may be, by the clock of --at\n"
    "\n"
    "  --json                  one JSON object instead of text\n"
    "  -h, --help\n"
    "\n"
    "Exit codes: 0 verified, 1 refused, 2 could not check.\n";

static const char note[] = "the signature covers the BCS bytes; they were not compared with \"data\" in JSON";

struct words {
    const char *document;
    const char *key;
    const char *types;
    const char *plugin;
    const char *intent_name;
    const char *bcs;
    const char *signature;
    const char *intent;
    const char *timestamp;
    const char *max_age;
};

struct answer {
    uint8_t key[KEY_SIZE];
    uint8_t signature[SIGNATURE_SIZE];
    struct nacre_vcmd_buffer bcs;
    uint64_t intent;
    uint64_t timestamp_ms;
};

static int need_hex(const char *name, struct nacre_vcmd_json hex, uint8_t *out, size_t size,
                    nacre_verify_error *why)
{
    size_t found = 0;
    if (nacre_vcmd_parse_hex(hex.text, hex.size, out, size, &found) != NACRE_CHECKED || found != size) {
        return nacre_vcmd_unchecked(why, "%s has %zu characters, expected %zu bytes in hex", name, hex.size,
                                    size);
    }
    return NACRE_CHECKED;
}

static struct nacre_vcmd_json word(const char *text)
{
    return (struct nacre_vcmd_json){.text = text, .size = strlen(text)};
}

/* What a route answers with. */
static int read_json(const char *name, struct answer *answer, nacre_verify_error *why)
{
    struct nacre_vcmd_buffer file;
    struct nacre_vcmd_json response;
    struct nacre_vcmd_json signature;
    int r = nacre_vcmd_load(name, &file, why);
    if (r != NACRE_CHECKED) {
        return r;
    }
    struct nacre_vcmd_json all = {.text = (const char *)file.data, .size = file.size};
    r = nacre_vcmd_json_object(all, "response", &response, why);
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_json_u64(response, "intent", UINT8_MAX, &answer->intent, why);
    }
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_json_u64(response, "timestamp_ms", UINT64_MAX, &answer->timestamp_ms, why);
    }
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_json_string(all, "signature", &signature, why);
    }
    if (r == NACRE_CHECKED) {
        r = need_hex("\"signature\"", signature, answer->signature, SIGNATURE_SIZE, why);
    }
    nacre_vcmd_buffer_free(&file);
    return r;
}

static int read_words(const struct words *words, struct answer *answer, nacre_verify_error *why)
{
    if (words->signature == NULL || words->intent == NULL || words->timestamp == NULL) {
        return nacre_vcmd_unchecked(why,
                                    "without FILE.json, --signature, --intent and --timestamp are needed");
    }
    if (nacre_vcmd_parse_u64(words->timestamp, strlen(words->timestamp), UINT64_MAX, &answer->timestamp_ms) !=
        NACRE_CHECKED) {
        return nacre_vcmd_unchecked(why, "--timestamp is '%.100s', expected milliseconds", words->timestamp);
    }
    return need_hex("--signature", word(words->signature), answer->signature, SIGNATURE_SIZE, why);
}

static int parse_intent(const char *text, uint64_t *intent, nacre_verify_error *why)
{
    if (nacre_vcmd_parse_u64(text, strlen(text), UINT8_MAX, intent) != NACRE_CHECKED) {
        return nacre_vcmd_unchecked(why, "--intent is '%.100s', expected 0 to 255", text);
    }
    return NACRE_CHECKED;
}

/* A file is one that is not all hex: name it ./ff if it is. */
static int read_bcs(const char *text, struct nacre_vcmd_buffer *bcs, nacre_verify_error *why)
{
    size_t room = strlen(text) / 2 + 1;
    size_t size = 0;
    uint8_t *data = malloc(room);
    if (data == NULL) {
        return nacre_vcmd_unchecked(why, "out of memory");
    }
    if (nacre_vcmd_parse_hex(text, strlen(text), data, room, &size) == NACRE_CHECKED) {
        *bcs = (struct nacre_vcmd_buffer){.data = data, .size = size};
        return NACRE_CHECKED;
    }
    free(data);
    return nacre_vcmd_load(text, bcs, why);
}

static int check_sources(const struct words *words, nacre_verify_error *why)
{
    int sources = (words->bcs != NULL) + (words->types != NULL) + (words->plugin != NULL);
    if ((words->document == NULL) == (words->key == NULL)) {
        return nacre_vcmd_unchecked(why, "the key comes from --document or from --key: give one of them");
    }
    if (sources == 0) {
        return nacre_vcmd_unchecked(why, "--types, --plugin or --bcs is missing: the bytes that were signed");
    }
    if (sources > 1) {
        return nacre_vcmd_unchecked(why, "--types, --plugin and --bcs: give one of them");
    }
    if (words->intent_name != NULL && words->bcs != NULL) {
        return nacre_vcmd_unchecked(why, "--intent-name needs --types or --plugin, which declare names");
    }
    return NACRE_CHECKED;
}

static int check_usage(struct nacre_vcmd_options *options, const struct words *words, nacre_verify_error *why)
{
    int r = check_sources(words, why);
    if (r != NACRE_CHECKED) {
        return r;
    }
    if (options->input == NULL && words->bcs == NULL) {
        return nacre_vcmd_unchecked(why, "FILE.json is missing: the answer");
    }
    if (options->input != NULL && (words->signature != NULL || words->timestamp != NULL)) {
        return nacre_vcmd_unchecked(
            why, "%.200s holds signature and timestamp: leave --signature and --timestamp out",
            options->input);
    }
    if (words->max_age != NULL) {
        r = nacre_vcmd_parse_seconds("--max-response-age", words->max_age, &options->max_response_age_ms,
                                     why);
    }
    if (r == NACRE_CHECKED && options->max_response_age_ms > 0 && options->at_document) {
        return nacre_vcmd_unchecked(why, "--max-response-age needs a clock other than the document's");
    }
    return r;
}

static int read_answer(const struct nacre_vcmd_options *options, const struct words *words,
                       struct answer *answer, nacre_verify_error *why)
{
    uint64_t expected = 0;
    int r = options->input != NULL ? read_json(options->input, answer, why) : read_words(words, answer, why);
    if (r == NACRE_CHECKED && options->input == NULL) {
        r = parse_intent(words->intent, &expected, why);
        answer->intent = expected;
    }
    return r == NACRE_CHECKED ? read_bcs(words->bcs, &answer->bcs, why) : r;
}

static int verify_bcs(const struct nacre_vcmd_options *options, const struct words *words,
                      nacre_verify_bytes key, nacre_verify_report **report, uint64_t *intent,
                      nacre_verify_error *why)
{
    struct answer answer = {0};
    int r = read_answer(options, words, &answer, why);
    if (r == NACRE_CHECKED) {
        nacre_verify_signed signed_answer = {
            .struct_size = sizeof signed_answer,
            .public_key = key.data,
            .public_key_size = key.size,
            .signature = answer.signature,
            .signature_size = SIGNATURE_SIZE,
            .bcs = answer.bcs.data,
            .bcs_size = answer.bcs.size,
            .timestamp_ms = answer.timestamp_ms,
            .now_ms = options->at_ms > 0 ? options->at_ms : nacre_vcmd_now_ms(),
            .max_age_ms = options->max_response_age_ms,
            .intent = (uint8_t)answer.intent,
        };
        r = nacre_verify_response(&signed_answer, report, why) < NACRE_VERIFY_OK ? NACRE_UNCHECKED
                                                                                 : NACRE_CHECKED;
        *intent = answer.intent;
    }
    nacre_vcmd_buffer_free(&answer.bcs);
    return r;
}

int nacre_vcmd_judge_answer(const struct nacre_vcmd_options *options, const struct nacre_vcmd_buffer *text,
                            const nacre_verify_types *types, const char *intent_name, nacre_verify_bytes key,
                            nacre_verify_report **report, nacre_verify_error *why)
{
    nacre_verify_answer answer = {
        .struct_size = sizeof answer,
        .json = (const char *)text->data,
        .json_size = text->size,
        .public_key = key.data,
        .public_key_size = key.size,
        .types = types,
        .intent_name = intent_name,
        .now_ms = options->at_ms > 0 ? options->at_ms : nacre_vcmd_now_ms(),
        .max_age_ms = options->max_response_age_ms,
    };
    nacre_verify_error inner = {.text = ""};
    return nacre_verify_answer_json(&answer, report, &inner) < NACRE_VERIFY_OK
               ? nacre_vcmd_unchecked(why, "%s", inner.text)
               : NACRE_CHECKED;
}

static int verify_types(const struct nacre_vcmd_options *options, const struct words *words,
                        nacre_verify_bytes key, nacre_verify_report **report, uint64_t *intent,
                        nacre_verify_error *why)
{
    nacre_verify_types *types = NULL;
    struct nacre_vcmd_buffer text = {0};
    int r = nacre_vcmd_load_types(words->types, words->plugin, &types, why);
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_load_up_to(options->input, NACRE_VCMD_ANSWER_MAX, &text, why);
    }
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_judge_answer(options, &text, types, words->intent_name, key, report, why);
    }
    if (r == NACRE_CHECKED && nacre_verify_report_signed(*report) != NULL) {
        *intent = nacre_verify_report_signed(*report)->intent;
    }
    nacre_vcmd_buffer_free(&text);
    nacre_verify_types_free(types);
    return r;
}

struct reports {
    nacre_verify_report *document;
    nacre_verify_report *response;
    nacre_verify_check intent;
    char expected[16];
    char actual[16];
};

static int add_intent(struct nacre_vcmd_verdict *verdict, struct reports *reports, const char *expected,
                      uint64_t actual, nacre_verify_error *why)
{
    uint64_t number = 0;
    int r = parse_intent(expected, &number, why);
    if (r != NACRE_CHECKED) {
        return r;
    }
    (void)snprintf(reports->expected, sizeof reports->expected, "%llu", (unsigned long long)number);
    (void)snprintf(reports->actual, sizeof reports->actual, "%llu", (unsigned long long)actual);
    reports->intent = (nacre_verify_check){.name = "intent",
                                           .passed = number == actual,
                                           .expected = reports->expected,
                                           .actual = reports->actual};
    nacre_vcmd_add_check(verdict, "response", &reports->intent);
    return NACRE_CHECKED;
}

/* The key, given or of a verified document; data NULL when that was refused. */
static int find_key(const struct nacre_vcmd_options *options, const struct words *words,
                    struct nacre_vcmd_verdict *verdict, struct reports *reports, uint8_t given[KEY_SIZE],
                    nacre_verify_bytes *key, nacre_verify_error *why)
{
    if (words->key != NULL) {
        *key = (nacre_verify_bytes){.data = given, .size = KEY_SIZE};
        return need_hex("--key", word(words->key), given, KEY_SIZE, why);
    }
    int r = nacre_vcmd_run_document(options, words->document, NULL, &reports->document, why);
    if (r == NACRE_CHECKED) {
        const nacre_verify_doc *doc = nacre_verify_report_doc(reports->document);
        nacre_vcmd_add_report(verdict, "document", reports->document);
        *key = doc != NULL ? nacre_verify_doc_public_key(doc) : (nacre_verify_bytes){0};
    }
    return r;
}

/* Both verdicts into one. An answer under the key of a refused document is not looked at: it has no key. */
static int verify_both(struct nacre_vcmd_options *options, const struct words *words,
                       struct nacre_vcmd_verdict *verdict, struct reports *reports, nacre_verify_error *why)
{
    uint8_t given[KEY_SIZE] = {0};
    uint64_t intent = 0;
    nacre_verify_bytes key = {0};
    int r = check_usage(options, words, why);
    if (r == NACRE_CHECKED) {
        r = find_key(options, words, verdict, reports, given, &key, why);
    }
    if (r != NACRE_CHECKED || verdict->failed > 0) {
        return r;
    }
    r = words->bcs != NULL ? verify_bcs(options, words, key, &reports->response, &intent, why)
                           : verify_types(options, words, key, &reports->response, &intent, why);
    if (r == NACRE_CHECKED) {
        nacre_vcmd_add_report(verdict, "response", reports->response);
    }
    /* Of a refused answer in JSON no intent is known. */
    if (r == NACRE_CHECKED && options->input != NULL && words->intent != NULL &&
        (words->bcs != NULL || verdict->failed == 0)) {
        r = add_intent(verdict, reports, words->intent, intent, why);
    }
    return r;
}

static int read_options(struct nacre_vcmd_options *options, struct words *w, int argc, char **argv)
{
    const struct nacre_vcmd_word list[] = {
        {.name = "document", .text = &w->document},
        {.name = "key", .text = &w->key},
        {.name = "types", .text = &w->types},
        {.name = "plugin", .text = &w->plugin},
        {.name = "intent-name", .text = &w->intent_name},
        {.name = "bcs", .text = &w->bcs},
        {.name = "signature", .text = &w->signature},
        {.name = "intent", .text = &w->intent},
        {.name = "timestamp", .text = &w->timestamp},
        {.name = "max-response-age", .text = &w->max_age},
    };
    const struct nacre_vcmd_words words = {.word = list, .count = sizeof list / sizeof list[0]};
    return nacre_vcmd_read_options(options, argc, argv, help, &words);
}

int nacre_cmd_verify_response(int argc, char **argv)
{
    struct nacre_vcmd_options options;
    struct words words = {0};
    struct nacre_vcmd_verdict verdict = {0};
    struct reports reports = {0};
    nacre_verify_error why = {.text = ""};
    int code = read_options(&options, &words, argc, argv);
    if (code < 0 && verify_both(&options, &words, &verdict, &reports, &why) != NACRE_CHECKED) {
        code = nacre_vcmd_give_up(&options, &why);
    }
    if (code < 0) {
        verdict.signature_only = options.signature_only;
        verdict.note = options.input != NULL && words.bcs != NULL ? note : NULL;
        code = nacre_vcmd_print(&options, &verdict);
    }
    nacre_verify_report_free(reports.document);
    nacre_verify_report_free(reports.response);
    nacre_verify_policy_free(options.policy);
    return code;
}
