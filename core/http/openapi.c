#include "openapi.h"

#include "router.h"
#include "schema.h"

#include "common/sealed_mode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define JSON_CONTENT "\"content\":{\"application/json\":{\"schema\":"

static void put_string(struct nacre_json_out *out, const char *text)
{
    nacre_json_string(out, text, strlen(text));
}

static void put_ref(struct nacre_json_out *out, const char *name)
{
    nacre_json_lit(out, "{\"$ref\":\"#/components/schemas/");
    nacre_json_lit(out, name);
    nacre_json_lit(out, "\"}");
}

static const char error_answer[] = "\"default\":{\"$ref\":\"#/components/responses/Error\"}";

#define NONCE_SCHEMA "\"schema\":{\"type\":\"string\",\"pattern\":\"^([0-9a-fA-F]{2}){1,512}$\"}}"

static void put_job_operation(struct nacre_json_out *out, const char *method, const char *id,
                              const char *summary)
{
    nacre_json_lit(out, method);
    nacre_json_lit(out, "\":{\"operationId\":\"");
    nacre_json_lit(out, id);
    nacre_json_lit(out, "\",\"summary\":\"");
    nacre_json_lit(out, summary);
    nacre_json_lit(out, "\",\"parameters\":[{\"name\":\"id\",\"in\":\"path\",\"required\":true,\"schema\":"
                        "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{32}$\"}}],\"responses\":{\"200\":"
                        "{\"description\":\"See docs/JOBS.md\"," JSON_CONTENT);
}

/* What becomes of a request with `Prefer: respond-async`. */
static void put_jobs(struct nacre_json_out *out)
{
    nacre_json_lit(out, "\"/jobs/{id}\":{\"");
    put_job_operation(out, "get", "job", "State, progress and, once it has ended, answer of a job");
    put_ref(out, "nacre.Job");
    nacre_json_lit(out, "}}},");
    nacre_json_lit(out, error_answer);
    nacre_json_lit(out, "}},\"");
    put_job_operation(out, "delete", "cancel_job", "Cancels a job, forgets one that has ended");
    put_ref(out, "nacre.Job");
    nacre_json_lit(out, "}}},");
    nacre_json_lit(out, error_answer);
    nacre_json_lit(out, "}}},\"/jobs/{id}/answer\":{\"");
    put_job_operation(out, "get", "job_answer", "What the request would have been answered, status and all");
    nacre_json_lit(out, "{\"type\":\"object\"}}}},");
    nacre_json_lit(out, error_answer);
    nacre_json_lit(out, "}}}");
}

/* The routes of the runtime itself. They are the same for every app. */
static void put_builtins(struct nacre_json_out *out)
{
    nacre_json_lit(
        out, "\"/\":{\"get\":{\"operationId\":\"root\",\"summary\":\"Says that it is there\",\"responses\":{"
             "\"200\":{\"description\":\"Pong!\",\"content\":{\"text/plain\":{\"schema\":"
             "{\"type\":\"string\",\"const\":\"Pong!\"}}}}}}}");
    nacre_json_lit(out, ",\"/health_check\":{\"get\":{\"operationId\":\"health_check\","
                        "\"summary\":\"Public key and state\",\"responses\":{"
                        "\"200\":{\"description\":\"There is a key\"," JSON_CONTENT);
    put_ref(out, "nacre.Health");
    nacre_json_lit(out, "}}},\"503\":{\"description\":\"There is no key yet\"," JSON_CONTENT);
    put_ref(out, "nacre.Health");
    nacre_json_lit(
        out,
        "}}}}}},\"/get_attestation\":{\"get\":{\"operationId\":\"get_attestation\","
        "\"summary\":\"Attestation document of the public key\",\"parameters\":[{\"name\":\"nonce\","
        "\"in\":\"query\",\"description\":\"1 to 512 bytes in hex, to be put into a fresh "
        "document\"," NONCE_SCHEMA
        ",{\"name\":\"batch\",\"in\":\"query\",\"description\":\"1: the document may be shared, see batch\","
        "\"schema\":{\"enum\":[\"0\",\"1\"]}}],\"responses\":{\"200\":{\"description\":"
        "\"The NSM's document, in hex\"," JSON_CONTENT "{\"type\":\"object\",\"properties\":{"
        "\"attestation\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]+$\"},\"batch\":{\"type\":\"object\","
        "\"properties\":{\"size\":{\"type\":\"integer\"},\"index\":{\"type\":\"integer\"},\"path\":{"
        "\"type\":\"array\",\"maxItems\":16,\"items\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\"}"
        "}},\"required\":[\"size\",\"index\",\"path\"]}},\"required\":[\"attestation\"]}}}},");
    nacre_json_lit(out, error_answer);
    nacre_json_lit(
        out, "}}},\"/openapi.json\":{\"get\":{\"operationId\":\"openapi\",\"summary\":\"This document\","
             "\"responses\":{\"200\":{\"description\":\"OpenAPI 3.1\"," JSON_CONTENT
             "{\"type\":\"object\"}}}}}}},");
    put_jobs(out);
}

