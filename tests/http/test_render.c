#include "common/bcs.h"
#include "common/bytes.h"
#include "common/digest.h"
#include "common/json_read.h"
#include "http/render.h"
#include "sample.h"
#include "suite.h"

#include <errno.h>
#include <sodium.h>

static struct nacre_manifest manifest;
static struct nacre_renderer renderer;
static struct nacre_json_out out;

static void setup(void)
{
    sample_load(&manifest, NULL);
    ck_assert_int_eq(nacre_renderer_init(&renderer, &manifest.types), 0);
}

static void teardown(void)
{
    free(out.base);
    out = (struct nacre_json_out){0};
    nacre_renderer_free(&renderer);
    nacre_manifest_free(&manifest);
}

static int render(uint32_t route, const uint8_t *bcs, size_t len, size_t max)
{
    out.len = 0;
    return nacre_render(&out, &renderer, sample_response(&manifest, route), bcs, len, max);
}

static void expect(uint32_t route, const char *hex, const char *text)
{
    uint8_t bcs[512];
    size_t len = strlen(hex) / 2;
    ck_assert_int_eq(nacre_unhex(bcs, len, hex, strlen(hex)), 0);
    ck_assert_int_eq(render(route, bcs, len, 100000), 0);
    ck_assert_msg(out.len == strlen(text) && memcmp(out.base, text, out.len) == 0, "%.*s\n%s", (int)out.len,
                  out.base, text);
}

START_TEST(the_weather_vector)
{
    expect(ROUTE_PROCESS, "0d53616e204672616e636973636f0d00000000000000",
           "{\"location\":\"San Francisco\",\"temperature\":13}");
    expect(ROUTE_PROCESS, "00ffffffffffffffff", "{\"location\":\"\",\"temperature\":18446744073709551615}");
    /* beyond 2^53 to the last digit */
    expect(ROUTE_PROCESS, "00a8282bfa16cd3356", "{\"location\":\"\",\"temperature\":6211533809644153000}");
}
END_TEST

START_TEST(strings_are_escaped)
{
    uint8_t bcs[600];
    struct nacre_writer w = nacre_writer(bcs, sizeof bcs);
    nacre_bcs_write_len(&w, 128);
    for (unsigned c = 0; c < 128; c++)
        nacre_write_u8(&w, (uint8_t)c);
    nacre_write_le(&w, 1, 8);
    ck_assert_int_eq(render(ROUTE_PROCESS, bcs, w.len, 100000), 0);
    struct nacre_json j;
    char back[256];
    nacre_json_init(&j, out.base, out.len);
    ck_assert_int_eq(nacre_json_next(&j), NACRE_JSON_OBJECT);
    ck_assert_int_eq(nacre_json_next(&j), NACRE_JSON_KEY);
    ck_assert_int_eq(nacre_json_next(&j), NACRE_JSON_STRING);
    ck_assert(j.text_len > 128);
    char *raw = malloc(j.text_len);
    ck_assert_ptr_nonnull(raw);
    memcpy(raw, j.text, j.text_len);
    ck_assert_uint_le(j.text_len, 600);
    char wide[600];
    ck_assert_uint_eq(nacre_json_unescape(wide, raw, j.text_len), 128);
    free(raw);
    for (unsigned c = 0; c < 128; c++)
        back[c] = (char)c;
    ck_assert_mem_eq(wide, back, 128);
    expect(ROUTE_PROCESS, "0422c3a95c0000000000000000", "{\"location\":\"\\\"é\\\\\",\"temperature\":0}");
}
END_TEST

