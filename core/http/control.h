/*
 * control.h - the control thread: takes nacred's messages apart, hands each lane its own, keeps the common news, and
 * serves the admin listener.
 */
#ifndef NACRE_HTTP_CONTROL_H
#define NACRE_HTTP_CONTROL_H

#include "admin.h"
#include "lane.h"

struct nacre_control {
    struct nacre_shared shared;
    struct nacre_admin admin;
    struct nacre_inbox inbox;
    int epoll_fd;
    int done_fd; /* eventfd: lanes that have ended */
    uint32_t n_running;
    bool stopping;
    bool owes_word; /* nacred has to hear which key HTTPS is under, see tls_control.h */
};

/*
 * nacre_control_init - waits for INIT on control_fd and makes lanes and admin listener from it; no thread runs yet and
 * nothing was accepted. 0, or negative errno with `why`.
 */
int nacre_control_init(struct nacre_control *control, const struct nacre_manifest *manifest, int control_fd,
                       char *why, size_t why_len);

/* Starts the lanes, says READY, serves until STOP and the last lane has ended, or nacred is gone. 0 or negative errno. */
int nacre_control_run(struct nacre_control *control);

void nacre_control_free(struct nacre_control *control);

#endif
