/* One policy, many threads: the cache inside it is shared, the verdicts are each document's own. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "cache.h"
#include "support.h"

#define THREADS 4
#define ROUNDS  25

struct job {
    const nacre_verify_policy *policy;
    uint8_t *good;
    size_t good_size;
    uint8_t *bad;
    size_t bad_size;
    unsigned wrong;
};

static void *work(void *context)
{
    struct job *job = context;
    for (unsigned i = 0; i < ROUNDS; i++) {
        job->wrong +=
            nacre_verify_document(job->good, job->good_size, job->policy, NULL, NULL) != NACRE_VERIFY_OK;
        job->wrong +=
            nacre_verify_document(job->bad, job->bad_size, job->policy, NULL, NULL) != NACRE_VERIFY_REFUSED;
    }
    return NULL;
}

START_TEST(shared_policy)
{
    struct case_line line = {.root = "root.pem", .time_ms = UINT64_C(1735689600123)};
    struct job job = {.policy = NULL};
    struct job jobs[THREADS];
    pthread_t thread[THREADS];
    nacre_verify_policy *policy = policy_of(&line);
    job.policy = policy;
    job.good = read_file("good.cbor", &job.good_size);
    job.bad = read_file("leaf-other-signer.cbor", &job.bad_size);
    for (size_t i = 0; i < THREADS; i++) {
        jobs[i] = job;
        ck_assert_int_eq(pthread_create(&thread[i], NULL, work, &jobs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
        ck_assert_uint_eq(jobs[i].wrong, 0);
    }
    nacre_verify_policy_free(policy);
    free(job.good);
    free(job.bad);
}
END_TEST

/* More certificates than there is room for; the first ones go. */
START_TEST(cache_forgets_the_oldest)
{
    struct nacre_vfy_cache *cache = nacre_vfy_cache_new();
    uint8_t key[2] = {0};
    nacre_verify_bytes der = {.data = key, .size = sizeof key};
    ck_assert_ptr_nonnull(cache);
    for (key[0] = 0; key[0] < 100; key[0]++) {
        X509 *cert = X509_new();
        ck_assert_ptr_null(nacre_vfy_cache_find(cache, der));
        nacre_vfy_cache_keep(cache, der, cert);
        nacre_vfy_cache_keep(cache, der, cert);
        X509 *found = nacre_vfy_cache_find(cache, der);
        ck_assert_ptr_eq(found, cert);
        X509_free(found);
        X509_free(cert);
    }
    key[0] = 0;
    ck_assert_ptr_null(nacre_vfy_cache_find(cache, der));
    key[0] = 99;
    der.size = 1;
    ck_assert_ptr_null(nacre_vfy_cache_find(cache, der));
    nacre_vfy_cache_free(cache);
    nacre_vfy_cache_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tcase = tcase_create("threads");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, shared_policy);
    tcase_add_test(tcase, cache_forgets_the_oldest);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
