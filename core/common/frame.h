/*
 * frame.h - the messages between the three processes, over SOCK_SEQPACKET socket pairs made by nacred.
 *
 *   http --REQUEST--> app --RESULT--> nacred --ANSWER--> http      one lane: a request's way round
 *   app --FAILURE, HEALTH, PROGRESS, REPLY_KEY, PREPARED--> http   back over the lane's request socket, unsigned
 *   nacred <--control--> http, nacred <--control--> app            one control socket each
 *
 * A frame is a fixed struct that begins with nacre_frame_head, then the payload. A message is one frame; on the way round,
 * where many are ready at once, it may be several, each beginning at a multiple of eight (see pack.h). Payloads too large to
 * travel inline go as a memfd attached to the message; the receiver reads it into memory of its own before it
 * looks at it. Integers are in host order: both ends are one build on one machine. Every receiver treats its
 * peer as hostile.
 */
#ifndef NACRE_COMMON_FRAME_H
#define NACRE_COMMON_FRAME_H

#include "sealed_call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Descriptors that a helper finds open when it is executed; everything else comes over control. */
#define NACRE_FD_CONTROL  3
#define NACRE_FD_MANIFEST 4
#define NACRE_FD_PLUGIN   5 /* nacre-app only */

#define NACRE_FRAME_INLINE   32768u              /* payload bytes that travel inside the message */
#define NACRE_PAYLOAD_MAX    (16u * 1024 * 1024) /* payload bytes of any message */
#define NACRE_FRAME_FDS      40u                 /* descriptors with one message */
#define NACRE_FRAME_HEADROOM 16u                 /* writable bytes before a received payload */
#define NACRE_LANES_MAX      16u
#define NACRE_FAILURE_TEXT   512u
#define NACRE_PROGRESS_TEXT  256u
#define NACRE_NONCE_MAX      512u   /* bytes, the NSM's limit */
#define NACRE_DOCUMENT_MAX   12288u /* bytes, the NSM's answer buffer */
#define NACRE_SECRETS_BLOB   65536u /* bytes of the secrets object */
#define NACRE_TLS_BLOB       16384u /* bytes of a TLS key, or of one with its certificates */
#define NACRE_TLS_KEY        32u /* bytes of the SHA-256 of a SubjectPublicKeyInfo (DER), which names a key */
#define NACRE_RECIPIENT_MAX  1024u /* bytes of a recipient's key, the NSM's limit */

enum nacre_frame_type {
    NACRE_FRAME_REQUEST = 1, /* http -> app: payload = path parameters, then body */
    NACRE_FRAME_FAILURE,     /* app -> http: unsigned error; payload = text */
    NACRE_FRAME_HEALTH,      /* app -> http: an endpoint was checked */
    NACRE_FRAME_RESULT,      /* app -> nacred: payload = BCS of the response */
    NACRE_FRAME_ANSWER,      /* nacred -> http: payload = the signed BCS, or an error's text */
    NACRE_FRAME_PROGRESS,    /* app -> http: how far a job is; payload = text */
    NACRE_FRAME_CANCEL,      /* http -> app, on any lane: nobody waits for this job any more; no payload */
    NACRE_FRAME_REPLY_KEY,   /* app -> http: a sealed request was opened; its answer's key */
    NACRE_FRAME_PREPARED, /* app -> http: a sealed request to become a job; payload = a box of the app's own */
    NACRE_FRAME_INIT = 16, /* nacred -> http: listening sockets, ticket key */
    NACRE_FRAME_LANE,      /* nacred -> http, app: new sockets of a lane; the old ones are dead */
    NACRE_FRAME_STATE,     /* nacred -> http */
    NACRE_FRAME_DOCUMENT,  /* nacred -> http: payload = attestation document, or an error's text */
    NACRE_FRAME_ATTEST,    /* http -> nacred */
    NACRE_FRAME_READY,     /* helper -> nacred: no payload */
    NACRE_FRAME_FAILED,    /* helper -> nacred: cannot start; payload = text */
    NACRE_FRAME_STOP,      /* nacred -> helper: finish what is in flight and exit; no payload */
    NACRE_FRAME_TIME,      /* nacred -> app */
    NACRE_FRAME_SECRETS, /* nacred -> app: payload = the JSON object, empty when there is none; app --kms -> nacred */
    NACRE_FRAME_CONNECT,   /* app -> nacred */
    NACRE_FRAME_CONNECTED, /* nacred -> app: with the connected descriptor when error is 0 */
    NACRE_FRAME_BOX,       /* app -> nacred */
    NACRE_FRAME_BOX_KEY,   /* nacred -> app: answers BOX and OPEN */
    NACRE_FRAME_TLS, /* http -> nacred: a key it made (payload), or serves with; the operator's the other way */
    NACRE_FRAME_OPEN,        /* app -> nacred: the key of a sealed request */
    NACRE_FRAME_CREDENTIALS, /* nacred -> app --kms: payload = what the parent has lent, see credentials.h */
    NACRE_FRAME_RECIPIENT, /* app --kms -> nacred: payload = an RSA key's SubjectPublicKeyInfo; a DOCUMENT follows */
};