static void put_parameters(struct nacre_json_out *out, const struct nacre_types *types, uint32_t request)
{
    const struct nacre_type_decl *t = &types->types[request];
    nacre_json_lit(out, "\"parameters\":[");
    for (uint32_t i = 0; i < t->n_fields; i++) {
        const struct nacre_field_decl *f = &types->fields[t->first_field + i];
        if (f->source != NACRE_SOURCE_PATH)
            continue;
        nacre_json_lit(out, "{\"name\":");
        put_string(out, f->name);
        nacre_json_lit(out, ",\"in\":\"path\",\"required\":true,\"schema\":");
        nacre_schema_type(out, types, f->type, NACRE_SCHEMA_REQUEST);
        nacre_json_lit(out, "},");
    }
    nacre_json_lit(
        out, "{\"name\":\"attest\",\"in\":\"query\",\"description\":\"1 to 512 bytes in hex: the answer also "
             "carries an attestation document with this nonce\"," NONCE_SCHEMA
             ",{\"$ref\":\"#/components/parameters/Prefer\"}]");
}

/* {"response":{"intent","timestamp_ms","data"},"signature"[,"attestation"]} */
static void put_envelope(struct nacre_json_out *out, const struct nacre_manifest *m,
                         const struct nacre_route_decl *r)
{
    nacre_json_lit(out,
                   "{\"type\":\"object\",\"properties\":{\"response\":{\"type\":\"object\",\"properties\":{"
                   "\"intent\":{\"type\":\"integer\",\"const\":");
    nacre_json_u64(out, m->intents[r->intent].scope);
    nacre_json_lit(out, "},\"timestamp_ms\":{\"type\":\"integer\",\"format\":\"uint64\"},\"data\":");
    nacre_schema_type(out, &m->types, r->response, NACRE_SCHEMA_RESPONSE);
    nacre_json_lit(
        out, "},\"required\":[\"intent\",\"timestamp_ms\",\"data\"]},\"signature\":{\"type\":\"string\","
             "\"description\":\"Ed25519 over the BCS of intent, timestamp_ms and data\","
             "\"pattern\":\"^[0-9a-f]{128}$\"},\"attestation\":{\"type\":\"string\",\"description\":"
             "\"With ?attest= only\",\"pattern\":\"^[0-9a-f]+$\"}},"
             "\"required\":[\"response\",\"signature\"]}");
}

