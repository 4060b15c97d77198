/* The resolver with a name server that is played: names that begin with "slow" get no answer until they are let. */
#include "host/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

static struct nacre_hd_loop loop;
static struct nacre_hd_resolver *resolver;
static unsigned done_count, wanted;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned asked;
static bool let;

static struct sockaddr_in answer = {.sin_family = AF_INET};
static struct addrinfo info = {
    .ai_family = AF_INET, .ai_addrlen = sizeof answer, .ai_addr = (struct sockaddr *)(void *)&answer};

/* In the C library's place. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    (void)service;
    (void)hints;
    (void)pthread_mutex_lock(&lock);
    asked++;
    (void)pthread_cond_broadcast(&changed);
    while (strncmp(host, "slow", 4) == 0 && !let)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
    *out = &info;
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    (void)list;
}

static void await_asked(unsigned n)
{
    (void)pthread_mutex_lock(&lock);
    while (asked < n)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
}

static unsigned let_all(void)
{
    (void)pthread_mutex_lock(&lock);
    let = true;
    unsigned n = asked;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
    return n;
}

static void done(struct nacre_hd_lookup *l)
{
    ck_assert_int_eq(l->error, 0);
    ck_assert_uint_eq(l->n, 1);
    ck_assert_uint_eq(l->lens[0], sizeof answer);
    free(l);
    if (++done_count == wanted)
        loop.stop = true;
}

static struct nacre_hd_lookup *ask(const char *host, unsigned port, int expected)
{
    struct nacre_hd_lookup *l = calloc(1, sizeof *l);
    ck_assert_ptr_nonnull(l);
    (void)snprintf(l->host, sizeof l->host, "%s", host);
    (void)snprintf(l->service, sizeof l->service, "%u", port);
    l->done = done;
    ck_assert_int_eq(nacre_hd_resolve(resolver, l), expected);
    if (!expected)
        return l;
    free(l);
    return NULL;
}

static void give_up(struct nacre_hd_timer *timer)
{
    (void)timer;
    ck_abort_msg("the names were not resolved in time");
}

static void run_until(unsigned n)
{
    struct nacre_hd_timer timer = {.fire = give_up};
    wanted = n;
    loop.stop = false;
    nacre_hd_timer_set(&loop, &timer, 20000);
    ck_assert_int_eq(nacre_hd_loop_run(&loop), 0);
    nacre_hd_timer_clear(&loop, &timer);
    ck_assert_uint_eq(done_count, n);
}

static void begin(unsigned threads)
{
    done_count = asked = 0;
    let = false;
    ck_assert_int_eq(nacre_hd_loop_init(&loop), 0);
    ck_assert_int_eq(nacre_hd_resolver_start(&resolver, &loop, threads), 0);
}

static void end(void)
{
    nacre_hd_resolver_stop(resolver);
    nacre_hd_loop_close(&loop);
}

START_TEST(a_name_that_is_not_answered_does_not_hold_the_others)
{
    begin(4);
    for (unsigned i = 0; i < 50; i++)
        (void)ask("slow", 443, 0);
    await_asked(1);
    (void)ask("quick", 443, 0);
    run_until(1);
    ck_assert_uint_eq(let_all(), 2); /* once for fifty */
    run_until(51);
    end();
}
END_TEST

START_TEST(another_port_is_another_question)
{
    begin(4);
    (void)ask("slow", 443, 0);
    (void)ask("slow", 444, 0);
    await_asked(2);
    (void)let_all();
    run_until(2);
    end();
}
END_TEST

/* Connections that are gone leave no work behind, whatever the name server does. */
START_TEST(what_is_not_wanted_any_more_leaves_the_queue)
{
    static struct nacre_hd_lookup *many[NACRE_HD_LOOKUPS_MAX];
    begin(1);
    struct nacre_hd_lookup *held = ask("slow", 443, 0);
    await_asked(1);
    for (unsigned i = 0; i < NACRE_HD_LOOKUPS_MAX; i++)
        many[i] = ask("quick", i, 0);
    (void)ask("quick", 443, -EAGAIN);
    for (unsigned i = 0; i < NACRE_HD_LOOKUPS_MAX; i++)
        nacre_hd_resolve_forget(resolver, many[(i + 7) % NACRE_HD_LOOKUPS_MAX]);
    nacre_hd_resolve_forget(resolver, held);
    (void)ask("quick", 443, 0);
    (void)let_all();
    run_until(1);
    ck_assert_uint_eq(asked, 2);
    end();
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, a_name_that_is_not_answered_does_not_hold_the_others);
    tcase_add_test(tc, another_port_is_another_question);
    tcase_add_test(tc, what_is_not_wanted_any_more_leaves_the_queue);
}

int main(void)
{
    return nacre_run_suite("host_resolve_slow", add, 90);
}
