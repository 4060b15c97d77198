#include "driver.h"

#include "common/bytes.h"
#include "common/descriptor.h"

#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static const char *out_dir(void)
{
    const char *dir = getenv("NACRE_OUT");
    ck_assert_msg(dir != NULL, "NACRE_OUT is not set");
    return dir;
}

static void plugin_path(char *path, size_t cap, const char *name)
{
    (void)snprintf(path, cap, "%s/tests/plugins-app/%s.so", out_dir(), name);
}

void driver_setup(struct driver_setup *s)
{
    memset(s, 0, sizeof *s);
    nacre_config_defaults(&s->config);
    s->program = "bin/nacre-app";
    s->plugin = "sample";
    s->config.app_workers = 4;
    s->pairs[0] = (struct nacre_text_pair){"model.name", "small"};
    s->n_pairs = 1;
}

static uint8_t *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
    uint8_t *data = malloc((size_t)64 * 1024 * 1024);
    ck_assert_ptr_nonnull(data);
    *len = fread(data, 1, (size_t)64 * 1024 * 1024, f);
    (void)fclose(f);
    ck_assert_uint_gt(*len, 0);
    return data;
}

static int sealed(const void *data, size_t len, bool seal)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ck_assert_int_ge(fd, 0);
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, (const uint8_t *)data + done, len - done);
        ck_assert_int_gt(n, 0);
        done += (size_t)n;
    }
    if (seal)
        ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, SEALS), 0);
    return fd;
}

int driver_plugin_fd(const struct driver_setup *s)
{
    char path[512];
    size_t len;
    plugin_path(path, sizeof path, s->plugin);
    uint8_t *data = read_file(path, &len);
    int fd = sealed(data, len, !s->unsealed);
    free(data);
    return fd;
}

/* The encoded descriptor of a plugin. */
static size_t describe(const char *name, uint8_t *out, size_t cap)
{
    char path[512], why[256] = "";
    plugin_path(path, sizeof path, name);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(handle != NULL, "%s", dlerror());
    const struct nacre_plugin *plugin = dlsym(handle, "nacre_plugin");
    ck_assert_ptr_nonnull(plugin);
    int64_t len = nacre_descriptor_encode(out, cap, plugin, why, sizeof why);
    ck_assert_msg(len > 0, "%s", why);
    (void)dlclose(handle);
    return (size_t)len;
}

static size_t manifest(const struct driver_setup *s, uint8_t *out, size_t cap)
{
    static uint8_t descriptor[65536], config[65536];
    uint8_t digest[NACRE_SHA384_LEN];
    char path[512];
    size_t plugin_len;
    plugin_path(path, sizeof path, s->plugin);
    uint8_t *plugin = read_file(path, &plugin_len);
    nacre_sha384(digest, plugin, plugin_len);
    free(plugin);
    digest[0] ^= s->wrong_digest;
    size_t dn = describe(s->described ? s->described : s->plugin, descriptor, sizeof descriptor);
    int64_t cn = nacre_manifest_encode_config(config, sizeof config, &s->config, s->allow, s->n_allow,
                                              s->pairs, s->n_pairs);
    ck_assert_int_gt(cn, 0);
    int64_t n = nacre_manifest_encode(out, cap, digest, descriptor, dn, config, (size_t)cn);
    ck_assert_int_gt(n, 0);
    return (size_t)n;
}

int driver_manifest_fd(const struct driver_setup *s)
{
    static uint8_t data[262144];
    return sealed(data, manifest(s, data, sizeof data), true);
}

void driver_manifest(const struct driver_setup *s, struct nacre_manifest *m)
{
    static uint8_t data[262144];
    char why[512] = "";
    size_t len = manifest(s, data, sizeof data);
    ck_assert_msg(nacre_manifest_parse(m, data, len, why, sizeof why) == 0, "%s", why);
}

/* In the child: 3, 4, 5 and standard error as given, nothing else. */
static void become(const char *path, int control, int manifest_fd, int plugin_fd, int log, bool check)
{
    const int from[] = {control, manifest_fd, plugin_fd};
    int moved[3];
    for (int i = 0; i < 3; i++)
        moved[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 64);
    if (dup2(log, STDERR_FILENO) < 0)
        _exit(126);
    for (int i = 0; i < 3; i++)
        if (dup2(moved[i], 3 + i) < 0)
            _exit(126);
    (void)close_range(6, ~0u, 0);
    (void)execl(path, "nacre-app", check ? "--check" : NULL, NULL);
    _exit(127);
}

