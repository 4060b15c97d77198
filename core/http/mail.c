#include "answer.h"
#include "lane.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* nacred waits 5 s for its helpers to finish */
#define STOP_NS 4500000000ull

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void use_request_socket(struct nacre_lane *lane, int fd)
{
    nacre_lane_lose_app(lane);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK); /* the app may be slow, the lane may not */
    if (nacre_lane_watch(lane, fd, NACRE_TAG_REQUEST) < 0) {
        (void)close(fd);
        return;
    }
    lane->request_fd = fd;
    lane->app_was_up = true;
    lane->jobs_due = true;
}

static void use_answer_socket(struct nacre_lane *lane, int fd)
{
    close_fd(&lane->answer_fd);
    if (nacre_lane_watch(lane, fd, NACRE_TAG_ANSWER) < 0) {
        (void)close(fd);
        return;
    }
    lane->answer_fd = fd;
}

static void begin_stop(struct nacre_lane *lane)
{
    if (lane->stopping)
        return;
    lane->stopping = true;
    lane->stop_by_ns = lane->now_ns + STOP_NS;
    int fd = MHD_quiesce_daemon(lane->daemon);
    if (fd >= 0)
        (void)close(fd); /* ours only: nacred keeps the socket itself, with the clients in its queue */
}

void nacre_mail_free_batches(struct nacre_mail_batch *first)
{
    while (first) {
        struct nacre_mail_batch *next = first->next; /* `first` is part of the batch */
        nacre_batch_drop(first->batch);
        first = next;
    }
}

void nacre_lane_take_mail(struct nacre_lane *lane)
{
    uint64_t count;
    struct nacre_mailbox *mail = &lane->mail;
    while (read(lane->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
        continue;
    (void)pthread_mutex_lock(&mail->lock);
    int request_fd = mail->request_fd, answer_fd = mail->answer_fd;
    struct nacre_mail_document *documents = mail->first;
    struct nacre_mail_batch *batches = mail->batches;
    bool stop = mail->stop;
    mail->batches = NULL;
    mail->last_batch = &mail->batches;
    mail->request_fd = mail->answer_fd = -1;
    mail->first = mail->last = NULL;
    mail->n_documents = 0;
    uint64_t lost[NACRE_MAIL_LOST];
    uint32_t n_lost = mail->n_lost;
    memcpy(lost, mail->lost, n_lost * sizeof lost[0]);
    mail->n_lost = 0;
    (void)pthread_mutex_unlock(&mail->lock);
    if (request_fd >= 0)
        use_request_socket(lane, request_fd);
    if (answer_fd >= 0)
        use_answer_socket(lane, answer_fd);
    while (documents) {
        struct nacre_mail_document *next = documents->next;
        nacre_answer_document(lane, documents);
        free(documents);
        documents = next;
    }
    struct nacre_mail_batch **last = &lane->batches;
    while (*last)
        last = &(*last)->next;
    *last = batches;
    for (uint32_t i = 0; i < n_lost; i++)
        nacre_answer_lost(lane, lost[i]);
    if (stop)
        begin_stop(lane);
}

void nacre_lane_wake(struct nacre_lane *lane)
{
    uint64_t one = 1;
    while (write(lane->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

void nacre_lane_post_sockets(struct nacre_lane *lane, int request_fd, int answer_fd)
{
    (void)pthread_mutex_lock(&lane->mail.lock);
    if (request_fd >= 0) {
        close_fd(&lane->mail.request_fd); /* an incarnation that died before the lane had seen it */
        lane->mail.request_fd = request_fd;
    }
    if (answer_fd >= 0) {
        close_fd(&lane->mail.answer_fd);
        lane->mail.answer_fd = answer_fd;
    }
    (void)pthread_mutex_unlock(&lane->mail.lock);
    nacre_lane_wake(lane);
}

void nacre_lane_post_document(struct nacre_lane *lane, uint64_t id, uint32_t status, const uint8_t *data,
                              size_t len)
{
    struct nacre_mailbox *mail = &lane->mail;
    struct nacre_mail_document *d = malloc(sizeof *d + len);
    if (d) {
        *d = (struct nacre_mail_document){.id = id, .status = status, .len = len};
        if (len)
            memcpy(d->data, data, len);
    }
    (void)pthread_mutex_lock(&mail->lock);
    bool room = d && mail->n_documents < NACRE_MAIL_DOCUMENTS;
    if (room) {
        if (mail->last)
            mail->last->next = d;
        else
            mail->first = d;
        mail->last = d;
        mail->n_documents++;
    } else if (mail->n_lost < NACRE_MAIL_LOST) {
        mail->lost[mail->n_lost++] = id;
    }
    (void)pthread_mutex_unlock(&mail->lock);
    if (!room)
        free(d);
    nacre_lane_wake(lane);
}

void nacre_lane_post_batch(struct nacre_lane *lane, struct nacre_batch *batch)
{
    struct nacre_mail_batch *mail = &batch->mail[lane->index];
    *mail = (struct nacre_mail_batch){.batch = nacre_batch_hold(batch)};
    (void)pthread_mutex_lock(&lane->mail.lock);
    *lane->mail.last_batch = mail;
    lane->mail.last_batch = &mail->next;
    (void)pthread_mutex_unlock(&lane->mail.lock);
    nacre_lane_wake(lane);
}

void nacre_lane_post_stop(struct nacre_lane *lane)
{
    (void)pthread_mutex_lock(&lane->mail.lock);
    lane->mail.stop = true;
    (void)pthread_mutex_unlock(&lane->mail.lock);
    nacre_lane_wake(lane);
}
