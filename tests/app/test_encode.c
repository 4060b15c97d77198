#include "app/decode.h"
#include "app/encode.h"
#include "common/bcs.h"
#include "common/descriptor.h"
#include "common/digest.h"
#include "common/manifest.h"
#include "kinds.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static uint8_t buffer[4096];
static char why[NACRE_PLACE_TEXT];

static int64_t encode(const struct nacre_type *type, const void *value, size_t cap)
{
    struct nacre_writer w = nacre_writer(buffer, cap);
    why[0] = '\0';
    int err = nacre_encode(&w, type, value, why);
    return err ? err : (int64_t)w.len;
}

/* The encoding, as hex. */
static const char *hex(const struct nacre_type *type, const void *value)
{
    static char out[2 * sizeof buffer + 1];
    int64_t len = encode(type, value, sizeof buffer);
    ck_assert_msg(len >= 0, "%s", why);
    nacre_hex(out, buffer, (size_t)len);
    return out;
}

struct weather {
    struct nacre_str location;
    uint64_t temperature;
};
NACRE_STRUCT(weather_type, "WeatherResponse", struct weather, NACRE_FIELD(struct weather, location, string),
             NACRE_FIELD(struct weather, temperature, u64));
struct twitter {
    struct nacre_bytes twitter_name;
    struct nacre_bytes sui_address;
};
NACRE_STRUCT(twitter_type, "UserData", struct twitter, NACRE_FIELD(struct twitter, twitter_name, bytes),
             NACRE_FIELD(struct twitter, sui_address, bytes));

/* The signed messages that contracts on chain accept begin with intent and timestamp: 1 and 8 bytes. */
START_TEST(published_vectors)
{
    const struct weather w = {NACRE_S("San Francisco"), 13};
    ck_assert_str_eq(hex(&weather_type, &w),
                     &"0020b1d110960100000d53616e204672616e636973636f0d00000000000000"[18]);
    uint8_t address[32];
    ck_assert_int_eq(
        nacre_unhex(address, 32, "101ce8865558e08408b83f60ee9e78843d03d547c850cbe12cb599e17833dd3e", 64), 0);
    const struct twitter t = {{(const uint8_t *)"mystenintern", 12}, {address, 32}};
    ck_assert_str_eq(hex(&twitter_type, &t),
                     &"003f41dd0d960100000c6d797374656e696e7465726e20101ce8865558e08408b83f"
                      "60ee9e78843d03d547c850cbe12cb599e17833dd3e"[18]);
}
END_TEST

static struct nacre_scratch scratch;

static void setup(void)
{
    ck_assert_int_eq(nacre_scratch_init(&scratch, (size_t)1024 * 1024), 0);
}

static void teardown(void)
{
    nacre_scratch_free(&scratch);
}

static void decode_kinds(struct kinds *k, const char *json)
{
    struct nacre_decode d = {.scratch = &scratch, .borrow = true, .root = "body"};
    memset(k, 0, sizeof *k);
    int err = nacre_decode_text(&d, &kinds_type, k, json, strlen(json));
    ck_assert_msg(err == 0, "%s", d.why);
}

/* Made by hand from the rules of BCS. */
START_TEST(every_kind)
{
    struct kinds k;
    decode_kinds(&k, KINDS_JSON);
    ck_assert_str_eq(hex(&kinds_type, &k), "01"
                                           "ff"
                                           "ffff"
                                           "ffffffff"
                                           "ffffffffffffffff"
                                           "ffffffffffffffffffffffffffffffff"
                                           "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                                           "0b6772c3bcc39f20f09f9880"
                                           "030001ff"
                                           "101ce8865558e08408b83f60ee9e78843d03d547c850cbe12cb599e17833dd3e"
                                           "0700000005736576656e"
                                           "020100000000020000000162"
                                           "0300010100030100"
                                           "02000300"
                                           "020908"
                                           "00"
                                           "010000000001"
                                           "63"
                                           "0200"
                                           "01016e");
}
END_TEST

