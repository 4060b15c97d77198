#include "../commands.h"
#include "../file.h"
#include "cmds.h"
#include "cpio.h"
#include "eif.h"
#include "gzip.h"

#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PROGRAM "nacre eif list"

static const char help[] =
    "usage: nacre eif list FILE [-o FILE]\n"
    "\n"
    "Prints what is in a ramdisk, or in all ramdisks of an image: mode, size, SHA-256 and name, one entry a\n"
    "line. Reads what `nacre eif ramdisk` writes and refuses anything else, saying what and where.\n"
    "\n"
    "  -o, --output FILE  where to write; standard output if left out\n"
    "  -h, --help\n";

static void put_entry(struct nacre_blob *out, const struct nacre_cpio_entry *e)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    char hex[2 * crypto_hash_sha256_BYTES + 1] = "-", line[NACRE_CPIO_NAME_MAX + 256];
    if (S_ISREG(e->mode)) {
        (void)crypto_hash_sha256(digest, e->data, e->size);
        nacre_hex(hex, digest, sizeof digest);
    }
    char kind = S_ISDIR(e->mode) ? 'd' : S_ISLNK(e->mode) ? 'l' : S_ISREG(e->mode) ? '-' : 'c';
    if (S_ISBLK(e->mode))
        kind = 'b';
    (void)snprintf(line, sizeof line, "%c%04o %10zu %-64s /%s", kind, e->mode & 0777u,
                   S_ISREG(e->mode) ? e->size : 0, hex, e->name);
    nacre_blob_text(out, line);
    if (S_ISLNK(e->mode)) {
        nacre_blob_text(out, " -> ");
        char target[NACRE_CPIO_NAME_MAX + 1], shown[NACRE_CPIO_SHOWN];
        (void)snprintf(target, sizeof target, "%.*s", (int)(e->size < NACRE_CPIO_NAME_MAX ? e->size : 0),
                       (const char *)e->data);
        nacre_blob_text(out, nacre_cpio_shown(shown, target));
    }
    if (S_ISCHR(e->mode) || S_ISBLK(e->mode)) {
        (void)snprintf(line, sizeof line, " %u:%u", e->rdev_major, e->rdev_minor);
        nacre_blob_text(out, line);
    }
    nacre_blob_text(out, "\n");
}

static int list_ramdisk(struct nacre_blob *out, const uint8_t *data, size_t len, char *why, size_t why_len)
{
    struct nacre_blob archive = {0};
    struct nacre_cpio cpio = {0};
    int rc = nacre_gunzip(&archive, data, len, why, why_len);
    if (rc == 0)
        rc = nacre_cpio_read(&cpio, archive.data, archive.len, why, why_len);
    for (size_t i = 0; rc == 0 && i < cpio.n; i++)
        put_entry(out, &cpio.entries[i]);
    nacre_blob_free(&archive);
    nacre_cpio_free(&cpio);
    return rc;
}

static int list_image(struct nacre_blob *out, const uint8_t *data, size_t len, char *why, size_t why_len)
{
    struct nacre_eif eif;
    int rc = nacre_eif_read(&eif, data, len, why, why_len);
    const struct nacre_eif_section *s;
    for (unsigned i = 0; rc == 0 && (s = nacre_eif_ramdisk(&eif, i)) != NULL; i++) {
        char line[64], inner[512] = "out of memory";
        (void)snprintf(line, sizeof line, "ramdisk %u, %zu bytes:\n", i, s->size);
        nacre_blob_text(out, line);
        rc = list_ramdisk(out, s->data, s->size, inner, sizeof inner);
        if (rc)
            (void)snprintf(why, why_len, "ramdisk %u, from offset %llu: %s", i, (unsigned long long)s->offset,
                           inner);
    }
    return rc;
}

static int list(const char *path, const char *output, char *why, size_t why_len)
{
    uint8_t *data = NULL;
    size_t len = 0;
    char inner[600] = "out of memory";
    struct nacre_blob out = {0};
    int rc = nacre_file_read(&data, &len, path, NACRE_EIF_FILE_MAX, why, why_len);
    if (rc)
        return rc;
    bool image = len >= 4 && memcmp(data, ".eif", 4) == 0;
    rc = image ? list_image(&out, data, len, inner, sizeof inner)
               : list_ramdisk(&out, data, len, inner, sizeof inner);
    if (rc)
        (void)snprintf(why, why_len, "%s: %s", path, inner);
    else
        rc = nacre_eif_put(output, out.data, out.len, why, why_len);
    free(data);
    nacre_blob_free(&out);
    return rc;
}

int nacre_eif_cmd_list(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *output = NULL;
    char why[1024] = "out of memory";
    int opt;
    while ((opt = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1) {
        if (opt == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        if (opt != 'o')
            return NACRE_EXIT_USAGE;
        output = optarg;
    }
    if (optind + 1 != argc)
        return nacre_usage_error(PROGRAM, "one FILE is expected");
    return list(argv[optind], output, why, sizeof why) ? nacre_eif_failed(PROGRAM, why) : 0;
}
