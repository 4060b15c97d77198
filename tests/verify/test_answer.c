/* Answers in JSON: every kind into BCS and back out of a signature, and everything that is not exactly of its type. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/evp.h>

#include "support.h"
#include "text.h"

#define TIME_MS UINT64_C(1744038900000)

static EVP_PKEY *key;
static uint8_t public_key[32];

static void setup(void)
{
    static const uint8_t seed[32] = {7};
    size_t size = sizeof public_key;
    key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    ck_assert_ptr_nonnull(key);
    ck_assert_int_eq(EVP_PKEY_get_raw_public_key(key, public_key, &size), 1);
}

static void teardown(void)
{
    EVP_PKEY_free(key);
}

static void sign(uint8_t intent, uint64_t time_ms, const char *bcs_hex, char hex[129])
{
    uint8_t message[4096] = {intent};
    uint8_t signature[64];
    size_t size = sizeof signature;
    size_t length = strlen(bcs_hex) / 2;
    for (unsigned i = 0; i < 8; i++) {
        message[1 + i] = (uint8_t)(time_ms >> (8 * i));
    }
    ck_assert_uint_lt(length, sizeof message - 9);
    ck_assert(nacre_vfy_unhex(bcs_hex, length, message + 9));
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestSignInit(md, NULL, NULL, NULL, key), 1);
    ck_assert_int_eq(EVP_DigestSign(md, signature, &size, message, 9 + length), 1);
    EVP_MD_CTX_free(md);
    nacre_vfy_hex(signature, sizeof signature, hex);
}

static nacre_verify_types *types_of(const char *text)
{
    nacre_verify_types *types = NULL;
    nacre_verify_error error = {.text = ""};
    ck_assert_msg(nacre_verify_types_parse(text, strlen(text), &types, &error) == NACRE_VERIFY_OK, "%s: %s",
                  text, error.text);
    return types;
}

/* A struct P of two fields, and the type under test. */
static nacre_verify_types *types_with(const char *type)
{
    char text[512];
    (void)snprintf(
        text, sizeof text,
        "{\"nacre_types\":1,\"structs\":[{\"name\":\"P\",\"fields\":[[\"x\",\"u8\"],[\"y\",\"bool\"]]},"
        "{\"name\":\"T\",\"fields\":[[\"v\",\"%s\"]]}],"
        "\"intents\":[{\"intent\":3,\"name\":\"Test\",\"type\":\"T\"}]}",
        type);
    return types_of(text);
}

static int judge(const nacre_verify_types *types, const char *json, size_t size, nacre_verify_report **report)
{
    nacre_verify_answer answer = {.struct_size = sizeof answer,
                                  .json = json,
                                  .json_size = size,
                                  .public_key = public_key,
                                  .public_key_size = sizeof public_key,
                                  .types = types};
    /* An own copy of exactly this size, so that reading past it is seen. */
    char *copy = malloc(size > 0 ? size : 1);
    memcpy(copy, json, size);
    answer.json = copy;
    int verdict = nacre_verify_answer_json(&answer, report, NULL);
    free(copy);
    return verdict;
}

static void write_answer(char *out, size_t room, const char *value, const char *signature)
{
    int n = snprintf(out, room,
                     "{\"response\":{\"intent\":3,\"timestamp_ms\":1744038900000,\"data\":{\"v\":%s}},"
                     "\"signature\":\"%s\"}",
                     value, signature);
    ck_assert(n > 0 && (size_t)n < room);
}

struct value {
    const char *type;
    const char *json;
    const char *bcs; /* NULL: not a value of the type */
};

#define MANY_31 "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"

