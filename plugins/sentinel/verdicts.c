#include "verdicts.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

#define BUCKETS 4096u

enum state { PENDING, DONE, FAILED };

/* One object. In the table while PENDING or DONE; a FAILED one lives on until the last waiting caller has left. */
struct entry {
    LIST_ENTRY(entry) bucket;
    TAILQ_ENTRY(entry) age; /* DONE only, oldest first */
    uint8_t key[SENTINEL_KEY_LEN];
    enum state state;
    int32_t status;
    uint32_t waiters;
    pthread_cond_t settled;
    struct sentinel_verdict verdict; /* DONE: its texts are in `texts` */
    char *texts;
    uint64_t bytes;
};

LIST_HEAD(bucket, entry);
TAILQ_HEAD(ages, entry);

struct sentinel_verdicts {
    pthread_mutex_t lock;
    pthread_condattr_t monotonic;
    struct bucket buckets[BUCKETS];
    struct ages ages;
    uint64_t held, bytes, max_bytes;
};

struct sentinel_verdicts *sentinel_verdicts_new(uint64_t max_bytes)
{
    struct sentinel_verdicts *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    (void)pthread_mutex_init(&v->lock, NULL);
    (void)pthread_condattr_init(&v->monotonic);
    (void)pthread_condattr_setclock(&v->monotonic, CLOCK_MONOTONIC);
    TAILQ_INIT(&v->ages);
    v->max_bytes = max_bytes;
    return v;
}

/* Object ids are hashes already. */
static struct bucket *bucket_of(struct sentinel_verdicts *v, const uint8_t *key)
{
    return &v->buckets[((uint32_t)key[1] | (uint32_t)key[2] << 8) % BUCKETS];
}

static struct entry *find(struct sentinel_verdicts *v, const uint8_t *key)
{
    struct entry *e = LIST_FIRST(bucket_of(v, key));
    while (e && memcmp(e->key, key, SENTINEL_KEY_LEN) != 0)
        e = LIST_NEXT(e, bucket);
    return e;
}

static void destroy(struct entry *e)
{
    (void)pthread_cond_destroy(&e->settled);
    if (e->texts)
        explicit_bzero(e->texts, e->bytes - sizeof *e);
    free(e->texts);
    free(e);
}

static void forget(struct sentinel_verdicts *v, struct entry *e)
{
    TAILQ_REMOVE(&v->ages, e, age);
    LIST_REMOVE(e, bucket);
    v->held--;
    v->bytes -= e->bytes;
    destroy(e);
}

void sentinel_verdicts_free(struct sentinel_verdicts *v)
{
    if (!v)
        return;
    while (!TAILQ_EMPTY(&v->ages))
        forget(v, TAILQ_FIRST(&v->ages));
    (void)pthread_condattr_destroy(&v->monotonic);
    (void)pthread_mutex_destroy(&v->lock);
    free(v);
}

/* `from` into memory at *to, which moves on. */
static void put_text(struct nacre_str *text, char **to)
{
    if (text->len)
        memcpy(*to, text->ptr, (size_t)text->len);
    text->ptr = *to;
    *to += text->len;
}

static uint64_t text_bytes(const struct sentinel_verdict *v)
{
    return v->agent_id.len + v->agent_response.len + v->jury_response.len + v->fun_response.len;
}

/* Moves the texts of *v into `memory`, which has text_bytes() of room. */
static void move_texts(struct sentinel_verdict *v, char *memory)
{
    put_text(&v->agent_id, &memory);
    put_text(&v->agent_response, &memory);
    put_text(&v->jury_response, &memory);
    put_text(&v->fun_response, &memory);
}

static enum sentinel_turn give(const struct nacre_call *call, const struct entry *e,
                               struct sentinel_verdict *out)
{
    struct sentinel_verdict copy = e->verdict;
    char *memory = nacre_alloc(call, text_bytes(&copy));
    if (!memory)
        return SENTINEL_MEMORY;
    move_texts(&copy, memory);
    *out = copy;
    return SENTINEL_HELD;
}

enum sentinel_turn sentinel_verdicts_look(struct sentinel_verdicts *v, const struct nacre_call *call,
                                          const uint8_t key[SENTINEL_KEY_LEN], struct sentinel_verdict *out)
{
    enum sentinel_turn turn = SENTINEL_NONE;
    (void)pthread_mutex_lock(&v->lock);
    const struct entry *e = find(v, key);
    if (e && e->state == DONE)
        turn = give(call, e, out);
    (void)pthread_mutex_unlock(&v->lock);
    return turn;
}

