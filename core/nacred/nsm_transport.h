/*
 * nsm_transport.h - carries one request to the NSM and its answer back: the ioctl on /dev/nsm, or a Unix socket
 * (SOCK_SEQPACKET, one message each way) to a simulator. One thread at a time.
 */
#ifndef NACRE_NACRED_NSM_TRANSPORT_H
#define NACRE_NACRED_NSM_TRANSPORT_H

#include "address.h"
#include "nsm.h"

#define NACRE_NSM_TIMEOUT_S 5 /* a simulator that does not answer; the device always does */

struct nacre_nsm {
    int fd;                        /* -1: not open; the next call opens it again */
    struct nacre_sockaddr address; /* len 0: the device */
};

/* `transport` as in the configuration: "device" or "unix:PATH". Returns 0 or negative errno. */
int nacre_nsm_open(struct nacre_nsm *nsm, const char *transport);
void nacre_nsm_close(struct nacre_nsm *nsm);

/*
 * nacre_nsm_call - send a request, wait for the answer and decode it. After a failure a socket is closed and opened
 * anew by the next call, so that a late answer meets no wrong request.
 * Returns 0 or a negative errno, as nacre_nsm_decode() does too, with a text in `why`.
 */
int nacre_nsm_call(struct nacre_nsm *nsm, const struct nacre_nsm_request *request,
                   struct nacre_nsm_answer *answer, char why[NACRE_NSM_WHY]);

#endif
