/*
 * key.h - the enclave's three keys, in memory that is locked, guarded, in no core file and in no child process.
 */
#ifndef NACRE_NACRED_KEY_H
#define NACRE_NACRED_KEY_H

#include <stddef.h>
#include <stdint.h>

/* Signing: Ed25519. secrets, data: X25519. The struct itself lies in the guarded memory, read-only once made. */
struct nacre_keys {
    uint8_t sign_secret[64];
    uint8_t secrets_secret[32];
    uint8_t data_secret[32];
    uint8_t sign_public[32];
    uint8_t secrets_public[32];
    uint8_t data_public[32];
};

/*
 * Memory for secrets: nacre_guarded_alloc gives `size` bytes of sodium_malloc() that are also kept out of children
 * (MADV_DONTFORK), or NULL with errno set. nacre_guarded_free wipes it and accepts NULL.
 */
void *nacre_guarded_alloc(size_t size);
void nacre_guarded_free(void *p);

/* New random keys, or NULL with errno set. Wipe with nacre_keys_free(), which accepts NULL. */
const struct nacre_keys *nacre_keys_new(void);
void nacre_keys_free(const struct nacre_keys *keys);

/* Ed25519 (RFC 8032) over message[0..len). Any thread. */
void nacre_keys_sign(const struct nacre_keys *keys, uint8_t signature[64], const uint8_t *message,
                     size_t len);

/* X25519 of the data key and `sender`: the point itself, never to leave this process; -EINVAL for a bad point. */
int nacre_keys_product(const struct nacre_keys *keys, uint8_t product[32], const uint8_t sender[32]);

/* The key shared between `sender` and the data key, as crypto_box_beforenm gives it; -EINVAL for a bad point. */
int nacre_keys_box(const struct nacre_keys *keys, uint8_t shared[32], const uint8_t sender[32]);

#endif
