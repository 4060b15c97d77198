#include "batch.h"

#include "lane.h"

#include <errno.h>
#include <stdlib.h>

#define NS_PER_MS 1000000ull
#define FIRST_CAP 32u

static const struct nacre_refusal no_memory = {
    .status = 503, .retry_s = 1, .text = "no memory for the attestation"};

int nacre_batches_init(struct nacre_batches *b, uint64_t max, uint64_t patience_ms)
{
    _Static_assert(NACRE_TREE_LEAVES_MAX <= UINT32_MAX, "a batch is counted in 32 bits");
    b->max = max < NACRE_TREE_LEAVES_MAX ? (uint32_t)max : NACRE_TREE_LEAVES_MAX;
    b->patience_ns = patience_ms * NS_PER_MS;
    return -pthread_mutex_init(&b->lock, NULL);
}

void nacre_batches_free(struct nacre_batches *b)
{
    nacre_batch_drop(b->gathering);
    nacre_batch_drop(b->flying);
    (void)pthread_mutex_destroy(&b->lock);
    *b = (struct nacre_batches){0};
}

bool nacre_batches_enter(struct nacre_batches *b)
{
    if (atomic_fetch_add(&b->waiting, 1) < b->max)
        return true;
    nacre_batches_leave(b);
    return false;
}

void nacre_batches_leave(struct nacre_batches *b)
{
    (void)atomic_fetch_sub(&b->waiting, 1);
}

struct nacre_batch *nacre_batch_hold(struct nacre_batch *batch)
{
    (void)atomic_fetch_add(&batch->users, 1);
    return batch;
}

void nacre_batch_drop(struct nacre_batch *batch)
{
    if (!batch || atomic_fetch_sub(&batch->users, 1) != 1)
        return;
    free(batch->slots);
    free(batch->leaves);
    nacre_tree_free(&batch->tree);
    nacre_text_drop(batch->text);
    free(batch);
}

static bool grow(struct nacre_batch *batch)
{
    uint32_t cap = batch->cap ? batch->cap * 2 : FIRST_CAP;
    uint64_t *slots = reallocarray(batch->slots, cap, sizeof *slots);
    if (slots)
        batch->slots = slots;
    uint8_t(*leaves)[NACRE_TREE_HASH] = reallocarray(batch->leaves, cap, sizeof *leaves);
    if (leaves)
        batch->leaves = leaves;
    if (!slots || !leaves)
        return false;
    batch->cap = cap;
    return true;
}

/* The batch that is being gathered, with room for one more; NULL without memory. */
static struct nacre_batch *room_for_one(struct nacre_batches *b)
{
    if (!b->gathering) {
        b->gathering = calloc(1, sizeof *b->gathering);
        if (b->gathering)
            atomic_init(&b->gathering->users, 1);
    }
    struct nacre_batch *batch = b->gathering;
    return batch && (batch->n < batch->cap || grow(batch)) ? batch : NULL;
}

static bool send_root(struct nacre_shared *shared, struct nacre_batch *batch)
{
    struct nacre_attest_frame frame = {
        .head.type = NACRE_FRAME_ATTEST, .id = batch->id, .nonce_len = NACRE_TREE_HASH, .batch = 1};
    nacre_tree_root(frame.nonce, &batch->tree);
    return nacre_frame_send(shared->control_fd, &frame, NULL, 0, NULL, 0, NULL, 0) == 0;
}

/* {"error":"..."} for all; NULL without memory. */
static struct nacre_text *text_of(const struct nacre_json_out *out)
{
    struct nacre_text *text = out->failed ? NULL : nacre_text_new(out->len);
    if (text)
        memcpy(text->data, out->base, out->len);
    return text;
}

static void refuse(struct nacre_batch *batch, struct nacre_refusal refusal)
{
    struct nacre_json_out out = {0};
    nacre_error_refusal(&out, &refusal);
    batch->status = refusal.status;
    batch->text = text_of(&out);
    free(out.base);
}

/* What was gathered is under way from now on. Under the lock; the caller launches what is returned. */
static struct nacre_batch *claim(struct nacre_batches *b)
{
    struct nacre_batch *batch = b->gathering;
    if (!batch || batch->n == 0)
        return NULL;
    b->gathering = NULL;
    b->flying = batch;
    batch->id = nacre_ids_next(&b->ids);
    return batch;
}

static void note_sent(struct nacre_batches *b, struct nacre_batch *batch)
{
    batch->sent_ns = nacre_monotonic_ns();
    b->n_batches++;
    b->n_nonces += batch->n;
    if (batch->n > b->largest)
        b->largest = batch->n;
}

