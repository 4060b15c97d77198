/* nacre verify chain */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/bcs.h"
#include "common/bytes.h"
#include "common/json_write.h"

#include "cmd_verify.h"
#include "commands.h"
#include "ptb.h"

#define CHAIN_PCRS 3u
#define HEX_SIZE   (2 * NACRE_VERIFY_PCR_SIZE + 1)
#define OBJECT_MAX 4096u /* bytes of an EnclaveConfig in BCS */
#define ID_SIZE    32u

static const char help[] = "usage: nacre verify chain --config ID --pcrs FILE --graphql URL\n"
                           "\n"
                           "Compares PCR0, PCR1 and PCR2 of an EnclaveConfig object on Sui, the values that "
                           "enclaves have to have to be\n"
                           "registered, with those of a file. The chain is asked by GraphQL, and the server "
                           "that answers is believed:\n"
                           "choose one that you trust, and one with https.\n"
                           "\n"
                           "  --config ID         the EnclaveConfig object\n"
                           "  --pcrs FILE         lines of `HEX PCR<n>`; PCR0, PCR1 and PCR2 are needed\n"
                           "  --graphql URL       as https://graphql.testnet.sui.io/graphql\n"
                           "  --json              one JSON object instead of text\n"
                           "  -h, --help\n"
                           "\n"
                           "Exit codes: 0 verified, 1 refused, 2 could not check.\n";

struct chain {
    const char *config, *pcrs, *graphql;
    char expected[CHAIN_PCRS][HEX_SIZE];
    char actual[CHAIN_PCRS][HEX_SIZE + 32];
    char type[256];
    char version[32];
    nacre_verify_check check[CHAIN_PCRS + 1];
};

/* The file's form has been checked by the library. */
static void take_lines(struct chain *chain, char *text)
{
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        const char *word = strstr(line, "PCR");
        line += strspn(line, " \t");
        if (line[0] == '#' || word == NULL || word[3] < '0' || word[3] >= (char)('0' + CHAIN_PCRS) ||
            (word[4] >= '0' && word[4] <= '9')) {
            continue;
        }
        char *to = chain->expected[word[3] - '0'];
        for (size_t i = 0; i < HEX_SIZE - 1 && line[i] != '\0'; i++) {
            to[i] = (char)(line[i] >= 'A' && line[i] <= 'F' ? line[i] + 32 : line[i]);
        }
    }
}

static int read_pcrs(struct chain *chain, nacre_verify_policy *policy, nacre_verify_error *why)
{
    struct nacre_vcmd_buffer text;
    nacre_verify_error inner = {.text = ""};
    int r = nacre_vcmd_load(chain->pcrs, &text, why);
    if (r != NACRE_CHECKED) {
        return r;
    }
    if (nacre_verify_policy_expect_pcrs_text(policy, (const char *)text.data, text.size, &inner) !=
        NACRE_VERIFY_OK) {
        r = nacre_vcmd_unchecked(why, "%.200s: %.250s", chain->pcrs, inner.text);
    } else {
        take_lines(chain, (char *)text.data);
    }
    nacre_vcmd_buffer_free(&text);
    for (unsigned i = 0; i < CHAIN_PCRS && r == NACRE_CHECKED; i++) {
        if (strlen(chain->expected[i]) != HEX_SIZE - 1) {
            r = nacre_vcmd_unchecked(why, "%.200s has no PCR%u", chain->pcrs, i);
        }
    }
    return r;
}

static int ask(const struct chain *chain, struct nacre_vcmd_buffer *answer, nacre_verify_error *why)
{
    static const char query[] =
        "{\"query\":\"query($id: SuiAddress!){object(address:$id){version asMoveObject"
        "{contents{type{repr} bcs}}}}\",\"variables\":{\"id\":\"";
    struct nacre_json_out body = {0};
    long status = 0;
    nacre_json_lit(&body, query);
    nacre_json_lit(&body, chain->config);
    nacre_json_lit(&body, "\"}}");
    if (body.failed) {
        free(body.base);
        return nacre_vcmd_unchecked(why, "out of memory");
    }
    const struct nacre_vcmd_request request = {.url = chain->graphql,
                                               .body = body.base,
                                               .body_size = body.len,
                                               .max = NACRE_VCMD_INPUT_MAX,
                                               .progress = "nacre verify chain: waiting"};
    int r = nacre_vcmd_http(&request, answer, &status, why);
    free(body.base);
    if (r == NACRE_CHECKED && status != 200) {
        return nacre_vcmd_unchecked(why, "%.200s answers with status %ld, expected 200", chain->graphql,
                                    status);
    }
    return r;
}

/* EnclaveConfig { id: UID, name: String, pcrs: Pcrs(vector<u8>, vector<u8>, vector<u8>), capability_id: ID, version: u64 } */
static int read_config(struct chain *chain, const uint8_t *bcs, size_t size, nacre_verify_error *why)
{
    struct nacre_reader r = nacre_reader(bcs, size);
    (void)nacre_read_bytes(&r, ID_SIZE);
    (void)nacre_read_bytes(&r, nacre_bcs_read_len(&r));
    for (unsigned i = 0; i < CHAIN_PCRS; i++) {
        uint32_t length = nacre_bcs_read_len(&r);
        const uint8_t *pcr = nacre_read_bytes(&r, length);
        if (pcr != NULL && length == NACRE_VERIFY_PCR_SIZE) {
            (void)sodium_bin2hex(chain->actual[i], sizeof chain->actual[i], pcr, length);
        } else {
            (void)snprintf(chain->actual[i], sizeof chain->actual[i], "%u bytes", length);
        }
    }
    (void)nacre_read_bytes(&r, ID_SIZE);
    uint64_t version = nacre_read_le(&r, sizeof version);
    if (r.failed || nacre_reader_left(&r) != 0) {
        return nacre_vcmd_unchecked(
            why, "the object's %zu bytes are no EnclaveConfig of the Nautilus package", size);
    }
    (void)snprintf(chain->version, sizeof chain->version, "%llu", (unsigned long long)version);
    return NACRE_CHECKED;
}

