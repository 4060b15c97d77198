/* The pinned root is the one AWS publishes. */
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/sha.h>

#include "nacre/verify.h"
#include "support.h"

START_TEST(fingerprint)
{
    static const uint8_t published[SHA256_DIGEST_LENGTH] = {
        0x64, 0x1a, 0x03, 0x21, 0xa3, 0xe2, 0x44, 0xef, 0xe4, 0x56, 0x46, 0x31, 0x95, 0xd6, 0x06, 0x31,
        0x7e, 0xd7, 0xcd, 0xcc, 0x3c, 0x17, 0x56, 0xe0, 0x98, 0x93, 0xf3, 0xc6, 0x8f, 0x79, 0xbb, 0x5b};
    uint8_t digest[SHA256_DIGEST_LENGTH];
    nacre_verify_bytes root = nacre_verify_aws_root();
    (void)SHA256(root.data, root.size, digest);
    ck_assert_mem_eq(digest, published, sizeof digest);
}
END_TEST

START_TEST(version)
{
    ck_assert_str_eq(nacre_verify_version(), NACRE_VERSION);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("root");
    TCase *tcase = tcase_create("root");
    tcase_add_test(tcase, fingerprint);
    tcase_add_test(tcase, version);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
