#include "dev_run.h"

#include "dev_child.h"
#include "dev_probe.h"
#include "netaddr.h"

#include <common/digest.h>
#include <common/frame.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define PROBE_MS     3000 /* for the first document to reach nacre-http */
#define SIM_READY_MS 10000
#define CORE_STOP_MS 10000 /* nacred drains for up to five seconds */
#define SIM_STOP_MS  3000
#define PUBLIC_KEY   32u

struct run {
    const struct nacre_dev_plan *plan;
    const struct nacre_dev_dir *dir;
    int signal_fd;
    struct nacre_dev_child sim, core;
};

/* EVENT_FAILED: and the reason was said. */
enum event { EVENT_READY, EVENT_STOP, EVENT_TIMEOUT, EVENT_FAILED };

void nacre_dev_signals(sigset_t *set)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGCHLD};
    struct sigaction hangup;
    (void)sigemptyset(set);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        (void)sigaddset(set, signals[i]);
    /* Who starts it with nohup wants it to outlive the terminal. */
    if (sigaction(SIGHUP, NULL, &hangup) < 0 || hangup.sa_handler != SIG_IGN)
        (void)sigaddset(set, SIGHUP);
}

static enum event fail(const char *text)
{
    (void)fprintf(stderr, "nacre dev: %s\n", text);
    return EVENT_FAILED;
}

/* Takes all pending signals. True when one asks for the end. */
static bool take_signals(int fd)
{
    struct signalfd_siginfo info;
    bool asked = false;
    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
        asked = asked || info.ssi_signo != SIGCHLD;
    return asked;
}

static bool report_ended(struct nacre_dev_child *child, bool starting)
{
    char text[160], line[256];
    if (!nacre_dev_child_ended(child))
        return false;
    nacre_dev_child_describe(child, text, sizeof text);
    (void)snprintf(line, sizeof line, "%s %s", text,
                   starting ? "before it was ready" : "though nobody asked it to");
    (void)fail(line);
    return true;
}

static int poll_timeout(uint64_t deadline_ns)
{
    uint64_t now = nacre_monotonic_ns();
    if (deadline_ns == UINT64_MAX)
        return -1;
    return now >= deadline_ns ? 0 : (int)((deadline_ns - now) / 1000000u) + 1;
}

/* Waits for the ready line of `child`, where it is not NULL, or for whatever ends the run. */
static enum event wait_for(struct run *r, struct nacre_dev_child *child, uint64_t deadline_ns)
{
    for (;;) {
        struct pollfd polled[2] = {{.fd = r->signal_fd, .events = POLLIN},
                                   {.fd = child ? child->ready_fd : -1, .events = POLLIN}};
        int n = poll(polled, 2, poll_timeout(deadline_ns));
        if (n < 0 && errno != EINTR)
            return fail(strerror(errno));
        if (n == 0)
            return EVENT_TIMEOUT;
        if (polled[0].revents && take_signals(r->signal_fd))
            return EVENT_STOP;
        int rc = child && polled[1].revents ? nacre_dev_child_read(child) : 0;
        if (rc == 1)
            return EVENT_READY;
        if (child && rc == -EPIPE) {
            /* Its end follows, with an exit code that says more. */
            (void)close(child->ready_fd);
            child->ready_fd = -1;
        } else if (rc < 0) {
            return fail("a ready line is out of form");
        }
        if ((r->plan->store && report_ended(&r->plan->store->child, false)) ||
            report_ended(&r->sim, child == &r->sim) || report_ended(&r->core, child == &r->core))
            return EVENT_FAILED;
    }
}

static enum event start(struct run *r, struct nacre_dev_child *child, const char *name,
                        const char *const argv[], int limit_ms)
{
    char why[512];
    if (nacre_dev_child_start(child, name, argv, why, sizeof why))
        return fail(why);
    enum event event = wait_for(r, child, nacre_monotonic_ns() + (uint64_t)limit_ms * 1000000u);
    if (event != EVENT_TIMEOUT)
        return event;
    (void)snprintf(why, sizeof why, "%s was not ready within %d ms", name, limit_ms);
    return fail(why);
}

static enum event start_sim(struct run *r)
{
    const char *argv[12] = {r->plan->sim, "--socket",   r->dir->socket,    "--root-out",
                            r->dir->root, "--ready-fd", NACRE_DEV_READY_FD};
    size_t n = 7;
    if (r->plan->map) {
        argv[n++] = "--map";
        argv[n++] = r->plan->map;
    }
    if (r->plan->root_key) {
        argv[n++] = "--root-key";
        argv[n++] = r->plan->root_key;
    }
    return start(r, &r->sim, "nacre-nsm-sim", argv, SIM_READY_MS);
}

static enum event start_core(struct run *r)
{
    const char *const argv[] = {r->plan->core,   "--manifest", r->dir->manifest,   "--plugin",
                                r->plan->plugin, "--ready-fd", NACRE_DEV_READY_FD, NULL};
    return start(r, &r->core, "nacred", argv, r->plan->ready_ms);
}

