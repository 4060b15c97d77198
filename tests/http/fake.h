/*
 * fake.h - the real nacre-http, with nacred and the app played by the test: it holds the other ends of all sockets,
 * and talks raw HTTP over loopback. Every wait is bounded; a failure fails the test.
 */
#ifndef NACRE_TESTS_HTTP_FAKE_H
#define NACRE_TESTS_HTTP_FAKE_H

#include "common/config.h"
#include "common/frame.h"

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#define FAKE_LANES   2u
#define FAKE_WAIT_MS 10000

struct fake {
    pid_t pid;
    int control;
    int log; /* what nacre-http writes to standard error */
    int listeners[FAKE_LANES + 1];
    uint16_t port, admin_port;
    struct sockaddr_un packets; /* of the API instead, with FAKE_PACKETS */
    socklen_t packets_len;
    uint32_t n_lanes;
    int app[FAKE_LANES];    /* the app's end of the request socket */
    int signer[FAKE_LANES]; /* nacred's end of the answer socket */
    uint8_t key[16];
    struct nacre_inbox inbox;
    struct nacre_inbox arrivals[FAKE_LANES]; /* of app[]: several requests may come in one message */
};

/* Options of fake_start_with(). */
#define FAKE_VSOCK 1u /* INIT says vsock */
#define FAKE_DOWN  2u /* no LANE frames yet */
#define FAKE_PACKETS                                                                                         \
    4u /* the API is a Unix socket that keeps writes apart: what is received at once was written so */
#define FAKE_TLS    8u  /* config says so; the key that it makes is taken */
#define FAKE_NARROW 16u /* its way to nacred holds few messages */

/* Starts and waits for READY. config NULL: the defaults, with the log level debug. */
void fake_start_with(struct fake *f, const struct nacre_config *config, uint32_t n_lanes, unsigned options);
void fake_start(struct fake *f, const struct nacre_config *config);

/* STOP; waits for exit status 0, and looks into the log for reports of sanitizers. */
void fake_stop(struct fake *f);

/* Waits for the end of the process, FAKE_WAIT_MS at most. Returns its exit status; fails for a signal. */
int fake_wait(struct fake *f);

/* Everything logged so far, malloc'd and terminated. */
char *fake_log(struct fake *f);

/* A new app, or a new nacred side too: makes pairs and sends LANE. Closes the old ends. */
void fake_new_app(struct fake *f, uint32_t lane);
void fake_new_lane(struct fake *f, uint32_t lane);

/* The next message on a descriptor, in f->inbox; fails when none of that type comes. */
const void *fake_expect(struct fake *f, int fd, uint32_t type);

/* The next REQUEST on any lane, checked for a good ticket; *lane tells which (may be NULL). */
struct nacre_request_frame fake_request(struct fake *f, uint32_t *lane);

/* Fails when anything arrives on the lane's app side within `ms`. */
void fake_silence(struct fake *f, uint32_t lane, int ms);

void fake_answer(struct fake *f, uint32_t lane, uint64_t id, uint32_t route, uint32_t status,
                 const void *payload, size_t len);
void fake_failure(struct fake *f, uint32_t lane, uint64_t id, uint32_t status, const void *text, size_t len);
void fake_progress(struct fake *f, uint32_t lane, uint64_t id, uint32_t permille, const void *text,
                   size_t len);
void fake_document(struct fake *f, uint64_t id, uint32_t status, const void *payload, size_t len);
void fake_state(struct fake *f, const struct nacre_state_frame *state);

/* ---- The client ---- */

struct client {
    int fd;
    char *buf; /* received, not yet taken */
    size_t len, cap;
    size_t largest; /* most that was received at once */
};

struct answer {
    unsigned status;
    char head[4096]; /* with the status line, terminated */
    char *body;      /* malloc'd, terminated */
    size_t len;
};

void client_open(struct client *c, uint16_t port);
void client_open_packets(struct client *c, const struct fake *f);
void client_close(struct client *c);
void client_send(struct client *c, const void *data, size_t len);
void client_text(struct client *c, const char *text);

/* Sends POST `path` with a JSON body. */
void client_post(struct client *c, const char *path, const char *body);

/* Takes the next answer; no_body for one to HEAD. Free with answer_free(). */
struct answer client_answer(struct client *c, bool no_body);
void answer_free(struct answer *a);

/* The value of a header, in any case of its name; NULL when absent. Overwritten by the next call. */
const char *answer_header(const struct answer *a, const char *name);

/* Takes an answer with this status and exactly this body (NULL: any), frees it. */
void client_expect(struct client *c, unsigned status, const char *body);

/* Fails unless the server closes, having sent nothing more, within `ms`. Returns how long it took. */
unsigned client_closed(struct client *c, int ms);

/* A whole exchange on a connection of its own. */
struct answer exchange(struct fake *f, const char *request);

/* BCS and JSON of a Weather response. */
size_t weather_bcs(uint8_t *out, size_t cap, const char *location, uint64_t temperature);
void weather_json(char *out, size_t cap, const char *location, uint64_t temperature);

/* The signed answer to a request that came over lane 0, and what a client then gets: it is warm so much at "x". */
void fake_sign_weather(struct fake *f, const struct nacre_request_frame *r, uint64_t temperature);
void client_expect_weather(struct client *c, uint64_t temperature);

#define FAKE_TIME_MS 1744038900000u

#endif
