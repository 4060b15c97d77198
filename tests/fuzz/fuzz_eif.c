/*
 * The first byte chooses: any bytes as an image, an app ramdisk, an archive, a gzip member, a metadata section or a
 * signature section. What is accepted borrows from the input and from nothing else.
 */
#include "fuzz.h"

#include "eif/app_ramdisk.h"
#include "eif/eif.h"
#include "eif/gzip.h"
#include "eif/meta.h"
#include "eif/signature.h"

#include <string.h>

#define CHOICES 6

static char why[512];

static void fuzz_image(const uint8_t *data, size_t size)
{
    struct nacre_eif eif;
    struct nacre_eif_pcrs pcrs;
    if (nacre_eif_read(&eif, data, size, why, sizeof why))
        return;
    need(eif.count <= NACRE_EIF_SECTIONS_MAX);
    for (unsigned i = 0; i < eif.count; i++) {
        const struct nacre_eif_section *s = &eif.sections[i];
        need(s->data >= data && s->size <= size && s->data + s->size <= data + size);
        need(s->offset == (uint64_t)(s->data - data));
    }
    need(nacre_eif_measure(&pcrs, &eif) == 0);
}

/* Nothing that the kernel would put outside /app. */
static void fuzz_ramdisk(const uint8_t *data, size_t size)
{
    struct nacre_cpio cpio;
    if (nacre_app_ramdisk_audit(&cpio, data, size, why, sizeof why))
        return;
    for (size_t i = 0; i < cpio.n; i++) {
        const char *name = cpio.entries[i].name;
        need(strcmp(name, "app") == 0 || strncmp(name, "app/", 4) == 0);
        need(strstr(name, "..") == NULL || strstr(name, "/../") == NULL);
    }
    nacre_cpio_free(&cpio);
}

static void fuzz_archive(const uint8_t *data, size_t size)
{
    struct nacre_cpio cpio;
    if (nacre_cpio_read(&cpio, data, size, why, sizeof why) == 0)
        nacre_cpio_free(&cpio);
}

static void fuzz_gzip(const uint8_t *data, size_t size)
{
    struct nacre_blob plain = {0};
    if (nacre_gunzip(&plain, data, size, why, sizeof why))
        need(plain.len == 0);
    nacre_blob_free(&plain);
}

static void fuzz_meta(const uint8_t *data, size_t size)
{
    struct nacre_eif_meta meta;
    (void)nacre_eif_meta_read(&meta, (const char *)data, size, why, sizeof why);
}

static void fuzz_signature(const uint8_t *data, size_t size)
{
    static const uint8_t pcr0[NACRE_SHA384_LEN];
    struct nacre_eif_signature signature;
    if (nacre_eif_signature_read(&signature, data, size, pcr0, why, sizeof why) == 0)
        X509_free(signature.cert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[CHOICES])(const uint8_t *, size_t) = {
        fuzz_image, fuzz_ramdisk, fuzz_archive, fuzz_gzip, fuzz_meta, fuzz_signature};
    if (size > 0)
        targets[data[0] % CHOICES](data + 1, size - 1);
    return 0;
}
