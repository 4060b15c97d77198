/* Images and their parts with random damage: the readers say yes or no and touch nothing that is not theirs. */
#include "make_image.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <time.h>
#include <zlib.h>

#ifdef NACRE_SANITIZED
#define ROUNDS 3000u
#else
#define ROUNDS 12000u
#endif

static uint64_t seed;
static char why[512];

static uint32_t dice(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % below;
}

/* A copy in an allocation of its very size, damaged, cut or lengthened. */
static uint8_t *mutate(const struct nacre_blob *good, size_t *len)
{
    static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xff, 0x9b, 0xbb, 0x1f, 0x8b, '0', 'F', '"', '{', '}'};
    *len = dice(4) ? good->len : dice((uint32_t)good->len + 1);
    uint8_t *copy = malloc(*len ? *len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, good->data, *len);
    for (uint32_t n = *len ? dice(8) : 0; n > 0; n--) {
        size_t at = dice(2) ? dice((uint32_t)*len) : dice((uint32_t)(*len < 600 ? *len : 600));
        copy[at] = dice(2) ? odd[dice(sizeof odd)] : (uint8_t)dice(256);
    }
    return copy;
}

static void make_signature(struct nacre_blob *out)
{
    struct nacre_eif_signer signer = {.key = EVP_EC_gen("P-384"), .cert = X509_new()};
    uint8_t pcr0[NACRE_SHA384_LEN] = {1};
    char *pem = NULL;
    ck_assert(signer.key && signer.cert && X509_set_pubkey(signer.cert, signer.key) == 1);
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(signer.cert), 0));
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(signer.cert), 3600));
    ck_assert_int_gt(X509_sign(signer.cert, signer.key, EVP_sha384()), 0);
    BIO *bio = BIO_new(BIO_s_mem());
    ck_assert_int_eq(PEM_write_bio_X509(bio, signer.cert), 1);
    signer.pem_len = (size_t)BIO_get_mem_data(bio, &pem);
    signer.pem = malloc(signer.pem_len);
    ck_assert_ptr_nonnull(signer.pem);
    memcpy(signer.pem, pem, signer.pem_len);
    BIO_free(bio);
    ck_assert_msg(nacre_eif_sign(out, &signer, pcr0, why, sizeof why) == 0, "%s", why);
    nacre_eif_signer_free(&signer);
}

static void begin(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    seed = (uint64_t)now.tv_nsec << 20 ^ (uint64_t)now.tv_sec ^ 0x9e3779b97f4a7c15u;
    (void)fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
}

START_TEST(images)
{
    struct nacre_blob app = {0}, image = {0};
    make_app(&app);
    make_image(&image, &app, NULL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct nacre_eif eif;
        struct nacre_eif_pcrs pcrs;
        size_t len;
        uint8_t *bad = mutate(&image, &len);
        if (nacre_eif_read(&eif, bad, len, why, sizeof why) == 0) {
            uint64_t end = eif.sections[eif.count - 1].offset + eif.sections[eif.count - 1].size;
            ck_assert_uint_eq(end, len);
            ck_assert_int_eq(nacre_eif_measure(&pcrs, &eif), 0);
        }
        free(bad);
    }
    nacre_blob_free(&app);
    nacre_blob_free(&image);
}
END_TEST

/* Damage inside of the archive, with gzip's checksums made to fit. */
START_TEST(ramdisks)
{
    struct nacre_blob app = {0}, archive = {0};
    make_app(&app);
    ck_assert_int_eq(nacre_gunzip(&archive, app.data, app.len, why, sizeof why), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct nacre_cpio cpio = {0};
        struct nacre_blob packed = {0};
        size_t len;
        uint8_t *bad = mutate(dice(4) ? &archive : &app, &len);
        bool inner = len < 2 || bad[0] != 0x1f;
        if (inner)
            ck_assert_int_eq(nacre_gzip_stored(&packed, bad, len), 0);
        if (nacre_app_ramdisk_audit(&cpio, inner ? packed.data : bad, inner ? packed.len : len, why,
                                    sizeof why) == 0)
            for (size_t e = 1; e < cpio.n; e++)
                ck_assert_int_eq(strncmp(cpio.entries[e].name, "app/", 4), 0);
        nacre_cpio_free(&cpio);
        nacre_blob_free(&packed);
        free(bad);
    }
    nacre_blob_free(&app);
    nacre_blob_free(&archive);
}
END_TEST

/* What is accepted is what the writer writes for it: no archive has a second form, and no byte is left over. */
START_TEST(archives)
{
    struct nacre_blob app = {0}, archive = {0};
    unsigned accepted = 0;
    make_app(&app);
    ck_assert_int_eq(nacre_gunzip(&archive, app.data, app.len, why, sizeof why), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct nacre_cpio cpio = {0};
        struct nacre_blob again = {0};
        size_t len;
        uint8_t *bad = mutate(&archive, &len);
        if (nacre_cpio_read(&cpio, bad, len, why, sizeof why) == 0) {
            ck_assert_int_eq(nacre_cpio_write(&again, &cpio), 0);
            ck_assert_uint_eq(again.len, len);
            ck_assert_mem_eq(again.data, bad, len);
            accepted++;
        }
        nacre_cpio_free(&cpio);
        nacre_blob_free(&again);
        free(bad);
    }
    ck_assert_uint_gt(accepted, 0);
    nacre_blob_free(&app);
    nacre_blob_free(&archive);
}
END_TEST

START_TEST(signatures)
{
    struct nacre_blob section = {0};
    uint8_t pcr0[NACRE_SHA384_LEN] = {1};
    unsigned good = 0;
    make_signature(&section);
    for (unsigned i = 0; i < ROUNDS / 4; i++) {
        struct nacre_eif_signature signature = {0};
        size_t len;
        uint8_t *bad = mutate(&section, &len);
        bool same = len == section.len && memcmp(bad, section.data, len) == 0;
        if (nacre_eif_signature_read(&signature, bad, len, pcr0, why, sizeof why) == 0) {
            good += same && signature.good;
            X509_free(signature.cert);
        }
        free(bad);
    }
    ck_assert_uint_gt(good, 0);
    nacre_blob_free(&section);
}
END_TEST

START_TEST(metadata)
{
    struct nacre_blob text = {0};
    nacre_blob_text(&text, METADATA);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct nacre_eif_meta meta;
        struct nacre_json_out out = {0};
        size_t len;
        uint8_t *bad = mutate(&text, &len);
        if (nacre_eif_meta_read(&meta, (const char *)bad, len, why, sizeof why) == 0) {
            ck_assert(meta.custom.text >= (const char *)bad);
            ck_assert(meta.custom.text + meta.custom.len <= (const char *)bad + len);
            nacre_eif_json_indent(&out, meta.custom, 1);
            ck_assert(!out.failed && out.len > 0);
        }
        free(out.base);
        free(bad);
    }
    nacre_blob_free(&text);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, NULL);
    tcase_add_test(tc, images);
    tcase_add_test(tc, ramdisks);
    tcase_add_test(tc, archives);
    tcase_add_test(tc, signatures);
    tcase_add_test(tc, metadata);
}

int main(void)
{
    return nacre_run_suite("eif_mutants", add, 100);
}
