/*
 * settings.h - what the operator decides besides the allow list: the runtime's configuration and the plugin's
 * own settings, from config/nacre.yaml and from --set.
 */
#ifndef NACRE_TOOL_SETTINGS_H
#define NACRE_TOOL_SETTINGS_H

#include "netaddr.h"

#include <common/config.h>
#include <common/manifest.h>

#define NACRE_SETTINGS_MAX      256u  /* name/value pairs of a plugin */
#define NACRE_SETTING_NAME_MAX  128u  /* bytes, dots included */
#define NACRE_SETTING_VALUE_MAX 8192u /* bytes */

struct nacre_setting {
    char *name; /* "a.b.c", without the leading "plugin." */
    char *value;
};

struct nacre_settings {
    struct nacre_config
        config; /* secrets.kms.ciphertext names a file here; a manifest has its content and digest */
    char kms_connect
        [NACRE_NETADDR_TEXT];     /* "tcp:ADDR:PORT" in development; "": through the parent, by vsock */
    struct nacre_setting *plugin; /* n_plugin of them, in the order they were given */
    size_t n_plugin;
};

/* Every key at its default, no plugin settings. */
void nacre_settings_init(struct nacre_settings *s);

/* Frees what it holds, not the struct. Accepts NULL. */
void nacre_settings_free(struct nacre_settings *s);

/*
 * nacre_settings_number, nacre_settings_text - store a checked value; addresses are looked into here, so that
 * the build refuses what the boot could not use. 0, or -EINVAL with `why` = "section.key: reason".
 */
int nacre_settings_number(struct nacre_settings *s, const struct nacre_config_key *key, uint64_t value,
                          char *why, size_t why_len);
int nacre_settings_text(struct nacre_settings *s, const struct nacre_config_key *key, const char *value,
                        char *why, size_t why_len);

/*
 * nacre_settings_plugin - store a plugin setting, replacing one of the same name. The name is made of parts
 * of letters, digits, '_' and '-', joined by dots. 0, -ENOMEM, or -EINVAL with `why` = "plugin.NAME: reason".
 */
int nacre_settings_plugin(struct nacre_settings *s, const char *name, const char *value, char *why,
                          size_t why_len);

/*
 * nacre_settings_assign - "section.key=value" or "plugin.name=value", as --set takes it. 0, -ENOMEM, or
 * -EINVAL with `why` filled.
 */
int nacre_settings_assign(struct nacre_settings *s, const char *assignment, char *why, size_t why_len);

/* "unknown section 'x'; known: a, b, ..." or the same of a key, into `why`. Returns -EINVAL. */
int nacre_settings_unknown(const char *section, const char *key, char *why, size_t why_len);

/* Is there a section of this name? ("plugin" is not in the table and not known here.) */
bool nacre_settings_has_section(const char *section);

/* Has it a mapping of this name, such as secrets.kms? */
bool nacre_settings_has_group(const char *section, const char *group);

#endif
