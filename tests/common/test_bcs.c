#include "common/bcs.h"
#include "common/digest.h"
#include "suite.h"

#include <errno.h>

/* 0 bool, 1 u8, 2 u16, 3 u32, 4 u64, 5 u128, 6 u256, 7 string, 8 bytes, 9 address, 10 vector<u16>, 11
 * option<string>, 12 struct Inner{u8,string}, 13 vector<Inner>, 14 struct All of everything, 15
 * Weather{string,u64}, 16 two bytes */
static struct nacre_field_decl fields[] = {
    {"a", 1, 0},
    {"b", 7, 0}, /* Inner */
    {"f0", 0, 0},
    {"f1", 1, 0},
    {"f2", 2, 0},
    {"f3", 3, 0},
    {"f4", 4, 0},
    {"f5", 5, 0},
    {"f6", 6, 0},
    {"f7", 7, 0},
    {"f8", 8, 0},
    {"f9", 9, 0},
    {"f10", 10, 0},
    {"f11", 11, 0},
    {"f12", 12, 0},
    {"f13", 13, 0}, /* All */
    {"location", 7, 0},
    {"temperature", 4, 0}, /* Weather */
    {"twitter_name", 8, 0},
    {"sui_address", 8, 0},
};
static struct nacre_type_decl decls[] = {
    {.kind = NACRE_KIND_BOOL},
    {.kind = NACRE_KIND_U8},
    {.kind = NACRE_KIND_U16},
    {.kind = NACRE_KIND_U32},
    {.kind = NACRE_KIND_U64},
    {.kind = NACRE_KIND_U128},
    {.kind = NACRE_KIND_U256},
    {.kind = NACRE_KIND_STRING},
    {.kind = NACRE_KIND_BYTES},
    {.kind = NACRE_KIND_ADDRESS},
    {.kind = NACRE_KIND_VECTOR, .elem = 2},
    {.kind = NACRE_KIND_OPTION, .elem = 7},
    {.kind = NACRE_KIND_STRUCT, .first_field = 0, .n_fields = 2, .name = "Inner"},
    {.kind = NACRE_KIND_VECTOR, .elem = 12},
    {.kind = NACRE_KIND_STRUCT, .first_field = 2, .n_fields = 14, .name = "All"},
    {.kind = NACRE_KIND_STRUCT, .first_field = 16, .n_fields = 2, .name = "Weather"},
    {.kind = NACRE_KIND_STRUCT, .first_field = 18, .n_fields = 2, .name = "Twitter"},
};
static struct nacre_types types = {decls, sizeof decls / sizeof decls[0], fields,
                                   sizeof fields / sizeof fields[0]};

static int check_hex(uint32_t root, const char *hex)
{
    uint8_t data[512];
    size_t len = strlen(hex) / 2;
    ck_assert_int_eq(nacre_unhex(data, len, hex, strlen(hex)), 0);
    return nacre_bcs_check(&types, root, data, len, NULL);
}

static size_t all_value(uint8_t *out, size_t cap)
{
    struct nacre_writer w = nacre_writer(out, cap);
    nacre_write_u8(&w, 1);
    nacre_write_u8(&w, 0xff);
    nacre_write_le(&w, 0x1234, 2);
    nacre_write_le(&w, 0x12345678, 4);
    nacre_write_le(&w, UINT64_MAX, 8);
    nacre_write_bytes(&w, "0123456789abcdef", 16);
    nacre_write_bytes(&w, "0123456789abcdef0123456789abcdef", 32);
    nacre_bcs_write_len(&w, 7);
    nacre_write_bytes(&w, "gr\xc3\xbc\xc3\x9f\x65", 7);
    nacre_bcs_write_len(&w, 3);
    nacre_write_bytes(&w, "\xff\x00\x80", 3);
    nacre_write_bytes(&w, "0123456789abcdef0123456789abcdef", 32);
    nacre_bcs_write_len(&w, 2);
    nacre_write_le(&w, 1, 2);
    nacre_write_le(&w, 2, 2);
    nacre_bcs_write_len(&w, 1);
    nacre_bcs_write_len(&w, 2);
    nacre_write_bytes(&w, "hi", 2);
    nacre_write_u8(&w, 5);
    nacre_bcs_write_len(&w, 0);
    nacre_bcs_write_len(&w, 1);
    nacre_write_u8(&w, 6);
    nacre_bcs_write_len(&w, 1);
    nacre_write_u8(&w, 'x');
    ck_assert(!w.failed);
    return w.len;
}

/* The vectors of the wire format, without the nine bytes of intent and time. */
START_TEST(known_values)
{
    ck_assert_int_eq(check_hex(15, "0d53616e204672616e636973636f0d00000000000000"), 0);
    ck_assert_int_eq(
        check_hex(
            16,
            "0c6d797374656e696e7465726e20101ce8865558e08408b83f60ee9e78843d03d547c850cbe12cb599e17833dd3e"),
        0);
    ck_assert_int_eq(check_hex(15, "0d53616e204672616e636973636f0d0000000000000000"), -EBADMSG);
    ck_assert_int_eq(check_hex(17, "00"), -EBADMSG); /* no such type */
}
END_TEST

