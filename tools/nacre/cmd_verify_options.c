/* The command line of `nacre verify document`, `response` and `health`. */
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_verify.h"
#include "commands.h"

#define MAX_AGE_SECONDS UINT64_C(1000000000)

enum option_code {
    OPTION_PCRS = 1000,
    OPTION_PCR,
    OPTION_NONCE,
    OPTION_NO_NONCE,
    OPTION_NO_BATCH,
    OPTION_PUBLIC_KEY,
    OPTION_USER_DATA,
    OPTION_MAX_AGE,
    OPTION_ALLOW_DEBUG,
    OPTION_SIGNATURE_ONLY,
    OPTION_ROOT,
    OPTION_AT,
    OPTION_JSON,
    OPTION_WORDS /* and up: of one command alone */
};

int nacre_vcmd_unchecked(nacre_verify_error *why, const char *format, ...)
{
    if (why != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(why->text, sizeof why->text, format, args);
        va_end(args);
    }
    return NACRE_UNCHECKED;
}

static int from_library(int r)
{
    return r == NACRE_VERIFY_OK ? NACRE_CHECKED : NACRE_UNCHECKED;
}

static int expect_pcrs(nacre_verify_policy *policy, const char *name, nacre_verify_error *why)
{
    struct nacre_vcmd_buffer text;
    nacre_verify_error inner;
    int r = nacre_vcmd_load(name, &text, why);
    if (r != NACRE_CHECKED) {
        return r;
    }
    r = from_library(
        nacre_verify_policy_expect_pcrs_text(policy, (const char *)text.data, text.size, &inner));
    nacre_vcmd_buffer_free(&text);
    return r == NACRE_CHECKED ? r : nacre_vcmd_unchecked(why, "%.200s: %.250s", name, inner.text);
}

/* N=HEX */
static int expect_pcr(nacre_verify_policy *policy, const char *text, nacre_verify_error *why)
{
    uint8_t value[NACRE_VERIFY_PCR_SIZE];
    uint64_t index = 0;
    size_t size = 0;
    const char *equals = strchr(text, '=');
    if (equals == NULL || nacre_vcmd_parse_u64(text, (size_t)(equals - text), 31, &index) != NACRE_CHECKED ||
        nacre_vcmd_parse_hex(equals + 1, strlen(equals + 1), value, sizeof value, &size) != NACRE_CHECKED ||
        size != sizeof value) {
        return nacre_vcmd_unchecked(
            why, "--pcr is '%.200s', expected N=HEX with N from 0 to 31 and 96 hex digits", text);
    }
    return from_library(nacre_verify_policy_expect_pcr(policy, (unsigned)index, value, size, why));
}

static int expect_root(nacre_verify_policy *policy, const char *name, nacre_verify_error *why)
{
    struct nacre_vcmd_buffer root;
    nacre_verify_error inner;
    int r = nacre_vcmd_load(name, &root, why);
    if (r != NACRE_CHECKED) {
        return r;
    }
    r = from_library(nacre_verify_policy_root(policy, root.data, root.size, &inner));
    nacre_vcmd_buffer_free(&root);
    return r == NACRE_CHECKED ? r : nacre_vcmd_unchecked(why, "%.200s: %.250s", name, inner.text);
}

typedef int (*expect_bytes)(nacre_verify_policy *policy, const uint8_t *bytes, size_t size,
                            nacre_verify_error *error);

static int expect_hex(nacre_verify_policy *policy, expect_bytes expect, const char *text,
                      nacre_verify_error *why)
{
    uint8_t bytes[NACRE_VERIFY_PUBLIC_KEY_MAX + 1];
    size_t size = 0;
    if (nacre_vcmd_parse_hex(text, strlen(text), bytes, sizeof bytes, &size) != NACRE_CHECKED) {
        return nacre_vcmd_unchecked(why, "'%.200s' is no hex of at most %zu bytes", text, sizeof bytes - 1);
    }
    return from_library(expect(policy, bytes, size, why));
}

