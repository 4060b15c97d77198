/* world.h - nacred for real: in a directory of its own with fake helpers and a simulator, its log in a file. */
#ifndef NACRE_TESTS_NACRED_WORLD_H
#define NACRE_TESTS_NACRED_WORLD_H

#include "support.h"

#include <sys/types.h>

struct world {
    char dir[PATH_MAX];
    struct nacre_config config; /* change it before world_start() */
    struct nacre_endpoint_decl allow[4];
    uint32_t n_allow;
    uint8_t digest[NACRE_SHA384_LEN]; /* the manifest's; right unless changed */
    pid_t nacred, sim;
    int ready_fd;
    char pk[65];
    unsigned port;
};

/* A directory with copies of the programs, a plugin file and settings that restart fast. */
void world_make(struct world *w);
/* Stops what runs and removes the directory. */
void world_drop(struct world *w);

/* What a fake helper is to do from its next start on; see fake_helper.c. */
void world_script(const struct world *w, const char *helper, const char *word);

/* Starts a simulator with one more option (may be NULL). */
void world_start_sim(struct world *w, const char *option);
/* Writes the manifest and starts nacred. */
void world_start_nacred(struct world *w);
/* Both of the above, then waits for the ready line. */
void world_start(struct world *w);
/* Waits for the ready line; fails the test after 20 s. */
void world_await_ready(struct world *w);

/* SIGTERM, or nothing, and the exit code within wait_ms; -1 when it still runs. */
int world_stop(struct world *w);
int world_wait(struct world *w, int wait_ms);

/* A number from the fake nacre-http's status, e.g. "good"; -1 while there is none. */
long long world_number(const struct world *w, const char *name);
/* Waits up to 20 s until the number is at least `least`; fails the test otherwise. */
void world_await(const struct world *w, const char *name, long long least);
/* The pid of the newest helper by this name in the log; how often a text stands in the log. */
pid_t world_helper(const struct world *w, const char *helper);
int world_logged(const struct world *w, const char *text);
/* Waits up to 20 s until the text stands in the log so often. */
void world_await_log(const struct world *w, const char *text, int times);
/* Content of a file of the directory; terminated, static. The end of the log, for messages. */
const char *world_read(const struct world *w, const char *name);
/* Empties, or makes, what a fake helper writes. */
void world_clear(const struct world *w, const char *name);
const char *world_tail(const struct world *w);

#endif
