/*
 * fetch_support.h - what the tests of the fetch module share: the test upstream in a process of its own, a broker in
 * another, the module loaded and confined as nacre-app confines it, and one call of it with everything it gives.
 */
#ifndef NACRE_TESTS_FETCH_SUPPORT_H
#define NACRE_TESTS_FETCH_SUPPORT_H

#include <app/fetch.h>
#include <common/frame.h>

#include <sys/types.h>

/* tests/support/upstream.py with `args` (NULL-terminated, at most 8). Ends with upstream_stop() or this process. */
struct upstream {
    pid_t pid;
    int input; /* its standard input: closing it ends it */
    uint32_t port;
    uint8_t pin[32];
    char ca[4096]; /* its CA, PEM, terminated */
};
void upstream_start(struct upstream *up, const char *const *args);
void upstream_stop(struct upstream *up);

/* How the broker behaves towards an endpoint. */
enum broker_way { BROKER_TCP, BROKER_RELAY /* a Unix stream socket, relayed */, BROKER_ERROR };

struct endpoint {
    const char *host;
    uint32_t listed_port; /* 0: 443 */
    const struct upstream *up;
    const uint8_t *pin; /* one pin, or NULL */
    enum broker_way way;
    int error; /* BROKER_ERROR: negative errno */
};

/* Loads and initialises the module with these endpoints; ca: the CAs that are trusted, PEM, or NULL. */
void fetch_setup(const struct endpoint *endpoints, uint32_t n, const char *ca);

/* The same, but init() is to refuse; its reason is in `why`. */
int fetch_setup_refused(const struct endpoint *endpoints, uint32_t n, const char *ca, size_t ca_len,
                        char *why, size_t why_len);

/* From here on as in nacre-app: no sockets, no files, no connect(). */
void fetch_confine(void);

/* thread_end() of this thread, then stop(), and the processes of the tests end. */
void fetch_teardown(void);

/* One exchange and what came of it. */
struct call {
    struct nacre_fetch request;
    struct nacre_reply reply;
    struct nacre_header headers[8]; /* for request.headers */
    int32_t status;                 /* what perform() returned */
    int32_t failed;                 /* what fail() was given; 0 when it was not called */
    char text[NACRE_FAILURE_TEXT];
    uint64_t alloc_left; /* bytes of the call's memory */
    void *memory[16];
    size_t n_memory;
    uint64_t gone_ms; /* when nobody waits any more; 0: never */
};

/* A call of `url` with the defaults that nacre-app fills in. */
void call_init(struct call *c, const char *method, const char *url);
void call_header(struct call *c, const char *name, const char *value);
void call_body(struct call *c, const char *body);
void call_run(struct call *c);
void call_free(struct call *c);

/* GET, expecting 200; the answer stays in *c. */
void call_get(struct call *c, const char *url);

/* The first field of that name; NULL when there is none. */
const struct nacre_header *find_field(const struct nacre_header *list, uint64_t n, const char *name);

/* Is the text somewhere in the body? */
int body_has(const struct call *c, const char *text);

/* The number after "name": in the JSON body; -1 when it is not there. */
long body_number(const struct call *c, const char *name);

/* check() of an endpoint with 2 s. */
int check_endpoint(uint32_t endpoint, char *why, size_t why_len);

/* What happened so far: connections that the broker was asked for. */
unsigned broker_requests(void);

extern const struct nacre_fetch_module *module;

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t now_ms(void);

/* A field-by-field check that a failed call said so, once, and left the reply alone. */
#define ck_failed(C, STATUS, TEXT)                                                                           \
    do {                                                                                                     \
        ck_assert_msg((C)->status == (STATUS), "status %d, expected %d: %s", (C)->status, (STATUS),          \
                      (C)->text);                                                                            \
        ck_assert_int_eq((C)->failed, (STATUS));                                                             \
        ck_assert_msg(strstr((C)->text, (TEXT)) != NULL, "'%s' lacks '%s'", (C)->text, (TEXT));              \
        ck_assert_uint_eq((C)->reply.status, 0);                                                             \
        ck_assert_ptr_null((C)->reply.body.ptr);                                                             \
    } while (0)

#endif
