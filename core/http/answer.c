#include "answer.h"

#include "answer_parts.h"
#include "common/log.h"
#include "job_run.h"
#include "reply.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static bool keep(struct nacre_conn *conn, const char *text, size_t len)
{
    conn->kept = malloc(len + 1);
    if (!conn->kept)
        return false;
    memcpy(conn->kept, text, len);
    conn->kept_len = len;
    return true;
}

static void answer_error(struct nacre_conn *conn, uint32_t status, const uint8_t *text, size_t len)
{
    struct nacre_json_out *out = nacre_lane_out(conn->lane);
    if (status < 400 || status > 599)
        status = 500;
    nacre_error_text(out, text, len, "no reason was given");
    (void)nacre_reply_out(conn, status, status == 429 || status == 503);
}

static void answer_refusal(struct nacre_conn *conn, struct nacre_refusal refusal)
{
    (void)nacre_reply_refusal(conn, &refusal);
}

static void refuse(struct nacre_lane *lane, struct nacre_slot *slot, struct nacre_refusal refusal)
{
    if (slot->job)
        nacre_job_refused(lane, slot, refusal);
    else
        answer_refusal(slot->owner, refusal);
}

void nacre_answer_fail(struct nacre_lane *lane, struct nacre_slot *slot, uint32_t status,
                       const struct nacre_inbox *in)
{
    if (slot->job)
        nacre_job_failed(lane, slot, status, in->payload, in->payload_len);
    else
        answer_error(slot->owner, status, in->payload, in->payload_len);
}

struct nacre_slot *nacre_answer_find(struct nacre_lane *lane, uint64_t id, uint32_t what)
{
    struct nacre_slot *slot = nacre_slots_find(&lane->slots, id);
    /* what was never sent cannot be answered: somebody guesses */
    if (slot && slot->waits & what && (slot->sent || what == NACRE_WAIT_DOCUMENT))
        return slot;
    nacre_count(slot ? &lane->metrics.bad_frames : &lane->metrics.late, 1);
    return NULL;
}

static void render_failed(struct nacre_lane *lane, struct nacre_slot *slot, int err)
{
    char id[17];
    nacre_id_text(id, slot->id);
    nacre_log_event(NACRE_LEVEL_ERROR, "response not rendered", NLS("req", id),
                    NLS("route", lane->shared->manifest->routes[slot->route].path), NLI("err", err));
    refuse(lane, slot,
           nacre_refuse(500, err == -EMSGSIZE ? "the response is too large for JSON"
                                              : "the signed response could not be shown"));
}

/* The answer's JSON without its last '}' into the lane's buffer. */
static int write_signed(struct nacre_lane *lane, const struct nacre_answer_frame *answer, const uint8_t *bcs,
                        size_t len)
{
    struct nacre_shared *shared = lane->shared;
    struct nacre_json_out *out = nacre_lane_out(lane);
    const struct nacre_envelope *envelope = &shared->envelopes[answer->route];
    nacre_json_raw(out, envelope->text, envelope->len);
    nacre_json_u64(out, answer->timestamp_ms);
    nacre_json_raw(out, ",\"data\":", 8);
    int err = nacre_render(out, &shared->renderer, shared->manifest->routes[answer->route].response, bcs, len,
                           shared->render_max);
    nacre_json_raw(out, "},\"signature\":\"", 15);
    nacre_json_hex(out, answer->signature, sizeof answer->signature);
    nacre_json_raw(out, "\"", 1);
    return err ? err : out->failed ? -ENOMEM : 0;
}

static void write_attestation(struct nacre_json_out *out, const char *hex, size_t len)
{
    nacre_json_lit(out, ",\"attestation\":\"");
    nacre_json_raw(out, hex, len);
    nacre_json_lit(out, "\"");
}

static void take_signed(struct nacre_lane *lane, struct nacre_slot *slot,
                        const struct nacre_answer_frame *answer, const uint8_t *bcs, size_t len)
{
    struct nacre_conn *conn = slot->owner;
    struct nacre_json_out *out = &lane->out;
    int err = write_signed(lane, answer, bcs, len);
    if (err) {
        render_failed(lane, slot, err);
        return;
    }
    if (slot->job) {
        nacre_json_raw(out, "}", 1);
        nacre_job_signed(lane, slot);
        return;
    }
    slot->waits &= ~NACRE_WAIT_APP;
    if (slot->waits) {
        if (!keep(conn, out->base, out->len))
            render_failed(lane, slot, -ENOMEM);
        return;
    }
    if (conn->kept)
        write_attestation(out, conn->kept, conn->kept_len);
    nacre_json_raw(out, "}", 1);
    (void)nacre_reply_out(conn, 200, 0);
}

