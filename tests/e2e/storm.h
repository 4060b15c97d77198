/*
 * storm - a load client for the media app: many keep-alive connections, every body different, every answer
 * checked against its own request. A test and bench tool; it shares no code with the programs it tests.
 */
#ifndef NACRE_E2E_STORM_H
#define NACRE_E2E_STORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORM_METADATA_MAX 240u
#define STORM_REQUEST_MAX  1024u
#define STORM_ANSWER_MAX   8192u

struct storm_options {
    const char *host; /* numeric */
    uint16_t port;
    unsigned connections;
    uint64_t requests;  /* 0: until `seconds` are over */
    double seconds;     /* 0: until `requests` are answered */
    uint64_t seed;      /* bodies of two runs with different seeds differ */
    bool verify;        /* check signatures; statuses and data are always checked */
    uint8_t key[32];    /* verify only */
    bool timed;         /* check the time in the answer, against CLOCK_REALTIME */
    uint64_t bound_ms;  /* timed only: how far it may lie outside the time from request to answer */
    const char *canary; /* a word without quotes in each request, and so in its answer; NULL: none */
    const char *forbid; /* a text that may stand in no answer, whatever its status; NULL: none */
    uint64_t gap_ns;    /* report times of at least this length without a good answer */
    double give_up;     /* seconds after which the run ends whatever happens */
};

/* What a request asked for, and so what its answer must hold. */
struct storm_question {
    uint8_t hash[32];
    char metadata[STORM_METADATA_MAX + 1];
    size_t metadata_len;
    uint64_t asked_ms; /* CLOCK_REALTIME */
};

/* What is wrong with an answer of status 200. */
enum storm_verdict { STORM_RIGHT, STORM_FOREIGN, STORM_UNSIGNED, STORM_UNTIMELY };

/* Question number n of a run, and its HTTP request. Returns the request's length. */
size_t storm_ask(const struct storm_options *o, uint64_t n, struct storm_question *q,
                 char out[STORM_REQUEST_MAX]);

/* Does this 200 body answer q: the right data, and with o->verify a good signature over it, at a right time? */
enum storm_verdict storm_check(const struct storm_options *o, const struct storm_question *q,
                               const char *body, size_t len);

#define STORM_GAPS_MAX 1024u

/* All counts are answers, but where said otherwise. */
struct storm_result {
    uint64_t sent; /* requests */
    uint64_t good;
    uint64_t wrong;   /* 200, and not right: the sum of these three */
    uint64_t foreign; /* something else than what was asked for */
    uint64_t bad_signature;
    uint64_t bad_time;
    uint64_t leaks;       /* answers with the forbidden text, or an error that carries a signature */
    uint64_t status[600]; /* not 200 */
    uint64_t closed;      /* requests whose connection ended before the answer was whole */
    uint64_t refused;     /* connection attempts */
    uint64_t malformed;   /* what was no HTTP */
    uint32_t *latency_us; /* of good ones, `good` elements; the caller frees */
    uint64_t latency_cap;
    uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC */
    uint64_t last_good_ns;
    uint64_t gaps[STORM_GAPS_MAX][2];
    size_t n_gaps;
    char first_wrong[256];
};

/* Runs the load. 0 or negative errno (memory, epoll). */
int storm_run(const struct storm_options *o, struct storm_result *r);

uint64_t storm_now_ns(void);
uint64_t storm_real_ms(void);

#endif
