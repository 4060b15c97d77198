/*
 * CA certificates that were read before. OpenSSL 3.0 takes a fifth of a P-384 verification to load a key, and the
 * documents of one enclave, or one region, share all certificates but the last one or two. What is kept is the parsed
 * form of exact bytes, not a verdict: every signature is verified every time.
 */
#ifndef NACRE_VFY_CACHE_H
#define NACRE_VFY_CACHE_H

#include <openssl/x509.h>

#include "nacre/verify.h"

struct nacre_vfy_cache;

struct nacre_vfy_cache *nacre_vfy_cache_new(void);
void nacre_vfy_cache_free(struct nacre_vfy_cache *cache);

/* The certificate of these bytes, with a reference for the caller, or NULL. Threads may share the cache. */
X509 *nacre_vfy_cache_find(struct nacre_vfy_cache *cache, nacre_verify_bytes der);

/* Keeps one of a chain that verified; the oldest goes. Bytes are copied. Running out of memory is no failure. */
void nacre_vfy_cache_keep(struct nacre_vfy_cache *cache, nacre_verify_bytes der, X509 *cert);

#endif
