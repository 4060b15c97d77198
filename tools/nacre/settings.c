#include "settings.h"

#include "netaddr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nacre_settings_init(struct nacre_settings *s)
{
    memset(s, 0, sizeof *s);
    nacre_config_defaults(&s->config);
}

void nacre_settings_free(struct nacre_settings *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_plugin; i++) {
        free(s->plugin[i].name);
        free(s->plugin[i].value);
    }
    free(s->plugin);
    s->plugin = NULL;
    s->n_plugin = 0;
}

int nacre_settings_number(struct nacre_settings *s, const struct nacre_config_key *key, uint64_t value,
                          char *why, size_t why_len)
{
    return nacre_config_set_number(&s->config, key, value, why, why_len);
}

/* The texts end up in paths, headers and log lines. The character's code, or -1. */
static int first_control(const char *value)
{
    for (; *value; value++) {
        if ((unsigned char)*value < 0x20 || *value == 0x7f)
            return (unsigned char)*value;
    }
    return -1;
}

int nacre_settings_text(struct nacre_settings *s, const struct nacre_config_key *key, const char *value,
                        char *why, size_t why_len)
{
    char reason[384];
    struct nacre_config checked = s->config;
    int rc = nacre_config_set_string(&checked, key, value, strlen(value), why, why_len);
    if (rc)
        return rc;
    if (first_control(value) >= 0) {
        (void)snprintf(why, why_len, "%s.%s: control character 0x%02x in the text", key->section, key->key,
                       (unsigned)first_control(value));
        return -EINVAL;
    }
    if (nacre_place_check(value, reason, sizeof reason)) {
        (void)snprintf(why, why_len, "%s.%s: %s", key->section, key->key, reason);
        return -EINVAL;
    }
    s->config = checked;
    return 0;
}

static bool name_ok(const char *name)
{
    size_t part = 0;
    for (; *name; name++) {
        bool word = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                    (*name >= '0' && *name <= '9') || *name == '_' || *name == '-';
        if (!word && (*name != '.' || part == 0))
            return false;
        part = word ? part + 1 : 0;
    }
    return part > 0;
}

static int check_setting(const struct nacre_settings *s, const char *name, const char *value, char *why,
                         size_t why_len)
{
    if (!name_ok(name) || strlen(name) > NACRE_SETTING_NAME_MAX) {
        (void)snprintf(why, why_len,
                       "plugin.%.160s: a name is made of letters, digits, '_' and '-', of %u bytes at most",
                       name, NACRE_SETTING_NAME_MAX);
        return -EINVAL;
    }
    if (strlen(value) > NACRE_SETTING_VALUE_MAX) {
        (void)snprintf(why, why_len, "plugin.%s: text of %zu bytes, at most %u", name, strlen(value),
                       NACRE_SETTING_VALUE_MAX);
        return -EINVAL;
    }
    if (s->n_plugin >= NACRE_SETTINGS_MAX) {
        (void)snprintf(why, why_len, "plugin.%s: more than %u settings", name, NACRE_SETTINGS_MAX);
        return -EINVAL;
    }
    return 0;
}

int nacre_settings_plugin(struct nacre_settings *s, const char *name, const char *value, char *why,
                          size_t why_len)
{
    int rc = check_setting(s, name, value, why, why_len);
    if (rc)
        return rc;
    for (size_t i = 0; i < s->n_plugin; i++) {
        if (strcmp(s->plugin[i].name, name) == 0) {
            char *copy = strdup(value);
            if (!copy)
                return -ENOMEM;
            free(s->plugin[i].value);
            s->plugin[i].value = copy;
            return 0;
        }
    }
    struct nacre_setting *grown = reallocarray(s->plugin, s->n_plugin + 1, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    s->plugin = grown;
    struct nacre_setting added = {strdup(name), strdup(value)};
    if (!added.name || !added.value) {
        free(added.name);
        free(added.value);
        return -ENOMEM;
    }
    grown[s->n_plugin++] = added;
    return 0;
}

bool nacre_settings_has_section(const char *section)
{
    for (size_t i = 0; i < nacre_config_n_keys; i++) {
        if (strcmp(nacre_config_keys[i].section, section) == 0)
            return true;
    }
    return false;
}

bool nacre_settings_has_group(const char *section, const char *group)
{
    size_t len = strlen(group);
    for (size_t i = 0; i < nacre_config_n_keys; i++) {
        const struct nacre_config_key *row = &nacre_config_keys[i];
        if (strcmp(row->section, section) == 0 && strncmp(row->key, group, len) == 0 && row->key[len] == '.')
            return true;
    }
    return false;
}

/* Appends ", word" as far as there is room. */
static void append_word(char *list, size_t room, const char *word)
{
    size_t len = strlen(list);
    (void)snprintf(list + len, room - len, "%s%s", len ? ", " : "", word);
}

int nacre_settings_unknown(const char *section, const char *key, char *why, size_t why_len)
{
    char known[512] = "";
    const char *last = "";
    bool has = key && nacre_settings_has_section(section);
    for (size_t i = 0; i < nacre_config_n_keys; i++) {
        const struct nacre_config_key *row = &nacre_config_keys[i];
        if (has && strcmp(row->section, section) == 0)
            append_word(known, sizeof known, row->key);
        else if (!has && strcmp(row->section, last) != 0)
            append_word(known, sizeof known, row->section);
        last = row->section;
    }
    if (has)
        (void)snprintf(why, why_len, "%s.%s: unknown key; %s has %s", section, key, section, known);
    else
        (void)snprintf(why, why_len, "%s: unknown section; there are %s, plugin", section, known);
    return -EINVAL;
}

static int assign_number(struct nacre_settings *s, const struct nacre_config_key *row, const char *value,
                         char *why, size_t why_len)
{
    uint64_t number = 0;
    if (nacre_number_parse(&number, value, strlen(value), UINT64_MAX)) {
        (void)snprintf(why, why_len, "%s.%s: expected a number from %ju to %ju, got '%.64s'", row->section,
                       row->key, (uintmax_t)row->min, (uintmax_t)row->max, value);
        return -EINVAL;
    }
    return nacre_settings_number(s, row, number, why, why_len);
}

int nacre_settings_assign(struct nacre_settings *s, const char *assignment, char *why, size_t why_len)
{
    char name[NACRE_SETTING_NAME_MAX + 16];
    const char *equals = strchr(assignment, '=');
    size_t len = equals ? (size_t)(equals - assignment) : 0;
    if (len == 0 || len >= sizeof name || !memchr(assignment, '.', len)) {
        (void)snprintf(why, why_len, "'%.160s' is not section.key=value", assignment);
        return -EINVAL;
    }
    memcpy(name, assignment, len);
    name[len] = '\0';
    char *key = strchr(name, '.');
    *key++ = '\0';
    if (strcmp(name, "plugin") == 0)
        return nacre_settings_plugin(s, key, equals + 1, why, why_len);
    const struct nacre_config_key *row = nacre_config_find(name, key);
    if (!row)
        return nacre_settings_unknown(name, key, why, why_len);
    if (row->kind == NACRE_CONFIG_NUMBER)
        return assign_number(s, row, equals + 1, why, why_len);
    return nacre_settings_text(s, row, equals + 1, why, why_len);
}