/* BCS of Everything; options absent unless `full`. */
static size_t everything(uint8_t *to, size_t cap, bool full)
{
    struct nacre_writer w = nacre_writer(to, cap);
    nacre_write_u8(&w, full);
    nacre_write_u8(&w, 255);
    nacre_write_le(&w, 65535, 2);
    nacre_write_le(&w, 4294967295u, 4);
    nacre_write_le(&w, UINT64_MAX, 8);
    for (int i = 0; i < 16 + 32; i++)
        nacre_write_u8(&w, full ? 0xff : 0);
    nacre_write_bytes(&w, "\x02hi", 3);
    nacre_write_bytes(&w, full ? "\x03\x00\x09\xff" : "\x00", full ? 4 : 1);
    for (uint8_t i = 0; i < 32; i++)
        nacre_write_u8(&w, i);
    nacre_write_bytes(&w, "\x01\x00\x01", 3); /* point {1, true} */
    nacre_write_u8(&w, full ? 2 : 0);
    if (full) {
        nacre_write_le(&w, 1, 8);
        nacre_write_le(&w, 2, 8);
    }
    nacre_write_u8(&w, full ? 1 : 0);
    if (full)
        nacre_write_bytes(&w, "\x02\x00\x00", 3);
    nacre_write_bytes(&w, full ? "\x02\x0a\x64" : "\x00", full ? 3 : 1);             /* octets */
    nacre_write_bytes(&w, full ? "\x02\x01y\x00" : "\x00", full ? 4 : 1);            /* texts */
    nacre_write_bytes(&w, full ? "\x02\x00\x00" : "\x00", full ? 3 : 1);             /* lists */
    nacre_write_bytes(&w, full ? "\x01\x00" : "\x00", full ? 2 : 1);                 /* maybe */
    nacre_write_bytes(&w, full ? "\x01\x05\x00\x01" : "\x00", full ? 4 : 1);         /* spot */
    nacre_write_bytes(&w, full ? "\x02\x00\x01\x06\x00\x00" : "\x00", full ? 6 : 1); /* spots */
    ck_assert(!w.failed);
    return w.len;
}

#define ADDRESS "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31]"

START_TEST(every_kind)
{
    uint8_t bcs[512];
    static const char least[] =
        "{\"yes\":false,\"a\":255,\"b\":65535,\"c\":4294967295,\"d\":18446744073709551615,\"e\":\"0\",\"f\":"
        "\"0\","
        "\"text\":\"hi\",\"data\":[],\"owner\":" ADDRESS ",\"point\":{\"x\":1,\"set\":true},\"numbers\":[],"
        "\"points\":[],\"octets\":[],\"texts\":[],\"lists\":[],\"maybe\":null,\"spot\":null,\"spots\":[]}";
    static const char most[] =
        "{\"yes\":true,\"a\":255,\"b\":65535,\"c\":4294967295,\"d\":18446744073709551615,"
        "\"e\":\"340282366920938463463374607431768211455\","
        "\"f\":\"115792089237316195423570985008687907853269984665640564039457584007913129639935\","
        "\"text\":\"hi\",\"data\":[0,9,255],\"owner\":" ADDRESS
        ",\"point\":{\"x\":1,\"set\":true},\"numbers\":[1,2],"
        "\"points\":[{\"x\":2,\"set\":false}],\"octets\":[10,100],\"texts\":[\"y\",\"\"],\"lists\":[[],[]],"
        "\"maybe\":\"\",\"spot\":{\"x\":5,\"set\":true},\"spots\":[null,{\"x\":6,\"set\":false}]}";
    size_t len = everything(bcs, sizeof bcs, false);
    ck_assert_int_eq(render(ROUTE_REGISTER, bcs, len, 100000), 0);
    ck_assert_msg(out.len == sizeof least - 1 && memcmp(out.base, least, out.len) == 0, "%.*s", (int)out.len,
                  out.base);
    len = everything(bcs, sizeof bcs, true);
    ck_assert_int_eq(render(ROUTE_REGISTER, bcs, len, 100000), 0);
    ck_assert_msg(out.len == sizeof most - 1 && memcmp(out.base, most, out.len) == 0, "%.*s", (int)out.len,
                  out.base);
}
END_TEST

