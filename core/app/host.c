/* host.c - the services that a plugin reaches through call->host. Each is described in nacre/plugin.h. */
#include "about.h"
#include "call.h"
#include "decode.h"
#include "worker.h"

#include <common/log.h>

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define LOG_TEXT_MAX   1024u
#define PROGRESS_NS    1000000000u /* between two lines of the log */
#define TOLD_NS        250000000u  /* between two messages to nacre-http */
#define BOX_TIMEOUT_MS 5000u

/* The plugin was given a pointer to the first member, and gives it back. */
static struct nacre_app_call *call_of(const struct nacre_call *visible)
{
    union {
        const struct nacre_call *visible;
        struct nacre_app_call *call;
    } u = {visible};
    return u.call;
}

static void *host_alloc(const struct nacre_call *visible, uint64_t size)
{
    return nacre_scratch_alloc(call_of(visible)->scratch, size);
}

static void host_log(const struct nacre_call *visible, uint32_t level, struct nacre_str text)
{
    const enum nacre_log_level levels[] = {NACRE_LEVEL_DEBUG, NACRE_LEVEL_INFO, NACRE_LEVEL_WARN,
                                           NACRE_LEVEL_ERROR};
    const struct nacre_request_hex req = nacre_request_hex(visible->request_id);
    const size_t len = text.len > LOG_TEXT_MAX ? LOG_TEXT_MAX : (size_t)text.len;
    nacre_log_event(levels[level > NACRE_LOG_ERROR ? NACRE_LOG_ERROR : level], "plugin", NLS("req", req.text),
                    NLB("text", text.ptr ? text.ptr : "", len));
}

static int32_t host_now_ms(const struct nacre_call *visible, uint64_t *ms)
{
    struct nacre_app_call *call = call_of(visible);
    if (nacre_app_clock_get(&call->app->clock, nacre_monotonic_ns(), ms))
        return 0;
    return nacre_call_fail_z(call, 503, "trusted time is not available");
}

static void host_random(const struct nacre_call *visible, uint8_t *out, uint64_t len)
{
    (void)visible;
    randombytes_buf(out, (size_t)len);
}

static int32_t host_secret(const struct nacre_call *visible, struct nacre_str name, struct nacre_str *value)
{
    struct nacre_app_call *call = call_of(visible);
    char text[160];
    if (nacre_secrets_get(&call->app->secrets, name, value))
        return 0;
    (void)snprintf(text, sizeof text, "secret %.*s was not delivered", (int)(name.len > 100 ? 100 : name.len),
                   name.ptr);
    return nacre_call_fail_z(call, 503, text);
}

static int32_t host_config(const struct nacre_call *visible, struct nacre_str name, struct nacre_str *value)
{
    struct nacre_app_call *call = call_of(visible);
    const struct nacre_manifest *m = &call->app->manifest;
    char text[160];
    for (uint32_t i = 0; i < m->n_plugin_config; i++) {
        const struct nacre_text_pair *pair = &m->plugin_config[i];
        if (strlen(pair->name) == name.len && memcmp(pair->name, name.ptr, (size_t)name.len) == 0) {
            value->ptr = pair->value;
            value->len = strlen(pair->value);
            return 0;
        }
    }
    (void)snprintf(text, sizeof text, "configuration has no plugin.%.*s",
                   (int)(name.len > 100 ? 100 : name.len), name.ptr);
    return nacre_call_fail_z(call, 500, text);
}

static int32_t host_decode_json(const struct nacre_call *visible, struct nacre_bytes json,
                                const struct nacre_type *type, void *out, int32_t status)
{
    struct nacre_app_call *call = call_of(visible);
    /* strings are copied: the plugin's text need not live as long as the call */
    struct nacre_decode decode = {.scratch = call->scratch, .borrow = false, .root = "JSON"};
    void *value = nacre_scratch_alloc(call->scratch, type->c_size);
    if (!value)
        return nacre_call_fail_z(call, status, "JSON: needs more memory than app.scratch_bytes allows");
    if (nacre_decode_text(&decode, type, value, json.ptr ? (const char *)json.ptr : "", (size_t)json.len) < 0)
        return nacre_call_fail_z(call, status, decode.why);
    memcpy(out, value, (size_t)type->c_size);
    return 0;
}

/* The shared key of a sender, from the core, which alone has the secret key. */
static int32_t box_key(struct nacre_app_call *call, const uint8_t sender[32], uint8_t key[32])
{
    uint32_t left = nacre_call_remaining(call);
    nacre_worker_step_aside(call->worker);
    int err =
        nacre_ask_box_key(&call->app->pending, sender, left < BOX_TIMEOUT_MS ? left : BOX_TIMEOUT_MS, key);
    if (err == 0)
        return 0;
    if (err == -EINVAL)
        return nacre_call_fail_z(call, 400, "the sender's public key is not usable");
    return nacre_call_fail_z(call, 503, "the data key is not available");
}

