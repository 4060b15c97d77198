#include "builtin.h"

#include <stdio.h>
#include <stdlib.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

static const char *state_name(uint32_t state)
{
    static const char *const names[] = {"down", "starting", "up", "stopped"};
    return state <= NACRE_HELPER_STOPPED ? names[state] : "unknown";
}

static uint64_t seconds_since(uint64_t then_ns, uint64_t now_ns)
{
    return now_ns > then_ns ? (now_ns - then_ns) / NS_PER_S : 0;
}

/* What is known of one host: it may be on the allow list with several ports, its JSON key must be there once. */
struct host {
    const char *name;
    bool ok;
    bool checked;
    uint64_t checked_ns; /* the oldest */
};

static uint32_t collect_hosts(const struct nacre_manifest *m, const struct nacre_endpoint_health *health,
                              struct host hosts[NACRE_ENDPOINTS_MAX])
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n_allow; i++) {
        uint32_t k = 0;
        while (k < n && strcmp(hosts[k].name, m->allow[i].host) != 0)
            k++;
        if (k == n)
            hosts[n++] = (struct host){m->allow[i].host, true, true, UINT64_MAX};
        bool checked = health[i].checked_ns != 0;
        hosts[k].checked = hosts[k].checked && checked;
        hosts[k].ok = hosts[k].ok && checked && health[i].ok;
        if (checked && health[i].checked_ns < hosts[k].checked_ns)
            hosts[k].checked_ns = health[i].checked_ns;
    }
    return n;
}

static void put_name(struct nacre_json_out *out, uint32_t i, const char *name)
{
    nacre_json_lit(out, i ? "," : "");
    nacre_json_string(out, name, strlen(name));
}

static void put_endpoints(struct nacre_json_out *out, const struct nacre_manifest *m,
                          const struct nacre_endpoint_health *health, uint64_t now_ns)
{
    struct host hosts[NACRE_ENDPOINTS_MAX];
    uint32_t n = collect_hosts(m, health, hosts);
    nacre_json_lit(out, ",\"endpoints_status\":{");
    for (uint32_t i = 0; i < n; i++) {
        put_name(out, i, hosts[i].name);
        nacre_json_lit(out, hosts[i].ok ? ":true" : ":false");
    }
    nacre_json_lit(out, "},\"endpoints\":[");
    for (uint32_t i = 0; i < n; i++)
        put_name(out, i, hosts[i].name);
    nacre_json_lit(out, "],\"endpoints_age_s\":{");
    for (uint32_t i = 0; i < n; i++) {
        put_name(out, i, hosts[i].name);
        nacre_json_lit(out, ":");
        if (hosts[i].checked)
            nacre_json_u64(out, seconds_since(hosts[i].checked_ns, now_ns));
        else
            nacre_json_lit(out, "null");
    }
    nacre_json_lit(out, "}");
}

static void put_number(struct nacre_json_out *out, const char *key, uint64_t v)
{
    nacre_json_lit(out, key);
    nacre_json_u64(out, v);
}

static void put_milliseconds(struct nacre_json_out *out, const char *key, uint64_t ns)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%llu.%03llu", (unsigned long long)(ns / NS_PER_MS),
                   (unsigned long long)(ns / 1000 % 1000));
    nacre_json_lit(out, key);
    nacre_json_lit(out, text);
}

static void put_key(struct nacre_json_out *out, const struct nacre_state_frame *state)
{
    if (!state->key_ready) {
        nacre_json_lit(out, "{\"pk\":null,\"public_key\":null");
        return;
    }
    nacre_json_lit(out, "{\"pk\":\"");
    nacre_json_hex(out, state->public_key, sizeof state->public_key);
    nacre_json_lit(out, "\",\"public_key\":\"");
    nacre_json_hex(out, state->public_key, sizeof state->public_key);
    nacre_json_lit(out, "\"");
}

static void put_identity(struct nacre_json_out *out, const struct nacre_manifest *m, const char *status)
{
    nacre_json_lit(out, ",\"status\":\"");
    nacre_json_lit(out, status);
    nacre_json_lit(out, "\",\"app\":");
    nacre_json_string(out, m->app, strlen(m->app));
    nacre_json_lit(out, ",\"version\":");
    nacre_json_string(out, m->version, strlen(m->version));
    nacre_json_lit(out, ",\"nacre\":\"" NACRE_VERSION "\"");
}

static void put_state(struct nacre_json_out *out, const struct nacre_state_frame *s, uint64_t now_ns)
{
    put_number(out, ",\"uptime_s\":", s->started_ns ? seconds_since(s->started_ns, now_ns) : 0);
    nacre_json_lit(out, s->clock_ok ? ",\"clock_ok\":true" : ",\"clock_ok\":false");
    put_milliseconds(out, ",\"clock_error_ms\":", s->clock_error_ns);
    nacre_json_lit(out, ",\"app_state\":\"");
    nacre_json_lit(out, state_name(s->app_state));
    nacre_json_lit(out, "\",\"secrets\":\"");
    nacre_json_lit(out, nacre_secrets_form_name(s->secrets_form));
    nacre_json_lit(out, "\",\"tls\":\"");
    nacre_json_lit(out, nacre_tls_form_name(s->tls_form));
    put_number(out, "\",\"restarts\":{\"app\":", s->app_restarts);
    put_number(out, ",\"http\":", s->http_restarts);
    put_number(out, "},\"backoff_ms\":{\"app\":", s->app_backoff_ms);
    put_number(out, ",\"http\":", s->http_backoff_ms);
    nacre_json_lit(out, "}");
}

uint32_t nacre_health_write(struct nacre_shared *shared, struct nacre_json_out *out, uint64_t now_ns)
{
    struct nacre_endpoint_health endpoints[NACRE_ENDPOINTS_MAX];
    (void)pthread_mutex_lock(&shared->lock);
    struct nacre_state_frame state = shared->state; /* all zero before the first: no key, clock unsure */
    bool has_document = shared->document.len > 0;
    uint64_t made_ns = shared->document_made_ns;
    memcpy(endpoints, shared->endpoints, sizeof endpoints);
    (void)pthread_mutex_unlock(&shared->lock);

    bool well = state.clock_ok && state.app_state == NACRE_HELPER_UP;
    put_key(out, &state);
    put_endpoints(out, shared->manifest, endpoints, now_ns);
    put_identity(out, shared->manifest, !state.key_ready ? "starting" : well ? "ok" : "degraded");
    put_state(out, &state, now_ns);
    nacre_json_lit(out, ",\"attestation_age_s\":");
    if (has_document)
        nacre_json_u64(out, seconds_since(made_ns, now_ns));
    else
        nacre_json_lit(out, "null");
    nacre_json_lit(out, "}");
    return state.key_ready ? 200 : 503;
}
