/* The ports that clients connect to. */
#include "daemon.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <common/log.h>

#define BACKLOG        4096
#define ACCEPTS        64  /* at once, then it is others' turn */
#define ACCEPT_REST_MS 100 /* when descriptors or memory have run out */

static void accept_again(struct nacre_hd_timer *timer)
{
    struct nacre_hd_listener *l = NACRE_HD_OF(timer, struct nacre_hd_listener, again);
    (void)nacre_hd_watch_add(&l->daemon->loop, l->fd, EPOLLIN, &l->watch);
}

static void accept_ready(struct nacre_hd_watch *watch, uint32_t events)
{
    struct nacre_hd_listener *l = NACRE_HD_OF(watch, struct nacre_hd_listener, watch);
    struct nacre_hd *d = l->daemon;
    (void)events;
    for (unsigned i = 0; i < ACCEPTS && l->fd >= 0; i++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof from;
        int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            nacre_hd_ingress_admit(l, fd, (struct sockaddr *)&from);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            d->counters.accept_errors++;
            nacre_log_event(NACRE_LEVEL_ERROR, "cannot accept", NLS("error", strerror(errno)),
                            NLI("connections", (int64_t)d->n_conns));
            nacre_hd_watch_remove(&d->loop, l->fd);
            nacre_hd_timer_set(&d->loop, &l->again, ACCEPT_REST_MS);
            return;
        }
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

static void release(struct nacre_hd_grave *grave)
{
    free(NACRE_HD_OF(grave, struct nacre_hd_listener, grave));
}

static void drop(struct nacre_hd_listener *l)
{
    nacre_hd_timer_clear(&l->daemon->loop, &l->again);
    if (l->fd >= 0)
        (void)close(l->fd);
    l->fd = -1;
    l->grave.release = release;
    nacre_hd_bury(&l->daemon->loop, &l->grave);
}

static void say(const struct nacre_hd_listener *l, const char *what)
{
    char address[NACRE_NETADDR_TEXT];
    nacre_netaddr_format(address, &l->config.listen);
    nacre_log_event(NACRE_LEVEL_INFO, what, NLS("address", address), NLI("port", l->config.port));
}

/*
 * No TCP_DEFER_ACCEPT: clients that say nothing would fill the kernel's queue, where no limit of ours tells theirs
 * from others' places.
 */
static int bind_listener(struct nacre_hd_listener *l)
{
    struct sockaddr_storage address;
    const int on = 1;
    socklen_t len = nacre_hd_sockaddr(&address, &l->config.listen);
    l->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return -errno;
    (void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    /* Accepted sockets inherit it: one call less for each. */
    (void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (address.ss_family == AF_INET6)
        (void)setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(l->fd, (struct sockaddr *)&address, len) || listen(l->fd, BACKLOG))
        return -errno;
    return 0;
}

static bool same_address(const struct nacre_netaddr *a, const struct nacre_netaddr *b)
{
    return a->family == b->family && a->port == b->port && strcmp(a->host, b->host) == 0;
}

static struct nacre_hd_listener *find(struct nacre_hd_listener *list, const struct nacre_netaddr *address)
{
    while (list && !same_address(&list->config.listen, address))
        list = list->next;
    return list;
}

void nacre_hd_listen_abandon(struct nacre_hd_listener *fresh)
{
    while (fresh) {
        struct nacre_hd_listener *next = fresh->next;
        drop(fresh);
        fresh = next;
    }
}

int nacre_hd_listen_prepare(struct nacre_hd *d, const struct nacre_hd_config *config,
                            struct nacre_hd_listener **fresh, char *why, size_t why_len)
{
    struct nacre_hd_listener *list = NULL;
    for (size_t i = 0; i < config->n_ingress; i++) {
        if (find(d->listeners, &config->ingress[i].listen))
            continue;
        struct nacre_hd_listener *l = calloc(1, sizeof *l);
        int rc = l ? 0 : -ENOMEM;
        if (l) {
            *l =
                (struct nacre_hd_listener){.daemon = d, .config = config->ingress[i], .fd = -1, .next = list};
            list = l;
            rc = bind_listener(l);
        }
        if (rc) {
            char address[NACRE_NETADDR_TEXT];
            nacre_netaddr_format(address, &config->ingress[i].listen);
            (void)snprintf(why, why_len, "ingress[%zu].listen: %s: %s", i, address, strerror(-rc));
            nacre_hd_listen_abandon(list);
            return rc;
        }
    }
    *fresh = list;
    return 0;
}

static const struct nacre_hd_ingress_config *wanted(const struct nacre_hd_config *config,
                                                    const struct nacre_hd_listener *l)
{
    for (size_t i = 0; i < config->n_ingress; i++) {
        if (same_address(&config->ingress[i].listen, &l->config.listen))
            return &config->ingress[i];
    }
    return NULL;
}

void nacre_hd_listen_commit(struct nacre_hd *d, const struct nacre_hd_config *config,
                            struct nacre_hd_listener *fresh)
{
    for (struct nacre_hd_listener **at = &d->listeners; *at;) {
        struct nacre_hd_listener *l = *at;
        const struct nacre_hd_ingress_config *now = wanted(config, l);
        if (now) {
            l->config.port = now->port;
            at = &l->next;
            continue;
        }
        *at = l->next;
        say(l, "not listening any more");
        drop(l);
    }
    while (fresh) {
        struct nacre_hd_listener *next = fresh->next;
        fresh->watch.ready = accept_ready;
        fresh->again.fire = accept_again;
        fresh->next = d->listeners;
        d->listeners = fresh;
        say(fresh, "listening");
        accept_again(&fresh->again);
        fresh = next;
    }
}

void nacre_hd_listen_stop(struct nacre_hd *d)
{
    struct nacre_hd_listener *list = d->listeners;
    d->listeners = NULL;
    nacre_hd_listen_abandon(list);
}