static int32_t host_open_box(const struct nacre_call *visible, const uint8_t sender[32],
                             const uint8_t nonce[24], struct nacre_bytes box, struct nacre_bytes *plain)
{
    struct nacre_app_call *call = call_of(visible);
    uint8_t key[crypto_box_BEFORENMBYTES];
    if (box.len < crypto_box_MACBYTES)
        return nacre_call_fail_z(call, 400, "the box is shorter than its authenticator");
    const uint64_t len = box.len - crypto_box_MACBYTES;
    uint8_t *opened = nacre_scratch_alloc(call->scratch, len);
    if (!opened)
        return nacre_call_fail_z(call, 413, "the box needs more memory than app.scratch_bytes allows");
    int32_t status = box_key(call, sender, key);
    if (status)
        return status;
    int bad = crypto_box_open_easy_afternm(opened, box.ptr, box.len, nonce, key);
    sodium_memzero(key, sizeof key);
    if (bad)
        return nacre_call_fail_z(call, 400, "the box does not open");
    plain->ptr = opened;
    plain->len = len;
    return 0;
}

_Static_assert(crypto_box_BEFORENMBYTES == 32, "struct nacre_box_key_frame");
_Static_assert(crypto_box_NONCEBYTES == 24, "nacre_open_box()");
_Static_assert(crypto_box_PUBLICKEYBYTES == 32, "nacre_open_box()");

static int32_t host_hash(const struct nacre_call *visible, uint32_t algorithm, struct nacre_bytes data,
                         uint8_t out[32])
{
    switch (algorithm) {
    case NACRE_HASH_SHA256:
        (void)crypto_hash_sha256(out, data.ptr, data.len);
        return 0;
    case NACRE_HASH_BLAKE2B256:
        (void)crypto_generichash(out, 32, data.ptr, data.len, NULL, 0);
        return 0;
    default:
        return nacre_call_fail_z(call_of(visible), 500, "unknown hash algorithm");
    }
}

/* nacre-http shows it to who asks for the job. */
static void tell_progress(struct nacre_app_call *call, uint32_t permille, struct nacre_str text, uint64_t now)
{
    struct nacre_progress_frame frame = {.head.type = NACRE_FRAME_PROGRESS,
                                         .id = call->visible.request_id,
                                         .permille = permille > 1000 ? 1000 : permille};
    if (!call->is_job || (call->told_ns && now - call->told_ns < TOLD_NS))
        return;
    call->told_ns = now;
    const size_t len = text.len > NACRE_PROGRESS_TEXT ? NACRE_PROGRESS_TEXT : (size_t)text.len;
    (void)nacre_frame_send(call->pair->request, &frame, text.ptr, text.ptr ? len : 0, NULL, 0, NULL, 0);
}

static void host_progress(const struct nacre_call *visible, uint32_t permille, struct nacre_str text)
{
    struct nacre_app_call *call = call_of(visible);
    const uint64_t now = nacre_monotonic_ns();
    tell_progress(call, permille, text, now);
    if (call->progress_ns && now - call->progress_ns < PROGRESS_NS)
        return;
    call->progress_ns = now;
    const struct nacre_request_hex req = nacre_request_hex(visible->request_id);
    nacre_log_event(
        NACRE_LEVEL_INFO, "progress", NLS("req", req.text),
        NLI("permille", permille > 1000 ? 1000 : permille),
        NLB("text", text.ptr ? text.ptr : "", text.len > LOG_TEXT_MAX ? LOG_TEXT_MAX : (size_t)text.len));
}

static int32_t host_fail(const struct nacre_call *visible, int32_t status, struct nacre_str text)
{
    return nacre_call_fail(call_of(visible), status, text.ptr, (size_t)text.len);
}

static int32_t host_set_timestamp(const struct nacre_call *visible, uint64_t ms)
{
    struct nacre_app_call *call = call_of(visible);
    if (!call->route || call->route->decl->time_rule != NACRE_TIME_APP)
        return nacre_call_fail_z(call, 500, "the route's timestamp is not the app's to set");
    call->timestamp_ms = ms;
    call->has_timestamp = true;
    return 0;
}

static uint64_t host_remaining_ms(const struct nacre_call *visible)
{
    return nacre_call_remaining(call_of(visible));
}

const struct nacre_host nacre_app_host = {
    .struct_size = sizeof(struct nacre_host),
    .abi_major = NACRE_ABI_MAJOR,
    .abi_minor = NACRE_ABI_MINOR,
    .alloc = host_alloc,
    .log = host_log,
    .now_ms = host_now_ms,
    .random = host_random,
    .secret = host_secret,
    .config = host_config,
    .fetch = nacre_host_fetch,
    .decode_json = host_decode_json,
    .open_box = host_open_box,
    .hash = host_hash,
    .progress = host_progress,
    .fail = host_fail,
    .set_timestamp = host_set_timestamp,
    .remaining_ms = host_remaining_ms,
    .about = nacre_host_about,
};
