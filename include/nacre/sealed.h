/*
 * nacre/sealed.h - sealed requests for clients: a request's body sealed to the attested data key of an enclave, and the
 * answer that comes back sealed. docs/SEALED.md describes both envelopes byte by byte.
 *
 * The data key must come out of an attestation document that was verified before (nacre/verify.h): these functions
 * seal to whatever key they are given. Link with libnacre-sealed and libsodium. Threads share nothing here.
 */
#ifndef NACRE_SEALED_REQUEST_H
#define NACRE_SEALED_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The Content-Type of a sealed request and of a sealed answer. An answer of any other type is nobody's word. */
#define NACRE_SEALED_TYPE "application/vnd.nacre.sealed"

/* What has to be kept between a request and its answer. Wipe it with nacre_sealed_forget(). */
typedef struct {
    uint8_t answer_key[32];
} nacre_sealed_exchange;

/* Who and what a request is for. */
typedef struct {
    const uint8_t *data_key; /* 32 bytes, X25519: "data_key" of the verified document's user_data */
    const char *app;         /* the app's name: "app" of the same */
    const char *method;      /* of the route: "POST" */
    const char *path;        /* as it stands in the request line, up to the '?' */
} nacre_sealed_target;

/* Bytes of the envelope around a body of that many bytes. */
size_t nacre_sealed_request_size(size_t body_size);

/*
 * nacre_sealed_request - seals body[0..body_size) into `out`, which has room for nacre_sealed_request_size(body_size)
 * bytes and is filled with exactly as many. time_ms is the client's clock, since 1970. Every call is a request of its
 * own: an envelope is taken once, also when its answer is an error. 0; -1 when the data key is no usable point, the
 * body is 4 GiB or longer, or libsodium does not start.
 */
int nacre_sealed_request(nacre_sealed_exchange *exchange, uint8_t *out, const nacre_sealed_target *target,
                         uint64_t time_ms, const void *body, size_t body_size);

/*
 * nacre_sealed_answer - opens the envelope envelope[0..size) in its place. *body then points into it. *status is what
 * the enclave answered: the client compares it with the HTTP status. 0, or -1 for what is no answer of the enclave to
 * this very request, unaltered; the envelope's bytes are then unspecified.
 */
int nacre_sealed_answer(const nacre_sealed_exchange *exchange, void *envelope, size_t size, unsigned *status,
                        const void **body, size_t *body_size);

/* Wipes it. No answer to that request can be opened any more. */
void nacre_sealed_forget(nacre_sealed_exchange *exchange);

#ifdef __cplusplus
}
#endif
#endif
