#include "pack.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int nacre_outbox_init(struct nacre_outbox *out)
{
    *out = (struct nacre_outbox){.buf = malloc(NACRE_PACK_BYTES)};
    return out->buf ? 0 : -ENOMEM;
}

void nacre_outbox_free(struct nacre_outbox *out)
{
    nacre_outbox_drop(out);
    free(out->buf);
    out->buf = NULL;
}

bool nacre_outbox_add(struct nacre_outbox *out, void *frame, const void *a, size_t a_len, const void *b,
                      size_t b_len)
{
    struct nacre_frame_head *head = frame;
    size_t fixed = nacre_frame_fixed_size(head->type), at = nacre_pack_align(out->len);
    if (fixed == 0 || out->n == NACRE_PACK_FRAMES || at > NACRE_PACK_BYTES)
        return false;
    size_t room = NACRE_PACK_BYTES - at;
    if (fixed > room || a_len > room - fixed || b_len > room - fixed - a_len)
        return false;
    head->in_fd = 0;
    head->payload_len = a_len + b_len;
    memset(out->buf + out->len, 0, at - out->len);
    memcpy(out->buf + at, frame, fixed);
    if (a_len)
        memcpy(out->buf + at + fixed, a, a_len);
    if (b_len)
        memcpy(out->buf + at + fixed + a_len, b, b_len);
    out->len = at + fixed + a_len + b_len;
    out->n++;
    return true;
}

int nacre_outbox_send(struct nacre_outbox *out, int fd)
{
    ssize_t n;
    if (out->n == 0)
        return 0;
    do {
        n = send(fd, out->buf, out->len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    int err = n < 0 ? -errno : 0;
    if (err != -EAGAIN)
        nacre_outbox_drop(out);
    return err;
}

int nacre_outbox_put(struct nacre_outbox *out, int fd, void *frame, const void *a, size_t a_len,
                     const void *b, size_t b_len)
{
    if (nacre_outbox_add(out, frame, a, a_len, b, b_len))
        return 0;
    int err = nacre_outbox_send(out, fd);
    if (err || nacre_outbox_add(out, frame, a, a_len, b, b_len))
        return err;
    return nacre_frame_send(fd, frame, a, a_len, b, b_len, NULL, 0);
}

void nacre_outbox_drop(struct nacre_outbox *out)
{
    if (out->len)
        sodium_memzero(out->buf, out->len);
    out->len = 0;
    out->n = 0;
}
