/* decrypt.c - TrentService.Encrypt and TrentService.Decrypt. */
#include "stub.h"

#include <common/json_read.h>

#include <openssl/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT_MAX_AGE_MS 300000u

struct wish {
    uint8_t *blob, *document; /* CiphertextBlob or Plaintext; Recipient.AttestationDocument */
    size_t blob_len, document_len;
    char *key_id, *algorithm;
};

int stub_refuse(struct stub_answer *a, unsigned status, const char *error, const char *message)
{
    a->status = status;
    a->error = error;
    a->message = message;
    return -1;
}

static char *text_of(struct nacre_json *j)
{
    char *text = nacre_json_next(j) == NACRE_JSON_STRING ? malloc(j->text_len + 1) : NULL;
    if (text)
        text[nacre_json_unescape(text, j->text, j->text_len)] = '\0';
    return text;
}

static uint8_t *bytes_of(struct nacre_json *j, size_t *len)
{
    char *text = text_of(j);
    uint8_t *out = text ? malloc(strlen(text) + 1) : NULL;
    if (out && sodium_base642bin(out, strlen(text) + 1, text, strlen(text), NULL, len, NULL,
                                 sodium_base64_VARIANT_ORIGINAL)) {
        free(out);
        out = NULL;
    }
    free(text);
    return out;
}

static bool key_is(const struct nacre_json *j, const char *key)
{
    return nacre_json_key_is(j, key, strlen(key));
}

static bool read_recipient(struct wish *w, struct nacre_json *j)
{
    enum nacre_json_token t = nacre_json_next(j);
    if (t != NACRE_JSON_OBJECT)
        return false;
    while ((t = nacre_json_next(j)) == NACRE_JSON_KEY) {
        if (key_is(j, "AttestationDocument") && !w->document)
            w->document = bytes_of(j, &w->document_len);
        else if (key_is(j, "KeyEncryptionAlgorithm") && !w->algorithm)
            w->algorithm = text_of(j);
        else
            return false;
    }
    return t == NACRE_JSON_OBJECT_END && w->document && w->algorithm &&
           strcmp(w->algorithm, "RSAES_OAEP_SHA_256") == 0;
}

static bool read_wish(struct wish *w, struct nacre_bytes body, const char *blob)
{
    struct nacre_json j;
    nacre_json_init(&j, (const char *)body.ptr, (size_t)body.len);
    enum nacre_json_token t = nacre_json_next(&j);
    if (t != NACRE_JSON_OBJECT)
        return false;
    while ((t = nacre_json_next(&j)) == NACRE_JSON_KEY) {
        bool good = true;
        if (key_is(&j, blob) && !w->blob)
            good = (w->blob = bytes_of(&j, &w->blob_len)) != NULL;
        else if (key_is(&j, "KeyId") && !w->key_id)
            good = (w->key_id = text_of(&j)) != NULL;
        else if (key_is(&j, "Recipient") && !w->document)
            good = read_recipient(w, &j);
        else
            good = nacre_json_skip(&j, nacre_json_next(&j)) == 0;
        if (!good)
            return false;
    }
    return t == NACRE_JSON_OBJECT_END && w->blob;
}

static void free_wish(struct wish *w)
{
    free(w->blob);
    free(w->document);
    free(w->key_id);
    free(w->algorithm);
}

/* As KMS does: the signature under the root, the certificates' dates, and an age of five minutes at most. */
static nacre_verify_report *verify(const struct stub *s, const struct wish *w)
{
    size_t len = 0;
    char *root = stub_read(s->root_file, &len);
    nacre_verify_policy *p = nacre_verify_policy_new();
    nacre_verify_report *report = NULL;
    if (root && p && nacre_verify_policy_root(p, (const uint8_t *)root, len, NULL) == NACRE_VERIFY_OK) {
        nacre_verify_policy_signature_only(p, 1);
        nacre_verify_policy_allow_debug(p, 1); /* its PCRs are zeros, and the key policy decides */
        nacre_verify_policy_max_age(p, DOCUMENT_MAX_AGE_MS);
        if (nacre_verify_document(w->document, w->document_len, p, &report, NULL) != NACRE_VERIFY_OK) {
            nacre_verify_report_free(report);
            report = NULL;
        }
    }
    nacre_verify_policy_free(p);
    free(root);
    return report;
}

static void put_base64(struct nacre_json_out *o, const uint8_t *data, size_t len)
{
    size_t room = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
    if (!nacre_json_reserve(o, room))
        return;
    (void)sodium_bin2base64(o->base + o->len, room, data, len, sodium_base64_VARIANT_ORIGINAL);
    o->len += room - 1;
}

static int answer(const struct stub *s, struct stub_answer *a, const char *member, const uint8_t *data,
                  size_t len, const char *fault)
{
    a->status = 200;
    nacre_json_lit(&a->json, "{\"KeyId\":\"");
    nacre_json_lit(&a->json, s->key_arn);
    if (strcmp(fault, "other-id") == 0)
        a->json.base[a->json.len - 1] ^= 1;
    nacre_json_lit(&a->json, "\",\"EncryptionAlgorithm\":\"SYMMETRIC_DEFAULT\",\"");
    nacre_json_lit(&a->json, member);
    nacre_json_lit(&a->json, "\":\"");
    put_base64(&a->json, data, len);
    nacre_json_lit(&a->json, strcmp(fault, "trailing") == 0 ? "\"}}" : "\"}");
    return a->json.failed ? stub_refuse(a, 500, "KMSInternalException", "out of memory") : 0;
}