struct nacre_frame_head {
    uint32_t type;
    uint32_t in_fd;       /* 1: the payload is in the attached memfd */
    uint64_t payload_len; /* bytes */
};

/*
 * What ties a result to a request that nacre-http really received: the mac is SipHash-2-4-128 over id,
 * deadline and route under a key that nacred and nacre-http share and nacre-app never sees. No ticket, no
 * signature.
 */
struct nacre_ticket {
    uint64_t id;
    uint64_t deadline_ns; /* CLOCK_MONOTONIC; nothing is signed after it */
    uint32_t route;       /* index in the manifest */
    uint32_t reserved;
    uint8_t mac[16];
};

struct nacre_request_frame {
    struct nacre_frame_head head;
    struct nacre_ticket ticket;
    uint32_t params_len; /* first bytes of the payload: per path parameter, in path order, u16 LE length and
                            bytes */
    uint32_t flags;      /* NACRE_REQUEST_* */
};

#define NACRE_REQUEST_JOB    1u /* no connection waits: the ticket's deadline holds, not the route's */
#define NACRE_REQUEST_SEALED 2u /* the payload begins with a nacre_sealed_pass, and its body is an envelope */
#define NACRE_REQUEST_PREPARE                                                                                \
    4u /* sealed: only open it, and send it back as PREPARED, to be run as a job later */
#define NACRE_REQUEST_PREPARED 8u /* sealed: the body is what PREPARED brought */

/*
 * What stands before the path parameters of a sealed request. The mac is over ticket, target and the envelope's header
 * under the tickets' key: nacred gives out the keys of requests that nacre-http really received, and of no others.
 */
struct nacre_sealed_pass {
    uint8_t mac[16];
    uint8_t target[32]; /* nacre_sc_target() of the route as it was asked for */
};

struct nacre_prepared_frame {
    struct nacre_frame_head head;
    uint64_t id;
};

struct nacre_reply_key_frame {
    struct nacre_frame_head head;
    uint64_t id;
    uint8_t key[32]; /* nacre_sc_answer_key() */
};

struct nacre_progress_frame {
    struct nacre_frame_head head;
    uint64_t id;
    uint32_t permille; /* 0 to 1000 */
    uint32_t reserved;
};

struct nacre_cancel_frame {
    struct nacre_frame_head head;
    uint64_t id;
};

struct nacre_failure_frame {
    struct nacre_frame_head head;
    uint64_t id;
    uint32_t status; /* 400 to 599 */
    uint32_t reserved;
};

struct nacre_health_frame {
    struct nacre_frame_head head;
    uint32_t endpoint; /* allow-list index */
    uint32_t ok;
    uint64_t checked_ns; /* CLOCK_MONOTONIC */
};

struct nacre_result_frame {
    struct nacre_frame_head head;
    struct nacre_ticket ticket;
    uint64_t timestamp_ms; /* NACRE_TIME_APP routes; else 0 */
};

struct nacre_answer_frame {
    struct nacre_frame_head head;
    uint64_t id;
    uint64_t timestamp_ms;
    uint32_t route;
    uint32_t status; /* 200: signed; else an error status and the payload is its text */
    uint8_t signature[64];
};

struct nacre_init_frame {
    struct nacre_frame_head head;
    uint32_t n_lanes;   /* that many listening sockets are attached, lane by lane */
    uint32_t has_admin; /* 1: the admin listener follows them */
    uint32_t is_vsock;  /* 1: answers are written in blocks of 16 KiB at most */
    uint32_t tls_form;  /* enum nacre_tls_form: what the payload is; NONE: there is none */
    uint8_t ticket_key[16];
};

#define NACRE_LANE_REQUEST 1u /* the request socket's end for this helper is attached */
#define NACRE_LANE_SIGNED  2u /* app: the result socket's write end; http: the answer socket's read end */