void driver_spawn(struct driver *d, const struct driver_setup *s, bool check)
{
    char path[512];
    int control[2], log[2];
    memset(d, 0, sizeof *d);
    for (size_t i = 0; i < 4; i++)
        d->request[i] = d->result[i] = -1;
    (void)signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(nacre_inbox_init(&d->in), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control), 0);
    ck_assert_int_eq(pipe2(log, O_CLOEXEC | O_NONBLOCK), 0);
    ck_assert_int_ge(fcntl(log[1], F_SETPIPE_SZ, 1024 * 1024), 0);
    int manifest_fd = driver_manifest_fd(s), plugin_fd = driver_plugin_fd(s);
    (void)snprintf(path, sizeof path, "%s/%s", out_dir(), s->program);
    d->pid = fork();
    ck_assert_int_ge(d->pid, 0);
    if (d->pid == 0)
        become(path, control[1], manifest_fd, plugin_fd, log[1], check);
    d->control = control[0];
    d->log = log[0];
    (void)close(control[1]);
    (void)close(log[1]);
    (void)close(manifest_fd);
    (void)close(plugin_fd);
}

void driver_send_plain(struct driver *d, uint32_t type, const char *payload)
{
    struct nacre_plain_frame f = {.head.type = type};
    ck_assert_int_eq(
        nacre_frame_send(d->control, &f, payload, payload ? strlen(payload) : 0, NULL, 0, NULL, 0), 0);
}

void driver_send_time(struct driver *d, bool valid, int64_t offset_ns)
{
    struct nacre_time_frame f = {
        .head.type = NACRE_FRAME_TIME, .offset_ns = offset_ns, .error_ns = 1000000, .valid = valid};
    ck_assert_int_eq(nacre_frame_send(d->control, &f, NULL, 0, NULL, 0, NULL, 0), 0);
}

static void replace(int *fd, int with)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = with;
}

void driver_send_lane(struct driver *d, uint32_t lane, bool with_result)
{
    int request[2], result[2] = {-1, -1};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, request), 0);
    if (with_result)
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, result), 0);
    struct nacre_lane_frame f = {.head.type = NACRE_FRAME_LANE,
                                 .lane = lane,
                                 .n_lanes = d->n_lanes,
                                 .what = NACRE_LANE_REQUEST | (with_result ? NACRE_LANE_SIGNED : 0)};
    const int fds[] = {request[1], result[1]};
    ck_assert_int_eq(nacre_frame_send(d->control, &f, NULL, 0, NULL, 0, fds, with_result ? 2 : 1), 0);
    (void)close(request[1]);
    replace(&d->request[lane], request[0]);
    if (with_result) {
        (void)close(result[1]);
        replace(&d->result[lane], result[0]);
    }
}

bool driver_silent(int fd, int ms)
{
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, ms) == 0;
}

uint32_t driver_receive(struct driver *d, int fd)
{
    ck_assert_msg(!driver_silent(fd, DRIVER_WAIT_MS), "no message within %d ms; log:\n%s", DRIVER_WAIT_MS,
                  driver_log(d));
    int got = nacre_frame_receive(fd, &d->in, NACRE_PAYLOAD_MAX, false);
    ck_assert_int_ge(got, 0);
    return got ? d->in.head->type : 0;
}

void driver_start(struct driver *d, const struct driver_setup *s, uint32_t n_lanes, const char *secrets)
{
    driver_spawn(d, s, false);
    d->n_lanes = n_lanes;
    driver_send_time(d, true, 0);
    for (uint32_t i = 0; i < n_lanes; i++)
        driver_send_lane(d, i, true);
    driver_send_plain(d, NACRE_FRAME_SECRETS, secrets ? secrets : "{\"API_KEY\":\"sesame\"}");
    uint32_t type = driver_receive(d, d->control);
    ck_assert_msg(type == NACRE_FRAME_READY, "%.*s\n%s", (int)d->in.payload_len, (const char *)d->in.payload,
                  driver_log(d));
}

