/* image.h - an image file with everything about it worked out. */
#ifndef NACRE_EIF_IMAGE_H
#define NACRE_EIF_IMAGE_H

#include "eif.h"
#include "signature.h"

struct nacre_eif_image {
    uint8_t *data;
    struct nacre_eif eif;
    struct nacre_eif_pcrs pcrs;
    struct nacre_eif_signature signature;
};

/*
 * nacre_eif_image_load - read, take apart, measure and check the signature of the image in `path`. The CRC and
 * whether the signature is good are left to the caller to judge. 0, or a negative errno with `why` = "PATH:
 * ..."; *out is untouched then. Free with nacre_eif_image_free().
 */
int nacre_eif_image_load(struct nacre_eif_image *out, const char *path, char *why, size_t why_len);

/* Frees what it holds. Accepts NULL and a zeroed struct. */
void nacre_eif_image_free(struct nacre_eif_image *image);

#endif
