/* make_image.h - small images in memory for the unit tests. */
#ifndef NACRE_TESTS_EIF_MAKE_IMAGE_H
#define NACRE_TESTS_EIF_MAKE_IMAGE_H

#include "suite.h"

#include <eif/app_ramdisk.h>
#include <eif/eif.h>
#include <eif/gzip.h>
#include <eif/meta.h>
#include <eif/signature.h>
#include <string.h>
#include <sys/stat.h>

#define METADATA                                                                                             \
    "{\"ImageName\":\"a\",\"ImageVersion\":\"1\",\"BuildMetadata\":{\"BuildTime\":\"t\",\"BuildTool\":"      \
    "\"b\","                                                                                                 \
    "\"BuildToolVersion\":\"1\",\"OperatingSystem\":\"Linux\",\"KernelVersion\":\"6\"},\"DockerInfo\":null," \
    "\"CustomMetadata\":{\"x\":[1,2,{\"y\":\"z\"}]}}"

static inline void add_copy(struct nacre_cpio *c, const char *name, uint32_t mode, const char *text)
{
    char why[512];
    uint8_t *copy = text ? (uint8_t *)strdup(text) : NULL;
    ck_assert_msg(nacre_cpio_add(c, name, mode, copy, text ? strlen(text) : 0, why, sizeof why) == 0, "%s",
                  why);
}

/* An app's ramdisk that the audit accepts. */
static inline void make_app(struct nacre_blob *out)
{
    static const char *const names[] = {"app/plugin.so", "app/manifest.cbor", "app/nacre.yaml",
                                        "app/allowed_endpoints.yaml", "app/data/model"};
    struct nacre_cpio cpio = {0};
    struct nacre_blob archive = {0};
    char why[512];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        add_copy(&cpio, names[i], S_IFREG | 0600, names[i]);
    ck_assert_msg(nacre_cpio_finish(&cpio, why, sizeof why) == 0, "%s", why);
    ck_assert_int_eq(nacre_cpio_write(&archive, &cpio), 0);
    ck_assert_int_eq(nacre_gzip_stored(out, archive.data, archive.len), 0);
    nacre_cpio_free(&cpio);
    nacre_blob_free(&archive);
}

/* Kernel, command line, metadata, two ramdisks and, with `signature`, that. */
static inline void make_image(struct nacre_blob *out, const struct nacre_blob *app,
                              const struct nacre_blob *signature)
{
    static const uint8_t kernel[] = "kernel", cmdline[] = "quiet", runtime[] = "runtime";
    char why[512];
    struct nacre_eif eif = {.memory = 1u << 30, .cpus = 2, .count = signature ? 6 : 5};
    eif.sections[0] = (struct nacre_eif_section){NACRE_EIF_KERNEL, 0, kernel, 6};
    eif.sections[1] = (struct nacre_eif_section){NACRE_EIF_CMDLINE, 0, cmdline, 5};
    eif.sections[2] =
        (struct nacre_eif_section){NACRE_EIF_METADATA, 0, (const uint8_t *)METADATA, sizeof METADATA - 1};
    eif.sections[3] = (struct nacre_eif_section){NACRE_EIF_RAMDISK, 0, runtime, 7};
    eif.sections[4] = (struct nacre_eif_section){NACRE_EIF_RAMDISK, 0, app->data, app->len};
    if (signature)
        eif.sections[5] = (struct nacre_eif_section){NACRE_EIF_SIGNATURE, 0, signature->data, signature->len};
    ck_assert_msg(nacre_eif_write(out, &eif, why, sizeof why) == 0, "%s", why);
}

#endif
