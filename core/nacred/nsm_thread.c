#include "nsm_thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STOP_WAIT_MS 200

/* Our own document before all others, then the one for KMS, which comes once, then the batch and the queue in turn. */
static void choose_job(struct nacre_nsm_thread *t, struct nacre_nsm_job *job)
{
    if (t->own_wanted) {
        t->own_wanted = false;
        *job = (struct nacre_nsm_job){0};
        return;
    }
    if (t->recipient_wanted) {
        t->recipient_wanted = false;
        *job = (struct nacre_nsm_job){.recipient = true, .client = t->recipient_client};
        return;
    }
    t->batch_was_last = t->batch_waits && (t->used == 0 || !t->batch_was_last);
    if (t->batch_was_last) {
        t->batch_waits = false;
        *job = t->batch;
        return;
    }
    *job = t->queue[t->first];
    t->first = (t->first + 1) % t->cap;
    t->used--;
}

/* Waits for something to do; false to end. */
static bool next_job(struct nacre_nsm_thread *t, struct nacre_nsm_job *job)
{
    (void)pthread_mutex_lock(&t->lock);
    while (!t->stop && !t->own_wanted && !t->recipient_wanted && !t->batch_waits && t->used == 0)
        (void)pthread_cond_wait(&t->wake, &t->lock);
    bool go = !t->stop;
    if (go)
        choose_job(t, job);
    (void)pthread_mutex_unlock(&t->lock);
    return go;
}

static void attest(struct nacre_nsm_thread *t, const struct nacre_nsm_job *job, struct nacre_nsm_result *r)
{
    uint8_t user_data[NACRE_USER_DATA_MAX], key[NACRE_RECIPIENT_MAX];
    (void)pthread_mutex_lock(&t->lock);
    size_t user_data_len = job->recipient ? t->recipient_data_len : t->user_data_len;
    size_t key_len = job->recipient ? t->recipient_len : sizeof t->public_key;
    memcpy(user_data, job->recipient ? t->recipient_data : t->user_data, user_data_len);
    memcpy(key, job->recipient ? t->recipient : t->public_key, key_len);
    (void)pthread_mutex_unlock(&t->lock);
    const struct nacre_nsm_request request = {
        .kind = NACRE_NSM_ATTESTATION,
        .user_data = {user_data, user_data_len},
        .nonce = {job->id ? job->nonce : NULL, job->nonce_len},
        .public_key = {key, key_len},
    };
    r->id = job->id;
    r->recipient = job->recipient;
    r->client = job->client;
    r->time.before_ns = nacre_monotonic_ns();
    r->error = nacre_nsm_call(&t->nsm, &request, &r->answer, r->why);
    r->time.after_ns = nacre_monotonic_ns();
    if (!r->error && !job->id && !job->recipient) {
        r->error = nacre_document_timestamp(r->answer.document, r->answer.document_len, t->public_key,
                                            &r->time.timestamp_ms);
        if (r->error)
            (void)snprintf(r->why, sizeof r->why, "the NSM's document has no timestamp or another key");
    }
    atomic_fetch_add(&t->calls, 1);
    if (r->error)
        atomic_fetch_add(&t->errors, 1);
}

/* One result at a time is handed over: the main loop takes it at once, and memory stays bounded. */
static bool hand_over(struct nacre_nsm_thread *t, const struct nacre_nsm_result *r)
{
    const uint64_t one = 1;
    (void)pthread_mutex_lock(&t->lock);
    while (!t->stop && t->has_result)
        (void)pthread_cond_wait(&t->wake, &t->lock);
    bool go = !t->stop;
    if (go) {
        t->result = *r;
        t->has_result = true;
        if (write(t->ready_fd, &one, sizeof one) < 0)
            go = false; /* an eventfd takes 2^64-2 of these */
    }
    (void)pthread_mutex_unlock(&t->lock);
    return go;
}

static void *run(void *arg)
{
    struct nacre_nsm_thread *t = arg;
    struct nacre_nsm_job job;
    while (next_job(t, &job)) {
        struct nacre_nsm_result r = {0};
        attest(t, &job, &r);
        if (!hand_over(t, &r))
            break;
    }
    (void)pthread_mutex_lock(&t->lock);
    t->ended = true;
    (void)pthread_cond_broadcast(&t->wake);
    (void)pthread_mutex_unlock(&t->lock);
    return NULL;
}

