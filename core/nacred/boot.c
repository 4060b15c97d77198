#include "core.h"

#include "common/landlock.h"
#include "common/log.h"
#include "confine.h"
#include "init.h"
#include "measure.h"
#include "pcrs.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

int nacre_refuse(const char *format, ...)
{
    char why[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why, sizeof why, format, args);
    va_end(args);
    nacre_log_event(NACRE_LEVEL_ERROR, "cannot start", NLS("reason", why));
    return -1;
}

static int measure(struct nacre_core *c, const char *manifest, const char *plugin)
{
    char why[512] = "", found[NACRE_SHA384_HEX], expected[NACRE_SHA384_HEX];
    uint8_t digest[NACRE_SHA384_LEN];
    c->manifest_fd = nacre_measure_load(manifest, NACRE_MANIFEST_MAX);
    if (c->manifest_fd < 0)
        return nacre_refuse("manifest %s: %s", manifest, strerror(-c->manifest_fd));
    int err = nacre_manifest_load_fd(&c->manifest, c->manifest_fd, why, sizeof why);
    if (err)
        return nacre_refuse("%s", why[0] ? why : strerror(-err));
    const struct nacre_config *config = &c->manifest.config;
    nacre_log_setup("nacred", nacre_log_level_of(config->log_level), strcmp(config->log_format, "json") == 0);
    c->plugin_fd = nacre_measure_load(plugin, NACRE_PLUGIN_MAX);
    if (c->plugin_fd < 0)
        return nacre_refuse("plugin %s: %s", plugin, strerror(-c->plugin_fd));
    err = nacre_measure_digest(c->plugin_fd, digest);
    if (err)
        return nacre_refuse("plugin %s: %s", plugin, strerror(-err));
    if (sodium_memcmp(digest, c->manifest.plugin_digest, sizeof digest) == 0)
        return 0;
    nacre_hex(found, digest, sizeof digest);
    nacre_hex(expected, c->manifest.plugin_digest, sizeof digest);
    return nacre_refuse("plugin digest is %s, manifest says %s", found, expected);
}

static int seal(struct nacre_core *c)
{
    char why[512] = "";
    const char *transport = c->manifest.config.nsm_transport;
    int err = nacre_nsm_open(&c->nsm.nsm, transport);
    if (err)
        return nacre_refuse("nsm.transport %s: %s", transport, strerror(-err));
    err = nacre_pcrs_seal(&c->nsm.nsm, c->manifest.plugin_digest, c->manifest.config_digest, why, sizeof why);
    return err ? nacre_refuse("%s", why) : 0;
}

static uint32_t count_lanes(const struct nacre_config *config)
{
    cpu_set_t cpus;
    uint64_t n = config->http_threads;
    if (n == 0)
        n = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (uint64_t)CPU_COUNT(&cpus) / 4 : 1;
    return n < 1 ? 1 : n > NACRE_LANES_MAX ? NACRE_LANES_MAX : (uint32_t)n;
}

static int open_secrets(struct nacre_core *c)
{
    const struct nacre_config *config = &c->manifest.config;
    bool sealed = nacre_config_operator_key(c->operator_key, config);
    c->secrets.epoll = c->epoll;
    c->secrets.tag = NACRE_EVENT(NACRE_ON_SECRETS);
    c->secrets.wants_credentials = c->manifest.kms.ciphertext != NULL;
    c->secrets.sealed_only = strcmp(config->secrets_sealed_only, NACRE_CONFIG_TRUE) == 0;
    c->secrets.takes_tls = nacre_config_tls_operator(config);
    c->secrets.terms = (struct nacre_unseal_terms){.app = c->manifest.app,
                                                   .config = c->manifest.config_digest,
                                                   .operator_key = sealed ? c->operator_key : NULL};
    /* all images wait for secrets by default, and for a delivery that nobody owes an app would start late */
    bool needed = c->manifest.n_secrets > 0 || nacre_config_tls_operator(config);
    const char *source = c->is_init && !needed ? "none" : config->secrets_source;
    int err = nacre_secrets_open(&c->secrets, source, config->secrets_timeout_s);
    if (err)
        return nacre_refuse("secrets.source %s: %s", source,
                            err == -EPERM ? "sealed secrets come to unix: or vsock:, after the key is made"
                                          : strerror(-err));
    if (c->secrets.form == NACRE_SECRETS_PLAIN)
        nacre_log_event(NACRE_LEVEL_INFO, "plain secrets read", NLI("bytes", c->secrets.len));
    return 0;
}

