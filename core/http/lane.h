/*
 * lane.h - one thread of nacre-http: its own libmicrohttpd daemon on its own listening socket, its own sockets to the
 * app and from nacred, one epoll set over all of them. Nothing of a request is shared with another lane.
 *
 * libmicrohttpd is run from outside: answers are read in a batch, their connections resumed, then MHD_run, and again
 * while MHD_get_timeout says that there is something left to do (a resumed connection takes two turns).
 */
#ifndef NACRE_HTTP_LANE_H
#define NACRE_HTTP_LANE_H

#include "common/frame.h"
#include "common/pack.h"
#include "errors.h"
#include "linger.h"
#include "metrics.h"
#include "nonce.h"
#include "shared.h"
#include "slots.h"
#include "tls.h"

struct MHD_Connection;
struct MHD_Response;
struct MHD_Daemon;

#define NACRE_MAIL_DOCUMENTS 1024u /* waiting in one mailbox; the rest is refused */

#define NACRE_MAIL_LOST 64u /* refused at once; more than these run into their deadline */

/* What an event of the lane's epoll set is about; from LINGER on, the index of a lingering connection is added. */
enum nacre_lane_tag { NACRE_TAG_HTTP, NACRE_TAG_REQUEST, NACRE_TAG_ANSWER, NACRE_TAG_WAKE, NACRE_TAG_LINGER };

enum nacre_phase {
    NACRE_PHASE_IDLE,    /* no request, or a request's head is being received */
    NACRE_PHASE_BODY,    /* the head was accepted, the body is being received */
    NACRE_PHASE_WAITING, /* suspended: an answer is due from another process */
    NACRE_PHASE_REPLY,   /* the answer is being sent */
};

/* Its handshake, with TLS; see shake.h. */
enum nacre_shaking {
    NACRE_SHAKE_DONE,  /* or there is none */
    NACRE_SHAKE_RUNS,  /* libmicrohttpd is at it */
    NACRE_SHAKE_WAITS, /* suspended until the socket is ready */
};

/* A connection and the one request it is at. Lives as long as the connection. */
struct nacre_conn {
    struct nacre_lane *lane;
    struct MHD_Connection *mhd;
    struct nacre_conn *prev, *next; /* of the lane */
    int fd;
    enum nacre_phase phase;
    uint64_t due_ns; /* when the client is cut off for being slow; UINT64_MAX: not now */
    bool linger;     /* closes with the client still sending */
    bool last;       /* this request is the connection's last, see nacre_head_judge() */
    struct nacre_tls_state tls;
    enum nacre_shaking shaking;
    unsigned shake_runs;           /* RUNS: that are still to come before it may wait */
    struct nacre_conn *shake_next; /* RUNS: of the lane */

    /* the request */
    bool suspended;
    bool
        awake; /* waits without being suspended: the handler is asked again in each run, see nacre_conn_wait() */
    uint64_t awake_until_ns;
    struct MHD_Response *ready; /* what to queue when it is asked the next time; ours */
    bool broken;                /* no answer could be made: close */
    bool done; /* given to the app while its body was read: only the end of the request is missing */
    bool chunked;
    bool browser;                 /* it has an Origin */
    bool async;                   /* it prefers to be a job */
    bool batch;                   /* its document may be shared */
    bool sealed;                  /* its body is an envelope, see seal.h */
    uint8_t job_id[NACRE_JOB_ID]; /* the job it became, or is about */
    enum nacre_method method;
    const struct nacre_path *path; /* NULL: none was found */
    uint32_t status;
    uint64_t id;
    uint64_t started_ns;
    uint64_t receive_by_ns; /* when the body must be there */
    uint64_t content_length;
    struct nacre_refusal refusal;
    struct nacre_nonce *nonce; /* of ?nonce= or ?attest=; NULL: none */
    uint8_t *params;           /* encoded path parameters; kept for the next request */
    size_t params_len, params_cap;
    uint8_t *body; /* as far as it came, when it came in pieces */
    size_t body_len, body_cap;

    /* while it waits */
    struct nacre_slot *slot;
    struct nacre_conn *next_pending; /* the app's socket is full: in line, the payload in `body` */
    bool pending;
    char *
        kept; /* with ?attest=, what came first: the signed JSON without its last '}', or the document in hex */
    size_t kept_len;
};

struct nacre_mail_document {
    struct nacre_mail_document *next;
    uint64_t id;
    uint32_t status;
    size_t len;
    uint8_t data[];
};

