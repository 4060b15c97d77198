#include "message.h"

#include <common/json_read.h>

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_base64(struct nacre_json_out *o, const uint8_t *data, size_t len)
{
    size_t room = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(room);
    if (!text) {
        o->failed = true;
        return;
    }
    (void)sodium_bin2base64(text, room, data, len, sodium_base64_VARIANT_ORIGINAL);
    nacre_json_string(o, text, strlen(text));
    free(text);
}

struct nacre_json_out nacre_kms_ask(const struct nacre_manifest *m, const uint8_t *document, size_t len)
{
    struct nacre_json_out o = {0};
    nacre_json_lit(&o, "{\"CiphertextBlob\":");
    put_base64(&o, m->kms.ciphertext, m->kms.ciphertext_len);
    nacre_json_lit(&o, ",\"KeyId\":");
    nacre_json_string(&o, m->config.secrets_kms_key_id, strlen(m->config.secrets_kms_key_id));
    nacre_json_lit(&o, ",\"EncryptionAlgorithm\":\"SYMMETRIC_DEFAULT\",\"Recipient\":"
                       "{\"KeyEncryptionAlgorithm\":\"RSAES_OAEP_SHA_256\",\"AttestationDocument\":");
    put_base64(&o, document, len);
    nacre_json_lit(&o, "}}");
    return o;
}

/* Members of an answer, undone into memory of their own. NULL: not there. */
struct answer {
    char *cms, *key;
    size_t cms_len, key_len;
};

/* At a KEY: its text. False when it is none, or the second one. */
static bool take(struct nacre_json *j, char **text, size_t *len)
{
    if (*text || nacre_json_next(j) != NACRE_JSON_STRING || !(*text = malloc(j->text_len + 1)))
        return false;
    *len = nacre_json_unescape(*text, j->text, j->text_len);
    (*text)[*len] = '\0';
    return true;
}

static bool read_answer(struct answer *a, struct nacre_bytes body)
{
    struct nacre_json j;
    nacre_json_init(&j, (const char *)body.ptr, (size_t)body.len);
    enum nacre_json_token token = nacre_json_next(&j);
    if (token != NACRE_JSON_OBJECT)
        return false;
    while ((token = nacre_json_next(&j)) == NACRE_JSON_KEY) {
        bool good = nacre_json_key_is(&j, "CiphertextForRecipient", 22) ? take(&j, &a->cms, &a->cms_len)
                    : nacre_json_key_is(&j, "KeyId", 5)                 ? take(&j, &a->key, &a->key_len)
                                                        : nacre_json_skip(&j, nacre_json_next(&j)) == 0;
        if (!good)
            return false;
    }
    return token == NACRE_JSON_OBJECT_END && nacre_json_next(&j) == NACRE_JSON_END;
}

/* KMS says an ARN; the configuration has that, or only the id behind ":key/". */
static bool is_key(const struct answer *a, const char *wanted)
{
    const char *id = strstr(a->key, ":key/");
    return strlen(a->key) == a->key_len &&
           (strcmp(a->key, wanted) == 0 || (id && strcmp(id + strlen(":key/"), wanted) == 0));
}

int nacre_kms_answer(uint8_t cms[NACRE_KMS_CMS], size_t *len, struct nacre_bytes body, const char *key_id,
                     char *why, size_t why_len)
{
    struct answer a = {0};
    if (!read_answer(&a, body))
        (void)snprintf(why, why_len, "KMS's answer of %llu bytes is not the JSON that was expected",
                       (unsigned long long)body.len);
    else if (!a.cms || !a.key)
        (void)snprintf(why, why_len, "KMS's answer has no %s", a.cms ? "KeyId" : "CiphertextForRecipient");
    else if (!is_key(&a, key_id))
        (void)snprintf(why, why_len, "KMS's answer is from another key than %s", key_id);
    else if (sodium_base642bin(cms, NACRE_KMS_CMS, a.cms, a.cms_len, NULL, len, NULL,
                               sodium_base64_VARIANT_ORIGINAL) != 0)
        (void)snprintf(why, why_len, "KMS's CiphertextForRecipient is not base64 of at most %u bytes",
                       NACRE_KMS_CMS);
    else
        why = NULL;
    free(a.cms);
    free(a.key);
    return why ? -EBADMSG : 0;
}

/* "com.amazon.coral.service#AccessDeniedException" of some services is "AccessDeniedException" of others. */
static void take_name(char out[NACRE_KMS_ERROR], const char *text, size_t len)
{
    const char *hash = memrchr(text, '#', len);
    size_t n = 0;
    for (const char *at = hash ? hash + 1 : text; at < text + len && n < NACRE_KMS_ERROR - 1; at++) {
        bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
        if (!letter)
            break;
        out[n++] = *at;
    }
    out[n] = '\0';
}

void nacre_kms_error(char out[NACRE_KMS_ERROR], struct nacre_bytes body)
{
    struct nacre_json j;
    out[0] = '\0';
    nacre_json_init(&j, (const char *)body.ptr, (size_t)body.len);
    if (nacre_json_next(&j) != NACRE_JSON_OBJECT)
        return;
    while (nacre_json_next(&j) == NACRE_JSON_KEY) {
        bool type = nacre_json_key_is(&j, "__type", 6);
        enum nacre_json_token token = nacre_json_next(&j);
        if (type && token == NACRE_JSON_STRING)
            take_name(out, j.text, j.text_len);
        else if (nacre_json_skip(&j, token))
            return;
    }
}
