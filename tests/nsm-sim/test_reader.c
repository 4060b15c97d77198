#include "reader.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

/* Skips the item in bytes; a refusal, or what was left unread. */
static long skip(const char *bytes, size_t len)
{
    struct nacre_sim_reader reader = {.data = (const uint8_t *)bytes, .len = len};
    int rc = nacre_sim_skip(&reader);
    return rc < 0 ? rc : (long)(len - reader.pos);
}
#define SKIP(literal) skip(literal, sizeof(literal) - 1)

START_TEST(tokens)
{
    static const uint8_t bytes[] = {0x18, 0x2a, 0x42, 0xab, 0xcd, 0x61, 'x',
                                    0xa1, 0x82, 0xf6, 0x20, 0xc1, 0xff};
    static const enum nacre_sim_type types[] = {NACRE_SIM_UINT,   NACRE_SIM_BYTES, NACRE_SIM_TEXT,
                                                NACRE_SIM_MAP,    NACRE_SIM_ARRAY, NACRE_SIM_NULL,
                                                NACRE_SIM_SIMPLE, NACRE_SIM_TAG,   NACRE_SIM_BREAK};
    struct nacre_sim_reader reader = {.data = bytes, .len = sizeof(bytes)};
    struct nacre_sim_token token;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        ck_assert_int_eq(nacre_sim_read(&reader, &token), 0);
        ck_assert_int_eq(token.type, types[i]);
        if (i == 0)
            ck_assert_uint_eq(token.value, 42);
        if (i == 1) {
            ck_assert_ptr_eq(token.data, bytes + 3);
            ck_assert_uint_eq(token.value, 2);
        }
        if (i == 2)
            ck_assert(nacre_sim_token_is(&token, "x") && !nacre_sim_token_is(&token, "xx"));
    }
    ck_assert_uint_eq(reader.pos, reader.len);
    ck_assert_int_eq(nacre_sim_read(&reader, &token), -EBADMSG);
}
END_TEST

START_TEST(skips_whole_items)
{
    ck_assert_int_eq(SKIP("\x01\x02"), 1);
    ck_assert_int_eq(SKIP("\x80\x02"), 1);
    ck_assert_int_eq(SKIP("\xa0\x02"), 1);
    ck_assert_int_eq(SKIP("\x83\x01\x82\x02\x03\xa1\x04\x05\x06"), 1);
    ck_assert_int_eq(SKIP("\xbf\x01\x9f\x02\xff\x03\xa0\xff\x06"), 1);
    ck_assert_int_eq(SKIP("\x9f\xff"), 0);
    ck_assert_int_eq(SKIP("\xbf\xff"), 0);
    ck_assert_int_eq(SKIP("\xc1\x1b\x00\x00\x00\x00\x00\x00\x00\x01"), 0);
    ck_assert_int_eq(SKIP("\xfb\x00\x00\x00\x00\x00\x00\x00\x00"), 0);
    ck_assert_int_eq(SKIP("\x82\xbf\x01\x9f\xff\xff\x07"), 0);
}
END_TEST

START_TEST(refuses_broken_items)
{
    ck_assert_int_eq(SKIP(""), -EBADMSG);
    ck_assert_int_eq(SKIP("\xff"), -EBADMSG);
    ck_assert_int_eq(SKIP("\x82\x01"), -EBADMSG);
    ck_assert_int_eq(SKIP("\x82\x01\xff"), -EBADMSG);
    ck_assert_int_eq(SKIP("\xbf\x01\xff"), -EBADMSG);
    ck_assert_int_eq(SKIP("\xc1"), -EBADMSG);
    ck_assert_int_eq(SKIP("\xc1\xff"), -EBADMSG);
    ck_assert_int_eq(SKIP("\x5f\x41\x01\xff"), -EBADMSG);
    ck_assert_int_eq(SKIP("\x1c"), -EBADMSG);
    ck_assert_int_eq(SKIP("\xfe"), -EBADMSG);
    /* Lengths that no memory holds. */
    ck_assert_int_eq(SKIP("\x5b\xff\xff\xff\xff\xff\xff\xff\xff\x01"), -EBADMSG);
    ck_assert_int_eq(SKIP("\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01"), -EBADMSG);
    ck_assert_int_eq(SKIP("\xbb\x80\x00\x00\x00\x00\x00\x00\x01\x01\x01"), -EBADMSG);
}
END_TEST

START_TEST(depth_is_bounded)
{
    char nested[NACRE_SIM_DEPTH_MAX + 2];
    memset(nested, '\x81', sizeof(nested));
    nested[NACRE_SIM_DEPTH_MAX] = '\x01';
    ck_assert_int_eq(skip(nested, NACRE_SIM_DEPTH_MAX + 1), 0);
    nested[NACRE_SIM_DEPTH_MAX] = '\x81';
    nested[NACRE_SIM_DEPTH_MAX + 1] = '\x01';
    ck_assert_int_eq(skip(nested, NACRE_SIM_DEPTH_MAX + 2), -EBADMSG);
}
END_TEST

START_TEST(maps_of_either_length)
{
    static const char *const texts[] = {"\xa2\x61"
                                        "a\x01\x61"
                                        "b\x02",
                                        "\xbf\x61"
                                        "a\x01\x61"
                                        "b\x02\xff"};
    for (size_t i = 0; i < 2; i++) {
        struct nacre_sim_reader reader = {.data = (const uint8_t *)texts[i], .len = strlen(texts[i])};
        struct nacre_sim_token token;
        struct nacre_sim_map map;
        ck_assert_int_eq(nacre_sim_read(&reader, &token), 0);
        ck_assert_int_eq(nacre_sim_map_init(&map, &token), 0);
        for (int n = 0; n < 2; n++) {
            ck_assert_int_eq(nacre_sim_map_next(&map, &reader, &token), 1);
            ck_assert(nacre_sim_token_is(&token, n == 0 ? "a" : "b"));
            ck_assert_int_eq(nacre_sim_skip(&reader), 0);
        }
        ck_assert_int_eq(nacre_sim_map_next(&map, &reader, &token), 0);
        ck_assert_uint_eq(reader.pos, reader.len);
    }
    struct nacre_sim_token array = {.type = NACRE_SIM_ARRAY, .value = 1};
    struct nacre_sim_map map;
    ck_assert_int_eq(nacre_sim_map_init(&map, &array), -EBADMSG);
}
END_TEST

NACRE_SIM_SUITE("reader", tokens, skips_whole_items, refuses_broken_items, depth_is_bounded,
                maps_of_either_length)
