/* The bounded CBOR reader: what it takes, and what it refuses. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "cursor.h"
#include "support.h"

struct head {
    const char *bytes;
    size_t size;
    enum nacre_vfy_kind kind;
    uint64_t value;
    bool indefinite;
};

#define HEAD(text, ...)                                                                                      \
    {                                                                                                        \
        text, sizeof(text) - 1, __VA_ARGS__                                                                  \
    }

static const struct head good[] = {
    HEAD("\x00", NACRE_VFY_UINT, 0, false),
    HEAD("\x17", NACRE_VFY_UINT, 23, false),
    HEAD("\x18\x18", NACRE_VFY_UINT, 24, false),
    HEAD("\x19\x01\x00", NACRE_VFY_UINT, 256, false),
    HEAD("\x1a\x00\x01\x00\x00", NACRE_VFY_UINT, 65536, false),
    HEAD("\x1b\x00\x00\x00\x01\x00\x00\x00\x00", NACRE_VFY_UINT, UINT64_C(1) << 32, false),
    HEAD("\x1b\xff\xff\xff\xff\xff\xff\xff\xff", NACRE_VFY_UINT, UINT64_MAX, false),
    HEAD("\x20", NACRE_VFY_NEGINT, 0, false),
    HEAD("\x38\x22", NACRE_VFY_NEGINT, 34, false),
    HEAD("\x40", NACRE_VFY_BYTES, 0, false),
    HEAD("\x43"
         "abc",
         NACRE_VFY_BYTES, 3, false),
    HEAD("\x62"
         "ab",
         NACRE_VFY_TEXT, 2, false),
    HEAD("\x80", NACRE_VFY_ARRAY, 0, false),
    HEAD("\x84", NACRE_VFY_ARRAY, 4, false),
    HEAD("\x9f", NACRE_VFY_ARRAY, 0, true),
    HEAD("\xa9", NACRE_VFY_MAP, 9, false),
    HEAD("\xbf", NACRE_VFY_MAP, 0, true),
    HEAD("\xd8\x18", NACRE_VFY_TAG, 24, false),
    HEAD("\xf6", NACRE_VFY_NULL, 0, false),
    HEAD("\xff", NACRE_VFY_BREAK, 0, false),
    HEAD("\xf4", NACRE_VFY_OTHER, 0, false),
    HEAD("\xf7", NACRE_VFY_OTHER, 0, false),
    HEAD("\xf9\x3c\x00", NACRE_VFY_OTHER, 0, false),
    HEAD("\xfb\x00\x00\x00\x00\x00\x00\x00\x00", NACRE_VFY_OTHER, 0, false),
};

/* Cut off, reserved, longer than needed, in chunks. */
static const struct head bad[] = {
    HEAD("", 0, 0, false),
    HEAD("\x18", 0, 0, false),
    HEAD("\x1b\x00\x00\x00\x01\x00\x00\x00", 0, 0, false),
    HEAD("\x43"
         "ab",
         0, 0, false),
    HEAD("\x5b\xff\xff\xff\xff\xff\xff\xff\xff", 0, 0, false),
    HEAD("\x7b\x7f\xff\xff\xff\xff\xff\xff\xff"
         "a",
         0, 0, false),
    HEAD("\x1c", 0, 0, false),
    HEAD("\x1f", 0, 0, false),
    HEAD("\xfc", 0, 0, false),
    HEAD("\x18\x17", 0, 0, false),
    HEAD("\x19\x00\xff", 0, 0, false),
    HEAD("\x1a\x00\x00\xff\xff", 0, 0, false),
    HEAD("\x1b\x00\x00\x00\x00\xff\xff\xff\xff", 0, 0, false),
    HEAD("\x38\x01", 0, 0, false),
    HEAD("\x58\x01"
         "a",
         0, 0, false),
    HEAD("\x59\x00\x01"
         "a",
         0, 0, false),
    HEAD("\x78\x01"
         "a",
         0, 0, false),
    HEAD("\x98\x04", 0, 0, false),
    HEAD("\xb8\x09", 0, 0, false),
    HEAD("\xd8\x01", 0, 0, false),
    HEAD("\x5f\x41"
         "a\xff",
         0, 0, false),
    HEAD("\x7f\x61"
         "a\xff",
         0, 0, false),
};

/* An exact copy, so that ASan sees the first byte read past the end. */
static uint8_t *exact(const struct head *head)
{
    uint8_t *bytes = malloc(head->size > 0 ? head->size : 1);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, head->bytes, head->size);
    return bytes;
}

START_TEST(takes)
{
    struct nacre_vfy_cursor cursor;
    struct nacre_vfy_item item;
    nacre_verify_error error;
    uint8_t *bytes = exact(&good[_i]);
    nacre_vfy_cursor_init(&cursor, bytes, good[_i].size);
    ck_assert_msg(nacre_vfy_next(&cursor, "item", &item, &error) == NACRE_VERIFY_OK, "%d: %s", _i,
                  error.text);
    ck_assert_int_eq(item.kind, good[_i].kind);
    ck_assert_uint_eq(item.value, good[_i].value);
    ck_assert_int_eq(item.indefinite, good[_i].indefinite);
    ck_assert_uint_eq(cursor.left, 0);
    ck_assert_uint_eq(nacre_vfy_cursor_offset(&cursor), good[_i].size);
    free(bytes);
}
END_TEST

