/*
 * nsm_transport.h - carries one request to the NSM and its answer back: the ioctl on /dev/nsm, or a Unix socket
 * (SOCK_SEQPACKET, one message each way) to a simulator. One thread at a time.
 */
#ifndef NACRE_NACRED_NSM_TRANSPORT_H
#define NACRE_NACRED_NSM_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#define NACRE_NSM_TIMEOUT_S 10 /* a simulator that does not answer; the device always does */

struct nacre_nsm {
    int fd;                     /* -1: not open; the next exchange opens it again */
    struct sockaddr_un address; /* sun_path empty: the device */
};

/* `transport` as in the configuration: "device" or "unix:PATH". Returns 0 or negative errno. */
int nacre_nsm_open(struct nacre_nsm *nsm, const char *transport);
void nacre_nsm_close(struct nacre_nsm *nsm);

/*
 * nacre_nsm_exchange - send request[0..len), wait for the answer and store it in reply (NACRE_NSM_REPLY_MAX bytes).
 * After a failure the socket is closed and opened anew by the next call, so that a late answer meets no wrong request.
 * Returns the answer's length, -EMSGSIZE, or another negative errno.
 */
int64_t nacre_nsm_exchange(struct nacre_nsm *nsm, const uint8_t *request, size_t len, uint8_t *reply);

#endif
