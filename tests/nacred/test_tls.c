/* The two blobs of TLS that nacred keeps, and the one digest that it attests. */
#include "common/sealed.h"
#include "nacred/tls.h"
#include "suite.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static const uint8_t first[NACRE_TLS_KEY] = "the first key, made by nacre-htt",
                     other[NACRE_TLS_KEY] = "another key, which nobody signed",
                     operators[NACRE_TLS_KEY] = "the key that the operator sealed";
static uint8_t blob[NACRE_TLS_BLOB + 1];

START_TEST(one_key_of_our_own)
{
    struct nacre_tls t = {0};
    const uint8_t *kept;
    size_t len;
    ck_assert_ptr_null(nacre_tls_attested(&t));
    ck_assert(!nacre_tls_current(&t, &kept, &len));
    ck_assert_int_eq(nacre_tls_keep(&t, first, blob, 0), -EMSGSIZE);
    ck_assert_int_eq(nacre_tls_keep(&t, first, blob, sizeof blob), -EMSGSIZE);
    ck_assert_ptr_null(nacre_tls_attested(&t));
    memset(blob, 7, sizeof blob);
    ck_assert_int_eq(nacre_tls_keep(&t, first, blob, NACRE_TLS_BLOB), 0);
    ck_assert_int_eq(nacre_tls_keep(&t, other, blob, 1), -EEXIST);
    ck_assert_int_eq(nacre_tls_keep(&t, first, blob, 1), -EEXIST);
    memset(blob, 8, sizeof blob); /* it has a copy */
    ck_assert(nacre_tls_current(&t, &kept, &len));
    ck_assert_uint_eq(len, NACRE_TLS_BLOB);
    ck_assert_uint_eq(kept[0], 7);
    ck_assert_uint_eq(kept[len - 1], 7);
    ck_assert_mem_eq(nacre_tls_attested(&t), first, sizeof first);
    /* without an operator's nothing can be claimed */
    ck_assert(!nacre_tls_accepted(&t, other));
    ck_assert(!nacre_tls_accepted(&t, first));
    ck_assert_mem_eq(nacre_tls_attested(&t), first, sizeof first);
    nacre_tls_close(&t);
    ck_assert_ptr_null(nacre_tls_attested(&t));
}
END_TEST

START_TEST(the_operators_when_it_is_in_use)
{
    struct nacre_tls t = {0};
    const uint8_t *kept;
    size_t len;
    ck_assert_int_eq(nacre_tls_keep(&t, first, (const uint8_t *)"own", 3), 0);
    ck_assert_int_eq(nacre_tls_offer(&t, operators, (const uint8_t *)"operator's", 10), 0);
    ck_assert_int_eq(nacre_tls_offer(&t, other, (const uint8_t *)"another", 7), -EEXIST);
    ck_assert_mem_eq(nacre_tls_attested(&t), first, sizeof first);
    ck_assert(!nacre_tls_accepted(&t, other));
    ck_assert(!nacre_tls_accepted(&t, first));
    ck_assert(nacre_tls_accepted(&t, operators));
    ck_assert(!nacre_tls_accepted(&t, operators)); /* said twice is news once */
    ck_assert_mem_eq(nacre_tls_attested(&t), operators, sizeof operators);
    ck_assert_int_eq(t.form, NACRE_TLS_OPERATOR);
    ck_assert(nacre_tls_current(&t, &kept, &len));
    ck_assert_uint_eq(len, 10);
    ck_assert_mem_eq(kept, "operator's", 10);
    nacre_tls_close(&t);
}
END_TEST

/* A nacre-http that kept its own to itself does not come with it after all. */
START_TEST(none_of_our_own_after_the_operators)
{
    struct nacre_tls t = {0};
    ck_assert_int_eq(nacre_tls_offer(&t, operators, (const uint8_t *)"operator's", 10), 0);
    ck_assert(nacre_tls_accepted(&t, operators));
    ck_assert_int_eq(nacre_tls_keep(&t, other, (const uint8_t *)"own", 3), -EEXIST);
    ck_assert_mem_eq(nacre_tls_attested(&t), operators, sizeof operators);
    nacre_tls_close(&t);
}
END_TEST

START_TEST(what_is_in_a_box)
{
    struct nacre_sealed_content c;
    uint8_t box[NACRE_SEALED_TLS_HEAD + 3 + 2] = {NACRE_SEALED_TLS, 3, 0, 0, 0};
    const size_t len = sizeof box;
    memcpy(box + 5, operators, sizeof operators);
    static const uint8_t rest[] = {'P', 'E', 'M', '{', '}'};
    memcpy(box + NACRE_SEALED_TLS_HEAD, rest, sizeof rest);
    ck_assert_int_eq(nacre_sealed_open(&c, box, len), 0);
    ck_assert_ptr_eq(c.tls_key, box + 5);
    ck_assert_uint_eq(c.tls_len, 3);
    ck_assert_mem_eq(c.tls, "PEM", 3);
    ck_assert_uint_eq(c.json_len, 2);
    ck_assert_mem_eq(c.json, "{}", 2);
    ck_assert_int_eq(nacre_sealed_open(&c, (const uint8_t *)"{}", 2), 0);
    ck_assert_ptr_null(c.tls);
    ck_assert_uint_eq(c.json_len, 2);
    for (size_t n = 0; n < len - 1; n++) /* cut short; at len - 1 one byte of the secrets is left */
        ck_assert_int_eq(nacre_sealed_open(&c, box, n), -EBADMSG);
    static const uint32_t lies[] = {0, 5, 6, NACRE_TLS_BLOB, NACRE_TLS_BLOB + 1, 0x01000000, 0xffffffff};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        for (size_t k = 0; k < 4; k++)
            box[1 + k] = (uint8_t)(lies[i] >> 8 * k);
        ck_assert_int_eq(nacre_sealed_open(&c, box, len), -EBADMSG);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, one_key_of_our_own);
    tcase_add_test(tc, the_operators_when_it_is_in_use);
    tcase_add_test(tc, none_of_our_own_after_the_operators);
    tcase_add_test(tc, what_is_in_a_box);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    return nacre_run_suite("nacred/tls", add, 20);
}
