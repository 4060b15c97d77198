#include "plugin_load.h"

#include <common/descriptor.h>
#include <common/manifest.h>
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX_LEN 16u /* magic, ABI major and minor, size: frozen for ever */

/* How large the file says the symbol is, so that no descriptor is read past its end. */
static int check_extent(const struct nacre_plugin *plugin, char *why, size_t why_len)
{
    Dl_info info;
    void *extra = NULL;
    if (!dladdr1(plugin, &info, &extra, RTLD_DL_SYMENT) || !extra) {
        (void)snprintf(why, why_len, "symbol nacre_plugin is in no symbol table");
        return -EINVAL;
    }
    const ElfW(Sym) *symbol = extra;
    if (symbol->st_size < PREFIX_LEN) {
        (void)snprintf(why, why_len, "symbol nacre_plugin has %ju bytes, the prefix alone has %u",
                       (uintmax_t)symbol->st_size, PREFIX_LEN);
        return -EINVAL;
    }
    int rc = nacre_descriptor_prefix(plugin, why, why_len);
    if (rc == 0 && symbol->st_size < plugin->struct_size) {
        (void)snprintf(why, why_len, "symbol nacre_plugin has %ju bytes, its struct_size says %u",
                       (uintmax_t)symbol->st_size, plugin->struct_size);
        rc = -EINVAL;
    }
    return rc;
}

static int64_t load(uint8_t *out, size_t cap, int plugin_fd, char *why, size_t why_len)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", plugin_fd);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct nacre_plugin *plugin = handle ? dlsym(handle, "nacre_plugin") : NULL;
    if (!plugin) {
        const char *reason = dlerror();
        (void)snprintf(why, why_len, "cannot be loaded: %s",
                       reason ? reason : "symbol nacre_plugin is missing");
        return -EINVAL;
    }
    int rc = check_extent(plugin, why, why_len);
    if (rc)
        return rc;
    int64_t len = nacre_descriptor_encode(out, cap, plugin, why, why_len);
    if (len == -ENOSPC)
        (void)snprintf(why, why_len, "its descriptor needs more than %zu bytes", cap);
    return len;
}

static void write_all(int fd, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(1);
        at += n;
        len -= (size_t)n;
    }
}

void nacre_plugin_load_and_report(int plugin_fd, int reply_fd)
{
    char why[512] = "";
    size_t cap = NACRE_MANIFEST_MAX;
    uint8_t *out = malloc(cap);
    int64_t len = out ? load(out, cap, plugin_fd, why, sizeof why) : -ENOMEM;
    uint8_t status = len < 0 ? NACRE_PLUGIN_REPORT_FAILED : NACRE_PLUGIN_REPORT_OK;
    if (len == -ENOMEM)
        (void)snprintf(why, sizeof why, "out of memory");
    write_all(reply_fd, &status, 1);
    write_all(reply_fd, len < 0 ? (const void *)why : out, len < 0 ? strlen(why) : (size_t)len);
    free(out);
}
