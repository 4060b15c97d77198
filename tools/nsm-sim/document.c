#include "document.h"

#include <errno.h>
#include <openssl/crypto.h>

#define COSE_SIGN1_TAG 18
#define COSE_ALG       1  /* header label, RFC 9052 section 3.1 */
#define COSE_ES384     34 /* as -1 - n: algorithm -35, RFC 9053 section 2.1 */

static int put_certificate(struct nacre_sim_writer *writer, X509 *cert)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);
    if (len <= 0)
        return -EIO;
    nacre_sim_put_bytes(writer, der, (size_t)len);
    OPENSSL_free(der);
    return 0;
}

static void put_pcrs(struct nacre_sim_writer *writer, const struct nacre_sim_document *document)
{
    nacre_sim_put_text(writer, "pcrs");
    nacre_sim_put_map(writer, nacre_sim_pcrs_locked(document->pcrs));
    for (unsigned i = 0; i < NACRE_SIM_PCR_COUNT; i++) {
        if (!document->pcrs->bank[i].locked)
            continue;
        nacre_sim_put_uint(writer, i);
        nacre_sim_put_bytes(writer, document->pcrs->bank[i].value, document->pcr_len);
    }
}

static void put_optional(struct nacre_sim_writer *writer, const char *name,
                         const struct nacre_sim_bytes *bytes)
{
    nacre_sim_put_text(writer, name);
    if (bytes->data == NULL)
        nacre_sim_put_null(writer);
    else
        nacre_sim_put_bytes(writer, bytes->data, bytes->len);
}

static int put_payload(struct nacre_sim_writer *writer, const struct nacre_sim_document *document)
{
    if (document->definite)
        nacre_sim_put_map(writer, 9);
    else
        nacre_sim_put_map_open(writer);
    nacre_sim_put_text(writer, "module_id");
    nacre_sim_put_text(writer, document->module_id);
    nacre_sim_put_text(writer, "digest");
    nacre_sim_put_text(writer, "SHA384");
    nacre_sim_put_text(writer, "timestamp");
    nacre_sim_put_uint(writer, document->timestamp);
    put_pcrs(writer, document);
    nacre_sim_put_text(writer, "certificate");
    if (put_certificate(writer, document->chain->leaf.cert) < 0)
        return -EIO;
    nacre_sim_put_text(writer, "cabundle");
    nacre_sim_put_array(writer, 2);
    if (put_certificate(writer, document->chain->root.cert) < 0 ||
        put_certificate(writer, document->chain->intermediate.cert) < 0)
        return -EIO;
    put_optional(writer, "public_key", &document->request->public_key);
    put_optional(writer, "user_data", &document->request->user_data);
    put_optional(writer, "nonce", &document->request->nonce);
    if (!document->definite)
        nacre_sim_put_break(writer);
    return writer->full ? -EMSGSIZE : 0;
}

static int sign(const struct nacre_sim_document *document, const struct nacre_sim_writer *header,
                const struct nacre_sim_writer *payload, uint8_t signature[NACRE_SIM_SIGNATURE_LEN])
{
    uint8_t buf[NACRE_SIM_REPLY_MAX];
    struct nacre_sim_writer input = {.data = buf, .cap = sizeof(buf)};
    nacre_sim_put_array(&input, 4);
    nacre_sim_put_text(&input, "Signature1");
    nacre_sim_put_bytes(&input, header->data, header->len);
    nacre_sim_put_bytes(&input, NULL, 0);
    nacre_sim_put_bytes(&input, payload->data, payload->len);
    if (input.full)
        return -EMSGSIZE;
    return nacre_sim_identity_sign(&document->chain->leaf, input.data, input.len, signature);
}

int nacre_sim_document_write(const struct nacre_sim_document *document, struct nacre_sim_writer *out)
{
    uint8_t header_buf[8];
    struct nacre_sim_writer header = {.data = header_buf, .cap = sizeof(header_buf)};
    nacre_sim_put_map(&header, 1);
    nacre_sim_put_uint(&header, COSE_ALG);
    nacre_sim_put_negint(&header, COSE_ES384);

    uint8_t payload_buf[NACRE_SIM_DOCUMENT_MAX];
    struct nacre_sim_writer payload = {.data = payload_buf, .cap = sizeof(payload_buf)};
    int rc = put_payload(&payload, document);
    if (rc < 0)
        return rc;
    uint8_t signature[NACRE_SIM_SIGNATURE_LEN];
    rc = sign(document, &header, &payload, signature);
    if (rc < 0)
        return rc;
    if (document->bad_signature)
        signature[sizeof(signature) - 1] ^= 1;

    if (document->tagged)
        nacre_sim_put_tag(out, COSE_SIGN1_TAG);
    nacre_sim_put_array(out, 4);
    nacre_sim_put_bytes(out, header.data, header.len);
    nacre_sim_put_map(out, 0);
    nacre_sim_put_bytes(out, payload.data, payload.len);
    nacre_sim_put_bytes(out, signature, sizeof(signature));
    return out->full ? -EMSGSIZE : 0;
}
