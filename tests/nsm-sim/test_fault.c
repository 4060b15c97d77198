#include "fault.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

static struct nacre_sim_faults faults;
static struct nacre_sim_plan plan;
static const char *why;

static int option(const char *text)
{
    why = NULL;
    return nacre_sim_fault_option(&faults, text, &why);
}

static int line(const char *text)
{
    why = NULL;
    return nacre_sim_fault_line(&faults, text, &why);
}

static void meet(enum nacre_sim_kind kind)
{
    nacre_sim_fault_plan(&faults, kind, &plan);
}

static void reset(void)
{
    memset(&faults, 0, sizeof(faults));
}

START_TEST(option_forms)
{
    reset();
    ck_assert_int_eq(option("error:InternalError@Attestation#3"), 0);
    ck_assert_int_eq(option("delay:50"), 0);
    ck_assert_int_eq(option("hold:7@GetRandom"), 0);
    ck_assert_int_eq(option("garbage#1"), 0);
    ck_assert_int_eq(option("close@*"), 0);
    ck_assert_int_eq(option("clock:-3600000"), 0);
    ck_assert_uint_eq(faults.count, 5);
    ck_assert_int_eq(faults.clock_ms, -3600000);
    ck_assert_int_eq(faults.list[0].kind, NACRE_SIM_FAULT_ERROR);
    ck_assert_int_eq(faults.list[0].error, NACRE_SIM_INTERNAL_ERROR);
    ck_assert_int_eq(faults.list[0].request, NACRE_SIM_ATTESTATION);
    ck_assert(!faults.list[0].any);
    ck_assert_uint_eq(faults.list[0].left, 3);
    ck_assert(faults.list[1].any);
    ck_assert_int_eq(faults.list[1].ms, 50);
    ck_assert_uint_eq(faults.list[1].left, 0);
    ck_assert_int_eq(faults.list[2].kind, NACRE_SIM_FAULT_HOLD);
    ck_assert_int_eq(faults.list[3].kind, NACRE_SIM_FAULT_GARBAGE);
    ck_assert(faults.list[4].any);
}
END_TEST

START_TEST(line_forms)
{
    reset();
    ck_assert_int_eq(line("fault error InternalError Attestation 3"), 0);
    ck_assert_int_eq(line("fault delay 50 Attestation"), 0);
    ck_assert_int_eq(line("  fault\ttruncate  2 "), 0);
    ck_assert_int_eq(line("fault wrong-type * 4"), 0);
    ck_assert_int_eq(line("fault short-pcr DescribePCR"), 0);
    ck_assert_int_eq(line("fault bad-signature"), 0);
    ck_assert_int_eq(line("clock +3600000"), 0);
    ck_assert_uint_eq(faults.count, 6);
    ck_assert_uint_eq(faults.list[0].left, 3);
    ck_assert_int_eq(faults.list[1].request, NACRE_SIM_ATTESTATION);
    ck_assert(faults.list[2].any);
    ck_assert_uint_eq(faults.list[2].left, 2);
    ck_assert_uint_eq(faults.list[3].left, 4);
    ck_assert_int_eq(faults.list[4].request, NACRE_SIM_DESCRIBE_PCR);
    ck_assert_int_eq(faults.clock_ms, 3600000);
    ck_assert_int_eq(line("fault clock 5"), 0);
    ck_assert_int_eq(faults.clock_ms, 5);
    ck_assert_int_eq(line("clear"), 0);
    ck_assert_uint_eq(faults.count, 0);
    ck_assert_int_eq(faults.clock_ms, 0);
}
END_TEST

