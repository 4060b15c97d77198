#include "batch.h"

#include "lane.h"
#include "reply.h"

#include <stdio.h>

/* The rest of an answer: `3,"path":["..",".."]}}`. */
#define TAIL_MAX (32u + NACRE_TREE_DEPTH_MAX * (2 * NACRE_TREE_HASH + 3))

/*
 * A signed answer waits for no more than these. All at once doubled the p99 of signed answers beside 5,000 batched
 * attestations a second; two at a time, it stays as it is (bench/attestation.py).
 */
#define ANSWERS_A_TURN 2u

static const struct nacre_refusal no_memory = {
    .status = 503, .retry_s = 1, .text = "no memory for the attestation document"};

static size_t write_tail(char tail[TAIL_MAX], const struct nacre_tree *tree, uint32_t index)
{
    const uint8_t *path[NACRE_TREE_DEPTH_MAX];
    uint32_t depth = nacre_tree_path(path, tree, index);
    size_t at = (size_t)snprintf(tail, TAIL_MAX, "%u,\"path\":[", index);
    for (uint32_t i = 0; i < depth; i++) {
        if (i)
            tail[at++] = ',';
        tail[at++] = '"';
        nacre_hex(tail + at, path[i], NACRE_TREE_HASH);
        at += (size_t)2 * NACRE_TREE_HASH;
        tail[at++] = '"';
    }
    tail[at++] = ']';
    tail[at++] = '}';
    tail[at++] = '}';
    return at;
}

static void answer(struct nacre_conn *conn, const struct nacre_batch *batch, uint32_t index)
{
    char tail[TAIL_MAX];
    struct nacre_http_reply reply = {
        .status = batch->status, .type = NACRE_TYPE_JSON, .mode = NACRE_BODY_SHARE};
    if (!batch->text) {
        (void)nacre_reply_refusal(conn, &no_memory);
        return;
    }
    reply.shared = nacre_text_hold(batch->text);
    reply.body = batch->text->data;
    reply.len = batch->text->len;
    if (batch->status == 200) {
        reply.tail = tail;
        reply.tail_len = write_tail(tail, &batch->tree, index);
    } else {
        reply.retry_s = 1;
    }
    (void)nacre_reply(conn, &reply);
}

static void answer_part(struct nacre_lane *lane, struct nacre_mail_batch *mail)
{
    const struct nacre_batch *batch = mail->batch;
    for (unsigned answered = 0; mail->at < batch->n && answered < ANSWERS_A_TURN; mail->at++) {
        uint64_t id = batch->slots[mail->at];
        if (nacre_slots_lane_of(id) != lane->index)
            continue;
        struct nacre_slot *slot = nacre_slots_find(&lane->slots, id);
        if (slot)
            answer(slot->owner, batch, mail->at);
        else
            nacre_count(&lane->metrics.late, 1);
        answered++;
    }
}

void nacre_batch_answer_some(struct nacre_lane *lane)
{
    struct nacre_mail_batch *mail = lane->batches;
    if (!mail)
        return;
    answer_part(lane, mail);
    if (mail->at < mail->batch->n)
        return;
    lane->batches = mail->next;
    mail->next = NULL;
    nacre_mail_free_batches(mail);
}
