#include "rootfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT_FILE_MAX 8192 /* bytes; a key and a certificate take about 1100 */

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* A file appears whole or not at all: written beside its path, then renamed over it or linked to it. */
static int write_file(const char *path, mode_t mode, bool replace, BIO *content)
{
    char temp[PATH_MAX];
    int n = snprintf(temp, sizeof(temp), "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof(temp))
        return -ENAMETOOLONG;
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    char *data = NULL;
    long len = BIO_get_mem_data(content, &data);
    int rc = write_all(fd, data, (size_t)len);
    if (rc == 0 && fchmod(fd, mode) < 0)
        rc = -errno;
    if (close(fd) < 0 && rc == 0)
        rc = -errno;
    if (rc == 0 && (replace ? rename(temp, path) : link(temp, path)) < 0)
        rc = -errno;
    if (rc < 0 || !replace)
        (void)unlink(temp);
    return rc;
}

int nacre_sim_rootfile_publish(const char *path, const struct nacre_sim_identity *root)
{
    BIO *content = BIO_new(BIO_s_mem());
    int rc = -ENOMEM;
    if (content != NULL && PEM_write_bio_X509(content, root->cert) == 1)
        rc = write_file(path, 0644, true, content);
    BIO_free(content);
    return rc;
}

int nacre_sim_rootfile_create(const char *path, const struct nacre_sim_identity *root)
{
    BIO *content = BIO_new(BIO_s_secmem());
    int rc = -ENOMEM;
    if (content != NULL && PEM_write_bio_PrivateKey(content, root->key, NULL, NULL, 0, NULL, NULL) == 1 &&
        PEM_write_bio_X509(content, root->cert) == 1)
        rc = write_file(path, 0600, false, content);
    BIO_free(content);
    return rc;
}

/* Without this OpenSSL would ask the terminal for the passphrase of an encrypted key. */
static int no_passphrase(char *buf, int size, int writing, void *context)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static bool is_p384(EVP_PKEY *key)
{
    char group[32];
    size_t len = 0;
    return EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
           (strcmp(group, "P-384") == 0 || strcmp(group, SN_secp384r1) == 0);
}

/* Seconds since 1970, or -1. */
static int64_t seconds(const ASN1_TIME *when)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0;
    int secs = 0;
    int ok = epoch != NULL && ASN1_TIME_diff(&days, &secs, epoch, when) == 1;
    ASN1_TIME_free(epoch);
    return ok ? (int64_t)days * 86400 + secs : -1;
}

static int parse(BIO *content, struct nacre_sim_identity *out)
{
    struct nacre_sim_identity read = {0};
    read.key = PEM_read_bio_PrivateKey(content, NULL, no_passphrase, NULL);
    read.cert = PEM_read_bio_X509(content, NULL, no_passphrase, NULL);
    if (read.key == NULL || read.cert == NULL || !is_p384(read.key) ||
        X509_check_private_key(read.cert, read.key) != 1 || X509_check_ca(read.cert) != 1 ||
        X509_verify(read.cert, read.key) != 1) {
        nacre_sim_identity_clear(&read);
        return -EINVAL;
    }
    read.not_before = seconds(X509_get0_notBefore(read.cert));
    read.not_after = seconds(X509_get0_notAfter(read.cert));
    nacre_sim_identity_clear(out);
    *out = read;
    return 0;
}

int nacre_sim_rootfile_load(const char *path, struct nacre_sim_identity *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    char text[ROOT_FILE_MAX];
    ssize_t len = read(fd, text, sizeof(text));
    int rc = len < 0 ? -errno : 0;
    (void)close(fd);
    if (rc == 0 && (len == 0 || len == (ssize_t)sizeof(text)))
        rc = -EINVAL;
    if (rc == 0) {
        BIO *content = BIO_new_mem_buf(text, (int)len);
        rc = content != NULL ? parse(content, out) : -ENOMEM;
        BIO_free(content);
    }
    OPENSSL_cleanse(text, sizeof(text));
    return rc;
}
