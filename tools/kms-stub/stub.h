/* stub.h - one key, one key policy, some credentials: what nacre-kms-stub is made of, and what its files offer each other. */
#ifndef NACRE_KMS_STUB_H
#define NACRE_KMS_STUB_H

#include "service.h"

#include <common/json_write.h>
#include <nacre/plugin.h>
#include <nacre/verify.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STUB_TEXT    256u
#define STUB_BODY    262144u /* bytes of a request's body */
#define STUB_PLAIN   4096u   /* bytes that KMS encrypts at once */
#define STUB_ACCOUNT "000000000000"

struct MHD_Connection;
struct MHD_Daemon;

struct stub {
    char region[40];
    uint8_t key[32];
    char key_id[40], key_arn[STUB_TEXT];
    const char *policy_file, *credentials_file, *root_file, *fault_file,
        *record_file;           /* read anew for each request */
    struct nacre_json_out last; /* the last good answer to Decrypt, for the fault "replay" */
    struct MHD_Daemon *daemon;
};

/* A request whose signature has been checked, or is to be. */
struct stub_request {
    const char *target; /* "TrentService.Decrypt" */
    struct nacre_bytes body;
    char principal[STUB_TEXT]; /* ARN of whoever signed it */
};

/* An answer: HTTP status 200 with `json`, or an error by KMS's name for it. */
struct stub_answer {
    unsigned status;
    const char *error, *message;
    struct nacre_json_out json;
};

/* Always -1, so that it can be returned. */
int stub_refuse(struct stub_answer *a, unsigned status, const char *error, const char *message);

/* A whole file, terminated, or NULL. The caller frees it. */
char *stub_read(const char *path, size_t *len);

/* auth.c: AWS Signature Version 4. 0 with r->principal, or -1. now_s is this service's clock. */
int stub_authenticate(const struct stub *s, struct MHD_Connection *c, struct stub_request *r, int64_t now_s,
                      struct stub_answer *a);

/* policy.c: does the key policy let the principal do it? `doc` NULL: no document came. False also when it is not read. */
bool stub_allowed(const struct stub *s, const char *principal, const char *action,
                  const nacre_verify_doc *doc);

/* cipher.c: under the stub's key. */
bool stub_load_key(struct stub *s, const char *path);
uint8_t *stub_encrypt(const struct stub *s, const uint8_t *plain, size_t len, size_t *out_len);
uint8_t *stub_decrypt(const struct stub *s, const uint8_t *blob, size_t len, size_t *out_len);

/* envelope_make.c: CMS as KMS makes it, unless a fault says otherwise. malloc'd, or NULL. */
uint8_t *stub_envelope(EVP_PKEY *recipient, const uint8_t *plain, size_t len, const char *fault,
                       size_t *out_len);

/* faults.c: the fault that is due for this request, "" for none; the file says how many times more. */
void stub_fault(const struct stub *s, char out[32]);
/* The answer that it makes of a good one; true when it has made one. */
bool stub_misbehave(const char *fault, struct stub_answer *a);

/* decrypt.c */
int stub_do(struct stub *s, const struct stub_request *r, const char *fault, struct stub_answer *a);

/* serve.c: the port, or -1. */
int stub_serve(struct stub *s, const struct sockaddr_in *address, const char *ca_out,
               const struct certificate *certificate);
void stub_stop(struct stub *s);

#endif
