/* Blobs in every form, whole and in pieces, and what is refused of them. */
#include <errno.h>
#include <learn/number.h>
#include <learn/source.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h" /* after the header whose member `fail` its macros would change */

static struct ml_data data;
static struct ml_limits limits;
static struct ml_config config;
static char why[ML_WHY + 128];
static uint8_t box_public[32], box_secret[32], dataset_secret[32];

static void setup(void)
{
    ck_assert_int_ge(sodium_init(), 0);
    limits = (struct ml_limits){1000000, 1000, 16};
    config = (struct ml_config){.input_size = 2, .output_size = 3, .loss = ML_CROSS_ENTROPY};
    (void)crypto_box_keypair(box_public, box_secret);
    memset(dataset_secret, 7, sizeof dataset_secret);
    ck_assert_int_eq(ml_data_init(&data, &config, &limits, why), 0);
}

static void teardown(void)
{
    ml_data_free(&data);
}

static uint8_t *opened;

static int open_box(void *ctx, const uint8_t sender[32], const uint8_t nonce[24], const uint8_t *box,
                    size_t len, const uint8_t **plain, size_t *plain_len)
{
    (void)ctx;
    if (len < crypto_box_MACBYTES)
        return 400;
    free(opened);
    opened = malloc(len);
    if (crypto_box_open_easy(opened, box, len, nonce, sender, box_secret) != 0)
        return 400;
    *plain = opened;
    *plain_len = len - crypto_box_MACBYTES;
    return 0;
}

static int dataset_key(void *ctx, const uint8_t id[ML_DATASET_ID], uint8_t key[32])
{
    (void)ctx;
    if (id[0] == 0xff)
        return -ENOKEY;
    memcpy(key, dataset_secret, 32);
    return 0;
}

static const struct ml_keys keys = {NULL, open_box, dataset_key};

/* The blob in pieces of `step` bytes. */
static int feed(const void *bytes, size_t len, size_t step, const char *label)
{
    const uint8_t *at = bytes;
    int err = 0;
    struct ml_source *s = ml_source_new(&data, "B", label, &keys);
    for (size_t i = 0; i < len && !err; i += step)
        err = ml_source_feed(s, at + i, len - i < step ? len - i : step);
    if (!err)
        err = ml_source_end(s);
    (void)snprintf(why, sizeof why, "%s", ml_source_why(s));
    ml_source_free(s);
    return err;
}

static int feed_text(const char *text, size_t step)
{
    return feed(text, strlen(text), step, "");
}

static void expect_rows(void)
{
    ck_assert_uint_eq(data.rows, 2);
    ck_assert(data.x[0] == 1.5f && data.x[1] == -2.0f && data.x[2] == 0.25f && data.x[3] == 1e-3f);
    ck_assert(data.y[0] == 0 && data.y[1] == 2);
    data.rows = 0;
}

static const char pairs[] = " [ [[1.5,-2],0] ,\n[[ 0.25 , 1e-3 ], 2] ] \n";
static const char csv[] = "a,b,label\n1.5,-2,0\n\n0.25,.001,2";

START_TEST(every_cut)
{
    static const char *const texts[] = {
        pairs, csv, "a,b,label\r\n1.5,-2,0\r\n0.25,1e-3,2\r\n",
        "\xef\xbb\xbf\"a\",\"b \"\"x\"\",\",label\n 1.5 , -2 ,\"0\"\n+0.25,0.001,2\n",
        "\xef\xbb\xbf[[[1.5,-2.0],0],[[0.25,0.001],2]]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (size_t step = 1; step <= strlen(texts[i]); step++) {
            data.has_header = false;
            ck_assert_msg(feed_text(texts[i], step) == 0, "%zu at %zu: %s", i, step, why);
            expect_rows();
        }
}
END_TEST

START_TEST(label_by_name)
{
    static const char first[] = "label,a,b\n0,1.5,-2\n2,0.25,0.001\n",
                      middle[] = "a,\"label\",b\n1.5,0,-2\n0.25,2,1e-3";
    ck_assert_msg(feed(first, strlen(first), 5, "label") == 0, "%s", why);
    expect_rows();
    ck_assert_msg(feed(middle, strlen(middle), 5, "label") == 0, "%s", why);
    expect_rows();
    ck_assert_int_eq(feed(first, strlen(first), 5, "class"), -EBADMSG);
    ck_assert_str_eq(why, "blob B: CSV: no column has the label's name, class");
}
END_TEST

