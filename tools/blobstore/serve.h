/* serve.h - GET /v1/blobs/ID and PUT /v1/blobs, as aggregator and publisher of Walrus answer them. */
#ifndef NACRE_BLOBSTORE_SERVE_H
#define NACRE_BLOBSTORE_SERVE_H

#include "blobs.h"
#include "service.h"

struct store {
    struct blobs blobs;
    size_t max_blob; /* bytes of one */
    struct MHD_Daemon *daemon;
};

/* See service_start(); serves until stopped. The port, or -1. */
int serve_start(struct store *store, const struct sockaddr_in *address, const char *ca_out,
                const struct certificate *certificate);
void serve_stop(struct store *store);

#endif
