#include "sentinel_host.h"

#include <app/decode.h>
#include <common/frame.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

static struct sentinel_host *host_of(const struct nacre_call *call)
{
    return (struct sentinel_host *)(uintptr_t)call;
}

static void *host_alloc(const struct nacre_call *call, uint64_t size)
{
    return nacre_scratch_alloc(&host_of(call)->scratch, size);
}

static int32_t host_fail(const struct nacre_call *call, int32_t status, struct nacre_str text)
{
    (void)snprintf(host_of(call)->text, sizeof host_of(call)->text, "%.*s", (int)text.len, text.ptr);
    return status;
}

static int32_t host_config(const struct nacre_call *call, struct nacre_str name, struct nacre_str *value)
{
    char text[128];
    for (const struct pair *p = host_of(call)->config; p && p->name; p++) {
        if (nacre_str_is(name, p->name) && p->value) {
            *value = nacre_str(p->value);
            return 0;
        }
    }
    (void)snprintf(text, sizeof text, "configuration has no plugin.%.*s", (int)name.len, name.ptr);
    return host_fail(call, 500, nacre_str(text));
}

static int32_t host_fetch(const struct nacre_call *call, const struct nacre_fetch *request,
                          struct nacre_reply *reply)
{
    struct sentinel_host *h = host_of(call);
    const unsigned n = h->fetches++;
    (void)snprintf(h->url, sizeof h->url, "%.*s", (int)request->url.len, request->url.ptr);
    h->body_len = request->body.len < sizeof h->body - 1 ? (size_t)request->body.len : sizeof h->body - 1;
    memcpy(h->body, request->body.ptr, h->body_len);
    h->body[h->body_len] = '\0';
    if (n < 4 && h->fetch_status[n])
        return host_fail(call, h->fetch_status[n], nacre_str("upstream: broken"));
    h->reply.struct_size = reply->struct_size;
    *reply = h->reply;
    return 0;
}

static int32_t host_decode(const struct nacre_call *call, struct nacre_bytes text,
                           const struct nacre_type *type, void *out, int32_t status)
{
    struct sentinel_host *h = host_of(call);
    struct nacre_decode d = {.scratch = &h->scratch, .root = "JSON"};
    memset(out, 0, type->c_size);
    if (nacre_decode_text(&d, type, out, text.ptr ? (const char *)text.ptr : "", text.len) == 0)
        return 0;
    return host_fail(call, status, nacre_str(d.why));
}

static int32_t host_hash(const struct nacre_call *call, uint32_t algorithm, struct nacre_bytes data,
                         uint8_t out[32])
{
    (void)call;
    if (algorithm != NACRE_HASH_BLAKE2B256)
        abort();
    return crypto_generichash(out, 32, data.ptr, data.len, NULL, 0);
}

static uint64_t host_remaining_ms(const struct nacre_call *call)
{
    const uint64_t now = nacre_monotonic_ns() / 1000000u;
    return host_of(call)->deadline_ms > now ? host_of(call)->deadline_ms - now : 0;
}

static const struct nacre_host table = {.struct_size = sizeof table,
                                        .abi_major = NACRE_ABI_MAJOR,
                                        .abi_minor = NACRE_ABI_MINOR,
                                        .alloc = host_alloc,
                                        .config = host_config,
                                        .fetch = host_fetch,
                                        .decode_json = host_decode,
                                        .hash = host_hash,
                                        .fail = host_fail,
                                        .remaining_ms = host_remaining_ms};

void sentinel_host_init(struct sentinel_host *h, uint64_t remaining_ms)
{
    memset(h, 0, sizeof *h);
    h->call = (struct nacre_call){sizeof h->call, 0, &table, 1};
    h->deadline_ms = nacre_monotonic_ns() / 1000000u + remaining_ms;
    if (nacre_scratch_init(&h->scratch, 8u << 20))
        abort(); /* no Check here: the fuzz target has no runner */
}

void sentinel_host_free(struct sentinel_host *h)
{
    nacre_scratch_free(&h->scratch);
}

void sentinel_host_reply(struct sentinel_host *h, uint32_t status, const char *body)
{
    memset(&h->reply, 0, sizeof h->reply);
    h->reply.status = status;
    h->reply.body = nacre_bytes_of(nacre_str(body));
    h->fetches = 0;
}
