#include "eif.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

/* Digest of the sections that `wanted` picks, in their order in the file. */
static int digest(uint8_t out[NACRE_SHA384_LEN], const struct nacre_eif *eif,
                  bool (*wanted)(uint16_t type, unsigned ramdisk))
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good = md && EVP_DigestInit_ex(md, EVP_sha384(), NULL) == 1;
    unsigned ramdisk = 0;
    for (unsigned i = 0; good && i < eif->count; i++) {
        const struct nacre_eif_section *s = &eif->sections[i];
        if (wanted(s->type, ramdisk))
            good = EVP_DigestUpdate(md, s->data, s->size) == 1;
        ramdisk += s->type == NACRE_EIF_RAMDISK;
    }
    good = good && EVP_DigestFinal_ex(md, out, NULL) == 1;
    EVP_MD_CTX_free(md);
    return good ? 0 : -ENOMEM;
}

static void extend(uint8_t pcr[NACRE_SHA384_LEN])
{
    uint8_t both[2 * NACRE_SHA384_LEN] = {0};
    memcpy(both + NACRE_SHA384_LEN, pcr, NACRE_SHA384_LEN);
    nacre_sha384(pcr, both, sizeof both);
}

static bool in_pcr0(uint16_t type, unsigned ramdisk)
{
    (void)ramdisk;
    return type == NACRE_EIF_KERNEL || type == NACRE_EIF_CMDLINE || type == NACRE_EIF_RAMDISK;
}

static bool in_pcr1(uint16_t type, unsigned ramdisk)
{
    return type == NACRE_EIF_KERNEL || type == NACRE_EIF_CMDLINE ||
           (type == NACRE_EIF_RAMDISK && ramdisk == 0);
}

static bool in_pcr2(uint16_t type, unsigned ramdisk)
{
    return type == NACRE_EIF_RAMDISK && ramdisk > 0;
}

int nacre_eif_measure(struct nacre_eif_pcrs *out, const struct nacre_eif *eif)
{
    struct nacre_eif_pcrs pcrs = {0};
    int rc = digest(pcrs.pcr0, eif, in_pcr0);
    if (rc == 0)
        rc = digest(pcrs.pcr1, eif, in_pcr1);
    if (rc == 0)
        rc = digest(pcrs.pcr2, eif, in_pcr2);
    if (rc)
        return rc;
    extend(pcrs.pcr0);
    extend(pcrs.pcr1);
    extend(pcrs.pcr2);
    *out = pcrs;
    return 0;
}

void nacre_eif_measure_data(uint8_t out[NACRE_SHA384_LEN], const void *data, size_t len)
{
    nacre_sha384(out, data, len);
    extend(out);
}
