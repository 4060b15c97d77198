#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/random.h>

/* The kernel wants 32 before it gives any out. */
#define ENOUGH 64u

/* struct rand_pool_info with room behind it */
struct pool {
    int entropy_count; /* bits */
    int buf_size;      /* bytes */
    uint8_t buf[NACRE_NSM_RANDOM_MAX];
};

static int credit(const char *device, const struct nacre_nsm_answer *answer)
{
    struct pool pool = {.entropy_count = (int)answer->random_len * 8, .buf_size = (int)answer->random_len};
    int fd = open(device, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    memcpy(pool.buf, answer->random, answer->random_len);
    int err = ioctl(fd, RNDADDENTROPY, &pool) < 0 ? -errno : 0;
    sodium_memzero(&pool, sizeof pool);
    (void)close(fd);
    return err;
}

int nacre_init_entropy(struct nacre_nsm *nsm, const char *device, char why[NACRE_INIT_WHY])
{
    static struct nacre_nsm_answer answer;
    const struct nacre_nsm_request request = {.kind = NACRE_NSM_GET_RANDOM};
    char nsm_why[NACRE_NSM_WHY];
    int err = nacre_nsm_call(nsm, &request, &answer, nsm_why);
    if (err) {
        (void)snprintf(why, NACRE_INIT_WHY, "%s", nsm_why);
    } else if (answer.random_len < ENOUGH) {
        err = -ENODATA;
        (void)snprintf(why, NACRE_INIT_WHY, "the NSM gave %zu random bytes, expected %u or more",
                       answer.random_len, ENOUGH);
    } else if ((err = credit(device, &answer)) < 0) {
        (void)snprintf(why, NACRE_INIT_WHY, "%s: %s", device, strerror(-err));
    }
    sodium_memzero(answer.random, sizeof answer.random);
    return err;
}