/* The table that the manifest would carry for a type: what the signer checks against. */
static void with_types(const struct nacre_type *response, struct nacre_manifest *m)
{
    static uint8_t descriptor[16384], config[16384], all[65536];
    static const struct nacre_secret none[1];
    struct path_free {
        uint8_t x;
    };
    static const struct nacre_field fields[] = {NACRE_FIELD(struct path_free, x, u8)};
    static const struct nacre_type request = {sizeof request,
                                              NACRE_KIND_STRUCT,
                                              sizeof(struct path_free),
                                              NACRE_S("R"),
                                              fields,
                                              1,
                                              sizeof fields[0],
                                              NULL};
    const struct nacre_intent intents[] = {{0, 0, NACRE_S("I"), response}};
    const struct nacre_route routes[] = {
        {NACRE_S("POST"), NACRE_S("/x"), 0, NACRE_TIME_CORE, 0, 0, 0, 0, &request, (nacre_handler)1}};
    const struct nacre_plugin p = {NACRE_PREFIX,
                                   NACRE_S("x"),
                                   NACRE_S("1"),
                                   NACRE_TABLE(intents),
                                   NACRE_TABLE(routes),
                                   NULL,
                                   0,
                                   0,
                                   none,
                                   0,
                                   sizeof none[0],
                                   NULL,
                                   NULL};
    struct nacre_config defaults;
    uint8_t digest[NACRE_SHA384_LEN] = {0};
    char reason[512] = "";
    nacre_config_defaults(&defaults);
    int64_t dn = nacre_descriptor_encode(descriptor, sizeof descriptor, &p, reason, sizeof reason);
    ck_assert_msg(dn > 0, "%s", reason);
    int64_t cn = nacre_manifest_encode_config(config, sizeof config, &defaults, NULL, 0, NULL, 0);
    int64_t n = nacre_manifest_encode(all, sizeof all, digest, descriptor, (size_t)dn, config, (size_t)cn);
    ck_assert_int_gt(n, 0);
    ck_assert_msg(nacre_manifest_parse(m, all, (size_t)n, reason, sizeof reason) == 0, "%s", reason);
}

START_TEST(the_signer_accepts_it)
{
    struct kinds k;
    struct nacre_manifest m;
    decode_kinds(&k, KINDS_JSON);
    with_types(&kinds_type, &m);
    int64_t len = encode(&kinds_type, &k, sizeof buffer);
    ck_assert_int_gt(len, 0);
    const uint32_t root = m.intents[0].response;
    ck_assert_int_eq(nacre_bcs_check(&m.types, root, buffer, (size_t)len, NULL), 0);
    for (int64_t cut = 0; cut < len; cut++)
        ck_assert_int_eq(nacre_bcs_check(&m.types, root, buffer, (size_t)cut, NULL), -EBADMSG);
    ck_assert_int_eq(nacre_bcs_check(&m.types, root, buffer, (size_t)len + 1, NULL), -EBADMSG);
    nacre_manifest_free(&m);
}
END_TEST

