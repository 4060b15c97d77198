/*
 * from_app.c - what the app says on a lane's request socket: errors, progress, health, and of sealed requests their keys. And
 * its end.
 */
#include "answer.h"

#include "answer_parts.h"
#include "job_run.h"
#include "reply.h"

#include <errno.h>
#include <unistd.h>

/* Bytes that are read in one go, which is a few milliseconds: the app can say much, and say it again and again. */
#define TURN_BYTES (32u * 1024 * 1024)
/* Batches of messages read from an app that is gone. */
#define LAST_WORDS 4u

static void take_failure(struct nacre_lane *lane)
{
    const struct nacre_failure_frame *failure = (const void *)lane->app_inbox.head;
    struct nacre_slot *slot = nacre_answer_find(lane, failure->id, NACRE_WAIT_APP);
    if (slot)
        nacre_answer_fail(lane, slot, failure->status, &lane->app_inbox);
}

static void take_progress(struct nacre_lane *lane)
{
    const struct nacre_progress_frame *progress = (const void *)lane->app_inbox.head;
    struct nacre_slot *slot = nacre_answer_find(lane, progress->id, NACRE_WAIT_APP);
    if (slot && slot->job)
        nacre_jobs_progress(&lane->shared->jobs, slot->job, progress->permille, lane->app_inbox.payload,
                            lane->app_inbox.payload_len);
}

static void take_health(struct nacre_lane *lane)
{
    const struct nacre_health_frame *health = (const void *)lane->app_inbox.head;
    if (health->endpoint >= lane->shared->manifest->n_allow || health->ok > 1)
        nacre_count(&lane->metrics.bad_frames, 1);
    else
        nacre_shared_set_health(lane->shared, health);
}

static void lose_app(struct nacre_lane *lane)
{
    if (!lane->stopping) {
        nacre_lane_lose_app(lane);
        return;
    }
    /* it was told to stop as we were: what it has answered is on its way through nacred */
    (void)close(lane->request_fd);
    lane->request_fd = -1;
}

static void take_reply_key(struct nacre_lane *lane)
{
    const struct nacre_reply_key_frame *f = (const void *)lane->app_inbox.head;
    struct nacre_slot *slot = nacre_answer_find(lane, f->id, NACRE_WAIT_APP);
    if (!slot)
        return;
    if (!slot->sealed || slot->has_key) { /* once, and for what came sealed */
        nacre_count(&lane->metrics.bad_frames, 1);
        return;
    }
    slot->has_key = true;
    memcpy(slot->reply_key, f->key, sizeof slot->reply_key);
}

static void take_prepared(struct nacre_lane *lane)
{
    const struct nacre_prepared_frame *f = (const void *)lane->app_inbox.head;
    struct nacre_slot *slot = nacre_answer_find(lane, f->id, NACRE_WAIT_APP);
    if (!slot)
        return;
    struct nacre_conn *conn = slot->owner;
    if (slot->job || !slot->has_key || !conn->async)
        nacre_count(&lane->metrics.bad_frames, 1);
    else
        nacre_job_prepared(conn, lane->app_inbox.payload, lane->app_inbox.payload_len);
}

static void take_from_app(struct nacre_lane *lane)
{
    const uint32_t type = lane->app_inbox.head->type;
    if (lane->app_inbox.payload_len > NACRE_FAILURE_TEXT && type != NACRE_FRAME_PREPARED) {
        nacre_count(&lane->metrics.bad_frames, 1);
        return;
    }
    switch (type) {
    case NACRE_FRAME_FAILURE:
        take_failure(lane);
        break;
    case NACRE_FRAME_PROGRESS:
        take_progress(lane);
        break;
    case NACRE_FRAME_REPLY_KEY:
        take_reply_key(lane);
        break;
    case NACRE_FRAME_PREPARED:
        take_prepared(lane);
        break;
    case NACRE_FRAME_HEALTH:
        take_health(lane);
        break;
    default:
        nacre_count(&lane->metrics.bad_frames, 1);
    }
}

bool nacre_app_take(struct nacre_lane *lane)
{
    bool open = true;
    size_t taken = 0;
    for (unsigned i = 0; i < NACRE_ANSWER_BATCH && taken < TURN_BYTES && lane->request_fd >= 0; i++) {
        int got = nacre_frame_receive(lane->request_fd, &lane->app_inbox, NACRE_PAYLOAD_MAX, true);
        if (got == -EAGAIN)
            break;
        if (got == -EINTR)
            continue;
        if (got == -EBADMSG || got == -ENOMEM) {
            nacre_count(&lane->metrics.bad_frames, 1);
            taken += NACRE_PAYLOAD_MAX; /* perhaps */
            continue;
        }
        if (got != 1) {
            open = false;
            break;
        }
        taken += lane->app_inbox.payload_len;
        take_from_app(lane);
    }
    nacre_inbox_clear(&lane->app_inbox);
    return open;
}

static void fail_app_request(struct nacre_slot *slot, void *arg)
{
    static const struct nacre_refusal restarted = {
        .status = 503, .retry_s = 1, .text = "the app is restarting"};
    struct nacre_lane *lane = arg;
    if (slot->job)
        nacre_job_refused(lane, slot, nacre_refuse(503, "the app ended while the job ran"));
    else if (slot->waits & NACRE_WAIT_APP)
        (void)nacre_reply_refusal(slot->owner, &restarted);
}

void nacre_lane_lose_app(struct nacre_lane *lane)
{
    if (lane->request_fd < 0)
        return;
    /* its last words, among them keys of answers that nacred has: as many as its socket holds */
    for (unsigned i = 0; i < LAST_WORDS && nacre_app_take(lane); i++)
        continue;
    (void)close(lane->request_fd); /* the last descriptor of the socket: leaves the epoll set with it */
    lane->request_fd = -1;
    lane->wants_write = false;
    nacre_outbox_drop(&lane->outbox);
    /* what the app had handed on to nacred before it died is on its way here and need not be lost */
    nacre_answers_drain(lane);
    nacre_slots_each(&lane->slots, fail_app_request, lane);
}

void nacre_app_drain(struct nacre_lane *lane)
{
    if (!nacre_app_take(lane))
        lose_app(lane);
}
