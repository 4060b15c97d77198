#include "describe.h"
#include "meta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "  " for each level, the key, and ": ". */
static void key(struct nacre_json_out *out, unsigned level, bool first, const char *name)
{
    nacre_json_lit(out, first ? "\n" : ",\n");
    for (unsigned i = 0; i < level; i++)
        nacre_json_lit(out, "  ");
    nacre_json_string(out, name, strlen(name));
    nacre_json_lit(out, ": ");
}

static void text(struct nacre_json_out *out, unsigned level, bool first, const char *name, const char *value)
{
    key(out, level, first, name);
    if (!value)
        out->failed = true;
    else
        nacre_json_string(out, value, strlen(value));
}

static void pcr(struct nacre_json_out *out, const char *name, const uint8_t *value)
{
    char hex[NACRE_SHA384_HEX];
    nacre_hex(hex, value, NACRE_SHA384_LEN);
    text(out, 2, false, name, hex);
}

static void measurements(struct nacre_json_out *out, const struct nacre_eif_pcrs *pcrs)
{
    key(out, 1, false, "Measurements");
    nacre_json_lit(out, "{");
    text(out, 2, true, "HashAlgorithm", "Sha384 { ... }");
    pcr(out, "PCR0", pcrs->pcr0);
    pcr(out, "PCR1", pcrs->pcr1);
    pcr(out, "PCR2", pcrs->pcr2);
    if (pcrs->has_pcr8)
        pcr(out, "PCR8", pcrs->pcr8);
    nacre_json_lit(out, "\n  }");
}

/* Of several members of one name, nitro-cli keeps the last. */
static bool comes_again(const X509 *cert, int i, const char *name)
{
    char other[128], *value = NULL;
    bool again = false;
    while (!again && nacre_eif_cert_issuer(cert, ++i, other, sizeof other, &value)) {
        again = strcmp(other, name) == 0;
        free(value);
    }
    return again;
}

static void issuer(struct nacre_json_out *out, const X509 *cert)
{
    char name[128], *value = NULL;
    key(out, 2, true, "IssuerName");
    nacre_json_lit(out, "{");
    bool first = true;
    for (int i = 0; nacre_eif_cert_issuer(cert, i, name, sizeof name, &value); i++) {
        if (!comes_again(cert, i, name)) {
            text(out, 3, first, name, value);
            first = false;
        }
        free(value);
    }
    nacre_json_lit(out, first ? "}" : "\n    }");
}

static void certificate(struct nacre_json_out *out, const X509 *cert)
{
    struct nacre_eif_cert_text words;
    nacre_eif_cert_text(&words, cert);
    key(out, 1, false, "SigningCertificate");
    nacre_json_lit(out, "{");
    issuer(out, cert);
    text(out, 2, false, "Algorithm", words.algorithm);
    text(out, 2, false, "NotBefore", words.not_before);
    text(out, 2, false, "NotAfter", words.not_after);
    text(out, 2, false, "Signature", words.signature);
    nacre_json_lit(out, "\n  }");
    nacre_eif_cert_text_free(&words);
}

/* nitro-cli puts the members of the custom object beside its own. */
static void custom(struct nacre_json_out *out, struct nacre_eif_json value)
{
    struct nacre_json j;
    nacre_json_init(&j, value.text, value.len);
    if (nacre_json_next(&j) != NACRE_JSON_OBJECT)
        return;
    while (nacre_json_next(&j) == NACRE_JSON_KEY) {
        nacre_json_lit(out, ",\n    \"");
        nacre_json_raw(out, j.text, j.text_len);
        nacre_json_lit(out, "\": ");
        struct nacre_json before = j;
        if (nacre_json_skip(&j, nacre_json_next(&j)))
            return;
        const char *from = before.at;
        while (from < j.at && strchr(": \t\r\n", *from))
            from++;
        nacre_eif_json_indent(out, (struct nacre_eif_json){from, (size_t)(j.at - from)}, 2);
    }
}

static int metadata(struct nacre_json_out *out, const struct nacre_eif *eif, char *why, size_t why_len)
{
    const struct nacre_eif_section *s = nacre_eif_find(eif, NACRE_EIF_METADATA);
    struct nacre_eif_meta meta;
    if (!s)
        return 0;
    int rc = nacre_eif_meta_read(&meta, (const char *)s->data, s->size, why, why_len);
    if (rc)
        return rc;
    key(out, 1, false, "ImageName");
    nacre_json_raw(out, meta.name.text, meta.name.len);
    key(out, 1, false, "ImageVersion");
    nacre_json_raw(out, meta.version.text, meta.version.len);
    key(out, 1, false, "Metadata");
    nacre_json_lit(out, "{");
    for (unsigned i = 0; i < 5; i++) {
        key(out, 2, i == 0, nacre_eif_meta_build_names[i]);
        nacre_json_raw(out, meta.build[i].text, meta.build[i].len);
    }
    key(out, 2, false, "DockerInfo");
    nacre_eif_json_indent(out, meta.docker, 2);
    custom(out, meta.custom);
    nacre_json_lit(out, "\n  }");
    return 0;
}

int nacre_eif_describe_json(struct nacre_json_out *out, const struct nacre_eif_image *image, char *why,
                            size_t why_len)
{
    const X509 *cert = image->signature.cert;
    nacre_json_lit(out, "{");
    key(out, 1, true, "EifVersion");
    nacre_json_u64(out, NACRE_EIF_VERSION);
    measurements(out, &image->pcrs);
    key(out, 1, false, "IsSigned");
    nacre_json_lit(out, cert ? "true" : "false");
    if (cert)
        certificate(out, cert);
    key(out, 1, false, "CheckCRC");
    nacre_json_lit(out, image->eif.crc == image->eif.computed_crc ? "true" : "false");
    if (cert) {
        key(out, 1, false, "SignatureCheck");
        nacre_json_lit(out, image->signature.good ? "true" : "false");
    }
    int rc = metadata(out, &image->eif, why, why_len);
    nacre_json_lit(out, "\n}\n");
    if (rc == 0 && out->failed)
        return -ENOMEM;
    return rc;
}
