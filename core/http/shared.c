#include "shared.h"

#include "openapi.h"
#include "tls.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * How much longer JSON may be than the largest response in BCS: a byte of an array is four characters at most, the
 * rest is for keys. A type that needs more is refused at the answer, not rendered without end.
 */
#define RENDER_FACTOR 8u
#define RENDER_EXTRA  65536u

static int build_envelopes(struct nacre_shared *shared)
{
    const struct nacre_manifest *m = shared->manifest;
    shared->envelopes = calloc(m->n_routes + 1u, sizeof *shared->envelopes);
    if (!shared->envelopes)
        return -ENOMEM;
    for (uint32_t i = 0; i < m->n_routes; i++) {
        struct nacre_envelope *e = &shared->envelopes[i];
        e->len = (uint32_t)snprintf(e->text, sizeof e->text, "{\"response\":{\"intent\":%u,\"timestamp_ms\":",
                                    m->intents[m->routes[i].intent].scope);
    }
    return 0;
}

int nacre_shared_init(struct nacre_shared *shared, const struct nacre_manifest *manifest, char *why,
                      size_t why_len)
{
    memset(shared, 0, sizeof *shared);
    shared->manifest = manifest;
    shared->control_fd = -1;
    shared->render_max =
        (size_t)manifest->config.http_body_bytes; /* never less than what a request may have */
    if (shared->render_max < manifest->config.app_response_bytes)
        shared->render_max = (size_t)manifest->config.app_response_bytes;
    shared->render_max = shared->render_max * RENDER_FACTOR + RENDER_EXTRA;
    int err = pthread_mutex_init(&shared->lock, NULL);
    if (err)
        return -err;
    err = nacre_batches_init(&shared->batches, manifest->config.nsm_batch, manifest->config.http_deadline_ms);
    if (!err)
        err = nacre_jobs_init(&shared->jobs, &manifest->config);
    if (!err)
        err = nacre_router_build(&shared->router, manifest, why, why_len);
    if (!err)
        err = nacre_renderer_init(&shared->renderer, &manifest->types);
    if (!err)
        err = build_envelopes(shared);
    if (!err)
        err = nacre_openapi_write(&shared->openapi, manifest, true);
    if (err)
        nacre_shared_free(shared);
    return err;
}

void nacre_shared_free(struct nacre_shared *shared)
{
    nacre_batches_free(&shared->batches);
    nacre_jobs_free(&shared->jobs);
    nacre_tls_free(shared->tls);
    nacre_router_free(&shared->router);
    nacre_renderer_free(&shared->renderer);
    free(shared->envelopes);
    free(shared->openapi.base);
    free(shared->document.base);
    sodium_memzero(shared->ticket_key, sizeof shared->ticket_key);
    (void)pthread_mutex_destroy(&shared->lock);
    memset(shared, 0, sizeof *shared);
}

uint32_t nacre_row_of(const struct nacre_shared *shared, const struct nacre_path *path)
{
    uint32_t n = shared->manifest->n_routes;
    return !path ? n + NACRE_BUILTINS : path->builtin ? n + path->index : path->index;
}

uint32_t nacre_row_count(const struct nacre_shared *shared)
{
    return shared->manifest->n_routes + NACRE_BUILTINS + 1;
}

uint64_t nacre_max_body(const struct nacre_shared *shared, uint32_t route)
{
    uint64_t max = shared->manifest->routes[route].max_body;
    uint64_t most = NACRE_PAYLOAD_MAX - NACRE_PARAMS_ROOM;
    return max < most ? max : most;
}

bool nacre_held_take(struct nacre_shared *shared, size_t len)
{
    if (atomic_fetch_add(&shared->held, len) + len <= NACRE_HTTP_HELD_MAX)
        return true;
    nacre_held_give(shared, len);
    return false;
}

void nacre_held_give(struct nacre_shared *shared, size_t len)
{
    (void)atomic_fetch_sub(&shared->held, len);
}

void nacre_shared_set_state(struct nacre_shared *shared, const struct nacre_state_frame *state)
{
    (void)pthread_mutex_lock(&shared->lock);
    shared->state = *state;
    shared->have_state = true;
    atomic_store(&shared->app_stopped, state->app_state == NACRE_HELPER_STOPPED);
    atomic_store(&shared->waits_for_secrets, state->secrets_form == NACRE_SECRETS_WAITING);
    (void)pthread_mutex_unlock(&shared->lock);
}

void nacre_shared_set_document(struct nacre_shared *shared, const uint8_t *document, size_t len,
                               uint64_t made_ns)
{
    struct nacre_json_out text = {0};
    nacre_json_lit(&text, "{\"attestation\":\"");
    nacre_json_hex(&text, document, len);
    nacre_json_lit(&text, "\"}");
    if (text.failed) { /* the old one is still good */
        free(text.base);
        return;
    }
    (void)pthread_mutex_lock(&shared->lock);
    struct nacre_json_out old = shared->document;
    shared->document = text;
    shared->document_made_ns = made_ns;
    (void)pthread_mutex_unlock(&shared->lock);
    free(old.base);
}

void nacre_shared_drop_document(struct nacre_shared *shared)
{
    (void)pthread_mutex_lock(&shared->lock);
    free(shared->document.base);
    shared->document = (struct nacre_json_out){0};
    (void)pthread_mutex_unlock(&shared->lock);
}

void nacre_shared_set_health(struct nacre_shared *shared, const struct nacre_health_frame *health)
{
    uint64_t now = nacre_monotonic_ns();
    (void)pthread_mutex_lock(&shared->lock);
    struct nacre_endpoint_health *e = &shared->endpoints[health->endpoint];
    e->ok = health->ok == 1;
    e->checked_ns = health->checked_ns && health->checked_ns < now ? health->checked_ns : now;
    (void)pthread_mutex_unlock(&shared->lock);
}
