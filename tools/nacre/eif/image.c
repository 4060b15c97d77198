#include "image.h"

#include "../file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int work_out(struct nacre_eif_image *image, size_t len, char *why, size_t why_len)
{
    int rc = nacre_eif_read(&image->eif, image->data, len, why, why_len);
    if (rc == 0)
        rc = nacre_eif_measure(&image->pcrs, &image->eif);
    const struct nacre_eif_section *s = rc ? NULL : nacre_eif_find(&image->eif, NACRE_EIF_SIGNATURE);
    if (!s)
        return rc;
    char inner[256] = "out of memory";
    rc = nacre_eif_signature_read(&image->signature, s->data, s->size, image->pcrs.pcr0, inner, sizeof inner);
    if (rc) {
        (void)snprintf(why, why_len, "offset %llu: %s", (unsigned long long)s->offset, inner);
        return rc;
    }
    rc = nacre_eif_pcr8(image->pcrs.pcr8, image->signature.cert);
    image->pcrs.has_pcr8 = rc == 0;
    return rc;
}

int nacre_eif_image_load(struct nacre_eif_image *out, const char *path, char *why, size_t why_len)
{
    struct nacre_eif_image image = {0};
    size_t len = 0;
    int rc = nacre_file_read(&image.data, &len, path, NACRE_EIF_FILE_MAX, why, why_len);
    if (rc)
        return rc;
    char inner[512] = "out of memory";
    rc = work_out(&image, len, inner, sizeof inner);
    if (rc) {
        (void)snprintf(why, why_len, "%s: %s", path, inner);
        nacre_eif_image_free(&image);
        return rc;
    }
    *out = image;
    return 0;
}

void nacre_eif_image_free(struct nacre_eif_image *image)
{
    if (!image)
        return;
    X509_free(image->signature.cert);
    free(image->data);
    *image = (struct nacre_eif_image){0};
}