/* For whoever's key is in the document. */
static int for_recipient(const struct stub *s, struct stub_answer *a, const nacre_verify_doc *doc,
                         const uint8_t *plain, size_t len, const char *fault)
{
    nacre_verify_bytes spki = nacre_verify_doc_public_key(doc);
    const unsigned char *at = spki.data;
    EVP_PKEY *key = spki.data ? d2i_PUBKEY(NULL, &at, (long)spki.size) : NULL;
    size_t n = 0;
    bool rsa = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= 2048;
    if (strcmp(fault, "no-object") == 0) {
        plain = (const uint8_t *)"[1]";
        len = 3;
    }
    uint8_t *cms = rsa ? stub_envelope(key, plain, len, fault, &n) : NULL;
    EVP_PKEY_free(key);
    if (cms && strcmp(fault, "cut") == 0)
        n -= 40;
    int rc = !rsa   ? stub_refuse(a, 400, "ValidationException", "the document's public_key is no RSA key")
             : !cms ? stub_refuse(a, 500, "KMSInternalException", "no CMS")
                    : answer(s, a, "CiphertextForRecipient", cms, n, fault);
    free(cms);
    return rc;
}

static bool is_our_key(const struct stub *s, const char *id)
{
    return !id || strcmp(id, s->key_id) == 0 || strcmp(id, s->key_arn) == 0;
}

static int decrypt(const struct stub *s, const struct stub_request *r, const struct wish *w,
                   const char *fault, struct stub_answer *a)
{
    nacre_verify_report *report = w->document ? verify(s, w) : NULL;
    const nacre_verify_doc *doc = report ? nacre_verify_report_doc(report) : NULL;
    size_t len = 0;
    uint8_t *plain = NULL;
    int rc;
    if (w->document && !doc)
        rc = stub_refuse(a, 400, "ValidationException", "the attestation document is not valid");
    else if (!is_our_key(s, w->key_id))
        rc = stub_refuse(a, 400, "NotFoundException", "no such key");
    else if (!stub_allowed(s, r->principal, "kms:Decrypt", doc))
        rc = stub_refuse(a, 400, "AccessDeniedException", "the key policy does not allow kms:Decrypt");
    else if (!(plain = stub_decrypt(s, w->blob, w->blob_len, &len)))
        rc = stub_refuse(a, 400, "InvalidCiphertextException", "");
    else if (strcmp(fault, "plain") == 0 || !doc)
        rc = answer(s, a, "Plaintext", plain, len, fault);
    else
        rc = for_recipient(s, a, doc, plain, len, fault);
    if (plain)
        sodium_memzero(plain, len);
    free(plain);
    nacre_verify_report_free(report);
    return rc;
}

static int encrypt(const struct stub *s, const struct stub_request *r, const struct wish *w,
                   struct stub_answer *a)
{
    size_t len = 0;
    if (!is_our_key(s, w->key_id))
        return stub_refuse(a, 400, "NotFoundException", "no such key");
    if (!stub_allowed(s, r->principal, "kms:Encrypt", NULL))
        return stub_refuse(a, 400, "AccessDeniedException", "the key policy does not allow kms:Encrypt");
    if (w->blob_len == 0 || w->blob_len > STUB_PLAIN)
        return stub_refuse(a, 400, "ValidationException", "the plain text has to have 1 to 4096 bytes");
    uint8_t *blob = stub_encrypt(s, w->blob, w->blob_len, &len);
    int rc = blob ? answer(s, a, "CiphertextBlob", blob, len, "")
                  : stub_refuse(a, 500, "KMSInternalException", "out of memory");
    free(blob);
    return rc;
}

/* What a thief of answers would send. */
static int replay(const struct stub *s, struct stub_answer *a)
{
    a->status = 200;
    nacre_json_raw(&a->json, s->last.base ? s->last.base : "{}", s->last.base ? s->last.len : 2);
    return 0;
}

static void keep(struct stub *s, const struct stub_answer *a)
{
    s->last.len = 0;
    nacre_json_raw(&s->last, a->json.base, a->json.len);
}

static void record(const struct stub *s, struct nacre_bytes body)
{
    FILE *f = s->record_file ? fopen(s->record_file, "we") : NULL;
    if (!f)
        return;
    (void)fwrite(body.ptr, 1, (size_t)body.len, f);
    (void)fclose(f);
}

int stub_do(struct stub *s, const struct stub_request *r, const char *fault, struct stub_answer *a)
{
    struct wish w = {0};
    bool decrypts = strcmp(r->target, "TrentService.Decrypt") == 0;
    int rc;
    if (!decrypts && strcmp(r->target, "TrentService.Encrypt") != 0)
        return stub_refuse(a, 400, "UnknownOperationException", "only Encrypt and Decrypt");
    if (decrypts)
        record(s, r->body);
    if (decrypts && strcmp(fault, "replay") == 0)
        return replay(s, a);
    if (decrypts && stub_misbehave(fault, a))
        return 0;
    if (!read_wish(&w, r->body, decrypts ? "CiphertextBlob" : "Plaintext"))
        rc = stub_refuse(a, 400, "SerializationException", "the body is not what this operation takes");
    else
        rc = decrypts ? decrypt(s, r, &w, fault, a) : encrypt(s, r, &w, a);
    free_wish(&w);
    if (decrypts && rc == 0)
        keep(s, a);
    return rc;
}
