#include "fake_nsm.h"
#include "nacred/nsm_thread.h"
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

static char dir[PATH_MAX];
static struct fake_nsm fake;
static struct nacre_nsm_thread t;
static struct nacre_nsm_result result;

static void begin(void)
{
    make_dir(dir);
    fake_nsm_start(&fake, dir);
    t = (struct nacre_nsm_thread){.public_key = {5, 6, 7}, .user_data = {0xa0}, .user_data_len = 1};
    ck_assert_int_eq(nacre_nsm_open(&t.nsm, fake_nsm_transport(&fake)), 0);
    ck_assert_int_eq(nacre_nsm_thread_start(&t, 4), 0);
}

static void end(void)
{
    nacre_nsm_thread_stop(&t);
    fake_nsm_stop(&fake);
    drop_dir(dir);
}

static bool take(int wait_ms)
{
    struct pollfd fd = {.fd = t.ready_fd, .events = POLLIN};
    return poll(&fd, 1, wait_ms) == 1 && nacre_nsm_thread_take(&t, &result);
}

static int attest(uint64_t id)
{
    struct nacre_nsm_job job = {.id = id, .client = 9, .nonce_len = 2, .nonce = {'n', (uint8_t)id}};
    return nacre_nsm_thread_attest(&t, &job);
}

START_TEST(own_document_tells_the_time)
{
    uint64_t before = nacre_monotonic_ns();
    nacre_nsm_thread_own(&t);
    ck_assert(take(5000));
    ck_assert_uint_eq(result.id, 0);
    ck_assert_int_eq(result.error, 0);
    ck_assert_uint_ge(result.time.before_ns, before);
    ck_assert_uint_ge(result.time.after_ns, result.time.before_ns);
    ck_assert_uint_gt(result.time.timestamp_ms, 1700000000000);
    ck_assert_uint_eq(fake.last_nonce_len, 0);
    ck_assert_uint_eq(atomic_load(&t.calls), 1);
    ck_assert(!take(50));
}
END_TEST

START_TEST(nonces_arrive_in_order_with_their_askers)
{
    for (uint64_t id = 1; id <= 4; id++)
        ck_assert_int_eq(attest(id), 0);
    for (uint64_t id = 1; id <= 4; id++) {
        ck_assert(take(5000));
        ck_assert_int_eq(result.error, 0);
        ck_assert_uint_eq(result.id, id);
        ck_assert_uint_eq(result.client, 9);
        ck_assert_uint_gt(result.answer.document_len, 0);
    }
    ck_assert_uint_eq(fake.last_nonce_len, 2);
    ck_assert_mem_eq(fake.last_nonce, "n\x04", 2);
}
END_TEST

START_TEST(the_queue_is_bounded_and_own_goes_first)
{
    int accepted = 1;
    atomic_store(&fake.delay_ms, 500);
    ck_assert_int_eq(attest(1), 0);
    while (atomic_load(&fake.calls) == 0)
        (void)poll(NULL, 0, 5);
    for (uint64_t id = 2; id <= 20; id++)
        accepted += attest(id) == 0;
    ck_assert_int_eq(accepted, 5); /* one is under way, four wait */
    ck_assert_int_eq(attest(21), -EAGAIN);
    nacre_nsm_thread_own(&t);
    nacre_nsm_thread_own(&t);
    int position = 0;
    do {
        ck_assert(take(5000));
        position++;
    } while (result.id != 0);
    ck_assert_int_le(position, 2);
    atomic_store(&fake.delay_ms, 0);
    for (int i = position - 1; i < accepted; i++) {
        ck_assert(take(5000));
        ck_assert_uint_ne(result.id, 0);
    }
    ck_assert(!take(50));
}
END_TEST

static int attest_batch(uint64_t id)
{
    struct nacre_nsm_job job = {.id = id, .client = 9, .batch = true, .nonce_len = 1, .nonce = {(uint8_t)id}};
    return nacre_nsm_thread_attest(&t, &job);
}

/* While one call is under way: four in the queue, one batch at a time. Each gets every other call, and our own goes first. */
START_TEST(batch_and_queue_take_turns)
{
    static const uint64_t order[] = {1, 0, 100, 2, 101, 3, 4, 5};
    atomic_store(&fake.delay_ms, 100);
    ck_assert_int_eq(attest(1), 0);
    while (atomic_load(&fake.calls) == 0)
        (void)poll(NULL, 0, 5);
    for (uint64_t id = 2; id <= 5; id++)
        ck_assert_int_eq(attest(id), 0);
    ck_assert_int_eq(attest(6), -EAGAIN);
    ck_assert_int_eq(attest_batch(100), 0); /* a full queue keeps no batch out */
    ck_assert_int_eq(attest_batch(101), -EAGAIN);
    nacre_nsm_thread_own(&t);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        ck_assert(take(5000));
        ck_assert_uint_eq(result.id, order[i]);
        if (result.id == 100)
            ck_assert_int_eq(attest_batch(101), 0); /* as fast as one can: still the queue's turn */
    }
    ck_assert_int_eq(attest_batch(102), 0);
    ck_assert(take(5000)); /* alone, it need not wait for its turn */
    ck_assert_uint_eq(result.id, 102);
}
END_TEST

