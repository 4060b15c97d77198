#include "app.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#define ENVELOPE_PART 512u /* bytes of a data key's texts */

/* ---- Keys ---------------------------------------------------------------------------------------------------- */

struct keyring {
    const struct nacre_call *call;
    struct ml_grant *grants;
    uint64_t n_grants;
};

static int open_box(void *ctx, const uint8_t sender[32], const uint8_t nonce[24], const uint8_t *box,
                    size_t len, const uint8_t **plain, size_t *plain_len)
{
    const struct keyring *ring = ctx;
    struct nacre_bytes opened;
    int32_t err = nacre_open_box(ring->call, sender, nonce, (struct nacre_bytes){box, len}, &opened);
    if (err)
        return err;
    *plain = opened.ptr;
    *plain_len = opened.len;
    return 0;
}

static int dataset_key(void *ctx, const uint8_t id[ML_DATASET_ID], uint8_t key[32])
{
    const struct keyring *ring = ctx;
    for (uint64_t i = 0; i < ring->n_grants; i++) {
        if (memcmp(ring->grants[i].id, id, ML_DATASET_ID) == 0) {
            memcpy(key, ring->grants[i].key, 32);
            return 0;
        }
    }
    return -ENOKEY;
}

/* Exactly `want` bytes of base64; want 0: at most `room`. */
static int from_base64(struct nacre_str text, uint8_t *out, size_t room, size_t *len)
{
    const char *end = NULL;
    return text.len <= ENVELOPE_PART &&
           sodium_base642bin(out, room, text.ptr, text.len, NULL, len, &end,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           end == text.ptr + text.len;
}

/* One of data_keys: to this enclave, for this buyer, not too late. */
static int32_t open_grant(const struct nacre_call *call, uint64_t i, const struct Envelope *envelope,
                          const struct buyer *buyer, struct ml_grant *out)
{
    uint8_t box[ENVELOPE_PART], nonce[24], sender[32];
    size_t box_len = 0, nonce_len = 0, sender_len = 0;
    struct nacre_bytes plain;
    uint64_t now = 0;
    int32_t err;
    if (!from_base64(envelope->encrypted, box, sizeof box, &box_len) ||
        !from_base64(envelope->nonce, nonce, sizeof nonce, &nonce_len) || nonce_len != sizeof nonce ||
        !from_base64(envelope->ephemeralPublicKey, sender, sizeof sender, &sender_len) ||
        sender_len != sizeof sender)
        return nacre_fail(call, 400, "data_keys[%llu] is not an envelope of base64 texts",
                          (unsigned long long)i);
    err = nacre_open_box(call, sender, nonce, (struct nacre_bytes){box, box_len}, &plain);
    if (err == 400)
        return nacre_fail(call, 422,
                          "data_keys[%llu] does not open: it is not sealed to this enclave's data key, which "
                          "is another one after each start",
                          (unsigned long long)i);
    if (err)
        return err;
    if (ml_grant_read(out, plain.ptr, plain.len) != 0)
        return nacre_fail(call, 422, "data_keys[%llu] holds %llu bytes that are no grant, expected %u",
                          (unsigned long long)i, (unsigned long long)plain.len, ML_GRANT_LEN);
    if (!sodium_is_zero(out->buyer, sizeof out->buyer) &&
        memcmp(out->buyer, buyer->key, sizeof out->buyer) != 0)
        return nacre_fail(call, 403, "data_keys[%llu] is granted for models to another key than key_id",
                          (unsigned long long)i);
    if (out->not_after_ms && (err = nacre_now_ms(call, &now)))
        return err;
    if (out->not_after_ms && now > out->not_after_ms)
        return nacre_fail(call, 403, "data_keys[%llu] was granted until %llu, it is %llu",
                          (unsigned long long)i, (unsigned long long)out->not_after_ms,
                          (unsigned long long)now);
    return 0;
}

static int32_t open_grants(const struct nacre_call *call, const struct Job *job, const struct buyer *buyer,
                           struct keyring *ring)
{
    const struct nacre_vec *list = job->data_keys;
    int32_t err = 0;
    if (!list || list->count == 0)
        return 0;
    if (list->count > BLOBS_MAX)
        return nacre_fail(call, 400, "%llu data_keys, at most %u", (unsigned long long)list->count,
                          BLOBS_MAX);
    ring->grants = nacre_alloc(call, list->count * sizeof *ring->grants);
    if (!ring->grants)
        return nacre_fail(call, 503, "out of memory");
    for (uint64_t i = 0; i < list->count && !err; i++) {
        err = open_grant(call, i, (const struct Envelope *)list->ptr + i, buyer, &ring->grants[i]);
        ring->n_grants = i + 1;
    }
    return err;
}

/* ---- Blobs --------------------------------------------------------------------------------------------------- */

struct loading {
    const struct nacre_call *call;
    struct inputs *in;
    const struct ml_keys *keys;
    char name[BLOB_ID_MAX + 1];
    struct ml_source *source;
    uint64_t rows_before, bytes_before;
};

static int32_t source_failed(const struct loading *l, int err)
{
    if (err > 0) /* a status of the runtime's, with its text noted */
        return err;
    const int32_t status = err == -E2BIG ? 413 : err == -ENOMEM ? 503 : 422;
    return nacre_fail(l->call, status, "%s", ml_source_why(l->source));
}

static int32_t take(void *ctx, const uint8_t *data, uint64_t len)
{
    struct loading *l = ctx;
    int err = ml_source_feed(l->source, data, (size_t)len);
    return err ? source_failed(l, err) : 0;
}

/* From the beginning: what came of the blob before is forgotten. */
static int32_t restart(void *ctx)
{
    struct loading *l = ctx;
    ml_source_free(l->source);
    l->in->data.rows = l->rows_before;
    l->in->data.bytes_seen = l->bytes_before;
    l->source = ml_source_new(&l->in->data, l->name, l->in->config.label, l->keys);
    return l->source ? 0 : nacre_fail(l->call, 503, "out of memory");
}

static int32_t load_blob(const struct nacre_call *call, const struct settings *settings, struct inputs *in,
                         const struct ml_keys *keys, struct ml_card_blob *blob)
{
    struct loading l = {.call = call,
                        .in = in,
                        .keys = keys,
                        .rows_before = in->data.rows,
                        .bytes_before = in->data.bytes_seen};
    const uint64_t left = in->data.limits.bytes - in->data.bytes_seen;
    (void)snprintf(l.name, sizeof l.name, "%.*s",
                   (int)(blob->id.len > BLOB_ID_MAX ? BLOB_ID_MAX : blob->id.len), blob->id.ptr);
    int32_t err = restart(&l);
    if (!err)
        err = store_get(call, settings, blob->id, left ? left : 1, take, restart, &l);
    if (!err) {
        const int bad = ml_source_end(l.source);
        err = bad ? source_failed(&l, bad) : 0;
    }
    if (!err) {
        ml_source_digest(l.source, blob->sha256);
        blob->rows = in->data.rows - l.rows_before;
    }
    ml_source_free(l.source);
    return err;
}

struct whole {
    uint8_t *bytes;
    uint64_t len;
};

static int32_t keep(void *ctx, const uint8_t *data, uint64_t len)
{
    struct whole *w = ctx;
    memcpy(w->bytes + w->len, data, len); /* the store gives at most CONFIG_MAX */
    w->len += len;
    return 0;
}

static int32_t forget(void *ctx)
{
    ((struct whole *)ctx)->len = 0;
    return 0;
}

static int32_t load_config(const struct nacre_call *call, const struct settings *settings,
                           struct nacre_str id, struct inputs *out)
{
    const struct nacre_type *type = ml_config_type();
    struct whole w = {nacre_alloc(call, CONFIG_MAX), 0};
    void *form = nacre_alloc(call, type->c_size);
    char why[ML_WHY];
    int32_t err;
    if (!w.bytes || !form)
        return nacre_fail(call, 503, "out of memory");
    if ((err = store_get(call, settings, id, CONFIG_MAX, keep, forget, &w)))
        return err;
    out->config_blob.id = id;
    (void)crypto_hash_sha256(out->config_blob.sha256, w.bytes, w.len);
    if ((err = nacre_decode_json(call, (struct nacre_bytes){w.bytes, w.len}, type, form, 422)))
        return err;
    if (ml_config_read(&out->config, form, why) != 0)
        return nacre_fail(call, 422, "%s", why);
    return 0;
}

static int32_t load_blobs(const struct nacre_call *call, const struct settings *settings,
                          const struct Job *job, struct keyring *ring, struct inputs *out)
{
    const struct ml_keys keys = {ring, open_box, dataset_key};
    const struct nacre_str *ids = job->data_blob_ids.ptr;
    char why[ML_WHY];
    int32_t err = 0;
    if (ml_data_init(&out->data, &out->config, &settings->limits, why) != 0)
        return nacre_fail(call, 422, "%s", why);
    out->n_blobs = job->data_blob_ids.count;
    out->blobs = nacre_alloc(call, out->n_blobs * sizeof *out->blobs);
    if (!out->blobs)
        return nacre_fail(call, 503, "out of memory");
    for (uint64_t i = 0; i < out->n_blobs && !err; i++) {
        out->blobs[i].id = ids[i];
        for (uint64_t k = 0; k < i && !err; k++)
            if (ids[k].len == ids[i].len && memcmp(ids[k].ptr, ids[i].ptr, (size_t)ids[i].len) == 0)
                err = nacre_fail(call, 400, "data_blob_ids[%llu] and [%llu] are the same",
                                 (unsigned long long)k, (unsigned long long)i);
        if (!err)
            err = load_blob(call, settings, out, &keys, &out->blobs[i]);
    }
    return err;
}

int32_t inputs_load(const struct nacre_call *call, const struct settings *settings, const struct Job *job,
                    const struct buyer *buyer, struct inputs *out)
{
    struct keyring ring = {call, NULL, 0};
    int32_t err;
    memset(out, 0, sizeof *out);
    if (job->data_blob_ids.count == 0 || job->data_blob_ids.count > BLOBS_MAX)
        return nacre_fail(call, 400, "%llu data_blob_ids, expected 1 to %u",
                          (unsigned long long)job->data_blob_ids.count, BLOBS_MAX);
    err = open_grants(call, job, buyer, &ring);
    if (!err)
        err = load_config(call, settings, job->model_config_blob_id, out);
    if (!err)
        err = load_blobs(call, settings, job, &ring, out);
    if (ring.grants)
        sodium_memzero(ring.grants, ring.n_grants * sizeof *ring.grants);
    return err;
}

void inputs_free(struct inputs *in)
{
    ml_data_free(&in->data);
}
