#include "wait.h"

#include <microhttpd.h>

/* Connections that wait without being suspended: each is asked in every run. */
#define AWAKE_MAX 64u
/* For so long; then it is suspended all the same, and so many of the next at once. */
#define AWAKE_NS   20000000u
#define ASLEEP_FOR 64u
/* How late a run may come that only libmicrohttpd knows of: more to read than it had room for. */
#define LOOK_MS 2u

static enum MHD_Result suspend(struct nacre_conn *conn)
{
    conn->suspended = true;
    MHD_suspend_connection(conn->mhd);
    return MHD_YES;
}

enum MHD_Result nacre_conn_wait(struct nacre_conn *conn)
{
    struct nacre_lane *lane = conn->lane;
    conn->phase = NACRE_PHASE_WAITING;
    conn->due_ns = UINT64_MAX; /* the slot has the deadline */
    /* the NSM takes milliseconds, and for hundreds at once: they would be asked for nothing all the time */
    if (conn->slot && !(conn->slot->waits & NACRE_WAIT_APP))
        return suspend(conn);
    if (lane->n_asleep > 0) {
        lane->n_asleep--;
        return suspend(conn);
    }
    /* TLS has runs of its own to be made, which nobody but libmicrohttpd sees */
    if (lane->n_awake >= AWAKE_MAX || lane->shared->tls)
        return suspend(conn);
    conn->awake = true;
    conn->awake_until_ns = lane->now_ns + AWAKE_NS;
    lane->n_awake++;
    return MHD_YES;
}

void nacre_conn_wake(struct nacre_conn *conn)
{
    if (!conn->awake)
        return;
    conn->awake = false;
    conn->lane->n_awake--;
    if (conn->ready)
        MHD_destroy_response(conn->ready);
    conn->ready = NULL;
}

enum MHD_Result nacre_conn_ask(struct nacre_conn *conn)
{
    struct nacre_lane *lane = conn->lane;
    enum MHD_Result queued = MHD_NO;
    if (conn->ready || conn->broken) {
        if (conn->ready)
            queued = MHD_queue_response(conn->mhd, conn->status, conn->ready);
        lane->n_steps++; /* it is written in the next run */
        nacre_conn_wake(conn);
        return queued;
    }
    if (lane->now_ns < conn->awake_until_ns)
        return MHD_YES;
    nacre_conn_wake(conn);
    lane->n_asleep = ASLEEP_FOR;
    return suspend(conn);
}

bool nacre_wait_busy(const struct nacre_lane *lane, uint64_t steps)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (steps != lane->n_steps)
        return true;
    return lane->n_awake == 0 && MHD_get_timeout(lane->daemon, &ms) == MHD_YES && ms == 0;
}

uint64_t nacre_wait_limit(const struct nacre_lane *lane)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (lane->again)
        return 0;
    if (lane->n_awake)
        return LOOK_MS;
    return MHD_get_timeout(lane->daemon, &ms) == MHD_YES ? ms : UINT64_MAX;
}
