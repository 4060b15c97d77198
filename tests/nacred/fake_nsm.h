/*
 * fake_nsm.h - the smallest NSM that a test can misuse: a thread on a Unix SOCK_SEQPACKET socket, with registers and
 * unsigned documents. Reads requests with libcbor's tree, not with the code under test.
 */
#ifndef NACRE_TESTS_NACRED_FAKE_NSM_H
#define NACRE_TESTS_NACRED_FAKE_NSM_H

#include "common/digest.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum fake_fault {
    FAKE_FINE,
    FAKE_ERROR,   /* {"Error": "InternalError"} */
    FAKE_GARBAGE, /* bytes that are no CBOR */
    FAKE_HUGE,    /* more than the largest reply */
    FAKE_EMPTY,   /* a message without a byte */
    FAKE_CLOSE,   /* the connection ends instead */
    FAKE_WRONG,   /* another request's reply */
    FAKE_NO_KEY,  /* documents without our public key */
};

struct fake_nsm {
    char path[PATH_MAX];
    int listener, stop[2];
    pthread_t thread;
    _Atomic int fault;
    _Atomic int faults;     /* how many times; 0: for ever */
    _Atomic int skip;       /* calls that go well before the fault */
    _Atomic int delay_ms;   /* before each answer */
    _Atomic int random_len; /* bytes of a GetRandom; 256 unless changed */
    _Atomic int calls, connections;
    _Atomic long long clock_ms; /* added to the system's clock */
    uint8_t pcr[32][NACRE_SHA384_LEN];
    bool locked[32];
    bool forgets;            /* ExtendPCR and LockPCRs succeed and do nothing */
    uint8_t last_nonce[600]; /* of the last Attestation; read it when no call is under way */
    size_t last_nonce_len;
    uint8_t last_user_data[600];
    size_t last_user_data_len;
};

void fake_nsm_start(struct fake_nsm *n, const char *dir);
void fake_nsm_stop(struct fake_nsm *n);

/* "unix:PATH" */
const char *fake_nsm_transport(const struct fake_nsm *n);

#endif
