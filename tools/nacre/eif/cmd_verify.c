#include "../commands.h"
#include "../file.h"
#include "app_ramdisk.h"
#include "cmds.h"
#include "image.h"
#include "pcrs_text.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM  "nacre eif verify"
#define PCRS_MAX 65536u /* bytes of a .pcrs file */

static const char help[] =
    "usage: nacre eif verify IMAGE [--pcrs FILE] [--app PLUGIN.so --config DIR | --audit-app]\n"
    "\n"
    "Checks an enclave image: structure, CRC, the kernel's architecture, the signature when there is one. "
    "Says\n"
    "what holds, one line each; the first thing that does not ends it with exit code 1.\n"
    "\n"
    "  --pcrs FILE      the measurements must be those of FILE (`HEX PCR<n>` lines)\n"
    "  --app PLUGIN.so  build the app's ramdisk again from this plugin and --config, and compare: PCR2 must\n"
    "                   come out the same, to the byte. The plugin is loaded, in a process of its own\n"
    "  --config DIR     the app's configuration: nacre.yaml, allowed_endpoints.yaml and what lies beside "
    "them\n"
    "  --audit-app      without the parts: look into the app's ramdisk only\n"
    "  -h, --help\n"
    "\n"
    "PCR1 stands for the runtime only beside a PCR2 that was built again from its parts: the kernel unpacks "
    "the\n"
    "second ramdisk over the first.\n";

struct options {
    const char *image, *pcrs, *app, *config;
    bool audit;
};

/* -1 to go on, else the exit code. */
static int read_options(struct options *o, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"pcrs", required_argument, NULL, 'p'},   {"app", required_argument, NULL, 'a'},
        {"config", required_argument, NULL, 'c'}, {"audit-app", no_argument, NULL, 'A'},
        {"help", no_argument, NULL, 'h'},         {0},
    };
    int opt;
    while ((opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        switch (opt) {
        case 'p':
            o->pcrs = optarg;
            break;
        case 'a':
            o->app = optarg;
            break;
        case 'c':
            o->config = optarg;
            break;
        case 'A':
            o->audit = true;
            break;
        case 'h':
            (void)fputs(help, stdout);
            return 0;
        default:
            return NACRE_EXIT_USAGE;
        }
    }
    if (optind + 1 != argc)
        return nacre_usage_error(PROGRAM, "one IMAGE is expected");
    if (!o->app != !o->config)
        return nacre_usage_error(PROGRAM, "--app and --config belong together");
    o->image = argv[optind];
    return -1;
}

static int check_image(const struct nacre_eif_image *image, char *why, size_t why_len)
{
    const struct nacre_eif *eif = &image->eif;
    if (eif->crc != eif->computed_crc) {
        (void)snprintf(why, why_len, "offset %u: the CRC is %08x, of the content %08x", NACRE_EIF_AT_CRC,
                       eif->crc, eif->computed_crc);
        return -EBADMSG;
    }
    int rc = nacre_eif_check_kernel(nacre_eif_find(eif, NACRE_EIF_KERNEL), eif->flags, why, why_len);
    if (rc)
        return rc;
    (void)printf("structure   %u sections, CRC %08x, for %s\n", eif->count, eif->crc,
                 nacre_eif_arch_name(eif->flags));
    if (!image->signature.cert) {
        (void)puts("signature   none");
        return 0;
    }
    if (!image->signature.good) {
        (void)snprintf(why, why_len, "the signature is bad: %s", image->signature.why);
        return -EBADMSG;
    }
    (void)puts("signature   good, over PCR0; whose certificate it is, PCR8 says");
    return 0;
}

static int check_pcrs(const struct nacre_eif_image *image, const char *path, char *why, size_t why_len)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = nacre_file_read(&text, &len, path, PCRS_MAX, why, why_len);
    if (rc)
        return rc;
    rc = nacre_pcrs_compare(&image->pcrs, path, (const char *)text, len, why, why_len);
    free(text);
    if (rc == 0)
        (void)printf("pcrs        those of %s\n", path);
    return rc;
}

/* The image's only ramdisk but the first, audited into *entries. */
static int audit(struct nacre_cpio *entries, const struct nacre_eif_section **ramdisk,
                 const struct nacre_eif *eif, char *why, size_t why_len)
{
    *ramdisk = nacre_eif_ramdisk(eif, 1);
    if (!*ramdisk || nacre_eif_ramdisk(eif, 2)) {
        (void)snprintf(why, why_len, "%s, expected two: the runtime's and the app's",
                       *ramdisk ? "more than two ramdisks" : "one ramdisk");
        return -EBADMSG;
    }
    char inner[600] = "out of memory";
    int rc = nacre_app_ramdisk_audit(entries, (*ramdisk)->data, (*ramdisk)->size, inner, sizeof inner);
    if (rc)
        (void)snprintf(why, why_len, "app ramdisk, from offset %llu of the image: %s",
                       (unsigned long long)(*ramdisk)->offset, inner);
    else
        (void)printf("app         %zu entries, all below app/, nothing else in its ramdisk\n", entries->n);
    return rc;
}

