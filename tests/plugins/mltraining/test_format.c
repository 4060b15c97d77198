/* Grants, keys, bundles and safetensors: what we write we read, and nothing else. */
#include <errno.h>
#include <learn/format.h>
#include <learn/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h" /* after the header whose member `fail` its macros would change */

static char why[ML_WHY];

START_TEST(grants)
{
    struct ml_grant in = {.not_after_ms = UINT64_C(0x0102030405060708)}, out;
    uint8_t bytes[ML_GRANT_LEN];
    memset(in.id, 1, sizeof in.id);
    memset(in.key, 2, sizeof in.key);
    memset(in.buyer, 3, sizeof in.buyer);
    ml_grant_write(bytes, &in);
    ck_assert_mem_eq(bytes, "NACREDK1", 8);
    ck_assert(bytes[8] == 1 && bytes[24] == 2 && bytes[56] == 3 && bytes[88] == 8 && bytes[95] == 1);
    ck_assert_int_eq(ml_grant_read(&out, bytes, sizeof bytes), 0);
    ck_assert_mem_eq(&out, &in, sizeof in);
    ck_assert_int_eq(ml_grant_read(&out, bytes, sizeof bytes - 1), -EBADMSG);
    ck_assert_int_eq(ml_grant_read(&out, bytes, 0), -EBADMSG);
    bytes[7] = '2';
    ck_assert_int_eq(ml_grant_read(&out, bytes, sizeof bytes), -EBADMSG);
}
END_TEST

START_TEST(keys)
{
    static const char *const good[] = {
        "fbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfb",
        "FBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFB",
        "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=", "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s",
        "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s="};
    static const char *const bad[] = {"",
                                      "0xfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfb",
                                      "fbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbf",
                                      "gbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfb",
                                      "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7",
                                      "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=",
                                      "key"};
    uint8_t key[32], expected[32];
    memset(expected, 0xfb, sizeof expected);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        memset(key, 0, sizeof key);
        ck_assert_msg(ml_key_read(key, good[i], strlen(good[i])) == 0, "%s", good[i]);
        ck_assert_mem_eq(key, expected, sizeof key);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(ml_key_read(key, bad[i], strlen(bad[i])) == -EINVAL, "%s", bad[i]);
}
END_TEST

START_TEST(bundles)
{
    const struct ml_bundle in = {"{\"a\":1}", 7, (const uint8_t *)"MODEL", 5};
    struct ml_bundle out;
    size_t len = 0;
    uint8_t *bytes = ml_bundle_write(&in, &len);
    ck_assert_uint_eq(len, 16 + 7 + 5);
    ck_assert_int_eq(ml_bundle_read(&out, bytes, len, why), 0);
    ck_assert(out.card_len == 7 && memcmp(out.card, in.card, 7) == 0);
    ck_assert(out.model_len == 5 && memcmp(out.model, "MODEL", 5) == 0);
    ck_assert_int_eq(ml_bundle_read(&out, bytes, 22, why), -EBADMSG);
    ck_assert_str_eq(why, "the card is 7 bytes long, but only 6 follow");
    memset(bytes + 8, 0xff, 8);
    ck_assert_int_eq(ml_bundle_read(&out, bytes, len, why), -EBADMSG);
    ck_assert_int_eq(ml_bundle_read(&out, bytes, 15, why), -EBADMSG);
    bytes[0] = 'X';
    ck_assert_int_eq(ml_bundle_read(&out, bytes, len, why), -EBADMSG);
    free(bytes);
}
END_TEST

static uint8_t *sample(size_t *len)
{
    struct ml_model m = {.n_tensors = 0};
    float *w = ml_model_add(&m, "w", ML_F32, 2, 3);
    double *d = ml_model_add(&m, "d", ML_F64, 2, 0);
    int32_t *i = ml_model_add(&m, "i", ML_I32, 1, 0);
    for (int k = 0; k < 6; k++)
        w[k] = (float)k / 4;
    d[1] = 1e300;
    *i = -5;
    ck_assert_int_eq(ml_model_text(&m, "algorithm", "mlp"), 0);
    uint8_t *bytes = ml_model_write(&m, len);
    ml_model_free(&m);
    return bytes;
}

START_TEST(models)
{
    static const char header[] =
        "{\"__metadata__\":{\"algorithm\":\"mlp\"},\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],"
        "\"data_offsets\":[0,24]},\"d\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[24,40]},"
        "\"i\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[40,44]}}";
    size_t len = 0;
    struct ml_model m;
    uint8_t *bytes = sample(&len);
    ck_assert_uint_eq(len, 8 + (sizeof header + 6) / 8 * 8 + 44);
    ck_assert_mem_eq(bytes + 8, header, sizeof header - 1);
    ck_assert_msg(ml_model_read(&m, bytes, len, why) == 0, "%s", why);
    ck_assert_str_eq(ml_model_says(&m, "algorithm"), "mlp");
    ck_assert(((const float *)ml_model_find(&m, "w")->data)[5] == 1.25f);
    ck_assert(((const double *)ml_model_find(&m, "d")->data)[1] == 1e300);
    ck_assert(*(const int32_t *)ml_model_find(&m, "i")->data == -5);
    ck_assert_ptr_null(ml_model_find(&m, "x"));
    ml_model_free(&m);
    /* cut short anywhere, or with a byte more */
    for (size_t n = 0; n < len; n++)
        ck_assert_int_eq(ml_model_read(&m, bytes, n, why), -EBADMSG);
    uint8_t *more = calloc(1, len + 1);
    memcpy(more, bytes, len);
    ck_assert_int_eq(ml_model_read(&m, more, len + 1, why), -EBADMSG);
    free(more);
    free(bytes);
}
END_TEST

/* Whatever one byte of the header becomes: read or refused, never past the end. */
START_TEST(models_with_a_wrong_byte)
{
    size_t len = 0;
    uint8_t *bytes = sample(&len);
    for (size_t i = 0; i + 44 < len; i++) {
        const uint8_t kept = bytes[i];
        for (unsigned v = 0; v < 256; v += 5) {
            struct ml_model m;
            bytes[i] = (uint8_t)v;
            if (ml_model_read(&m, bytes, len, why) == 0)
                ml_model_free(&m);
        }
        bytes[i] = kept;
    }
    free(bytes);
}
END_TEST

START_TEST(models_out_of_form)
{
    /* NOLINTBEGIN(bugprone-suspicious-missing-comma) */
    static const char *const headers[] = {
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}",
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
        "{\"w\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}",
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[1,1,1],\"data_offsets\":[0,4]}}",
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}",
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,4]}}",
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[1]}}",
        "{\"w\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"w\":{\"dtype\":\"F32\",\"shape\":["
        "0],"
        "\"data_offsets\":[4,4]}}",
        "{}",
        "[]",
        ""};
    /* NOLINTEND(bugprone-suspicious-missing-comma) */
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        uint8_t bytes[512] = {0};
        struct ml_model m;
        const size_t n = strlen(headers[i]);
        bytes[0] = (uint8_t)n;
        memcpy(bytes + 8, headers[i], n);
        ck_assert_msg(ml_model_read(&m, bytes, 8 + n + 4, why) == -EBADMSG, "%s", headers[i]);
        ck_assert_ptr_nonnull(strstr(why, "safetensors: "));
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, grants);
    tcase_add_test(tc, keys);
    tcase_add_test(tc, bundles);
    tcase_add_test(tc, models);
    tcase_add_test(tc, models_with_a_wrong_byte);
    tcase_add_test(tc, models_out_of_form);
}

int main(void)
{
    return nacre_run_suite("ml-format", add, 60);
}
