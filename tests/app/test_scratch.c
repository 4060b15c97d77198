#include "app/scratch.h"
#include "suite.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define LIMIT ((size_t)4 * 1024 * 1024)

static bool is_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i])
            return false;
    return true;
}

START_TEST(zeroed_and_aligned)
{
    struct nacre_scratch s;
    ck_assert_int_eq(nacre_scratch_init(&s, LIMIT), 0);
    for (size_t size = 0; size < 3000; size += 7) {
        uint8_t *p = nacre_scratch_alloc(&s, size);
        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        ck_assert(is_zero(p, size));
        memset(p, 0xa5, size);
    }
    nacre_scratch_free(&s);
}
END_TEST

/* What one call wrote, the next must not find: neither in the memory it gets nor in what it does not ask for. */
START_TEST(wiped_after_the_call)
{
    struct nacre_scratch s;
    ck_assert_int_eq(nacre_scratch_init(&s, LIMIT), 0);
    for (size_t round = 0; round < 4; round++) {
        uint8_t *small = nacre_scratch_alloc(&s, 1000);
        ck_assert(small == s.first);
        memset(small, 0x5a, 1000);
        for (int i = 0; i < 5; i++) { /* leaves the first block */
            uint8_t *p = nacre_scratch_alloc(&s, 100000);
            ck_assert_ptr_nonnull(p);
            ck_assert(is_zero(p, 100000));
            memset(p, 0x5a, 100000);
        }
        nacre_scratch_reset(&s);
        ck_assert(is_zero(s.first, NACRE_SCRATCH_FIRST));
        ck_assert_ptr_null(s.further);
        ck_assert_uint_eq(s.held, NACRE_SCRATCH_FIRST);
    }
    nacre_scratch_free(&s);
}
END_TEST

START_TEST(first_block_filled_to_its_end_is_wiped)
{
    struct nacre_scratch s;
    ck_assert_int_eq(nacre_scratch_init(&s, LIMIT), 0);
    memset(nacre_scratch_alloc(&s, NACRE_SCRATCH_FIRST), 0xff, NACRE_SCRATCH_FIRST);
    ck_assert_ptr_nonnull(nacre_scratch_alloc(&s, 1));
    nacre_scratch_reset(&s);
    ck_assert(is_zero(s.first, NACRE_SCRATCH_FIRST));
    nacre_scratch_free(&s);
}
END_TEST

START_TEST(limit)
{
    struct nacre_scratch s;
    ck_assert_int_eq(nacre_scratch_init(&s, LIMIT), 0);
    ck_assert_ptr_null(nacre_scratch_alloc(&s, LIMIT));
    ck_assert_ptr_null(nacre_scratch_alloc(&s, UINT64_MAX));
    ck_assert_ptr_null(nacre_scratch_alloc(&s, UINT64_MAX - 15));
    ck_assert_ptr_null(nacre_scratch_alloc(&s, SIZE_MAX / 2 + 1));
    size_t given = 0;
    while (nacre_scratch_alloc(&s, 10000)) {
        given += 10000;
        ck_assert_uint_le(s.held, LIMIT);
    }
    ck_assert_uint_gt(given, LIMIT * 9 / 10); /* the limit is not reached by waste */
    nacre_scratch_reset(&s);
    ck_assert_ptr_nonnull(nacre_scratch_alloc(&s, LIMIT / 2));
    nacre_scratch_free(&s);
}
END_TEST

START_TEST(one_allocation_as_large_as_the_rest)
{
    struct nacre_scratch s;
    ck_assert_int_eq(nacre_scratch_init(&s, LIMIT), 0);
    const size_t rest = LIMIT - NACRE_SCRATCH_FIRST - 4096;
    uint8_t *p = nacre_scratch_alloc(&s, rest);
    ck_assert_ptr_nonnull(p);
    memset(p, 1, rest);
    nacre_scratch_free(&s);
}
END_TEST

START_TEST(grow_in_place_and_elsewhere)
{
    struct nacre_scratch s;
    ck_assert_int_eq(nacre_scratch_init(&s, LIMIT), 0);
    uint8_t *p = nacre_scratch_grow(&s, NULL, 0, 100);
    memset(p, 7, 100);
    uint8_t *q = nacre_scratch_grow(&s, p, 100, 200);
    ck_assert_ptr_eq(p, q); /* it was the last */
    ck_assert(q[99] == 7 && is_zero(q + 100, 100));
    uint8_t *other = nacre_scratch_alloc(&s, 16);
    memset(other, 9, 16);
    uint8_t *moved = nacre_scratch_grow(&s, q, 200, 400);
    ck_assert_ptr_ne(moved, q);
    ck_assert(moved[99] == 7 && is_zero(moved + 100, 300) && other[0] == 9);
    ck_assert_ptr_null(nacre_scratch_grow(&s, moved, 400, LIMIT));
    ck_assert_ptr_null(nacre_scratch_grow(&s, moved, 400, UINT64_MAX));
    ck_assert_uint_eq(moved[99], 7);
    nacre_scratch_free(&s);
}
END_TEST

START_TEST(grow_across_blocks)
{
    struct nacre_scratch s;
    ck_assert_int_eq(nacre_scratch_init(&s, LIMIT), 0);
    uint8_t *p = NULL;
    size_t size = 0;
    for (size_t next = 1000; next < 1000000; next *= 2) {
        p = nacre_scratch_grow(&s, p, size, next);
        ck_assert_ptr_nonnull(p);
        ck_assert(is_zero(p + size, next - size));
        for (size_t i = 0; i < size; i++)
            ck_assert_uint_eq(p[i], 3);
        memset(p + size, 3, next - size);
        size = next;
    }
    nacre_scratch_free(&s);
}
END_TEST

START_TEST(free_of_nothing)
{
    struct nacre_scratch s = {.first = NULL};
    nacre_scratch_free(&s);
    ck_assert_ptr_null(s.first);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, zeroed_and_aligned);
    tcase_add_test(tc, wiped_after_the_call);
    tcase_add_test(tc, first_block_filled_to_its_end_is_wiped);
    tcase_add_test(tc, limit);
    tcase_add_test(tc, one_allocation_as_large_as_the_rest);
    tcase_add_test(tc, grow_in_place_and_elsewhere);
    tcase_add_test(tc, grow_across_blocks);
    tcase_add_test(tc, free_of_nothing);
}

int main(void)
{
    return nacre_run_suite("scratch", add, 30);
}
