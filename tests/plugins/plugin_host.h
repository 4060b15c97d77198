/*
 * plugin_host.h - a built plugin, loaded, and one call of a handler against a host that answers as the test says.
 * JSON and BCS are nacre-app's; upstream, clock, secrets and errors are the test's.
 */
#ifndef NACRE_TESTS_PLUGIN_HOST_H
#define NACRE_TESTS_PLUGIN_HOST_H

#include <app/scratch.h>
#include <nacre/plugin.h>

struct host {
    struct nacre_call call;
    struct nacre_scratch scratch;
    /* what the handler is given */
    uint64_t now_ms;
    int32_t now_status; /* 0, or what now_ms() returns instead */
    const char *secret; /* API_KEY; NULL: not delivered */
    int32_t fetch_status;
    uint32_t reply_status;
    const char *reply_body;
    /* what came of it */
    char url[1024];
    unsigned fetches;
    uint64_t timestamp_ms; /* 0: not set */
    int32_t status;
    char text[512];
    char bcs[1024]; /* of the response, in hex; empty after an error */
};

/* The plugin of this test program, loaded once. */
const struct nacre_plugin *plugin_load(void);

void host_init(struct host *h);
void host_free(struct host *h);

/* One request with this JSON body to the route with this path. */
void host_call(struct host *h, const char *path, const char *body);

#define ck_refused(H, STATUS, TEXT)                                                                          \
    do {                                                                                                     \
        ck_assert_msg((H)->status == (STATUS), "status %d '%s', expected %d", (H)->status, (H)->text,        \
                      (STATUS));                                                                             \
        ck_assert_msg(strstr((H)->text, (TEXT)) != NULL, "'%s' lacks '%s'", (H)->text, (TEXT));              \
        ck_assert_str_eq((H)->bcs, "");                                                                      \
    } while (0)

#endif
