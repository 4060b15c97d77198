#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: nacre-nsm-sim (--socket PATH | --listen-fd N) [option]...\n"
    "\n"
    "Simulates the Nitro Secure Module for development and tests. Its documents are signed under a test\n"
    "root of its own and prove nothing.\n"
    "\n"
    "  --socket PATH      listen on this Unix SOCK_SEQPACKET socket (mode 0600)\n"
    "  --listen-fd N      or on this inherited, listening one\n"
    "  --control PATH     take faults at run time on this Unix stream socket\n"
    "  --root-out FILE    write the test root's certificate in PEM before listening\n"
    "  --root-key FILE    keep the test root's key and certificate here between runs\n"
    "  --pcr N=HEX        value of PCR N (0..15) at boot; may be repeated\n"
    "  --debug            PCR0-2 are zero, as in an enclave in debug mode\n"
    "  --map KIND         indefinite (default) or definite length of the document's map\n"
    "  --tag              put CBOR tag 18 before documents\n"
    "  --limits KIND      documented (default): user_data and nonce of more than 512 bytes and public_key\n"
    "                     of more than 1024 are refused; none: whatever fits a request is taken\n"
    "  --module-id ID     i-...-enc... of the simulated module\n"
    "  --fault FAULT      inject KIND[:ARG][@REQUEST][#COUNT]; may be repeated\n"
    "  --ready-fd N       write \"ready\\n\" to this descriptor once listening, and close it\n"
    "  --die-with-parent  stop when the thread that started this program ends\n"
    "  --help, --version\n"
    "\n"
    "Faults: error:NAME, delay:MS (before the request is carried out), hold:MS (after), clock:MS (offset of\n"
    "the simulator's clock), garbage, truncate, close, short-pcr, wrong-type, bad-signature.\n"
    "REQUEST is DescribeNSM, GetRandom, DescribePCR, ExtendPCR, LockPCR, LockPCRs, Attestation, malformed\n"
    "or * (default). A fault happens COUNT times, or until it is cleared.\n"
    "\n"
    "Control lines, each answered with a line \"ok\" or \"error: ...\":\n"
    "  fault KIND [ARG] [REQUEST] [COUNT]\n"
    "  clock MS           set the clock's offset from the system clock\n"
    "  count REQUEST      \"ok N\": how many of them were served so far (* for all)\n"
    "  clear              remove all faults and the clock's offset\n";

enum {
    OPT_SOCKET = 256,
    OPT_LISTEN_FD,
    OPT_CONTROL,
    OPT_ROOT_OUT,
    OPT_ROOT_KEY,
    OPT_PCR,
    OPT_DEBUG,
    OPT_MAP
};
enum { OPT_TAG = 512, OPT_LIMITS, OPT_MODULE_ID, OPT_FAULT, OPT_READY_FD, OPT_DIE, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
    {"socket", required_argument, NULL, OPT_SOCKET},
    {"listen-fd", required_argument, NULL, OPT_LISTEN_FD},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"root-out", required_argument, NULL, OPT_ROOT_OUT},
    {"root-key", required_argument, NULL, OPT_ROOT_KEY},
    {"pcr", required_argument, NULL, OPT_PCR},
    {"debug", no_argument, NULL, OPT_DEBUG},
    {"map", required_argument, NULL, OPT_MAP},
    {"tag", no_argument, NULL, OPT_TAG},
    {"limits", required_argument, NULL, OPT_LIMITS},
    {"module-id", required_argument, NULL, OPT_MODULE_ID},
    {"fault", required_argument, NULL, OPT_FAULT},
    {"ready-fd", required_argument, NULL, OPT_READY_FD},
    {"die-with-parent", no_argument, NULL, OPT_DIE},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

static int bad(const char *option, const char *value, const char *wanted)
{
    (void)fprintf(stderr, "nacre-nsm-sim: --%s is '%s', expected %s\n", option, value, wanted);
    return -EINVAL;
}

static int read_fd(const char *option, const char *text, int *fd)
{
    char *end = NULL;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || value > 1048576)
        return bad(option, text, "a descriptor number");
    *fd = (int)value;
    return 0;
}

