/* module.c - loads the fetch module, which brings TLS into the process, only for apps that have upstreams. */
#include "app.h"
#include "kms.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CA_MAX ((off_t)4 * 1024 * 1024) /* bytes */
#define FETCH  "nacre-fetch.so"
#define KMS    "nacre-kms.so"

/* The file behind fd, whole, into *data, the caller's to free. */
static int read_whole(int fd, uint8_t **data, size_t *len)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > CA_MAX)
        return -EFBIG;
    size_t size = (size_t)st.st_size, got = 0;
    uint8_t *buf = malloc(size);
    int err = buf ? 0 : -ENOMEM;
    while (!err && got < size) {
        ssize_t n = pread(fd, buf + got, size - got, (off_t)got);
        if (n > 0)
            got += (size_t)n;
        else if (n == 0 || errno != EINTR)
            err = n == 0 ? -EIO : -errno;
    }
    if (err) {
        free(buf);
        return err;
    }
    *data = buf;
    *len = size;
    return 0;
}

/* Without pins, only the bundle can tell whether a certificate is good. */
static bool needs_ca(const struct nacre_manifest *m)
{
    for (uint32_t i = 0; i < m->n_allow; i++)
        if (m->allow[i].n_pins == 0)
            return true;
    return false;
}

static int read_ca(struct nacre_app *app, char why[NACRE_WHY])
{
    const char *path = app->manifest.config.egress_ca_file;
    if (path[0] == '\0')
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int err = fd < 0 ? -errno : read_whole(fd, &app->ca_pem, &app->ca_len);
    if (fd >= 0)
        (void)close(fd);
    if (err == -ENOENT && !needs_ca(&app->manifest))
        return 0;
    if (err)
        (void)snprintf(why, NACRE_WHY, "egress.ca_file %s: %s", path, strerror(-err));
    return err;
}

/* <directory of this program>/../lib/nacre/<file> */
static int module_path(char *out, size_t cap, const char *file)
{
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return -errno;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash || (size_t)n == sizeof self - 1)
        return -ENAMETOOLONG;
    *slash = '\0';
    int len = snprintf(out, cap, "%s/../lib/nacre/%s", self, file);
    return len < 0 || (size_t)len >= cap ? -ENAMETOOLONG : 0;
}

static int check_module(const struct nacre_fetch_module *m, char why[NACRE_WHY])
{
    if (m && m->abi == NACRE_FETCH_ABI && m->struct_size == sizeof *m)
        return 0;
    (void)snprintf(why, NACRE_WHY, "the fetch module has interface %u with %u bytes, expected %u with %zu",
                   m ? m->abi : 0, m ? m->struct_size : 0, NACRE_FETCH_ABI, sizeof *m);
    return -EINVAL;
}

/* Its symbol, or NULL with *err. It stays loaded until the process ends. */
static const void *open_module(const char *file, const char *name, const char *symbol, int *err,
                               char why[NACRE_WHY])
{
    char path[600];
    *err = module_path(path, sizeof path, file);
    if (*err) {
        (void)snprintf(why, NACRE_WHY, "where nacre-app is cannot be told: %s", strerror(-*err));
        return NULL;
    }
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        (void)snprintf(why, NACRE_WHY, "the %s module cannot be loaded: %s", name, dlerror());
        *err = -ENOENT;
        return NULL;
    }
    return dlsym(handle, symbol);
}

const struct nacre_kms_module *nacre_module_kms(int *err, char why[NACRE_WHY])
{
    const struct nacre_kms_module *m = open_module(KMS, "KMS", NACRE_KMS_SYMBOL, err, why);
    if (*err)
        return NULL;
    if (!m || m->abi != NACRE_KMS_ABI || m->struct_size != sizeof *m) {
        (void)snprintf(why, NACRE_WHY, "the KMS module has interface %u with %u bytes, expected %u with %zu",
                       m ? m->abi : 0, m ? m->struct_size : 0, NACRE_KMS_ABI, sizeof *m);
        *err = -EINVAL;
        return NULL;
    }
    *err = m->init();
    if (*err)
        (void)snprintf(why, NACRE_WHY, "the KMS module does not start: %s", strerror(-*err));
    return *err ? NULL : m;
}

int nacre_module_load(struct nacre_app *app, char why[NACRE_WHY])
{
    if (app->manifest.n_allow == 0)
        return 0;
    int err = read_ca(app, why);
    if (err)
        return err;
    const struct nacre_fetch_module *module = open_module(FETCH, "fetch", NACRE_FETCH_SYMBOL, &err, why);
    if (!err)
        err = check_module(module, why);
    if (err)
        return err;
    const struct nacre_fetch_setup setup = {&app->manifest, app->ca_pem, app->ca_len};
    if (!err) {
        why[0] = '\0';
        err = module->init(&setup, why, NACRE_WHY);
        if (err && why[0] == '\0')
            (void)snprintf(why, NACRE_WHY, "the fetch module does not start: %s", strerror(-err));
    }
    if (!err)
        app->fetch = module;
    return err;
}
