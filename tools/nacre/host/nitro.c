#include "nitro.h"

#include "child.h"
#include "console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <common/log.h>

struct nacre_hd_nitro {
    struct nacre_hd *daemon;
    struct nacre_hd_timer timer; /* the next look, or the end of this one's time */
    struct nacre_hd_child child;
    char *text; /* being read */
    size_t len;
    bool too_long;
    char *shown; /* the last good answer; `list` points into it */
    struct nacre_hd_described list[NACRE_HD_DESCRIBED_MAX];
    int n;
    uint64_t at_ms;
    char error[160];
};

static void look(struct nacre_hd_timer *timer);

static void again(struct nacre_hd_nitro *nitro)
{
    nitro->timer.fire = look;
    nacre_hd_timer_set(&nitro->daemon->loop, &nitro->timer, nitro->daemon->config->nitro_interval_s * 1000u);
}

static void failed(struct nacre_hd_nitro *nitro, const char *error)
{
    if (strcmp(nitro->error, error) != 0)
        nacre_log_event(NACRE_LEVEL_WARN, "enclaves not described",
                        NLS("command", nitro->daemon->config->nitro_describe), NLS("error", error));
    (void)snprintf(nitro->error, sizeof nitro->error, "%s", error);
    free(nitro->text);
    nitro->text = NULL;
    again(nitro);
}

static void output(struct nacre_hd_child *child, const char *data, size_t len)
{
    struct nacre_hd_nitro *nitro = NACRE_HD_OF(child, struct nacre_hd_nitro, child);
    size_t room = NACRE_HD_DESCRIBE_BYTES - nitro->len;
    size_t n = len < room ? len : room;
    nitro->too_long = nitro->too_long || n < len;
    memcpy(nitro->text + nitro->len, data, n);
    nitro->len += n;
}

static void ended(struct nacre_hd_child *child, int status)
{
    struct nacre_hd_nitro *nitro = NACRE_HD_OF(child, struct nacre_hd_nitro, child);
    struct nacre_hd_described *list = calloc(NACRE_HD_DESCRIBED_MAX, sizeof *list);
    char why[160] = "out of memory";
    int n = -1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        (void)snprintf(why, sizeof why, "%s %d", WIFEXITED(status) ? "exit status" : "signal",
                       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    else if (nitro->too_long)
        (void)snprintf(why, sizeof why, "more than %u bytes of output", NACRE_HD_DESCRIBE_BYTES);
    else if (list)
        n = nacre_hd_nitro_parse(list, nitro->text, nitro->len, why, sizeof why);
    if (n >= 0) {
        free(nitro->shown);
        nitro->shown = nitro->text;
        nitro->text = NULL;
        memcpy(nitro->list, list, sizeof nitro->list);
        nitro->n = n;
        nitro->at_ms = nitro->daemon->loop.now_ms;
        nitro->error[0] = '\0';
        nacre_hd_console_follow(nitro->daemon);
        again(nitro);
    } else {
        failed(nitro, why);
    }
    free(list);
}

static void timed_out(struct nacre_hd_timer *timer)
{
    struct nacre_hd_nitro *nitro = NACRE_HD_OF(timer, struct nacre_hd_nitro, timer);
    nacre_hd_child_kill(&nitro->child);
    failed(nitro, "no answer in time");
}

static bool anybody_on_vsock(const struct nacre_hd *d)
{
    for (const struct nacre_hd_enclave *e = d->enclaves; e; e = e->next) {
        if (!e->removed && e->config.place.kind == NACRE_HD_VSOCK)
            return true;
    }
    return false;
}

static void look(struct nacre_hd_timer *timer)
{
    struct nacre_hd_nitro *nitro = NACRE_HD_OF(timer, struct nacre_hd_nitro, timer);
    struct nacre_hd *d = nitro->daemon;
    if (strcmp(d->config->nitro_describe, "none") == 0 || !anybody_on_vsock(d)) {
        again(nitro);
        return;
    }
    nitro->text = malloc(NACRE_HD_DESCRIBE_BYTES);
    nitro->len = 0;
    nitro->too_long = false;
    int rc = nitro->text ? nacre_hd_child_start(&d->loop, &nitro->child, d->config->nitro_describe, NULL)
                         : -ENOMEM;
    if (rc) {
        failed(nitro, strerror(-rc));
        return;
    }
    nitro->timer.fire = timed_out;
    nacre_hd_timer_set(&d->loop, &nitro->timer, d->config->nitro_timeout_s * 1000u);
}

int nacre_hd_nitro_start(struct nacre_hd *d)
{
    struct nacre_hd_nitro *nitro = calloc(1, sizeof *nitro);
    if (!nitro)
        return -ENOMEM;
    nitro->daemon = d;
    nitro->n = -1;
    nitro->child.out = nitro->child.exit_fd = -1;
    nitro->child.output = output;
    nitro->child.ended = ended;
    nitro->timer.fire = look;
    d->nitro = nitro;
    nacre_hd_timer_set(&d->loop, &nitro->timer, 1);
    return 0;
}

void nacre_hd_nitro_look(struct nacre_hd *d)
{
    if (d->nitro && d->nitro->child.pid == 0) {
        d->nitro->timer.fire = look;
        nacre_hd_timer_set(&d->loop, &d->nitro->timer, 1);
    }
}

void nacre_hd_nitro_stop(struct nacre_hd *d)
{
    struct nacre_hd_nitro *nitro = d->nitro;
    if (!nitro)
        return;
    d->nitro = NULL;
    nacre_hd_timer_clear(&d->loop, &nitro->timer);
    nacre_hd_child_kill(&nitro->child);
    free(nitro->text);
    free(nitro->shown);
    free(nitro);
}

struct nacre_hd_nitro_view nacre_hd_nitro_last(const struct nacre_hd *d)
{
    const struct nacre_hd_nitro *n = d->nitro;
    if (!n)
        return (struct nacre_hd_nitro_view){NULL, -1, 0, NULL};
    return (struct nacre_hd_nitro_view){n->list, n->n, n->at_ms, n->error[0] ? n->error : NULL};
}

const struct nacre_hd_described *nacre_hd_nitro_of(const struct nacre_hd *d, const struct nacre_hd_enclave *e)
{
    struct nacre_hd_nitro_view view = nacre_hd_nitro_last(d);
    for (int i = 0; e->config.place.kind == NACRE_HD_VSOCK && i < view.n; i++) {
        if (view.list[i].cid == e->config.place.cid)
            return view.list + i;
    }
    return NULL;
}