static int open_sockets(struct nacre_core *c)
{
    const struct nacre_config *config = &c->manifest.config;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = NACRE_EVENT(NACRE_ON_SIGNAL)};
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (c->epoll < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->signals, &event) < 0)
        return nacre_refuse("epoll: %s", strerror(errno));
    c->n_lanes = count_lanes(config);
    for (uint32_t i = 0; i < c->n_lanes; i++)
        nacre_lane_init(&c->signers[i].lane);
    int err = nacre_listeners_open(&c->listeners, config->listen_api, config->listen_admin, c->n_lanes);
    if (err)
        return nacre_refuse("listen on %s, admin on %s: %s", config->listen_api, config->listen_admin,
                            strerror(-err));
    if (open_secrets(c) < 0)
        return -1;
    c->broker.manifest = &c->manifest;
    c->broker.epoll = c->epoll;
    c->broker.tag = NACRE_EVENT(NACRE_ON_CONNECT);
    c->broker.done = nacre_send_connected;
    c->broker.arg = c;
    nacre_kms_init(c);
    return 0;
}

/* Executes both helpers before there is a key, so that not even a copy of a page of ours could carry it to them. */
static int start_helpers(struct nacre_core *c)
{
    struct nacre_helper *both[] = {&c->http, &c->app};
    for (size_t i = 0; i < 2; i++) {
        int err = nacre_helper_start(c, both[i]);
        if (err)
            return nacre_refuse("%s/%s: %s", c->helper_dir, both[i]->name, strerror(-err));
    }
    return 0;
}

/* Makes the key, and starts the threads that work with it. */
static int make_key(struct nacre_core *c)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = NACRE_EVENT(NACRE_ON_NSM)};
    c->keys = nacre_keys_new();
    if (!c->keys)
        return nacre_refuse("the key could not be made: %s", strerror(errno));
    c->secrets.terms.keys = c->keys;
    c->signing.manifest = &c->manifest;
    c->signing.keys = c->keys;
    c->signing.time = &c->time;
    static const uint8_t later[NACRE_SEALED_ID]; /* it has to fit with both digests that may come, too */
    int len = nacre_document_user_data(c->nsm.user_data, &c->manifest, c->keys, later, later);
    if (len >= 0)
        len = nacre_document_user_data(c->nsm.user_data, &c->manifest, c->keys, NULL, NULL);
    if (len < 0)
        return nacre_refuse("user_data: %s", strerror(-len));
    c->nsm.user_data_len = (size_t)len;
    memcpy(c->nsm.public_key, c->keys->sign_public, sizeof c->nsm.public_key);
    int err = nacre_nsm_thread_start(&c->nsm, c->manifest.config.nsm_queue);
    if (err)
        return nacre_refuse("the NSM's thread: %s", strerror(-err));
    for (; c->n_signers < c->n_lanes; c->n_signers++) {
        c->signers[c->n_signers].signing = &c->signing;
        err = nacre_signer_start(&c->signers[c->n_signers]);
        if (err)
            return nacre_refuse("a signer's thread: %s", strerror(-err));
    }
    if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->nsm.ready_fd, &event) < 0)
        return nacre_refuse("epoll: %s", strerror(errno));
    return 0;
}

