#include "../commands.h"
#include "../file.h"
#include "cmds.h"
#include "meta.h"
#include "parts.h"
#include "pcrs_text.h"
#include "signature.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "nacre eif build"

static const char help[] =
    "usage: nacre eif build --kernel FILE --cmdline TEXT --ramdisk FILE... [--app-ramdisk FILE] -o FILE\n"
    "\n"
    "Writes an enclave image file of version 4. Equal parts and options give equal bytes. The time in the\n"
    "metadata is SOURCE_DATE_EPOCH of the environment, 1970 without it.\n"
    "\n" NACRE_EIF_PARTS_HELP "  -o, --output FILE    the image\n"
    "  --pcrs FILE          write the measurements too, in lines of `HEX PCR<n>`\n"
    "  --name TEXT          image name in the metadata (nacre)\n"
    "  --version TEXT       image version in the metadata (" NACRE_VERSION ")\n"
    "  --kernel-version T   in the metadata; what a bzImage says if left out\n"
    "  --metadata FILE      a JSON object of your own for the metadata, at most 4096 bytes\n"
    "  --memory MIB         default memory in the header (1024)\n"
    "  --cpus N             default CPUs in the header (2)\n"
    "  --sign-cert FILE     sign: certificate in PEM, with a key on P-384, P-256 or P-521; makes PCR8\n"
    "  --sign-key FILE      sign: its private key in PEM, without a password\n"
    "  -h, --help\n"
    "\n"
    "With OpenSSL 3.2 and later signatures are deterministic (RFC 6979). Before that each build's signature\n"
    "differs, its measurements do not.\n";

struct options {
    struct nacre_eif_parts parts;
    const char *output, *pcrs, *name, *version, *kernel_version, *metadata, *cert, *key;
    uint64_t memory, cpus;
};

static int number(uint64_t *out, const char *option, const char *text, uint64_t max)
{
    char *end = NULL;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || v < 1 || v > max)
        return nacre_usage_error(PROGRAM, "%s '%s': expected a number from 1 to %" PRIu64, option, text, max);
    *out = v;
    return 0;
}

static int take_option(struct options *o, int opt, char *arg)
{
    switch (opt) {
    case 'o':
        o->output = arg;
        return 0;
    case 'p':
        o->pcrs = arg;
        return 0;
    case 'n':
        o->name = arg;
        return 0;
    case 'v':
        o->version = arg;
        return 0;
    case 'K':
        o->kernel_version = arg;
        return 0;
    case 'm':
        o->metadata = arg;
        return 0;
    case 'M':
        return number(&o->memory, "--memory", arg, 1u << 24);
    case 'C':
        return number(&o->cpus, "--cpus", arg, 4096);
    case 's':
        o->cert = arg;
        return 0;
    case 'S':
        o->key = arg;
        return 0;
    default:
        return nacre_eif_parts_option(&o->parts, opt, arg, PROGRAM);
    }
}