/* "ready HEX PORT" into key and port. */
static int parse_ready(const char *line, char key[2 * PUBLIC_KEY + 1], uint64_t *port)
{
    static const char word[] = "ready ";
    uint8_t raw[PUBLIC_KEY];
    const char *hex = line + sizeof word - 1;
    const char *space = strncmp(line, word, sizeof word - 1) == 0 ? strchr(hex, ' ') : NULL;
    if (!space || nacre_unhex(raw, sizeof raw, hex, (size_t)(space - hex)) ||
        nacre_number_parse(port, space + 1, strlen(space + 1), UINT32_MAX))
        return -EBADMSG;
    nacre_hex(key, raw, sizeof raw);
    return 0;
}

/* Waits until clients are answered. Faults that were asked for may keep them from it, so a late one is only told. */
static void await_clients(const char *listen, uint64_t port, bool tls)
{
    struct nacre_netaddr address;
    if (port > UINT16_MAX || strncmp(listen, "tcp:", 4) != 0 || nacre_netaddr_parse(&address, listen + 4))
        return;
    address.port = (uint16_t)port;
    if (nacre_dev_probe(&address, tls, PROBE_MS) == -ETIMEDOUT)
        (void)fprintf(stderr, "nacre dev: no attestation document within %d ms, going on\n", PROBE_MS);
}

/* The address as a client on this machine writes it, with the port that was really taken. */
static void make_url(char *out, size_t room, const char *listen, uint64_t port, bool tls)
{
    struct nacre_netaddr address;
    if (strncmp(listen, "tcp:", 4) != 0 || nacre_netaddr_parse(&address, listen + 4)) {
        (void)snprintf(out, room, "vsock:%ju", (uintmax_t)port);
        return;
    }
    bool v6 = address.family == AF_INET6;
    const char *host = address.host;
    if (nacre_netaddr_is_any(&address))
        host = v6 ? "::1" : "127.0.0.1";
    (void)snprintf(out, room, "%s://%s%s%s:%ju", tls ? "https" : "http", v6 ? "[" : "", host, v6 ? "]" : "",
                   (uintmax_t)port);
}

static enum event announce(struct run *r)
{
    char key[2 * PUBLIC_KEY + 1], url[NACRE_CONFIG_TEXT + 32];
    uint64_t port = 0;
    if (parse_ready(r->core.line, key, &port))
        return fail("nacred's ready line is out of form");
    make_url(url, sizeof url, r->plan->listen, port, r->plan->tls);
    await_clients(r->plan->listen, port, r->plan->tls);
    const struct nacre_dev_store *store = r->plan->store;
    if (printf("ready url=%s public_key=%s root=%s dir=%s%s%s%s%s\n", url, key, r->dir->root, r->dir->path,
               store ? " store=https://" : "", store ? store->address + strlen("tcp:") : "",
               store ? " store_ca=" : "", store ? store->ca : "") < 0 ||
        fflush(stdout) != 0)
        return fail("standard output cannot be written to");
    return EVENT_READY;
}

static int stop(struct nacre_dev_child *child, int grace_ms)
{
    char text[160], line[256];
    int rc = nacre_dev_child_stop(child, grace_ms);
    if (rc == -ETIMEDOUT)
        (void)snprintf(line, sizeof line, "%s did not stop within %d ms and was killed", child->name,
                       grace_ms);
    if (rc == -EIO) {
        nacre_dev_child_describe(child, text, sizeof text);
        (void)snprintf(line, sizeof line, "%s when it was to stop", text);
    }
    if (rc)
        (void)fail(line);
    return rc;
}

int nacre_dev_run(const struct nacre_dev_plan *plan, const struct nacre_dev_dir *dir)
{
    struct run r = {.plan = plan, .dir = dir, .sim = {.ready_fd = -1}, .core = {.ready_fd = -1}};
    sigset_t set;
    nacre_dev_signals(&set);
    r.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    enum event event = r.signal_fd < 0 ? fail(strerror(errno)) : start_sim(&r);
    if (event == EVENT_READY)
        event = start_core(&r);
    if (event == EVENT_READY)
        event = announce(&r);
    if (event == EVENT_READY)
        event = wait_for(&r, NULL, UINT64_MAX);
    /* What failed was said already; how the others end then is no news. */
    bool clean = event == EVENT_STOP;
    int rc = clean ? stop(&r.core, CORE_STOP_MS) : nacre_dev_child_stop(&r.core, CORE_STOP_MS);
    int sim_rc = clean ? stop(&r.sim, SIM_STOP_MS) : nacre_dev_child_stop(&r.sim, SIM_STOP_MS);
    if (r.signal_fd >= 0)
        (void)close(r.signal_fd);
    return clean && rc == 0 && sim_rc == 0 ? 0 : -1;
}
