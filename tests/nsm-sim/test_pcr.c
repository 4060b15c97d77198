#include "pcr.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

#define MODULE "i-026ae32a18c80f866-enc01780356441553dc"

/* SHA384 of "nacre-nsm-sim development PCR0", by sha384sum. */
#define PCR0_HEX                                                                                             \
    "ffe9dbc3013bb75ae13cab601a32bee898af235dc9ba335e"                                                       \
    "2ef6fa2f82b41adab507d71c43b869297e7826f7f4f3ac30"
/* PCR4 of a real document, whose module id MODULE is. */
#define PCR4_HEX                                                                                             \
    "6e32db11ec7af5927b05c4d9059edfae96f45f50f8b54f59"                                                       \
    "f19f0a093db9085049b01a9759cacbc5922db5aaba0be067"
/* By sha384sum: of 48 zero bytes and "abc", and of that digest alone. */
#define ABC_HEX                                                                                              \
    "b1c16eb7634112b7c9d5ebd27e62a2d4528bbfcfd68b62d3"                                                       \
    "afd9ecf98e0f413a84314acce78317fb69fd895155343e09"
#define ABC_EMPTY_HEX                                                                                        \
    "917afee04fee376dd7bd919468817bde18c38a268113c772"                                                       \
    "b22524195118fb1638577df52676c721d768e2e525a83957"

static struct nacre_sim_pcrs bank;

static void check_hex(unsigned index, const char *hex)
{
    struct nacre_sim_pcrs expected = {0};
    ck_assert_int_eq(nacre_sim_pcrs_set_boot(&expected, 0, hex), 0);
    ck_assert_mem_eq(bank.bank[index].value, expected.bank[0].value, NACRE_SIM_PCR_LEN);
}

START_TEST(boot_state)
{
    static const uint8_t zero[NACRE_SIM_PCR_LEN];
    ck_assert_int_eq(nacre_sim_pcrs_init(&bank, MODULE, false), 0);
    for (unsigned i = 0; i < NACRE_SIM_PCR_COUNT; i++) {
        bool measured = i < 3 || i == 4;
        ck_assert_int_eq(bank.bank[i].locked, i < 16);
        ck_assert_int_eq(memcmp(bank.bank[i].value, zero, sizeof(zero)) != 0, measured);
    }
    ck_assert_uint_eq(nacre_sim_pcrs_locked(&bank), 16);
    check_hex(0, PCR0_HEX);
    check_hex(4, PCR4_HEX);
}
END_TEST

START_TEST(debug_mode_is_zero)
{
    static const uint8_t zero[NACRE_SIM_PCR_LEN];
    ck_assert_int_eq(nacre_sim_pcrs_init(&bank, MODULE, true), 0);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_mem_eq(bank.bank[i].value, zero, sizeof(zero));
    check_hex(4, PCR4_HEX);
}
END_TEST

START_TEST(extend)
{
    ck_assert_int_eq(nacre_sim_pcrs_init(&bank, MODULE, false), 0);
    ck_assert_int_eq(nacre_sim_pcrs_extend(&bank, 16, (const uint8_t *)"abc", 3), NACRE_SIM_OK);
    check_hex(16, ABC_HEX);
    ck_assert_int_eq(nacre_sim_pcrs_extend(&bank, 16, NULL, 0), NACRE_SIM_OK);
    check_hex(16, ABC_EMPTY_HEX);
    ck_assert_int_eq(nacre_sim_pcrs_extend(&bank, 31, (const uint8_t *)"abc", 3), NACRE_SIM_OK);
    check_hex(31, ABC_HEX);
}
END_TEST

START_TEST(extend_refuses)
{
    ck_assert_int_eq(nacre_sim_pcrs_init(&bank, MODULE, false), 0);
    struct nacre_sim_pcrs before = bank;
    ck_assert_int_eq(nacre_sim_pcrs_extend(&bank, 0, (const uint8_t *)"x", 1), NACRE_SIM_READ_ONLY_INDEX);
    ck_assert_int_eq(nacre_sim_pcrs_extend(&bank, 15, (const uint8_t *)"x", 1), NACRE_SIM_READ_ONLY_INDEX);
    ck_assert_int_eq(nacre_sim_pcrs_extend(&bank, 32, (const uint8_t *)"x", 1), NACRE_SIM_INVALID_INDEX);
    ck_assert_int_eq(nacre_sim_pcrs_extend(&bank, 65535, (const uint8_t *)"x", 1), NACRE_SIM_INVALID_INDEX);
    ck_assert_mem_eq(&bank, &before, sizeof(bank));
}
END_TEST

