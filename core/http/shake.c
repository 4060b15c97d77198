#include "shake.h"

#include "server.h"
#include "tls.h"

#include <errno.h>
#include <microhttpd.h>
#include <sys/epoll.h>

/* Runs that a resumed connection is given before it is looked at: in the first it may only be taken up again. */
#define RUNS 2u

static void join(struct nacre_conn *conn, unsigned runs)
{
    conn->shake_runs = runs;
    conn->shaking = NACRE_SHAKE_RUNS;
    conn->shake_next = conn->lane->shaking;
    conn->lane->shaking = conn;
}

int nacre_shake_begin(struct nacre_conn *conn)
{
    int err = nacre_tls_open(conn->lane->shared->tls, &conn->tls, conn->mhd);
    if (!err)
        join(conn, 0);
    return err;
}

static void leave(struct nacre_conn *conn)
{
    struct nacre_conn **at = &conn->lane->shaking;
    while (*at && *at != conn)
        at = &(*at)->shake_next;
    if (*at)
        *at = conn->shake_next;
}

static void sleep_until_ready(struct nacre_conn *conn)
{
    struct nacre_lane *lane = conn->lane;
    struct epoll_event event = {.events = nacre_tls_writes(conn->mhd) ? EPOLLOUT : EPOLLIN,
                                .data.u64 = (uintptr_t)conn};
    if (epoll_ctl(lane->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) < 0)
        return; /* it goes on being run */
    leave(conn);
    conn->shaking = NACRE_SHAKE_WAITS;
    MHD_suspend_connection(conn->mhd);
}

void nacre_shake_turn(struct nacre_lane *lane)
{
    for (struct nacre_conn *conn = lane->shaking, *next; conn; conn = next) {
        next = conn->shake_next;
        if (conn->tls.done) {
            leave(conn);
            conn->shaking = NACRE_SHAKE_DONE;
        } else if (conn->shake_runs > 0) {
            conn->shake_runs--;
            lane->n_steps++;
        } else {
            sleep_until_ready(conn);
        }
    }
}

static void wake(struct nacre_conn *conn)
{
    (void)epoll_ctl(conn->lane->epoll_fd, EPOLL_CTL_DEL, conn->fd, NULL);
    join(conn, RUNS);
    MHD_resume_connection(conn->mhd);
}

bool nacre_shake_ready(uint64_t data)
{
    if (data < NACRE_TAG_LINGER + NACRE_LINGER_MAX)
        return false;
    /* it is watched as long as it is suspended, and one that is suspended does not end */
    struct nacre_conn *conn = (struct nacre_conn *)(uintptr_t)data;
    if (conn->shaking == NACRE_SHAKE_WAITS)
        wake(conn);
    return true;
}

void nacre_shake_end(struct nacre_conn *conn)
{
    if (conn->shaking == NACRE_SHAKE_RUNS)
        leave(conn);
    conn->shaking = NACRE_SHAKE_DONE;
    if (conn->tls.tls)
        nacre_tls_forget(conn->mhd);
}

void nacre_shake_stop(struct nacre_lane *lane)
{
    for (struct nacre_conn *conn = lane->conns; conn; conn = conn->next)
        if (conn->shaking == NACRE_SHAKE_WAITS)
            wake(conn);
}