START_TEST(every_type_and_every_truncation)
{
    uint8_t data[512], *exact;
    size_t len = all_value(data, sizeof data), offset = 0;
    ck_assert_int_eq(nacre_bcs_check(&types, 14, data, len, &offset), 0);
    ck_assert_uint_eq(offset, len);
    for (size_t cut = 0; cut < len; cut++) {
        exact = malloc(cut ? cut : 1); /* so that AddressSanitizer sees a read past the end */
        memcpy(exact, data, cut);
        ck_assert_int_eq(nacre_bcs_check(&types, 14, exact, cut, NULL), -EBADMSG);
        free(exact);
    }
    data[len] = 0;
    ck_assert_int_eq(nacre_bcs_check(&types, 14, data, len + 1, NULL), -EBADMSG);
}
END_TEST

START_TEST(out_of_form)
{
    ck_assert_int_eq(check_hex(0, "00"), 0);
    ck_assert_int_eq(check_hex(0, "02"), -EBADMSG);           /* bool is 0 or 1 */
    ck_assert_int_eq(check_hex(8, "8000"), -EBADMSG);         /* length 0 in two bytes */
    ck_assert_int_eq(check_hex(8, "818000"), -EBADMSG);       /* length 1 in three */
    ck_assert_int_eq(check_hex(8, "ffffffff0f"), -EBADMSG);   /* 2^32-1: past 2^31-1 */
    ck_assert_int_eq(check_hex(8, "ffffffff1f"), -EBADMSG);   /* past u32 */
    ck_assert_int_eq(check_hex(8, "ffffffffff01"), -EBADMSG); /* six bytes */
    ck_assert_int_eq(check_hex(10, "ffffffff07"), -EBADMSG);  /* 2^31-1 elements that are not there */
    ck_assert_int_eq(check_hex(11, "00"), 0);
    ck_assert_int_eq(check_hex(11, "0100"), 0);
    ck_assert_int_eq(check_hex(11, "020000"), -EBADMSG); /* an option holds one at most */
    ck_assert_int_eq(check_hex(7, "02c3bc"), 0);
    ck_assert_int_eq(check_hex(7, "01c3"), -EBADMSG);
    ck_assert_int_eq(check_hex(7, "02c080"), -EBADMSG);     /* overlong NUL */
    ck_assert_int_eq(check_hex(7, "03eda080"), -EBADMSG);   /* surrogate */
    ck_assert_int_eq(check_hex(7, "04f4908080"), -EBADMSG); /* U+110000 */
}
END_TEST

START_TEST(lengths_round_trip)
{
    static const uint32_t values[] = {0,       1,       127,       128,       16383,     16384,
                                      2097151, 2097152, 268435455, 268435456, 0x7fffffff};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint8_t buf[8];
        struct nacre_writer w = nacre_writer(buf, sizeof buf);
        nacre_bcs_write_len(&w, values[i]);
        struct nacre_reader r = nacre_reader(buf, w.len);
        ck_assert_uint_eq(nacre_bcs_read_len(&r), values[i]);
        ck_assert(!r.failed && r.at == r.end);
    }
    uint8_t buf[8];
    struct nacre_writer w = nacre_writer(buf, sizeof buf);
    nacre_bcs_write_len(&w, 0x80000000u);
    ck_assert(w.failed);
}
END_TEST

/* Against the definition: encode every code point by hand and see which are accepted. */
START_TEST(utf8_every_code_point)
{
    for (uint32_t c = 0; c <= 0x110005; c++) {
        uint8_t b[4];
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        if (n == 1)
            b[0] = (uint8_t)c;
        else
            b[0] = (uint8_t)((0xf00u >> n & 0xff) | c >> 6 * (n - 1));
        for (size_t i = 1; i < n; i++)
            b[i] = (uint8_t)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
        bool valid = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
        ck_assert_msg(nacre_utf8_valid(b, n) == valid, "U+%X", c);
        ck_assert(n == 1 || !nacre_utf8_valid(b, n - 1));
    }
    ck_assert(nacre_utf8_valid((const uint8_t *)"12345678\xc3\xbc"
                                                "1234567",
                               17));
    ck_assert(!nacre_utf8_valid((const uint8_t *)"12345678\xff", 9));
}
END_TEST

static void add(TCase *tc)
{
    char why[256];
    if (nacre_types_check(&types, why, sizeof why) != 0)
        abort();
    tcase_add_test(tc, known_values);
    tcase_add_test(tc, every_type_and_every_truncation);
    tcase_add_test(tc, out_of_form);
    tcase_add_test(tc, lengths_round_trip);
    tcase_add_test(tc, utf8_every_code_point);
}

int main(void)
{
    return nacre_run_suite("bcs", add, 60);
}