/* What the control thread leaves for a lane. */
struct nacre_mailbox {
    pthread_mutex_t lock;
    int request_fd; /* -1: no news */
    int answer_fd;
    bool stop;
    struct nacre_mail_document *first, *last;
    uint32_t n_documents;
    uint64_t lost[NACRE_MAIL_LOST]; /* ids of those that found no room */
    uint32_t n_lost;
    struct nacre_mail_batch *batches, **last_batch; /* no more than requests of the lane wait for */
};

struct nacre_lane {
    struct nacre_shared *shared;
    uint32_t index;
    struct MHD_Daemon *daemon;
    int epoll_fd;
    int wake_fd;    /* eventfd: there is mail */
    int done_fd;    /* eventfd of the control thread: a lane has ended */
    int request_fd; /* -1: the app is down */
    int answer_fd;
    bool app_was_up;
    bool wants_write; /* EPOLLOUT on request_fd */
    bool stopping;
    bool ended;             /* its thread has: no request is begun, nothing suspended */
    bool jobs_due;          /* a job may be started */
    uint64_t jobs_swept_ns; /* lane 0 */
    uint64_t stop_by_ns;
    uint64_t now_ns;      /* of this turn of the loop */
    uint64_t next_due_ns; /* no connection is due before */
    struct nacre_slots slots;
    struct nacre_inbox inbox;     /* of the answers' socket */
    struct nacre_inbox app_inbox; /* of the app's */
    struct nacre_outbox outbox;   /* requests for the app, sent together after each run of libmicrohttpd */
    struct nacre_json_out out;    /* where answers are written */
    struct nacre_conn *conns;
    struct nacre_conn *shaking; /* whose handshakes libmicrohttpd is at */
    uint32_t n_awake;           /* connections that wait without being suspended */
    uint32_t n_asleep;          /* so many more are suspended at once: the last answers took long */
    uint64_t
        n_steps; /* what libmicrohttpd did that it may have to go on with: connections ended, answers queued, ... */
    bool again; /* libmicrohttpd is to be run once more before anything is waited for */
    struct nacre_conn *pending_first, *pending_last;
    struct nacre_linger linger;
    struct nacre_metrics metrics;
    struct nacre_mailbox mail;
    struct nacre_mail_batch *batches; /* that are being answered */
    pthread_t thread;
};

/*
 * nacre_lane_init - everything but the thread; listen_fd becomes the lane's. done_fd stays the caller's.
 * 0 or negative errno, nothing is kept then.
 */
int nacre_lane_init(struct nacre_lane *lane, struct nacre_shared *shared, uint32_t index, int listen_fd,
                    int done_fd);
void nacre_lane_free(struct nacre_lane *lane);

/* The thread: serves until it is told to stop and nothing is in flight, then writes to done_fd. */
void *nacre_lane_run(void *lane);

/* The control thread leaves mail. Descriptors become the lane's; -1 for none. */
void nacre_lane_post_sockets(struct nacre_lane *lane, int request_fd, int answer_fd);
void nacre_lane_post_document(struct nacre_lane *lane, uint64_t id, uint32_t status, const uint8_t *data,
                              size_t len);
/* Any thread. Holds the batch until the lane has answered. */
void nacre_lane_post_batch(struct nacre_lane *lane, struct nacre_batch *batch);
void nacre_lane_post_stop(struct nacre_lane *lane);

/* Drops what was not answered. */
void nacre_mail_free_batches(struct nacre_mail_batch *first);

/* Takes what was left. Called by the lane. */
void nacre_lane_take_mail(struct nacre_lane *lane);

/* Ends the lane's sleep. Any thread. */
void nacre_lane_wake(struct nacre_lane *lane);

/* The lane's app is gone: every request that was with it is answered 503. Closes the request socket. */
void nacre_lane_lose_app(struct nacre_lane *lane);

/* Adds a descriptor to the epoll set, for reading. 0 or negative errno. */
int nacre_lane_watch(struct nacre_lane *lane, int fd, enum nacre_lane_tag tag);

/* Asks the epoll set for room to write to the app, or no longer. */
void nacre_lane_want_write(struct nacre_lane *lane, bool want);

/* A connection's new time limit. */
void nacre_conn_due(struct nacre_conn *conn, uint64_t due_ns);

/* An empty buffer for one answer. */
struct nacre_json_out *nacre_lane_out(struct nacre_lane *lane);

#endif
