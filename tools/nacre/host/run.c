#include "run.h"

#include "admin.h"
#include "console.h"
#include "egress.h"
#include "file.h"
#include "nitro.h"
#include "notify.h"
#include "probe.h"
#include "reload.h"
#include "resolve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <common/log.h>
#include <sodium.h>

struct host {
    struct nacre_hd d;
    struct nacre_hd_watch signals;
    struct nacre_hd_timer watchdog;
    uint64_t watchdog_ms;
    int signal_fd;
};

void nacre_hd_sweep_within(struct nacre_hd *d, uint64_t ms)
{
    if (!d->sweep.set || d->sweep.due_ms > d->loop.now_ms + ms)
        nacre_hd_timer_set(&d->loop, &d->sweep, ms);
}

static void sweep(struct nacre_hd_timer *timer)
{
    struct nacre_hd *d = NACRE_HD_OF(timer, struct nacre_hd, sweep);
    d->sweep_soon = false;
    nacre_hd_conn_sweep(d);
    if (d->draining && d->n_conns == 0)
        d->loop.stop = true;
    else if (d->n_conns)
        nacre_hd_sweep_within(d, d->sweep_soon ? NACRE_HD_REDIAL_MS : NACRE_HD_SWEEP_MS);
}

static void tell_watchdog(struct nacre_hd_timer *timer)
{
    struct host *h = NACRE_HD_OF(timer, struct host, watchdog);
    nacre_hd_notify("WATCHDOG=1");
    nacre_hd_timer_set(&h->d.loop, timer, h->watchdog_ms / 2u + 1u);
}

static void reload(struct nacre_hd *d)
{
    char why[1024], message[96];
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%ju",
                   (uintmax_t)now.tv_sec * 1000000u + (uintmax_t)now.tv_nsec / 1000u);
    nacre_hd_notify(message);
    if (nacre_hd_load(d, why, sizeof why)) {
        d->counters.reloads_failed++;
        nacre_log_event(NACRE_LEVEL_ERROR, "configuration refused, the old one stays", NLS("error", why));
    } else {
        d->counters.reloads++;
        nacre_log_event(NACRE_LEVEL_INFO, "configuration taken", NLS("file", d->config_file));
    }
    nacre_hd_notify("READY=1");
}

static void drain(struct nacre_hd *d, int signal)
{
    if (d->draining) { /* asked twice: now */
        d->loop.stop = true;
        return;
    }
    nacre_hd_notify("STOPPING=1");
    nacre_log_event(NACRE_LEVEL_INFO, "stopping", NLS("signal", strsignal(signal)),
                    NLI("connections", (int64_t)d->n_conns));
    d->draining = true;
    d->drain_until_ms = d->loop.now_ms + d->config->limits_drain_s * 1000u;
    nacre_hd_listen_stop(d);
    nacre_hd_sweep_within(d, 1);
}

static void signal_ready(struct nacre_hd_watch *watch, uint32_t events)
{
    struct host *h = NACRE_HD_OF(watch, struct host, signals);
    struct signalfd_siginfo info;
    (void)events;
    while (read(h->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(&h->d);
        else
            drain(&h->d, (int)info.ssi_signo);
    }
}

static int watch_signals(struct host *h)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    h->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (h->signal_fd < 0)
        return -errno;
    h->signals.ready = signal_ready;
    return nacre_hd_watch_add(&h->d.loop, h->signal_fd, EPOLLIN, &h->signals);
}

static void write_pid(const struct nacre_hd *d)
{
    char text[32], why[512];
    if (strcmp(d->config->pid_file, "none") == 0)
        return;
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (nacre_file_write(d->config->pid_file, text, (size_t)n, why, sizeof why))
        nacre_log_event(NACRE_LEVEL_WARN, "pid file not written", NLS("error", why));
}

static int begin(struct host *h, char *why, size_t why_len)
{
    struct nacre_hd *d = &h->d;
    (void)snprintf(why, why_len, "out of memory or descriptors");
    int rc = sodium_init() < 0 ? -EIO : nacre_hd_loop_init(&d->loop);
    if (!rc)
        rc = nacre_hd_clients_init(&d->clients);
    if (!rc)
        rc = watch_signals(h);
    if (!rc)
        rc = nacre_hd_nitro_start(d);
    if (rc)
        return rc;
    d->started_ms = d->loop.now_ms;
    d->sweep.fire = sweep;
    rc = nacre_hd_load(d, why, why_len);
    if (rc)
        return rc;
    rc = nacre_hd_resolver_start(&d->resolver, &d->loop, (unsigned)d->config->egress_resolvers);
    (void)snprintf(why, why_len, "no threads to resolve names: %s", strerror(-rc));
    return rc;
}

static void end(struct host *h)
{
    struct nacre_hd *d = &h->d;
    nacre_hd_listen_stop(d);
    while (d->conns)
        nacre_hd_conn_close(d->conns, false);
    for (struct nacre_hd_enclave *e = d->enclaves, *next; e; e = next) {
        next = e->next;
        nacre_hd_probe_stop(d, e);
        nacre_hd_console_stop(d, e);
        free(e->allow);
        free(e);
    }
    nacre_hd_egress_stop(d);
    nacre_hd_resolver_stop(d->resolver);
    nacre_hd_nitro_stop(d);
    nacre_hd_admin_stop(d);
    nacre_hd_loop_close(&d->loop);
    nacre_hd_clients_free(&d->clients);
    if (d->config && strcmp(d->config->pid_file, "none") != 0)
        (void)unlink(d->config->pid_file);
    free(d->config);
    if (h->signal_fd >= 0)
        (void)close(h->signal_fd);
}

int nacre_hd_run(const char *config_file)
{
    static struct host h;
    char why[1024];
    h = (struct host){.d = {.config_file = config_file, .loop = {.epoll = -1}}, .signal_fd = -1};
    nacre_log_setup("nacre-host", NACRE_LEVEL_INFO, false);
    int rc = begin(&h, why, sizeof why);
    if (rc) {
        nacre_log_event(NACRE_LEVEL_ERROR, "not started", NLS("error", why));
        end(&h);
        return 1;
    }
    write_pid(&h.d);
    h.watchdog_ms = nacre_hd_watchdog_ms();
    h.watchdog.fire = tell_watchdog;
    if (h.watchdog_ms)
        nacre_hd_timer_set(&h.d.loop, &h.watchdog, 1);
    nacre_hd_notify("READY=1");
    nacre_log_event(NACRE_LEVEL_INFO, "ready", NLI("enclaves", (int64_t)h.d.config->n_enclaves),
                    NLI("connections", (int64_t)h.d.max_conns));
    rc = nacre_hd_loop_run(&h.d.loop);
    if (rc)
        nacre_log_event(NACRE_LEVEL_ERROR, "the loop broke", NLS("error", strerror(-rc)));
    end(&h);
    nacre_log_event(NACRE_LEVEL_INFO, "stopped");
    return rc ? 1 : 0;
}
