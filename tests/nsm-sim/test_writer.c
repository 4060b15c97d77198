#include "suite.h"
#include "writer.h"

#include <string.h>

static void put_everything(struct nacre_sim_writer *writer)
{
    nacre_sim_put_tag(writer, 18);
    nacre_sim_put_array(writer, 5);
    nacre_sim_put_map_open(writer);
    nacre_sim_put_text(writer, "a");
    nacre_sim_put_uint(writer, 0x1122334455667788);
    nacre_sim_put_break(writer);
    nacre_sim_put_map(writer, 1);
    nacre_sim_put_uint(writer, 1);
    nacre_sim_put_negint(writer, 34);
    nacre_sim_put_bytes(writer, "\x01\x02", 2);
    nacre_sim_put_bool(writer, true);
    nacre_sim_put_null(writer);
}

/* By hand from RFC 8949, section 3. */
static const uint8_t everything[] = {0xd2, 0x85, 0xbf, 0x61, 'a',  0x1b, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66,
                                     0x77, 0x88, 0xff, 0xa1, 0x01, 0x38, 0x22, 0x42, 0x01, 0x02, 0xf5, 0xf6};

START_TEST(bytes_are_as_specified)
{
    uint8_t buf[64];
    struct nacre_sim_writer writer = {.data = buf, .cap = sizeof(buf)};
    put_everything(&writer);
    ck_assert(!writer.full);
    ck_assert_uint_eq(writer.len, sizeof(everything));
    ck_assert_mem_eq(buf, everything, sizeof(everything));
}
END_TEST

START_TEST(no_capacity_is_overrun)
{
    for (size_t cap = 0; cap <= sizeof(everything); cap++) {
        uint8_t buf[sizeof(everything) + 1];
        memset(buf, 0xee, sizeof(buf));
        struct nacre_sim_writer writer = {.data = buf, .cap = cap};
        put_everything(&writer);
        ck_assert_int_eq(writer.full, cap < sizeof(everything));
        ck_assert_uint_le(writer.len, cap);
        ck_assert_uint_eq(buf[cap], 0xee);
        ck_assert_mem_eq(buf, everything, writer.len);
    }
}
END_TEST

NACRE_SIM_SUITE("writer", bytes_are_as_specified, no_capacity_is_overrun)
