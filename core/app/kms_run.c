/*
 * kms_run.c - `nacre-app --kms`: one thread, one question to KMS, no plugin. What nacred says is waited for where it is
 * needed.
 */
#include "kms_run.h"

#include "scratch.h"

#include <common/log.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#define RUN_MS  100000u /* nacred ends a run after 120 s */
#define TELL_MS 20000u  /* for nacred to answer */
#define SCRATCH (1u << 20)

struct run {
    struct nacre_app *app;
    struct nacre_scratch scratch;
    uint64_t end_ns, last_id;
    uint8_t *credentials; /* locked memory */
    size_t credentials_len;
    char failure[NACRE_FAILURE_TEXT];
};

static uint64_t left_ms(const struct run *r)
{
    uint64_t now = nacre_monotonic_ns();
    return now >= r->end_ns ? 0 : (r->end_ns - now) / 1000000u;
}

static int keep_credentials(struct run *r)
{
    const struct nacre_inbox *in = &r->app->inbox;
    if (r->credentials || in->payload_len == 0)
        return 0;
    r->credentials = sodium_malloc(in->payload_len);
    if (!r->credentials)
        return -ENOMEM;
    memcpy(r->credentials, in->payload, in->payload_len);
    r->credentials_len = in->payload_len;
    return 0;
}

/* Reads on until a message of this type is in the inbox. 0 or a negative errno. */
static int await(struct run *r, uint32_t type, uint64_t timeout_ms)
{
    const uint64_t end = nacre_monotonic_ns() + timeout_ms * 1000000u;
    for (uint64_t now; (now = nacre_monotonic_ns()) < end;) {
        struct pollfd fd = {.fd = NACRE_FD_CONTROL, .events = POLLIN};
        if (poll(&fd, 1, (int)((end - now) / 1000000u) + 1) <= 0)
            continue;
        int got = nacre_frame_receive(NACRE_FD_CONTROL, &r->app->inbox, NACRE_PAYLOAD_MAX, true);
        if (got == -EINTR || got == -EAGAIN)
            continue;
        if (got <= 0)
            return got == 0 ? -EPIPE : got;
        const void *frame = r->app->inbox.head;
        int err = 0;
        if (r->app->inbox.head->type == NACRE_FRAME_TIME)
            nacre_app_clock_set(&r->app->clock, frame, nacre_monotonic_ns());
        else if (r->app->inbox.head->type == NACRE_FRAME_CREDENTIALS)
            err = keep_credentials(r);
        if (err || r->app->inbox.head->type == type)
            return err;
    }
    return -ETIMEDOUT;
}

/* As nacre_fetch_env says. */
static int env_connect(void *ctx, uint32_t endpoint, uint32_t timeout_ms)
{
    struct run *r = ctx;
    struct nacre_connect_frame f = {
        .head.type = NACRE_FRAME_CONNECT, .id = ++r->last_id, .endpoint = endpoint};
    const uint64_t end = nacre_monotonic_ns() + timeout_ms * UINT64_C(1000000);
    int err = nacre_frame_send(NACRE_FD_CONTROL, &f, NULL, 0, NULL, 0, NULL, 0);
    for (uint64_t now; !err && (now = nacre_monotonic_ns()) < end;) {
        err = await(r, NACRE_FRAME_CONNECTED, (end - now) / 1000000u + 1);
        const struct nacre_connected_frame *answer = (const void *)r->app->inbox.head;
        if (err || answer->id != f.id) /* of one that was not waited for any more */
            continue;
        int fd = answer->error ? -1 : nacre_inbox_take_fd(&r->app->inbox, 0);
        int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
        if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0)
            return fd;
        if (fd >= 0)
            (void)close(fd);
        return answer->error > 0 && answer->error < 4096 ? -answer->error : -EPROTO;
    }
    return err ? err : -ETIMEDOUT;
}

static void *env_alloc(void *ctx, uint64_t size)
{
    return nacre_scratch_alloc(&((struct run *)ctx)->scratch, size);
}

static int32_t env_fail(void *ctx, int32_t status, const char *text)
{
    struct run *r = ctx;
    (void)snprintf(r->failure, sizeof r->failure, "%s", text);
    return status;
}