static int read_answer(struct chain *chain, const struct nacre_vcmd_buffer *answer, nacre_verify_error *why)
{
    static const char *const to_contents[] = {"data", "object", "asMoveObject", "contents", NULL};
    static const char *const to_type[] = {"type", NULL};
    struct nacre_vcmd_json all = {.text = (const char *)answer->data, .size = answer->size};
    struct nacre_vcmd_json contents;
    struct nacre_vcmd_json type;
    struct nacre_vcmd_json base64;
    uint8_t bcs[OBJECT_MAX];
    size_t size = 0;
    int r = nacre_vcmd_json_path(all, to_contents, &contents, why);
    if (r != NACRE_CHECKED) {
        return nacre_vcmd_unchecked(why, "no object %s: %.*s", chain->config,
                                    (int)(answer->size < 300 ? answer->size : 300),
                                    (const char *)answer->data);
    }
    r = nacre_vcmd_json_path(contents, to_type, &type, why);
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_json_string(type, "repr", &type, why);
    }
    if (r == NACRE_CHECKED) {
        r = nacre_vcmd_json_string(contents, "bcs", &base64, why);
    }
    if (r != NACRE_CHECKED) {
        return r;
    }
    (void)snprintf(chain->type, sizeof chain->type, "%.*s", (int)(type.size < 250 ? type.size : 250),
                   type.text);
    if (sodium_base642bin(bcs, sizeof bcs, base64.text, base64.size, NULL, &size, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        return nacre_vcmd_unchecked(why, "\"bcs\" of %zu characters is no base64 of at most %u bytes",
                                    base64.size, OBJECT_MAX);
    }
    /* Of an object of another type the bytes mean something else. */
    if (strstr(chain->type, "::enclave::EnclaveConfig<") == NULL) {
        return NACRE_CHECKED;
    }
    return read_config(chain, bcs, size, why);
}

static void judge(struct chain *chain, struct nacre_vcmd_verdict *verdict)
{
    static const char *const names[CHAIN_PCRS] = {"PCR0", "PCR1", "PCR2"};
    bool right = strstr(chain->type, "::enclave::EnclaveConfig<") != NULL;
    chain->check[CHAIN_PCRS] = (nacre_verify_check){.name = "type",
                                                    .passed = right,
                                                    .expected = "PACKAGE::enclave::EnclaveConfig<APP>",
                                                    .actual = chain->type};
    nacre_vcmd_add_check(verdict, "config", &chain->check[CHAIN_PCRS]);
    for (unsigned i = 0; right && i < CHAIN_PCRS; i++) {
        chain->check[i] = (nacre_verify_check){.name = names[i],
                                               .passed = strcmp(chain->expected[i], chain->actual[i]) == 0,
                                               .expected = chain->expected[i],
                                               .actual = chain->actual[i]};
        nacre_vcmd_add_check(verdict, "config", &chain->check[i]);
    }
}

static int run(const struct nacre_vcmd_options *options, struct chain *chain,
               struct nacre_vcmd_verdict *verdict, nacre_verify_error *why)
{
    struct nacre_vcmd_buffer answer = {0};
    chain->pcrs = options->pcrs;
    if (chain->config == NULL || chain->pcrs == NULL || chain->graphql == NULL || options->input != NULL) {
        return nacre_vcmd_unchecked(why, "--config, --pcrs and --graphql are needed, and nothing besides");
    }
    if (!nacre_ptb_is_id(chain->config)) {
        return nacre_vcmd_unchecked(why, "--config is '%.100s', expected 0x and up to 64 hex digits",
                                    chain->config);
    }
    if (!nacre_vcmd_is_url(chain->graphql)) {
        return nacre_vcmd_unchecked(why, "--graphql is '%.200s', expected http:// or https://",
                                    chain->graphql);
    }
    int r = read_pcrs(chain, options->policy, why);
    if (r == NACRE_CHECKED) {
        r = ask(chain, &answer, why);
    }
    if (r == NACRE_CHECKED) {
        r = read_answer(chain, &answer, why);
    }
    if (r == NACRE_CHECKED) {
        judge(chain, verdict);
    }
    nacre_vcmd_buffer_free(&answer);
    return r;
}

int nacre_cmd_verify_chain(int argc, char **argv)
{
    struct nacre_vcmd_options options;
    struct nacre_vcmd_verdict verdict = {.note = "the GraphQL server's word; nothing of it is signed"};
    struct chain chain = {0};
    nacre_verify_error why = {.text = ""};
    const struct nacre_vcmd_word list[] = {
        {.name = "config", .text = &chain.config},
        {.name = "graphql", .text = &chain.graphql},
    };
    const struct nacre_vcmd_words words = {.word = list, .count = sizeof list / sizeof list[0]};
    int code = nacre_vcmd_read_options(&options, argc, argv, help, &words);
    if (code < 0 && run(&options, &chain, &verdict, &why) != NACRE_CHECKED) {
        code = nacre_vcmd_give_up(&options, &why);
    }
    if (code < 0) {
        code = nacre_vcmd_print(&options, &verdict);
    }
    nacre_verify_policy_free(options.policy);
    return code;
}