/* Of two contributors whose columns differ, the second is refused: its numbers would mean something else. */
START_TEST(columns_must_agree)
{
    ck_assert_int_eq(feed_text(csv, 100), 0);
    ck_assert_int_eq(feed_text("b,a,label\n1,2,0\n", 100), -EBADMSG);
    ck_assert_ptr_nonnull(strstr(why, "not those of the CSV blobs before"));
    ck_assert_int_eq(feed_text("a,b,other\n1,2,0\n", 100), 0); /* the label's own name is nobody's business */
    ck_assert_int_eq(feed_text(pairs, 100), 0);
    ck_assert_uint_eq(data.rows, 5);
}
END_TEST

START_TEST(refused)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "blob B: empty"},
        {" \n", "blob B: empty"},
        {"[[[1,2],0],[[1],1]]", "blob B, row 2: 1 features, expected 2"},
        {"[[[1,2],0],[[1,2,3],1]]", "blob B, row 2: more than 2 features, expected 2"},
        {"[[[1,2],3]]", "blob B, row 1: the label is no whole number from 0 to 2"},
        {"[[[1,2],-1]]", "blob B, row 1: the label is no whole number from 0 to 2"},
        {"[[[1,2],0.5]]", "blob B, row 1: the label is no whole number from 0 to 2"},
        {"[[[1,1e39],0]]", "blob B, row 1: value 2 is not a finite 32-bit number"},
        {"[[[1,NaN],0]]", "blob B, row 1: value 2 is not a finite 32-bit number"},
        {"[[[-Infinity,1],0]]", "blob B, row 1: value 1 is not a finite 32-bit number"},
        {"[[[01,1],0]]", "blob B, row 1: value 1 is not a number"},
        {"[[[1.,1],0]]", "blob B, row 1: value 1 is not a number"},
        {"[[[.5,1],0]]", "blob B, row 1: value 1 is not a number"},
        {"[[[1,\"2\"],0]]", "blob B, row 1: JSON: '\"', expected a feature"},
        {"[[[1,2]]]", "blob B, row 1: JSON: ']', expected ',' and a label"},
        {"[[[1,2],0,1]]", "blob B, row 1: JSON: ',', expected ']' after the label"},
        {"[[[1,2],0],]", "blob B, row 1: JSON: ']', expected '[' of a pair"},
        {"[[[1,2],0]", "blob B, row 1: JSON: cut short"},
        {"[[[1,2],0]]x", "blob B, row 1: JSON: 'x', expected nothing after the array"},
        {"[{\"a\":1}]", "blob B: JSON: '{', expected '[' of a pair"},
        {"1,2,0\n1,2,0\n", "blob B: CSV: the first line is not a header"},
        {"a,label\n1,0\n", "blob B: CSV: 2 columns, expected 2 features and a label"},
        {"a,b,c,label\n", "blob B: CSV: more than 3 columns, expected 2 features and a label"},
        {"a,b,label\n1,2\n", "blob B, row 1: 2 values, expected 3"},
        {"a,b,label\n1,2,0\n1,2,0,4\n", "blob B, row 2: more than 3 values, expected 3"},
        {"a,b,label\n1,,0\n", "blob B, row 1: value 2 is empty"},
        {"a,b,label\n1,x,0\n", "blob B, row 1: value 2 is not a number"},
        {"a,b,label\n1,inf,0\n", "blob B, row 1: value 2 is not a finite 32-bit number"},
        {"a,b,label\n1,2,9\n", "blob B, row 1: the label is no whole number from 0 to 2"},
        {"a,b,label\n1\r2,3,1\n", "blob B, row 1: CSV: a carriage return without a line feed"},
        {"a,b,label\r1,2,0\r", "blob B: CSV: a carriage return without a line feed"},
        {"a,\"b\"c,label\n", "blob B: CSV: text after a closing quote"},
        {"a,\"b,label\n", "blob B: CSV: cut short inside quotes"},
        {"NACREDS", "blob B: CSV: 1 columns, expected 2 features and a label"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t step = 1; step < 8; step += 3) {
            data.rows = 0;
            data.has_header = false;
            ck_assert_int_eq(feed_text(cases[i].text, step), -EBADMSG);
            ck_assert_str_eq(why, cases[i].why);
        }
    }
}
END_TEST

