#include "describe.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/objects.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *time_text(const ASN1_TIME *time)
{
    char *text = NULL, *data = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio && ASN1_TIME_print(bio, time) == 1) {
        long len = BIO_get_mem_data(bio, &data);
        text = len > 0 ? strndup(data, (size_t)len) : NULL;
    }
    BIO_free(bio);
    return text;
}

static char *algorithm_text(const X509 *cert)
{
    char text[128];
    const X509_ALGOR *algor = NULL;
    const ASN1_OBJECT *object = NULL;
    X509_get0_signature(NULL, &algor, cert);
    X509_ALGOR_get0(&object, NULL, NULL, algor);
    return OBJ_obj2txt(text, sizeof text, object, 0) > 0 ? strdup(text) : NULL;
}

/* "30:64:02..." */
static char *signature_text(const X509 *cert)
{
    const ASN1_BIT_STRING *signature = NULL;
    X509_get0_signature(&signature, NULL, cert);
    size_t len = (size_t)ASN1_STRING_length(signature);
    const uint8_t *data = ASN1_STRING_get0_data(signature);
    char *text = malloc(3 * len + 1);
    if (!text)
        return NULL;
    text[0] = '\0';
    for (size_t i = 0; i < len; i++)
        (void)snprintf(text + 3 * i - (i > 0), 4, "%s%02X", i > 0 ? ":" : "", data[i]);
    return text;
}

void nacre_eif_cert_text(struct nacre_eif_cert_text *out, const X509 *cert)
{
    out->algorithm = algorithm_text(cert);
    out->not_before = time_text(X509_get0_notBefore(cert));
    out->not_after = time_text(X509_get0_notAfter(cert));
    out->signature = signature_text(cert);
}

void nacre_eif_cert_text_free(struct nacre_eif_cert_text *text)
{
    free(text->algorithm);
    free(text->not_before);
    free(text->not_after);
    free(text->signature);
}

bool nacre_eif_cert_issuer(const X509 *cert, int i, char *key, size_t key_len, char **value)
{
    const X509_NAME_ENTRY *entry = X509_NAME_get_entry(X509_get_issuer_name(cert), i);
    if (!entry)
        return false;
    uint8_t *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
    (void)OBJ_obj2txt(key, (int)key_len, X509_NAME_ENTRY_get_object(entry), 0);
    *value = len < 0 ? NULL : strndup((const char *)utf8, (size_t)len);
    OPENSSL_free(utf8);
    return true;
}