/* "post_network_register_agent": what generated clients call the route. `out` is always terminated. */
static void operation_name(const struct nacre_route_decl *r, char *out, size_t cap)
{
    const char *const parts[] = {r->method, r->path};
    size_t at = 0;
    for (size_t k = 0; k < 2; k++) {
        for (const char *c = parts[k]; *c && at < cap - 1; c++) {
            if ((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9'))
                out[at++] = *c;
            else if (*c >= 'A' && *c <= 'Z')
                out[at++] = (char)(*c + 32);
            else if (at && out[at - 1] != '_')
                out[at++] = '_';
        }
    }
    while (at && out[at - 1] == '_')
        at--;
    out[at] = '\0';
}

static void put_operation_id(struct nacre_json_out *out, const struct nacre_manifest *m, uint32_t index)
{
    char name[300], other[300];
    operation_name(&m->routes[index], name, sizeof name);
    nacre_json_lit(out, "\"");
    nacre_json_lit(out, name);
    for (uint32_t i = 0; i < index; i++) {
        operation_name(&m->routes[i], other, sizeof other);
        if (strcmp(name, other) == 0) { /* "/a-b" and "/a_b" */
            nacre_json_lit(out, "__");
            nacre_json_u64(out, index);
            break;
        }
    }
    nacre_json_lit(out, "\"");
}

/* Ends the JSON form of a body, which is also what is in the sealed one; where the route takes that, here it is. */
static void put_sealed(struct nacre_json_out *out, const struct nacre_route_decl *r)
{
    nacre_json_lit(out, "}");
    if (r->sealed == NACRE_SEALED_OFF)
        return;
    nacre_json_lit(out, ",\"application/vnd.nacre.sealed\":{\"schema\":{\"description\":\"");
    nacre_json_lit(out, r->sealed == NACRE_SEALED_REQUIRED ? "The only form that is taken: the JSON sealed"
                                                           : "The JSON sealed");
    nacre_json_lit(out, ", see docs/SEALED.md\",\"type\":\"string\",\"format\":\"binary\"}}");
}

static void put_operation(struct nacre_json_out *out, const struct nacre_manifest *m, uint32_t index)
{
    const struct nacre_route_decl *r = &m->routes[index];
    const struct nacre_intent_decl *intent = &m->intents[r->intent];
    char method[32] = "";
    for (size_t i = 0; i < sizeof method - 1 && r->method[i]; i++) /* "POST" -> "post" */
        method[i] = (char)(r->method[i] >= 'A' && r->method[i] <= 'Z' ? r->method[i] + 32 : r->method[i]);
    put_string(out, method);
    nacre_json_lit(out, ":{\"operationId\":");
    put_operation_id(out, m, index);
    nacre_json_lit(out, ",\"summary\":");
    put_string(out, intent->name);
    nacre_json_lit(out, ",");
    put_parameters(out, &m->types, r->request);
    if (nacre_schema_has_body(&m->types, r->request)) {
        nacre_json_lit(out, ",\"requestBody\":{\"required\":true," JSON_CONTENT);
        nacre_schema_type(out, &m->types, r->request, NACRE_SCHEMA_REQUEST);
        put_sealed(out, r);
        nacre_json_lit(out, "}}");
    }
    nacre_json_lit(out, ",\"responses\":{\"200\":{\"description\":\"A signed response\"," JSON_CONTENT);
    put_envelope(out, m, r);
    put_sealed(out, r);
    nacre_json_lit(out, "}},\"202\":{\"$ref\":\"#/components/responses/Accepted\"},");
    nacre_json_lit(out, error_answer);
    nacre_json_lit(out, "}}");
}

/* A path is one key, however many methods it has. */
static void put_paths(struct nacre_json_out *out, const struct nacre_manifest *m)
{
    nacre_json_lit(out, "\"paths\":{");
    put_builtins(out);
    for (uint32_t i = 0; i < m->n_routes; i++) {
        bool seen = false;
        for (uint32_t k = 0; k < i && !seen; k++)
            seen = strcmp(m->routes[k].path, m->routes[i].path) == 0;
        if (seen)
            continue;
        nacre_json_lit(out, ",");
        put_string(out, m->routes[i].path);
        nacre_json_lit(out, ":{");
        for (uint32_t k = i; k < m->n_routes; k++) {
            if (strcmp(m->routes[k].path, m->routes[i].path) != 0)
                continue;
            nacre_json_lit(out, k > i ? "," : "");
            put_operation(out, m, k);
        }
        nacre_json_lit(out, "}");
    }
    nacre_json_lit(out, "}");
}

static void put_structs(struct nacre_json_out *out, const struct nacre_types *types, const bool *seen,
                        enum nacre_schema_side side)
{
    for (uint32_t i = 0; i < types->n_types; i++) {
        if (!seen[i] || types->types[i].kind != NACRE_KIND_STRUCT)
            continue;
        nacre_json_lit(out, ",\"");
        nacre_schema_name(out, types, i, side);
        nacre_json_lit(out, "\":");
        nacre_schema_struct(out, types, i, side);
    }
}

static void put_components(struct nacre_json_out *out, const struct nacre_manifest *m)
{
    bool in[NACRE_TYPES_MAX] = {false}, back[NACRE_TYPES_MAX] = {false};
    for (uint32_t i = 0; i < m->n_routes; i++) {
        nacre_schema_mark(&m->types, m->routes[i].request, in);
        nacre_schema_mark(&m->types, m->routes[i].response, back);
    }
    /* a struct's name has no dot: these two cannot meet an app's */
    nacre_json_lit(
        out,
        "\"components\":{\"responses\":{\"Error\":{\"description\":\"Not signed, and why\"," JSON_CONTENT);
    put_ref(out, "nacre.Error");
    nacre_json_lit(
        out, "}}},\"Accepted\":{\"description\":\"It became a job\",\"headers\":{\"Location\":{\"schema\":"
             "{\"type\":\"string\",\"pattern\":\"^/jobs/[0-9a-f]{32}$\"}}}," JSON_CONTENT);
    put_ref(out, "nacre.Job");
    nacre_json_lit(out,
                   "}}}},\"parameters\":{\"Prefer\":{\"name\":\"Prefer\",\"in\":\"header\",\"description\":"
                   "\"respond-async: answer 202 and run it as a job\",\"schema\":{\"type\":\"string\"}}}");
    nacre_json_lit(out, ",\"schemas\":{\"nacre.Error\":{\"type\":\"object\",\"properties\":{\"error\":"
                        "{\"type\":\"string\"}},\"required\":[\"error\"]}");
    nacre_json_lit(
        out, ",\"nacre.Health\":{\"type\":\"object\",\"properties\":{"
             "\"pk\":{\"type\":[\"string\",\"null\"],\"pattern\":\"^[0-9a-f]{64}$\"},"
             "\"public_key\":{\"type\":[\"string\",\"null\"],\"pattern\":\"^[0-9a-f]{64}$\"},"
             "\"endpoints_status\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"boolean\"}},"
             "\"endpoints\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
             "\"endpoints_age_s\":{\"type\":\"object\",\"additionalProperties\":"
             "{\"type\":[\"integer\",\"null\"]}},"
             "\"secrets\":{\"type\":\"string\",\"enum\":[\"none\",\"waiting\",\"plain\",\"sealed\",\"kms\"]},"
             "\"tls\":{\"type\":\"string\",\"enum\":[\"none\",\"self-signed\",\"operator\"]},"
             "\"status\":{\"type\":\"string\",\"enum\":[\"ok\",\"starting\",\"degraded\"]}},"
             "\"required\":[\"pk\",\"public_key\",\"endpoints_status\",\"endpoints\",\"status\"]}");
    nacre_json_lit(
        out,
        ",\"nacre.Job\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},"
        "\"state\":{\"type\":\"string\",\"enum\":[\"queued\",\"running\",\"done\",\"failed\",\"cancelled\"]},"
        "\"progress\":{\"type\":\"integer\",\"maximum\":1000},\"message\":{\"type\":\"string\"},"
        "\"request_id\":{\"type\":\"string\"},\"queued_ms\":{\"type\":\"integer\"},"
        "\"running_ms\":{\"type\":\"integer\"},\"ahead\":{\"type\":\"integer\"},"
        "\"deadline_ms\":{\"type\":\"integer\"},\"kept_s\":{\"type\":\"integer\"},"
        "\"status\":{\"type\":\"integer\"},\"answer\":{\"type\":\"object\"}},"
        "\"required\":[\"id\",\"state\",\"progress\",\"message\",\"queued_ms\",\"running_ms\"]}");
    put_structs(out, &m->types, in, NACRE_SCHEMA_REQUEST);
    put_structs(out, &m->types, back, NACRE_SCHEMA_RESPONSE);
    nacre_json_lit(out, "}}");
}

int nacre_openapi_write(struct nacre_json_out *out, const struct nacre_manifest *manifest, bool served)
{
    nacre_json_lit(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":");
    put_string(out, manifest->app);
    nacre_json_lit(out, ",\"version\":");
    put_string(out, manifest->version);
    nacre_json_lit(out, "},");
    if (served)
        nacre_openapi_server(out, &manifest->config);
    put_paths(out, manifest);
    nacre_json_lit(out, ",");
    put_components(out, manifest);
    nacre_json_lit(out, "}");
    if (!out->failed)
        return 0;
    free(out->base);
    *out = (struct nacre_json_out){0};
    return -ENOMEM;
}
