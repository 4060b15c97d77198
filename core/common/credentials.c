#include "credentials.h"

#include "bytes.h"

#include <errno.h>
#include <stdio.h>

#define MAGIC_LEN 16u
#define SIZE_AT   20u
#define VERSION   1u

/* As a sealed blob begins, but for the first byte, which begins no JSON either. */
static const uint8_t magic[MAGIC_LEN] = {0x8a, 'n', 'a', 'c', 'r', 'e',  ' ',  'l',
                                         'e',  'n', 'd', 'e', 'r', 0x0d, 0x0a, 0x1a};

bool nacre_credentials_is(const uint8_t *data, size_t len)
{
    size_t n = len < MAGIC_LEN ? len : MAGIC_LEN;
    return n > 0 && memcmp(data, magic, n) == 0;
}

size_t nacre_credentials_size(const uint8_t *data, size_t len)
{
    if (len < SIZE_AT + 4 || !nacre_credentials_is(data, len))
        return 0;
    struct nacre_reader r = nacre_reader(data + SIZE_AT, 4);
    return (size_t)nacre_read_le(&r, 4);
}

/* They go into header fields. */
static bool visible(const char *text, size_t len)
{
    for (size_t i = 0; text && i < len; i++)
        if (text[i] < 0x21 || text[i] > 0x7e)
            return false;
    return text != NULL;
}

int nacre_credentials_parse(struct nacre_credentials *out, const uint8_t *data, size_t len,
                            char why[NACRE_CREDENTIALS_WHY])
{
    struct nacre_reader r = nacre_reader(data, len);
    const uint8_t *begin = nacre_read_bytes(&r, MAGIC_LEN);
    uint64_t version = nacre_read_le(&r, 4), size = nacre_read_le(&r, 4);
    if (!begin || memcmp(begin, magic, MAGIC_LEN) != 0 || version != VERSION || size != len ||
        len > NACRE_CREDENTIALS_MAX) {
        (void)snprintf(
            why, NACRE_CREDENTIALS_WHY,
            "credentials of version %llu that say they have %llu bytes, in %zu: expected %u, at most %u",
            (unsigned long long)version, (unsigned long long)size, len, VERSION, NACRE_CREDENTIALS_MAX);
        return -EBADMSG;
    }
    struct nacre_credentials c = {.expires_ms = nacre_read_le(&r, 8)};
    c.id_len = (size_t)nacre_read_le(&r, 1);
    c.secret_len = (size_t)nacre_read_le(&r, 1);
    c.token_len = (size_t)nacre_read_le(&r, 2);
    c.id = (const char *)nacre_read_bytes(&r, c.id_len);
    c.secret = (const char *)nacre_read_bytes(&r, c.secret_len);
    c.token = (const char *)nacre_read_bytes(&r, c.token_len);
    if (!r.failed && nacre_reader_left(&r) == 0 && c.id_len > 0 && c.secret_len > 0 &&
        visible(c.id, c.id_len) && visible(c.secret, c.secret_len) && visible(c.token, c.token_len)) {
        *out = c;
        return 0;
    }
    (void)snprintf(why, NACRE_CREDENTIALS_WHY,
                   "credentials with texts of %zu, %zu and %zu bytes in %zu: they do not fill it, or one is "
                   "not visible ASCII",
                   c.id_len, c.secret_len, c.token_len, len);
    return -EBADMSG;
}

int nacre_credentials_write(uint8_t *out, size_t cap, const struct nacre_credentials *c)
{
    struct nacre_writer w = nacre_writer(out, cap < NACRE_CREDENTIALS_MAX ? cap : NACRE_CREDENTIALS_MAX);
    size_t size = NACRE_CREDENTIALS_HEAD + c->id_len + c->secret_len + c->token_len;
    if (c->id_len == 0 || c->id_len > 255 || c->secret_len == 0 || c->secret_len > 255 ||
        c->token_len > 65535 || !visible(c->id, c->id_len) || !visible(c->secret, c->secret_len) ||
        (c->token_len && !visible(c->token, c->token_len)))
        return -EINVAL;
    nacre_write_bytes(&w, magic, MAGIC_LEN);
    nacre_write_le(&w, VERSION, 4);
    nacre_write_le(&w, size, 4);
    nacre_write_le(&w, c->expires_ms, 8);
    nacre_write_le(&w, c->id_len, 1);
    nacre_write_le(&w, c->secret_len, 1);
    nacre_write_le(&w, c->token_len, 2);
    nacre_write_bytes(&w, c->id, c->id_len);
    nacre_write_bytes(&w, c->secret, c->secret_len);
    nacre_write_bytes(&w, c->token, c->token_len);
    return w.failed ? -EINVAL : (int)w.len;
}
