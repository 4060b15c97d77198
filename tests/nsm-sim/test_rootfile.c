#include "chain.h"
#include "rootfile.h"
#include "scratch.h"
#include "suite.h"

#include <errno.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>

static struct scratch scratch;
static struct nacre_sim_identity root;
static struct nacre_sim_identity other;

static void start(void)
{
    memset(&root, 0, sizeof(root));
    memset(&other, 0, sizeof(other));
    scratch_open(&scratch);
    ck_assert_int_eq(
        nacre_sim_identity_issue(&root, NULL, NACRE_SIM_ROOT, NACRE_SIM_ROOT_CN, 1577836800, 2524607999), 0);
}

static void stop(void)
{
    nacre_sim_identity_clear(&root);
    nacre_sim_identity_clear(&other);
    scratch_close(&scratch);
}

static void check_mode(mode_t mode)
{
    struct stat st;
    ck_assert_int_eq(stat(scratch.path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777U, mode);
}

static void put(const char *text)
{
    FILE *file = fopen(scratch.path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(published_certificate)
{
    start();
    put("something older");
    ck_assert_int_eq(nacre_sim_rootfile_publish(scratch.path, &root), 0);
    check_mode(0644);
    FILE *file = fopen(scratch.path, "r");
    ck_assert_ptr_nonnull(file);
    X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(cert);
    ck_assert_int_eq(X509_cmp(cert, root.cert), 0);
    X509_free(cert);
    (void)fclose(file);
    ck_assert_int_eq(nacre_sim_rootfile_publish("/nonexistent/dir/root.pem", &root), -ENOENT);
    stop();
}
END_TEST

START_TEST(kept_root_comes_back)
{
    start();
    ck_assert_int_eq(nacre_sim_rootfile_load(scratch.path, &other), -ENOENT);
    ck_assert_int_eq(nacre_sim_rootfile_create(scratch.path, &root), 0);
    check_mode(0600);
    ck_assert_int_eq(nacre_sim_rootfile_create(scratch.path, &root), -EEXIST);
    ck_assert_int_eq(nacre_sim_rootfile_load(scratch.path, &other), 0);
    ck_assert_int_eq(X509_cmp(other.cert, root.cert), 0);
    ck_assert_int_eq(EVP_PKEY_eq(other.key, root.key), 1);
    ck_assert_int_eq(other.not_before, root.not_before);
    ck_assert_int_eq(other.not_after, root.not_after);
    stop();
}
END_TEST

START_TEST(chain_shares_the_file)
{
    start();
    struct nacre_sim_chain one = {0};
    struct nacre_sim_chain two = {0};
    ck_assert_int_eq(nacre_sim_chain_init(&one, scratch.path), 0);
    ck_assert_int_eq(nacre_sim_chain_init(&two, scratch.path), 0);
    ck_assert_int_eq(X509_cmp(one.root.cert, two.root.cert), 0);
    nacre_sim_chain_clear(&one);
    nacre_sim_chain_clear(&two);
    stop();
}
END_TEST

START_TEST(bad_files)
{
    start();
    static char big[9000];
    memset(big, 'x', sizeof(big) - 1);
    const char *const texts[] = {"", "no PEM", big,
                                 "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put(texts[i]);
        ck_assert_int_eq(nacre_sim_rootfile_load(scratch.path, &other), -EINVAL);
    }
    /* A certificate without its key. */
    ck_assert_int_eq(nacre_sim_rootfile_publish(scratch.path, &root), 0);
    ck_assert_int_eq(nacre_sim_rootfile_load(scratch.path, &other), -EINVAL);
    ck_assert_ptr_null(other.cert);
    ck_assert_int_eq(nacre_sim_rootfile_load(scratch.dir, &other), -EISDIR);
    stop();
}
END_TEST

START_TEST(not_a_root)
{
    start();
    struct nacre_sim_identity leaf = {0};
    ck_assert_int_eq(nacre_sim_identity_issue(&leaf, &root, NACRE_SIM_LEAF, "leaf", 1577836800, 2524607999),
                     0);
    ck_assert_int_eq(nacre_sim_rootfile_create(scratch.path, &leaf), 0);
    ck_assert_int_eq(nacre_sim_rootfile_load(scratch.path, &other), -EINVAL);
    ck_assert_int_eq(unlink(scratch.path), 0);

    /* A key that is not the certificate's. */
    struct nacre_sim_identity mixed = {.key = leaf.key, .cert = root.cert};
    ck_assert_int_eq(nacre_sim_rootfile_create(scratch.path, &mixed), 0);
    ck_assert_int_eq(nacre_sim_rootfile_load(scratch.path, &other), -EINVAL);
    nacre_sim_identity_clear(&leaf);
    stop();
}
END_TEST

NACRE_SIM_SUITE("rootfile", published_certificate, kept_root_comes_back, chain_shares_the_file, bad_files,
                not_a_root)
