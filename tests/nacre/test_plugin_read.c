#include "plugin_read.h"
#include "suite.h"

#include <common/frame.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_MS 20000

static char why[1024];

static int read_fixture(struct nacre_plugin_facts *facts, const char *name, int limit_ms)
{
    char path[1024];
    (void)snprintf(path, sizeof path, NACRE_FIXTURES "/%s.so", name);
    return nacre_plugin_read(facts, path, limit_ms, why, sizeof why);
}

START_TEST(digest_is_that_of_the_file)
{
    struct nacre_plugin_facts facts;
    ck_assert_msg(read_fixture(&facts, "good", LIMIT_MS) == 0, "%s", why);
    FILE *f = fopen(NACRE_FIXTURES "/good.so", "rb");
    ck_assert_ptr_nonnull(f);
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestInit_ex(sha, EVP_sha384(), NULL), 1);
    uint8_t block[4096], expected[48];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        ck_assert_int_eq(EVP_DigestUpdate(sha, block, n), 1);
    ck_assert_int_eq(EVP_DigestFinal_ex(sha, expected, NULL), 1);
    EVP_MD_CTX_free(sha);
    (void)fclose(f);
    ck_assert_mem_eq(facts.digest, expected, sizeof expected);
    ck_assert_uint_gt(facts.descriptor_len, 0);
    nacre_plugin_facts_free(&facts);
    ck_assert_ptr_null(facts.descriptor);
    nacre_plugin_facts_free(NULL);
}
END_TEST

static const struct {
    const char *name, *words[2];
} refusals[] = {
    {"wrong_magic", {"4e41435245585858", "4e41435245504c47"}},
    {"wrong_major", {"ABI major 7", "has 1"}},
    {"wrong_size", {"40 bytes", "ABI 1.1 has"}},
    {"older_major", {"ABI major 0", "has 1"}},
    {"size_below_prefix", {"8 bytes", "ABI 1.1 has 128"}},
    {"longer_routes", {"1 entries (at most 64) of 88 bytes", "(expected 80)"}},
    {"shorter_type", {"entry has 48 bytes", "ABI 1.1 has 56"}},
    {"too_long", {"struct_size says 4096", "bytes"}},
    {"short_symbol", {"8 bytes", "16"}},
    {"no_symbol", {"nacre_plugin"}},
    {"crash", {"crashed", "signal 6"}},
    {"exits", {"ended the process", "exit code 0"}},
};

START_TEST(wrong_plugins_are_refused_with_both_values)
{
    struct nacre_plugin_facts facts = {.descriptor_len = 4711};
    ck_assert_int_eq(read_fixture(&facts, refusals[_i].name, LIMIT_MS), -EINVAL);
    ck_assert_uint_eq(facts.descriptor_len, 4711);
    ck_assert_ptr_nonnull(strstr(why, refusals[_i].name));
    for (size_t k = 0; k < 2 && refusals[_i].words[k]; k++)
        ck_assert_msg(strstr(why, refusals[_i].words[k]) != NULL, "'%s' is not in '%s'",
                      refusals[_i].words[k], why);
}
END_TEST

START_TEST(a_plugin_that_waits_is_given_up)
{
    struct nacre_plugin_facts facts;
    uint64_t begin = nacre_monotonic_ns();
    ck_assert_int_eq(read_fixture(&facts, "waits", 300), -ETIMEDOUT);
    uint64_t took = (nacre_monotonic_ns() - begin) / 1000000u;
    ck_assert_ptr_nonnull(strstr(why, "300 ms"));
    ck_assert_uint_ge(took, 300);
    ck_assert_uint_lt(took, LIMIT_MS);
}
END_TEST

START_TEST(what_is_no_plugin_is_refused)
{
    struct nacre_plugin_facts facts;
    ck_assert_int_eq(nacre_plugin_read(&facts, NACRE_CONFIG_FILE, LIMIT_MS, why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "cannot be loaded"));
    ck_assert_int_eq(nacre_plugin_read(&facts, "/dev/null", LIMIT_MS, why, sizeof why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "not a regular file"));
    ck_assert_int_eq(nacre_plugin_read(&facts, "/nonexistent.so", LIMIT_MS, why, sizeof why), -ENOENT);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, digest_is_that_of_the_file);
    tcase_add_loop_test(tc, wrong_plugins_are_refused_with_both_values, 0,
                        (int)(sizeof refusals / sizeof refusals[0]));
    tcase_add_test(tc, a_plugin_that_waits_is_given_up);
    tcase_add_test(tc, what_is_no_plugin_is_refused);
}

int main(void)
{
    return nacre_run_suite("plugin_read", add, 60);
}