static int expect_nonce(struct nacre_vcmd_options *options, const char *text, nacre_verify_error *why)
{
    int r = expect_hex(options->policy, nacre_verify_policy_expect_nonce, text, why);
    if (r == NACRE_CHECKED) {
        options->expects_nonce = true;
        r = nacre_vcmd_parse_hex(text, strlen(text), options->nonce, sizeof options->nonce,
                                 &options->nonce_size);
    }
    return r;
}

static int set_clock(struct nacre_vcmd_options *options, const char *text, nacre_verify_error *why)
{
    options->at_document = strcmp(text, "document") == 0;
    options->at_ms = 0;
    if (options->at_document) {
        nacre_verify_policy_at_document(options->policy);
    } else if (strcmp(text, "now") == 0) {
        nacre_verify_policy_at_now(options->policy);
    } else if (nacre_vcmd_parse_time(text, &options->at_ms) == NACRE_CHECKED && options->at_ms > 0) {
        return from_library(nacre_verify_policy_at(options->policy, options->at_ms, why));
    } else {
        return nacre_vcmd_unchecked(
            why,
            "--at is '%.100s', expected now, document, a time like 2025-04-15T02:25:23Z or "
            "milliseconds since 1970",
            text);
    }
    return NACRE_CHECKED;
}

int nacre_vcmd_parse_seconds(const char *name, const char *text, uint64_t *ms, nacre_verify_error *why)
{
    uint64_t seconds = 0;
    if (nacre_vcmd_parse_u64(text, strlen(text), MAX_AGE_SECONDS, &seconds) != NACRE_CHECKED ||
        seconds == 0) {
        return nacre_vcmd_unchecked(why, "%s is '%.100s', expected seconds from 1 to %llu", name, text,
                                    (unsigned long long)MAX_AGE_SECONDS);
    }
    *ms = seconds * 1000;
    return NACRE_CHECKED;
}

static int set_max_age(nacre_verify_policy *policy, const char *text, nacre_verify_error *why)
{
    uint64_t ms = 0;
    int r = nacre_vcmd_parse_seconds("--max-age", text, &ms, why);
    if (r == NACRE_CHECKED) {
        nacre_verify_policy_max_age(policy, ms);
    }
    return r;
}

static int apply_policy(struct nacre_vcmd_options *options, int code, const char *text,
                        nacre_verify_error *why)
{
    switch (code) {
    case OPTION_PCRS:
        options->pcrs = text;
        return expect_pcrs(options->policy, text, why);
    case OPTION_PCR:
        return expect_pcr(options->policy, text, why);
    case OPTION_NONCE:
        return expect_nonce(options, text, why);
    case OPTION_PUBLIC_KEY:
        return expect_hex(options->policy, nacre_verify_policy_expect_public_key, text, why);
    case OPTION_USER_DATA:
        return expect_hex(options->policy, nacre_verify_policy_expect_user_data, text, why);
    case OPTION_MAX_AGE:
        return set_max_age(options->policy, text, why);
    case OPTION_ROOT:
        return expect_root(options->policy, text, why);
    case OPTION_AT:
        return set_clock(options, text, why);
    default:
        return nacre_vcmd_unchecked(why, "unknown option");
    }
}

static int apply(struct nacre_vcmd_options *options, int code, const char *text, nacre_verify_error *why)
{
    switch (code) {
    case OPTION_NO_NONCE:
        options->no_nonce = true;
        return NACRE_CHECKED;
    case OPTION_NO_BATCH:
        options->no_batch = true;
        return NACRE_CHECKED;
    case OPTION_ALLOW_DEBUG:
        options->allow_debug = true;
        nacre_verify_policy_allow_debug(options->policy, 1);
        return NACRE_CHECKED;
    case OPTION_SIGNATURE_ONLY:
        options->signature_only = true;
        nacre_verify_policy_signature_only(options->policy, 1);
        return NACRE_CHECKED;
    default:
        return apply_policy(options, code, text, why);
    }
}

