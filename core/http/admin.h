/* admin.h - the admin listener: /metrics, nothing else, never on the API's address. Runs in the control thread. */
#ifndef NACRE_HTTP_ADMIN_H
#define NACRE_HTTP_ADMIN_H

#include "shared.h"

struct MHD_Daemon;

struct nacre_admin {
    struct MHD_Daemon *daemon; /* NULL: there is none */
    struct nacre_shared *shared;
};

/* Serves listen_fd, which becomes the admin's. 0 or negative errno. */
int nacre_admin_start(struct nacre_admin *admin, struct nacre_shared *shared, int listen_fd);

/* The descriptor to poll for reading, -1 when there is no listener. */
int nacre_admin_fd(const struct nacre_admin *admin);

/* Milliseconds after which nacre_admin_run() is due again, -1 for never. */
int nacre_admin_timeout(const struct nacre_admin *admin);

void nacre_admin_run(struct nacre_admin *admin);
void nacre_admin_stop(struct nacre_admin *admin);

#endif
