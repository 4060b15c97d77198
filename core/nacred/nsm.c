#include "nsm.h"

#include "common/cbor_get.h"
#include "common/cbor_put.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

static const char *const names[] = {"DescribePCR", "ExtendPCR", "LockPCRs", "Attestation", "GetRandom"};

static void put_field(struct nacre_writer *w, const char *key, struct nacre_bytes data)
{
    nacre_put_z(w, key);
    if (data.ptr)
        nacre_put_bytes(w, data.ptr, data.len);
    else
        nacre_put_step(w, cbor_encode_null(w->base + w->len, w->cap - w->len));
}

static void put_number(struct nacre_writer *w, const char *key, uint64_t number)
{
    nacre_put_z(w, key);
    nacre_put_uint(w, number);
}

size_t nacre_nsm_encode(uint8_t *out, size_t cap, const struct nacre_nsm_request *request)
{
    struct nacre_writer w = nacre_writer(out, cap);
    if (request->kind != NACRE_NSM_GET_RANDOM) /* the only one without content is a bare text */
        nacre_put_map(&w, 1);
    nacre_put_z(&w, names[request->kind]);
    switch (request->kind) {
    case NACRE_NSM_DESCRIBE_PCR:
        nacre_put_map(&w, 1);
        put_number(&w, "index", request->number);
        break;
    case NACRE_NSM_EXTEND_PCR:
        nacre_put_map(&w, 2);
        put_number(&w, "index", request->number);
        put_field(&w, "data", request->data);
        break;
    case NACRE_NSM_LOCK_PCRS:
        nacre_put_map(&w, 1);
        put_number(&w, "range", request->number);
        break;
    case NACRE_NSM_ATTESTATION:
        nacre_put_map(&w, 3);
        put_field(&w, "user_data", request->user_data);
        put_field(&w, "nonce", request->nonce);
        put_field(&w, "public_key", request->public_key);
        break;
    case NACRE_NSM_GET_RANDOM:
        break;
    }
    return w.failed ? 0 : w.len;
}

/* The module's own error, where its name is a plain word. */
static bool read_error(const cbor_item_t *root, char why[NACRE_NSM_WHY])
{
    const char *text;
    size_t len;
    if (nacre_cbor_count(root) != 1 || !nacre_cbor_text(nacre_cbor_key(root, "Error"), &text, &len) ||
        len == 0 || len > 32)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]))
            return false;
    (void)snprintf(why, NACRE_NSM_WHY, "the NSM answered %.*s", (int)len, text);
    return true;
}

static bool read_pcr(const cbor_item_t *body, struct nacre_nsm_answer *out)
{
    const uint8_t *data;
    size_t len;
    if (!nacre_cbor_bytes(nacre_cbor_key(body, "data"), &data, &len) || len != NACRE_SHA384_LEN)
        return false;
    memcpy(out->pcr, data, len);
    return true;
}

static bool read_described(const cbor_item_t *body, struct nacre_nsm_answer *out)
{
    return nacre_cbor_bool(nacre_cbor_key(body, "lock"), &out->locked) && read_pcr(body, out);
}

static bool read_document(const cbor_item_t *body, struct nacre_nsm_answer *out)
{
    const uint8_t *data;
    size_t len;
    if (!nacre_cbor_bytes(nacre_cbor_key(body, "document"), &data, &len) || len == 0 ||
        len > sizeof out->document)
        return false;
    memcpy(out->document, data, len);
    out->document_len = len;
    return true;
}

static bool read_random(const cbor_item_t *body, struct nacre_nsm_answer *out)
{
    const uint8_t *data;
    size_t len;
    if (!nacre_cbor_bytes(nacre_cbor_key(body, "random"), &data, &len) || len == 0 ||
        len > sizeof out->random)
        return false;
    memcpy(out->random, data, len);
    out->random_len = len;
    return true;
}

static bool read_answer(const cbor_item_t *root, enum nacre_nsm_kind kind, struct nacre_nsm_answer *out)
{
    const char *text;
    size_t len, entries = kind == NACRE_NSM_DESCRIBE_PCR ? 2 : 1;
    if (kind == NACRE_NSM_LOCK_PCRS) /* the only one without content is a bare text */
        return nacre_cbor_text(root, &text, &len) && len == strlen(names[kind]) &&
               memcmp(text, names[kind], len) == 0;
    const cbor_item_t *body = nacre_cbor_count(root) == 1 ? nacre_cbor_key(root, names[kind]) : NULL;
    if (!body || !cbor_isa_map(body) || nacre_cbor_count(body) != entries)
        return false;
    return kind == NACRE_NSM_DESCRIBE_PCR ? read_described(body, out)
           : kind == NACRE_NSM_EXTEND_PCR ? read_pcr(body, out)
           : kind == NACRE_NSM_GET_RANDOM ? read_random(body, out)
                                          : read_document(body, out);
}

int nacre_nsm_decode(const uint8_t *reply, size_t len, enum nacre_nsm_kind kind, struct nacre_nsm_answer *out,
                     char why[NACRE_NSM_WHY])
{
    int err = 0;
    cbor_item_t *root = nacre_cbor_load(reply, len);
    if (!root || !read_answer(root, kind, out)) {
        err = root && read_error(root, why) ? -EREMOTEIO : -EBADMSG;
        if (err == -EBADMSG)
            (void)snprintf(why, NACRE_NSM_WHY, "the NSM's answer is no %s reply", names[kind]);
    }
    if (root)
        cbor_decref(&root);
    return err;
}
