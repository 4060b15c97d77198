#include "manifest_build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t encode_config(uint8_t *out, size_t cap, const struct nacre_settings *settings,
                             const struct nacre_allow *allow)
{
    struct nacre_text_pair pairs[NACRE_SETTINGS_MAX];
    for (size_t i = 0; i < settings->n_plugin; i++)
        pairs[i] = (struct nacre_text_pair){settings->plugin[i].name, settings->plugin[i].value};
    return nacre_manifest_encode_config(out, cap, &settings->config, allow->entries, allow->n, pairs,
                                        (uint32_t)settings->n_plugin);
}

/* Encodes into `out`, with `scratch` (both NACRE_MANIFEST_MAX bytes) for the part inside. */
static int64_t encode(uint8_t *out, uint8_t *scratch, const struct nacre_plugin_facts *plugin,
                      const struct nacre_settings *settings, const struct nacre_allow *allow)
{
    int64_t len = encode_config(scratch, NACRE_MANIFEST_MAX, settings, allow);
    if (len < 0)
        return len;
    return nacre_manifest_encode(out, NACRE_MANIFEST_MAX, plugin->digest, plugin->descriptor,
                                 plugin->descriptor_len, scratch, (size_t)len);
}

static int check(const uint8_t *data, size_t len, char *why, size_t why_len)
{
    struct nacre_manifest manifest;
    int rc = nacre_manifest_parse(&manifest, data, len, why, why_len);
    if (rc == 0)
        nacre_manifest_free(&manifest);
    return rc;
}

int nacre_manifest_build(uint8_t **out, size_t *out_len, const struct nacre_plugin_facts *plugin,
                         const struct nacre_settings *settings, const struct nacre_allow *allow, char *why,
                         size_t why_len)
{
    uint8_t *data = malloc(NACRE_MANIFEST_MAX), *scratch = malloc(NACRE_MANIFEST_MAX);
    int rc = -ENOMEM;
    if (data && scratch) {
        int64_t len = encode(data, scratch, plugin, settings, allow);
        rc = len < 0 ? -EINVAL : 0;
        if (len < 0)
            (void)snprintf(why, why_len, "the manifest would exceed %u bytes", NACRE_MANIFEST_MAX);
        else
            rc = check(data, (size_t)len, why, why_len);
        if (rc == 0) {
            *out = data;
            *out_len = (size_t)len;
            data = NULL;
        }
    }
    free(data);
    free(scratch);
    return rc;
}
