#include "host/loop.h"

#include <stddef.h>
#include <unistd.h>

#include "suite.h"

static struct nacre_hd_loop loop;
static int order[8];
static size_t fired;

struct numbered {
    struct nacre_hd_timer timer;
    int number;
};

static void fire(struct nacre_hd_timer *timer)
{
    order[fired++] = NACRE_HD_OF(timer, struct numbered, timer)->number;
}

static void stop(struct nacre_hd_timer *timer)
{
    (void)timer;
    loop.stop = true;
}

START_TEST(timers_fire_in_order_and_only_when_set)
{
    struct numbered t[5];
    struct nacre_hd_timer end = {.fire = stop};
    fired = 0;
    ck_assert_int_eq(nacre_hd_loop_init(&loop), 0);
    for (int i = 0; i < 5; i++) {
        t[i] = (struct numbered){{.fire = fire}, i};
        nacre_hd_timer_set(&loop, &t[i].timer, (uint64_t)(50 - 10 * i));
    }
    nacre_hd_timer_clear(&loop, &t[2].timer);
    nacre_hd_timer_clear(&loop, &t[2].timer);
    nacre_hd_timer_set(&loop, &t[4].timer, 45); /* later than it was */
    nacre_hd_timer_set(&loop, &end, 120);
    ck_assert_int_eq(nacre_hd_loop_run(&loop), 0);
    ck_assert_uint_eq(fired, 4);
    ck_assert_int_eq(order[0], 3);
    ck_assert_int_eq(order[1], 1);
    ck_assert_int_eq(order[2], 4);
    ck_assert_int_eq(order[3], 0);
    ck_assert_ptr_null(loop.timers);
    nacre_hd_loop_close(&loop);
}
END_TEST

struct thing {
    struct nacre_hd_watch watch;
    struct nacre_hd_grave grave;
    int fds[2];
    struct thing *other;
    bool buried;
};

static unsigned released;

static void release(struct nacre_hd_grave *grave)
{
    free(NACRE_HD_OF(grave, struct thing, grave));
    released++;
}

/* Each ends the other, and so touches it within the same batch of events. */
static void ready(struct nacre_hd_watch *watch, uint32_t events)
{
    struct thing *t = NACRE_HD_OF(watch, struct thing, watch);
    ck_assert(events & EPOLLIN);
    if (t->buried)
        return;
    for (int i = 0; i < 2; i++) {
        struct thing *one = i ? t->other : t;
        one->buried = true;
        (void)close(one->fds[0]);
        (void)close(one->fds[1]);
        nacre_hd_bury(&loop, &one->grave);
    }
}

START_TEST(what_is_buried_lives_until_the_batch_is_over)
{
    struct thing *t[2];
    struct nacre_hd_timer end = {.fire = stop};
    released = 0;
    ck_assert_int_eq(nacre_hd_loop_init(&loop), 0);
    for (size_t i = 0; i < 2; i++) {
        t[i] = calloc(1, sizeof *t[i]);
        ck_assert_ptr_nonnull(t[i]);
        t[i]->watch.ready = ready;
        t[i]->grave.release = release;
        ck_assert_int_eq(pipe(t[i]->fds), 0);
        ck_assert_int_eq(nacre_hd_watch_add(&loop, t[i]->fds[0], EPOLLIN, &t[i]->watch), 0);
        ck_assert_int_eq((int)write(t[i]->fds[1], "x", 1), 1);
    }
    t[0]->other = t[1];
    t[1]->other = t[0];
    nacre_hd_timer_set(&loop, &end, 20);
    ck_assert_int_eq(nacre_hd_loop_run(&loop), 0);
    ck_assert_uint_eq(released, 2);
    nacre_hd_loop_close(&loop);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, timers_fire_in_order_and_only_when_set);
    tcase_add_test(tc, what_is_buried_lives_until_the_batch_is_over);
}

int main(void)
{
    return nacre_run_suite("host_loop", add, 30);
}
