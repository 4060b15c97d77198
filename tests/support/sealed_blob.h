/* sealed_blob.h - blobs for the tests, with every field in the test's hands. */
#ifndef NACRE_TESTS_SEALED_BLOB_H
#define NACRE_TESTS_SEALED_BLOB_H

#include "common/bytes.h"
#include "common/sealed.h"

#include <sodium.h>

struct blob_parts {
    uint32_t version;
    int64_t size_error; /* added to the size that the blob says */
    const uint8_t *operator_secret, *operator_key, *enclave_key, *config;
    const char *app;
    const void *content;
    size_t content_len;
};

/* The blob in out (NACRE_SEALED_MAX + 1 bytes); its length. */
static inline size_t build_blob(uint8_t *out, const struct blob_parts *p)
{
    struct nacre_writer w = nacre_writer(out, NACRE_SEALED_MAX + 1);
    size_t app_len = strlen(p->app),
           size = NACRE_SEALED_HEAD + app_len + NACRE_SEALED_BOX + p->content_len + NACRE_SEALED_SIGNATURE;
    nacre_write_bytes(&w, "\x89nacre sealed\r\n\x1a", 16);
    nacre_write_le(&w, p->version, 4);
    nacre_write_le(&w, (uint64_t)((int64_t)size + p->size_error), 4);
    nacre_write_le(&w, 1764000000000, 8);
    nacre_write_bytes(&w, p->operator_key, 32);
    nacre_write_bytes(&w, p->enclave_key, 32);
    nacre_write_bytes(&w, p->config, 48);
    nacre_write_u8(&w, (uint8_t)app_len);
    nacre_write_bytes(&w, p->app, app_len);
    uint8_t *box = nacre_write_room(&w, NACRE_SEALED_BOX + p->content_len);
    if (box)
        (void)crypto_box_seal(box, p->content, p->content_len, p->enclave_key);
    size_t signed_len = w.len;
    uint8_t *signature = nacre_write_room(&w, NACRE_SEALED_SIGNATURE);
    if (signature)
        (void)crypto_sign_detached(signature, NULL, out, signed_len, p->operator_secret);
    return w.failed ? 0 : w.len;
}

#endif
