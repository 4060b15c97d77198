/* The parent's side for Prometheus. */
#include "egress.h"
#include "nitro.h"
#include "probe.h"
#include "status.h"

#include <stdio.h>
#include <string.h>

static void sample(struct nacre_json_out *o, const char *name, const char *labels, uint64_t value)
{
    char line[NACRE_HD_TEXT + 192];
    int n = snprintf(line, sizeof line, "nacre_host_%s%s%s%s %ju\n", name, labels[0] ? "{" : "", labels,
                     labels[0] ? "}" : "", (uintmax_t)value);
    nacre_json_raw(o, line, n > 0 && (size_t)n < sizeof line ? (size_t)n : 0);
}

static void family(struct nacre_json_out *o, const char *name, const char *type, const char *help)
{
    char line[512];
    int n = snprintf(line, sizeof line, "# HELP nacre_host_%s %s\n# TYPE nacre_host_%s %s\n", name, help,
                     name, type);
    nacre_json_raw(o, line, n > 0 && (size_t)n < sizeof line ? (size_t)n : 0);
}

static void single(struct nacre_json_out *o, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    family(o, name, type, help);
    sample(o, name, "", value);
}

static void put_refusals(const struct nacre_hd *d, struct nacre_json_out *o)
{
    static const char *const reasons[NACRE_HD_REFUSALS] = {
        [NACRE_HD_REFUSED_FULL] = "reason=\"connections\"",
        [NACRE_HD_REFUSED_CLIENT_CONNECTIONS] = "reason=\"connections_per_client\"",
        [NACRE_HD_REFUSED_CLIENT_RATE] = "reason=\"rate_per_client\"",
        [NACRE_HD_REFUSED_NO_ENCLAVE] = "reason=\"no_enclave\"",
    };
    family(o, "refused_total", "counter", "Clients turned away, by reason.");
    for (size_t i = 0; i < NACRE_HD_REFUSALS; i++)
        sample(o, "refused_total", reasons[i], d->counters.refused[i]);
}

static void put_closed(const struct nacre_hd *d, struct nacre_json_out *o)
{
    family(o, "closed_total", "counter", "Connections closed by the daemon, by reason.");
    sample(o, "closed_total", "reason=\"idle\"", d->counters.closed_idle);
    sample(o, "closed_total", "reason=\"first_byte\"", d->counters.closed_first_byte);
    sample(o, "closed_total", "reason=\"answer\"", d->counters.closed_answer);
    sample(o, "closed_total", "reason=\"half_closed\"", d->counters.closed_half);
    sample(o, "closed_total", "reason=\"drain\"", d->counters.closed_drain);
}

/* One family over all enclaves. Names have no quotes and no backslashes. */
static void put_enclaves(const struct nacre_hd *d, struct nacre_json_out *o, const char *name,
                         const char *type, const char *help,
                         uint64_t (*value)(const struct nacre_hd *, const struct nacre_hd_enclave *))
{
    char label[NACRE_HD_NAME_MAX + 16];
    family(o, name, type, help);
    for (const struct nacre_hd_enclave *e = d->enclaves; e; e = e->next) {
        (void)snprintf(label, sizeof label, "enclave=\"%s\"", e->config.name);
        sample(o, name, label, value(d, e));
    }
}

static uint64_t is_healthy(const struct nacre_hd *d, const struct nacre_hd_enclave *e)
{
    (void)d;
    return e->health == NACRE_HD_HEALTHY;
}

static uint64_t is_draining(const struct nacre_hd *d, const struct nacre_hd_enclave *e)
{
    (void)d;
    return e->config.drain || e->removed;
}

static uint64_t is_running(const struct nacre_hd *d, const struct nacre_hd_enclave *e)
{
    const struct nacre_hd_described *what = nacre_hd_nitro_of(d, e);
    return what && strcmp(what->state, "RUNNING") == 0;
}

static uint64_t connections(const struct nacre_hd *d, const struct nacre_hd_enclave *e)
{
    (void)d;
    return e->connections;
}

static uint64_t served(const struct nacre_hd *d, const struct nacre_hd_enclave *e)
{
    (void)d;
    return e->served;
}

static uint64_t failed(const struct nacre_hd *d, const struct nacre_hd_enclave *e)
{
    (void)d;
    return e->failed;
}

