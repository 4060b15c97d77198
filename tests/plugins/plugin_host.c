#include "plugin_host.h"

#include <app/decode.h>
#include <app/encode.h>
#include <check.h>
#include <common/digest.h>
#include <dlfcn.h>
#include <sodium.h>
#include <stdio.h>

static struct host *host_of(const struct nacre_call *call)
{
    return (struct host *)(uintptr_t)call; /* the call is its first member */
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

static int32_t host_now(const struct nacre_call *call, uint64_t *ms)
{
    *ms = host_of(call)->now_ms;
    return host_of(call)->now_status;
}

static int32_t host_secret(const struct nacre_call *call, struct nacre_str name, struct nacre_str *value)
{
    const struct host *h = host_of(call);
    ck_assert(nacre_str_is(name, "API_KEY"));
    if (!h->secret)
        return host_fail(call, 503, nacre_str("secret API_KEY was not delivered"));
    *value = nacre_str(h->secret);
    return 0;
}

static int32_t host_fetch(const struct nacre_call *call, const struct nacre_fetch *request,
                          struct nacre_reply *reply)
{
    struct host *h = host_of(call);
    ck_assert_uint_eq(request->struct_size, sizeof *request);
    ck_assert_uint_eq(reply->struct_size, sizeof *reply);
    (void)snprintf(h->url, sizeof h->url, "%.*s", (int)request->url.len, request->url.ptr);
    h->fetches++;
    if (h->fetch_status)
        return host_fail(call, h->fetch_status, nacre_str("upstream: broken"));
    reply->status = h->reply_status;
    reply->body = nacre_bytes_of(nacre_str(h->reply_body));
    return 0;
}

static int32_t host_decode(const struct nacre_call *call, struct nacre_bytes text,
                           const struct nacre_type *type, void *out, int32_t status)
{
    struct host *h = host_of(call);
    struct nacre_decode d = {.scratch = &h->scratch, .root = "body"};
    memset(out, 0, type->c_size);
    if (nacre_decode_text(&d, type, out, (const char *)text.ptr, text.len) == 0)
        return 0;
    return host_fail(call, status, nacre_str(d.why));
}

static int32_t host_hash(const struct nacre_call *call, uint32_t algorithm, struct nacre_bytes data,
                         uint8_t out[32])
{
    (void)call;
    ck_assert_uint_eq(algorithm, NACRE_HASH_SHA256);
    return crypto_hash_sha256(out, data.ptr, data.len);
}

static int32_t host_set_timestamp(const struct nacre_call *call, uint64_t ms)
{
    host_of(call)->timestamp_ms = ms;
    return 0;
}

/* What these two apps have no use for stays NULL: a call of it would be seen. */
static const struct nacre_host table = {.struct_size = sizeof table,
                                        .abi_major = NACRE_ABI_MAJOR,
                                        .abi_minor = NACRE_ABI_MINOR,
                                        .alloc = host_alloc,
                                        .now_ms = host_now,
                                        .secret = host_secret,
                                        .fetch = host_fetch,
                                        .decode_json = host_decode,
                                        .hash = host_hash,
                                        .fail = host_fail,
                                        .set_timestamp = host_set_timestamp};

const struct nacre_plugin *plugin_load(void)
{
    static const struct nacre_plugin *plugin;
    if (!plugin) {
        void *handle = dlopen(NACRE_PLUGIN_SO, RTLD_NOW | RTLD_LOCAL);
        ck_assert_msg(handle != NULL, "%s", dlerror());
        plugin = dlsym(handle, "nacre_plugin");
        ck_assert_ptr_nonnull(plugin);
    }
    return plugin;
}

void host_init(struct host *h)
{
    *h = (struct host){
        .now_ms = UINT64_C(1744039000000), .secret = "k", .reply_status = 200, .reply_body = ""};
    h->call = (struct nacre_call){sizeof h->call, 0, &table, 1};
    ck_assert_int_eq(nacre_scratch_init(&h->scratch, 1u << 20), 0);
}

void host_free(struct host *h)
{
    nacre_scratch_free(&h->scratch);
}

static const struct nacre_route *find_route(const char *path)
{
    const struct nacre_plugin *p = plugin_load();
    for (uint32_t i = 0; i < p->n_routes; i++) {
        if (nacre_str_is(p->routes[i].path, path))
            return &p->routes[i];
    }
    ck_abort_msg("no route %s", path);
    return NULL;
}

static const struct nacre_type *response_type(const struct nacre_route *route)
{
    const struct nacre_plugin *p = plugin_load();
    for (uint32_t i = 0; i < p->n_intents; i++) {
        if (p->intents[i].scope == route->intent)
            return p->intents[i].response;
    }
    ck_abort_msg("no intent %u", route->intent);
    return NULL;
}

void host_call(struct host *h, const char *path, const char *body)
{
    const struct nacre_route *route = find_route(path);
    const struct nacre_type *type = response_type(route);
    uint8_t buf[512];
    char why[NACRE_PLACE_TEXT];
    h->text[0] = h->bcs[0] = h->url[0] = '\0';
    h->timestamp_ms = 0;
    h->fetches = 0;
    void *request = nacre_scratch_alloc(&h->scratch, route->request->c_size);
    void *response = nacre_scratch_alloc(&h->scratch, type->c_size);
    h->status = host_decode(&h->call, nacre_bytes_of(nacre_str(body)), route->request, request, 400);
    if (!h->status)
        h->status = route->handler(&h->call, request, response);
    if (!h->status) {
        struct nacre_writer w = nacre_writer(buf, sizeof buf);
        ck_assert_int_eq(nacre_encode(&w, type, response, why), 0);
        nacre_hex(h->bcs, buf, w.len);
    }
    nacre_scratch_reset(&h->scratch);
}
