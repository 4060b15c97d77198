#include "state.h"

#include "file.h"
#include "netaddr.h"
#include "yaml_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const phases[] = {"starting", "ready", "serving", "draining"};

const char *nacre_ops_phase_name(enum nacre_ops_phase phase)
{
    return phases[phase];
}

void nacre_ops_slot_title(const struct nacre_ops_slot *slot, char out[NACRE_OPS_NAME_MAX + 16])
{
    (void)snprintf(out, NACRE_OPS_NAME_MAX + 16, "%s-%u", slot->name, slot->cid);
}

bool nacre_ops_name_ok(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= NACRE_OPS_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len && name[0] != '-' &&
           name[len - 1] != '-';
}

static const char *text_of(const struct nacre_yaml_node *map, const char *key)
{
    for (const struct nacre_yaml_node *node = map ? map->first : NULL; node; node = node->next)
        if (node->key && strcmp(node->key, key) == 0 && node->kind == NACRE_YAML_SCALAR)
            return node->text;
    return NULL;
}

static bool copy(char *out, size_t room, const char *text)
{
    int n = text ? snprintf(out, room, "%s", text) : -1;
    return n >= 0 && (size_t)n < room;
}

static bool read_slot(struct nacre_ops_slot *slot, const struct nacre_yaml_node *map)
{
    const char *phase = text_of(map, "phase"), *cid = text_of(map, "cid"), *since = text_of(map, "since_s"),
               *announced = text_of(map, "announced");
    uint64_t number = 0;
    size_t p = 0;
    while (phase && p < 4 && strcmp(phases[p], phase) != 0)
        p++;
    memset(slot, 0, sizeof *slot);
    slot->phase = (enum nacre_ops_phase)p;
    slot->announced = announced && strcmp(announced, "true") == 0;
    if (!phase || p == 4 || !cid || nacre_number_parse(&number, cid, strlen(cid), UINT32_MAX) || !since ||
        nacre_number_parse(&slot->since_s, since, strlen(since), UINT64_MAX))
        return false;
    slot->cid = (uint32_t)number;
    return copy(slot->name, sizeof slot->name, text_of(map, "name")) && nacre_ops_name_ok(slot->name) &&
           copy(slot->id, sizeof slot->id, text_of(map, "id")) &&
           copy(slot->connect, sizeof slot->connect, text_of(map, "connect")) &&
           copy(slot->eif, sizeof slot->eif, text_of(map, "eif")) &&
           copy(slot->allow, sizeof slot->allow, text_of(map, "allow"));
}

static int read_slots(struct nacre_ops_state *s, const char *path, const struct nacre_yaml_node *root,
                      char *why, size_t why_len)
{
    const struct nacre_yaml_node *list = root ? root->first : NULL;
    bool good = !root || (root->kind == NACRE_YAML_MAPPING && list && list->kind == NACRE_YAML_SEQUENCE);
    for (const struct nacre_yaml_node *node = good && list ? list->first : NULL; good && node;
         node = node->next)
        good = s->n < NACRE_OPS_ENCLAVES && read_slot(&s->slot[s->n++], node);
    if (good)
        return 0;
    (void)snprintf(why, why_len, "%s: entry %zu is not one that nacre host up writes", path, s->n);
    return -EBADMSG;
}

/* JSON is YAML, and that is what there is a tree for. */
static int read_tree(struct nacre_yaml_node **root, const char *path, char *why, size_t why_len)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = nacre_file_read(&data, &len, path, NACRE_YAML_MAX, why, why_len);
    if (rc == 0)
        rc = nacre_yaml_parse(root, path, (const char *)data, len, why, why_len);
    free(data);
    return rc;
}

static int read_state(struct nacre_ops_state *s, char *why, size_t why_len)
{
    char path[PATH_MAX];
    struct nacre_yaml_node *root = NULL;
    (void)snprintf(path, sizeof path, "%s/state.json", s->dir);
    int rc = read_tree(&root, path, why, why_len);
    if (rc == -ENOENT)
        return 0;
    if (rc == 0)
        rc = read_slots(s, path, root, why, why_len);
    nacre_yaml_free(root);
    return rc;
}

/* What the daemon's file says of where it looks; what else is in it is the daemon's to judge. */
static int read_daemon(struct nacre_ops_daemon *d, const char *path, char *why, size_t why_len)
{
    struct nacre_yaml_node *root = NULL;
    int rc = read_tree(&root, path, why, why_len);
    if (rc)
        return rc;
    const struct nacre_yaml_node *health = root ? root->first : NULL;
    while (health && strcmp(health->key ? health->key : "", "health") != 0)
        health = health->next;
    const char *file = text_of(root, "enclaves_file"), *pid = text_of(root, "pid_file"),
               *listen = text_of(health, "listen");
    bool good = copy(d->enclaves_file, sizeof d->enclaves_file, file) &&
                copy(d->pid_file, sizeof d->pid_file, pid ? pid : "none") &&
                copy(d->health, sizeof d->health, listen ? listen : "tcp:0.0.0.0:8080") &&
                strcmp(d->enclaves_file, "none") != 0;
    nacre_yaml_free(root);
    if (good)
        return 0;
    (void)snprintf(why, why_len, "%s: enclaves_file has to name the file that nacre host up writes", path);
    return -EINVAL;
}

static int take_lock(struct nacre_ops_state *s, char *why, size_t why_len)
{
    char path[PATH_MAX];
    if (mkdir(s->dir, 0755) < 0 && errno != EEXIST)
        return nacre_file_error(s->dir, "cannot make it", errno, why, why_len);
    (void)snprintf(path, sizeof path, "%s/lock", s->dir);
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (s->lock < 0)
        return nacre_file_error(path, "cannot open", errno, why, why_len);
    if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    (void)snprintf(why, why_len, "%s: another nacre host up or down is at work there", s->dir);
    return -EBUSY;
}

int nacre_ops_state_open(struct nacre_ops_state *s, const char *dir, const char *daemon_config, bool change,
                         char *why, size_t why_len)
{
    memset(s, 0, sizeof *s);
    s->lock = -1;
    if (!copy(s->dir, sizeof s->dir, dir))
        return nacre_file_error(dir, "cannot be used", ENAMETOOLONG, why, why_len);
    int rc = read_daemon(&s->daemon, daemon_config, why, why_len);
    if (rc == 0 && change)
        rc = take_lock(s, why, why_len);
    if (rc == 0)
        rc = read_state(s, why, why_len);
    if (rc)
        nacre_ops_state_close(s);
    return rc;
}

void nacre_ops_state_close(struct nacre_ops_state *s)
{
    if (s->lock >= 0)
        (void)close(s->lock);
    s->lock = -1;
}

struct nacre_ops_slot *nacre_ops_state_find(struct nacre_ops_state *s, const char *name,
                                            enum nacre_ops_phase phase)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->slot[i].name, name) == 0 && s->slot[i].phase == phase)
            return &s->slot[i];
    return NULL;
}

struct nacre_ops_slot *nacre_ops_state_add(struct nacre_ops_state *s, const char *name)
{
    if (s->n == NACRE_OPS_ENCLAVES)
        return NULL;
    struct nacre_ops_slot *slot = &s->slot[s->n++];
    memset(slot, 0, sizeof *slot);
    (void)snprintf(slot->name, sizeof slot->name, "%s", name);
    return slot;
}

void nacre_ops_state_drop(struct nacre_ops_state *s, struct nacre_ops_slot *slot)
{
    size_t at = (size_t)(slot - s->slot);
    memmove(slot, slot + 1, (s->n - at - 1) * sizeof *slot);
    s->n--;
}
