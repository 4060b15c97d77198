/* state.json, and what the daemon reads. */
#include "file.h"
#include "netaddr.h"
#include "reach.h"
#include "yaml_tree.h"

#include <common/json_write.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_text(struct nacre_json_out *o, const char *key, const char *text)
{
    nacre_json_lit(o, key);
    nacre_json_string(o, text, strlen(text));
}

static void put_slots(struct nacre_json_out *o, const struct nacre_ops_state *s)
{
    nacre_json_lit(o, "{\"enclaves\":[");
    for (size_t i = 0; i < s->n; i++) {
        const struct nacre_ops_slot *e = &s->slot[i];
        put_text(o, i ? ",\n{\"name\":" : "\n{\"name\":", e->name);
        put_text(o, ",\"phase\":", nacre_ops_phase_name(e->phase));
        put_text(o, ",\"id\":", e->id);
        nacre_json_lit(o, ",\"cid\":");
        nacre_json_u64(o, e->cid);
        put_text(o, ",\"connect\":", e->connect);
        put_text(o, ",\"eif\":", e->eif);
        put_text(o, ",\"allow\":", e->allow);
        nacre_json_lit(o, e->announced ? ",\"announced\":true" : ",\"announced\":false");
        nacre_json_lit(o, ",\"since_s\":");
        nacre_json_u64(o, e->since_s);
        nacre_json_lit(o, "}");
    }
    nacre_json_lit(o, "\n]}\n");
}

static void put_targets(struct nacre_json_out *o, const struct nacre_ops_state *s)
{
    char title[NACRE_OPS_NAME_MAX + 16];
    bool any = false;
    nacre_json_lit(o, "# Written by nacre host up and down; changes are lost.\nenclaves:");
    for (size_t i = 0; i < s->n; i++) {
        const struct nacre_ops_slot *e = &s->slot[i];
        if (!e->announced)
            continue;
        nacre_ops_slot_title(e, title);
        put_text(o, "\n- name: ", title);
        put_text(o, "\n  connect: ", e->connect);
        if (e->allow[0])
            put_text(o, "\n  allow: ", e->allow);
        nacre_json_lit(o, e->phase == NACRE_OPS_SERVING ? "\n  drain: false" : "\n  drain: true");
        any = true;
    }
    nacre_json_lit(o, any ? "\n" : " []\n");
}

/* 0 when the file is not there: the daemon does not run. */
static int read_pid(const char *path, uint64_t *pid, char *why, size_t why_len)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = nacre_file_read(&data, &len, path, 64, why, why_len);
    if (rc == 0) {
        size_t digits = strspn((const char *)data, "0123456789");
        if (nacre_number_parse(pid, (const char *)data, digits, INT_MAX) || *pid < 2) {
            (void)snprintf(why, why_len, "%s: no process id", path);
            rc = -EINVAL;
        }
    }
    free(data);
    return rc == -ENOENT ? 0 : rc;
}

/* What the kernel calls a process: its program's name. */
static bool read_comm(const char *process, char out[32])
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%s/comm", process);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, 31);
    if (fd >= 0)
        (void)close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* A process id from a file, or from whoever answers, may by now be another program's, which SIGHUP would end. */
static bool is_ours(uint64_t pid)
{
    char text[24], its[32], our[32];
    (void)snprintf(text, sizeof text, "%ju", (uintmax_t)pid);
    return read_comm(text, its) && read_comm("self", our) && strcmp(its, our) == 0;
}

/* A daemon that does not run reads the file when it starts. */
static int tell_daemon(const struct nacre_ops_daemon *d, char *why, size_t why_len)
{
    uint64_t pid = 0;
    bool file = strcmp(d->pid_file, "none") != 0;
    int rc = file ? read_pid(d->pid_file, &pid, why, why_len) : 0;
    if (rc == 0 && !file)
        pid = nacre_ops_daemon_pid(d);
    if (rc || pid < 2 || !is_ours(pid) || kill((pid_t)pid, SIGHUP) == 0 || errno == ESRCH)
        return rc;
    return nacre_file_error(d->enclaves_file, "the daemon cannot be told of it", errno, why, why_len);
}

static int write_targets(struct nacre_ops_state *s, char *why, size_t why_len)
{
    struct nacre_json_out out = {0};
    uint8_t *old = NULL;
    size_t old_len = 0;
    put_targets(&out, s);
    int rc = out.failed ? -ENOMEM : 0;
    bool same = rc == 0 &&
                nacre_file_read(&old, &old_len, s->daemon.enclaves_file, NACRE_YAML_MAX, why, why_len) == 0 &&
                old_len == out.len && memcmp(old, out.base, old_len) == 0;
    if (rc == 0 && !same)
        rc = nacre_file_write(s->daemon.enclaves_file, out.base, out.len, why, why_len);
    if (rc == 0 && !same)
        rc = tell_daemon(&s->daemon, why, why_len);
    free(old);
    free(out.base);
    return rc;
}

int nacre_ops_state_save(struct nacre_ops_state *s, char *why, size_t why_len)
{
    char path[PATH_MAX];
    struct nacre_json_out out = {0};
    (void)snprintf(path, sizeof path, "%s/state.json", s->dir);
    put_slots(&out, s);
    int rc = out.failed ? nacre_file_error(path, "cannot write", ENOMEM, why, why_len)
                        : nacre_file_write(path, out.base, out.len, why, why_len);
    free(out.base);
    return rc ? rc : write_targets(s, why, why_len);
}
