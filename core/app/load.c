#include "load.h"

#include <common/descriptor.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SEALS      (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define PLUGIN_MAX ((off_t)1024 * 1024 * 1024) /* bytes */

static int compare_digest(const uint8_t *found, const uint8_t *expected, char why[NACRE_LOAD_WHY])
{
    char found_hex[NACRE_SHA384_HEX], expected_hex[NACRE_SHA384_HEX];
    if (memcmp(found, expected, NACRE_SHA384_LEN) == 0)
        return 0;
    nacre_hex(found_hex, found, NACRE_SHA384_LEN);
    nacre_hex(expected_hex, expected, NACRE_SHA384_LEN);
    (void)snprintf(why, NACRE_LOAD_WHY, "plugin digest is %s, manifest says %s", found_hex, expected_hex);
    return -EINVAL;
}

int nacre_load_measure(int fd, const uint8_t expected[NACRE_SHA384_LEN], char why[NACRE_LOAD_WHY])
{
    uint8_t digest[NACRE_SHA384_LEN];
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS) {
        (void)snprintf(why, NACRE_LOAD_WHY, "the plugin's descriptor has seals %#x, a sealed memfd has %#x",
                       seals < 0 ? 0u : (unsigned)seals, (unsigned)SEALS);
        return -EINVAL;
    }
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size <= 0 || st.st_size > PLUGIN_MAX) {
        (void)snprintf(why, NACRE_LOAD_WHY, "the plugin has %lld bytes, expected 1 to %lld",
                       (long long)st.st_size, (long long)PLUGIN_MAX);
        return -EINVAL;
    }
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return -errno;
    nacre_sha384(digest, data, (size_t)st.st_size);
    (void)munmap(data, (size_t)st.st_size);
    return compare_digest(digest, expected, why);
}

int nacre_load_plugin(int fd, void **handle, const struct nacre_plugin **plugin, char why[NACRE_LOAD_WHY])
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    void *loaded = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!loaded) {
        (void)snprintf(why, NACRE_LOAD_WHY, "the plugin cannot be loaded: %s", dlerror());
        return -EINVAL;
    }
    const struct nacre_plugin *found = dlsym(loaded, "nacre_plugin");
    int err = 0;
    if (!found) {
        (void)snprintf(why, NACRE_LOAD_WHY, "the plugin does not export the symbol nacre_plugin");
        err = -EINVAL;
    }
    if (!err)
        err = nacre_descriptor_prefix(found, why, NACRE_LOAD_WHY);
    if (err) {
        (void)dlclose(loaded);
        return err;
    }
    *handle = loaded;
    *plugin = found;
    return 0;
}

int nacre_load_compare(const struct nacre_plugin *plugin, const struct nacre_manifest *manifest,
                       char why[NACRE_LOAD_WHY])
{
    uint8_t *encoded = malloc(NACRE_MANIFEST_MAX);
    if (!encoded)
        return -ENOMEM;
    int64_t len = nacre_descriptor_encode(encoded, NACRE_MANIFEST_MAX, plugin, why, NACRE_LOAD_WHY);
    int err = len < 0 ? (int)len : 0;
    if (err == -ENOSPC)
        (void)snprintf(why, NACRE_LOAD_WHY, "the plugin's descriptor is larger than %u bytes",
                       NACRE_MANIFEST_MAX);
    if (!err && ((size_t)len != manifest->descriptor_len ||
                 memcmp(encoded, manifest->descriptor, manifest->descriptor_len) != 0)) {
        nacre_descriptor_difference(encoded, (size_t)len, manifest->descriptor, manifest->descriptor_len,
                                    why);
        err = -EINVAL;
    }
    free(encoded);
    return err;
}