/* The decimal digits of a little-endian number the slow way: one division by ten after another, byte by byte. */
static void slow_decimal(char text[80], const uint8_t *le, size_t width)
{
    uint8_t v[32];
    char digits[80];
    size_t n = 0;
    bool any = true;
    memcpy(v, le, width);
    while (any) {
        unsigned rest = 0;
        any = false;
        for (size_t i = width; i-- > 0;) {
            unsigned x = rest << 8 | v[i];
            v[i] = (uint8_t)(x / 10);
            rest = x % 10;
            any = any || v[i];
        }
        digits[n++] = (char)('0' + rest);
    }
    for (size_t i = 0; i < n; i++)
        text[i] = digits[n - 1 - i];
    text[n] = '\0';
}

START_TEST(wide_integers)
{
    uint8_t bcs[512];
    char want[128], digits[80];
    size_t len = everything(bcs, sizeof bcs, false);
    for (unsigned round = 0; round < 2000; round++) {
        uint8_t *e = bcs + 16, *f = bcs + 32;
        randombytes_buf(e, 16 + 32);
        /* numbers of every length, powers of ten among them */
        memset(e + round % 17, 0, 16 - round % 17);
        memset(f + round % 33, 0, 32 - round % 33);
        if (round % 5 == 0) {
            memset(e, 0, 16);
            uint64_t p = 1;
            for (unsigned i = 0; i < round / 5 % 20; i++)
                p *= 10;
            memcpy(e, &p, 8);
        }
        ck_assert_int_eq(render(ROUTE_REGISTER, bcs, len, 100000), 0);
        slow_decimal(digits, e, 16);
        (void)snprintf(want, sizeof want, "\"e\":\"%s\",", digits);
        ck_assert_msg(memmem(out.base, out.len, want, strlen(want)) != NULL, "%s", want);
        slow_decimal(digits, f, 32);
        (void)snprintf(want, sizeof want, "\"f\":\"%s\",", digits);
        ck_assert_msg(memmem(out.base, out.len, want, strlen(want)) != NULL, "%s", want);
    }
}
END_TEST

START_TEST(truncation_and_trailing_bytes)
{
    uint8_t bcs[512];
    for (int full = 0; full < 2; full++) {
        size_t len = everything(bcs, sizeof bcs, full);
        for (size_t cut = 0; cut < len; cut++) {
            uint8_t *exact = malloc(cut + 1); /* the sanitizer sees a read past the end */
            ck_assert_ptr_nonnull(exact);
            memcpy(exact, bcs, cut);
            ck_assert_int_eq(render(ROUTE_REGISTER, exact, cut, 100000), -EBADMSG);
            ck_assert_uint_eq(out.len, 0);
            free(exact);
        }
        bcs[len] = 0;
        ck_assert_int_eq(render(ROUTE_REGISTER, bcs, len + 1, 100000), -EBADMSG);
    }
}
END_TEST

START_TEST(what_is_not_the_type)
{
    static const struct {
        const char *hex, *what;
    } bad[] = {
        {"01800000000000000000", "no UTF-8"},
        {"02c0af0000000000000000", "overlong"},
        {"03eda0800000000000000000", "a surrogate"},
        {"80000000000000000000", "a length not minimal"},
        {"ffffffff0f0000000000000000", "a length past all bytes"},
        {"ffffffffff01", "a length past 32 bits"},
        {"", "nothing"},
    };
    uint8_t bcs[64];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t len = strlen(bad[i].hex) / 2;
        ck_assert_int_eq(nacre_unhex(bcs, len, bad[i].hex, 2 * len), 0);
        ck_assert_msg(render(ROUTE_PROCESS, bcs, len, 1000) == -EBADMSG, "%s", bad[i].what);
    }
    uint8_t all[512];
    size_t len = everything(all, sizeof all, false);
    all[0] = 2; /* a bool that is neither */
    ck_assert_int_eq(render(ROUTE_REGISTER, all, len, 100000), -EBADMSG);
    len = everything(all, sizeof all, false);
    all[len - 2] = 2; /* an option of two */
    ck_assert_int_eq(render(ROUTE_REGISTER, all, len, 100000), -EBADMSG);
    ck_assert_int_eq(nacre_render(&out, &renderer, manifest.types.n_types, all, len, 1000), -EBADMSG);
    for (uint32_t i = 0; i < manifest.types.n_types; i++) /* kinds that BCS does not have */
        if (!manifest.types.types[i].signable)
            ck_assert_int_eq(nacre_render(&out, &renderer, i, all, len, 100000), -EBADMSG);
}
END_TEST

