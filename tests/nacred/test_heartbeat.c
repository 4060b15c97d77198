#include "nacred/init.h"
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The other end, a Unix socket in place of vsock: treats its connections one after the other as `plan` says. */
struct parent {
    char path[PATH_MAX + 8];
    const char *plan; /* '=' answers as it should, 'x' wrongly, 'c' closes */
    unsigned late_ms;
    int connections;
    uint8_t heard;
    pthread_t thread;
    struct nacre_sockaddr address;
};

static char dir[PATH_MAX], why[NACRE_INIT_WHY];

static void *serve(void *arg)
{
    struct parent *p = arg;
    (void)usleep(p->late_ms * 1000);
    int listener = nacre_sockaddr_listen(&p->address, false);
    ck_assert_int_ge(listener, 0);
    for (const char *now = p->plan;; now += now[1] ? 1 : 0) {
        int fd;
        while ((fd = accept(listener, NULL, NULL)) < 0) /* it does not block */
            (void)usleep(1000);
        p->connections++;
        uint8_t wrong = 0x7b;
        if (*now != 'c' && read(fd, &p->heard, 1) == 1)
            (void)!write(fd, *now == '=' ? &p->heard : &wrong, 1);
        (void)close(fd);
        if (*now == '=' || *now == 'x')
            break;
    }
    (void)close(listener);
    return NULL;
}

static struct parent begin(const char *plan, unsigned late_ms)
{
    struct parent p = {.plan = plan, .late_ms = late_ms};
    make_dir(dir);
    (void)snprintf(p.path, sizeof p.path, "unix:%s/hb", dir);
    ck_assert_int_eq(nacre_sockaddr_parse(&p.address, p.path, 0), 0);
    return p;
}

static void end(struct parent *p)
{
    (void)pthread_join(p->thread, NULL);
    drop_dir(dir);
}

static void answered(const char *plan, unsigned late_ms, int expected, int connections)
{
    struct parent p = begin(plan, late_ms);
    ck_assert_int_eq(pthread_create(&p.thread, NULL, serve, &p), 0);
    ck_assert_int_eq(nacre_init_heartbeat(&p.address, 20000, why), expected);
    end(&p);
    ck_assert_uint_eq(p.heard, 0xb7);
    ck_assert_int_eq(p.connections, connections);
}

START_TEST(answered_at_once)
{
    answered("=", 0, 0, 1);
}
END_TEST

START_TEST(a_parent_that_is_late)
{
    answered("=", 300, 0, 1);
}
END_TEST

START_TEST(a_parent_that_drops_the_first)
{
    answered("cc=", 0, 0, 3);
}
END_TEST

START_TEST(another_byte)
{
    answered("x", 0, -EPROTO, 1);
    ck_assert_str_eq(why, "the parent answered 0x7b, expected 0xb7");
}
END_TEST

static void gives_up(struct parent *p, int expected)
{
    uint64_t before = nacre_monotonic_ns();
    ck_assert_int_eq(nacre_init_heartbeat(&p->address, 300, why), expected);
    uint64_t took_ms = (nacre_monotonic_ns() - before) / 1000000u;
    ck_assert_uint_ge(took_ms, 300);
    ck_assert_uint_lt(took_ms, 10000);
    ck_assert_int_eq(strncmp(why, "no answer from the parent within 300 ms: ", 41), 0);
}

START_TEST(nobody_there)
{
    struct parent p = begin("=", 0);
    gives_up(&p, -ENOENT);
    drop_dir(dir);
}
END_TEST

START_TEST(silence_has_an_end)
{
    struct parent p = begin("", 0);
    int listener = nacre_sockaddr_listen(&p.address, false); /* connected by the kernel, never accepted */
    ck_assert_int_ge(listener, 0);
    gives_up(&p, -ETIMEDOUT);
    (void)close(listener);
    drop_dir(dir);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, answered_at_once);
    tcase_add_test(tc, a_parent_that_is_late);
    tcase_add_test(tc, a_parent_that_drops_the_first);
    tcase_add_test(tc, another_byte);
    tcase_add_test(tc, nobody_there);
    tcase_add_test(tc, silence_has_an_end);
}

int main(void)
{
    return nacre_run_suite("nacred/heartbeat", add, 60);
}