struct nacre_lane_frame {
    struct nacre_frame_head head;
    uint32_t lane;
    uint32_t n_lanes;
    uint32_t what; /* NACRE_LANE_*, descriptors attached in that order */
    uint32_t reserved;
};

/* How the app's secrets came. */
enum nacre_secrets_form {
    NACRE_SECRETS_NONE,
    NACRE_SECRETS_WAITING,
    NACRE_SECRETS_PLAIN,
    NACRE_SECRETS_SEALED,
    NACRE_SECRETS_KMS
};

/* "none", "waiting", "plain", "sealed", "kms"; static. */
const char *nacre_secrets_form_name(uint32_t form);

/* Whose key HTTPS is under. */
enum nacre_tls_form {
    NACRE_TLS_NONE,
    NACRE_TLS_SELF_SIGNED, /* made at boot by nacre-http: PKCS #8, DER */
    NACRE_TLS_OPERATOR     /* sealed by the operator: certificates and key, PEM */
};

/* "none", "self-signed", "operator"; static. */
const char *nacre_tls_form_name(uint32_t form);

enum nacre_helper_state { NACRE_HELPER_DOWN, NACRE_HELPER_STARTING, NACRE_HELPER_UP, NACRE_HELPER_STOPPED };

/* Sent once a second and at every change. Times are CLOCK_MONOTONIC. */
struct nacre_state_frame {
    struct nacre_frame_head head;
    uint8_t public_key[32];
    uint32_t key_ready; /* 1: public_key is valid and signing is possible */
    uint32_t clock_ok;
    uint64_t clock_error_ns;
    uint64_t started_ns;
    uint32_t app_state; /* enum nacre_helper_state */
    uint32_t http_state;
    uint64_t app_restarts;
    uint64_t http_restarts;
    uint64_t app_backoff_ms; /* the wait before the next restart, were it to die now */
    uint64_t http_backoff_ms;
    uint64_t signed_answers;
    uint64_t refused_answers; /* results that got no signature */
    uint64_t nsm_calls;
    uint64_t nsm_errors;
    uint64_t secrets_refused; /* deliveries */
    uint32_t secrets_form;    /* enum nacre_secrets_form */
    uint32_t tls_form;        /* enum nacre_tls_form, of the key that documents name */
};

struct nacre_document_frame {
    struct nacre_frame_head head;
    uint64_t id; /* 0: the cached document, pushed whenever it is renewed; else the ATTEST it answers */
    uint64_t made_ns;
    uint32_t status; /* 200, 429 (queue full) or 503 (the NSM failed; payload = text) */
    uint32_t reserved;
};

struct nacre_attest_frame {
    struct nacre_frame_head head;
    uint64_t id; /* not 0 */
    uint32_t nonce_len;
    uint32_t batch; /* 1: the nonce is the root over many; at most one of these waits, beside the queue */
    uint8_t nonce[NACRE_NONCE_MAX];
};

struct nacre_plain_frame { /* READY, FAILED, STOP, SECRETS, CREDENTIALS, RECIPIENT */
    struct nacre_frame_head head;
};

struct nacre_time_frame {
    struct nacre_frame_head head;
    int64_t offset_ns; /* trusted time (ns since 1970) = CLOCK_MONOTONIC + offset */
    uint64_t error_ns;
    uint32_t valid;
    uint32_t reserved;
};

struct nacre_connect_frame {
    struct nacre_frame_head head;
    uint64_t id;
    uint32_t endpoint; /* allow-list index: what is not on the list cannot even be asked for */
    uint32_t reserved;
};

struct nacre_connected_frame {
    struct nacre_frame_head head;
    uint64_t id;
    int32_t error; /* 0, or a positive errno */
    uint32_t reserved;
};

struct nacre_box_frame {
    struct nacre_frame_head head;
    uint64_t id;
    uint8_t sender[32]; /* X25519 */
};

struct nacre_box_key_frame {
    struct nacre_frame_head head;
    uint64_t id;
    int32_t error;
    uint32_t reserved;
    uint8_t key[32]; /* BOX: crypto_box_beforenm(sender, data key); OPEN: nacre_sc_request_key() */
};

/*
 * Answered with a BOX_KEY, whose error may be EPERM (no such request was received), EEXIST (that sender's key was given
 * out before), ESTALE or ERANGE (made too long ago, or in the future), ENOSPC (too many in the window), EAGAIN (the clock
 * is not sure) or EINVAL (no usable sender).
 */
