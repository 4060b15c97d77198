/* cipher.c - what the stub's ciphertexts are: no more than a form of its own. AWS's cannot be opened by it, and back. */
#include "stub.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC_LEN 16u
#define HEAD      (MAGIC_LEN + crypto_secretbox_NONCEBYTES)

static const uint8_t magic[MAGIC_LEN] = {'n', 'a', 'c', 'r', 'e', '-', 'k', 'm',
                                         's', '-', 's', 't', 'u', 'b', ' ', '1'};

char *stub_read(const char *path, size_t *len)
{
    FILE *f = path ? fopen(path, "re") : NULL;
    char *text = f ? malloc(STUB_BODY + 1) : NULL;
    size_t n = text ? fread(text, 1, STUB_BODY, f) : 0;
    bool whole = f && !ferror(f) && feof(f);
    if (f)
        (void)fclose(f);
    if (!text || !whole) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    if (len)
        *len = n;
    return text;
}

static bool make_key(uint8_t key[32], const char *path)
{
    char hex[65];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    randombytes_buf(key, 32);
    (void)sodium_bin2hex(hex, sizeof hex, key, 32);
    hex[64] = '\n';
    bool good = write(fd, hex, 65) == 65;
    return close(fd) == 0 && good;
}

/* The id is a digest of the key: who has the file knows both. */
static void name_key(struct stub *s)
{
    uint8_t d[32];
    char h[33];
    (void)crypto_generichash(d, sizeof d, s->key, sizeof s->key, magic, MAGIC_LEN);
    (void)sodium_bin2hex(h, sizeof h, d, 16);
    (void)snprintf(s->key_id, sizeof s->key_id, "%.8s-%.4s-%.4s-%.4s-%.12s", h, h + 8, h + 12, h + 16,
                   h + 20);
    (void)snprintf(s->key_arn, sizeof s->key_arn, "arn:aws:kms:%s:" STUB_ACCOUNT ":key/%s", s->region,
                   s->key_id);
}

bool stub_load_key(struct stub *s, const char *path)
{
    size_t len = 0;
    char *text = access(path, F_OK) == 0 ? stub_read(path, &len) : NULL;
    bool good = text ? len >= 64 && sodium_hex2bin(s->key, 32, text, 64, NULL, NULL, NULL) == 0
                     : errno == ENOENT && make_key(s->key, path);
    free(text);
    if (good)
        name_key(s);
    return good;
}

uint8_t *stub_encrypt(const struct stub *s, const uint8_t *plain, size_t len, size_t *out_len)
{
    *out_len = HEAD + crypto_secretbox_MACBYTES + len;
    uint8_t *out = malloc(*out_len);
    if (!out)
        return NULL;
    memcpy(out, magic, MAGIC_LEN);
    randombytes_buf(out + MAGIC_LEN, crypto_secretbox_NONCEBYTES);
    (void)crypto_secretbox_easy(out + HEAD, plain, len, out + MAGIC_LEN, s->key);
    return out;
}

uint8_t *stub_decrypt(const struct stub *s, const uint8_t *blob, size_t len, size_t *out_len)
{
    if (len < HEAD + crypto_secretbox_MACBYTES || memcmp(blob, magic, MAGIC_LEN) != 0)
        return NULL;
    *out_len = len - HEAD - crypto_secretbox_MACBYTES;
    uint8_t *out = malloc(*out_len + 1);
    if (out && crypto_secretbox_open_easy(out, blob + HEAD, len - HEAD, blob + MAGIC_LEN, s->key) == 0)
        return out;
    free(out);
    return NULL;
}