static uint64_t env_remaining_ms(void *ctx)
{
    return left_ms(ctx);
}

/* As nacre_kms_env says. */
static int env_document(void *ctx, const uint8_t *key, size_t key_len, uint8_t *out, size_t cap, size_t *len,
                        char *why, size_t why_len)
{
    struct run *r = ctx;
    struct nacre_plain_frame f = {.head.type = NACRE_FRAME_RECIPIENT};
    const struct nacre_inbox *in = &r->app->inbox;
    int err = nacre_frame_send(NACRE_FD_CONTROL, &f, key, key_len, NULL, 0, NULL, 0);
    if (!err)
        err = await(r, NACRE_FRAME_DOCUMENT, TELL_MS);
    const struct nacre_document_frame *answer = (const void *)in->head;
    if (err) {
        (void)snprintf(why, why_len, "nacred gives no document: %s", strerror(-err));
    } else if (answer->status != 200 || in->payload_len == 0 || in->payload_len > cap) {
        (void)snprintf(why, why_len, "nacred has no document: %.*s",
                       answer->status != 200 ? (int)(in->payload_len < 128 ? in->payload_len : 128) : 0,
                       (const char *)in->payload);
        err = -EIO;
    } else {
        memcpy(out, in->payload, in->payload_len);
        *len = in->payload_len;
    }
    return err;
}

static bool env_now_ms(void *ctx, uint64_t *ms)
{
    return nacre_app_clock_get(&((struct run *)ctx)->app->clock, nacre_monotonic_ns(), ms);
}

static void env_forget(void *ctx)
{
    nacre_scratch_reset(&((struct run *)ctx)->scratch);
}

static const char *env_failure(void *ctx)
{
    return ((struct run *)ctx)->failure;
}

static int hand_over(uint8_t *secrets, size_t len, char why[NACRE_WHY])
{
    struct nacre_plain_frame f = {.head.type = NACRE_FRAME_SECRETS};
    int err = nacre_frame_send(NACRE_FD_CONTROL, &f, secrets, len, NULL, 0, NULL, 0);
    if (err)
        (void)snprintf(why, NACRE_WHY, "the secrets cannot be handed over: %s", strerror(-err));
    return err;
}

static int ask(struct run *r, const struct nacre_kms_module *module, char why[NACRE_WHY])
{
    const struct nacre_fetch_env http = {r, env_connect, env_alloc, env_fail, env_remaining_ms};
    const struct nacre_kms_env env = {.ctx = r,
                                      .manifest = &r->app->manifest,
                                      .fetch = r->app->fetch,
                                      .http = &http,
                                      .credentials = r->credentials,
                                      .credentials_len = r->credentials_len,
                                      .document = env_document,
                                      .now_ms = env_now_ms,
                                      .forget = env_forget,
                                      .failure = env_failure};
    uint8_t *out = sodium_malloc(NACRE_FRAME_INLINE);
    size_t len = 0;
    if (!out) {
        (void)snprintf(why, NACRE_WHY, "no locked memory");
        return -ENOMEM;
    }
    int err = module->run(&env, out, NACRE_FRAME_INLINE, &len, why, NACRE_WHY);
    if (!err)
        err = hand_over(out, len, why);
    sodium_free(out); /* which wipes it */
    return err;
}

int nacre_kms_run(struct nacre_app *app, const struct nacre_kms_module *module, char why[NACRE_WHY])
{
    struct run r = {.app = app, .end_ns = nacre_monotonic_ns() + RUN_MS * UINT64_C(1000000)};
    why[0] = '\0';
    int err = nacre_inbox_init(&app->inbox);
    if (!err)
        err = nacre_scratch_init(&r.scratch, SCRATCH);
    if (!err)
        err = await(&r, NACRE_FRAME_CREDENTIALS, TELL_MS);
    nacre_inbox_clear(&app->inbox);
    if (err || !r.credentials)
        (void)snprintf(why, NACRE_WHY, "no credentials from nacred: %s", strerror(err ? -err : ENODATA));
    else
        err = ask(&r, module, why);
    if (r.credentials)
        sodium_free(r.credentials);
    nacre_scratch_free(&r.scratch);
    nacre_inbox_free(&app->inbox);
    return err;
}
