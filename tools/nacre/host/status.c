#include "status.h"

#include "nitro.h"
#include "probe.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void put_text(struct nacre_json_out *o, const char *key, const char *text)
{
    nacre_json_lit(o, key);
    nacre_json_string(o, text, strlen(text));
}

static void put_number(struct nacre_json_out *o, const char *key, uint64_t number)
{
    nacre_json_lit(o, key);
    nacre_json_u64(o, number);
}

/* An enclave that is on vsock, and of which the hypervisor says that it is not there or not running. */
static bool is_gone(const struct nacre_hd *d, const struct nacre_hd_enclave *e)
{
    const struct nacre_hd_described *what = nacre_hd_nitro_of(d, e);
    struct nacre_hd_nitro_view view = nacre_hd_nitro_last(d);
    return e->config.place.kind == NACRE_HD_VSOCK && view.n >= 0 && !view.error &&
           (!what || strcmp(what->state, "RUNNING") != 0);
}

static bool is_well(const struct nacre_hd *d, const struct nacre_hd_enclave *e)
{
    return e->health == NACRE_HD_HEALTHY && !e->removed && !e->config.drain && !is_gone(d, e);
}

static void put_check(const struct nacre_hd *d, struct nacre_json_out *o, const struct nacre_hd_enclave *e)
{
    struct nacre_hd_probe_result last = nacre_hd_probe_last(e);
    if (!last.at_ms) {
        nacre_json_lit(o, ",\"health_check\":null");
        return;
    }
    put_number(o, ",\"health_check\":{\"status\":", (uint64_t)last.status);
    put_number(o, ",\"age_ms\":", d->loop.now_ms - last.at_ms);
    put_number(o, ",\"took_ms\":", last.took_ms);
    if (last.error)
        put_text(o, ",\"error\":", last.error);
    nacre_json_lit(o, ",\"answer\":");
    if (last.json)
        nacre_json_raw(o, last.json, last.json_len);
    else
        nacre_json_lit(o, "null");
    nacre_json_lit(o, "}");
}

static void put_enclave(const struct nacre_hd *d, struct nacre_json_out *o, const struct nacre_hd_enclave *e)
{
    const struct nacre_hd_described *what = nacre_hd_nitro_of(d, e);
    put_text(o, "{\"name\":", e->config.name);
    put_text(o, ",\"connect\":", e->config.connect);
    put_text(o, ",\"health\":", nacre_hd_health_name(e->health));
    nacre_json_lit(o, e->config.drain || e->removed ? ",\"draining\":true" : ",\"draining\":false");
    put_text(o, ",\"state\":", what ? what->state : is_gone(d, e) ? "GONE" : "UNKNOWN");
    put_number(o, ",\"connections\":", e->connections);
    put_check(d, o, e);
    nacre_json_lit(o, ",\"describe_enclaves\":");
    if (what)
        nacre_json_raw(o, what->json, what->json_len);
    else
        nacre_json_lit(o, "null");
    nacre_json_lit(o, "}");
}

unsigned nacre_hd_status_health(const struct nacre_hd *d, struct nacre_json_out *o)
{
    const struct nacre_hd_enclave *first = d->enclaves;
    struct nacre_hd_nitro_view view = nacre_hd_nitro_last(d);
    bool well = false;
    for (const struct nacre_hd_enclave *e = d->enclaves; e && !well; e = e->next) {
        well = is_well(d, e);
        first = well ? e : first;
    }
    well = well && !d->draining;
    nacre_json_lit(o,
                   well ? "{\"status\":\"healthy\",\"enclave\":" : "{\"status\":\"unhealthy\",\"enclave\":");
    if (first)
        put_enclave(d, o, first);
    else
        nacre_json_lit(o, "null");
    nacre_json_lit(o, ",\"enclaves\":[");
    for (const struct nacre_hd_enclave *e = d->enclaves; e; e = e->next) {
        put_enclave(d, o, e);
        nacre_json_lit(o, e->next ? "," : "");
    }
    put_number(o, "],\"timestamp\":", (uint64_t)time(NULL));
    put_number(o, ",\"pid\":", (uint64_t)getpid());
    put_number(o, ",\"uptime_s\":", (d->loop.now_ms - d->started_ms) / 1000u);
    put_number(o, ",\"reloads\":", d->counters.reloads);
    put_number(o, ",\"reloads_failed\":", d->counters.reloads_failed);
    put_number(o, ",\"connections\":", d->n_ingress);
    nacre_json_lit(o, d->draining ? ",\"draining\":true" : ",\"draining\":false");
    nacre_json_lit(o, ",\"describe_error\":");
    if (view.error)
        nacre_json_string(o, view.error, strlen(view.error));
    else
        nacre_json_lit(o, "null");
    nacre_json_lit(o, "}\n");
    return well ? 200 : 503;
}