static const struct value values[] = {
    {"bool", "true", "01"},
    {"bool", "false", "00"},
    {"u8", "0", "00"},
    {"u8", "255", "ff"},
    {"u16", "65535", "ffff"},
    {"u32", "4294967295", "ffffffff"},
    {"u64", "6211533809644153000", "a8282bfa16cd3356"},
    {"u64", "9007199254740993", "0100000000002000"},
    {"u64", "18446744073709551615", "ffffffffffffffff"},
    {"u128", "\"340282366920938463463374607431768211455\"", "ffffffffffffffffffffffffffffffff"},
    {"u128", "\"18446744073709551616\"", "00000000000000000100000000000000"},
    {"u256", "\"0\"", "0000000000000000000000000000000000000000000000000000000000000000"},
    {"u256", "\"115792089237316195423570985008687907853269984665640564039457584007913129639935\"",
     "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
    {"string", "\"\"", "00"},
    {"string", "\"a\\u00e9\\ud83d\\udc1a\\n\\u0000\"", "0961c3a9f09f909a0a00"},
    {"bytes", "[]", "00"},
    {"bytes", "[ 0 , 127,\n255 ]", "03007fff"},
    {"address", "[" MANY_31 ",2]", "0101010101010101010101010101010101010101010101010101010101010102"},
    {"P", "{\"x\":1,\"y\":true}", "0101"},
    {"P", "{\"y\":true,\"x\":1}", "0101"},
    {"P", "{\"\\u0079\":true,\"x\":1}", "0101"},
    {"vector<u16>", "[1,2]", "0201000200"},
    {"vector<u8>", "[1,2]", "020102"},
    {"vector<P>", "[{\"x\":1,\"y\":true},{\"y\":false,\"x\":2}]", "0201010200"},
    {"vector<vector<string>>", "[[],[\"a\",\"\"]]", "020002016100"},
    {"option<u64>", "null", "00"},
    {"option<u64>", "7", "010700000000000000"},
    {"option<P>", "{\"x\":9,\"y\":false}", "010900"},
    {"vector<option<u128>>", "[null,\"1\"]",
     "020001"
     "01000000000000000000000000000000"},
    {"option<vector<bool>>", "[]", "0100"},
    {"bool", "1", NULL},
    {"bool", "\"true\"", NULL},
    {"bool", "null", NULL},
    {"u8", "256", NULL},
    {"u8", "-1", NULL},
    {"u8", "1.0", NULL},
    {"u8", "1e0", NULL},
    {"u8", "\"1\"", NULL},
    {"u16", "65536", NULL},
    {"u32", "4294967296", NULL},
    {"u64", "18446744073709551616", NULL},
    {"u64", "\"7\"", NULL},
    {"u64", "99999999999999999999999999999999999999999999999999999999999999999999999999999999999", NULL},
    {"u64", "[]", NULL},
    {"u128", "1", NULL},
    {"u128", "\"\"", NULL},
    {"u128", "\"01\"", NULL},
    {"u128", "\"0x1\"", NULL},
    {"u128", "\"\\u0031\"", NULL},
    {"u128", "\"340282366920938463463374607431768211456\"", NULL},
    {"u256", "\"115792089237316195423570985008687907853269984665640564039457584007913129639936\"", NULL},
    {"u256", "\"-1\"", NULL},
    {"string", "7", NULL},
    {"string", "null", NULL},
    {"bytes", "\"00\"", NULL},
    {"bytes", "[256]", NULL},
    {"bytes", "[[1]]", NULL},
    {"bytes", "{}", NULL},
    {"address", "[" MANY_31 "]", NULL},
    {"address", "[" MANY_31 ",1,1]", NULL},
    {"address", "[" MANY_31 ",256]", NULL},
    {"address", "\"0x00\"", NULL},
    {"P", "{}", NULL},
    {"P", "{\"x\":1}", NULL},
    {"P", "{\"x\":1,\"y\":true,\"z\":0}", NULL},
    {"P", "{\"x\":1,\"y\":true,\"x\":1}", NULL},
    {"P", "{\"x\":1,\"y\":true,\"\\u0078\":1}", NULL},
    {"P", "[1,true]", NULL},
    {"vector<u16>", "{}", NULL},
    {"vector<u16>", "null", NULL},
    {"vector<u16>", "[1,null]", NULL},
    {"option<u64>", "\"\"", NULL},
    {"option<u64>", "[7]", NULL},
};
#define VALUES (sizeof values / sizeof values[0])

START_TEST(every_kind)
{
    const struct value *value = &values[_i];
    char text[2048];
    char signature[129];
    nacre_verify_report *report = NULL;
    nacre_verify_types *types = types_with(value->type);
    sign(3, TIME_MS, value->bcs != NULL ? value->bcs : "00", signature);
    write_answer(text, sizeof text, value->json, signature);
    int verdict = judge(types, text, strlen(text), &report);
    if (value->bcs == NULL) {
        ck_assert_int_eq(verdict, NACRE_VERIFY_REFUSED);
        ck_assert_str_eq(first_failure(report)->name, "type");
        ck_assert_ptr_null(nacre_verify_report_signed(report));
        ck_assert_ptr_null(nacre_verify_report_data(report).data);
    } else {
        char hex[256];
        char data[256];
        ck_assert_msg(verdict == NACRE_VERIFY_OK, "%s: %s", value->type, first_failure(report)->actual);
        const nacre_verify_signed *content = nacre_verify_report_signed(report);
        nacre_vfy_hex(content->bcs, content->bcs_size, hex);
        ck_assert_str_eq(hex, value->bcs);
        ck_assert_uint_eq(content->timestamp_ms, TIME_MS);
        ck_assert_uint_eq(content->intent, 3);
        (void)snprintf(data, sizeof data, "{\"v\":%s}", value->json);
        ck_assert_str_eq((const char *)nacre_verify_report_data(report).data, data);
        ck_assert_uint_eq(nacre_verify_report_data(report).size, strlen(data));
    }
    nacre_verify_report_free(report);
    nacre_verify_types_free(types);
}
END_TEST

/* The right bytes of another type do not make the answer right: the signature covers what the type makes of it. */
START_TEST(wrong_type)
{
    char text[512];
    char signature[129];
    nacre_verify_report *report = NULL;
    nacre_verify_types *types = types_with("u32");
    sign(3, TIME_MS, "0d00000000000000", signature);
    write_answer(text, sizeof text, "13", signature);
    ck_assert_int_eq(judge(types, text, strlen(text), &report), NACRE_VERIFY_REFUSED);
    ck_assert_str_eq(first_failure(report)->name, "signature");
    ck_assert_ptr_null(nacre_verify_report_data(report).data);
    nacre_verify_report_free(report);
    nacre_verify_types_free(types);
}
END_TEST

#define START "{\"response\":{\"intent\":3,\"timestamp_ms\":1744038900000,\"data\":{\"v\":13}}"

/* %s is the signature of v = 13. */
static const struct {
    const char *text;
    const char *check; /* NULL: good */
} envelopes[] = {
    {START ",\"signature\":\"%s\"}", NULL},
    {" " START " , \"signature\" : \"%s\" } \n", NULL},
    {"{\"signature\":\"%s\",\"response\":{\"data\":{\"v\":13},\"timestamp_ms\":1744038900000,\"intent\":3}}",
     NULL},
    {START ",\"attestation\":\"84\",\"signature\":\"%s\"}", NULL},
    {START ",\"signature\":\"%s\"", "encoding"},
    {START ",\"signature\":\"%s\"} x", "encoding"},
    {START ",\"signature\":\"%s0\"}", "encoding"},
    {START ",\"signature\":\"%s\",\"signature\":\"00\"}", "encoding"},
    {START ",\"signature\":null,\"note\":\"%s\"}", "encoding"},
    {START "}", "encoding"},
    {"{\"signature\":\"%s\"}", "encoding"},
    {"[" START ",\"signature\":\"%s\"}]", "encoding"},
    {START ",\"response\":{},\"signature\":\"%s\"}", "encoding"},
    {"{\"response\":{\"intent\":3,\"timestamp_ms\":1744038900000},\"signature\":\"%s\"}", "encoding"},
    {"{\"response\":{\"intent\":3,\"data\":{\"v\":13}},\"signature\":\"%s\"}", "encoding"},
    {"{\"response\":{\"timestamp_ms\":1744038900000,\"data\":{\"v\":13}},\"signature\":\"%s\"}", "encoding"},
    {"{\"response\":{\"intent\":256,\"timestamp_ms\":1744038900000,\"data\":{\"v\":13}},\"signature\":\"%"
     "s\"}",
     "encoding"},
    {"{\"response\":{\"intent\":\"3\",\"timestamp_ms\":1744038900000,\"data\":{\"v\":13}},\"signature\":\"%"
     "s\"}",
     "encoding"},
    {"{\"response\":{\"intent\":3,\"timestamp_ms\":1.7e12,\"data\":{\"v\":13}},\"signature\":\"%s\"}",
     "encoding"},
    {"{\"response\":{\"intent\":3,\"timestamp_ms\":1744038900000,\"data\":{\"v\":13},\"data\":{\"v\":13}},"
     "\"signature\":\"%s\"}",
     "encoding"},
    {"{\"response\":{\"intent\":3,\"timestamp_ms\":1744038900000,\"data\":{\"v\":13},\"price\":1},"
     "\"signature\":\"%s\"}",
     "encoding"},
    {"{\"response\":{\"intent\":4,\"timestamp_ms\":1744038900000,\"data\":{\"v\":13}},\"signature\":\"%s\"}",
     "intent"},
    {"{\"response\":{\"intent\":3,\"timestamp_ms\":1744038900000,\"data\":[13]},\"signature\":\"%s\"}",
     "type"},
    {"{\"response\":{\"intent\":3,\"timestamp_ms\":1744038900001,\"data\":{\"v\":13}},\"signature\":\"%s\"}",
     "signature"},
    {"{\"response\":{\"intent\":3,\"timestamp_ms\":1744038900000,\"data\":{\"v\":14}},\"signature\":\"%s\"}",
     "signature"},
};

START_TEST(forms)
{
    char text[1024];
    char signature[129];
    nacre_verify_report *report = NULL;
    nacre_verify_types *types = types_with("u64");
    sign(3, TIME_MS, "0d00000000000000", signature);
    /* Only ever one of our own formats. */
    const char *rest = strstr(envelopes[_i].text, "%s");
    size_t before = rest != NULL ? (size_t)(rest - envelopes[_i].text) : strlen(envelopes[_i].text);
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)before, envelopes[_i].text,
                   rest != NULL ? signature : "", rest != NULL ? rest + 2 : "");
    int verdict = judge(types, text, strlen(text), &report);
    if (envelopes[_i].check == NULL) {
        ck_assert_msg(verdict == NACRE_VERIFY_OK, "%s", first_failure(report)->actual);
        ck_assert_uint_eq(nacre_verify_report_count(report), 4);
    } else {
        ck_assert_int_eq(verdict, NACRE_VERIFY_REFUSED);
        ck_assert_str_eq(first_failure(report)->name, envelopes[_i].check);
    }
    nacre_verify_report_free(report);
    nacre_verify_types_free(types);
}
END_TEST