static void send_request(struct driver *d, uint32_t lane, uint64_t id, uint32_t route, const void *params,
                         size_t params_len, const char *body, int64_t ms, uint32_t flags)
{
    struct nacre_request_frame f = {
        .head.type = NACRE_FRAME_REQUEST, .params_len = (uint32_t)params_len, .flags = flags};
    f.ticket.id = id;
    f.ticket.route = route;
    f.ticket.deadline_ns = nacre_monotonic_ns() + (uint64_t)(ms * 1000000);
    memset(f.ticket.mac, 0x77, sizeof f.ticket.mac);
    ck_assert_int_eq(nacre_frame_send(d->request[lane], &f, params, params_len, body, strlen(body), NULL, 0),
                     0);
}

void driver_request(struct driver *d, uint32_t lane, uint64_t id, uint32_t route, const void *params,
                    size_t params_len, const char *body, int64_t ms)
{
    send_request(d, lane, id, route, params, params_len, body, ms, 0);
}

void driver_job(struct driver *d, uint32_t lane, uint64_t id, uint32_t route, const char *body, int64_t ms)
{
    send_request(d, lane, id, route, NULL, 0, body, ms, NACRE_REQUEST_JOB);
}

void driver_cancel(struct driver *d, uint32_t lane, uint64_t id)
{
    struct nacre_cancel_frame f = {.head.type = NACRE_FRAME_CANCEL, .id = id};
    ck_assert_int_eq(nacre_frame_send(d->request[lane], &f, NULL, 0, NULL, 0, NULL, 0), 0);
}

uint32_t driver_call(struct driver *d, uint32_t route, const char *body)
{
    static uint64_t id = 100;
    driver_request(d, 0, ++id, route, NULL, 0, body, 60000);
    struct pollfd p[2] = {{d->request[0], POLLIN, 0}, {d->result[0], POLLIN, 0}};
    ck_assert_msg(poll(p, 2, DRIVER_WAIT_MS) > 0, "no answer; log:\n%s", driver_log(d));
    if (p[1].revents) {
        ck_assert_uint_eq(driver_receive(d, d->result[0]), NACRE_FRAME_RESULT);
        const struct nacre_result_frame *r = (const void *)d->in.head;
        ck_assert(r->ticket.id == id && r->ticket.route == route && r->ticket.mac[15] == 0x77);
        return 0;
    }
    ck_assert_uint_eq(driver_receive(d, d->request[0]), NACRE_FRAME_FAILURE);
    const struct nacre_failure_frame *f = (const void *)d->in.head;
    ck_assert_uint_eq(f->id, id);
    ck_assert(f->status >= 400 && f->status <= 599);
    return f->status;
}

bool driver_text_is(const struct driver *d, const char *text)
{
    return d->in.payload_len == strlen(text) && memcmp(d->in.payload, text, d->in.payload_len) == 0;
}

int driver_end(struct driver *d)
{
    int status = 0;
    for (int i = 0; i < DRIVER_WAIT_MS / 10; i++) {
        pid_t got = waitpid(d->pid, &status, WNOHANG);
        if (got == d->pid) {
            d->pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        (void)usleep(10000);
    }
    ck_abort_msg("nacre-app did not end; log:\n%s", driver_log(d));
    return -1;
}

const char *driver_log(struct driver *d)
{
    static char text[1024 * 1024];
    size_t len = 0;
    for (ssize_t n; len + 1 < sizeof text && (n = read(d->log, text + len, sizeof text - 1 - len)) > 0;)
        len += (size_t)n;
    text[len] = '\0';
    return text;
}

void driver_free(struct driver *d)
{
    if (d->pid > 0) {
        (void)kill(d->pid, SIGKILL);
        (void)waitpid(d->pid, NULL, 0);
    }
    if (!d->in.buf)
        return;
    nacre_inbox_free(&d->in);
    (void)close(d->control);
    (void)close(d->log);
    for (size_t i = 0; i < 4; i++) {
        replace(&d->request[i], -1);
        replace(&d->result[i], -1);
    }
    memset(d, 0, sizeof *d);
}