int nacre_nsm_thread_start(struct nacre_nsm_thread *t, size_t queue)
{
    pthread_condattr_t attr;
    t->queue = calloc(queue, sizeof *t->queue);
    t->cap = queue;
    t->ready_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int err = t->queue && t->ready_fd >= 0 ? 0 : -ENOMEM;
    (void)pthread_mutex_init(&t->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* the system's clock may be set while we wait */
    (void)pthread_cond_init(&t->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    if (!err)
        err = -pthread_create(&t->thread, NULL, run, t);
    if (err) {
        free(t->queue);
        t->queue = NULL;
        if (t->ready_fd >= 0)
            (void)close(t->ready_fd);
        t->ready_fd = -1;
    }
    return err;
}

void nacre_nsm_thread_own(struct nacre_nsm_thread *t)
{
    (void)pthread_mutex_lock(&t->lock);
    t->own_wanted = true;
    (void)pthread_cond_signal(&t->wake);
    (void)pthread_mutex_unlock(&t->lock);
}

void nacre_nsm_thread_recipient(struct nacre_nsm_thread *t, uint64_t client, const uint8_t *key,
                                size_t key_len, const uint8_t *user_data, size_t user_data_len)
{
    (void)pthread_mutex_lock(&t->lock);
    t->recipient_client = client;
    memcpy(t->recipient, key, key_len);
    t->recipient_len = key_len;
    memcpy(t->recipient_data, user_data, user_data_len);
    t->recipient_data_len = user_data_len;
    t->recipient_wanted = true;
    (void)pthread_cond_signal(&t->wake);
    (void)pthread_mutex_unlock(&t->lock);
}

void nacre_nsm_thread_user_data(struct nacre_nsm_thread *t, const uint8_t *data, size_t len)
{
    (void)pthread_mutex_lock(&t->lock);
    memcpy(t->user_data, data, len);
    t->user_data_len = len;
    (void)pthread_mutex_unlock(&t->lock);
}

int nacre_nsm_thread_attest(struct nacre_nsm_thread *t, const struct nacre_nsm_job *job)
{
    (void)pthread_mutex_lock(&t->lock);
    bool room = job->batch ? !t->batch_waits : t->used < t->cap;
    if (room && job->batch) {
        t->batch = *job;
        t->batch_waits = true;
    } else if (room) {
        t->queue[(t->first + t->used++) % t->cap] = *job;
    }
    if (room)
        (void)pthread_cond_signal(&t->wake);
    (void)pthread_mutex_unlock(&t->lock);
    return room ? 0 : -EAGAIN;
}

void nacre_nsm_thread_purge(struct nacre_nsm_thread *t)
{
    (void)pthread_mutex_lock(&t->lock);
    t->used = 0;
    t->batch_waits = false;
    (void)pthread_mutex_unlock(&t->lock);
}

bool nacre_nsm_thread_take(struct nacre_nsm_thread *t, struct nacre_nsm_result *out)
{
    uint64_t count;
    if (read(t->ready_fd, &count, sizeof count) < 0)
        return false;
    (void)pthread_mutex_lock(&t->lock);
    bool has = t->has_result;
    if (has)
        *out = t->result;
    t->has_result = false;
    (void)pthread_cond_signal(&t->wake);
    (void)pthread_mutex_unlock(&t->lock);
    return has;
}

void nacre_nsm_thread_stop(struct nacre_nsm_thread *t)
{
    const uint64_t end = nacre_monotonic_ns() + STOP_WAIT_MS * UINT64_C(1000000);
    const struct timespec until = {(time_t)(end / 1000000000u), (long)(end % 1000000000u)};
    int err = 0;
    (void)pthread_mutex_lock(&t->lock);
    t->stop = true;
    (void)pthread_cond_broadcast(&t->wake);
    while (!t->ended && err == 0)
        err = pthread_cond_timedwait(&t->wake, &t->lock, &until);
    const bool ended = t->ended;
    (void)pthread_mutex_unlock(&t->lock);
    if (!ended)
        return;
    (void)pthread_join(t->thread, NULL);
    (void)close(t->ready_fd);
    free(t->queue);
    nacre_nsm_close(&t->nsm);
}
