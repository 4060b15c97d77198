/*
 * shared.h - what the threads of nacre-http have in common: what was built once from the manifest and is only read,
 * and the news from nacred, under a lock.
 */
#ifndef NACRE_HTTP_SHARED_H
#define NACRE_HTTP_SHARED_H

#include "batch.h"
#include "common/frame.h"
#include "common/json_write.h"
#include "common/manifest.h"
#include "jobs.h"
#include "render.h"
#include "router.h"

#include <pthread.h>
#include <stdatomic.h>

/* Bytes of request bodies held at once, of all lanes: bodies that come in pieces, and requests the app is too slow for. */
#define NACRE_HTTP_HELD_MAX (64ull * 1024 * 1024)

/* Of a frame's payload, for path parameters: a request's head is never larger. */
#define NACRE_PARAMS_ROOM (512u * 1024)

/* `{"response":{"intent":0,"timestamp_ms":` of a route. */
struct nacre_envelope {
    char text[56];
    uint32_t len;
};

struct nacre_endpoint_health {
    uint32_t ok;
    uint64_t checked_ns; /* CLOCK_MONOTONIC; 0: never */
};

struct nacre_lane;
struct nacre_tls;

struct nacre_shared {
    /* read only once the lanes run */
    const struct nacre_manifest *manifest;
    struct nacre_router router;
    struct nacre_renderer renderer;
    struct nacre_envelope *envelopes; /* one for each route */
    struct nacre_json_out openapi;
    size_t render_max; /* bytes of JSON that one answer may have */
    bool is_vsock;
    bool log_requests;
    struct nacre_tls *tls; /* NULL: plain HTTP */
    int control_fd;        /* our end is non-blocking */
    uint8_t ticket_key[16];
    struct nacre_lane *lanes;
    uint32_t n_lanes;

    _Atomic bool waits_for_secrets; /* the app is not started before they are here */
    _Atomic bool app_stopped;       /* for good, see restart.stop_after */

    /* counted by all lanes */
    _Atomic uint64_t in_flight;
    _Atomic uint64_t held; /* bytes */

    struct nacre_jobs jobs;       /* has a lock of its own */
    struct nacre_batches batches; /* so does this */

    pthread_mutex_t lock; /* guards what follows */
    bool have_state;
    struct nacre_state_frame state;
    struct nacre_json_out document; /* the cached {"attestation":"..."}; empty: none yet */
    uint64_t document_made_ns;
    struct nacre_endpoint_health endpoints[NACRE_ENDPOINTS_MAX]; /* by index of the allow list */
};

/*
 * nacre_shared_init - build everything from the manifest, which must outlive *shared.
 * Returns 0, -ENOMEM, or -EINVAL with `why`.
 */
int nacre_shared_init(struct nacre_shared *shared, const struct nacre_manifest *manifest, char *why,
                      size_t why_len);
void nacre_shared_free(struct nacre_shared *shared);

/* Rows of the metrics: routes, builtins, one for the rest. */
uint32_t nacre_row_of(const struct nacre_shared *shared,
                      const struct nacre_path *path); /* path may be NULL */
uint32_t nacre_row_count(const struct nacre_shared *shared);

/* Bytes of body that a route takes: what it declares, and never more than a frame has room for. */
uint64_t nacre_max_body(const struct nacre_shared *shared, uint32_t route);

/* Takes `len` of the bytes that may be held; false when there is no room. */
bool nacre_held_take(struct nacre_shared *shared, size_t len);
void nacre_held_give(struct nacre_shared *shared, size_t len);

/* The key of HTTPS has changed: a document that names the old one is handed out no more. */
void nacre_shared_drop_document(struct nacre_shared *shared);

/* News from nacred and from the app. */
void nacre_shared_set_state(struct nacre_shared *shared, const struct nacre_state_frame *state);
void nacre_shared_set_document(struct nacre_shared *shared, const uint8_t *document, size_t len,
                               uint64_t made_ns);
void nacre_shared_set_health(struct nacre_shared *shared, const struct nacre_health_frame *health);

#endif