/* The call's deadline on the clock of `settled`. */
static struct timespec deadline_of(const struct nacre_call *call)
{
    struct timespec t = {0, 0};
    const uint64_t ms = nacre_remaining_ms(call);
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}

/* Until the evaluation has ended; the lock is held. */
static enum sentinel_turn wait_for(struct sentinel_verdicts *v, const struct nacre_call *call,
                                   struct entry *e, struct sentinel_verdict *out, int32_t *status)
{
    const struct timespec until = deadline_of(call);
    enum sentinel_turn turn = SENTINEL_LATE;
    int err = 0;
    if (e->waiters >= SENTINEL_WAITERS_MAX)
        return SENTINEL_CROWD;
    e->waiters++;
    while (e->state == PENDING && err == 0)
        err = pthread_cond_timedwait(&e->settled, &v->lock, &until);
    e->waiters--;
    if (e->state == DONE) {
        turn = give(call, e, out);
    } else if (e->state == FAILED) {
        turn = SENTINEL_FAILED;
        *status = e->status;
        if (e->waiters == 0)
            destroy(e);
    }
    return turn;
}

static enum sentinel_turn lead(struct sentinel_verdicts *v, const uint8_t *key)
{
    struct entry *e = calloc(1, sizeof *e);
    if (!e || pthread_cond_init(&e->settled, &v->monotonic) != 0) {
        free(e);
        return SENTINEL_MEMORY;
    }
    memcpy(e->key, key, SENTINEL_KEY_LEN);
    e->state = PENDING;
    LIST_INSERT_HEAD(bucket_of(v, key), e, bucket);
    return SENTINEL_LEAD;
}

enum sentinel_turn sentinel_verdicts_enter(struct sentinel_verdicts *v, const struct nacre_call *call,
                                           const uint8_t key[SENTINEL_KEY_LEN], struct sentinel_verdict *out,
                                           int32_t *status)
{
    enum sentinel_turn turn;
    (void)pthread_mutex_lock(&v->lock);
    struct entry *e = find(v, key);
    if (!e)
        turn = lead(v, key);
    else if (e->state == DONE)
        turn = give(call, e, out);
    else
        turn = wait_for(v, call, e, out, status);
    (void)pthread_mutex_unlock(&v->lock);
    return turn;
}

/* Oldest first, but never what somebody is about to read, nor the newest. */
static void make_room(struct sentinel_verdicts *v)
{
    struct entry *e = TAILQ_FIRST(&v->ages), *next;
    for (; e && v->bytes > v->max_bytes; e = next) {
        next = TAILQ_NEXT(e, age);
        if (next && e->waiters == 0)
            forget(v, e);
    }
}

static bool hold(struct sentinel_verdicts *v, struct entry *e, const struct sentinel_verdict *verdict)
{
    const uint64_t len = text_bytes(verdict);
    e->texts = malloc((size_t)len + 1);
    if (!e->texts)
        return false;
    e->verdict = *verdict;
    move_texts(&e->verdict, e->texts);
    e->bytes = sizeof *e + len;
    e->state = DONE;
    TAILQ_INSERT_TAIL(&v->ages, e, age);
    v->held++;
    v->bytes += e->bytes;
    make_room(v);
    return true;
}

void sentinel_verdicts_settle(struct sentinel_verdicts *v, const uint8_t key[SENTINEL_KEY_LEN],
                              const struct sentinel_verdict *verdict, int32_t status)
{
    (void)pthread_mutex_lock(&v->lock);
    struct entry *e = find(v, key);
    if (e && e->state == PENDING) {
        if (!verdict || !hold(v, e, verdict)) {
            e->state = FAILED;
            e->status = verdict ? 500 : status;
            LIST_REMOVE(e, bucket);
        }
        (void)pthread_cond_broadcast(&e->settled);
        if (e->state == FAILED && e->waiters == 0)
            destroy(e);
    }
    (void)pthread_mutex_unlock(&v->lock);
}

void sentinel_verdicts_count(struct sentinel_verdicts *v, uint64_t *held, uint64_t *bytes)
{
    (void)pthread_mutex_lock(&v->lock);
    *held = v->held;
    *bytes = v->bytes;
    (void)pthread_mutex_unlock(&v->lock);
}