static int read_choice(const char *option, const char *text, const char *unset, const char *set, bool *out)
{
    if (strcmp(text, unset) != 0 && strcmp(text, set) != 0) {
        (void)fprintf(stderr, "nacre-nsm-sim: --%s is '%s', expected %s or %s\n", option, text, unset, set);
        return -EINVAL;
    }
    *out = strcmp(text, set) == 0;
    return 0;
}

static int read_pcr(struct nacre_sim_options *options, const char *text)
{
    char *end = NULL;
    unsigned long index = strtoul(text, &end, 10);
    struct nacre_sim_pcrs scratch = {0};
    if (*text < '0' || *text > '9' || *end != '=' || index >= NACRE_SIM_PCR_BOOT ||
        nacre_sim_pcrs_set_boot(&scratch, (unsigned)index, end + 1) < 0)
        return bad("pcr", text, "N=HEX with N of 0..15 and 96 hex digits");
    options->pcrs[index] = end + 1;
    return 0;
}

static int read_module_id(struct nacre_sim_options *options, const char *text)
{
    size_t len = strlen(text);
    size_t plain = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (strncmp(text, "i-", 2) != 0 || strstr(text, "-enc") == NULL || plain != len ||
        len > NACRE_SIM_MODULE_MAX)
        return bad("module-id", text, "i-...-enc... of at most 50 lower case letters, digits and hyphens");
    options->module_id = text;
    return 0;
}

static int read_fault(struct nacre_sim_options *options, const char *text)
{
    const char *why = "";
    int rc = nacre_sim_fault_option(&options->faults, text, &why);
    if (rc < 0)
        (void)fprintf(stderr, "nacre-nsm-sim: --fault '%s': %s\n", text, why);
    return rc;
}

/* The options that stand for themselves. */
static int read_plain(struct nacre_sim_options *options, int opt)
{
    switch (opt) {
    case OPT_SOCKET:
        options->socket_path = optarg;
        return 0;
    case OPT_CONTROL:
        options->control_path = optarg;
        return 0;
    case OPT_ROOT_OUT:
        options->root_out = optarg;
        return 0;
    case OPT_ROOT_KEY:
        options->root_key = optarg;
        return 0;
    case OPT_DEBUG:
        options->debug = true;
        return 0;
    case OPT_TAG:
        options->tagged = true;
        return 0;
    case OPT_DIE:
        options->die_with_parent = true;
        return 0;
    default:
        return -EINVAL;
    }
}

static int read_option(struct nacre_sim_options *options, int opt)
{
    switch (opt) {
    case OPT_LISTEN_FD:
        return read_fd("listen-fd", optarg, &options->listen_fd);
    case OPT_READY_FD:
        return read_fd("ready-fd", optarg, &options->ready_fd);
    case OPT_MAP:
        return read_choice("map", optarg, "indefinite", "definite", &options->definite);
    case OPT_LIMITS:
        return read_choice("limits", optarg, "documented", "none", &options->any_size);
    case OPT_PCR:
        return read_pcr(options, optarg);
    case OPT_MODULE_ID:
        return read_module_id(options, optarg);
    case OPT_FAULT:
        return read_fault(options, optarg);
    default:
        return read_plain(options, opt);
    }
}

enum nacre_sim_options_result nacre_sim_options_read(struct nacre_sim_options *options, int argc, char **argv)
{
    *options = (struct nacre_sim_options){.listen_fd = -1, .ready_fd = -1};
    int opt;
    while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (opt == OPT_HELP || opt == OPT_VERSION) {
            (void)fputs(opt == OPT_HELP ? help : "nacre-nsm-sim " NACRE_VERSION "\n", stdout);
            return NACRE_SIM_OPTIONS_DONE;
        }
        if (read_option(options, opt) < 0)
            return NACRE_SIM_OPTIONS_BAD;
    }
    if (optind < argc) {
        (void)fprintf(stderr, "nacre-nsm-sim: unexpected argument '%s'\n", argv[optind]);
        return NACRE_SIM_OPTIONS_BAD;
    }
    if ((options->socket_path == NULL) == (options->listen_fd < 0)) {
        (void)fputs("nacre-nsm-sim: exactly one of --socket and --listen-fd is needed; see --help\n", stderr);
        return NACRE_SIM_OPTIONS_BAD;
    }
    return NACRE_SIM_OPTIONS_RUN;
}
