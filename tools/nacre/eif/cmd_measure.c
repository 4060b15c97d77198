#include "../commands.h"
#include "cmds.h"
#include "image.h"
#include "parts.h"
#include "pcrs_text.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#define PROGRAM "nacre eif measure"

static const char help[] =
    "usage: nacre eif measure IMAGE [-o FILE]\n"
    "       nacre eif measure --kernel FILE --cmdline TEXT --ramdisk FILE... [--sign-cert FILE] [-o FILE]\n"
    "\n"
    "Prints the measurements of an image, or of the image that these parts would make, in lines of\n"
    "`HEX PCR<n>`: PCR0, PCR1, PCR2, and PCR8 when it is signed.\n"
    "\n" NACRE_EIF_PARTS_HELP
    "  --sign-cert FILE     the certificate (PEM) that the image would be signed with\n"
    "  -o, --output FILE    where to write; standard output if left out\n"
    "  -h, --help\n";

struct options {
    struct nacre_eif_parts parts;
    const char *image, *cert, *output;
};

/* -1 to go on, else the exit code. */
static int read_options(struct options *o, int argc, char **argv)
{
    static const struct option long_options[] = {
        NACRE_EIF_PARTS_OPTIONS,
        {"sign-cert", required_argument, NULL, 's'},
        {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int opt, given = 0;
    while ((opt = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1) {
        if (opt == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        if (opt == 'o') {
            o->output = optarg;
            continue;
        }
        given++;
        if (opt == 's')
            o->cert = optarg;
        else if (opt == '?' || nacre_eif_parts_option(&o->parts, opt, optarg, PROGRAM))
            return NACRE_EXIT_USAGE;
    }
    if (optind + 1 < argc || (optind < argc && given))
        return nacre_usage_error(PROGRAM, "one image, or parts, but there is also '%s'", argv[argc - 1]);
    o->image = optind < argc ? argv[optind] : NULL;
    int rc = o->image ? 0 : nacre_eif_parts_usage(&o->parts, PROGRAM);
    return rc ? rc : -1;
}

static int measure_image(struct nacre_eif_pcrs *pcrs, const char *path, char *why, size_t why_len)
{
    struct nacre_eif_image image = {0};
    int rc = nacre_eif_image_load(&image, path, why, why_len);
    if (rc == 0 && image.eif.crc != image.eif.computed_crc) {
        (void)snprintf(why, why_len, "%s: offset %u: the CRC is %08x, of the content %08x", path,
                       NACRE_EIF_AT_CRC, image.eif.crc, image.eif.computed_crc);
        rc = -EBADMSG;
    }
    if (rc == 0)
        *pcrs = image.pcrs;
    nacre_eif_image_free(&image);
    return rc;
}

static int measure_parts(struct nacre_eif_pcrs *pcrs, struct options *o, char *why, size_t why_len)
{
    struct nacre_eif eif = {0};
    int rc = nacre_eif_parts_load(&eif, &o->parts, why, why_len);
    if (rc == 0)
        rc = nacre_eif_measure(pcrs, &eif);
    nacre_eif_parts_free(&o->parts);
    if (rc == 0 && o->cert) {
        struct nacre_eif_signer signer = {0};
        rc = nacre_eif_signer_load(&signer, o->cert, NULL, why, why_len);
        if (rc == 0)
            rc = nacre_eif_pcr8(pcrs->pcr8, signer.cert);
        pcrs->has_pcr8 = rc == 0;
        nacre_eif_signer_free(&signer);
    }
    return rc;
}

int nacre_eif_cmd_measure(int argc, char **argv)
{
    struct options o = {0};
    struct nacre_eif_pcrs pcrs = {0};
    struct nacre_blob text = {0};
    char why[1024] = "out of memory";
    int code = read_options(&o, argc, argv);
    if (code >= 0)
        return code;
    int rc =
        o.image ? measure_image(&pcrs, o.image, why, sizeof why) : measure_parts(&pcrs, &o, why, sizeof why);
    if (rc == 0) {
        nacre_pcrs_text(&text, &pcrs);
        rc = text.failed ? -ENOMEM : nacre_eif_put(o.output, text.data, text.len, why, sizeof why);
    }
    nacre_blob_free(&text);
    return rc ? nacre_eif_failed(PROGRAM, why) : 0;
}
