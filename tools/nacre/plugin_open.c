#include "plugin_open.h"

#include "manifest_build.h"

#include <common/cbor_get.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_MS 10000 /* for a plugin to load; constructors have no business waiting */

static int copy_endpoint(struct nacre_allow *allow, const cbor_item_t *item, char *why, size_t why_len)
{
    const char *host;
    size_t len;
    uint64_t port;
    uint32_t i = allow->n;
    if (!nacre_cbor_text(nacre_cbor_at(item, 0), &host, &len) || len > NACRE_HOST_MAX ||
        (len && memchr(host, 0, len)) || !nacre_cbor_u64(nacre_cbor_at(item, 1), UINT16_MAX, &port)) {
        (void)snprintf(why, why_len, "endpoint %u: it must be a host of at most %u bytes and a port up to %u",
                       i, NACRE_HOST_MAX, UINT16_MAX);
        return -EINVAL;
    }
    memcpy(allow->hosts[i], host, len);
    allow->hosts[i][len] = '\0';
    allow->entries[i] =
        (struct nacre_endpoint_decl){.host = allow->hosts[i], .port = (uint32_t)port, .connect = ""};
    allow->n++;
    return 0;
}

/* What the plugin declares, as the operator's list: the checks of the boot then find nothing missing. */
static int allow_own(struct nacre_allow *allow, const struct nacre_plugin_facts *facts, char *why,
                     size_t why_len)
{
    cbor_item_t *root = nacre_cbor_load(facts->descriptor, facts->descriptor_len);
    const cbor_item_t *list = nacre_cbor_key(root, "endpoints");
    size_t n = nacre_cbor_count(list);
    int rc = root ? 0 : -ENOMEM;
    if (n > NACRE_ENDPOINTS_MAX) {
        (void)snprintf(why, why_len, "%zu endpoints, at most %u", n, NACRE_ENDPOINTS_MAX);
        rc = -EINVAL;
    }
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = copy_endpoint(allow, nacre_cbor_at(list, i), why, why_len);
    if (root)
        cbor_decref(&root);
    return rc;
}

static int parse(struct nacre_manifest *out, const struct nacre_plugin_facts *facts,
                 const struct nacre_allow *allow, char *why, size_t why_len)
{
    struct nacre_settings settings;
    uint8_t *data = NULL;
    size_t len = 0;
    nacre_settings_init(&settings);
    int rc = nacre_manifest_build(&data, &len, facts, &settings, allow, why, why_len);
    if (rc == 0)
        rc = nacre_manifest_parse(out, data, len, why, why_len);
    free(data);
    nacre_settings_free(&settings);
    return rc;
}

int nacre_plugin_open(struct nacre_manifest *out, const char *path, char *why, size_t why_len)
{
    struct nacre_plugin_facts facts = {0};
    char reason[512] = "out of memory";
    int rc = nacre_plugin_read(&facts, path, READ_MS, why, why_len);
    if (rc)
        return rc;
    struct nacre_allow *allow = calloc(1, sizeof *allow);
    rc = allow ? allow_own(allow, &facts, reason, sizeof reason) : -ENOMEM;
    if (rc == 0)
        rc = parse(out, &facts, allow, reason, sizeof reason);
    if (rc)
        (void)snprintf(why, why_len, "%s: %s", path, reason);
    free(allow);
    nacre_plugin_facts_free(&facts);
    return rc;
}
