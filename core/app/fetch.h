/*
 * fetch.h - between nacre-app and the module nacre-fetch.so, which alone is linked with libcurl and OpenSSL.
 *
 * The module is loaded only when the manifest's allow list is not empty: an app without upstreams carries no
 * TLS client. It exports one constant, `nacre_fetch_module`.
 *
 * Order of calls, all in one process:
 *   init()              once, alone, before the plugin is loaded and before any filter is in force. Everything that
 *                       needs a file or a new executable mapping happens here: later openat, mmap(PROT_EXEC) and
 *                       socket() answer EPERM.
 *   perform(), check()  from several threads at once, after init()
 *   thread_end()        in each thread that used perform() or check(), when it will not use them again
 *   stop()              once, alone, after the last thread_end()
 *
 * The filter must answer EINPROGRESS to connect() and do nothing: libcurl before 8.0 (Debian 12) calls it on the
 * connected descriptors that it is given, and takes every other error, EISCONN too, for a failed connection.
 */
#ifndef NACRE_APP_FETCH_H
#define NACRE_APP_FETCH_H

#include <common/manifest.h>
#include <nacre/plugin.h>

#define NACRE_FETCH_ABI        2u
#define NACRE_FETCH_SYMBOL     "nacre_fetch_module"
#define NACRE_FETCH_REPLY_MAX  (1024u * 1024u) /* bytes of body when the request says 0 */
#define NACRE_FETCH_HEADER_MAX 65536u          /* bytes of all headers and trailers of a reply */

/* What init() is given. All of it is borrowed and lives until stop() has returned. */
struct nacre_fetch_setup {
    const struct nacre_manifest *manifest; /* allow list with pins, egress.* configuration */
    const uint8_t *ca_pem; /* content of egress.ca_file: PEM certificates; NULL when it is "" */
    size_t ca_len;
};

/* What the module uses of nacre-app during one perform() or check(), from the calling thread only. */
struct nacre_fetch_env {
    void *ctx; /* first argument of all of these */
    /*
     * A connected, non-blocking, close-on-exec stream socket to allow-list entry `endpoint`, the caller's to
     * close. Blocks for at most timeout_ms. Or a negative errno: -EHOSTUNREACH, -ECONNREFUSED, -ETIMEDOUT,
     * -EPIPE (the core is gone), -EAGAIN (too many connections are being made).
     */
    int (*connect)(void *ctx, uint32_t endpoint, uint32_t timeout_ms);
    /* Zeroed memory of the call, aligned to 16, freed and wiped with it; NULL past the call's limit. NULL in
     * check(). */
    void *(*alloc)(void *ctx, uint64_t size);
    /* Notes the text that the client will see, without secrets or URLs' queries. Returns status. */
    int32_t (*fail)(void *ctx, int32_t status, const char *text);
    /* Milliseconds until nobody waits for the result any more. */
    uint64_t (*remaining_ms)(void *ctx);
};

struct nacre_fetch_module {
    uint32_t abi;         /* NACRE_FETCH_ABI */
    uint32_t struct_size; /* sizeof(struct nacre_fetch_module) */
    /* 0, or a negative errno with a reason in `why` (why_len bytes): a CA bundle without certificates, and so
     * on. */
    int (*init)(const struct nacre_fetch_setup *setup, char *why, size_t why_len);
    /*
     * One HTTPS exchange as nacre_fetch() in plugin.h describes it. nacre-app has checked and completed the
     * structs: both have this build's size, every (pointer, length) is readable, max_reply is not 0,
     * timeout_ms is neither 0 nor more than remaining_ms(), method is not empty. What the reply points to
     * comes from env->alloc(). *reply is untouched on failure. Returns 0, the status given to env->fail(): 500,
     * 502 or 504, or what the request's sink returned.
     */
    int32_t (*perform)(const struct nacre_fetch_env *env, const struct nacre_fetch *request,
                       struct nacre_reply *reply);
    /*
     * Is the endpoint reachable and is its certificate (or pin) good? Connects and does the TLS handshake,
     * sends no request. Returns 0 or a negative errno; `why` then says in a few words what failed, for the
     * log.
     */
    int (*check)(const struct nacre_fetch_env *env, uint32_t endpoint, uint32_t timeout_ms, char *why,
                 size_t why_len);
    /* Closes kept connections that one thread less will need. */
    void (*thread_end)(void);
    void (*stop)(void);
};

extern NACRE_EXPORT const struct nacre_fetch_module nacre_fetch_module;

#endif
