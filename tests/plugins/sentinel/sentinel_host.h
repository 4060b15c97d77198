/* sentinel_host.h - a host for the parts of the plugin sentinel: memory, hashes, JSON, configuration and errors are real
 * or the test's; upstreams answer as the test says. */
#ifndef NACRE_TESTS_SENTINEL_HOST_H
#define NACRE_TESTS_SENTINEL_HOST_H

#include <app/scratch.h>
#include <nacre/plugin.h>

struct pair {
    const char *name, *value;
};

struct sentinel_host {
    struct nacre_call call; /* first: the plugin's pointer is ours */
    struct nacre_scratch scratch;
    const struct pair *config; /* ends with a NULL name */
    uint64_t deadline_ms;      /* CLOCK_MONOTONIC */
    char text[512];            /* of the last failure */
    /* the upstream */
    int32_t fetch_status[4]; /* of the first, second, ... exchange */
    struct nacre_reply reply;
    unsigned fetches;
    char url[512];
    char body[4096]; /* of the last request, as far as it fits */
    size_t body_len;
};

/* `remaining_ms` from now until the call's deadline. */
void sentinel_host_init(struct sentinel_host *h, uint64_t remaining_ms);
void sentinel_host_free(struct sentinel_host *h);

/* The reply to every exchange from now on: a status and a body, no headers. */
void sentinel_host_reply(struct sentinel_host *h, uint32_t status, const char *body);

#define ck_failed(H, STATUS, EXPECTED, TEXT)                                                                 \
    do {                                                                                                     \
        int32_t failed_status = (STATUS);                                                                    \
        ck_assert_msg(failed_status == (EXPECTED), "status %d '%s', expected %d", failed_status, (H)->text,  \
                      (EXPECTED));                                                                           \
        ck_assert_msg(strstr((H)->text, (TEXT)) != NULL, "'%s' lacks '%s'", (H)->text, (TEXT));              \
    } while (0)

#endif
