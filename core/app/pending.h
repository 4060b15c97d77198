/*
 * pending.h - questions to nacred that wait for their answer: CONNECT, BOX and OPEN. Asked by any thread, answered by the
 * control thread, matched by id. A late answer finds nobody and is dropped: its descriptor closed, its key wiped.
 */
#ifndef NACRE_APP_PENDING_H
#define NACRE_APP_PENDING_H

#include <common/frame.h>
#include <pthread.h>

#define NACRE_PENDING_MAX 640u /* more than there can be workers and health checks */

struct nacre_pending_slot {
    uint64_t id; /* 0: free; its remainder by NACRE_PENDING_MAX is the slot's index */
    uint32_t type;
    bool done;
    int error; /* 0 or negative errno */
    int fd;
    uint8_t key[32];
};

struct nacre_pending {
    int control;                                /* borrowed: the control socket */
    pthread_mutex_t lock;                       /* over all below */
    pthread_cond_t answered[NACRE_PENDING_MAX]; /* of the slot with that index: nobody else is woken */
    uint64_t last_id;
    bool closed;
    struct nacre_pending_slot slots[NACRE_PENDING_MAX];
};

void nacre_pending_init(struct nacre_pending *p, int control);

/*
 * nacre_ask_connect - a descriptor connected to allow-list entry `endpoint`, non-blocking and close-on-exec, the
 * caller's to close. Waits up to timeout_ms. Or a negative errno: what the core says, -ETIMEDOUT, -EPIPE when the core
 * is gone, -EAGAIN when too much is waiting.
 */
int nacre_ask_connect(struct nacre_pending *p, uint32_t endpoint, uint32_t timeout_ms);

/*
 * nacre_ask_box_key - crypto_box_beforenm(sender, data key), into key. 0, -EINVAL when the core refuses the sender's
 * key, or a negative errno as above. The caller wipes the key.
 */
int nacre_ask_box_key(struct nacre_pending *p, const uint8_t sender[32], uint32_t timeout_ms,
                      uint8_t key[32]);

/*
 * nacre_ask_open_key - the key of a sealed request, into key; the frame but for its id is filled. 0, or a negative errno
 * of struct nacre_open_frame's or as above. The caller wipes the key.
 */
int nacre_ask_open_key(struct nacre_pending *p, struct nacre_open_frame *frame, uint32_t timeout_ms,
                       uint8_t key[32]);

/* Control thread: the answers. `fd` (-1: none) is taken over. error: a positive errno, as in the frames. */
void nacre_pending_connected(struct nacre_pending *p, uint64_t id, int32_t error, int fd);
void nacre_pending_box_key(struct nacre_pending *p, uint64_t id, int32_t error, const uint8_t key[32]);

/* Every question that waits, and every later one, fails with -EPIPE. */
void nacre_pending_close(struct nacre_pending *p);

#endif