START_TEST(bad_options)
{
    static const char *const bad[] = {"",
                                      "nothing",
                                      "error",
                                      "error:",
                                      "error:Success",
                                      "error:NoSuchError",
                                      "delay",
                                      "delay:",
                                      "delay:x",
                                      "delay:-1",
                                      "delay:1x",
                                      "delay:3600001",
                                      "delay: 1",
                                      "clock",
                                      "clock:",
                                      "clock:+-1",
                                      "clock:1@GetRandom",
                                      "clock:1#2",
                                      "garbage:1",
                                      "garbage@",
                                      "garbage@Foo",
                                      "garbage#0",
                                      "garbage#-1",
                                      "garbage#",
                                      "garbage#x",
                                      "garbage#4294967296",
                                      "clock:9223372036854775808",
                                      "delay:99999999999999999999"};
    reset();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(option(bad[i]) == -EINVAL, "'%s' was taken", bad[i]);
        ck_assert_ptr_nonnull(why);
    }
    char longest[300];
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    ck_assert_int_eq(option(longest), -EINVAL);
    ck_assert_uint_eq(faults.count, 0);
    ck_assert_int_eq(faults.clock_ms, 0);
}
END_TEST

START_TEST(bad_lines)
{
    static const char *const bad[] = {"",
                                      "   ",
                                      "faults",
                                      "fault",
                                      "fault delay",
                                      "fault delay Attestation",
                                      "fault garbage Attestation 1 2",
                                      "fault garbage 1 Attestation",
                                      "fault garbage 0",
                                      "fault error InternalError Attestation 3 4",
                                      "fault error InternalError Attestation 3 4 5 6 7 8",
                                      "clock",
                                      "clock x",
                                      "clock 1 2",
                                      "clear all"};
    reset();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(line(bad[i]) == -EINVAL, "'%s' was taken", bad[i]);
        ck_assert_ptr_nonnull(why);
    }
    ck_assert_uint_eq(faults.count, 0);
    ck_assert_int_eq(faults.clock_ms, 0);
}
END_TEST

START_TEST(too_many)
{
    reset();
    for (size_t i = 0; i < NACRE_SIM_FAULT_MAX; i++)
        ck_assert_int_eq(option("garbage"), 0);
    ck_assert_int_eq(option("garbage"), -ENOSPC);
    ck_assert_int_eq(option("clock:1"), 0);
    ck_assert_int_eq(line("clear"), 0);
    ck_assert_int_eq(option("garbage"), 0);
}
END_TEST

START_TEST(matching_and_counting)
{
    reset();
    ck_assert_int_eq(option("error:InvalidIndex@Attestation#2"), 0);
    ck_assert_int_eq(option("delay:9"), 0);
    meet(NACRE_SIM_GET_RANDOM);
    ck_assert_int_eq(plan.damage, NACRE_SIM_FAULT_NONE);
    ck_assert_int_eq(plan.delay_ms, 9);
    for (int i = 0; i < 2; i++) {
        meet(NACRE_SIM_ATTESTATION);
        ck_assert_int_eq(plan.damage, NACRE_SIM_FAULT_ERROR);
        ck_assert_int_eq(plan.error, NACRE_SIM_INVALID_INDEX);
        ck_assert_int_eq(plan.delay_ms, 9);
    }
    meet(NACRE_SIM_ATTESTATION);
    ck_assert_int_eq(plan.damage, NACRE_SIM_FAULT_NONE);
    ck_assert_uint_eq(faults.count, 1);
    meet(NACRE_SIM_MALFORMED);
    ck_assert_int_eq(plan.delay_ms, 9);
}
END_TEST

START_TEST(the_older_goes_first)
{
    reset();
    ck_assert_int_eq(option("garbage#1"), 0);
    ck_assert_int_eq(option("truncate#1"), 0);
    ck_assert_int_eq(option("hold:3#1"), 0);
    meet(NACRE_SIM_LOCK_PCR);
    ck_assert_int_eq(plan.damage, NACRE_SIM_FAULT_GARBAGE);
    ck_assert_int_eq(plan.hold_ms, 3);
    meet(NACRE_SIM_LOCK_PCR);
    ck_assert_int_eq(plan.damage, NACRE_SIM_FAULT_TRUNCATE);
    ck_assert_int_eq(plan.hold_ms, 0);
    meet(NACRE_SIM_LOCK_PCR);
    ck_assert_int_eq(plan.damage, NACRE_SIM_FAULT_NONE);
}
END_TEST

NACRE_SIM_SUITE("fault", option_forms, line_forms, bad_options, bad_lines, too_many, matching_and_counting,
                the_older_goes_first)
