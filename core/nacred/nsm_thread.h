/*
 * nsm_thread.h - the one thread that talks to the NSM, and its bounded queue. Calls take milliseconds, in bad times
 * seconds: neither signing nor the main loop ever waits for them.
 */
#ifndef NACRE_NACRED_NSM_THREAD_H
#define NACRE_NACRED_NSM_THREAD_H

#include "clock.h"
#include "common/frame.h"
#include "document.h"
#include "nsm_transport.h"

#include <pthread.h>
#include <stdatomic.h>

struct nacre_nsm_job {
    uint64_t id;     /* of the ATTEST; 0: our own document, without a nonce */
    bool recipient;  /* the one for KMS: neither our key nor a nonce */
    uint64_t client; /* which incarnation of nacre-http asked, or which run for KMS */
    bool batch;      /* many stand behind it: takes turns with the queue */
    uint32_t nonce_len;
    uint8_t nonce[NACRE_NONCE_MAX];
};

struct nacre_nsm_result {
    uint64_t id, client;
    bool recipient;
    int error;                      /* 0 or negative errno; then `why` */
    struct nacre_clock_sample time; /* timestamp_ms for our own document only */
    struct nacre_nsm_answer answer;
    char why[NACRE_NSM_WHY];
};

struct nacre_nsm_thread {
    struct nacre_nsm nsm;   /* the thread's own once it runs */
    uint8_t public_key[32]; /* copies: a thread that is stuck in a call may outlive the keys */
    _Atomic uint64_t calls, errors;
    int ready_fd; /* eventfd: a result waits */
    pthread_t thread;
    pthread_mutex_t lock; /* over all below */
    uint8_t user_data[NACRE_USER_DATA_MAX];
    size_t user_data_len;
    pthread_cond_t wake;
    struct nacre_nsm_job *queue; /* ring of `cap` */
    size_t cap, first, used;
    struct nacre_nsm_job batch; /* when batch_waits */
    bool batch_waits, batch_was_last;
    bool own_wanted, recipient_wanted, stop, ended, has_result;
    uint8_t recipient[NACRE_RECIPIENT_MAX]; /* the key that KMS shall encrypt to */
    size_t recipient_len;
    uint64_t recipient_client;
    uint8_t recipient_data[NACRE_USER_DATA_MAX];
    size_t recipient_data_len;
    struct nacre_nsm_result result;
};

/*
 * nacre_nsm_thread_start - take over t->nsm and begin; public_key and user_data are set. `queue` nonced requests may
 * wait. Returns 0 or negative errno; then the struct is as before.
 */
int nacre_nsm_thread_start(struct nacre_nsm_thread *t, size_t queue);

/* Ask for our own document; it goes before the queue, and asking twice is asking once. */
void nacre_nsm_thread_own(struct nacre_nsm_thread *t);

/*
 * nacre_nsm_thread_recipient - ask for a document with another public key than ours, in place of one that was asked for
 * and not made yet. At most NACRE_RECIPIENT_MAX and NACRE_USER_DATA_MAX bytes.
 */
void nacre_nsm_thread_recipient(struct nacre_nsm_thread *t, uint64_t client, const uint8_t *key,
                                size_t key_len, const uint8_t *user_data, size_t user_data_len);

/* What documents say from now on: data[0..len), at most NACRE_USER_DATA_MAX bytes. */
void nacre_nsm_thread_user_data(struct nacre_nsm_thread *t, const uint8_t *data, size_t len);

/*
 * Queue a nonced attestation. 0, or -EAGAIN when the queue is full. A batch has a place of its own, one, and the queue and
 * it are served in turn, so that neither can starve the other.
 */
int nacre_nsm_thread_attest(struct nacre_nsm_thread *t, const struct nacre_nsm_job *job);

/* Forget what nacre-http had asked for. */
void nacre_nsm_thread_purge(struct nacre_nsm_thread *t);

/* The result that waits, if any: true with *out filled. Call when ready_fd is readable. */
bool nacre_nsm_thread_take(struct nacre_nsm_thread *t, struct nacre_nsm_result *out);

/* Ends the thread and frees the rest; one that is stuck in a call is left to the process's end. */
void nacre_nsm_thread_stop(struct nacre_nsm_thread *t);

#endif
