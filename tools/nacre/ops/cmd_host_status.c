/* nacre host status */
#include "cmd_ops.h"
#include "commands.h"
#include "ops.h"

#include <common/json_write.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: nacre host status [NAME] [--json] [--config FILE] [--state DIR] [--nitro-cli PROG]\n"
    "\n"
    "What nacre host up has started: its phase, what nitro-cli says of it, what it says of itself, and how "
    "many\n"
    "connections the daemon has to it.\n"
    "\n"
    "Exit codes: 0 all that should serve do, and there is one at least; 1 not so; 2 a mistake on the command "
    "line.\n";

struct row {
    const struct nacre_ops_slot *slot;
    char title[NACRE_OPS_NAME_MAX + 16];
    char state[24];               /* of nitro-cli */
    char status[32], secrets[32]; /* of the enclave */
    char key[72];
    char health[24]; /* of the daemon */
    uint64_t connections;
    bool seen; /* by the daemon */
};

static void ask_enclave(struct nacre_ops *o, struct row *r)
{
    char place[NACRE_OPS_PLACE_MAX + 16];
    char *body = NULL;
    size_t len = 0;
    nacre_ops_place(r->slot, (uint32_t)o->options->api_port, place);
    int code = nacre_ops_get(place, "/health_check", &body, &len, o->why, sizeof o->why);
    if (code < 0 || !nacre_ops_member(body, len, "status", r->status, sizeof r->status))
        (void)snprintf(r->status, sizeof r->status, "%s", code < 0 ? "unreachable" : "unknown");
    if (code < 0 || !nacre_ops_member(body, len, "secrets", r->secrets, sizeof r->secrets))
        (void)snprintf(r->secrets, sizeof r->secrets, "unknown");
    if (code < 0 || !nacre_ops_member(body, len, "pk", r->key, sizeof r->key))
        r->key[0] = '\0';
    free(body);
}

static void fill(struct nacre_ops *o, struct row *r, const struct nacre_ops_enclave *listed, int n)
{
    nacre_ops_slot_title(r->slot, r->title);
    (void)snprintf(r->state, sizeof r->state, "%s", n < 0 ? "UNKNOWN" : "GONE");
    for (int i = 0; i < n; i++)
        if (strcmp(listed[i].id, r->slot->id) == 0)
            (void)snprintf(r->state, sizeof r->state, "%s", listed[i].state);
    (void)snprintf(r->health, sizeof r->health, "unknown");
    r->seen = nacre_ops_daemon_view(&o->state.daemon, r->title, r->health, &r->connections);
    ask_enclave(o, r);
}

static bool is_well(const struct row *r)
{
    return strcmp(r->state, "RUNNING") == 0 && strcmp(r->status, "ok") == 0;
}

static void print_row(const struct row *r)
{
    char connections[24] = "?";
    if (r->seen)
        (void)snprintf(connections, sizeof connections, "%ju", (uintmax_t)r->connections);
    (void)printf("%-20s %-9s %-9s %-12s %-8s %-10s %-11s %s\n", r->title,
                 nacre_ops_phase_name(r->slot->phase), r->state, r->status, r->secrets, r->health,
                 connections, r->slot->id);
}

static void put(struct nacre_json_out *o, const char *key, const char *text)
{
    nacre_json_lit(o, key);
    nacre_json_string(o, text, strlen(text));
}

static void put_row(struct nacre_json_out *o, const struct row *r)
{
    put(o, "{\"name\":", r->slot->name);
    put(o, ",\"title\":", r->title);
    put(o, ",\"phase\":", nacre_ops_phase_name(r->slot->phase));
    put(o, ",\"id\":", r->slot->id);
    put(o, ",\"eif\":", r->slot->eif);
    put(o, ",\"connect\":", r->slot->connect);
    put(o, ",\"state\":", r->state);
    put(o, ",\"status\":", r->status);
    put(o, ",\"secrets\":", r->secrets);
    put(o, ",\"public_key\":", r->key);
    put(o, ",\"daemon\":", r->health);
    nacre_json_lit(o, ",\"connections\":");
    if (r->seen)
        nacre_json_u64(o, r->connections);
    else
        nacre_json_lit(o, "null");
    nacre_json_lit(o, ",\"since_s\":");
    nacre_json_u64(o, r->slot->since_s);
    nacre_json_lit(o, "}");
}

/* True when all is as it should be. */
static bool print_all(struct nacre_ops *o, const struct nacre_ops_enclave *listed, int n)
{
    struct nacre_json_out out = {0};
    bool well = true, any = false, json = o->options->json;
    nacre_json_lit(&out, "[");
    if (!json)
        (void)printf("%-20s %-9s %-9s %-12s %-8s %-10s %-11s %s\n", "ENCLAVE", "PHASE", "STATE", "STATUS",
                     "SECRETS", "DAEMON", "CONNECTIONS", "ID");
    for (size_t i = 0; i < o->state.n; i++) {
        struct row r = {.slot = &o->state.slot[i]};
        if (o->options->name && strcmp(o->options->name, r.slot->name) != 0)
            continue;
        fill(o, &r, listed, n);
        any = any || r.slot->phase == NACRE_OPS_SERVING;
        well = well && (r.slot->phase != NACRE_OPS_SERVING || is_well(&r));
        nacre_json_lit(&out, out.len > 1 ? ",\n" : "");
        put_row(&out, &r);
        if (!json)
            print_row(&r);
    }
    nacre_json_lit(&out, "]\n");
    if (json && !out.failed)
        (void)fwrite(out.base, 1, out.len, stdout);
    free(out.base);
    return well && any;
}

int nacre_cmd_host_status(int argc, char **argv)
{
    static struct nacre_ops_enclave listed[NACRE_OPS_ENCLAVES];
    struct nacre_ops_options options;
    int code = nacre_ops_options_read(&options, argc, argv, help);
    if (code >= 0)
        return code;
    struct nacre_ops *o = calloc(1, sizeof *o);
    if (!o)
        return NACRE_EXIT_FAILED;
    o->options = &options;
    o->nitro.program = options.nitro_cli;
    o->nitro.timeout_ms = options.nitro_s * 1000;
    int rc = nacre_ops_state_open(&o->state, options.state_dir, options.config, false, o->why, sizeof o->why);
    int n = rc == 0 ? nacre_ops_nitro_list(&o->nitro, listed, o->why, sizeof o->why) : rc;
    if (n < 0)
        (void)fprintf(stderr, "%s: %s\n", options.program, o->why);
    bool well = rc == 0 && print_all(o, listed, n) && n >= 0;
    free(o);
    return well ? 0 : NACRE_EXIT_FAILED;
}