START_TEST(lengths)
{
    static uint8_t large[70000];
    static uint8_t out[80000];
    static const struct {
        size_t len;
        const char *prefix;
        size_t prefix_len;
    } cases[] = {{0, "\x00", 1},
                 {1, "\x01", 1},
                 {127, "\x7f", 1},
                 {128, "\x80\x01", 2},
                 {16383, "\xff\x7f", 2},
                 {16384, "\x80\x80\x01", 3},
                 {70000, "\xf0\xa2\x04", 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct nacre_bytes b = {large, cases[i].len};
        struct nacre_writer w = nacre_writer(out, sizeof out);
        ck_assert_int_eq(nacre_encode(&w, &nacre_type_bytes, &b, why), 0);
        ck_assert_uint_eq(w.len, cases[i].prefix_len + cases[i].len);
        ck_assert_mem_eq(out, cases[i].prefix, cases[i].prefix_len);
    }
}
END_TEST

/* Room for every byte but the last is not enough, and nothing is written past it. */
START_TEST(no_room)
{
    struct kinds k;
    decode_kinds(&k, KINDS_JSON);
    int64_t len = encode(&kinds_type, &k, sizeof buffer);
    ck_assert_int_gt(len, 0);
    for (size_t cap = 0; cap < (size_t)len; cap++) {
        memset(buffer, 0xee, sizeof buffer);
        ck_assert_int_eq(encode(&kinds_type, &k, cap), -ENOSPC);
        ck_assert_uint_eq(buffer[cap], 0xee);
    }
    ck_assert_int_eq(encode(&kinds_type, &k, (size_t)len), len);
}
END_TEST

START_TEST(refused)
{
    struct kinds k;
    decode_kinds(&k, KINDS_JSON);
    k.flag = 2;
    ck_assert_int_eq(encode(&kinds_type, &k, sizeof buffer), -EBADMSG);
    ck_assert_str_eq(why, "flag: bool is 2, neither 0 nor 1");
    k.flag = 1;
    k.text = (struct nacre_str){"\xed\xa0\x80", 3};
    ck_assert_int_eq(encode(&kinds_type, &k, sizeof buffer), -EBADMSG);
    ck_assert_str_eq(why, "text: text is not valid UTF-8");
    k.text = (struct nacre_str){NULL, 4};
    ck_assert_int_eq(encode(&kinds_type, &k, sizeof buffer), -EBADMSG);
    ck_assert_str_eq(why, "text: pointer is NULL, length is 4");
    k.text = (struct nacre_str){"x", 0x80000000u};
    ck_assert_int_eq(encode(&kinds_type, &k, sizeof buffer), -EBADMSG);
    ck_assert_str_eq(why, "text: length is 2147483648, at most 2147483647");
    k.text = (struct nacre_str){NULL, 0};
    const struct kinds_point points[2] = {{1, NACRE_S("a")}, {2, {"\xff", 1}}};
    k.points = (struct nacre_vec){points, 2};
    ck_assert_int_eq(encode(&kinds_type, &k, sizeof buffer), -EBADMSG);
    ck_assert_str_eq(why, "points[1].label: text is not valid UTF-8");
    k.points = (struct nacre_vec){NULL, 1};
    ck_assert_int_eq(encode(&kinds_type, &k, sizeof buffer), -EBADMSG);
    ck_assert_str_eq(why, "points: pointer is NULL, length is 1");
}
END_TEST

/* A response that a handler left as it found it. */
START_TEST(zeroed)
{
    const struct kinds k = {0};
    char expected[2 * 300 + 1] = "";
    const size_t len = 1 + 1 + 2 + 4 + 8 + 16 + 32 + 1 + 1 + 32 + 4 + 1 + 1 + 1 + 1 + 1 + 1 + 1;
    memset(expected, '0', 2 * len);
    ck_assert_str_eq(hex(&kinds_type, &k), expected);
}
END_TEST

START_TEST(types_that_bcs_has_not)
{
    const double d = 1;
    const struct nacre_str s = NACRE_S("{}");
    ck_assert_int_eq(encode(&nacre_type_f64, &d, sizeof buffer), -EINVAL);
    ck_assert_int_eq(encode(&nacre_type_json, &s, sizeof buffer), -EINVAL);
    struct nacre_type loop = {sizeof loop, NACRE_KIND_OPTION, sizeof(void *), {NULL, 0}, NULL, 0, 0, NULL};
    const void *self = &self;
    loop.elem = &loop;
    ck_assert_int_eq(encode(&loop, &self, sizeof buffer), -EINVAL);
    struct nacre_type unknown = {sizeof unknown, 0, 8, {NULL, 0}, NULL, 0, 0, NULL};
    ck_assert_int_eq(encode(&unknown, &d, sizeof buffer), -EINVAL);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, published_vectors);
    tcase_add_test(tc, every_kind);
    tcase_add_test(tc, the_signer_accepts_it);
    tcase_add_test(tc, lengths);
    tcase_add_test(tc, no_room);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, zeroed);
    tcase_add_test(tc, types_that_bcs_has_not);
}

int main(void)
{
    return nacre_run_suite("encode", add, 30);
}