static const struct option policy_options[] = {
    {"pcrs", required_argument, NULL, OPTION_PCRS},
    {"pcr", required_argument, NULL, OPTION_PCR},
    {"nonce", required_argument, NULL, OPTION_NONCE},
    {"no-nonce", no_argument, NULL, OPTION_NO_NONCE},
    {"no-batch", no_argument, NULL, OPTION_NO_BATCH},
    {"public-key", required_argument, NULL, OPTION_PUBLIC_KEY},
    {"user-data", required_argument, NULL, OPTION_USER_DATA},
    {"max-age", required_argument, NULL, OPTION_MAX_AGE},
    {"allow-debug", no_argument, NULL, OPTION_ALLOW_DEBUG},
    {"signature-only", no_argument, NULL, OPTION_SIGNATURE_ONLY},
    {"root", required_argument, NULL, OPTION_ROOT},
    {"at", required_argument, NULL, OPTION_AT},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
};
#define POLICY_OPTIONS (sizeof policy_options / sizeof policy_options[0])
#define WORDS_MAX      32u

/* The tables that getopt_long() reads. */
struct tables {
    struct option all[POLICY_OPTIONS + WORDS_MAX + 1];
    char letters[2 * WORDS_MAX + 2];
};

static void fill_tables(struct tables *tables, const struct nacre_vcmd_words *words)
{
    size_t letters = 0;
    *tables = (struct tables){.letters = ""};
    memcpy(tables->all, policy_options, sizeof policy_options);
    tables->letters[letters++] = 'h';
    for (size_t i = 0; words != NULL && i < words->count && i < WORDS_MAX; i++) {
        const struct nacre_vcmd_word *word = &words->word[i];
        tables->all[POLICY_OPTIONS + i] = (struct option){
            word->name, word->text != NULL ? required_argument : no_argument, NULL, OPTION_WORDS + (int)i};
        if (word->letter != 0) {
            tables->letters[letters++] = word->letter;
            tables->letters[letters++] = ':';
        }
    }
}

static const struct nacre_vcmd_word *find_word(const struct nacre_vcmd_words *words, int code)
{
    for (size_t i = 0; words != NULL && i < words->count; i++) {
        if (code == OPTION_WORDS + (int)i || (words->word[i].letter != 0 && code == words->word[i].letter)) {
            return &words->word[i];
        }
    }
    return NULL;
}

static int apply_one(struct nacre_vcmd_options *options, const struct nacre_vcmd_words *words, int code,
                     nacre_verify_error *why)
{
    const struct nacre_vcmd_word *word = find_word(words, code);
    if (code == OPTION_JSON) {
        options->json = true;
    } else if (word == NULL) {
        return apply(options, code, optarg, why);
    } else if (word->text != NULL) {
        *word->text = optarg;
    } else {
        *word->flag = true;
    }
    return NACRE_CHECKED;
}

static int take_rest(struct nacre_vcmd_options *options, int argc, char **argv,
                     const struct nacre_vcmd_words *words)
{
    bool two = words != NULL && words->second != NULL;
    if (argc - optind > (two ? 2 : 1)) {
        return nacre_usage_error(options->program, "one at a time, but after '%s' there is '%s'",
                                 argv[argc - 2], argv[argc - 1]);
    }
    options->input = argv[optind];
    if (two && options->input != NULL) {
        *words->second = argv[optind + 1];
    }
    return -1;
}

int nacre_vcmd_read_options(struct nacre_vcmd_options *options, int argc, char **argv, const char *help,
                            const struct nacre_vcmd_words *words)
{
    struct tables tables;
    nacre_verify_error why = {.text = ""};
    int code = 0;
    *options = (struct nacre_vcmd_options){.program = argv[0], .policy = nacre_verify_policy_new()};
    if (options->policy == NULL) {
        return nacre_vcmd_give_up(options, &(nacre_verify_error){.text = "out of memory"});
    }
    optind = 1;
    fill_tables(&tables, words);
    while ((code = getopt_long(argc, argv, tables.letters, tables.all, NULL)) != -1) {
        if (code == '?') {
            return NACRE_UNCHECKED;
        }
        if (code == 'h') {
            (void)fputs(help, stdout);
            return NACRE_CHECKED;
        }
        if (apply_one(options, words, code, &why) != NACRE_CHECKED) {
            return nacre_vcmd_give_up(options, &why);
        }
    }
    return take_rest(options, argc, argv, words);
}
