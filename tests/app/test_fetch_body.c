#include "app/fetch/body.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

START_TEST(grows_to_its_limit_and_not_further)
{
    struct fetch_body body = {.max = 10000};
    char part[1000];
    for (int i = 0; i < 10; i++) {
        memset(part, 'a' + i, sizeof part);
        ck_assert_int_eq(fetch_body_append(&body, part, sizeof part), 0);
    }
    ck_assert_uint_eq(body.len, 10000);
    ck_assert_int_eq(fetch_body_append(&body, "x", 1), -EFBIG);
    ck_assert_int_eq(fetch_body_append(&body, "x", 0), 0);
    for (size_t i = 0; i < body.len; i++)
        ck_assert_int_eq(body.base[i], 'a' + (int)(i / 1000));
    ck_assert_uint_le(body.cap, 10000);
    fetch_body_free(&body);
    ck_assert_ptr_null(body.base);
    ck_assert_uint_eq(body.len, 0);
}
END_TEST

START_TEST(an_announced_length_is_a_hint)
{
    struct fetch_body body = {.max = 100};
    ck_assert_int_eq(fetch_body_expect(&body, 101), -EFBIG);
    ck_assert_int_eq(fetch_body_expect(&body, UINT64_MAX), -EFBIG);
    ck_assert_int_eq(fetch_body_expect(&body, 7), 0);
    ck_assert_uint_eq(body.cap, 7);
    ck_assert_int_eq(fetch_body_append(&body, "0123456789", 10), 0);
    ck_assert_mem_eq(body.base, "0123456789", 10);
    fetch_body_free(&body);
}
END_TEST

START_TEST(nothing_fits_into_nothing)
{
    struct fetch_body body = {.max = 0};
    ck_assert_int_eq(fetch_body_append(&body, "", 0), 0);
    ck_assert_int_eq(fetch_body_append(&body, "x", 1), -EFBIG);
    fetch_body_free(&body);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, grows_to_its_limit_and_not_further);
    tcase_add_test(tc, an_announced_length_is_a_hint);
    tcase_add_test(tc, nothing_fits_into_nothing);
}

int main(void)
{
    return nacre_run_suite("fetch_body", add, 10);
}