START_TEST(limits_hold)
{
    data.limits.rows = 2;
    ck_assert_int_eq(feed_text(pairs, 9), 0);
    ck_assert_int_eq(feed_text(pairs, 9), -E2BIG);
    ck_assert_str_eq(why, "blob B, row 1: more than 2 rows in all");
    data.limits.bytes = data.bytes_seen + 10;
    data.rows = 0;
    ck_assert_int_eq(feed_text(pairs, 4), -E2BIG);
    ck_assert_ptr_nonnull(strstr(why, "bytes in all"));
    config.input_size = 17;
    ck_assert_int_eq(ml_data_init(&data, &config, &limits, why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "input_size is 17, at most 16 columns"));
}
END_TEST

START_TEST(numbers)
{
    static const char *const same[] = {"0",
                                       "-0",
                                       "1",
                                       "123456789",
                                       "0.1",
                                       "3.4028234e38",
                                       "1.17549435e-38",
                                       "1e-45",
                                       "16777217",
                                       "0.30000001192092896",
                                       "5e-324",
                                       "123456789012345678901234567890",
                                       "2.2250738585072014e-308",
                                       "-1.5E+3",
                                       "9007199254740993"};
    float value;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        ck_assert_int_eq(ml_number_read(same[i], strlen(same[i]), 0, &value), ML_NUMBER_OK);
        ck_assert_msg(value == (float)strtod(same[i], NULL), "%s", same[i]);
    }
    static const char *const bad[] = {"",   "-",  "+1",  "1e",  "1e+",   "--1",
                                      "1 ", " 1", "1_0", "0x1", "1e5.0", "1.2.3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(ml_number_read(bad[i], strlen(bad[i]), 0, &value) == ML_NUMBER_BAD, "'%s'", bad[i]);
    ck_assert_int_eq(ml_number_read("3.4028236e38", 12, 0, &value), ML_NUMBER_NOT_FINITE);
    ck_assert_int_eq(ml_number_read("-1e999", 6, 0, &value), ML_NUMBER_NOT_FINITE);
}
END_TEST

START_TEST(envelopes)
{
    static const char *const inside[] = {pairs, csv};
    for (size_t i = 0; i < 2; i++) {
        char *sealed = ml_envelope_seal((const uint8_t *)inside[i], strlen(inside[i]), box_public);
        for (size_t step = 1; step < 40; step += 6) {
            data.has_header = false;
            ck_assert_msg(feed_text(sealed, step) == 0, "%s", why);
            expect_rows();
        }
        sealed[30] = sealed[30] == 'A' ? 'B' : 'A';
        ck_assert_int_eq(feed_text(sealed, 1000), 400);
        ck_assert_uint_eq(data.rows, 0);
        free(sealed);
    }
    free(opened);
    opened = NULL;
}
END_TEST

START_TEST(envelopes_out_of_form)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"{}", "expected an object of texts"},
        {"{\"encrypted\":\"AAAA\"}", "nonce is missing"},
        {"{\"encrypted\":\"AAAA\",\"encrypted\":\"AAAA\"}", "encrypted stands twice"},
        {"{\"encrypted\":\"A*AA\"}", "encrypted is not base64"},
        {"{\"encrypted\":\"AAAAA\"}", "encrypted is not whole base64"},
        {"{\"encrypted\":5}", "expected an object of texts"},
        {"{\"encrypted\":\"AAAA\"", "cut short"},
        {"{\"encrypted\":\"AAAA", "cut short"},
        {"{\"other\":\"\\u00e9 anything\",\"encrypted\":\"\",\"nonce\":\"AAAA\",\"ephemeralPublicKey\":\"\"}",
         "nonce and key have 3 and 0 bytes, expected 24 and 32"},
        {"{\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}", "nonce is too long"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_int_eq(feed_text(cases[i].text, 3), -EBADMSG);
        ck_assert_msg(strstr(why, cases[i].why) != NULL, "'%s' lacks '%s'", why, cases[i].why);
    }
}
END_TEST