static uint64_t lost(const struct nacre_hd *d, const struct nacre_hd_enclave *e)
{
    (void)d;
    return e->lost;
}

static uint64_t probe_ms(const struct nacre_hd *d, const struct nacre_hd_enclave *e)
{
    (void)d;
    return nacre_hd_probe_last(e).took_ms;
}

/* One family over all upstreams; the value is a member of the struct. */
static void put_upstreams(const struct nacre_hd *d, struct nacre_json_out *o, const char *name,
                          const char *help, size_t offset)
{
    char label[NACRE_HOST_MAX + 48];
    family(o, name, "counter", help);
    for (const struct nacre_hd_upstream *u = d->upstreams; u; u = u->next) {
        uint64_t value;
        memcpy(&value, (const char *)u + offset, sizeof value);
        (void)snprintf(label, sizeof label, "host=\"%s\",port=\"%u\"", u->host, u->port);
        sample(o, name, label, value);
    }
}

#define UPSTREAM(MEMBER) offsetof(struct nacre_hd_upstream, MEMBER)

static void put_egress(const struct nacre_hd *d, struct nacre_json_out *o)
{
    single(o, "egress_connections", "gauge", "Connections of enclaves outward now.", d->n_egress);
    single(o, "egress_turned_away_total", "counter", "Connections of enclaves that were not let out.",
           d->counters.egress_turned_away);
    put_upstreams(d, o, "egress_opened_total", "Connections made, by upstream.", UPSTREAM(opened));
    put_upstreams(d, o, "egress_failed_total", "Addresses not reached.", UPSTREAM(failed));
    put_upstreams(d, o, "egress_unresolved_total", "Names not resolved.", UPSTREAM(unresolved));
    put_upstreams(d, o, "egress_refused_total", "Addresses refused because they are not public.",
                  UPSTREAM(refused));
    put_upstreams(d, o, "egress_sent_bytes_total", "Bytes from enclaves.", UPSTREAM(out_bytes));
    put_upstreams(d, o, "egress_received_bytes_total", "Bytes from upstreams.", UPSTREAM(in_bytes));
}

void nacre_hd_status_metrics(const struct nacre_hd *d, struct nacre_json_out *o)
{
    const struct nacre_hd_counters *c = &d->counters;
    single(o, "uptime_seconds", "gauge", "Since the daemon began.", (d->loop.now_ms - d->started_ms) / 1000u);
    single(o, "connections", "gauge", "Clients connected now.", d->n_ingress);
    single(o, "connections_max", "gauge", "Connections the daemon has room for.", d->max_conns);
    single(o, "accepted_total", "counter", "Clients that connected.", c->accepted);
    put_refusals(d, o);
    put_closed(d, o);
    single(o, "client_bytes_total", "counter", "Bytes from clients.", c->client_bytes);
    single(o, "enclave_bytes_total", "counter", "Bytes from enclaves to clients.", c->enclave_bytes);
    single(o, "redials_total", "counter", "Times an enclave was not reached and another was tried.",
           c->redials);
    single(o, "accept_errors_total", "counter", "Times there was no descriptor or memory for a client.",
           c->accept_errors);
    single(o, "reloads_total", "counter", "Configurations taken on SIGHUP.", c->reloads);
    single(o, "reloads_failed_total", "counter", "Configurations refused on SIGHUP.", c->reloads_failed);
    put_enclaves(d, o, "enclave_healthy", "gauge", "1 when the enclave's own health check says so.",
                 is_healthy);
    put_enclaves(d, o, "enclave_draining", "gauge", "1 when it gets no new connections.", is_draining);
    put_enclaves(d, o, "enclave_running", "gauge", "1 when describe-enclaves says RUNNING.", is_running);
    put_enclaves(d, o, "enclave_connections", "gauge", "Connections to it now.", connections);
    put_enclaves(d, o, "enclave_served_total", "counter", "Connections made to it.", served);
    put_enclaves(d, o, "enclave_failed_total", "counter", "Connections to it that could not be made.",
                 failed);
    put_enclaves(d, o, "enclave_lost_total", "counter", "Connections it broke off in the middle.", lost);
    put_enclaves(d, o, "enclave_probe_milliseconds", "gauge", "Of the last health check.", probe_ms);
    put_egress(d, o);
}
