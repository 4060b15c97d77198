/* driver.h - runs the real nacre-app as nacred would: its control socket, its lanes, its manifest. */
#ifndef NACRE_TESTS_APP_DRIVER_H
#define NACRE_TESTS_APP_DRIVER_H

#include "common/frame.h"
#include "common/manifest.h"

#include <sys/types.h>

#define DRIVER_WAIT_MS 20000 /* how long any answer may take */

/* What a test may change before it makes a manifest. */
struct driver_setup {
    const char *program;   /* nacre-app, under NACRE_OUT */
    const char *plugin;    /* file under NACRE_OUT/tests/plugins-app, "sample" */
    const char *described; /* the plugin whose descriptor the manifest has; NULL: the same */
    struct nacre_config config;
    struct nacre_endpoint_decl allow[4];
    uint32_t n_allow;
    struct nacre_text_pair pairs[4];
    uint32_t n_pairs;
    bool wrong_digest;
    bool unsealed;
};

void driver_setup(struct driver_setup *s);

/* Sealed memfds of the plugin and of a manifest for it, the caller's to close. */
int driver_plugin_fd(const struct driver_setup *s);
int driver_manifest_fd(const struct driver_setup *s);

/* The manifest itself, parsed. */
void driver_manifest(const struct driver_setup *s, struct nacre_manifest *m);

struct driver {
    pid_t pid; /* 0: not running */
    int control;
    int log; /* read end of its standard error */
    int request[4], result[4];
    uint32_t n_lanes;
    struct nacre_inbox in; /* of driver_receive() */
};

/* Runs nacre-app [--check]; nothing is sent yet. */
void driver_spawn(struct driver *d, const struct driver_setup *s, bool check);

/* All of it: time, lanes, secrets (NULL: those the sample needs); returns when READY has come. */
void driver_start(struct driver *d, const struct driver_setup *s, uint32_t n_lanes, const char *secrets);

/* A next message on fd into d->in; its type, or 0 when the peer has closed. Fails the test after DRIVER_WAIT_MS. */
uint32_t driver_receive(struct driver *d, int fd);

/* Is there nothing to receive within ms? */
bool driver_silent(int fd, int ms);

void driver_send_plain(struct driver *d, uint32_t type, const char *payload);
void driver_send_time(struct driver *d, bool valid, int64_t offset_ns);
/* A new pair for a lane: request, and result when both; replaces d->request and d->result. */
void driver_send_lane(struct driver *d, uint32_t lane, bool with_result);

/* A request with a deadline `ms` from now; params as they stand in the payload. */
void driver_request(struct driver *d, uint32_t lane, uint64_t id, uint32_t route, const void *params,
                    size_t params_len, const char *body, int64_t ms);

/* The same as a job, and the end of one. */
void driver_job(struct driver *d, uint32_t lane, uint64_t id, uint32_t route, const char *body, int64_t ms);
void driver_cancel(struct driver *d, uint32_t lane, uint64_t id);

/* Sends one on lane 0 and waits for what comes of it: 0 with the result in d->in, or the status of the failure. */
uint32_t driver_call(struct driver *d, uint32_t route, const char *body);

/* d->in holds a failure with this text? */
bool driver_text_is(const struct driver *d, const char *text);

/* Waits for the process; its exit status, or 128 + signal. */
int driver_end(struct driver *d);

/* What it wrote to standard error until now or its end, terminated. */
const char *driver_log(struct driver *d);

/* Ends whatever still runs. Accepts a zeroed struct. */
void driver_free(struct driver *d);

#endif
