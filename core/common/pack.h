/*
 * pack.h - frames that wait to be sent together, in one message: on the way round, what is ready at once goes out at
 * once. For one sender and one socket; whoever adds must see to it that it is sent before he waits for anything.
 */
#ifndef NACRE_COMMON_PACK_H
#define NACRE_COMMON_PACK_H

#include "frame.h"

#define NACRE_PACK_FRAMES 16u    /* of one message */
#define NACRE_PACK_BYTES  16384u /* the same; a frame larger than this travels alone */

struct nacre_outbox {
    uint8_t *buf;
    size_t len;
    uint32_t n; /* frames */
};

/* 0 or -ENOMEM. Free with nacre_outbox_free(), which accepts a zeroed struct. */
int nacre_outbox_init(struct nacre_outbox *out);
void nacre_outbox_free(struct nacre_outbox *out);

/* Adds a frame as nacre_frame_send() takes it. False when there is no room for it. */
bool nacre_outbox_add(struct nacre_outbox *out, void *frame, const void *a, size_t a_len, const void *b,
                      size_t b_len);

/*
 * nacre_outbox_send - all of it, when there is anything; then it is empty. Returns what nacre_frame_send() does; it keeps
 * what it has when that is -EAGAIN.
 */
int nacre_outbox_send(struct nacre_outbox *out, int fd);

/* Adds the frame, after sending what is in its way, or sends it when it is too large for company. Returns as above. */
int nacre_outbox_put(struct nacre_outbox *out, int fd, void *frame, const void *a, size_t a_len,
                     const void *b, size_t b_len);

/* Wipes and forgets what waits. */
void nacre_outbox_drop(struct nacre_outbox *out);

#endif