/* An encrypted dataset of `n` rows as CSV. */
static uint8_t *dataset(size_t n, size_t *len, struct ml_seal *seal)
{
    const size_t room = 16 * n + 64;
    char *text = malloc(room);
    size_t at = (size_t)snprintf(text, room, "a,b,label\n");
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, room - at, "%zu,%d,%zu\n", i % 1000, -7, i % 3);
    uint8_t *out = calloc(1, at + 1 + ML_DATASET_HEAD + 17 * (at / ML_DATASET_CHUNK + 2));
    ml_seal_begin(seal, dataset_secret);
    seal->head[8] &= 0x7f;
    memcpy(out, seal->head, ML_DATASET_HEAD);
    *len = ML_DATASET_HEAD;
    for (size_t i = 0; i < at || i == 0; i += ML_DATASET_CHUNK) {
        const size_t part = at - i < ML_DATASET_CHUNK ? at - i : ML_DATASET_CHUNK;
        *len += ml_seal_chunk(seal, out + *len, (const uint8_t *)text + i, part, i + part == at);
    }
    free(text);
    return out;
}

START_TEST(encrypted_datasets)
{
    struct ml_seal seal;
    size_t len = 0;
    limits.rows = 100000;
    data.limits.rows = 100000;
    uint8_t *blob = dataset(20000, &len, &seal);
    ck_assert_uint_gt(len, 2 * ML_DATASET_CHUNK);
    for (size_t step = 7777; step < 400000; step *= 5) {
        data.has_header = false;
        data.bytes_seen = 0;
        ck_assert_msg(feed(blob, len, step, "") == 0, "%s", why);
        ck_assert_uint_eq(data.rows, 20000);
        ck_assert(data.x[2 * 19999] == 999 && data.y[19999] == 1);
        data.rows = 0;
    }
    /* cut anywhere, changed anywhere, more behind it, chunks in another order */
    static const size_t cuts[] = {9, 51, 52, 53, 52 + 17, 52 + 65536 + 17, 100000};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        data.has_header = false;
        ck_assert_int_eq(feed(blob, cuts[i], 50000, ""), -EBADMSG);
        data.rows = data.bytes_seen = 0;
    }
    static const size_t bytes[] = {8, 24, 28, 51, 52, 60, 52 + 65536, 52 + 65536 + 17, 100000};
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        blob[bytes[i]] ^= 1;
        data.has_header = false;
        ck_assert_int_eq(feed(blob, len, 50000, ""), -EBADMSG);
        data.rows = data.bytes_seen = 0;
        blob[bytes[i]] ^= 1;
    }
    ck_assert_int_eq(feed(blob, len + 1, 50000, ""), -EBADMSG);
    data.rows = data.bytes_seen = 0;
    blob[8] = 0xff;
    ck_assert_int_eq(feed(blob, len, 50000, ""), -ENOKEY);
    ck_assert_ptr_nonnull(strstr(why, "none of the data_keys is for it"));
    free(blob);
}
END_TEST

START_TEST(digest_is_of_the_stored_bytes)
{
    uint8_t expected[32], found[32];
    struct ml_source *s = ml_source_new(&data, "B", "", &keys);
    ck_assert_int_eq(ml_source_feed(s, (const uint8_t *)pairs, strlen(pairs)), 0);
    ck_assert_int_eq(ml_source_end(s), 0);
    ml_source_digest(s, found);
    (void)crypto_hash_sha256(expected, (const uint8_t *)pairs, strlen(pairs));
    ck_assert_mem_eq(found, expected, 32);
    ml_source_free(s);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, every_cut);
    tcase_add_test(tc, label_by_name);
    tcase_add_test(tc, columns_must_agree);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, limits_hold);
    tcase_add_test(tc, numbers);
    tcase_add_test(tc, envelopes);
    tcase_add_test(tc, envelopes_out_of_form);
    tcase_add_test(tc, encrypted_datasets);
    tcase_add_test(tc, digest_is_of_the_stored_bytes);
}

int main(void)
{
    return nacre_run_suite("ml-source", add, 60);
}