START_TEST(refuses)
{
    struct nacre_vfy_cursor cursor;
    struct nacre_vfy_item item = {.value = 77};
    nacre_verify_error error = {.text = ""};
    uint8_t *bytes = exact(&bad[_i]);
    nacre_vfy_cursor_init(&cursor, bytes, bad[_i].size);
    ck_assert_msg(nacre_vfy_next(&cursor, "item", &item, &error) == NACRE_VERIFY_REFUSED, "%d was taken", _i);
    ck_assert_ptr_nonnull(strstr(error.text, "item at byte 0"));
    ck_assert_uint_eq(item.value, 77);
    ck_assert_uint_eq(cursor.left, bad[_i].size);
    free(bytes);
}
END_TEST

START_TEST(expects_a_kind)
{
    struct nacre_vfy_cursor cursor;
    struct nacre_vfy_item item;
    nacre_verify_error error;
    static const uint8_t bytes[] = {0x01, 0x41, 'a'};
    nacre_vfy_cursor_init(&cursor, bytes, sizeof bytes);
    ck_assert_int_eq(nacre_vfy_expect(&cursor, "it", NACRE_VFY_UINT, &item, &error), NACRE_VERIFY_OK);
    ck_assert_int_eq(nacre_vfy_expect(&cursor, "it", NACRE_VFY_TEXT, &item, &error), NACRE_VERIFY_REFUSED);
    ck_assert_str_eq(error.text, "it at byte 1 is a byte string, expected a text string");
    ck_assert_int_eq(nacre_vfy_next(&cursor, "it", &item, NULL), NACRE_VERIFY_REFUSED);
}
END_TEST

static size_t count_entries(const uint8_t *bytes, size_t size, size_t *left)
{
    struct nacre_vfy_cursor cursor;
    struct nacre_vfy_item array;
    size_t count = 0;
    bool more = false;
    nacre_vfy_cursor_init(&cursor, bytes, size);
    ck_assert_int_eq(nacre_vfy_next(&cursor, "array", &array, NULL), NACRE_VERIFY_OK);
    while (nacre_vfy_more(&cursor, &array, &more, NULL) == NACRE_VERIFY_OK && more) {
        ck_assert_int_eq(nacre_vfy_skip(&cursor, "entry", NULL), NACRE_VERIFY_OK);
        count++;
    }
    *left = cursor.left;
    return count;
}

START_TEST(steps_through_containers)
{
    size_t left = 0;
    static const uint8_t definite[] = {0x82, 0x01, 0x82, 0x02, 0x03, 0x04};
    static const uint8_t indefinite[] = {0x9f, 0x01, 0x9f, 0x02, 0xff, 0xbf, 0x01, 0x02, 0xff, 0xff, 0x04};
    ck_assert_uint_eq(count_entries(definite, sizeof definite, &left), 2);
    ck_assert_uint_eq(left, 1);
    ck_assert_uint_eq(count_entries(indefinite, sizeof indefinite, &left), 3);
    ck_assert_uint_eq(left, 1);
}
END_TEST

START_TEST(skips_only_what_is_whole)
{
    static const struct head broken[] = {
        HEAD("\xff", 0, 0, false),                                     /* a break is no value */
        HEAD("\x82\x01", 0, 0, false),                                 /* one of two */
        HEAD("\xa1\x01", 0, 0, false),                                 /* a key without a value */
        HEAD("\xbf\x01\xff", 0, 0, false),                             /* the same, indefinite */
        HEAD("\x9f\x01", 0, 0, false),                                 /* no end */
        HEAD("\xc1", 0, 0, false),                                     /* a tag of nothing */
        HEAD("\x81\x81\x81\x81\x81\x81\x81\x81\x81\x00", 0, 0, false), /* nine deep */
        HEAD("\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1\xc1\x00", 0, 0, false),
        HEAD("\x9b\xff\xff\xff\xff\xff\xff\xff\xff", 0, 0, false), /* 2^64 - 1 entries, none there */
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct nacre_vfy_cursor cursor;
        uint8_t *bytes = exact(&broken[i]);
        nacre_vfy_cursor_init(&cursor, bytes, broken[i].size);
        ck_assert_msg(nacre_vfy_skip(&cursor, "value", NULL) == NACRE_VERIFY_REFUSED, "%zu was skipped", i);
        free(bytes);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cursor");
    TCase *tcase = tcase_create("cursor");
    tcase_add_loop_test(tcase, takes, 0, sizeof good / sizeof good[0]);
    tcase_add_loop_test(tcase, refuses, 0, sizeof bad / sizeof bad[0]);
    tcase_add_test(tcase, expects_a_kind);
    tcase_add_test(tcase, steps_through_containers);
    tcase_add_test(tcase, skips_only_what_is_whole);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
