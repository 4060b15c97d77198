#include "admin.h"

#include "errors.h"
#include "metrics.h"
#include "slots.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <unistd.h>

#define CONNECTIONS 16u
#define TIMEOUT_S   10u

static enum MHD_Result answer(struct MHD_Connection *mhd, uint32_t status, const char *type,
                              struct nacre_json_out *body)
{
    struct nacre_ids ids = {.left = 0};
    char id[17];
    if (body->failed) {
        free(body->base);
        return MHD_NO;
    }
    struct MHD_Response *r = MHD_create_response_from_buffer(body->len, body->base, MHD_RESPMEM_MUST_FREE);
    if (!r) {
        free(body->base);
        return MHD_NO;
    }
    nacre_id_text(id, nacre_ids_next(&ids));
    enum MHD_Result result = MHD_add_response_header(r, "Content-Type", type);
    if (result == MHD_YES)
        result = MHD_add_response_header(r, "X-Request-Id", id);
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
    struct nacre_admin *admin = cls;
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
    struct nacre_refusal refusal = nacre_refuse(404, "no such route");
    if (strcmp(path, "/metrics") == 0) {
        if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) {
            nacre_metrics_write(admin->shared, &body);
            return answer(mhd, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
        }
        refusal = nacre_refuse(405, "the route does not take this method");
    }
    nacre_error_refusal(&body, &refusal);
    return answer(mhd, refusal.status, "application/json", &body);
}

int nacre_admin_start(struct nacre_admin *admin, struct nacre_shared *shared, int listen_fd)
{
    admin->shared = shared;
    admin->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_SUPPRESS_DATE_NO_CLOCK | MHD_USE_PEDANTIC_CHECKS,
                                     0, NULL, NULL, on_request, admin, MHD_OPTION_LISTEN_SOCKET, listen_fd,
                                     MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                                     TIMEOUT_S, MHD_OPTION_END);
    return admin->daemon ? 0 : errno ? -errno : -EIO;
}

int nacre_admin_fd(const struct nacre_admin *admin)
{
    const union MHD_DaemonInfo *info =
        admin->daemon ? MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    return info ? info->epoll_fd : -1;
}

int nacre_admin_timeout(const struct nacre_admin *admin)
{
    MHD_UNSIGNED_LONG_LONG ms;
    if (!admin->daemon || MHD_get_timeout(admin->daemon, &ms) != MHD_YES)
        return -1;
    return ms > 60000 ? 60000 : (int)ms;
}

void nacre_admin_run(struct nacre_admin *admin)
{
    if (admin->daemon)
        (void)MHD_run(admin->daemon);
}

void nacre_admin_stop(struct nacre_admin *admin)
{
    if (!admin->daemon)
        return;
    int fd = MHD_quiesce_daemon(admin->daemon); /* the socket itself is nacred's */
    MHD_stop_daemon(admin->daemon);
    if (fd >= 0)
        (void)close(fd);
    admin->daemon = NULL;
}
