#include "chain.h"
#include "suite.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <string.h>

#define MODULE "i-1-enc2"
#define NOW    INT64_C(1760000000)

static struct nacre_sim_chain chain;

/* OpenSSL's own path validation of leaf, intermediate and root at a time. */
static int verify(int64_t at)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *between = sk_X509_new_null();
    ck_assert(store != NULL && ctx != NULL && between != NULL);
    ck_assert_int_eq(X509_STORE_add_cert(store, chain.root.cert), 1);
    ck_assert_int_gt(sk_X509_push(between, chain.intermediate.cert), 0);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, chain.leaf.cert, between), 1);
    X509_STORE_CTX_set_time(ctx, 0, (time_t)at);
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
    (void)X509_verify_cert(ctx);
    int error = X509_STORE_CTX_get_error(ctx);
    sk_X509_free(between);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return error;
}

static void start(void)
{
    memset(&chain, 0, sizeof(chain));
    ck_assert_int_eq(nacre_sim_chain_init(&chain, NULL), 0);
}

START_TEST(valid_for_three_hours)
{
    start();
    ck_assert_int_eq(nacre_sim_chain_renew(&chain, MODULE, NOW), 0);
    ck_assert_int_eq(chain.leaf.not_after - chain.leaf.not_before, 3 * 60 * 60);
    ck_assert_int_eq(verify(NOW), X509_V_OK);
    ck_assert_int_eq(verify(chain.leaf.not_after - 1), X509_V_OK);
    ck_assert_int_eq(verify(chain.leaf.not_after + 2), X509_V_ERR_CERT_HAS_EXPIRED);
    ck_assert_int_eq(verify(chain.leaf.not_before - 2), X509_V_ERR_CERT_NOT_YET_VALID);
    nacre_sim_chain_clear(&chain);
}
END_TEST

START_TEST(renewed_by_time)
{
    start();
    ck_assert_int_eq(nacre_sim_chain_renew(&chain, MODULE, NOW), 0);
    X509 *leaf = chain.leaf.cert;
    X509 *intermediate = chain.intermediate.cert;
    int64_t last = chain.leaf.not_after - NACRE_SIM_LEAF_RENEW;
    ck_assert_int_eq(nacre_sim_chain_renew(&chain, MODULE, last), 0);
    ck_assert_ptr_eq(chain.leaf.cert, leaf);
    ck_assert_int_eq(nacre_sim_chain_renew(&chain, MODULE, last + 1), 0);
    ck_assert_int_eq(chain.leaf.not_before, last + 1 - 3);
    ck_assert_ptr_eq(chain.intermediate.cert, intermediate);
    ck_assert_int_eq(verify(last + 1), X509_V_OK);
    nacre_sim_chain_clear(&chain);
}
END_TEST

START_TEST(follows_a_clock_that_jumps)
{
    static const int64_t jumps[] = {
        NOW, NOW - 600, NOW + 40 * 86400, NOW - INT64_C(4) * 365 * 86400, NOW + INT64_C(20) * 365 * 86400,
        NOW};
    start();
    for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        ck_assert_int_eq(nacre_sim_chain_renew(&chain, MODULE, jumps[i]), 0);
        ck_assert_int_eq(verify(jumps[i]), X509_V_OK);
        ck_assert_int_ge(chain.leaf.not_after - jumps[i], NACRE_SIM_LEAF_RENEW);
    }
    nacre_sim_chain_clear(&chain);
}
END_TEST

START_TEST(another_root_does_not_fit)
{
    start();
    ck_assert_int_eq(nacre_sim_chain_renew(&chain, MODULE, NOW), 0);
    nacre_sim_identity_clear(&chain.root);
    ck_assert_int_eq(nacre_sim_chain_init(&chain, NULL), 0);
    ck_assert_int_ne(verify(NOW), X509_V_OK);
    nacre_sim_chain_clear(&chain);
}
END_TEST

/* Verifies the raw signature over "text" with OpenSSL, from r and s. */
static int verify_raw(const uint8_t raw[NACRE_SIM_SIGNATURE_LEN])
{
    const int half = NACRE_SIM_SIGNATURE_LEN / 2;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    ck_assert_int_eq(ECDSA_SIG_set0(pair, BN_bin2bn(raw, half, NULL), BN_bin2bn(raw + half, half, NULL)), 1);
    unsigned char *der = NULL;
    int len = i2d_ECDSA_SIG(pair, &der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestVerifyInit(ctx, NULL, EVP_sha384(), NULL, X509_get0_pubkey(chain.leaf.cert)),
                     1);
    int ok = EVP_DigestVerify(ctx, der, (size_t)len, (const uint8_t *)"text", 4);
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return ok;
}

START_TEST(signature_is_raw_and_right)
{
    start();
    ck_assert_int_eq(nacre_sim_chain_renew(&chain, MODULE, NOW), 0);
    uint8_t raw[NACRE_SIM_SIGNATURE_LEN];
    bool padded = false;
    /* Until an r or s with a leading zero byte came by: one in 128 has one. */
    for (int i = 0; i < 4000 && !padded; i++) {
        ck_assert_int_eq(nacre_sim_identity_sign(&chain.leaf, (const uint8_t *)"text", 4, raw), 0);
        padded = raw[0] == 0 || raw[NACRE_SIM_SIGNATURE_LEN / 2] == 0;
        if (i == 0 || padded)
            ck_assert_int_eq(verify_raw(raw), 1);
    }
    ck_assert(padded);
    raw[NACRE_SIM_SIGNATURE_LEN - 1] ^= 1;
    ck_assert_int_ne(verify_raw(raw), 1);
    nacre_sim_chain_clear(&chain);
}
END_TEST

START_TEST(empty_things_can_be_cleared)
{
    nacre_sim_chain_clear(NULL);
    nacre_sim_identity_clear(NULL);
    memset(&chain, 0, sizeof(chain));
    nacre_sim_chain_clear(&chain);
    char long_name[100];
    memset(long_name, 'x', sizeof(long_name));
    long_name[sizeof(long_name) - 1] = '\0';
    start();
    ck_assert_int_eq(nacre_sim_chain_renew(&chain, long_name, NOW), -EINVAL);
    nacre_sim_chain_clear(&chain);
}
END_TEST

NACRE_SIM_SUITE("chain", valid_for_three_hours, renewed_by_time, follows_a_clock_that_jumps,
                another_root_does_not_fit, signature_is_raw_and_right, empty_things_can_be_cleared)
