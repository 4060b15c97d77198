/* A configuration taken into force: the first one and each after it. */
#include "reload.h"
#include "admin.h"
#include "console.h"
#include "daemon.h"
#include "egress.h"
#include "nitro.h"
#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <common/log.h>

/* Descriptors besides those of connections: listeners, probes, children, names being resolved. */
#define SPARE_DESCRIPTORS 512u

void nacre_hd_enclave_left(struct nacre_hd *d, struct nacre_hd_enclave *e)
{
    if (!e->removed || e->connections)
        return;
    struct nacre_hd_enclave **at = &d->enclaves;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    nacre_log_event(NACRE_LEVEL_INFO, "enclave gone", NLS("enclave", e->config.name));
    nacre_hd_egress_close_unneeded(d);
    free(e->allow);
    free(e);
}

static const struct nacre_hd_enclave_config *wanted(const struct nacre_hd_config *config,
                                                    const struct nacre_hd_enclave *e)
{
    for (size_t i = 0; i < config->n_enclaves; i++) {
        const struct nacre_hd_enclave_config *one = &config->enclaves[i];
        if (strcmp(one->name, e->config.name) == 0 && strcmp(one->connect, e->config.connect) == 0)
            return one;
    }
    return NULL;
}

static void set_drain(struct nacre_hd *d, struct nacre_hd_enclave *e, bool drain)
{
    if (drain && !e->drain_until_ms) {
        e->drain_until_ms = d->loop.now_ms + d->config->limits_drain_s * 1000u;
        nacre_log_event(NACRE_LEVEL_INFO, "enclave draining", NLS("enclave", e->config.name),
                        NLI("connections", e->connections));
    } else if (!drain) {
        e->drain_until_ms = 0;
    }
}

static void remove_missing(struct nacre_hd *d)
{
    for (struct nacre_hd_enclave *e = d->enclaves, *next; e; e = next) {
        next = e->next;
        const struct nacre_hd_enclave_config *now = wanted(d->config, e);
        if (now && !e->removed) {
            e->config = *now;
            set_drain(d, e, now->drain);
        } else if (!e->removed) {
            e->removed = true;
            nacre_hd_probe_stop(d, e);
            nacre_hd_console_stop(d, e);
            set_drain(d, e, true);
            nacre_hd_enclave_left(d, e);
        }
    }
}

static bool known(const struct nacre_hd *d, const struct nacre_hd_enclave_config *one)
{
    for (const struct nacre_hd_enclave *e = d->enclaves; e; e = e->next) {
        if (!e->removed && strcmp(e->config.name, one->name) == 0)
            return true;
    }
    return false;
}

static void add_new(struct nacre_hd *d)
{
    for (size_t i = 0; i < d->config->n_enclaves; i++) {
        if (known(d, &d->config->enclaves[i]))
            continue;
        struct nacre_hd_enclave *e = calloc(1, sizeof *e);
        if (!e || (e->config = d->config->enclaves[i], nacre_hd_probe_start(d, e))) {
            nacre_log_event(NACRE_LEVEL_ERROR, "out of memory", NLS("enclave", d->config->enclaves[i].name));
            free(e);
            continue;
        }
        struct nacre_hd_enclave **at = &d->enclaves;
        while (*at && !(*at)->removed)
            at = &(*at)->next;
        e->next = *at;
        *at = e;
        set_drain(d, e, e->config.drain);
        nacre_log_event(NACRE_LEVEL_INFO, "enclave added", NLS("enclave", e->config.name),
                        NLS("connect", e->config.connect));
    }
}

/* Each connection has two descriptors at most. What cannot be had is not promised. */
static void make_room(struct nacre_hd *d)
{
    struct rlimit limit;
    rlim_t wanted_fds = (rlim_t)d->config->limits_connections * 2u + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    if (limit.rlim_cur < wanted_fds) {
        const struct rlimit all = {wanted_fds, limit.rlim_max > wanted_fds ? limit.rlim_max : wanted_fds};
        const struct rlimit some = {limit.rlim_max < wanted_fds ? limit.rlim_max : wanted_fds,
                                    limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &all))
            (void)setrlimit(RLIMIT_NOFILE, &some);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    d->max_conns = d->config->limits_connections;
    if (limit.rlim_cur < wanted_fds) {
        d->max_conns =
            limit.rlim_cur > 2u * SPARE_DESCRIPTORS ? (limit.rlim_cur - SPARE_DESCRIPTORS) / 2u : 64u;
        nacre_log_event(NACRE_LEVEL_WARN, "fewer connections than limits.connections: descriptors are short",
                        NLI("connections", (int64_t)d->max_conns),
                        NLI("descriptors", (int64_t)limit.rlim_cur));
    }
}

int nacre_hd_apply(struct nacre_hd *d, struct nacre_hd_config *config, char *why, size_t why_len)
{
    struct nacre_hd_listener *fresh = NULL;
    struct nacre_hd_outlets *outlets = NULL;
    int rc = nacre_hd_listen_prepare(d, config, &fresh, why, why_len);
    if (!rc)
        rc = nacre_hd_egress_prepare(d, config, &outlets, why, why_len);
    if (!rc)
        rc = nacre_hd_admin_start(d, config->health_listen, why, why_len);
    if (rc) {
        nacre_hd_listen_abandon(fresh);
        if (outlets)
            nacre_hd_egress_abandon(d, outlets);
        return rc;
    }
    /* From here on nothing fails. */
    free(d->config);
    d->config = config;
    d->loaded_ms = d->loop.now_ms;
    nacre_log_setup("nacre-host", nacre_log_level_of(config->log_level),
                    strcmp(config->log_format, "json") == 0);
    make_room(d);
    remove_missing(d);
    add_new(d);
    nacre_hd_egress_commit(d, outlets);
    nacre_hd_listen_commit(d, config, fresh);
    nacre_hd_nitro_look(d);
    return 0;
}

int nacre_hd_load(struct nacre_hd *d, char *why, size_t why_len)
{
    struct nacre_hd_config *config = malloc(sizeof *config);
    if (!config) {
        (void)snprintf(why, why_len, "out of memory");
        return -ENOMEM;
    }
    int rc = nacre_hd_config_load(config, d->config_file, why, why_len);
    if (rc == -ENOMEM)
        (void)snprintf(why, why_len, "out of memory");
    if (!rc)
        rc = nacre_hd_apply(d, config, why, why_len);
    if (rc)
        free(config);
    return rc;
}
