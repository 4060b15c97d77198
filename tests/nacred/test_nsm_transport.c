#include "fake_nsm.h"
#include "nacred/nsm_transport.h"
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char dir[PATH_MAX], why[NACRE_NSM_WHY];
static struct fake_nsm fake;
static struct nacre_nsm nsm;
static struct nacre_nsm_answer answer;
static const struct nacre_nsm_request ask = {.kind = NACRE_NSM_DESCRIBE_PCR, .number = 3};

static void begin(void)
{
    make_dir(dir);
    fake_nsm_start(&fake, dir);
    ck_assert_int_eq(nacre_nsm_open(&nsm, fake_nsm_transport(&fake)), 0);
}

static void end(void)
{
    nacre_nsm_close(&nsm);
    fake_nsm_stop(&fake);
    drop_dir(dir);
}

static int call(void)
{
    return nacre_nsm_call(&nsm, &ask, &answer, why);
}

START_TEST(one_connection_serves_many_calls)
{
    memset(fake.pcr[3], 0x33, NACRE_SHA384_LEN);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(call(), 0);
    ck_assert_mem_eq(answer.pcr, fake.pcr[3], NACRE_SHA384_LEN);
    ck_assert_int_eq(atomic_load(&fake.connections), 1);
    ck_assert_int_eq(atomic_load(&fake.calls), 5);
}
END_TEST

/* After a failure the next call finds a connection of its own, and no answer of the last one. */
static void fails_then_recovers(int fault, int expected)
{
    atomic_store(&fake.faults, 1);
    atomic_store(&fake.fault, fault);
    ck_assert_int_eq(call(), expected);
    ck_assert_uint_gt(strlen(why), 0);
    ck_assert_int_eq(call(), 0);
}

START_TEST(failures)
{
    fails_then_recovers(FAKE_ERROR, -EREMOTEIO);
    ck_assert_int_eq(atomic_load(&fake.connections), 1); /* an answer like any other */
    fails_then_recovers(FAKE_GARBAGE, -EBADMSG);
    fails_then_recovers(FAKE_WRONG, -EBADMSG);
    fails_then_recovers(FAKE_HUGE, -EMSGSIZE);
    fails_then_recovers(FAKE_EMPTY, -ECONNRESET);
    fails_then_recovers(FAKE_CLOSE, -ECONNRESET);
    ck_assert_int_eq(atomic_load(&fake.connections), 6);
}
END_TEST

START_TEST(an_answer_that_comes_too_late_is_not_taken_for_another)
{
    atomic_store(&fake.delay_ms, (NACRE_NSM_TIMEOUT_S + 1) * 1000);
    ck_assert_int_eq(call(), -ETIMEDOUT);
    atomic_store(&fake.delay_ms, 0);
    memset(fake.pcr[5], 0x55, NACRE_SHA384_LEN);
    const struct nacre_nsm_request other = {.kind = NACRE_NSM_DESCRIBE_PCR, .number = 5};
    ck_assert_int_eq(nacre_nsm_call(&nsm, &other, &answer, why), 0);
    ck_assert_mem_eq(answer.pcr, fake.pcr[5], NACRE_SHA384_LEN);
}
END_TEST

START_TEST(a_simulator_that_is_started_again)
{
    ck_assert_int_eq(call(), 0);
    fake_nsm_stop(&fake);
    ck_assert_int_lt(call(), 0);
    ck_assert_int_lt(call(), 0);
    ck_assert_int_eq(remove(fake_nsm_transport(&fake) + 5), 0);
    fake_nsm_start(&fake, dir);
    ck_assert_int_eq(call(), 0);
}
END_TEST

START_TEST(requests_that_do_not_fit)
{
    static const uint8_t large[NACRE_NSM_REQUEST_MAX];
    const struct nacre_nsm_request r = {.kind = NACRE_NSM_ATTESTATION, .user_data = {large, sizeof large}};
    ck_assert_int_eq(nacre_nsm_call(&nsm, &r, &answer, why), -EMSGSIZE);
    ck_assert_int_eq(atomic_load(&fake.calls), 0);
    ck_assert_int_eq(call(), 0);
}
END_TEST

START_TEST(transports_that_are_none)
{
    char text[300] = "unix:";
    struct nacre_nsm n = {.fd = 77};
    ck_assert_int_eq(nacre_nsm_open(&n, "unix:"), -EINVAL);
    ck_assert_int_eq(nacre_nsm_open(&n, "tcp:127.0.0.1:1"), -EINVAL);
    ck_assert_int_eq(nacre_nsm_open(&n, ""), -EINVAL);
    ck_assert_int_eq(nacre_nsm_open(&n, "unix:/nowhere/at/all"), -ENOENT);
    memset(text + 5, 'x', 200);
    ck_assert_int_eq(nacre_nsm_open(&n, text), -EINVAL);
    ck_assert_int_eq(n.fd, 77);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, one_connection_serves_many_calls);
    tcase_add_test(tc, failures);
    tcase_add_test(tc, an_answer_that_comes_too_late_is_not_taken_for_another);
    tcase_add_test(tc, a_simulator_that_is_started_again);
    tcase_add_test(tc, requests_that_do_not_fit);
    tcase_add_test(tc, transports_that_are_none);
}

int main(void)
{
    return nacre_run_suite("nacred/nsm_transport", add, 40);
}