START_TEST(lock_one)
{
    ck_assert_int_eq(nacre_sim_pcrs_init(&bank, MODULE, false), 0);
    ck_assert_int_eq(nacre_sim_pcrs_lock(&bank, 20), NACRE_SIM_OK);
    ck_assert(bank.bank[20].locked);
    ck_assert(!bank.bank[19].locked && !bank.bank[21].locked);
    ck_assert_int_eq(nacre_sim_pcrs_lock(&bank, 20), NACRE_SIM_READ_ONLY_INDEX);
    ck_assert_int_eq(nacre_sim_pcrs_lock(&bank, 3), NACRE_SIM_READ_ONLY_INDEX);
    ck_assert_int_eq(nacre_sim_pcrs_lock(&bank, 32), NACRE_SIM_INVALID_INDEX);
    ck_assert_int_eq(nacre_sim_pcrs_extend(&bank, 20, (const uint8_t *)"x", 1), NACRE_SIM_READ_ONLY_INDEX);
    ck_assert_uint_eq(nacre_sim_pcrs_locked(&bank), 17);
}
END_TEST

START_TEST(lock_range)
{
    ck_assert_int_eq(nacre_sim_pcrs_init(&bank, MODULE, false), 0);
    ck_assert_int_eq(nacre_sim_pcrs_lock_range(&bank, 33), NACRE_SIM_INVALID_INDEX);
    ck_assert_uint_eq(nacre_sim_pcrs_locked(&bank), 16);
    ck_assert_int_eq(nacre_sim_pcrs_lock_range(&bank, 0), NACRE_SIM_OK);
    ck_assert_int_eq(nacre_sim_pcrs_lock_range(&bank, 18), NACRE_SIM_OK);
    ck_assert(bank.bank[17].locked && !bank.bank[18].locked);
    ck_assert_int_eq(nacre_sim_pcrs_lock_range(&bank, 32), NACRE_SIM_OK);
    ck_assert_uint_eq(nacre_sim_pcrs_locked(&bank), 32);
    ck_assert_int_eq(nacre_sim_pcrs_lock_range(&bank, 32), NACRE_SIM_OK);
}
END_TEST

START_TEST(boot_values_from_hex)
{
    char hex[2 * NACRE_SIM_PCR_LEN + 2];
    memset(hex, 'A', sizeof(hex));
    hex[2 * NACRE_SIM_PCR_LEN] = '\0';
    ck_assert_int_eq(nacre_sim_pcrs_init(&bank, MODULE, false), 0);
    ck_assert_int_eq(nacre_sim_pcrs_set_boot(&bank, 8, hex), 0);
    ck_assert_uint_eq(bank.bank[8].value[47], 0xaa);
    struct nacre_sim_pcrs before = bank;
    ck_assert_int_eq(nacre_sim_pcrs_set_boot(&bank, 16, hex), -EINVAL);
    hex[50] = 'g';
    ck_assert_int_eq(nacre_sim_pcrs_set_boot(&bank, 8, hex), -EINVAL);
    hex[50] = 'a';
    hex[95] = '\0';
    ck_assert_int_eq(nacre_sim_pcrs_set_boot(&bank, 8, hex), -EINVAL);
    memset(hex, 'b', 97);
    hex[97] = '\0';
    ck_assert_int_eq(nacre_sim_pcrs_set_boot(&bank, 8, hex), -EINVAL);
    ck_assert_int_eq(nacre_sim_pcrs_set_boot(&bank, 8, ""), -EINVAL);
    ck_assert_mem_eq(&bank, &before, sizeof(bank));
}
END_TEST

NACRE_SIM_SUITE("pcr", boot_state, debug_mode_is_zero, extend, extend_refuses, lock_one, lock_range,
                boot_values_from_hex)
