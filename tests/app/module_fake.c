/*
 * module_fake.c - a fetch module without TLS, for what nacre-app does around the real one. The host in the URL is
 * ignored; its path says what to do. One byte from the connected descriptor is the body of the reply.
 */
#include "app/fetch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct nacre_manifest *manifest;
static _Thread_local int used;

static int init(const struct nacre_fetch_setup *setup, char *why, size_t why_len)
{
    manifest = setup->manifest;
    if (setup->ca_pem && setup->ca_len > 3 && memcmp(setup->ca_pem, "bad", 3) == 0) {
        (void)snprintf(why, why_len, "the CA bundle of %zu bytes is bad", setup->ca_len);
        return -EINVAL;
    }
    (void)fprintf(stderr, "fake: init ca=%zu allow=%u\n", setup->ca_len, setup->manifest->n_allow);
    return 0;
}

/* One byte from a fresh connection, or a negative errno. */
static int one_byte(const struct nacre_fetch_env *env, uint32_t endpoint, uint32_t timeout_ms)
{
    char byte;
    int fd = env->connect(env->ctx, endpoint, timeout_ms);
    if (fd < 0)
        return fd;
    struct pollfd p = {fd, POLLIN, 0};
    ssize_t n = poll(&p, 1, (int)timeout_ms) > 0 ? read(fd, &byte, 1) : -1;
    (void)close(fd);
    return n == 1 ? byte : -ETIMEDOUT;
}

static bool ends_with(struct nacre_str s, const char *z)
{
    size_t n = strlen(z);
    return s.len >= n && memcmp(s.ptr + s.len - n, z, n) == 0;
}

static int32_t perform(const struct nacre_fetch_env *env, const struct nacre_fetch *request,
                       struct nacre_reply *reply)
{
    char text[128];
    used = 1;
    /* what nacre-app promises in fetch.h */
    if (request->struct_size != sizeof *request || reply->struct_size != sizeof *reply ||
        request->max_reply == 0 || request->timeout_ms == 0 || request->method.len == 0 ||
        request->timeout_ms > env->remaining_ms(env->ctx) + 1)
        return env->fail(env->ctx, 500, "nacre-app broke its promise");
    if (ends_with(request->url, "/defaults")) {
        (void)snprintf(text, sizeof text, "%.*s %llu %u%s", (int)request->method.len, request->method.ptr,
                       (unsigned long long)request->max_reply, request->timeout_ms <= 60000,
                       request->sink ? " sink" : "");
        return env->fail(env->ctx, 502, text);
    }
    if (ends_with(request->url, "/memory"))
        return env->fail(env->ctx, 502, env->alloc(env->ctx, UINT64_MAX) ? "memory" : "no memory");
    int byte = one_byte(env, 0, request->timeout_ms);
    if (byte < 0) {
        (void)snprintf(text, sizeof text, "connection failed: %d", -byte);
        return env->fail(env->ctx, byte == -ETIMEDOUT ? 504 : 502, text);
    }
    uint8_t *body = env->alloc(env->ctx, 1);
    body[0] = (uint8_t)byte;
    reply->status = 203;
    reply->body.ptr = body;
    reply->body.len = 1;
    return 0;
}

static int check(const struct nacre_fetch_env *env, uint32_t endpoint, uint32_t timeout_ms, char *why,
                 size_t why_len)
{
    used = 1;
    int byte = one_byte(env, endpoint, timeout_ms);
    if (byte >= 0)
        return 0;
    (void)snprintf(why, why_len, "no byte from %s", manifest->allow[endpoint].host);
    return byte;
}

static void thread_end(void)
{
    if (used)
        (void)fputs("fake: thread_end\n", stderr);
    used = 0;
}

static void stop(void)
{
    (void)fputs("fake: stop\n", stderr);
}

const struct nacre_fetch_module nacre_fetch_module = {
    NACRE_FETCH_ABI, sizeof(struct nacre_fetch_module), init, perform, check, thread_end, stop};
