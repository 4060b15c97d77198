/* Bytes from one side to the other. */
#include "conn.h"

#include "daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Blocks one connection may move before it is others' turn. */
#define ROUNDS 4

/* The thread's one buffer: what is in it is written at once or copied to the connection. */
static uint8_t block[NACRE_HD_BLOCK];

/* As much as `to` takes now. Returns the number of bytes, or a negative errno. */
static ssize_t write_some(const struct nacre_hd_side *to, const uint8_t *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        size_t piece = len - done;
        if (to->is_vsock && piece > NACRE_HD_VSOCK_WRITE)
            piece = NACRE_HD_VSOCK_WRITE;
        ssize_t n = send(to->fd, data + done, piece, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return errno == EAGAIN ? (ssize_t)done : -errno;
        }
        done += (size_t)n;
        /* A short count may mean full or not; only EAGAIN promises an event. */
    }
    return (ssize_t)done;
}

/* Nobody reads there any more. What is still to be sent to it is thrown away. */
static void give_up_writing(struct nacre_hd_side *to)
{
    to->shut = true;
    free(to->pending);
    to->pending = NULL;
}

static void flush(struct nacre_hd_side *to)
{
    if (!to->pending || to->fd < 0)
        return;
    ssize_t n = write_some(to, to->pending + to->at, to->len - to->at);
    if (n < 0) {
        give_up_writing(to);
        return;
    }
    to->at += (uint32_t)n;
    if (to->at == to->len) {
        free(to->pending);
        to->pending = NULL;
    }
}

static int keep(struct nacre_hd_side *to, const uint8_t *data, size_t len)
{
    to->pending = malloc(len);
    if (!to->pending)
        return -ENOMEM;
    memcpy(to->pending, data, len);
    to->at = 0;
    to->len = (uint32_t)len;
    return 0;
}

/* Reads once. Number of bytes; 0 when there is nothing now or ever (eof is set then); or a negative errno. */
static ssize_t read_some(struct nacre_hd_side *from)
{
    for (;;) {
        ssize_t n = recv(from->fd, block, sizeof block, 0);
        if (n > 0) {
            /* An edge is not repeated, so reading stops only when the socket is known to be empty. */
            if ((size_t)n < sizeof block && !from->hup)
                from->readable = false;
            return n;
        }
        if (n == 0) {
            from->readable = false;
            from->eof = true;
            return 0;
        }
        if (errno == EINTR)
            continue;
        from->readable = false;
        return errno == EAGAIN ? 0 : -errno;
    }
}

static void arm(struct nacre_hd_conn *conn, struct nacre_hd_side *side)
{
    (void)nacre_hd_watch_change(&conn->daemon->loop, side->fd,
                                NACRE_HD_EVENTS | (side->wants_out ? EPOLLOUT : 0u), &side->watch);
}

/* Room to write is asked for only while something waits for it: a Unix socket would tell of it all the time. */
static void arm_out(struct nacre_hd_conn *conn, struct nacre_hd_side *side)
{
    if (side->wants_out == (side->pending != NULL))
        return;
    side->wants_out = side->pending != NULL;
    arm(conn, side);
}

/* One direction, until there is no more to read or the other side is full. 0 or a negative errno of reading. */
static int carry(struct nacre_hd_conn *conn, struct nacre_hd_side *from, struct nacre_hd_side *to,
                 uint64_t *bytes)
{
    for (unsigned round = 0; from->readable && !from->eof && !to->pending; round++) {
        if (round == ROUNDS) {
            /* Armed anew, the edge comes again, behind everybody else's. */
            arm(conn, from);
            return 0;
        }
        ssize_t n = read_some(from);
        if (n <= 0)
            return (int)n;
        *bytes += (uint64_t)n;
        conn->since_ms = conn->daemon->loop.now_ms;
        if (from == &conn->near && conn->quiet)
            conn->asked_ms = conn->since_ms;
        conn->quiet = from == &conn->far;
        if (to->shut)
            continue;
        ssize_t written = write_some(to, block, (size_t)n);
        if (written < 0)
            give_up_writing(to);
        else if (written < n && keep(to, block + written, (size_t)(n - written)))
            return -ENOMEM;
    }
    return 0;
}

int nacre_hd_relay_early(struct nacre_hd_conn *conn)
{
    if (conn->near.eof || conn->far.pending || !conn->near.readable)
        return 0;
    ssize_t n = read_some(&conn->near);
    if (n < 0 || (n > 0 && keep(&conn->far, block, (size_t)n)))
        return -1;
    *conn->near_bytes += (uint64_t)n;
    /* Whoever ends before having said anything wants nothing. */
    return n == 0 && conn->near.eof ? -1 : 0;
}

/* The near side has said all it will: tell the far side, as far as its transport can. */
static void near_ended(struct nacre_hd_conn *conn)
{
    if (conn->near.eof && !conn->far.pending && !conn->far.shut && !conn->cut_half) {
        (void)shutdown(conn->far.fd, SHUT_WR);
        conn->far.shut = true;
    }
}

/* The far side has said all it will, and the near side has all of it. */
static void far_ended(struct nacre_hd_conn *conn)
{
    if (!conn->quiet && !conn->near.eof && conn->ops->broken)
        conn->ops->broken(conn);
    /* To close on unread bytes would reset the connection and take our last bytes back. */
    if (conn->near.readable && !conn->near.eof && !conn->near.hup)
        nacre_hd_conn_refuse(conn, NULL, 0);
    else
        nacre_hd_conn_close(conn, false);
}

void nacre_hd_relay(struct nacre_hd_conn *conn)
{
    struct nacre_hd_side *near = &conn->near, *far = &conn->far;
    flush(far);
    flush(near);
    int rc = carry(conn, near, far, conn->near_bytes);
    if (rc == 0)
        near_ended(conn);
    int far_rc = carry(conn, far, near, conn->far_bytes);
    if (near->shut && !near->pending && rc == 0)
        rc = -EPIPE; /* the near side does not listen any more */
    if (far_rc) {
        if (conn->ops->broken)
            conn->ops->broken(conn);
        nacre_hd_conn_close(conn, true);
    } else if (rc) {
        nacre_hd_conn_close(conn, false);
    } else if (far->eof && !near->pending) {
        far_ended(conn);
    } else {
        arm_out(conn, near);
        arm_out(conn, far);
    }
}