/* -1 to go on, else the exit code. */
static int read_options(struct options *o, int argc, char **argv)
{
    static const struct option long_options[] = {
        NACRE_EIF_PARTS_OPTIONS,
        {"output", required_argument, NULL, 'o'},
        {"pcrs", required_argument, NULL, 'p'},
        {"name", required_argument, NULL, 'n'},
        {"version", required_argument, NULL, 'v'},
        {"kernel-version", required_argument, NULL, 'K'},
        {"metadata", required_argument, NULL, 'm'},
        {"memory", required_argument, NULL, 'M'},
        {"cpus", required_argument, NULL, 'C'},
        {"sign-cert", required_argument, NULL, 's'},
        {"sign-key", required_argument, NULL, 'S'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int opt;
    while ((opt = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1) {
        if (opt == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        int rc = opt == '?' ? NACRE_EXIT_USAGE : take_option(o, opt, optarg);
        if (rc)
            return rc < 0 ? NACRE_EXIT_USAGE : rc;
    }
    if (optind < argc)
        return nacre_usage_error(PROGRAM, "'%s' is no option", argv[optind]);
    int rc = nacre_eif_parts_usage(&o->parts, PROGRAM);
    if (rc)
        return rc;
    if (!o->output)
        return nacre_usage_error(PROGRAM, "-o FILE is missing");
    if (!o->cert != !o->key)
        return nacre_usage_error(PROGRAM, "--sign-cert and --sign-key belong together");
    return -1;
}

/* SOURCE_DATE_EPOCH (reproducible-builds.org): seconds since 1970; 0 without it, so that equal stays equal. */
static int build_time(int64_t *out, char *why, size_t why_len)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    char *end = NULL;
    *out = 0;
    if (!text)
        return 0;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || v > 253402300799) {
        (void)snprintf(why, why_len, "SOURCE_DATE_EPOCH is '%.64s', expected seconds since 1970", text);
        return -EINVAL;
    }
    *out = v;
    return 0;
}

static int make_metadata(struct nacre_json_out *out, const struct options *o, const struct nacre_eif *eif,
                         char *why, size_t why_len)
{
    char version[128];
    uint8_t *custom = NULL;
    size_t custom_len = 0;
    struct nacre_eif_meta_input in = {.name = o->name, .version = o->version, .os = "Linux"};
    int rc = build_time(&in.time, why, why_len);
    if (rc == 0 && o->metadata)
        rc = nacre_file_read(&custom, &custom_len, o->metadata, NACRE_EIF_CUSTOM_MAX, why, why_len);
    if (rc)
        return rc;
    nacre_eif_kernel_version(version, sizeof version, eif->sections[0].data, eif->sections[0].size);
    in.kernel_version = o->kernel_version ? o->kernel_version : version;
    in.custom = (const char *)custom;
    in.custom_len = custom_len;
    rc = nacre_eif_meta_write(out, &in, why, why_len);
    free(custom);
    return rc;
}

static int sign(struct nacre_blob *out, struct nacre_eif_pcrs *pcrs, const struct options *o, char *why,
                size_t why_len)
{
    struct nacre_eif_signer signer = {0};
    int rc = nacre_eif_signer_load(&signer, o->cert, o->key, why, why_len);
    if (rc == 0)
        rc = nacre_eif_sign(out, &signer, pcrs->pcr0, why, why_len);
    if (rc == 0)
        rc = nacre_eif_pcr8(pcrs->pcr8, signer.cert);
    pcrs->has_pcr8 = rc == 0;
    if (rc == 0 && !signer.deterministic)
        (void)fputs(PROGRAM ": this OpenSSL signs with a random nonce: the signature section is another in "
                            "every build\n",
                    stderr);
    nacre_eif_signer_free(&signer);
    return rc;
}

/* Metadata goes behind the command line, in front of the ramdisks. */
static void insert_metadata(struct nacre_eif *eif, const struct nacre_json_out *meta)
{
    memmove(&eif->sections[3], &eif->sections[2], (eif->count - 2) * sizeof eif->sections[0]);
    eif->sections[2] =
        (struct nacre_eif_section){NACRE_EIF_METADATA, 0, (const uint8_t *)meta->base, meta->len};
    eif->count++;
}

static int write_image(const struct options *o, const struct nacre_eif *eif,
                       const struct nacre_eif_pcrs *pcrs, char *why, size_t why_len)
{
    struct nacre_blob image = {0}, text = {0};
    int rc = nacre_eif_write(&image, eif, why, why_len);
    if (rc == 0)
        rc = nacre_file_write(o->output, image.data, image.len, why, why_len);
    nacre_pcrs_text(&text, pcrs);
    if (rc == 0 && text.failed)
        rc = -ENOMEM;
    if (rc == 0 && o->pcrs)
        rc = nacre_file_write(o->pcrs, text.data, text.len, why, why_len);
    if (rc == 0)
        rc = nacre_eif_put(NULL, text.data, text.len, why, why_len);
    nacre_blob_free(&image);
    nacre_blob_free(&text);
    return rc;
}

static int build(struct options *o, char *why, size_t why_len)
{
    struct nacre_eif eif = {.memory = o->memory << 20, .cpus = o->cpus};
    struct nacre_json_out meta = {0};
    struct nacre_blob signature = {0};
    struct nacre_eif_pcrs pcrs = {0};
    int rc = nacre_eif_parts_load(&eif, &o->parts, why, why_len);
    if (rc == 0)
        rc = make_metadata(&meta, o, &eif, why, why_len);
    if (rc == 0) {
        insert_metadata(&eif, &meta);
        rc = nacre_eif_measure(&pcrs, &eif);
    }
    if (rc == 0 && o->cert) {
        rc = sign(&signature, &pcrs, o, why, why_len);
        if (rc == 0)
            nacre_eif_add(&eif, NACRE_EIF_SIGNATURE, signature.data, signature.len);
    }
    if (rc == 0)
        rc = write_image(o, &eif, &pcrs, why, why_len);
    nacre_eif_parts_free(&o->parts);
    nacre_blob_free(&signature);
    free(meta.base);
    return rc;
}

int nacre_eif_cmd_build(int argc, char **argv)
{
    struct options o = {.name = "nacre", .version = NACRE_VERSION, .memory = 1024, .cpus = 2};
    char why[1024] = "out of memory";
    int code = read_options(&o, argc, argv);
    if (code >= 0)
        return code;
    return build(&o, why, sizeof why) ? nacre_eif_failed(PROGRAM, why) : 0;
}
