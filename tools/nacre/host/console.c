#include "console.h"

#include "child.h"
#include "nitro.h"

#include <stdlib.h>
#include <string.h>

#include <common/log.h>

#define RETRY_MS 5000u

struct nacre_hd_console {
    struct nacre_hd *daemon;
    struct nacre_hd_enclave *enclave;
    struct nacre_hd_child child;
    struct nacre_hd_timer timer;
    struct nacre_hd_grave grave;
    struct nacre_hd_lines lines;
    char id[96];
};

bool nacre_hd_line_next(struct nacre_hd_lines *lines, const char **data, size_t *len)
{
    while (*len) {
        char c = **data;
        (*data)++;
        (*len)--;
        if (c == '\n') {
            while (lines->len && lines->text[lines->len - 1] == '\r')
                lines->len--;
            lines->text[lines->len] = '\0';
            lines->len = 0;
            lines->cut = false;
            return true;
        }
        if (lines->len + 1 < sizeof lines->text)
            lines->text[lines->len++] = (c >= 0x20 && c < 0x7f) || c == '\r' ? c : '?';
        else
            lines->cut = true;
    }
    return false;
}

static void output(struct nacre_hd_child *child, const char *data, size_t len)
{
    struct nacre_hd_console *c = NACRE_HD_OF(child, struct nacre_hd_console, child);
    while (nacre_hd_line_next(&c->lines, &data, &len)) {
        if (c->lines.text[0])
            nacre_log_event(NACRE_LEVEL_INFO, "console", NLS("enclave", c->enclave->config.name),
                            NLS("line", c->lines.text));
    }
}

static void start(struct nacre_hd_timer *timer)
{
    struct nacre_hd_console *c = NACRE_HD_OF(timer, struct nacre_hd_console, timer);
    int rc = nacre_hd_child_start(&c->daemon->loop, &c->child, c->daemon->config->nitro_console, c->id);
    if (rc) {
        nacre_log_event(NACRE_LEVEL_WARN, "console not read", NLS("enclave", c->enclave->config.name),
                        NLS("error", strerror(-rc)));
        nacre_hd_timer_set(&c->daemon->loop, timer, RETRY_MS);
    }
}

static void ended(struct nacre_hd_child *child, int status)
{
    struct nacre_hd_console *c = NACRE_HD_OF(child, struct nacre_hd_console, child);
    nacre_log_event(NACRE_LEVEL_DEBUG, "console ended", NLS("enclave", c->enclave->config.name),
                    NLI("status", status));
    nacre_hd_timer_set(&c->daemon->loop, &c->timer, RETRY_MS);
}

static void begin(struct nacre_hd *d, struct nacre_hd_enclave *e, const char *id)
{
    struct nacre_hd_console *c = calloc(1, sizeof *c);
    if (!c)
        return;
    c->daemon = d;
    c->enclave = e;
    c->child.out = c->child.exit_fd = -1;
    c->child.output = output;
    c->child.ended = ended;
    c->timer.fire = start;
    memcpy(c->id, id, sizeof c->id);
    e->console = c;
    nacre_log_event(NACRE_LEVEL_WARN,
                    "debug enclave: its console goes to this log and its measurements are zero",
                    NLS("enclave", e->config.name), NLS("id", id));
    nacre_hd_timer_set(&d->loop, &c->timer, 1);
}

void nacre_hd_console_follow(struct nacre_hd *d)
{
    bool off = strcmp(d->config->nitro_console, "none") == 0;
    for (struct nacre_hd_enclave *e = d->enclaves; e; e = e->next) {
        const struct nacre_hd_described *what = nacre_hd_nitro_of(d, e);
        bool has = !off && what && what->debug && strcmp(what->state, "RUNNING") == 0;
        if (e->console && (!has || strcmp(e->console->id, what->id) != 0))
            nacre_hd_console_stop(d, e);
        if (has && !e->console && !e->removed)
            begin(d, e, what->id);
    }
}

static void release(struct nacre_hd_grave *grave)
{
    free(NACRE_HD_OF(grave, struct nacre_hd_console, grave));
}

void nacre_hd_console_stop(struct nacre_hd *d, struct nacre_hd_enclave *e)
{
    struct nacre_hd_console *c = e->console;
    if (!c)
        return;
    e->console = NULL;
    nacre_hd_timer_clear(&d->loop, &c->timer);
    nacre_hd_child_kill(&c->child);
    c->grave.release = release;
    nacre_hd_bury(&d->loop, &c->grave);
}