struct nacre_open_frame {
    struct nacre_frame_head head;
    uint64_t id;
    struct nacre_ticket ticket;
    struct nacre_sealed_pass pass;
    uint8_t header[NACRE_SC_HEADER];
};

struct nacre_tls_frame {
    struct nacre_frame_head head;
    uint8_t key[NACRE_TLS_KEY];
};

/* Where messages are received. One per receiving thread; about 33 KiB, more only while a large payload is
 * held. */
struct nacre_inbox {
    uint8_t *buf;   /* inline messages */
    uint8_t *large; /* a payload that came in a memfd, or NULL */
    size_t used;    /* bytes of buf the last message filled */
    size_t at, end; /* the last frame in it; what follows has not been looked at yet */
    size_t large_len;
    const struct nacre_frame_head *head; /* the fixed struct of the last frame */
    size_t fixed_len;
    uint8_t *payload; /* payload_len bytes with NACRE_FRAME_HEADROOM writable bytes before them */
    size_t payload_len;
    int fds[NACRE_FRAME_FDS]; /* descriptors that came with it, owned by the inbox until taken */
    size_t n_fds;
};

/* 0 or -ENOMEM. Free with nacre_inbox_free(), which accepts a zeroed struct. */
int nacre_inbox_init(struct nacre_inbox *in);
void nacre_inbox_free(struct nacre_inbox *in);

/* Wipes and forgets the last frame, closes descriptors not taken. Called by receive too. */
void nacre_inbox_clear(struct nacre_inbox *in);

/* The same with what came in one message with it: its socket is not to be read any more. */
void nacre_inbox_drop(struct nacre_inbox *in);

/* Moves the last frame into another inbox, which is emptied first; its descriptors stay. */
void nacre_inbox_move(struct nacre_inbox *to, struct nacre_inbox *from);

/* Are there frames of the last message left? Then nacre_frame_receive_packed() makes no system call. */
bool nacre_inbox_more(const struct nacre_inbox *in);

/* Descriptor i of the last message, now the caller's; -1 when there is none. */
int nacre_inbox_take_fd(struct nacre_inbox *in, size_t i);

/*
 * nacre_frame_receive - one message into `in`. Blocks unless fd is non-blocking or dontwait is set.
 * Checks type against its fixed size and payload_len against what came and against max_payload; nothing else.
 * Returns 1 for a message, 0 when the peer has closed, -EAGAIN, -EINTR, -EBADMSG for a message out of form
 * (dropped whole), -ENOMEM (all but the payload, which is NULL then), or another negative errno.
 */
int nacre_frame_receive(int fd, struct nacre_inbox *in, size_t max_payload, bool dontwait);

/* The same for a message of several frames, one a call. A frame out of form takes those behind it with it. */
int nacre_frame_receive_packed(int fd, struct nacre_inbox *in, size_t max_payload, bool dontwait);

/* Where the next frame begins in a message of several. */
static inline size_t nacre_pack_align(size_t len)
{
    return (len + 7) & ~(size_t)7;
}

/*
 * nacre_frame_send - `frame` is a fixed struct with head.type set; the other head fields are filled in here.
 * Payload parts a and b are sent one after the other (either may be empty). fds stay the caller's; with fds
 * the payload must fit inline. Blocks unless fd is non-blocking. Returns 0, -EAGAIN, -EPIPE, -EMSGSIZE or
 * another negative errno.
 */
int nacre_frame_send(int fd, void *frame, const void *a, size_t a_len, const void *b, size_t b_len,
                     const int *fds, size_t n_fds);

/* Size of the fixed struct of a type; 0 for a number that is no type. */
size_t nacre_frame_fixed_size(uint32_t type);

/* Fills ticket->mac / checks it in constant time. */
void nacre_ticket_seal(struct nacre_ticket *ticket, const uint8_t key[16]);
bool nacre_ticket_valid(const struct nacre_ticket *ticket, const uint8_t key[16]);

/* The same for a pass; its target and the ticket are sealed already. */
void nacre_pass_seal(struct nacre_sealed_pass *pass, const struct nacre_ticket *ticket,
                     const uint8_t header[NACRE_SC_HEADER], const uint8_t key[16]);
bool nacre_pass_valid(const struct nacre_sealed_pass *pass, const struct nacre_ticket *ticket,
                      const uint8_t header[NACRE_SC_HEADER], const uint8_t key[16]);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t nacre_monotonic_ns(void);

#endif
