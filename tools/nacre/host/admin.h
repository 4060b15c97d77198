/* admin.h - /health and /metrics over HTTP. */
#ifndef NACRE_HOST_ADMIN_H
#define NACRE_HOST_ADMIN_H

#include "daemon.h"

/* Listens on `address` ("none": nowhere). On success it takes the place of the one that listened before. */
int nacre_hd_admin_start(struct nacre_hd *d, const char *address, char *why, size_t why_len);
void nacre_hd_admin_stop(struct nacre_hd *d);

#endif
