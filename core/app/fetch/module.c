#include "exchange.h"
#include "memory.h"
#include "tls.h"
#include "worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct fetch_state state;

static void stop(void)
{
    for (size_t i = 0; i < NACRE_ENDPOINTS_MAX; i++)
        curl_slist_free_all(state.resolve[i]);
    state = (struct fetch_state){0};
    fetch_workers_stop();
    fetch_tls_stop();
    curl_global_cleanup();
}

/*
 * What libcurl and OpenSSL would take from the environment. SSLKEYLOGFILE is the one that matters: it has libcurl
 * write every session's keys to a file.
 */
static void forget_environment(void)
{
    static const char *const names[] = {"SSLKEYLOGFILE",   "OPENSSL_CONF",     "OPENSSL_ENGINES",
                                        "OPENSSL_MODULES", "CURL_SSL_BACKEND", "SSL_CERT_FILE",
                                        "SSL_CERT_DIR"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unsetenv(names[i]);
}

static int check_library(char *why, size_t why_len)
{
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
    static const int needed = CURL_VERSION_SSL | CURL_VERSION_HTTP2;
    if (v->version_num < 0x075500) {
        (void)snprintf(why, why_len, "libcurl is %s, expected 7.85.0 or newer", v->version);
        return -EINVAL;
    }
    if ((v->features & needed) != needed || !v->ssl_version || strncmp(v->ssl_version, "OpenSSL/", 8) != 0) {
        (void)snprintf(why, why_len, "libcurl %s is built on %s, expected OpenSSL and HTTP/2", v->version,
                       v->ssl_version ? v->ssl_version : "no TLS library");
        return -EINVAL;
    }
    return 0;
}

/*
 * Every host gets an address of TEST-NET-1 (RFC 5737), so that libcurl never looks for one: nobody connects to it,
 * the descriptor comes from the broker.
 */
static int prepare_resolve(const struct nacre_manifest *m)
{
    char entry[NACRE_HOST_MAX + 32];
    for (uint32_t i = 0; i < m->n_allow && i < NACRE_ENDPOINTS_MAX; i++) {
        (void)snprintf(entry, sizeof entry, "%s:%u:192.0.2.1", m->allow[i].host, (unsigned)m->allow[i].port);
        state.resolve[i] = curl_slist_append(NULL, entry);
        if (!state.resolve[i])
            return -ENOMEM;
    }
    return 0;
}

static int init(const struct nacre_fetch_setup *setup, char *why, size_t why_len)
{
    forget_environment();
    int err = fetch_tls_init(setup, why, why_len);
    if (err)
        return err;
    err = fetch_workers_init();
    if (err) {
        fetch_tls_stop();
        (void)snprintf(why, why_len, "no thread-specific data: %s", strerror(-err));
        return err;
    }
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, fetch_malloc, fetch_free, fetch_realloc, fetch_strdup,
                             fetch_calloc) != CURLE_OK) {
        fetch_workers_stop();
        fetch_tls_stop();
        (void)snprintf(why, why_len, "libcurl cannot be set up");
        return -EINVAL;
    }
    state.manifest = setup->manifest;
    err = check_library(why, why_len);
    if (!err && (err = prepare_resolve(setup->manifest)))
        (void)snprintf(why, why_len, "out of memory");
    if (err)
        stop();
    return err;
}

static int32_t perform(const struct nacre_fetch_env *env, const struct nacre_fetch *request,
                       struct nacre_reply *reply)
{
    return fetch_perform(&state, env, request, reply);
}

static int check(const struct nacre_fetch_env *env, uint32_t endpoint, uint32_t timeout_ms, char *why,
                 size_t why_len)
{
    return fetch_check(&state, env, endpoint, timeout_ms, why, why_len);
}

const struct nacre_fetch_module nacre_fetch_module = {
    .abi = NACRE_FETCH_ABI,
    .struct_size = (uint32_t)sizeof(struct nacre_fetch_module),
    .init = init,
    .perform = perform,
    .check = check,
    .thread_end = fetch_worker_end,
    .stop = stop,
};