/* Whatever the bytes are: what nacred's walk accepts is rendered to good JSON, what it refuses is refused. */
START_TEST(garbage)
{
    uint8_t bcs[256], base[512];
    unsigned good = 0;
    for (unsigned round = 0; round < 60000; round++) {
        uint32_t route = round % 2 ? ROUTE_PROCESS : ROUTE_REGISTER;
        size_t len = randombytes_uniform(sizeof bcs);
        randombytes_buf(bcs, len);
        if (round % 3) { /* near misses: a good value with some bytes changed */
            len = everything(base, sizeof base, round % 4 == 1);
            route = ROUTE_REGISTER;
            ck_assert_uint_le(len, sizeof bcs);
            memcpy(bcs, base, len);
            for (unsigned k = 0; k < round % 5; k++)
                bcs[randombytes_uniform((uint32_t)len)] = (uint8_t)randombytes_uniform(256);
        }
        uint8_t *exact = malloc(len + 1);
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, bcs, len);
        int valid = nacre_bcs_check(&manifest.types, sample_response(&manifest, route), exact, len, NULL);
        int err = render(route, exact, len, 1000000);
        ck_assert_int_eq(err, valid);
        if (err == 0) {
            struct nacre_json j;
            nacre_json_init(&j, out.base, out.len);
            ck_assert_int_eq(nacre_json_skip(&j, nacre_json_next(&j)), 0);
            ck_assert_int_eq(nacre_json_next(&j), NACRE_JSON_END);
            good++;
        }
        free(exact);
    }
    ck_assert_uint_gt(good, 1000);
}
END_TEST

START_TEST(output_limit)
{
    uint8_t bcs[512];
    size_t len = everything(bcs, sizeof bcs, true);
    ck_assert_int_eq(render(ROUTE_REGISTER, bcs, len, 100000), 0);
    size_t whole = out.len;
    nacre_json_lit(&out, "x");
    ck_assert_int_eq(render(ROUTE_REGISTER, bcs, len, whole), 0);
    for (size_t max = 0; max < whole; max += 7) {
        ck_assert_int_eq(render(ROUTE_REGISTER, bcs, len, max), -EMSGSIZE);
        ck_assert_uint_eq(out.len, 0);
    }
    /* many bytes of JSON from few of BCS stop at the limit, not at the end of memory */
    size_t big = 4000000;
    uint8_t *many = malloc(big + 600);
    ck_assert_ptr_nonnull(many);
    struct nacre_writer w = nacre_writer(many, big + 600);
    nacre_write_bytes(&w, bcs, everything(bcs, sizeof bcs, false) - 1);
    nacre_bcs_write_len(&w, big);
    for (size_t i = 0; i < big; i++)
        nacre_write_u8(&w, 0);
    ck_assert_int_eq(render(ROUTE_REGISTER, many, w.len, 1000000), -EMSGSIZE);
    ck_assert_uint_lt(out.cap, 4000000);
    free(many);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_weather_vector);
    tcase_add_test(tc, strings_are_escaped);
    tcase_add_test(tc, every_kind);
    tcase_add_test(tc, wide_integers);
    tcase_add_test(tc, truncation_and_trailing_bytes);
    tcase_add_test(tc, what_is_not_the_type);
    tcase_add_test(tc, garbage);
    tcase_add_test(tc, output_limit);
}

int main(void)
{
    return nacre_run_suite("http render", add, 60);
}
