#include "lanes.h"

#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

void nacre_lane_init(struct nacre_lane *lane)
{
    *lane = (struct nacre_lane){.result = -1, .answer = -1, .next_result = -1, .next_answer = -1};
    (void)pthread_mutex_init(&lane->lock, NULL);
    (void)pthread_cond_init(&lane->wake, NULL);
}

void nacre_lane_free(struct nacre_lane *lane)
{
    close_fd(&lane->result);
    close_fd(&lane->answer);
    close_fd(&lane->next_result);
    close_fd(&lane->next_answer);
    sodium_memzero(lane->ticket_key, sizeof lane->ticket_key);
    sodium_memzero(lane->next_ticket_key, sizeof lane->next_ticket_key);
}

void nacre_lane_post_result(struct nacre_lane *lane, int fd)
{
    (void)pthread_mutex_lock(&lane->lock);
    close_fd(&lane->next_result);
    lane->next_result = fd;
    if (lane->result >= 0)
        (void)shutdown(lane->result, SHUT_RDWR);
    (void)pthread_cond_signal(&lane->wake);
    (void)pthread_mutex_unlock(&lane->lock);
}

void nacre_lane_post_answer(struct nacre_lane *lane, int fd, const uint8_t ticket_key[16])
{
    (void)pthread_mutex_lock(&lane->lock);
    close_fd(&lane->next_answer);
    lane->next_answer = fd;
    memcpy(lane->next_ticket_key, ticket_key, sizeof lane->next_ticket_key);
    if (lane->answer >= 0)
        (void)shutdown(lane->answer, SHUT_RDWR);
    (void)pthread_mutex_unlock(&lane->lock);
}

void nacre_lane_stop(struct nacre_lane *lane)
{
    (void)pthread_mutex_lock(&lane->lock);
    lane->stop = true;
    if (lane->result >= 0)
        (void)shutdown(lane->result, SHUT_RDWR);
    if (lane->answer >= 0)
        (void)shutdown(lane->answer, SHUT_RDWR);
    (void)pthread_cond_signal(&lane->wake);
    (void)pthread_mutex_unlock(&lane->lock);
}

/* With the lock held. */
static void adopt(struct nacre_lane *lane, struct nacre_lane_sockets *out)
{
    if (lane->next_result >= 0) {
        close_fd(&lane->result);
        lane->result = lane->next_result;
        lane->next_result = -1;
    }
    if (lane->next_answer >= 0) {
        close_fd(&lane->answer);
        lane->answer = lane->next_answer;
        lane->next_answer = -1;
        memcpy(lane->ticket_key, lane->next_ticket_key, sizeof lane->ticket_key);
    }
    out->result = lane->result;
    out->answer = lane->answer;
    memcpy(out->ticket_key, lane->ticket_key, sizeof out->ticket_key);
}

bool nacre_lane_await(struct nacre_lane *lane, struct nacre_lane_sockets *out)
{
    (void)pthread_mutex_lock(&lane->lock);
    adopt(lane, out);
    while (!lane->stop && lane->result < 0) {
        (void)pthread_cond_wait(&lane->wake, &lane->lock);
        adopt(lane, out);
    }
    bool go = !lane->stop;
    (void)pthread_mutex_unlock(&lane->lock);
    return go;
}

void nacre_lane_refresh(struct nacre_lane *lane, struct nacre_lane_sockets *out)
{
    (void)pthread_mutex_lock(&lane->lock);
    adopt(lane, out);
    (void)pthread_mutex_unlock(&lane->lock);
}

void nacre_lane_drop_result(struct nacre_lane *lane)
{
    (void)pthread_mutex_lock(&lane->lock);
    close_fd(&lane->result);
    (void)pthread_mutex_unlock(&lane->lock);
}
