#include "app_ramdisk.h"

#include "../file.h"
#include "../manifest_files.h"
#include "gzip.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The manifest names the plugin's digest; the file that goes in must still be that one. */
static int add_plugin(struct nacre_cpio *c, const char *plugin, const uint8_t digest[NACRE_SHA384_LEN],
                      char *why, size_t why_len)
{
    uint8_t *data = NULL, is[NACRE_SHA384_LEN];
    size_t size = 0;
    int rc = nacre_file_read(&data, &size, plugin, NACRE_PLUGIN_FILE_MAX, why, why_len);
    if (rc)
        return rc;
    nacre_sha384(is, data, size);
    if (memcmp(is, digest, sizeof is) != 0) {
        char was[NACRE_SHA384_HEX], now[NACRE_SHA384_HEX];
        nacre_hex(was, digest, NACRE_SHA384_LEN);
        nacre_hex(now, is, NACRE_SHA384_LEN);
        (void)snprintf(why, why_len, "%s: changed while it was read, from digest %s to %s", plugin, was, now);
        free(data);
        return -EBUSY;
    }
    return nacre_cpio_add(c, "app/plugin.so", S_IFREG | 0644, data, size, why, why_len);
}

static int collect(struct nacre_cpio *c, const char *plugin, const char *config, char *why, size_t why_len)
{
    char settings[PATH_MAX], allow[PATH_MAX];
    if (nacre_file_join(settings, sizeof settings, config, "nacre.yaml") ||
        nacre_file_join(allow, sizeof allow, config, "allowed_endpoints.yaml"))
        return nacre_file_error(config, "cannot read", ENAMETOOLONG, why, why_len);
    uint8_t *manifest = NULL, digest[NACRE_SHA384_LEN];
    size_t len = 0;
    int rc = nacre_manifest_from_files(&manifest, &len, digest, plugin, settings, allow, why, why_len);
    if (rc == 0)
        rc = nacre_cpio_add(c, "app/manifest.cbor", S_IFREG | 0644, manifest, len, why, why_len);
    if (rc == 0)
        rc = add_plugin(c, plugin, digest, why, why_len);
    if (rc == 0)
        rc = nacre_cpio_add_tree(c, config, "app", false, why, why_len);
    return rc ? rc : nacre_cpio_finish(c, why, why_len);
}

int nacre_app_ramdisk_build(struct nacre_blob *out, const char *plugin, const char *config, char *why,
                            size_t why_len)
{
    struct nacre_cpio cpio = {0};
    struct nacre_blob archive = {0};
    int rc = collect(&cpio, plugin, config, why, why_len);
    if (rc == 0)
        rc = nacre_cpio_write(&archive, &cpio);
    if (rc == 0)
        rc = nacre_gzip_stored(out, archive.data, archive.len);
    nacre_cpio_free(&cpio);
    nacre_blob_free(&archive);
    return rc;
}

const struct nacre_cpio_entry *nacre_app_ramdisk_find(const struct nacre_cpio *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->entries[i].name, name) == 0)
            return &c->entries[i];
    return NULL;
}

static int check_place(const struct nacre_cpio_entry *entry, char *why, size_t why_len)
{
    if (!S_ISREG(entry->mode) && !S_ISDIR(entry->mode)) {
        (void)snprintf(why, why_len, "'%.200s' is a %s; below app/ there are files and directories only",
                       entry->name, S_ISLNK(entry->mode) ? "symbolic link" : "device");
        return -EBADMSG;
    }
    bool top = strcmp(entry->name, "app") == 0;
    if ((top && S_ISDIR(entry->mode)) || (!top && strncmp(entry->name, "app/", 4) == 0))
        return 0;
    (void)snprintf(why, why_len, "'%.200s' lies outside app/: it would be unpacked over the runtime",
                   entry->name);
    return -EBADMSG;
}

static int check_entries(struct nacre_cpio *c, char *why, size_t why_len)
{
    static const char *const needed[] = {"app/manifest.cbor", "app/plugin.so", "app/nacre.yaml",
                                         "app/allowed_endpoints.yaml"};
    for (size_t i = 0; i < c->n; i++)
        if (check_place(&c->entries[i], why, why_len))
            return -EBADMSG;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        const struct nacre_cpio_entry *entry = nacre_app_ramdisk_find(c, needed[i]);
        if (!entry || !S_ISREG(entry->mode)) {
            (void)snprintf(why, why_len, "there is no file '%s' among %zu entries", needed[i], c->n);
            return -EBADMSG;
        }
    }
    size_t before = c->n;
    int rc = nacre_cpio_finish(c, why, why_len);
    if (rc == 0 && c->n != before) {
        (void)snprintf(why, why_len, "%zu entries, but %zu directories are missing", before, c->n - before);
        rc = -EBADMSG;
    }
    return rc == -EINVAL ? -EBADMSG : rc;
}

int nacre_app_ramdisk_audit(struct nacre_cpio *out, const uint8_t *data, size_t len, char *why,
                            size_t why_len)
{
    struct nacre_blob archive = {0};
    struct nacre_cpio cpio = {0};
    int rc = nacre_gunzip(&archive, data, len, why, why_len);
    if (rc == 0)
        rc = nacre_cpio_read(&cpio, archive.data, archive.len, why, why_len);
    nacre_blob_free(&archive);
    if (rc == 0)
        rc = check_entries(&cpio, why, why_len);
    if (rc) {
        nacre_cpio_free(&cpio);
        return rc;
    }
    *out = cpio;
    return 0;
}
