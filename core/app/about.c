#include "about.h"

#include "call.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void *program;
static size_t program_len;
static uint8_t self_digest[NACRE_SHA384_LEN];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int map(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size <= 0)
        return -ENOEXEC;
    void *mapped = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED)
        return -errno;
    program = mapped;
    program_len = (size_t)st.st_size;
    return 0;
}

int nacre_about_self(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int err = map(fd);
    (void)close(fd);
    return err;
}

/* Few apps ask, and to read a program with its debug information takes two milliseconds of every start. */
static void digest_self(void)
{
    if (!program)
        return;
    nacre_sha384(self_digest, program, program_len);
    (void)munmap(program, program_len);
    program = NULL;
}

int32_t nacre_host_about(const struct nacre_call *visible, struct nacre_about *out)
{
    union { /* the plugin was given a pointer to the first member, and gives it back */
        const struct nacre_call *visible;
        struct nacre_app_call *call;
    } u = {visible};
    const struct nacre_app *app = u.call->app;
    struct nacre_about full = {.struct_size = out->struct_size};
    if (out->struct_size < sizeof full)
        return nacre_call_fail_z(u.call, 500, "about: the struct is shorter than in ABI 1.1");
    memcpy(full.plugin_digest, app->manifest.plugin_digest, sizeof full.plugin_digest);
    memcpy(full.config_digest, app->manifest.config_digest, sizeof full.config_digest);
    (void)pthread_once(&once, digest_self);
    memcpy(full.runtime_digest, self_digest, sizeof full.runtime_digest);
    full.app = nacre_str(app->manifest.app);
    full.version = nacre_str(app->manifest.version);
    full.runtime = nacre_str(NACRE_VERSION);
    *out = full;
    return 0;
}
