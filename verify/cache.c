#include "cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Two CAs below the root in each document: enough for the enclaves of a few instances. */
#define SLOTS 16u

struct slot {
    uint8_t der[NACRE_VERIFY_CERTIFICATE_MAX];
    size_t size;
    X509 *cert;
};

struct nacre_vfy_cache {
    pthread_mutex_t lock;
    struct slot slot[SLOTS];
    size_t oldest;
};

struct nacre_vfy_cache *nacre_vfy_cache_new(void)
{
    struct nacre_vfy_cache *cache = calloc(1, sizeof *cache);
    if (cache != NULL && pthread_mutex_init(&cache->lock, NULL) != 0) {
        free(cache);
        cache = NULL;
    }
    return cache;
}

void nacre_vfy_cache_free(struct nacre_vfy_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        X509_free(cache->slot[i].cert);
    }
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static X509 *find(const struct nacre_vfy_cache *cache, nacre_verify_bytes der)
{
    for (size_t i = 0; i < SLOTS; i++) {
        const struct slot *slot = &cache->slot[i];
        if (slot->cert != NULL && slot->size == der.size && memcmp(slot->der, der.data, der.size) == 0) {
            return slot->cert;
        }
    }
    return NULL;
}

X509 *nacre_vfy_cache_find(struct nacre_vfy_cache *cache, nacre_verify_bytes der)
{
    (void)pthread_mutex_lock(&cache->lock);
    X509 *cert = find(cache, der);
    if (cert != NULL && X509_up_ref(cert) != 1) {
        cert = NULL;
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return cert;
}

void nacre_vfy_cache_keep(struct nacre_vfy_cache *cache, nacre_verify_bytes der, X509 *cert)
{
    (void)pthread_mutex_lock(&cache->lock);
    if (der.size <= sizeof cache->slot[0].der && find(cache, der) == NULL && X509_up_ref(cert) == 1) {
        struct slot *slot = &cache->slot[cache->oldest];
        X509_free(slot->cert);
        memcpy(slot->der, der.data, der.size);
        slot->size = der.size;
        slot->cert = cert;
        cache->oldest = (cache->oldest + 1) % SLOTS;
    }
    (void)pthread_mutex_unlock(&cache->lock);
}
