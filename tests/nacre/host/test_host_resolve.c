#include "host/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "suite.h"

static struct nacre_hd_loop loop;
static unsigned done_count;
static unsigned wanted;

static void done(struct nacre_hd_lookup *l)
{
    bool ok = l->owner != NULL;
    ck_assert_int_eq(l->error == 0, ok);
    ck_assert(ok ? l->n > 0 && l->n <= NACRE_HD_ADDRESSES_MAX : l->n == 0);
    free(l);
    if (++done_count == wanted)
        loop.stop = true;
}

static struct nacre_hd_lookup *lookup_of(const char *host, bool ok)
{
    struct nacre_hd_lookup *l = calloc(1, sizeof *l);
    ck_assert_ptr_nonnull(l);
    (void)snprintf(l->host, sizeof l->host, "%s", host);
    (void)snprintf(l->service, sizeof l->service, "443");
    l->done = done;
    l->owner = ok ? &loop : NULL;
    return l;
}

static void give_up(struct nacre_hd_timer *timer)
{
    (void)timer;
    ck_abort_msg("the names were not resolved in time");
}

START_TEST(many_names_come_back_in_the_loops_thread)
{
    struct nacre_hd_resolver *r = NULL;
    struct nacre_hd_timer timer = {.fire = give_up};
    done_count = 0;
    wanted = 200;
    ck_assert_int_eq(nacre_hd_loop_init(&loop), 0);
    ck_assert_int_eq(nacre_hd_resolver_start(&r, &loop, 4), 0);
    for (unsigned i = 0; i < wanted; i++)
        ck_assert_int_eq(nacre_hd_resolve(r, i % 2 ? lookup_of("localhost", true) : lookup_of("..", false)),
                         0);
    nacre_hd_timer_set(&loop, &timer, 60000);
    ck_assert_int_eq(nacre_hd_loop_run(&loop), 0);
    ck_assert_uint_eq(done_count, wanted);
    nacre_hd_resolver_stop(r);
    nacre_hd_loop_close(&loop);
}
END_TEST

/* A connection that is gone does not want its answer; the lookup is freed all the same. */
START_TEST(an_answer_nobody_wants_is_dropped)
{
    struct nacre_hd_resolver *r = NULL;
    struct nacre_hd_timer timer = {.fire = give_up};
    done_count = 0;
    wanted = 1;
    ck_assert_int_eq(nacre_hd_loop_init(&loop), 0);
    ck_assert_int_eq(nacre_hd_resolver_start(&r, &loop, 1), 0);
    struct nacre_hd_lookup *unwanted = lookup_of("localhost", true);
    ck_assert_int_eq(nacre_hd_resolve(r, unwanted), 0);
    nacre_hd_resolve_forget(r, unwanted);
    ck_assert_int_eq(nacre_hd_resolve(r, lookup_of("localhost", true)), 0);
    nacre_hd_timer_set(&loop, &timer, 60000);
    ck_assert_int_eq(nacre_hd_loop_run(&loop), 0);
    ck_assert_uint_eq(done_count, 1);
    nacre_hd_resolver_stop(r);
    nacre_hd_loop_close(&loop);
}
END_TEST

START_TEST(the_queue_is_bounded_and_may_be_left_full)
{
    struct nacre_hd_resolver *r = NULL;
    ck_assert_int_eq(nacre_hd_loop_init(&loop), 0);
    ck_assert_int_eq(nacre_hd_resolver_start(&r, &loop, 0), 0);
    for (unsigned i = 0; i < NACRE_HD_LOOKUPS_MAX; i++)
        ck_assert_int_eq(nacre_hd_resolve(r, lookup_of("localhost", true)), 0);
    struct nacre_hd_lookup *more = lookup_of("localhost", true);
    ck_assert_int_eq(nacre_hd_resolve(r, more), -EAGAIN);
    free(more);
    nacre_hd_resolver_stop(r);
    nacre_hd_resolver_stop(NULL);
    nacre_hd_loop_close(&loop);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, many_names_come_back_in_the_loops_thread);
    tcase_add_test(tc, an_answer_nobody_wants_is_dropped);
    tcase_add_test(tc, the_queue_is_bounded_and_may_be_left_full);
}

int main(void)
{
    return nacre_run_suite("host_resolve", add, 90);
}
