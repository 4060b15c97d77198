#include "keyfile.h"

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX (2 * NACRE_KEYFILE_MAX + 128)

int nacre_keyfile_create(const char *path, const char *word, const uint8_t *key, size_t len, char *why,
                         size_t why_len)
{
    char hex[2 * NACRE_KEYFILE_MAX + 1], text[TEXT_MAX];
    (void)sodium_bin2hex(hex, sizeof hex, key, len);
    int n = snprintf(text, sizeof text, "%s %s\n", word, hex);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int err = fd < 0 ? errno : 0;
    errno = 0;
    if (!err && (n < 0 || write(fd, text, (size_t)n) != (ssize_t)n || fsync(fd) < 0))
        err = errno ? errno : EIO;
    sodium_memzero(hex, sizeof hex);
    sodium_memzero(text, sizeof text);
    if (fd >= 0 && close(fd) < 0 && !err)
        err = errno;
    if (err && fd >= 0)
        (void)unlink(path);
    return err ? nacre_file_error(path, "cannot make a key file", err, why, why_len) : 0;
}

static int parse(uint8_t *key, size_t len, const char *text, size_t text_len, const char *word)
{
    size_t head = strlen(word), got = 0;
    const char *end = NULL;
    if (text_len <= head + 1 || memcmp(text, word, head) != 0 || text[head] != ' ')
        return -EINVAL;
    if (text[text_len - 1] == '\n')
        text_len--;
    /* libsodium's reader takes the same time whatever the digits are */
    if (sodium_hex2bin(key, len, text + head + 1, text_len - head - 1, NULL, &got, &end) != 0)
        return -EINVAL;
    return got == len && end == text + text_len ? 0 : -EINVAL;
}

int nacre_keyfile_load(uint8_t *key, size_t len, const char *path, const char *word, char *why,
                       size_t why_len)
{
    struct stat st;
    uint8_t *data = NULL;
    size_t size = 0;
    if (stat(path, &st) < 0)
        return nacre_file_error(path, "cannot read the key", errno, why, why_len);
    if (st.st_mode & (S_IRWXG | S_IRWXO)) {
        (void)snprintf(why, why_len, "%s: mode %03o lets others at the key, expected 600", path,
                       (unsigned)(st.st_mode & 0777u));
        return -EPERM;
    }
    int rc = nacre_file_read(&data, &size, path, TEXT_MAX, why, why_len);
    if (rc < 0)
        return rc;
    rc = parse(key, len, (const char *)data, size, word);
    if (rc)
        (void)snprintf(why, why_len, "%s: %zu bytes that are not '%s' and %zu hex digits", path, size, word,
                       2 * len);
    sodium_memzero(data, size);
    free(data);
    return rc;
}
