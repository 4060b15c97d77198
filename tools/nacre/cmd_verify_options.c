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
    OPTION_PUBLIC_KEY,
    OPTION_USER_DATA,
    OPTION_MAX_AGE,
    OPTION_ALLOW_DEBUG,
    OPTION_SIGNATURE_ONLY,
    OPTION_ROOT,
    OPTION_AT,
    OPTION_JSON,
    OPTION_DOCUMENT,
    OPTION_KEY,
    OPTION_BCS,
    OPTION_SIGNATURE,
    OPTION_INTENT,
    OPTION_TIMESTAMP,
    OPTION_MAX_RESPONSE_AGE
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

static int parse_seconds(const char *name, const char *text, uint64_t *ms, nacre_verify_error *why)
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
    int r = parse_seconds("--max-age", text, &ms, why);
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
    case OPTION_ALLOW_DEBUG:
        nacre_verify_policy_allow_debug(options->policy, 1);
        return NACRE_CHECKED;
    case OPTION_SIGNATURE_ONLY:
        options->signature_only = true;
        nacre_verify_policy_signature_only(options->policy, 1);
        return NACRE_CHECKED;
    case OPTION_DOCUMENT:
        options->document = text;
        return NACRE_CHECKED;
    case OPTION_KEY:
        options->key = text;
        return NACRE_CHECKED;
    case OPTION_BCS:
        options->bcs = text;
        return NACRE_CHECKED;
    case OPTION_SIGNATURE:
        options->signature = text;
        return NACRE_CHECKED;
    case OPTION_INTENT:
        options->intent = text;
        return NACRE_CHECKED;
    case OPTION_TIMESTAMP:
        options->timestamp = text;
        return NACRE_CHECKED;
    case OPTION_MAX_RESPONSE_AGE:
        return parse_seconds("--max-response-age", text, &options->max_response_age_ms, why);
    default:
        return apply_policy(options, code, text, why);
    }
}

static const struct option policy_options[] = {
    {"pcrs", required_argument, NULL, OPTION_PCRS},
    {"pcr", required_argument, NULL, OPTION_PCR},
    {"nonce", required_argument, NULL, OPTION_NONCE},
    {"no-nonce", no_argument, NULL, OPTION_NO_NONCE},
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
static const struct option response_options[] = {
    {"document", required_argument, NULL, OPTION_DOCUMENT},
    {"key", required_argument, NULL, OPTION_KEY},
    {"bcs", required_argument, NULL, OPTION_BCS},
    {"signature", required_argument, NULL, OPTION_SIGNATURE},
    {"intent", required_argument, NULL, OPTION_INTENT},
    {"timestamp", required_argument, NULL, OPTION_TIMESTAMP},
    {"max-response-age", required_argument, NULL, OPTION_MAX_RESPONSE_AGE},
};
#define POLICY_OPTIONS   (sizeof policy_options / sizeof policy_options[0])
#define RESPONSE_OPTIONS (sizeof response_options / sizeof response_options[0])

static int read_words(struct nacre_vcmd_options *options, int argc, char **argv, const char *help,
                      bool response)
{
    struct option all[POLICY_OPTIONS + RESPONSE_OPTIONS + 1] = {0};
    nacre_verify_error why = {.text = ""};
    int code = 0;
    memcpy(all, policy_options, sizeof policy_options);
    if (response) {
        memcpy(all + POLICY_OPTIONS, response_options, sizeof response_options);
    }
    while ((code = getopt_long(argc, argv, "h", all, NULL)) != -1) {
        if (code == '?') {
            return NACRE_UNCHECKED;
        }
        if (code == 'h') {
            (void)fputs(help, stdout);
            return NACRE_CHECKED;
        }
        if (code == OPTION_JSON) {
            options->json = true;
        } else if (apply(options, code, optarg, &why) != NACRE_CHECKED) {
            return nacre_vcmd_give_up(options, &why);
        }
    }
    if (argc - optind > 1) {
        return nacre_usage_error(options->program, "one at a time, but after '%s' there is '%s'",
                                 argv[optind], argv[optind + 1]);
    }
    options->input = argv[optind];
    return -1;
}

int nacre_vcmd_read_options(struct nacre_vcmd_options *options, int argc, char **argv, const char *help,
                            bool response)
{
    *options = (struct nacre_vcmd_options){.program = argv[0], .policy = nacre_verify_policy_new()};
    if (options->policy == NULL) {
        return nacre_vcmd_give_up(options, &(nacre_verify_error){.text = "out of memory"});
    }
    optind = 1;
    return read_words(options, argc, argv, help, response);
}
