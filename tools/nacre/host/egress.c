/* What listens for the enclaves. */
#include "egress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <common/log.h>
#include <linux/vm_sockets.h>

#define ACCEPTS        16
#define ACCEPT_REST_MS 100 /* when descriptors or memory have run out */

/* One place where enclaves knock. On vsock all share it, and who knocks is told by the CID. */
struct nacre_hd_outlet {
    struct nacre_hd_watch watch;
    struct nacre_hd_timer again; /* accepting resumes after a pause */
    struct nacre_hd_grave grave;
    struct nacre_hd_outlet *next;
    struct nacre_hd *daemon;
    int fd;
    uint32_t index;                  /* in the allow list */
    uint32_t next_index;             /* in the list of the configuration that is prepared */
    uint32_t port;                   /* vsock; 0: a Unix socket */
    char path[108];                  /* of the Unix socket */
    char enclave[NACRE_HD_NAME_MAX]; /* whose Unix socket it is */
    uint64_t wanted;                 /* the last try in which a configuration wanted it */
};

struct nacre_hd_outlets {
    struct nacre_hd_outlet *fresh;
    struct nacre_allow *allow[NACRE_HD_ENCLAVES_MAX]; /* as config->enclaves */
    const struct nacre_hd_config *config;
};

static void release(struct nacre_hd_grave *grave)
{
    free(NACRE_HD_OF(grave, struct nacre_hd_outlet, grave));
}

static void drop(struct nacre_hd *d, struct nacre_hd_outlet *o)
{
    nacre_hd_timer_clear(&d->loop, &o->again);
    if (o->fd >= 0) {
        (void)close(o->fd);
        if (!o->port)
            (void)unlink(o->path);
    }
    o->fd = -1;
    o->grave.release = release;
    nacre_hd_bury(&d->loop, &o->grave);
}

static struct nacre_hd_enclave *by_cid(struct nacre_hd *d, uint32_t cid)
{
    for (struct nacre_hd_enclave *e = d->enclaves; e; e = e->next) {
        if (e->config.place.kind == NACRE_HD_VSOCK && e->config.place.cid == cid)
            return e;
    }
    return NULL;
}

static struct nacre_hd_enclave *by_name(struct nacre_hd *d, const char *name)
{
    for (struct nacre_hd_enclave *e = d->enclaves; e; e = e->next) {
        if (strcmp(e->config.name, name) == 0)
            return e;
    }
    return NULL;
}

static void accept_again(struct nacre_hd_timer *timer)
{
    struct nacre_hd_outlet *o = NACRE_HD_OF(timer, struct nacre_hd_outlet, again);
    if (nacre_hd_watch_add(&o->daemon->loop, o->fd, EPOLLIN, &o->watch))
        nacre_log_event(NACRE_LEVEL_ERROR, "egress not watched", NLI("index", o->index));
}

/* What cannot be accepted stays in the queue, and epoll would tell of it again at once. */
static void rest(struct nacre_hd_outlet *o)
{
    o->daemon->counters.accept_errors++;
    nacre_hd_watch_remove(&o->daemon->loop, o->fd);
    nacre_hd_timer_set(&o->daemon->loop, &o->again, ACCEPT_REST_MS);
}

static void accept_ready(struct nacre_hd_watch *watch, uint32_t events)
{
    struct nacre_hd_outlet *o = NACRE_HD_OF(watch, struct nacre_hd_outlet, watch);
    struct nacre_hd *d = o->daemon;
    (void)events;
    for (unsigned i = 0; i < ACCEPTS && o->fd >= 0; i++) {
        struct sockaddr_vm from = {0};
        socklen_t len = sizeof from;
        int fd = accept4(o->fd, o->port ? (struct sockaddr *)(void *)&from : NULL, o->port ? &len : NULL,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                rest(o);
            return;
        }
        struct nacre_hd_enclave *e = o->port ? by_cid(d, from.svm_cid) : by_name(d, o->enclave);
        if (e) {
            nacre_hd_egress_admit(d, fd, e, o->index);
        } else {
            d->counters.egress_turned_away++;
            (void)close(fd);
        }
    }
}

static struct nacre_hd_outlet *find(struct nacre_hd_outlet *list, const struct nacre_hd_outlet *like)
{
    for (; list; list = list->next) {
        if (list->port == like->port && strcmp(list->path, like->path) == 0 &&
            strcmp(list->enclave, like->enclave) == 0)
            return list;
    }
    return NULL;
}

