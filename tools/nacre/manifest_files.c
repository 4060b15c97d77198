#include "manifest_files.h"

#include "manifest_build.h"
#include "yaml_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define READ_MS 10000 /* for a plugin to load; constructors have no business waiting */

static int build(uint8_t **out, size_t *out_len, uint8_t digest[NACRE_SHA384_LEN], const char *plugin,
                 const struct nacre_settings *settings, const struct nacre_allow *allow, char *why,
                 size_t why_len)
{
    struct nacre_plugin_facts facts = {0};
    int rc = nacre_plugin_read(&facts, plugin, READ_MS, why, why_len);
    if (rc == 0)
        rc = nacre_manifest_build(out, out_len, &facts, settings, allow, why, why_len);
    if (rc == 0)
        memcpy(digest, facts.digest, NACRE_SHA384_LEN);
    nacre_plugin_facts_free(&facts);
    return rc;
}

int nacre_manifest_from_files(uint8_t **out, size_t *out_len, uint8_t digest[NACRE_SHA384_LEN],
                              const char *plugin, const char *config, const char *allow, char *why,
                              size_t why_len)
{
    struct nacre_allow *list = malloc(sizeof *list);
    struct nacre_settings settings;
    if (!list)
        return -ENOMEM;
    int rc = nacre_yaml_config_load(&settings, config, why, why_len);
    if (rc == 0) {
        rc = nacre_yaml_allow_load(list, allow, why, why_len);
        if (rc == 0)
            rc = build(out, out_len, digest, plugin, &settings, list, why, why_len);
        nacre_settings_free(&settings);
    }
    free(list);
    return rc;
}
