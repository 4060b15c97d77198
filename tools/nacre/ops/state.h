/*
 * state.h - which enclaves this parent instance has, in DIR/state.json, and what the daemon is told of them. A step is
 * written down before it is taken, so that whoever comes after a crash knows what may be running.
 */
#ifndef NACRE_OPS_STATE_H
#define NACRE_OPS_STATE_H

#include "nitro.h"

#include <limits.h>

#define NACRE_OPS_NAME_MAX  32u
#define NACRE_OPS_PLACE_MAX 96u

enum nacre_ops_phase {
    NACRE_OPS_STARTING, /* not known to answer yet */
    NACRE_OPS_READY,    /* answers; waits for the chain's switch */
    NACRE_OPS_SERVING,
    NACRE_OPS_DRAINING, /* gets no new connections and will be ended */
};

struct nacre_ops_slot {
    char name[NACRE_OPS_NAME_MAX + 1]; /* what the operator calls it; a roll has two of one name */
    enum nacre_ops_phase phase;
    char id[96]; /* of nitro-cli; empty: not known yet */
    uint32_t cid;
    char connect[NACRE_OPS_PLACE_MAX]; /* as the daemon writes it: "vsock:16" or "unix:PATH" */
    char eif[PATH_MAX];
    char allow[256];  /* the image's allow list, for the daemon's egress; empty: the daemon's own */
    bool announced;   /* the daemon knows it, though it may get no connections */
    uint64_t since_s; /* since 1970: when it was started */
};

/* The daemon's side of it, from its configuration file. */
struct nacre_ops_daemon {
    char enclaves_file[PATH_MAX];
    char pid_file[PATH_MAX]; /* "none": it is not told */
    char health[256];        /* "tcp:ADDRESS:PORT" or "none" */
};

struct nacre_ops_state {
    char dir[PATH_MAX - 64];
    int lock; /* -1: only looked at */
    struct nacre_ops_daemon daemon;
    struct nacre_ops_slot slot[NACRE_OPS_ENCLAVES];
    size_t n;
};

/*
 * nacre_ops_state_open - reads DIR/state.json (absent: nothing runs) and what the daemon's configuration says; with
 * `change` nobody else may until nacre_ops_state_close(). 0, -EBUSY or another negative errno with `why`.
 */
int nacre_ops_state_open(struct nacre_ops_state *s, const char *dir, const char *daemon_config, bool change,
                         char *why, size_t why_len);
void nacre_ops_state_close(struct nacre_ops_state *s);

/* Writes it, and the daemon's list of enclaves when that differs, and then has the daemon read it. 0 or -errno. */
int nacre_ops_state_save(struct nacre_ops_state *s, char *why, size_t why_len);

/* The slot of this name in this phase, or NULL. */
struct nacre_ops_slot *nacre_ops_state_find(struct nacre_ops_state *s, const char *name,
                                            enum nacre_ops_phase phase);
/* A new one (zeroed but for its name), or NULL when there is no room. */
struct nacre_ops_slot *nacre_ops_state_add(struct nacre_ops_state *s, const char *name);
void nacre_ops_state_drop(struct nacre_ops_state *s, struct nacre_ops_slot *slot);

const char *nacre_ops_phase_name(enum nacre_ops_phase phase);

/* "NAME-CID", what the daemon calls it. */
void nacre_ops_slot_title(const struct nacre_ops_slot *slot, char out[NACRE_OPS_NAME_MAX + 16]);

/* 1 to 32 lower case letters, digits and inner '-'. */
bool nacre_ops_name_ok(const char *name);

#endif
