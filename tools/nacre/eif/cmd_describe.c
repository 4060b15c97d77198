#include "../commands.h"
#include "cmds.h"
#include "describe.h"
#include "meta.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define PROGRAM "nacre eif describe"

static const char help[] =
    "usage: nacre eif describe IMAGE [--json]\n"
    "\n"
    "Prints what an enclave image says about itself and its measurements. With a wrong CRC or a bad "
    "signature\n"
    "it prints all the same and exits with 1; an image that does not hold together is refused.\n"
    "\n"
    "  --json      in the shape that `nitro-cli describe-eif` prints\n"
    "  -h, --help\n";

static int describe(const char *path, bool json, char *why, size_t why_len)
{
    struct nacre_eif_image image = {0};
    struct nacre_json_out out = {0};
    int rc = nacre_eif_image_load(&image, path, why, why_len);
    if (rc)
        return rc;
    char inner[512] = "out of memory";
    rc = json ? nacre_eif_describe_json(&out, &image, inner, sizeof inner)
              : nacre_eif_describe_text(&out, &image, inner, sizeof inner);
    if (rc)
        (void)snprintf(why, why_len, "%s: %s", path, inner);
    else
        rc = nacre_eif_put(NULL, out.base, out.len, why, why_len);
    if (rc == 0 && image.eif.crc != image.eif.computed_crc) {
        (void)snprintf(why, why_len, "%s: offset %u: the CRC is %08x, of the content %08x", path,
                       NACRE_EIF_AT_CRC, image.eif.crc, image.eif.computed_crc);
        rc = -EBADMSG;
    } else if (rc == 0 && image.signature.cert && !image.signature.good) {
        (void)snprintf(why, why_len, "%s: the signature is bad: %s", path, image.signature.why);
        rc = -EBADMSG;
    }
    free(out.base);
    nacre_eif_image_free(&image);
    return rc;
}

int nacre_eif_cmd_describe(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool json = false;
    char why[1024] = "out of memory";
    int opt;
    while ((opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (opt == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        if (opt != 'j')
            return NACRE_EXIT_USAGE;
        json = true;
    }
    if (optind + 1 != argc)
        return nacre_usage_error(PROGRAM, "one IMAGE is expected");
    return describe(argv[optind], json, why, sizeof why) ? nacre_eif_failed(PROGRAM, why) : 0;
}
