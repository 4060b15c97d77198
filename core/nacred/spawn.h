/* spawn.h - executes a helper with exactly the descriptors it is to have. */
#ifndef NACRE_NACRED_SPAWN_H
#define NACRE_NACRED_SPAWN_H

#include "pids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NACRE_SPAWN_FDS 3u

/* What a helper becomes; id and threads inside an enclave alone, where nobody else's limits hold. */
struct nacre_identity {
    uid_t id;         /* uid and gid, without further groups; 0: whoever we are, and our limits */
    uint32_t threads; /* at most */
    int namespaces;   /* CLONE_NEW*: of its own, see confine.h */
    bool
        core; /* never on two threads of one processor core together with others; the kernel can, see confine.h */
    const struct nacre_pids *pids; /* the PID namespace it is born into; NULL: ours */
};

/*
 * nacre_spawn - run `path` with arguments argv. The program finds /dev/null as 0 and 1, our stderr as 2, fds[i] as
 * 3 + i, and nothing else open; no signal blocked, no environment, a session of its own (a terminal's Ctrl-C is for
 * nacred, which then stops it in order). With an identity it has no capability and can get none. Waits until the
 * program has been executed: from then on it holds no memory of ours. Returns the pid, or a negative errno, also when
 * execution failed.
 */
pid_t nacre_spawn(const char *path, char *const argv[], const int *fds, size_t n_fds,
                  const struct nacre_identity *as);

#endif