/* To every lane that has somebody in it. Takes the batch over; NULL does nothing. */
static void deliver(struct nacre_shared *shared, struct nacre_batch *batch)
{
    uint32_t lanes = 0; /* bit set: NACRE_LANES_MAX is 16 */
    for (uint32_t i = 0; batch && i < batch->n; i++)
        lanes |= 1u << nacre_slots_lane_of(batch->slots[i]);
    for (uint32_t i = 0; i < shared->n_lanes; i++)
        if (lanes & 1u << i)
            nacre_lane_post_batch(&shared->lanes[i], batch);
    nacre_batch_drop(batch);
}

/*
 * Makes the tree, without the lock since others only have to join, and sends its root. What cannot be sent is refused, and
 * those who came meanwhile are tried in their turn: nobody is left waiting for a batch that does not leave.
 */
static void launch(struct nacre_shared *shared, struct nacre_batch *batch)
{
    struct nacre_batches *b = &shared->batches;
    while (batch) {
        struct nacre_batch *next = NULL;
        bool built =
            nacre_tree_build(&batch->tree, (const uint8_t(*)[NACRE_TREE_HASH])batch->leaves, batch->n);
        (void)pthread_mutex_lock(&b->lock);
        bool sent = built && send_root(shared, batch);
        if (sent) {
            note_sent(b, batch);
        } else {
            b->n_failed++;
            b->flying = NULL;
            next = claim(b);
        }
        (void)pthread_mutex_unlock(&b->lock);
        if (!sent) {
            refuse(batch,
                   built ? nacre_refuse_later(503, "the core takes no attestation requests now") : no_memory);
            deliver(shared, batch);
        }
        batch = next;
    }
}

struct nacre_refusal nacre_batch_join(struct nacre_shared *shared, uint64_t slot,
                                      const struct nacre_nonce *nonce)
{
    struct nacre_batches *b = &shared->batches;
    uint8_t leaf[NACRE_TREE_HASH];
    struct nacre_refusal refusal = {0};
    struct nacre_batch *lost = NULL, *next = NULL;
    nacre_tree_leaf(leaf, nonce->bytes, nonce->len);
    (void)pthread_mutex_lock(&b->lock);
    /* its requests have all run into their deadline: an answer that is lost must not stop those to come */
    if (b->flying && b->flying->sent_ns && nacre_monotonic_ns() - b->flying->sent_ns > b->patience_ns) {
        lost = b->flying;
        b->flying = NULL;
        b->n_failed++;
    }
    struct nacre_batch *batch = room_for_one(b);
    if (!batch) {
        refusal = no_memory;
    } else if (batch->n >= b->max) { /* by clients that come and go */
        refusal = nacre_refuse_limit(429, "nonces in the next batch", batch->n + 1ull, b->max);
        refusal.retry_s = 1;
    } else {
        memcpy(batch->leaves[batch->n], leaf, sizeof leaf);
        batch->slots[batch->n++] = slot;
    }
    if (!b->flying)
        next = claim(b);
    (void)pthread_mutex_unlock(&b->lock);
    nacre_batch_drop(lost);
    launch(shared, next);
    return refusal;
}

/* What all answers begin with, the document in hex once. */
static void write_answer(struct nacre_batch *batch, const uint8_t *document, size_t len)
{
    struct nacre_json_out out = {0};
    if (!nacre_json_reserve(&out, 2 * len + 64)) {
        refuse(batch, no_memory);
        return;
    }
    nacre_json_lit(&out, "{\"attestation\":\"");
    nacre_json_hex(&out, document, len);
    nacre_json_lit(&out, "\",\"batch\":{\"size\":");
    nacre_json_u64(&out, batch->n);
    nacre_json_lit(&out, ",\"index\":");
    batch->status = 200;
    batch->text = text_of(&out);
    free(out.base);
}

static void write_error(struct nacre_batch *batch, uint32_t status, const uint8_t *text, size_t len)
{
    struct nacre_json_out out = {0};
    nacre_error_text(&out, text, len, "no reason was given");
    batch->status = status == 429 ? 429 : 503;
    batch->text = text_of(&out);
    free(out.base);
}

bool nacre_batch_done(struct nacre_shared *shared, uint64_t id, uint32_t status, const uint8_t *data,
                      size_t len)
{
    struct nacre_batches *b = &shared->batches;
    (void)pthread_mutex_lock(&b->lock);
    struct nacre_batch *done = b->flying && b->flying->id == id ? b->flying : NULL;
    struct nacre_batch *next = NULL;
    if (done) {
        b->flying = NULL;
        b->n_failed += status != 200;
        next = claim(b);
    }
    (void)pthread_mutex_unlock(&b->lock);
    if (!done)
        return false;
    launch(shared, next); /* first of all: the NSM has nothing to do */
    if (status == 200)
        write_answer(done, data, len);
    else
        write_error(done, status, data, len);
    deliver(shared, done);
    return true;
}
