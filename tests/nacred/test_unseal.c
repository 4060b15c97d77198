#include "nacred/unseal.h"
#include "sealed_blob.h"
#include "sealed_vector.h"
#include "support.h"

#include <errno.h>
#include <stdio.h>

static const struct nacre_keys *keys;
static uint8_t operator_key[32], operator_secret[64], config[48];
static uint8_t blob[NACRE_SEALED_MAX + 1], out[NACRE_SECRETS_BLOB];
static char why[NACRE_SEALED_WHY];
static struct nacre_unseal_terms terms;
static struct blob_parts good;

static void begin(void)
{
    keys = nacre_keys_new();
    ck_assert_ptr_nonnull(keys);
    (void)crypto_sign_keypair(operator_key, operator_secret);
    randombytes_buf(config, sizeof config);
    terms = (struct nacre_unseal_terms){
        .app = "weather", .config = config, .operator_key = operator_key, .keys = keys};
    good = (struct blob_parts){.version = 1,
                               .operator_secret = operator_secret,
                               .operator_key = operator_key,
                               .enclave_key = keys->secrets_public,
                               .config = config,
                               .app = "weather",
                               .content = "{\"API_KEY\":\"k\"}",
                               .content_len = 15};
    memset(out, 0xee, sizeof out);
}

static void end(void)
{
    nacre_keys_free(keys);
}

/* Refused, with these words, and nothing of the content left. */
static void refused(size_t len, const char *a, const char *b)
{
    memset(out, 0xee, sizeof out);
    why[0] = '\0';
    ck_assert_int_eq(nacre_unseal(out, &terms, blob, len, why), -EBADMSG);
    ck_assert_msg(strstr(why, a) && strstr(why, b), "'%s' has not '%s' and '%s'", why, a, b);
    ck_assert_int_eq(sodium_is_zero(out, sizeof out), 1);
}

START_TEST(opens_what_is_for_us)
{
    size_t len = build_blob(blob, &good);
    ck_assert_int_eq(nacre_unseal(out, &terms, blob, len, why), 15);
    ck_assert_mem_eq(out, "{\"API_KEY\":\"k\"}", 15);
}
END_TEST

START_TEST(opens_the_largest_and_the_smallest)
{
    static uint8_t most[NACRE_SECRETS_BLOB];
    randombytes_buf(most, sizeof most);
    struct blob_parts p = good;
    char app[NACRE_SEALED_APP_MAX + 1];
    memset(app, 'a', NACRE_SEALED_APP_MAX);
    app[NACRE_SEALED_APP_MAX] = '\0';
    p.content = most;
    p.content_len = sizeof most;
    p.app = terms.app = app;
    ck_assert_uint_eq(build_blob(blob, &p), NACRE_SEALED_MAX);
    ck_assert_int_eq(nacre_unseal(out, &terms, blob, NACRE_SEALED_MAX, why), sizeof most);
    ck_assert_mem_eq(out, most, sizeof most);
    p.content_len = 1;
    p.app = terms.app = "a";
    ck_assert_uint_eq(build_blob(blob, &p), NACRE_SEALED_MIN);
    ck_assert_int_eq(nacre_unseal(out, &terms, blob, NACRE_SEALED_MIN, why), 1);
}
END_TEST

START_TEST(opens_what_another_implementation_sealed)
{
    static struct nacre_keys fixed;
    uint8_t seed[32];
    size_t len = (sizeof sealed_vector - 1) / 2;
    for (uint8_t i = 0; i < 32; i++) {
        seed[i] = i;
        fixed.secrets_secret[i] = 32 + i;
    }
    (void)crypto_scalarmult_base(fixed.secrets_public, fixed.secrets_secret);
    (void)crypto_sign_seed_keypair(operator_key, operator_secret, seed);
    nacre_sha384(config, "config", 6);
    ck_assert_int_eq(nacre_unhex(blob, len, sealed_vector, sizeof sealed_vector - 1), 0);
    terms.keys = &fixed;
    ck_assert_msg(nacre_unseal(out, &terms, blob, len, why) == 20, "%s", why);
    ck_assert_mem_eq(out, "{\"API_KEY\":\"vector\"}", 20);
}
END_TEST

START_TEST(refuses_every_cut_and_every_tail)
{
    size_t len = build_blob(blob, &good);
    for (size_t cut = 0; cut < len; cut++)
        refused(cut, "", "");
    refused(len - 1, "bytes", "says it has");
    blob[len] = 0;
    refused(len + 1, "bytes", "says it has");
    refused(NACRE_SEALED_MAX + 1, "66049", "a sealed blob has");
}
END_TEST

