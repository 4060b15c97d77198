#include "lanes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

void nacre_lanes_init(struct nacre_lanes *lanes)
{
    *lanes = (struct nacre_lanes){.n = 0};
    (void)pthread_mutex_init(&lanes->lock, NULL);
    (void)pthread_cond_init(&lanes->changed, NULL);
    for (size_t i = 0; i < NACRE_LANES_MAX; i++)
        lanes->early_request[i] = lanes->early_result[i] = -1;
}

void nacre_lanes_free(struct nacre_lanes *lanes)
{
    for (size_t i = 0; i < NACRE_LANES_MAX; i++) {
        nacre_lanes_release(lanes->pairs[i]);
        close_fd(lanes->early_request[i]);
        close_fd(lanes->early_result[i]);
        lanes->pairs[i] = NULL;
        lanes->early_request[i] = lanes->early_result[i] = -1;
    }
}

void nacre_lanes_release(struct nacre_lane_pair *pair)
{
    if (!pair || atomic_fetch_sub(&pair->users, 1) != 1)
        return;
    close_fd(pair->request);
    close_fd(pair->result);
    free(pair);
}

/* Replaces *kept by fd when there is one. */
static void keep(int *kept, int fd)
{
    if (fd < 0)
        return;
    close_fd(*kept);
    *kept = fd;
}

/* The new socket, whose predecessor is shut down; or, where none has come, a duplicate: each pair closes its own. */
static int next_socket(int came, int old)
{
    if (came < 0)
        return fcntl(old, F_DUPFD_CLOEXEC, 0);
    if (old >= 0)
        (void)shutdown(old, SHUT_RDWR);
    return came;
}

/* Lock held: both sockets are there, or one of them and a pair that has the other. */
static int make_pair(struct nacre_lanes *lanes, uint32_t lane)
{
    struct nacre_lane_pair *old = lanes->pairs[lane];
    struct nacre_lane_pair *pair = calloc(1, sizeof *pair);
    if (!pair)
        return -ENOMEM;
    if (old && lanes->early_request[lane] >= 0)
        atomic_store(&old->dead, true);
    int request = next_socket(lanes->early_request[lane], old ? old->request : -1);
    int result = next_socket(lanes->early_result[lane], old ? old->result : -1);
    pair->users = 1;
    pair->request = request;
    pair->result = result;
    pair->generation = ++lanes->generation;
    lanes->pairs[lane] = pair;
    lanes->early_request[lane] = lanes->early_result[lane] = -1;
    nacre_lanes_release(old);
    return 0;
}

int nacre_lanes_set(struct nacre_lanes *lanes, uint32_t lane, uint32_t n_lanes, int request, int result)
{
    int err = 0;
    (void)pthread_mutex_lock(&lanes->lock);
    if (n_lanes == 0 || n_lanes > NACRE_LANES_MAX || lane >= n_lanes || (lanes->n && lanes->n != n_lanes)) {
        close_fd(request);
        close_fd(result);
        err = -EBADMSG;
    } else {
        lanes->n = n_lanes;
        keep(&lanes->early_request[lane], request);
        keep(&lanes->early_result[lane], result);
        bool has_request = lanes->early_request[lane] >= 0, has_result = lanes->early_result[lane] >= 0;
        if ((has_request && has_result) || (lanes->pairs[lane] && (has_request || has_result)))
            err = make_pair(lanes, lane);
        (void)pthread_cond_broadcast(&lanes->changed);
    }
    (void)pthread_mutex_unlock(&lanes->lock);
    return err;
}

void nacre_lanes_stop(struct nacre_lanes *lanes)
{
    (void)pthread_mutex_lock(&lanes->lock);
    lanes->stopping = true;
    for (uint32_t i = 0; i < lanes->n; i++)
        if (lanes->pairs[i])
            (void)shutdown(lanes->pairs[i]->request, SHUT_RD);
    (void)pthread_cond_broadcast(&lanes->changed);
    (void)pthread_mutex_unlock(&lanes->lock);
}

struct nacre_lane_pair *nacre_lanes_await(struct nacre_lanes *lanes, uint32_t worker, uint64_t stale)
{
    struct nacre_lane_pair *pair = NULL;
    (void)pthread_mutex_lock(&lanes->lock);
    while (!lanes->stopping) {
        pair = lanes->n ? lanes->pairs[worker % lanes->n] : NULL;
        if (pair && pair->generation != stale)
            break;
        pair = NULL;
        (void)pthread_cond_wait(&lanes->changed, &lanes->lock);
    }
    if (pair)
        (void)atomic_fetch_add(&pair->users, 1);
    (void)pthread_mutex_unlock(&lanes->lock);
    return pair;
}

void nacre_lanes_ended(struct nacre_lanes *lanes, uint32_t worker, const struct nacre_lane_pair *pair)
{
    (void)pthread_mutex_lock(&lanes->lock);
    const uint32_t lane = worker % lanes->n;
    if (lanes->pairs[lane] == pair && lanes->ended[lane] != pair->generation) {
        lanes->ended[lane] = pair->generation;
        lanes->ended_ns[lane] = nacre_monotonic_ns();
    }
    (void)pthread_mutex_unlock(&lanes->lock);
}

bool nacre_lanes_lost(struct nacre_lanes *lanes, uint64_t now_ns, uint64_t patience_ns)
{
    bool lost = false;
    (void)pthread_mutex_lock(&lanes->lock);
    for (uint32_t i = 0; i < lanes->n && !lanes->stopping; i++)
        lost = lost || (lanes->pairs[i] && lanes->ended[i] == lanes->pairs[i]->generation &&
                        now_ns > lanes->ended_ns[i] && now_ns - lanes->ended_ns[i] > patience_ns);
    (void)pthread_mutex_unlock(&lanes->lock);
    return lost;
}

uint32_t nacre_lanes_count(struct nacre_lanes *lanes)
{
    (void)pthread_mutex_lock(&lanes->lock);
    while (!lanes->n && !lanes->stopping)
        (void)pthread_cond_wait(&lanes->changed, &lanes->lock);
    uint32_t n = lanes->n;
    (void)pthread_mutex_unlock(&lanes->lock);
    return n;
}

struct nacre_lane_pair *nacre_lanes_first(struct nacre_lanes *lanes)
{
    (void)pthread_mutex_lock(&lanes->lock);
    struct nacre_lane_pair *pair = lanes->pairs[0];
    if (pair)
        (void)atomic_fetch_add(&pair->users, 1);
    (void)pthread_mutex_unlock(&lanes->lock);
    return pair;
}
