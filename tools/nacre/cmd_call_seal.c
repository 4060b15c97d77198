/* A call whose body is sealed to the enclave's attested data key, and whose answer comes back sealed. docs/SEALED.md */
#include "cmd_call.h"

#include <common/cbor_get.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t monotonic_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int nacre_vcall_seal_begin(struct nacre_vcall_seal *seal, const nacre_verify_doc *doc,
                           nacre_verify_error *why)
{
    nacre_verify_bytes user_data = nacre_verify_doc_user_data(doc);
    cbor_item_t *map = user_data.data != NULL ? nacre_cbor_load(user_data.data, user_data.size) : NULL;
    const uint8_t *key = NULL;
    const char *app = NULL;
    size_t key_len = 0;
    size_t app_len = 0;
    bool good = map != NULL && nacre_cbor_bytes(nacre_cbor_key(map, "data_key"), &key, &key_len) &&
                key_len == 32 && nacre_cbor_text(nacre_cbor_key(map, "app"), &app, &app_len) &&
                app_len < sizeof seal->app;
    if (good) {
        memcpy(seal->data_key, key, sizeof seal->data_key);
        memcpy(seal->app, app, app_len);
        seal->app[app_len] = '\0';
        /* the enclave judges by its own clock, and this document has just told it */
        seal->enclave_ms = nacre_verify_doc_timestamp_ms(doc);
        seal->heard_ms = monotonic_ms();
    }
    if (map != NULL) {
        cbor_decref(&map);
    }
    return good
               ? NACRE_CHECKED
               : nacre_vcmd_unchecked(why, "the document's user_data has no app and no data_key of 32 bytes");
}

int nacre_vcall_seal(struct nacre_vcall_seal *seal, const char *method, const char *route,
                     struct nacre_vcmd_buffer *body, nacre_verify_error *why)
{
    char *path = strndup(route, strcspn(route, "?"));
    size_t size = nacre_sealed_request_size(body->size);
    uint8_t *envelope = calloc(1, size + 1);
    const nacre_sealed_target target = {
        .data_key = seal->data_key, .app = seal->app, .method = method, .path = path};
    int r = NACRE_CHECKED;
    if (path == NULL || envelope == NULL) {
        r = nacre_vcmd_unchecked(why, "out of memory");
    } else if (nacre_sealed_request(&seal->exchange, envelope, &target,
                                    seal->enclave_ms + (monotonic_ms() - seal->heard_ms), body->data,
                                    body->size) != 0) {
        r = nacre_vcmd_unchecked(why, "the enclave's data key is no usable X25519 key");
    }
    free(path);
    if (r != NACRE_CHECKED) {
        free(envelope);
        return r;
    }
    if (body->data != NULL) {
        sodium_memzero(body->data, body->size);
    }
    nacre_vcmd_buffer_free(body);
    *body = (struct nacre_vcmd_buffer){.data = envelope, .size = size};
    return NACRE_CHECKED;
}

int nacre_vcall_unseal(struct nacre_vcall_seal *seal, struct nacre_vcmd_buffer *answer, long status,
                       nacre_verify_error *why)
{
    const void *body = NULL;
    size_t size = 0;
    unsigned said = 0;
    int r = nacre_sealed_answer(&seal->exchange, answer->data, answer->size, &said, &body, &size);
    nacre_sealed_forget(&seal->exchange);
    if (r != 0) {
        /* an error of the enclave's door is JSON, and so may be anything that stands in between */
        return status == 200
                   ? nacre_vcmd_unchecked(why, "the sealed answer does not open: it was altered, or is not "
                                               "to this request")
                   : NACRE_REFUSED;
    }
    if ((long)said != status) {
        return nacre_vcmd_unchecked(why, "HTTP says status %ld, and the sealed answer %u: it was altered",
                                    status, said);
    }
    memmove(answer->data, body, size);
    answer->data[size] = '\0'; /* the envelope was longer */
    answer->size = size;
    return NACRE_CHECKED;
}