static const char rich[] = "[{\"x\":1,\"y\":true},{\"y\":false,\"x\":2}]";

/* No prefix of an answer, and no answer with one byte changed, says something else and is accepted. */
START_TEST(truncated_and_changed)
{
    char text[512];
    char changed[512];
    char signature[129];
    nacre_verify_types *types = types_with("vector<P>");
    sign(3, TIME_MS, "0201010200", signature);
    write_answer(text, sizeof text, rich, signature);
    size_t size = strlen(text);
    ck_assert_int_eq(judge(types, text, size, NULL), NACRE_VERIFY_OK);
    for (size_t n = 0; n < size; n++) {
        ck_assert_int_eq(judge(types, text, n, NULL), NACRE_VERIFY_REFUSED);
    }
    for (size_t at = 0; at < size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            nacre_verify_report *report = NULL;
            memcpy(changed, text, size);
            changed[at] = (char)(changed[at] ^ (1 << bit));
            if (judge(types, changed, size, &report) == NACRE_VERIFY_OK) {
                /* The case of a hex digit says nothing; white space and what it stood for neither. */
                const nacre_verify_signed *content = nacre_verify_report_signed(report);
                char hex[129];
                nacre_vfy_hex(content->signature, content->signature_size, hex);
                ck_assert_str_eq(hex, signature);
                nacre_vfy_hex(content->bcs, content->bcs_size, hex);
                ck_assert_str_eq(hex, "0201010200");
            }
            nacre_verify_report_free(report);
        }
    }
    nacre_verify_types_free(types);
}
END_TEST