/* Entry `index` of this enclave's list needs a place to knock. */
static int want(struct nacre_hd *d, struct nacre_hd_outlets *all, const struct nacre_hd_enclave_config *e,
                uint32_t index, char *why, size_t why_len)
{
    struct nacre_hd_outlet like = {
        .daemon = d, .fd = -1, .next_index = index, .watch = {accept_ready}, .again = {.fire = accept_again}};
    like.wanted = d->egress_tries;
    uint32_t port = (uint32_t)all->config->egress_first_port + index;
    if (e->place.kind == NACRE_HD_VSOCK) {
        like.port = port;
    } else {
        (void)snprintf(like.path, sizeof like.path, "%s_%u", e->place.path, port);
        (void)snprintf(like.enclave, sizeof like.enclave, "%s", e->name);
    }
    struct nacre_hd_outlet *old = find(d->outlets, &like);
    if (old) {
        old->wanted = d->egress_tries;
        old->next_index = index;
    }
    if (old || find(all->fresh, &like))
        return 0;
    struct nacre_hd_outlet *o = malloc(sizeof *o);
    int fd = !o          ? -ENOMEM
             : like.port ? nacre_hd_egress_listen_vsock(like.port)
                         : nacre_hd_egress_listen_unix(like.path);
    if (fd < 0) {
        free(o);
        (void)snprintf(why, why_len, "enclave %s: egress at %s%s%u: %s", e->name,
                       like.port ? "vsock port " : like.path, like.port ? "" : ", port ", port,
                       strerror(-fd));
        return fd;
    }
    *o = like;
    o->fd = fd;
    o->next = all->fresh;
    all->fresh = o;
    return 0;
}

static int want_all(struct nacre_hd *d, struct nacre_hd_outlets *all, size_t i, char *why, size_t why_len)
{
    const struct nacre_hd_enclave_config *e = &all->config->enclaves[i];
    const char *file = e->allow[0] ? e->allow : all->config->egress_allow;
    /* A runtime of `nacre dev` has a network of its own. */
    if (e->place.kind != NACRE_HD_VSOCK && e->place.kind != NACRE_HD_FIRECRACKER)
        return 0;
    int rc = nacre_hd_allow_load(&all->allow[i], file, why, why_len);
    for (uint32_t k = 0; rc == 0 && all->allow[i] && k < all->allow[i]->n; k++) {
        if (strcmp(all->allow[i]->entries[k].connect, "none") != 0)
            rc = want(d, all, e, k, why, why_len);
    }
    return rc;
}

int nacre_hd_egress_prepare(struct nacre_hd *d, const struct nacre_hd_config *config,
                            struct nacre_hd_outlets **out, char *why, size_t why_len)
{
    struct nacre_hd_outlets *all = calloc(1, sizeof *all);
    if (!all) {
        (void)snprintf(why, why_len, "out of memory");
        return -ENOMEM;
    }
    all->config = config;
    d->egress_tries++;
    for (size_t i = 0; i < config->n_enclaves; i++) {
        int rc = want_all(d, all, i, why, why_len);
        if (rc) {
            nacre_hd_egress_abandon(d, all);
            return rc;
        }
    }
    *out = all;
    return 0;
}

void nacre_hd_egress_abandon(struct nacre_hd *d, struct nacre_hd_outlets *all)
{
    while (all->fresh) {
        struct nacre_hd_outlet *next = all->fresh->next;
        drop(d, all->fresh);
        all->fresh = next;
    }
    for (size_t i = 0; i < NACRE_HD_ENCLAVES_MAX; i++)
        free(all->allow[i]);
    free(all);
}

/* An enclave that is being drained still needs its upstreams. */
static bool still_needed(struct nacre_hd *d, const struct nacre_hd_outlet *o)
{
    for (const struct nacre_hd_enclave *e = d->enclaves; e; e = e->next) {
        if (!e->removed || !e->allow || o->index >= e->allow->n)
            continue;
        if (o->port ? e->config.place.kind == NACRE_HD_VSOCK : strcmp(o->enclave, e->config.name) == 0)
            return true;
    }
    return false;
}

void nacre_hd_egress_close_unneeded(struct nacre_hd *d)
{
    for (struct nacre_hd_outlet **at = &d->outlets; *at;) {
        struct nacre_hd_outlet *o = *at;
        if (o->wanted >= d->egress_taken || still_needed(d, o)) {
            at = &o->next;
            continue;
        }
        *at = o->next;
        drop(d, o);
    }
}

void nacre_hd_egress_commit(struct nacre_hd *d, struct nacre_hd_outlets *all)
{
    for (struct nacre_hd_enclave *e = d->enclaves; e; e = e->next) {
        for (size_t i = 0; i < all->config->n_enclaves && !e->removed; i++) {
            if (strcmp(all->config->enclaves[i].name, e->config.name) != 0)
                continue;
            free(e->allow);
            e->allow = all->allow[i];
            all->allow[i] = NULL;
            if (e->allow)
                nacre_log_event(NACRE_LEVEL_INFO, "egress", NLS("enclave", e->config.name),
                                NLI("hosts", e->allow->n), NLI("first_port", all->config->egress_first_port));
        }
    }
    while (all->fresh) {
        struct nacre_hd_outlet *o = all->fresh;
        all->fresh = o->next;
        o->next = d->outlets;
        d->outlets = o;
        accept_again(&o->again);
    }
    d->egress_taken = d->egress_tries;
    for (struct nacre_hd_outlet *o = d->outlets; o; o = o->next) {
        if (o->wanted == d->egress_taken)
            o->index = o->next_index;
    }
    nacre_hd_egress_close_unneeded(d);
    nacre_hd_egress_abandon(d, all);
}

void nacre_hd_egress_stop(struct nacre_hd *d)
{
    while (d->outlets) {
        struct nacre_hd_outlet *next = d->outlets->next;
        drop(d, d->outlets);
        d->outlets = next;
    }
    while (d->upstreams) {
        struct nacre_hd_upstream *next = d->upstreams->next;
        free(d->upstreams);
        d->upstreams = next;
    }
}
