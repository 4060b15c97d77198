/* describe.h - an image in words. */
#ifndef NACRE_EIF_DESCRIBE_H
#define NACRE_EIF_DESCRIBE_H

#include "image.h"

/*
 * nacre_eif_describe_json - what `nitro-cli describe-eif` prints, at the end of *out, with a newline. 0,
 * -ENOMEM, or -EBADMSG with `why` filled when the metadata is damaged.
 */
struct nacre_json_out;
int nacre_eif_describe_json(struct nacre_json_out *out, const struct nacre_eif_image *image, char *why,
                            size_t why_len);

/* The same for people. */
int nacre_eif_describe_text(struct nacre_json_out *out, const struct nacre_eif_image *image, char *why,
                            size_t why_len);

/* A certificate in the words that nitro-cli has for it; each is malloc'd text, NULL when out of memory. */
struct nacre_eif_cert_text {
    char *algorithm, *not_before, *not_after, *signature;
};

void nacre_eif_cert_text(struct nacre_eif_cert_text *out, const X509 *cert);
void nacre_eif_cert_text_free(struct nacre_eif_cert_text *text);

/* Member i of the issuer's name: "commonName" and its value (malloc'd, UTF-8); false past the last. */
bool nacre_eif_cert_issuer(const X509 *cert, int i, char *key, size_t key_len, char **value);

#endif
