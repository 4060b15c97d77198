#include "pending.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void nacre_pending_init(struct nacre_pending *p, int control)
{
    pthread_condattr_t attr;
    memset(p, 0, sizeof *p);
    p->control = control;
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    for (size_t i = 0; i < NACRE_PENDING_MAX; i++)
        (void)pthread_cond_init(&p->answered[i], &attr);
    (void)pthread_condattr_destroy(&attr);
}

static struct nacre_pending_slot *find(struct nacre_pending *p, uint64_t id)
{
    struct nacre_pending_slot *slot = &p->slots[id % NACRE_PENDING_MAX];
    return slot->id == id ? slot : NULL;
}

static struct nacre_pending_slot *find_free(struct nacre_pending *p)
{
    for (size_t i = 0; i < NACRE_PENDING_MAX; i++)
        if (p->slots[i].id == 0)
            return &p->slots[i];
    return NULL;
}

static pthread_cond_t *answered(struct nacre_pending *p, const struct nacre_pending_slot *slot)
{
    return &p->answered[slot - p->slots];
}

/* Lock held. A slot with an id of its own, or NULL. */
static struct nacre_pending_slot *take_slot(struct nacre_pending *p, uint32_t type)
{
    struct nacre_pending_slot *slot = find_free(p);
    if (slot) {
        slot->id = ++p->last_id * NACRE_PENDING_MAX + (uint64_t)(slot - p->slots);
        slot->type = type;
        slot->done = false;
        slot->fd = -1;
    }
    return slot;
}

static void free_slot(struct nacre_pending_slot *slot)
{
    sodium_memzero(slot, sizeof *slot);
}

static struct timespec after(uint32_t timeout_ms)
{
    const uint64_t ns = nacre_monotonic_ns() + (uint64_t)timeout_ms * 1000000u;
    return (struct timespec){(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
}

/* Lock held; waits for the slot's answer. 0, or why there is none. */
static int await(struct nacre_pending *p, const struct nacre_pending_slot *slot, uint32_t timeout_ms)
{
    const struct timespec until = after(timeout_ms);
    int err = 0;
    while (!slot->done && !p->closed && err == 0)
        err = pthread_cond_timedwait(answered(p, slot), &p->lock, &until);
    if (slot->done)
        return slot->error;
    return p->closed ? -EPIPE : -err;
}

/*
 * Sends a question and waits. Returns the slot with its answer, lock held, or NULL with *err. The lock is not held
 * while sending: should nacred be waiting for us to receive, the control thread must be able to.
 */
static struct nacre_pending_slot *ask(struct nacre_pending *p, void *frame, uint64_t *id, uint32_t timeout_ms,
                                      int *err)
{
    const uint32_t type = ((const struct nacre_frame_head *)frame)->type;
    (void)pthread_mutex_lock(&p->lock);
    struct nacre_pending_slot *slot = p->closed ? NULL : take_slot(p, type);
    if (!slot) {
        *err = p->closed ? -EPIPE : -EAGAIN;
        (void)pthread_mutex_unlock(&p->lock);
        return NULL;
    }
    *id = slot->id;
    (void)pthread_mutex_unlock(&p->lock);
    *err = nacre_frame_send(p->control, frame, NULL, 0, NULL, 0, NULL, 0);
    (void)pthread_mutex_lock(&p->lock);
    if (!*err)
        *err = await(p, slot, timeout_ms);
    if (*err) {
        free_slot(slot);
        (void)pthread_mutex_unlock(&p->lock);
        return NULL;
    }
    return slot;
}

int nacre_ask_connect(struct nacre_pending *p, uint32_t endpoint, uint32_t timeout_ms)
{
    struct nacre_connect_frame frame = {.head.type = NACRE_FRAME_CONNECT, .endpoint = endpoint};
    int err = 0;
    struct nacre_pending_slot *slot = ask(p, &frame, &frame.id, timeout_ms, &err);
    if (!slot)
        return err;
    int fd = slot->fd;
    free_slot(slot);
    (void)pthread_mutex_unlock(&p->lock);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        err = -errno;
        (void)close(fd);
        return err;
    }
    return fd;
}

static int ask_key(struct nacre_pending *p, void *frame, uint64_t *id, uint32_t timeout_ms, uint8_t key[32])
{
    int err = 0;
    struct nacre_pending_slot *slot = ask(p, frame, id, timeout_ms, &err);
    if (!slot)
        return err;
    memcpy(key, slot->key, sizeof slot->key);
    free_slot(slot);
    (void)pthread_mutex_unlock(&p->lock);
    return 0;
}

int nacre_ask_box_key(struct nacre_pending *p, const uint8_t sender[32], uint32_t timeout_ms, uint8_t key[32])
{
    struct nacre_box_frame frame = {.head.type = NACRE_FRAME_BOX};
    memcpy(frame.sender, sender, sizeof frame.sender);
    return ask_key(p, &frame, &frame.id, timeout_ms, key);
}

int nacre_ask_open_key(struct nacre_pending *p, struct nacre_open_frame *frame, uint32_t timeout_ms,
                       uint8_t key[32])
{
    return ask_key(p, frame, &frame->id, timeout_ms, key);
}

/* Lock held. The slot that waits for this answer, marked done; NULL when nobody does. */
static struct nacre_pending_slot *settle(struct nacre_pending *p, uint64_t id, uint32_t type, int32_t error)
{
    struct nacre_pending_slot *slot = id ? find(p, id) : NULL;
    /* OPEN is answered as BOX is */
    if (!slot || (slot->type == NACRE_FRAME_OPEN ? NACRE_FRAME_BOX : slot->type) != type || slot->done)
        return NULL;
    slot->done = true;
    slot->error = error > 0 && error < 4096 ? -error : error ? -EPROTO : 0;
    (void)pthread_cond_signal(answered(p, slot));
    return slot;
}

void nacre_pending_connected(struct nacre_pending *p, uint64_t id, int32_t error, int fd)
{
    (void)pthread_mutex_lock(&p->lock);
    struct nacre_pending_slot *slot = settle(p, id, NACRE_FRAME_CONNECT, error);
    if (slot && !slot->error) {
        if (fd < 0)
            slot->error = -EPROTO;
        slot->fd = fd;
        fd = -1;
    }
    (void)pthread_mutex_unlock(&p->lock);
    if (fd >= 0)
        (void)close(fd);
}

void nacre_pending_box_key(struct nacre_pending *p, uint64_t id, int32_t error, const uint8_t key[32])
{
    (void)pthread_mutex_lock(&p->lock);
    struct nacre_pending_slot *slot = settle(p, id, NACRE_FRAME_BOX, error);
    if (slot && !slot->error)
        memcpy(slot->key, key, sizeof slot->key);
    (void)pthread_mutex_unlock(&p->lock);
}

void nacre_pending_close(struct nacre_pending *p)
{
    (void)pthread_mutex_lock(&p->lock);
    p->closed = true;
    for (size_t i = 0; i < NACRE_PENDING_MAX; i++)
        (void)pthread_cond_broadcast(&p->answered[i]);
    (void)pthread_mutex_unlock(&p->lock);
}