static void take_answer(struct nacre_lane *lane)
{
    const struct nacre_answer_frame *answer = (const void *)lane->inbox.head;
    struct nacre_slot *slot = nacre_answer_find(lane, answer->id, NACRE_WAIT_APP);
    if (slot && slot->sealed && !slot->has_key) { /* sent before the result, over another socket */
        (void)nacre_app_take(lane);
        slot = nacre_answer_find(lane, answer->id, NACRE_WAIT_APP);
    }
    if (!slot)
        return;
    if (slot->route != answer->route) {
        nacre_count(&lane->metrics.bad_frames, 1);
        nacre_log_event(NACRE_LEVEL_ERROR, "answer for another route", NLI("route", answer->route),
                        NLI("expected", slot->route));
        refuse(lane, slot, nacre_refuse(500, "the answer was for another route"));
        return;
    }
    if (slot->sealed && !slot->has_key) {
        /* never in plain: the app has opened nothing */
        refuse(lane, slot, nacre_refuse_later(503, "the answer's key is missing"));
        return;
    }
    if (!lane->inbox.payload)
        refuse(lane, slot, nacre_refuse_later(503, "no memory for the answer"));
    else if (answer->status == 200)
        take_signed(lane, slot, answer, lane->inbox.payload, lane->inbox.payload_len);
    else
        nacre_answer_fail(lane, slot, answer->status, &lane->inbox);
}

void nacre_answers_drain(struct nacre_lane *lane)
{
    /* what came in one message is taken whole: nothing else would call again for the rest */
    for (unsigned i = 0; lane->answer_fd >= 0 && (i < NACRE_ANSWER_BATCH || nacre_inbox_more(&lane->inbox));
         i++) {
        int got = nacre_frame_receive_packed(lane->answer_fd, &lane->inbox, NACRE_PAYLOAD_MAX, true);
        if (got == -EAGAIN)
            break;
        if (got == -EINTR)
            continue;
        if ((got == 1 || got == -ENOMEM) && lane->inbox.head->type == NACRE_FRAME_ANSWER) {
            take_answer(lane);
        } else if (got == 1 || got == -EBADMSG || got == -ENOMEM) {
            nacre_count(&lane->metrics.bad_frames, 1);
        } else {
            (void)close(lane->answer_fd);
            lane->answer_fd = -1;
        }
    }
    nacre_inbox_drop(&lane->inbox);
}

static const char no_memory[] = "no memory for the attestation document";

/* The document for a signed route: with the app's part if that is here, else kept until it comes. */
static void take_document(struct nacre_slot *slot, const char *hex, size_t hex_len)
{
    struct nacre_conn *conn = slot->owner;
    struct nacre_json_out whole = {0};
    slot->waits &= ~NACRE_WAIT_DOCUMENT;
    if (slot->waits) {
        if (!keep(conn, hex, hex_len))
            answer_refusal(conn, nacre_refuse_later(503, no_memory));
        return;
    }
    nacre_json_raw(&whole, conn->kept, conn->kept_len);
    write_attestation(&whole, hex, hex_len);
    nacre_json_raw(&whole, "}", 1);
    if (whole.failed) {
        free(whole.base);
        answer_refusal(conn, nacre_refuse_later(503, no_memory));
        return;
    }
    free(conn->lane->out.base);
    conn->lane->out = whole;
    (void)nacre_reply_out(conn, 200, 0);
}

void nacre_answer_lost(struct nacre_lane *lane, uint64_t id)
{
    struct nacre_slot *slot = nacre_answer_find(lane, id, NACRE_WAIT_DOCUMENT);
    if (slot)
        answer_refusal(slot->owner, nacre_refuse_later(503, no_memory));
}

void nacre_answer_document(struct nacre_lane *lane, const struct nacre_mail_document *document)
{
    struct nacre_slot *slot = nacre_answer_find(lane, document->id, NACRE_WAIT_DOCUMENT);
    if (!slot)
        return;
    struct nacre_conn *conn = slot->owner;
    if (document->status != 200) {
        /* the answer without the document is not what was asked for; what the app still sends comes late */
        answer_error(conn, document->status == 429 ? 429 : 503, document->data, document->len);
        return;
    }
    struct nacre_json_out *out = nacre_lane_out(lane);
    if (!conn->path->builtin) {
        nacre_json_hex(out, document->data, document->len);
        if (out->failed)
            answer_refusal(conn, nacre_refuse_later(503, no_memory));
        else
            take_document(slot, out->base, out->len);
        return;
    }
    nacre_json_lit(out, "{\"attestation\":\"");
    nacre_json_hex(out, document->data, document->len);
    nacre_json_lit(out, "\"}");
    (void)nacre_reply_out(conn, 200, 0);
}