START_TEST(refuses_every_flipped_bit)
{
    size_t len = build_blob(blob, &good);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused(len, "", "");
        blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    ck_assert_int_eq(nacre_unseal(out, &terms, blob, len, why), 15);
}
END_TEST

START_TEST(names_both_values_that_differ)
{
    uint8_t other_key[32], other_secret[64], other_config[48];
    char hex[97];
    struct blob_parts p = good;
    p.version = 2;
    refused(build_blob(blob, &p), "version 2", "version 1");
    p = good;
    p.size_error = 1;
    refused(build_blob(blob, &p), "blob says it has", "bytes");
    p = good;
    (void)crypto_sign_keypair(other_key, other_secret);
    p.operator_secret = other_secret;
    refused(build_blob(blob, &p), "signature", "does not fit");
    p.operator_key = other_key;
    nacre_hex(hex, other_key, 32);
    refused(build_blob(blob, &p), "signed by operator", hex);
    nacre_hex(hex, operator_key, 32);
    refused(build_blob(blob, &p), "secrets.operator_key is", hex);
    p = good;
    (void)crypto_box_keypair(other_key, other_secret);
    p.enclave_key = other_key;
    nacre_hex(hex, keys->secrets_public, 32);
    refused(build_blob(blob, &p), "sealed to the key", hex);
    p = good;
    randombytes_buf(other_config, sizeof other_config);
    p.config = other_config;
    nacre_hex(hex, other_config, 48);
    refused(build_blob(blob, &p), "this is", hex);
    p = good;
    p.app = "weathe";
    refused(build_blob(blob, &p), "'weathe'", "'weather'");
    p.app = "weather2";
    refused(build_blob(blob, &p), "'weather2'", "'weather'");
}
END_TEST

/* The operator signed it, and yet nobody sealed anything to us. */
START_TEST(refuses_a_box_for_another)
{
    uint8_t other_key[32], other_secret[32];
    size_t len = build_blob(blob, &good), box = NACRE_SEALED_HEAD + 7;
    (void)crypto_box_keypair(other_key, other_secret);
    (void)crypto_box_seal(blob + box, good.content, good.content_len, other_key);
    (void)crypto_sign_detached(blob + len - 64, NULL, blob, len - 64, operator_secret);
    refused(len, "does not open", "signed");
}
END_TEST

START_TEST(needs_an_operator_a_key_and_a_content)
{
    size_t len = build_blob(blob, &good);
    terms.operator_key = NULL;
    refused(len, "secrets.operator_key", "nobody");
    terms.operator_key = operator_key;
    terms.keys = NULL;
    refused(len, "no key yet", "");
    terms.keys = keys;
    good.content_len = 0;
    refused(build_blob(blob, &good), "bytes", "");
    good.content_len = 1;
    good.app = "";
    refused(build_blob(blob, &good), "bytes", "");
}
END_TEST

START_TEST(knows_its_own_from_the_first_byte)
{
    size_t len = build_blob(blob, &good);
    ck_assert(!nacre_sealed_is(blob, 0));
    for (size_t n = 1; n <= len; n++) {
        ck_assert(nacre_sealed_is(blob, n));
        ck_assert_uint_eq(nacre_sealed_size(blob, n), n < 24 ? 0 : len);
    }
    /* nothing that JSON may begin with, a byte order mark included */
    static const char *const json[] = {"{", " ", "\t", "\n", "\r", "[", "\"", "\xef\xbb\xbf{"};
    for (size_t i = 0; i < sizeof json / sizeof json[0]; i++)
        ck_assert(!nacre_sealed_is((const uint8_t *)json[i], strlen(json[i])));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, opens_what_is_for_us);
    tcase_add_test(tc, opens_the_largest_and_the_smallest);
    tcase_add_test(tc, opens_what_another_implementation_sealed);
    tcase_add_test(tc, refuses_every_cut_and_every_tail);
    tcase_add_test(tc, refuses_every_flipped_bit);
    tcase_add_test(tc, names_both_values_that_differ);
    tcase_add_test(tc, refuses_a_box_for_another);
    tcase_add_test(tc, needs_an_operator_a_key_and_a_content);
    tcase_add_test(tc, knows_its_own_from_the_first_byte);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    return nacre_run_suite("nacred/unseal", add, 60);
}
