/*
 * core.h - what the main thread of nacred holds. Other threads have what their own headers show: the signers a
 * nacre_signing, the NSM thread a nacre_nsm_thread.
 */
#ifndef NACRE_NACRED_CORE_H
#define NACRE_NACRED_CORE_H

#include "backoff.h"
#include "broker.h"
#include "kms.h"
#include "listen.h"
#include "nsm_thread.h"
#include "open.h"
#include "pids.h"
#include "secrets.h"
#include "sign.h"
#include "spawn.h"
#include "tls.h"

#include <limits.h>
#include <sys/types.h>

#define NACRE_EXIT_BOOT 2 /* refused to start; there has been no key, or nobody has seen it */
#define NACRE_EXIT_HTTP 3 /* nacre-http died more often in a row than the configuration allows */
#define NACRE_EXIT_PIDS 4 /* process 1 of the helpers' PID namespace was ended, and with it the namespace */

/* Kinds of events, in the upper half of epoll's data. */
enum nacre_event {
    NACRE_ON_SIGNAL,
    NACRE_ON_HTTP,
    NACRE_ON_APP,
    NACRE_ON_NSM,
    NACRE_ON_SECRETS,
    NACRE_ON_CONNECT,
    NACRE_ON_KMS,
    NACRE_ON_KMS_CONNECT
};
#define NACRE_EVENT(KIND) ((uint64_t)(KIND) << 32)

struct nacre_helper {
    const char *name; /* of its program */
    bool is_app;
    struct nacre_identity identity;
    bool doomed;            /* killed; what it still says does not count */
    bool got_secrets;       /* nacre-app: SECRETS have been sent */
    pid_t pid;              /* 0: not running */
    int control;            /* -1: none */
    uint32_t watched;       /* what epoll is to report of it */
    uint64_t deaf_since_ns; /* since when it does not read what we send; 0: it does */
    enum nacre_helper_state state;
    uint64_t incarnation;   /* counts its starts */
    uint64_t up_ns;         /* since when it is up */
    uint64_t restart_at_ns; /* UINT64_MAX: not planned */
    struct nacre_backoff backoff;
};

struct nacre_core {
    bool is_init; /* process 1 of an enclave */
    char helper_dir[PATH_MAX];
    int manifest_fd, plugin_fd; /* sealed */
    int ready_fd;               /* -1: none, or written already */
    int epoll, signals;
    struct nacre_pids pids; /* the helpers' */
    struct nacre_manifest manifest;
    struct nacre_listeners listeners;
    const struct nacre_keys *keys;
    struct nacre_timekeeper time;
    struct nacre_signing signing;
    struct nacre_signer signers[NACRE_LANES_MAX];
    uint32_t n_lanes, n_signers; /* lanes, and threads that run for them */
    struct nacre_nsm_thread nsm;
    struct nacre_broker broker;
    struct nacre_opening opening;
    struct nacre_secrets secrets;
    struct nacre_tls tls;
    struct nacre_kms kms;
    uint8_t operator_key[32]; /* of the configuration, when it names one */
    struct nacre_helper http, app;
    struct nacre_inbox inbox; /* for both control sockets */
    uint8_t ticket_key[16];   /* of the living nacre-http */
    uint64_t started_ns;
    uint64_t tick_at_ns;
    uint64_t own_at_ns;                   /* the next document of our own is due */
    uint64_t own_wait_ms;                 /* back-off after a failed one */
    struct nacre_nsm_result result;       /* the one being looked at */
    bool result_waits;                    /* until nacre-http reads what came before it */
    uint8_t document[NACRE_DOCUMENT_MAX]; /* the cached one */
    size_t document_len;
    uint64_t document_ns;
    uint64_t kill_at_ns; /* while stopping: when patience ends */
    bool stopping;
    bool was_ready;    /* both helpers have been up at the same time */
    char refusal[640]; /* why the boot is refused after all; empty: it is not */
    int exit_code;
};

