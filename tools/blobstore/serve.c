#include "serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_PIECE 65536u
static const char blobs_path[] = "/v1/blobs";

/* A PUT on its way in. */
struct upload {
    uint8_t *data;
    size_t len, cap;
    bool too_large, no_memory;
};

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *text)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    enum MHD_Result result = MHD_add_response_header(r, "Content-Type", "application/json");
    if (result == MHD_YES)
        result = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return result;
}

static enum MHD_Result answer_error(struct MHD_Connection *c, unsigned status, const char *why)
{
    char text[256];
    (void)snprintf(text, sizeof text, "{\"error\":{\"status\":\"%s\",\"code\":%u}}", why, status);
    return answer(c, status, text);
}

static enum MHD_Result get(struct store *store, struct MHD_Connection *c, const char *id)
{
    const struct blob *b = blobs_find(&store->blobs, id);
    if (!b)
        return answer_error(c, MHD_HTTP_NOT_FOUND, "no such blob");
    struct MHD_Response *r =
        MHD_create_response_from_buffer(b->len, (void *)(uintptr_t)b->data, MHD_RESPMEM_PERSISTENT);
    if (!r)
        return MHD_NO;
    enum MHD_Result result = MHD_add_response_header(r, "Content-Type", "application/octet-stream");
    if (result == MHD_YES)
        result = MHD_queue_response(c, MHD_HTTP_OK, r);
    MHD_destroy_response(r);
    return result;
}

/* 1 to 53, as many as Walrus sells at once; 0 for anything else. */
static unsigned epochs_of(struct MHD_Connection *c)
{
    const char *text = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "epochs");
    char *end = NULL;
    unsigned long n = text ? strtoul(text, &end, 10) : 1;
    return (!text || (*text >= '0' && *text <= '9' && *end == '\0')) && n >= 1 && n <= 53 ? (unsigned)n : 0;
}

static enum MHD_Result put(struct store *store, struct MHD_Connection *c, const struct upload *up)
{
    const struct blob *b = NULL;
    bool known = false;
    char text[768];
    unsigned epochs = epochs_of(c);
    if (up->too_large)
        return answer_error(c, 413, "the blob is too large");
    if (epochs == 0)
        return answer_error(c, MHD_HTTP_BAD_REQUEST, "epochs must be 1 to 53");
    int err = up->no_memory ? -ENOMEM : blobs_add(&store->blobs, up->data, up->len, &b, &known);
    if (err)
        return answer_error(c, 507, err == -ENOSPC ? "the store is full" : "out of memory");
    if (known)
        (void)snprintf(
            text, sizeof text,
            "{\"alreadyCertified\":{\"blobId\":\"%s\",\"event\":{\"txDigest\":\"local\",\"eventSeq\":\"0\"},"
            "\"endEpoch\":%u}}",
            b->id, 34 + epochs);
    else
        (void)snprintf(
            text, sizeof text,
            "{\"newlyCreated\":{\"blobObject\":{\"id\":\"0x%064x\",\"registeredEpoch\":34,\"blobId\":\"%s\","
            "\"size\":%zu,\"encodingType\":\"RS2\",\"certifiedEpoch\":34,\"storage\":{\"id\":\"0x%064x\","
            "\"startEpoch\":34,\"endEpoch\":%u,\"storageSize\":66034000},\"deletable\":false},"
            "\"resourceOperation\":{\"registerFromScratch\":{\"encodedLength\":66034000,\"epochsAhead\":%u}},"
            "\"cost\":132300}}",
            1u, b->id, b->len, 2u, 34 + epochs, epochs);
    return answer(c, MHD_HTTP_OK, text);
}

static void receive(struct upload *up, const char *data, size_t len, size_t most)
{
    if (len > most - up->len)
        up->too_large = true;
    if (up->too_large || up->no_memory)
        return;
    if (len > up->cap - up->len) {
        size_t cap = up->cap ? up->cap : FIRST_PIECE;
        while (cap - up->len < len)
            cap *= 2;
        uint8_t *more = realloc(up->data, cap);
        if (!more) {
            up->no_memory = true;
            return;
        }
        up->data = more;
        up->cap = cap;
    }
    memcpy(up->data + up->len, data, len);
    up->len += len;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *path, const char *method,
                                  const char *version, const char *data, size_t *len, void **con_cls)
{
    struct store *store = cls;
    struct upload *up = *con_cls;
    (void)version;
    if (!up) {
        *con_cls = calloc(1, sizeof *up);
        return *con_cls ? MHD_YES : MHD_NO;
    }
    if (*len) {
        receive(up, data, *len, store->max_blob);
        *len = 0;
        return MHD_YES;
    }
    bool is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    size_t n = sizeof blobs_path - 1;
    if (strncmp(path, blobs_path, n) == 0 && path[n] == '/' && is_get)
        return get(store, c, path + n + 1);
    if (strcmp(path, blobs_path) == 0 && strcmp(method, "PUT") == 0)
        return put(store, c, up);
    return answer_error(c, MHD_HTTP_NOT_FOUND, "only GET /v1/blobs/ID and PUT /v1/blobs are known");
}

static void on_completed(void *cls, struct MHD_Connection *c, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    struct upload *up = *con_cls;
    (void)cls;
    (void)c;
    (void)code;
    if (up)
        free(up->data);
    free(up);
    *con_cls = NULL;
}

int serve_start(struct store *store, const struct sockaddr_in *address, const char *ca_out,
                const struct certificate *certificate)
{
    int port = -1;
    store->daemon = service_start(&port, address, ca_out, certificate, 0, on_request, on_completed, store);
    return port;
}

void serve_stop(struct store *store)
{
    if (store->daemon)
        MHD_stop_daemon(store->daemon);
    store->daemon = NULL;
    while (store->blobs.first) {
        struct blob *next = store->blobs.first->next;
        free(store->blobs.first);
        store->blobs.first = next;
    }
}