/* Which file differs first, when two lists of entries do. */
static void say_difference(const struct nacre_cpio *is, const struct nacre_cpio *built, char *why,
                           size_t why_len)
{
    for (size_t i = 0; i < is->n || i < built->n; i++) {
        const struct nacre_cpio_entry *a = i < is->n ? &is->entries[i] : NULL;
        const struct nacre_cpio_entry *b = i < built->n ? &built->entries[i] : NULL;
        if (!a || !b || strcmp(a->name, b->name) != 0) {
            (void)snprintf(why, why_len, "entry %zu is %s in the image, %s from the parts", i,
                           a ? a->name : "missing", b ? b->name : "missing");
            return;
        }
        char x[NACRE_SHA384_HEX], y[NACRE_SHA384_HEX];
        uint8_t digest[NACRE_SHA384_LEN];
        nacre_sha384(digest, a->data, a->size);
        nacre_hex(x, digest, sizeof digest);
        nacre_sha384(digest, b->data, b->size);
        nacre_hex(y, digest, sizeof digest);
        if (a->mode != b->mode || strcmp(x, y) != 0) {
            (void)snprintf(
                why, why_len,
                "%s is %zu bytes with SHA-384 %.16s... in the image, %zu bytes with %.16s... from the "
                "parts",
                a->name, a->size, x, b->size, y);
            return;
        }
    }
    (void)snprintf(why, why_len, "the files are equal, the framing of the archive is another");
}

static int compare_app(const struct nacre_eif_image *image, const struct nacre_eif_section *ramdisk,
                       const struct nacre_cpio *entries, const struct options *o, char *why, size_t why_len)
{
    struct nacre_blob built = {0};
    struct nacre_cpio parts = {0};
    int rc = nacre_app_ramdisk_build(&built, o->app, o->config, why, why_len);
    if (rc == 0 && (built.len != ramdisk->size || memcmp(built.data, ramdisk->data, built.len) != 0)) {
        char difference[1024] = "", is[NACRE_SHA384_HEX], made[NACRE_SHA384_HEX];
        uint8_t pcr2[NACRE_SHA384_LEN];
        if (nacre_app_ramdisk_audit(&parts, built.data, built.len, difference, sizeof difference) == 0)
            say_difference(entries, &parts, difference, sizeof difference);
        nacre_eif_measure_data(pcr2, built.data, built.len);
        nacre_hex(is, image->pcrs.pcr2, sizeof pcr2);
        nacre_hex(made, pcr2, sizeof pcr2);
        (void)snprintf(why, why_len, "PCR2 is %s, built from the parts it is %s: %s", is, made, difference);
        rc = -EBADMSG;
    }
    if (rc == 0) {
        char hex[NACRE_SHA384_HEX];
        nacre_hex(hex, image->pcrs.pcr2, NACRE_SHA384_LEN);
        (void)printf("PCR2        %s, built again from %s and %s\n", hex, o->app, o->config);
    }
    nacre_cpio_free(&parts);
    nacre_blob_free(&built);
    return rc;
}

static int check_app(const struct nacre_eif_image *image, const struct options *o, char *why, size_t why_len)
{
    const struct nacre_eif_section *ramdisk = NULL;
    struct nacre_cpio entries = {0};
    int rc = audit(&entries, &ramdisk, &image->eif, why, why_len);
    if (rc == 0 && o->app)
        rc = compare_app(image, ramdisk, &entries, o, why, why_len);
    nacre_cpio_free(&entries);
    return rc;
}

static int verify(const struct options *o, char *why, size_t why_len)
{
    struct nacre_eif_image image = {0};
    int rc = nacre_eif_image_load(&image, o->image, why, why_len);
    if (rc)
        return rc;
    char inner[2048] = "out of memory";
    rc = check_image(&image, inner, sizeof inner);
    if (rc == 0 && o->pcrs)
        rc = check_pcrs(&image, o->pcrs, inner, sizeof inner);
    if (rc == 0 && (o->app || o->audit))
        rc = check_app(&image, o, inner, sizeof inner);
    if (rc)
        (void)snprintf(why, why_len, "%s: %s", o->image, inner);
    else if (!o->app)
        (void)puts("not checked that PCR2 is made of an app alone (--app, --config): PCR1 says nothing yet");
    nacre_eif_image_free(&image);
    return rc;
}

int nacre_eif_cmd_verify(int argc, char **argv)
{
    struct options o = {0};
    char why[4096] = "out of memory";
    int code = read_options(&o, argc, argv);
    if (code >= 0)
        return code;
    return verify(&o, why, sizeof why) ? nacre_eif_failed(PROGRAM, why) : 0;
}
