#include "admin.h"

#include "status.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <common/log.h>

#define CONNECTIONS 64u
#define PER_ADDRESS 16u
#define TIMEOUT_S   10u

struct nacre_hd_admin {
    struct nacre_hd_watch watch;
    struct nacre_hd_timer timer;
    struct nacre_hd_grave grave;
    struct nacre_hd *daemon;
    struct MHD_Daemon *http;
    char address[NACRE_HD_TEXT];
};

static enum MHD_Result answer(struct MHD_Connection *mhd, unsigned status, const char *type,
                              struct nacre_json_out *body)
{
    struct MHD_Response *r =
        body->failed ? NULL : MHD_create_response_from_buffer(body->len, body->base, MHD_RESPMEM_MUST_FREE);
    if (!r) {
        free(body->base);
        return MHD_NO;
    }
    enum MHD_Result result = MHD_add_response_header(r, "Content-Type", type);
    if (result == MHD_YES)
        result = MHD_add_response_header(r, "Cache-Control", "no-store");
    if (result == MHD_YES && status == 405)
        result = MHD_add_response_header(r, "Allow", "GET, HEAD");
    if (result == MHD_YES)
        result = MHD_queue_response(mhd, status, r);
    MHD_destroy_response(r);
    return result;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *path, const char *method,
                                  const char *version, const char *data, size_t *len, void **con_cls)
{
    struct nacre_hd_admin *admin = cls;
    struct nacre_json_out body = {0};
    (void)version;
    (void)data;
    if (!*con_cls) { /* the head; an answer that is given now would close the connection */
        *con_cls = admin;
        return MHD_YES;
    }
    if (*len) { /* nothing here takes a body */
        *len = 0;
        return MHD_YES;
    }
    bool health = strcmp(path, "/health") == 0;
    if (!health && strcmp(path, "/metrics") != 0) {
        nacre_json_lit(&body, "{\"error\":\"no such route\"}");
        return answer(mhd, 404, "application/json", &body);
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        nacre_json_lit(&body, "{\"error\":\"the route does not take this method\"}");
        return answer(mhd, 405, "application/json", &body);
    }
    if (health) {
        unsigned status = nacre_hd_status_health(admin->daemon, &body);
        return answer(mhd, status, "application/json", &body);
    }
    nacre_hd_status_metrics(admin->daemon, &body);
    return answer(mhd, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
}

static void run(struct nacre_hd_admin *admin)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    unsigned rounds = 0;
    do {
        (void)MHD_run(admin->http);
        if (MHD_get_timeout(admin->http, &ms) != MHD_YES) {
            nacre_hd_timer_clear(&admin->daemon->loop, &admin->timer);
            return;
        }
    } while (ms == 0 && ++rounds < 16);
    nacre_hd_timer_set(&admin->daemon->loop, &admin->timer, ms ? ms : 1);
}

static void ready(struct nacre_hd_watch *watch, uint32_t events)
{
    struct nacre_hd_admin *admin = NACRE_HD_OF(watch, struct nacre_hd_admin, watch);
    (void)events;
    if (admin->http)
        run(admin);
}

static void due(struct nacre_hd_timer *timer)
{
    run(NACRE_HD_OF(timer, struct nacre_hd_admin, timer));
}

static int listening(const char *address)
{
    struct nacre_netaddr numeric;
    struct sockaddr_storage bytes;
    const int on = 1;
    if (nacre_netaddr_parse(&numeric, address + strlen("tcp:")))
        return -EINVAL;
    socklen_t len = nacre_hd_sockaddr(&bytes, &numeric);
    int fd = socket(bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&bytes, len) == 0 && listen(fd, 128) == 0)
        return fd;
    int rc = -errno;
    (void)close(fd);
    return rc;
}

static int start(struct nacre_hd *d, struct nacre_hd_admin *admin, const char *address)
{
    int fd = listening(address);
    if (fd < 0)
        return fd;
    admin->daemon = d;
    admin->watch.ready = ready;
    admin->timer.fire = due;
    (void)snprintf(admin->address, sizeof admin->address, "%s", address);
    admin->http =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_PEDANTIC_CHECKS, 0, NULL, NULL, on_request, admin,
                         MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
                         MHD_OPTION_PER_IP_CONNECTION_LIMIT, PER_ADDRESS, MHD_OPTION_CONNECTION_TIMEOUT,
                         TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        admin->http ? MHD_get_daemon_info(admin->http, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (info)
        return nacre_hd_watch_add(&d->loop, info->epoll_fd, EPOLLIN, &admin->watch);
    if (!admin->http)
        (void)close(fd);
    return -EIO;
}

static void release(struct nacre_hd_grave *grave)
{
    free(NACRE_HD_OF(grave, struct nacre_hd_admin, grave));
}

static void stop(struct nacre_hd *d, struct nacre_hd_admin *admin)
{
    nacre_hd_timer_clear(&d->loop, &admin->timer);
    if (admin->http)
        MHD_stop_daemon(admin->http);
    admin->http = NULL;
    admin->grave.release = release;
    nacre_hd_bury(&d->loop, &admin->grave);
}

int nacre_hd_admin_start(struct nacre_hd *d, const char *address, char *why, size_t why_len)
{
    if (strcmp(d->admin ? d->admin->address : "none", address) == 0)
        return 0;
    struct nacre_hd_admin *admin = NULL;
    if (strcmp(address, "none") != 0) {
        admin = calloc(1, sizeof *admin);
        int rc = admin ? start(d, admin, address) : -ENOMEM;
        if (rc) {
            (void)snprintf(why, why_len, "health.listen: %s: %s", address, strerror(-rc));
            if (admin)
                stop(d, admin);
            return rc;
        }
        nacre_log_event(NACRE_LEVEL_INFO, "health and metrics", NLS("address", address));
    }
    nacre_hd_admin_stop(d);
    d->admin = admin;
    return 0;
}

void nacre_hd_admin_stop(struct nacre_hd *d)
{
    if (d->admin)
        stop(d, d->admin);
    d->admin = NULL;
}
