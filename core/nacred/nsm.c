#include "nsm.h"

#include "common/cbor_get.h"
#include "common/cbor_put.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

static size_t finish(const struct nacre_writer *w)
{
    return w->failed ? 0 : w->len;
}

/* {name: {key: number, ...}} with `more` entries that the caller adds. */
static struct nacre_writer begin(uint8_t *out, size_t cap, const char *name, const char *key, uint64_t number,
                                 size_t more)
{
    struct nacre_writer w = nacre_writer(out, cap);
    nacre_put_map(&w, 1);
    nacre_put_z(&w, name);
    nacre_put_map(&w, 1 + more);
    nacre_put_z(&w, key);
    nacre_put_uint(&w, number);
    return w;
}

size_t nacre_nsm_put_describe_pcr(uint8_t *out, size_t cap, uint16_t index)
{
    struct nacre_writer w = begin(out, cap, "DescribePCR", "index", index, 0);
    return finish(&w);
}

size_t nacre_nsm_put_extend_pcr(uint8_t *out, size_t cap, uint16_t index, const void *data, size_t len)
{
    struct nacre_writer w = begin(out, cap, "ExtendPCR", "index", index, 1);
    nacre_put_z(&w, "data");
    nacre_put_bytes(&w, data, len);
    return finish(&w);
}

size_t nacre_nsm_put_lock_pcrs(uint8_t *out, size_t cap, uint16_t range)
{
    struct nacre_writer w = begin(out, cap, "LockPCRs", "range", range, 0);
    return finish(&w);
}

static void put_field(struct nacre_writer *w, const char *key, const uint8_t *data, size_t len)
{
    nacre_put_z(w, key);
    if (data)
        nacre_put_bytes(w, data, len);
    else
        nacre_put_step(w, cbor_encode_null(w->base + w->len, w->cap - w->len));
}

size_t nacre_nsm_put_attestation(uint8_t *out, size_t cap, const struct nacre_nsm_attestation *a)
{
    struct nacre_writer w = nacre_writer(out, cap);
    nacre_put_map(&w, 1);
    nacre_put_z(&w, "Attestation");
    nacre_put_map(&w, 3);
    put_field(&w, "user_data", a->user_data, a->user_data_len);
    put_field(&w, "nonce", a->nonce, a->nonce_len);
    put_field(&w, "public_key", a->public_key, a->public_key_len);
    return finish(&w);
}

static int bad(char *why, size_t why_len, const char *name)
{
    (void)snprintf(why, why_len, "the answer is no %s reply", name);
    return -EBADMSG;
}

/* The module's own error, as its name where that is a plain word. */
static int module_error(const cbor_item_t *root, char *why, size_t why_len)
{
    const char *text;
    size_t len;
    if (nacre_cbor_count(root) != 1 || !nacre_cbor_text(nacre_cbor_key(root, "Error"), &text, &len) ||
        len == 0 || len > 32)
        return -EBADMSG;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]))
            return -EBADMSG;
    (void)snprintf(why, why_len, "the NSM answered %.*s", (int)len, text);
    return -EREMOTEIO;
}

/* What stands under the only key, `name`, which must be a map of `count` entries; NULL and *err otherwise. */
static const cbor_item_t *open_reply(const cbor_item_t *root, const char *name, size_t count, int *err,
                                     char *why, size_t why_len)
{
    const cbor_item_t *body = nacre_cbor_count(root) == 1 ? nacre_cbor_key(root, name) : NULL;
    *err = 0;
    if (body && cbor_isa_map(body) && nacre_cbor_count(body) == count)
        return body;
    *err = module_error(root, why, why_len);
    if (*err == -EBADMSG)
        (void)bad(why, why_len, name);
    return NULL;
}

static bool read_value(const cbor_item_t *body, uint8_t out[NACRE_SHA384_LEN])
{
    const uint8_t *data;
    size_t len;
    if (!nacre_cbor_bytes(nacre_cbor_key(body, "data"), &data, &len) || len != NACRE_SHA384_LEN)
        return false;
    memcpy(out, data, len);
    return true;
}

int nacre_nsm_get_describe_pcr(const uint8_t *reply, size_t len, struct nacre_nsm_pcr *out, char *why,
                               size_t why_len)
{
    int err;
    struct nacre_nsm_pcr pcr;
    cbor_item_t *root = nacre_cbor_load(reply, len);
    const cbor_item_t *body = open_reply(root, "DescribePCR", 2, &err, why, why_len);
    const cbor_item_t *lock = body ? nacre_cbor_key(body, "lock") : NULL;
    if (body && lock && cbor_is_bool(lock) && read_value(body, pcr.value)) {
        pcr.locked = cbor_get_bool(lock);
        *out = pcr;
    } else if (body) {
        err = bad(why, why_len, "DescribePCR");
    }
    if (root)
        cbor_decref(&root);
    return err;
}

int nacre_nsm_get_extend_pcr(const uint8_t *reply, size_t len, uint8_t out[NACRE_SHA384_LEN], char *why,
                             size_t why_len)
{
    int err;
    cbor_item_t *root = nacre_cbor_load(reply, len);
    const cbor_item_t *body = open_reply(root, "ExtendPCR", 1, &err, why, why_len);
    if (body && !read_value(body, out))
        err = bad(why, why_len, "ExtendPCR");
    if (root)
        cbor_decref(&root);
    return err;
}

int nacre_nsm_get_lock_pcrs(const uint8_t *reply, size_t len, char *why, size_t why_len)
{
    const char *text;
    size_t text_len;
    int err = 0;
    cbor_item_t *root = nacre_cbor_load(reply, len);
    if (!nacre_cbor_text(root, &text, &text_len) || text_len != 8 || memcmp(text, "LockPCRs", 8) != 0) {
        err = module_error(root, why, why_len);
        if (err == -EBADMSG)
            (void)bad(why, why_len, "LockPCRs");
    }
    if (root)
        cbor_decref(&root);
    return err;
}

int nacre_nsm_get_attestation(const uint8_t *reply, size_t len, uint8_t *out, size_t cap, size_t *out_len,
                              char *why, size_t why_len)
{
    int err;
    const uint8_t *data;
    size_t data_len;
    cbor_item_t *root = nacre_cbor_load(reply, len);
    const cbor_item_t *body = open_reply(root, "Attestation", 1, &err, why, why_len);
    if (body && nacre_cbor_bytes(nacre_cbor_key(body, "document"), &data, &data_len) && data_len > 0 &&
        data_len <= cap) {
        memcpy(out, data, data_len);
        *out_len = data_len;
    } else if (body) {
        err = bad(why, why_len, "Attestation");
    }
    if (root)
        cbor_decref(&root);
    return err;
}
