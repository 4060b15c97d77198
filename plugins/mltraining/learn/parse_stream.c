#include "parsers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TAG        crypto_secretstream_xchacha20poly1305_ABYTES
#define CHUNK_MAX  ((size_t)1 << 20)
#define BOUND_HEAD 28u /* magic, id, chunk size: what every chunk is authenticated with */

void ml_stream_begin(struct ml_stream *p, struct ml_rows *rows, const struct ml_keys *keys,
                     int (*feed)(void *ctx, const uint8_t *bytes, size_t len), void *ctx)
{
    *p = (struct ml_stream){.rows = rows, .keys = keys, .feed = feed, .ctx = ctx};
}

static int begin(struct ml_stream *p)
{
    uint8_t key[32];
    int err = -ENOKEY;
    for (int i = 0; i < 4; i++)
        p->chunk |= (size_t)p->head[24 + i] << (8 * i);
    if (memcmp(p->head, "NACREDS1", 8) != 0 || p->chunk == 0 || p->chunk > CHUNK_MAX)
        return ml_rows_refuse(p->rows, -EBADMSG, "encrypted dataset: its head is out of form");
    if (p->keys->dataset_key)
        err = p->keys->dataset_key(p->keys->ctx, p->head + 8, key);
    if (err)
        return ml_rows_refuse(p->rows, err, "encrypted dataset: none of the data_keys is for it");
    err = crypto_secretstream_xchacha20poly1305_init_pull(&p->state, p->head + BOUND_HEAD, key);
    sodium_memzero(key, sizeof key);
    p->sealed = malloc(p->chunk + TAG);
    p->plain = malloc(p->chunk);
    if (err || !p->sealed || !p->plain)
        return ml_rows_refuse(p->rows, -ENOMEM, "out of memory");
    return 0;
}

static int open_chunk(struct ml_stream *p)
{
    unsigned char tag = 0;
    unsigned long long len = 0;
    const int bad = p->sealed_len < TAG ||
                    crypto_secretstream_xchacha20poly1305_pull(&p->state, p->plain, &len, &tag, p->sealed,
                                                               p->sealed_len, p->head, BOUND_HEAD);
    p->sealed_len = 0;
    if (bad)
        return ml_rows_refuse(p->rows, -EBADMSG, "encrypted dataset: a chunk does not open with its key");
    if (tag != crypto_secretstream_xchacha20poly1305_TAG_FINAL && (tag != 0 || len != p->chunk))
        return ml_rows_refuse(p->rows, -EBADMSG, "encrypted dataset: cut short, or a chunk out of form");
    p->ended = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    int err = p->feed(p->ctx, p->plain, (size_t)len);
    sodium_memzero(p->plain, (size_t)len);
    return err;
}

int ml_stream_feed(struct ml_stream *p, const uint8_t *bytes, size_t len)
{
    int err = 0;
    while (len && !err) {
        const bool in_head = p->head_len < sizeof p->head;
        const size_t want = in_head ? sizeof p->head - p->head_len : p->chunk + TAG - p->sealed_len;
        const size_t n = len < want ? len : want;
        if (p->ended)
            return ml_rows_refuse(p->rows, -EBADMSG, "encrypted dataset: bytes after its end");
        memcpy(in_head ? p->head + p->head_len : p->sealed + p->sealed_len, bytes, n);
        bytes += n;
        len -= n;
        if (in_head) {
            p->head_len += n;
            err = n == want ? begin(p) : 0;
        } else {
            p->sealed_len += n;
            err = n == want ? open_chunk(p) : 0;
        }
    }
    return err;
}

int ml_stream_end(struct ml_stream *p)
{
    int err = p->sealed_len ? open_chunk(p) : 0;
    if (!err && !p->ended)
        err = ml_rows_refuse(p->rows, -EBADMSG, "encrypted dataset: cut short");
    return err;
}

void ml_stream_free(struct ml_stream *p)
{
    if (p->plain)
        sodium_memzero(p->plain, p->chunk);
    free(p->plain);
    free(p->sealed);
    sodium_memzero(&p->state, sizeof p->state);
    p->plain = p->sealed = NULL;
}