/* boot.c: from arguments to running helpers and a key. 0, or -1 after a last line has been logged. */
int nacre_boot(struct nacre_core *c, const char *manifest, const char *plugin);
/* Logs the last line of a boot that is refused. Returns -1. */
int nacre_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* check.c: the check run. 0, or -1 after nacre_refuse(). */
int nacre_check_plugin(struct nacre_core *c);
/* The other way round: ends threads, wipes keys, closes everything. */
void nacre_shut_down(struct nacre_core *c);

/*
 * tls_control.c: nacre-http says which key it made or uses, false when it may not; the secrets have come, with or without
 * a certificate; what the operator has sealed goes to nacre-http unless it is in use.
 */
bool nacre_tls_said(struct nacre_core *c, const struct nacre_tls_frame *f);
void nacre_tls_came(struct nacre_core *c);
void nacre_send_tls(struct nacre_core *c);

/* loop.c: documents say from now on what we know now, and a new one of our own is asked for. */
void nacre_attest_anew(struct nacre_core *c);
/* loop.c: until both helpers have ended after a signal to stop, or nacre-http may not be restarted. */
void nacre_run(struct nacre_core *c);

/* supervise.c */
void nacre_helper_init(struct nacre_helper *h, const char *name, const struct nacre_config *config);
/* Only executes it, with option (may be NULL) as its argument. Its pid, or negative errno. */
pid_t nacre_helper_execute(const struct nacre_core *c, const struct nacre_helper *h, char *option,
                           int control);
/* Starts it and gives it its sockets. 0 or negative errno; then nothing of it remains. */
int nacre_helper_start(struct nacre_core *c, struct nacre_helper *h);
/* SIGKILL, and no more listening to it; the rest happens when it is reaped. `why`, unless NULL, is logged. */
void nacre_helper_kill(struct nacre_helper *h, const char *why);
/* Reaps whatever has died. */
void nacre_helpers_reap(struct nacre_core *c);
/* Starts what is due; returns when the next start is. */
uint64_t nacre_helpers_tick(struct nacre_core *c, uint64_t now_ns);
/* Begins the orderly end: nacre-http finishes first, since it needs the other. */
void nacre_helpers_stop(struct nacre_core *c, uint64_t now_ns);

/* kms.c: the run that asks KMS for the secrets */
void nacre_kms_init(struct nacre_core *c);
/* Starts a run that is due, ends one that takes too long; returns when something is due next. */
uint64_t nacre_kms_tick(struct nacre_core *c, uint64_t now_ns);
void nacre_kms_receive(struct nacre_core *c);
void nacre_kms_document(struct nacre_core *c, const struct nacre_nsm_result *r);
/* A process has been reaped: true when it was the run. */
bool nacre_kms_reaped(struct nacre_core *c, pid_t pid, int status);
void nacre_kms_end(struct nacre_core *c);
/* loop.c: the secrets have become what they will ever be. Ends the run that asks KMS before nacre-app hears of them. */
void nacre_secrets_settled(struct nacre_core *c);

/*
 * control.c: what is said on the control sockets. We never wait for a helper: one that does not read what it is sent is
 * not read either, and is killed when that lasts.
 */
void nacre_control_receive(struct nacre_core *c, struct nacre_helper *h);
/* For what a helper cannot do without: it is killed when it cannot be sent. */
void nacre_must_send(struct nacre_helper *h, void *frame, const void *payload, size_t len, const int *fds,
                     size_t n_fds);
/* Once a second or more often: listens again to helpers that read again, kills those that do not. */
void nacre_control_tick(struct nacre_core *c, uint64_t now_ns);
void nacre_send_init(struct nacre_core *c);
void nacre_send_lane(struct nacre_core *c, struct nacre_helper *h, uint32_t lane, uint32_t what,
                     const int *fds);
void nacre_send_stop(struct nacre_helper *h);
void nacre_send_state(struct nacre_core *c);
void nacre_send_time(struct nacre_core *c);
void nacre_send_secrets(
    struct nacre_core *c); /* once, when there is something to say and a time to start with */
void nacre_send_document(struct nacre_core *c); /* the cached one */
/* False: not now. */
bool nacre_send_attested(struct nacre_core *c, const struct nacre_nsm_result *r);
void nacre_send_connected(void *core, uint64_t id, int fd, int error); /* broker.h's `done` */

#endif