START_TEST(deep_nesting)
{
    char text[4096] = "";
    nacre_verify_types *types = types_with("vector<u8>");
    memset(text, '[', sizeof text - 1);
    ck_assert_int_eq(judge(types, text, sizeof text - 1, NULL), NACRE_VERIFY_REFUSED);
    nacre_verify_types_free(types);
}
END_TEST

START_TEST(expectations)
{
    char text[512];
    char signature[129];
    nacre_verify_report *report = NULL;
    nacre_verify_types *types = types_with("u64");
    sign(3, TIME_MS, "0d00000000000000", signature);
    write_answer(text, sizeof text, "13", signature);
    nacre_verify_answer answer = {.struct_size = sizeof answer,
                                  .json = text,
                                  .json_size = strlen(text),
                                  .public_key = public_key,
                                  .public_key_size = sizeof public_key,
                                  .types = types,
                                  .intent_name = "Test",
                                  .now_ms = TIME_MS + 1000,
                                  .max_age_ms = 1000};
    ck_assert_int_eq(nacre_verify_answer_json(&answer, NULL, NULL), NACRE_VERIFY_OK);
    answer.max_age_ms = 999;
    ck_assert_int_eq(nacre_verify_answer_json(&answer, &report, NULL), NACRE_VERIFY_REFUSED);
    ck_assert_str_eq(first_failure(report)->name, "age");
    nacre_verify_report_free(report);
    answer.max_age_ms = 0;
    answer.intent_name = "Other";
    ck_assert_int_eq(nacre_verify_answer_json(&answer, &report, NULL), NACRE_VERIFY_REFUSED);
    ck_assert_str_eq(first_failure(report)->name, "intent");
    nacre_verify_report_free(report);
    answer.intent_name = NULL;
    public_key[0] ^= 1;
    ck_assert_int_eq(nacre_verify_answer_json(&answer, &report, NULL), NACRE_VERIFY_REFUSED);
    ck_assert_str_eq(first_failure(report)->name, "signature");
    nacre_verify_report_free(report);
    answer.public_key_size = 31;
    ck_assert_int_eq(nacre_verify_answer_json(&answer, &report, NULL), NACRE_VERIFY_REFUSED);
    ck_assert_str_eq(first_failure(report)->name, "key");
    nacre_verify_report_free(report);
    answer.public_key = NULL;
    ck_assert_int_eq(nacre_verify_answer_json(&answer, NULL, NULL), NACRE_VERIFY_REFUSED);
    answer.types = NULL;
    ck_assert_int_eq(nacre_verify_answer_json(&answer, NULL, NULL), NACRE_VERIFY_E_ARGUMENT);
    answer.types = types;
    answer.struct_size = 8;
    ck_assert_int_eq(nacre_verify_answer_json(&answer, NULL, NULL), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_int_eq(nacre_verify_answer_json(NULL, NULL, NULL), NACRE_VERIFY_E_ARGUMENT);
    nacre_verify_types_free(types);
}
END_TEST

#define P_STRUCT "{\"name\":\"P\",\"fields\":[[\"x\",\"u8\"]]}"
#define P_INTENT "{\"intent\":0,\"name\":\"I\",\"type\":\"P\"}"

static const struct {
    const char *text;
    const char *says;
} bad_files[] = {
    {"", "too early"},
    {"null", "expected an object"},
    {"{}", "nacre_types"},
    {"{\"nacre_types\":2,\"structs\":[]}", "version 2"},
    {"{\"nacre_types\":1,\"structs\":[],\"intents\":[" P_INTENT "]}", "empty"},
    {"{\"nacre_types\":1,\"structs\":[" P_STRUCT "],\"intents\":[]}", "empty"},
    {"{\"nacre_types\":1,\"structs\":[" P_STRUCT "," P_STRUCT "],\"intents\":[" P_INTENT "]}", "twice"},
    {"{\"nacre_types\":1,\"structs\":[" P_STRUCT "],\"intents\":[" P_INTENT "," P_INTENT "]}", "twice"},
    {"{\"nacre_types\":1,\"structs\":[" P_STRUCT "],\"intents\":[" P_INTENT "]} x", "text after"},
    {"{\"nacre_types\":1,\"structs\":[" P_STRUCT "],\"intents\":[" P_INTENT "],\"more\":1}",
     "end of the object"},
    {"{\"nacre_types\":1,\"structs\":[{\"name\":\"P\",\"fields\":[[\"x\",\"Q\"]]}]}", "'Q' is neither"},
    {"{\"nacre_types\":1,\"structs\":[{\"name\":\"P\",\"fields\":[[\"x\",\"P\"]]}]}", "'P' is neither"},
    {"{\"nacre_types\":1,\"structs\":[{\"name\":\"P\",\"fields\":[[\"x\",\"f64\"]]}]}", "'f64' is neither"},
    {"{\"nacre_types\":1,\"structs\":[{\"name\":\"P\",\"fields\":[[\"x\",\"vector<u8\"]]}]}", "neither"},
    {"{\"nacre_types\":1,\"structs\":[{\"name\":\"P\",\"fields\":[[\"x\",\"vector<>\"]]}]}", "neither"},
    {"{\"nacre_types\":1,\"structs\":[{\"name\":\"P\",\"fields\":[[\"x\",\"u8\"],[\"x\",\"u8\"]]}],"
     "\"intents\":[" P_INTENT "]}",
     "declared twice"},
    {"{\"nacre_types\":1,\"structs\":[{\"name\":\"P\",\"fields\":[]}],\"intents\":[" P_INTENT "]}", "fields"},
    {"{\"nacre_types\":1,\"structs\":[{\"name\":\"P\",\"fields\":[[\"x\",\"option<option<u8>>\"]]}],"
     "\"intents\":[" P_INTENT "]}",
     "option directly inside"},
    {"{\"nacre_types\":1,\"structs\":[{\"name\":\"P\",\"fields\":[[\"x y\",\"u8\"]]}],\"intents\":[" P_INTENT
     "]}",
     "out of form"},
    {"{\"nacre_types\":1,\"structs\":[{\"name\":\"\\u0050\",\"fields\":[[\"x\",\"u8\"]]}]}",
     "without escapes"},
    {"{\"nacre_types\":1,\"structs\":[" P_STRUCT
     "],\"intents\":[{\"intent\":256,\"name\":\"I\",\"type\":\"P\"}]}",
     "0 to 255"},
    {"{\"nacre_types\":1,\"structs\":[{\"name\":\"P\",\"fields\":[[\"x\",\"vector<vector<vector<vector<"
     "vector<vector<"
     "vector<vector<vector<vector<vector<vector<vector<vector<vector<vector<vector<vector<u8>>>>>>>>>>>>>>>>>"
     ">\"]]}]}",
     "nested deeper"},
};

START_TEST(bad_type_files)
{
    nacre_verify_types *types = NULL;
    nacre_verify_error error = {.text = ""};
    const char *text = bad_files[_i].text;
    ck_assert_int_eq(nacre_verify_types_parse(text, strlen(text), &types, &error), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_ptr_null(types);
    ck_assert_msg(strstr(error.text, bad_files[_i].says) != NULL, "%s: %s", text, error.text);
}
END_TEST

START_TEST(cut_type_files)
{
    static const char text[] = "{\"nacre_types\":1,\"structs\":[" P_STRUCT "],\"intents\":[" P_INTENT "]}";
    nacre_verify_types *types = NULL;
    for (size_t n = 0; n < sizeof text - 1; n++) {
        ck_assert_int_eq(nacre_verify_types_parse(text, n, &types, NULL), NACRE_VERIFY_E_ARGUMENT);
    }
    ck_assert_int_eq(nacre_verify_types_parse(text, sizeof text - 1, &types, NULL), NACRE_VERIFY_OK);
    nacre_verify_types_free(types);
    nacre_verify_types_free(NULL);
    ck_assert_int_eq(nacre_verify_types_parse(NULL, 0, &types, NULL), NACRE_VERIFY_E_ARGUMENT);
    ck_assert_int_eq(nacre_verify_types_parse(text, (size_t)NACRE_VERIFY_TYPES_MAX + 1, &types, NULL),
                     NACRE_VERIFY_E_ARGUMENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("answer");
    TCase *tcase = tcase_create("answer");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, every_kind, 0, VALUES);
    tcase_add_loop_test(tcase, forms, 0, sizeof envelopes / sizeof envelopes[0]);
    tcase_add_loop_test(tcase, bad_type_files, 0, sizeof bad_files / sizeof bad_files[0]);
    tcase_add_test(tcase, wrong_type);
    tcase_add_test(tcase, truncated_and_changed);
    tcase_add_test(tcase, deep_nesting);
    tcase_add_test(tcase, expectations);
    tcase_add_test(tcase, cut_type_files);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
