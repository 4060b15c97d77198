#include "fake_nsm.h"
#include "nacred/pcrs.h"
#include "support.h"

#include <errno.h>
#include <string.h>

static char dir[PATH_MAX], why[512];
static struct fake_nsm fake;
static struct nacre_nsm nsm;
static uint8_t plugin[NACRE_SHA384_LEN], config[NACRE_SHA384_LEN], pcr16[NACRE_SHA384_LEN],
    pcr17[NACRE_SHA384_LEN];

static void begin(void)
{
    uint8_t chain[2 * NACRE_SHA384_LEN] = {0};
    make_dir(dir);
    fake_nsm_start(&fake, dir);
    ck_assert_int_eq(nacre_nsm_open(&nsm, fake_nsm_transport(&fake)), 0);
    memset(plugin, 0x11, sizeof plugin);
    memset(config, 0x22, sizeof config);
    memcpy(chain + NACRE_SHA384_LEN, plugin, sizeof plugin);
    nacre_sha384(pcr16, chain, sizeof chain);
    memcpy(chain + NACRE_SHA384_LEN, config, sizeof config);
    nacre_sha384(pcr17, chain, sizeof chain);
    why[0] = '\0';
}

static void end(void)
{
    nacre_nsm_close(&nsm);
    fake_nsm_stop(&fake);
    drop_dir(dir);
}

static int seal(void)
{
    return nacre_pcrs_seal(&nsm, plugin, config, why, sizeof why);
}

static void check_sealed(void)
{
    ck_assert_mem_eq(fake.pcr[16], pcr16, NACRE_SHA384_LEN);
    ck_assert_mem_eq(fake.pcr[17], pcr17, NACRE_SHA384_LEN);
    for (int i = 0; i < 32; i++)
        ck_assert(fake.locked[i]);
}

static void names(const uint8_t *a, const uint8_t *b)
{
    char hex[NACRE_SHA384_HEX];
    nacre_hex(hex, a, NACRE_SHA384_LEN);
    ck_assert_msg(strstr(why, hex) != NULL, "'%s' lacks %s", why, hex);
    nacre_hex(hex, b, NACRE_SHA384_LEN);
    ck_assert_msg(strstr(why, hex) != NULL, "'%s' lacks %s", why, hex);
}

START_TEST(extends_and_locks)
{
    ck_assert_msg(seal() == 0, "%s", why);
    check_sealed();
}
END_TEST

START_TEST(a_second_start_on_the_same_nsm)
{
    ck_assert_int_eq(seal(), 0);
    int calls = atomic_load(&fake.calls);
    ck_assert_msg(seal() == 0, "%s", why);
    check_sealed();
    ck_assert_int_eq(atomic_load(&fake.calls), calls + 5); /* nothing was extended */
}
END_TEST

START_TEST(a_start_that_was_cut_short)
{
    memcpy(fake.pcr[16], pcr16, sizeof pcr16); /* extended, neither locked nor followed by the other */
    ck_assert_msg(seal() == 0, "%s", why);
    check_sealed();
}
END_TEST

START_TEST(another_configuration_on_a_locked_nsm)
{
    ck_assert_int_eq(seal(), 0);
    uint8_t found[NACRE_SHA384_LEN];
    memcpy(found, pcr17, sizeof found);
    memset(config, 0x23, sizeof config);
    ck_assert_int_eq(seal(), -EPERM);
    ck_assert_ptr_nonnull(strstr(why, "PCR17"));
    uint8_t chain[2 * NACRE_SHA384_LEN] = {0}, expected[NACRE_SHA384_LEN];
    memcpy(chain + NACRE_SHA384_LEN, config, sizeof config);
    nacre_sha384(expected, chain, sizeof chain);
    names(found, expected);
}
END_TEST

START_TEST(a_register_that_somebody_else_extended)
{
    memset(fake.pcr[16], 0x99, NACRE_SHA384_LEN);
    ck_assert_int_eq(seal(), -EPERM);
    ck_assert_ptr_nonnull(strstr(why, "not locked"));
    names(fake.pcr[16], pcr16);
    ck_assert(!fake.locked[16]);
}
END_TEST

START_TEST(a_register_that_was_locked_empty)
{
    static const uint8_t zero[NACRE_SHA384_LEN];
    fake.locked[17] = true;
    ck_assert_int_eq(seal(), -EPERM);
    names(zero, pcr17);
}
END_TEST

START_TEST(an_nsm_that_only_pretends)
{
    fake.forgets = true;
    ck_assert_int_eq(seal(), -EPERM);
    ck_assert_ptr_nonnull(strstr(why, "PCR16"));
}
END_TEST

START_TEST(errors_at_every_step)
{
    for (int step = 0; step < 7; step++) {
        for (int fault = FAKE_ERROR; fault <= FAKE_WRONG; fault++) {
            memset(fake.pcr, 0, sizeof fake.pcr);
            memset(fake.locked, 0, sizeof fake.locked);
            atomic_store(&fake.calls, 0);
            /* of describe, extend, describe, extend, lock, describe, describe the one numbered `step` goes wrong */
            atomic_store(&fake.skip, step);
            atomic_store(&fake.faults, 1);
            atomic_store(&fake.fault, fault);
            ck_assert_int_lt(seal(), 0);
            ck_assert_uint_gt(strlen(why), 0);
            ck_assert_int_eq(atomic_load(&fake.calls), step + 1);
            nacre_nsm_close(&nsm);
            ck_assert_int_eq(nacre_nsm_open(&nsm, fake_nsm_transport(&fake)), 0);
        }
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, extends_and_locks);
    tcase_add_test(tc, a_second_start_on_the_same_nsm);
    tcase_add_test(tc, a_start_that_was_cut_short);
    tcase_add_test(tc, another_configuration_on_a_locked_nsm);
    tcase_add_test(tc, a_register_that_somebody_else_extended);
    tcase_add_test(tc, a_register_that_was_locked_empty);
    tcase_add_test(tc, an_nsm_that_only_pretends);
    tcase_add_test(tc, errors_at_every_step);
}

int main(void)
{
    return nacre_run_suite("nacred/pcrs", add, 20);
}
