#include "key.h"

#include <errno.h>
#include <sodium.h>
#include <sys/mman.h>
#include <unistd.h>

/* The whole pages of an allocation: sodium_malloc() shares them with nothing but its own canary. */
static int advise(void *p, size_t size, int advice)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = (uintptr_t)p & ~(page - 1);
    uintptr_t to = ((uintptr_t)p + size + page - 1) & ~(page - 1);
    return madvise((void *)from, to - from, advice);
}

void *nacre_guarded_alloc(size_t size)
{
    void *p = sodium_malloc(size);
    if (!p)
        return NULL;
    if (advise(p, size, MADV_DONTFORK) < 0 || advise(p, size, MADV_DONTDUMP) < 0) {
        int saved = errno;
        sodium_free(p);
        errno = saved;
        return NULL;
    }
    return p;
}

void nacre_guarded_free(void *p)
{
    sodium_free(p);
}

const struct nacre_keys *nacre_keys_new(void)
{
    struct nacre_keys *k = nacre_guarded_alloc(sizeof *k);
    if (!k)
        return NULL;
    if (crypto_sign_keypair(k->sign_public, k->sign_secret) != 0 ||
        crypto_box_keypair(k->secrets_public, k->secrets_secret) != 0 ||
        crypto_box_keypair(k->data_public, k->data_secret) != 0 || sodium_mprotect_readonly(k) != 0) {
        nacre_guarded_free(k);
        errno = EIO;
        return NULL;
    }
    return k;
}

void nacre_keys_free(const struct nacre_keys *keys)
{
    union {
        const struct nacre_keys *from;
        void *to;
    } u = {keys};
    nacre_guarded_free(u.to); /* makes it writable again to wipe it */
}

void nacre_keys_sign(const struct nacre_keys *keys, uint8_t signature[64], const uint8_t *message, size_t len)
{
    /* with a valid key the function has no way to fail */
    (void)crypto_sign_detached(signature, NULL, message, len, keys->sign_secret);
}

int nacre_keys_product(const struct nacre_keys *keys, uint8_t product[32], const uint8_t sender[32])
{
    return crypto_scalarmult(product, keys->data_secret, sender) == 0 ? 0 : -EINVAL;
}

int nacre_keys_box(const struct nacre_keys *keys, uint8_t shared[32], const uint8_t sender[32])
{
    return crypto_box_beforenm(shared, sender, keys->data_secret) == 0 ? 0 : -EINVAL;
}
