/*
 * bench-verify - what verifying one attestation document costs, as a ratio to the ECDSA P-384 verifications in it done
 * by OpenSSL alone. Both are timed in turn in one run, so that a noisy machine disturbs both; the ratio is the median.
 *
 * usage: bench-verify DOCUMENT [ROOT]   (raw CBOR; AWS's root if left out; by the document's own clock)
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nacre/verify.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#define BATCH    10u
#define BATCHES  101u
#define FILE_MAX 65536u

struct bare {
    EVP_PKEY_CTX *context;
    uint8_t digest[48];
    uint8_t signature[128];
    size_t signature_size;
};

static uint64_t cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static size_t slurp(const char *name, uint8_t *data)
{
    FILE *file = fopen(name, "rbe");
    size_t size = file ? fread(data, 1, FILE_MAX, file) : 0;
    if (file)
        (void)fclose(file);
    if (size == 0)
        (void)fprintf(stderr, "bench-verify: cannot read %s\n", name);
    return size;
}

/* A key and a signature of the kind that a document holds. */
static int prepare_bare(struct bare *bare)
{
    EVP_PKEY *key = EVP_EC_gen("P-384");
    EVP_PKEY_CTX *sign = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    memset(bare->digest, 0x5a, sizeof bare->digest);
    bare->signature_size = sizeof bare->signature;
    bare->context = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    int good =
        sign && bare->context && EVP_PKEY_sign_init(sign) == 1 &&
        EVP_PKEY_sign(sign, bare->signature, &bare->signature_size, bare->digest, sizeof bare->digest) == 1 &&
        EVP_PKEY_verify_init(bare->context) == 1;
    EVP_PKEY_CTX_free(sign);
    EVP_PKEY_free(key);
    return good;
}

static int time_bare(const struct bare *bare, size_t checks, uint64_t *ns)
{
    uint64_t begin = cpu_ns();
    for (size_t i = 0; i < BATCH * checks; i++) {
        if (EVP_PKEY_verify(bare->context, bare->signature, bare->signature_size, bare->digest,
                            sizeof bare->digest) != 1)
            return 0;
    }
    *ns = cpu_ns() - begin;
    return 1;
}

static int time_document(const nacre_verify_policy *policy, const uint8_t *document, size_t size,
                         uint64_t *ns)
{
    uint64_t begin = cpu_ns();
    for (unsigned i = 0; i < BATCH; i++) {
        nacre_verify_error why = {.text = ""};
        if (nacre_verify_document(document, size, policy, NULL, &why) != NACRE_VERIFY_OK) {
            (void)fprintf(stderr, "bench-verify: %s\n", why.text);
            return 0;
        }
    }
    *ns = cpu_ns() - begin;
    return 1;
}

static int run(const nacre_verify_policy *policy, const uint8_t *document, size_t size, size_t checks)
{
    static double ratio[BATCHES], whole[BATCHES];
    struct bare bare = {0};
    int good = prepare_bare(&bare);
    for (unsigned i = 0; i < BATCHES && good; i++) {
        uint64_t alone = 0, all = 0;
        good = time_bare(&bare, checks, &alone) && time_document(policy, document, size, &all) && alone > 0;
        if (good) {
            ratio[i] = (double)all / (double)alone;
            whole[i] = (double)all / BATCH / 1000;
        }
    }
    EVP_PKEY_CTX_free(bare.context);
    if (!good)
        return 1;
    qsort(ratio, BATCHES, sizeof ratio[0], compare);
    qsort(whole, BATCHES, sizeof whole[0], compare);
    (void)printf(
        "{\"ecdsa_checks\":%zu,\"document_us\":%.1f,\"ratio\":%.3f,\"ratio_p10\":%.3f,\"ratio_p90\":%.3f}\n",
        checks, whole[BATCHES / 2], ratio[BATCHES / 2], ratio[BATCHES / 10], ratio[BATCHES * 9 / 10]);
    return 0;
}

int main(int argc, char **argv)
{
    static uint8_t document[FILE_MAX], root[FILE_MAX];
    nacre_verify_policy *policy = nacre_verify_policy_new();
    nacre_verify_doc *doc = NULL;
    nacre_verify_error why = {.text = ""};
    size_t size = argc == 2 || argc == 3 ? slurp(argv[1], document) : 0;
    size_t root_size = argc == 3 ? slurp(argv[2], root) : 0;
    if (size == 0 || policy == NULL || (argc == 3 && root_size == 0)) {
        (void)fputs("usage: bench-verify DOCUMENT [ROOT]\n", stderr);
        nacre_verify_policy_free(policy);
        return 2;
    }
    nacre_verify_policy_signature_only(policy, 1);
    nacre_verify_policy_allow_debug(policy, 1);
    nacre_verify_policy_at_document(policy);
    int r = argc == 3 ? nacre_verify_policy_root(policy, root, root_size, &why) : NACRE_VERIFY_OK;
    if (r == NACRE_VERIFY_OK)
        r = nacre_verify_doc_parse(document, size, &doc, &why);
    if (r == NACRE_VERIFY_OK) {
        /* One for each certificate but the root, which is compared, and one for the document itself. */
        r = run(policy, document, size, nacre_verify_doc_cabundle_count(doc) + 1);
    } else {
        (void)fprintf(stderr, "bench-verify: %s\n", why.text);
    }
    nacre_verify_doc_free(doc);
    nacre_verify_policy_free(policy);
    return r == 0 ? 0 : 1;
}
