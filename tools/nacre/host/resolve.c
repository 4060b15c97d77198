#include "resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct nacre_hd_resolver {
    struct nacre_hd_watch watch;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct nacre_hd_lookup *todo, **todo_end;
    struct nacre_hd_lookup *busy; /* in a thread's hands, by `next` */
    struct nacre_hd_lookup *finished;
    size_t n_todo;
    unsigned running; /* threads, and one for the owner: the last one frees */
    bool stop;
    int event;
};

static void look_up(struct nacre_hd_lookup *lookup)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    lookup->n = 0;
    lookup->error = getaddrinfo(lookup->host, lookup->service, &hints, &list);
    if (lookup->error)
        return;
    for (const struct addrinfo *a = list; a && lookup->n < NACRE_HD_ADDRESSES_MAX; a = a->ai_next) {
        if (a->ai_addrlen > sizeof lookup->addresses[0])
            continue;
        memcpy(&lookup->addresses[lookup->n], a->ai_addr, a->ai_addrlen);
        lookup->lens[lookup->n++] = a->ai_addrlen;
    }
    freeaddrinfo(list);
}

static void free_list(struct nacre_hd_lookup *list)
{
    while (list) {
        struct nacre_hd_lookup *next = list->next;
        free(list);
        list = next;
    }
}

/* With the lock held, which is released. */
static void leave(struct nacre_hd_resolver *r)
{
    bool last = --r->running == 0;
    (void)pthread_mutex_unlock(&r->lock);
    if (!last)
        return;
    free_list(r->todo);
    free_list(r->finished);
    (void)close(r->event);
    (void)pthread_cond_destroy(&r->more);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

static bool same_name(const struct nacre_hd_lookup *a, const struct nacre_hd_lookup *b)
{
    return strcmp(a->host, b->host) == 0 && strcmp(a->service, b->service) == 0;
}

/* Takes one out of the queue; `at` points to the pointer to it. */
static struct nacre_hd_lookup *unlink_todo(struct nacre_hd_resolver *r, struct nacre_hd_lookup **at)
{
    struct nacre_hd_lookup *lookup = *at;
    *at = lookup->next;
    if (r->todo_end == &lookup->next)
        r->todo_end = at;
    r->n_todo--;
    return lookup;
}

/* The first whose name is not being asked for: a name server that does not answer holds one thread, not all. */
static struct nacre_hd_lookup *take(struct nacre_hd_resolver *r)
{
    for (struct nacre_hd_lookup **at = &r->todo; *at; at = &(*at)->next) {
        struct nacre_hd_lookup *busy = r->busy;
        while (busy && !same_name(busy, *at))
            busy = busy->next;
        if (busy)
            continue;
        struct nacre_hd_lookup *lookup = unlink_todo(r, at);
        lookup->next = r->busy;
        r->busy = lookup;
        return lookup;
    }
    return NULL;
}

/* One is done, and with it all that have asked for the same meanwhile. */
static void finish(struct nacre_hd_resolver *r, struct nacre_hd_lookup *lookup)
{
    struct nacre_hd_lookup **at = &r->busy;
    while (*at != lookup)
        at = &(*at)->next;
    *at = lookup->next;
    for (at = &r->todo; *at;) {
        if (!same_name(*at, lookup)) {
            at = &(*at)->next;
            continue;
        }
        struct nacre_hd_lookup *other = unlink_todo(r, at);
        memcpy(other->addresses, lookup->addresses, sizeof other->addresses);
        memcpy(other->lens, lookup->lens, sizeof other->lens);
        other->n = lookup->n;
        other->error = lookup->error;
        other->next = r->finished;
        r->finished = other;
    }
    lookup->next = r->finished;
    r->finished = lookup;
}

static void *work(void *arg)
{
    struct nacre_hd_resolver *r = arg;
    const uint64_t one = 1;
    (void)pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        struct nacre_hd_lookup *lookup = take(r);
        if (!lookup) {
            (void)pthread_cond_wait(&r->more, &r->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&r->lock);
        look_up(lookup);
        (void)pthread_mutex_lock(&r->lock);
        finish(r, lookup);
        if (!r->stop)
            (void)!write(r->event, &one, sizeof one);
    }
    leave(r);
    return NULL;
}

static void ready(struct nacre_hd_watch *watch, uint32_t events)
{
    struct nacre_hd_resolver *r = NACRE_HD_OF(watch, struct nacre_hd_resolver, watch);
    uint64_t count;
    (void)events;
    (void)!read(r->event, &count, sizeof count);
    (void)pthread_mutex_lock(&r->lock);
    struct nacre_hd_lookup *list = r->finished;
    r->finished = NULL;
    (void)pthread_mutex_unlock(&r->lock);
    while (list) {
        struct nacre_hd_lookup *next = list->next;
        if (list->done)
            list->done(list);
        else
            free(list);
        list = next;
    }
}

int nacre_hd_resolver_start(struct nacre_hd_resolver **out, struct nacre_hd_loop *loop, unsigned threads)
{
    struct nacre_hd_resolver *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->watch.ready = ready;
    r->todo_end = &r->todo;
    r->running = 1;
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->more, NULL);
    r->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int rc = r->event < 0 ? -errno : nacre_hd_watch_add(loop, r->event, EPOLLIN, &r->watch);
    for (unsigned i = 0; i < threads && rc == 0; i++) {
        pthread_t thread;
        (void)pthread_mutex_lock(&r->lock);
        rc = -pthread_create(&thread, NULL, work, r);
        if (rc == 0) {
            r->running++;
            (void)pthread_detach(thread);
        }
        (void)pthread_mutex_unlock(&r->lock);
    }
    if (rc)
        nacre_hd_resolver_stop(r);
    else
        *out = r;
    return rc;
}

void nacre_hd_resolver_stop(struct nacre_hd_resolver *r)
{
    if (!r)
        return;
    (void)pthread_mutex_lock(&r->lock);
    r->stop = true;
    (void)pthread_cond_broadcast(&r->more);
    leave(r);
}

int nacre_hd_resolve(struct nacre_hd_resolver *r, struct nacre_hd_lookup *lookup)
{
    int rc = 0;
    lookup->next = NULL;
    (void)pthread_mutex_lock(&r->lock);
    if (r->n_todo >= NACRE_HD_LOOKUPS_MAX) {
        rc = -EAGAIN;
    } else {
        *r->todo_end = lookup;
        r->todo_end = &lookup->next;
        r->n_todo++;
        (void)pthread_cond_signal(&r->more);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return rc;
}

void nacre_hd_resolve_forget(struct nacre_hd_resolver *r, struct nacre_hd_lookup *lookup)
{
    lookup->done = NULL;
    (void)pthread_mutex_lock(&r->lock);
    struct nacre_hd_lookup **at = &r->todo;
    while (*at && *at != lookup)
        at = &(*at)->next;
    bool waits = *at != NULL;
    if (waits)
        (void)unlink_todo(r, at);
    (void)pthread_mutex_unlock(&r->lock);
    if (waits)
        free(lookup);
}