START_TEST(purged_jobs_cost_no_call)
{
    atomic_store(&fake.delay_ms, 200);
    ck_assert_int_eq(attest(1), 0);
    while (atomic_load(&fake.calls) == 0)
        (void)poll(NULL, 0, 5);
    ck_assert_int_eq(attest(2), 0);
    ck_assert_int_eq(attest(3), 0);
    ck_assert_int_eq(attest_batch(4), 0);
    nacre_nsm_thread_purge(&t);
    ck_assert(take(5000)); /* the one under way */
    ck_assert(!take(400));
    ck_assert_int_eq(atomic_load(&fake.calls), 1);
}
END_TEST

START_TEST(failures_are_counted_and_told)
{
    atomic_store(&fake.fault, FAKE_ERROR);
    nacre_nsm_thread_own(&t);
    ck_assert(take(5000));
    ck_assert_int_eq(result.error, -EREMOTEIO);
    ck_assert_ptr_nonnull(strstr(result.why, "InternalError"));
    ck_assert_int_eq(attest(7), 0);
    ck_assert(take(5000));
    ck_assert_int_eq(result.error, -EREMOTEIO);
    ck_assert_uint_eq(result.id, 7);
    atomic_store(&fake.fault, FAKE_NO_KEY);
    nacre_nsm_thread_own(&t);
    ck_assert(take(5000));
    ck_assert_int_eq(result.error, -EBADMSG);
    ck_assert_uint_eq(atomic_load(&t.calls), 3);
    ck_assert_uint_eq(atomic_load(&t.errors), 3);
}
END_TEST

START_TEST(stops_while_it_is_asking)
{
    atomic_store(&fake.delay_ms, 60); /* less than what stopping waits */
    ck_assert_int_eq(attest(1), 0);
    ck_assert_int_eq(attest(2), 0);
    while (atomic_load(&fake.calls) == 0)
        (void)poll(NULL, 0, 5);
}
END_TEST

START_TEST(a_result_that_nobody_takes_blocks_no_end)
{
    ck_assert_int_eq(attest(1), 0);
    ck_assert_int_eq(attest(2), 0);
    while (atomic_load(&fake.calls) < 2)
        (void)poll(NULL, 0, 5);
    (void)poll(NULL, 0, 50);
}
END_TEST

/* Whole and at any time: a request under way has the old one or the new one. */
START_TEST(user_data_can_change)
{
    uint8_t most[NACRE_USER_DATA_MAX];
    memset(most, 7, sizeof most);
    ck_assert_int_eq(attest(1), 0);
    ck_assert(take(5000));
    ck_assert_uint_eq(fake.last_user_data_len, 1);
    ck_assert_uint_eq(fake.last_user_data[0], 0xa0);
    nacre_nsm_thread_user_data(&t, most, sizeof most);
    ck_assert_int_eq(attest(2), 0);
    ck_assert(take(5000));
    ck_assert_uint_eq(fake.last_user_data_len, sizeof most);
    ck_assert_mem_eq(fake.last_user_data, most, sizeof most);
    nacre_nsm_thread_user_data(&t, most, 3);
    nacre_nsm_thread_own(&t);
    ck_assert(take(5000));
    ck_assert_uint_eq(fake.last_user_data_len, 3);
}
END_TEST

START_TEST(a_document_for_another_key)
{
    uint8_t key[NACRE_RECIPIENT_MAX] = {0x30}, data[3] = {0xa1, 0x61, 0x61};
    nacre_nsm_thread_recipient(&t, 3, key, 294, data, sizeof data);
    ck_assert(take(5000));
    ck_assert(result.recipient && result.id == 0 && result.error == 0 && result.client == 3);
    ck_assert_uint_eq(fake.last_nonce_len, 0);
    ck_assert_uint_eq(fake.last_user_data_len, sizeof data);
    ck_assert_uint_eq(result.time.timestamp_ms, 0); /* it is not looked at, and tells no time */
    nacre_nsm_thread_own(&t);
    ck_assert(take(5000));
    ck_assert(!result.recipient);
    ck_assert_uint_eq(fake.last_user_data_len, 1);
    ck_assert_uint_gt(result.time.timestamp_ms, 0);
    ck_assert(!take(50)); /* asked once, made once */
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, own_document_tells_the_time);
    tcase_add_test(tc, nonces_arrive_in_order_with_their_askers);
    tcase_add_test(tc, the_queue_is_bounded_and_own_goes_first);
    tcase_add_test(tc, batch_and_queue_take_turns);
    tcase_add_test(tc, purged_jobs_cost_no_call);
    tcase_add_test(tc, failures_are_counted_and_told);
    tcase_add_test(tc, stops_while_it_is_asking);
    tcase_add_test(tc, a_result_that_nobody_takes_blocks_no_end);
    tcase_add_test(tc, user_data_can_change);
    tcase_add_test(tc, a_document_for_another_key);
}

int main(void)
{
    return nacre_run_suite("nacred/nsm_thread", add, 30);
}
