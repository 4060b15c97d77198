#include "http/slots.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

START_TEST(limits)
{
    struct nacre_slots s;
    ck_assert_int_eq(nacre_slots_init(&s, 0, 0), -EINVAL);
    ck_assert_int_eq(nacre_slots_init(&s, NACRE_SLOTS_MAX + 1, 0), -EINVAL);
    ck_assert_int_eq(nacre_slots_init(&s, 1, 16), -EINVAL);
    ck_assert_int_eq(nacre_slots_init(&s, NACRE_SLOTS_MAX, 15), 0);
    nacre_slots_free(&s);
    nacre_slots_free(&s);
}
END_TEST

START_TEST(take_find_release)
{
    struct nacre_slots s;
    int owners[3];
    ck_assert_int_eq(nacre_slots_init(&s, 3, 5), 0);
    struct nacre_slot *a = nacre_slots_take(&s, 10, &owners[0]), *b = nacre_slots_take(&s, 20, &owners[1]),
                      *c = nacre_slots_take(&s, 30, &owners[2]);
    ck_assert(a && b && c);
    ck_assert_ptr_null(nacre_slots_take(&s, 40, NULL)); /* full */
    ck_assert_uint_eq(s.used, 3);
    ck_assert(a->id != b->id && b->id != c->id && a->id != c->id && a->id && b->id && c->id);
    ck_assert_uint_eq(nacre_slots_lane_of(b->id), 5);
    ck_assert_ptr_eq(nacre_slots_find(&s, b->id), b);
    ck_assert_ptr_eq(b->owner, &owners[1]);

    uint64_t old = b->id;
    nacre_slots_release(&s, b);
    ck_assert_ptr_null(nacre_slots_find(&s, old));
    struct nacre_slot *again = nacre_slots_take(&s, 50, NULL);
    ck_assert_ptr_eq(again, b);        /* the same place, */
    ck_assert_uint_ne(again->id, old); /* never the same id */
    ck_assert_ptr_null(nacre_slots_find(&s, old));
    nacre_slots_free(&s);
}
END_TEST

START_TEST(guessed_ids_find_nothing)
{
    struct nacre_slots s;
    ck_assert_int_eq(nacre_slots_init(&s, 8, 0), 0);
    struct nacre_slot *a = nacre_slots_take(&s, 10, NULL);
    ck_assert_ptr_null(nacre_slots_find(&s, 0));
    ck_assert_ptr_null(nacre_slots_find(&s, a->id ^ 1u << 20));
    ck_assert_ptr_null(nacre_slots_find(&s, a->id + 1));        /* a slot that was never used */
    ck_assert_ptr_null(nacre_slots_find(&s, a->id | 0xffff));   /* one that does not exist */
    ck_assert_ptr_null(nacre_slots_find(&s, a->id ^ 1u << 16)); /* another lane's */
    ck_assert_ptr_null(nacre_slots_find(&s, UINT64_MAX));
    nacre_slots_free(&s);
}
END_TEST

struct visit {
    struct nacre_slots *slots;
    uint64_t now;
    unsigned expired, seen;
};

static void expire(struct nacre_slot *slot, void *arg)
{
    struct visit *v = arg;
    v->seen++;
    if (slot->deadline_ns <= v->now) {
        v->expired++;
        nacre_slots_release(v->slots, slot);
    }
}

START_TEST(deadlines)
{
    struct nacre_slots s;
    ck_assert_int_eq(nacre_slots_init(&s, 100, 0), 0);
    ck_assert_uint_eq(s.next_deadline_ns, UINT64_MAX);
    for (uint64_t i = 0; i < 100; i++)
        ck_assert_ptr_nonnull(nacre_slots_take(&s, 1000 + i * 7919 % 100, NULL));
    ck_assert_uint_eq(s.next_deadline_ns, 1000);
    struct visit v = {&s, 1049, 0, 0};
    nacre_slots_each(&s, expire, &v);
    ck_assert_uint_eq(v.seen, 100);
    ck_assert_uint_eq(v.expired, 50);
    ck_assert_uint_eq(s.used, 50);
    ck_assert_uint_eq(s.next_deadline_ns, 1050);
    v = (struct visit){&s, 2000, 0, 0};
    nacre_slots_each(&s, expire, &v);
    ck_assert_uint_eq(v.expired, 50);
    ck_assert_uint_eq(s.used, 0);
    ck_assert_uint_eq(s.next_deadline_ns, UINT64_MAX);
    nacre_slots_free(&s);
}
END_TEST

START_TEST(nothing_leaks_over_many_rounds)
{
    struct nacre_slots s;
    ck_assert_int_eq(nacre_slots_init(&s, 4, 1), 0);
    for (unsigned round = 0; round < 10000; round++) {
        struct nacre_slot *held[4];
        unsigned n = 1 + round % 4;
        for (unsigned i = 0; i < n; i++)
            ck_assert_ptr_nonnull(held[i] = nacre_slots_take(&s, round, NULL));
        for (unsigned i = 0; i < n; i++)
            nacre_slots_release(&s, held[(i + round) % n]);
        ck_assert_uint_eq(s.used, 0);
    }
    nacre_slots_free(&s);
}
END_TEST

START_TEST(id_text)
{
    char text[17];
    nacre_id_text(text, 0x0123456789abcdef);
    ck_assert_str_eq(text, "0123456789abcdef");
    nacre_id_text(text, 0xf);
    ck_assert_str_eq(text, "000000000000000f");
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, limits);
    tcase_add_test(tc, take_find_release);
    tcase_add_test(tc, guessed_ids_find_nothing);
    tcase_add_test(tc, deadlines);
    tcase_add_test(tc, nothing_leaks_over_many_rounds);
    tcase_add_test(tc, id_text);
}

int main(void)
{
    return nacre_run_suite("http slots", add, 20);
}