/* Says once what this machine can take from us and from the helpers; an enclave's kernel can do all that matters. */
static int confine(struct nacre_core *c)
{
    static const char *const said[] = {"shared", "single", "apart"};
    const int needed = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | (c->is_init ? CLONE_NEWPID : 0);
    const int landlock = nacre_landlock_version();
    enum nacre_cores cores;
    int namespaces = nacre_confine_namespaces(&cores);
    char text[64];
    int err = nacre_confine_self();
    if (err)
        return nacre_refuse("system calls cannot be confined: %s", strerror(-err));
    if (nacre_pids_open(&c->pids) == 0)
        namespaces |= CLONE_NEWPID;
    nacre_confine_text(namespaces, text);
    if (c->is_init && ((namespaces & needed) != needed || landlock == 0))
        return nacre_refuse(
            "this kernel has namespaces '%s', Landlock %d; needed are 'net mnt ipc pid' and 1", text,
            landlock);
    c->http.identity = c->app.identity =
        (struct nacre_identity){.namespaces = namespaces & ~CLONE_NEWPID, .pids = &c->pids};
    c->app.identity.core = cores == NACRE_CORES_APART;
    if (c->is_init) {
        c->http.identity.id = NACRE_HTTP_UID;
        c->app.identity.id = NACRE_APP_UID;
        c->http.identity.threads = NACRE_HELPER_THREADS;
        c->app.identity.threads = NACRE_APP_THREADS;
    }
    nacre_log_event((namespaces & needed) == needed && landlock ? NACRE_LEVEL_INFO : NACRE_LEVEL_WARN,
                    "confined", NLS("namespaces", text), NLI("landlock", landlock), NLS("cores", said[cores]),
                    NLI("process_1", c->pids.init));
    return 0;
}

int nacre_boot(struct nacre_core *c, const char *manifest, const char *plugin)
{
    nacre_broker_init(&c->broker);
    if (measure(c, manifest, plugin) < 0)
        return -1;
    const struct nacre_config *config = &c->manifest.config;
    nacre_timekeeper_init(&c->time, config->clock_max_error_ms, strcmp(config->nsm_transport, "device") == 0);
    int err = nacre_opening_init(&c->opening, config);
    if (err)
        return nacre_refuse("no memory to remember sealed requests: %s", strerror(-err));
    nacre_helper_init(&c->http, "nacre-http", config);
    nacre_helper_init(&c->app, "nacre-app", config);
    c->started_ns = nacre_monotonic_ns();
    if (confine(c) < 0 || seal(c) < 0 || nacre_check_plugin(c) < 0 || open_sockets(c) < 0 ||
        start_helpers(c) < 0 || make_key(c) < 0)
        return -1;
    if (nacre_config_tls(config))
        c->own_at_ns = UINT64_MAX; /* no document before it can name the TLS key */
    nacre_send_state(c);
    return 0;
}

static void end_helper(struct nacre_helper *h)
{
    if (h->pid > 0) { /* the boot was refused after it had been started */
        (void)kill(h->pid, SIGKILL);
        (void)waitpid(h->pid, NULL, 0);
    }
    if (h->control >= 0)
        (void)close(h->control);
}

void nacre_shut_down(struct nacre_core *c)
{
    nacre_kms_end(c);
    end_helper(&c->http);
    end_helper(&c->app);
    while (c->n_signers > 0)
        nacre_signer_stop(&c->signers[--c->n_signers]);
    nacre_opening_free(&c->opening);
    nacre_keys_free(c->keys);
    c->keys = NULL;
    nacre_pids_close(&c->pids);
    if (c->nsm.queue)
        nacre_nsm_thread_stop(&c->nsm);
    else
        nacre_nsm_close(&c->nsm.nsm);
    for (uint32_t i = 0; i < c->n_lanes; i++)
        nacre_lane_free(&c->signers[i].lane);
    sodium_memzero(c->ticket_key, sizeof c->ticket_key);
    nacre_secrets_close(&c->secrets);
    nacre_tls_close(&c->tls);
    nacre_broker_reset(&c->broker);
    nacre_listeners_close(&c->listeners);
    nacre_inbox_free(&c->inbox);
    nacre_manifest_free(&c->manifest);
    const int fds[] = {c->manifest_fd, c->plugin_fd, c->ready_fd, c->epoll, c->signals};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
}
