/* nacre secrets lend */
#include "cmd_secrets.h"

#include "commands.h"
#include "deliver.h"
#include "netaddr.h"
#include "ops/lend.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: nacre secrets lend --to PLACE [--from imds|FILE] [--wait SECONDS]\n"
    "\n"
    "Lends this instance's credentials to an enclave whose secrets come from AWS KMS (secrets.kms), newer "
    "ones every\n"
    "few seconds, until it has them. KMS gives nothing for the credentials alone: the key's policy asks for "
    "an\n"
    "attestation document of the image as well, which only the enclave can have.\n"
    "\n"
    "  --to PLACE       vsock:CID:7777, unix:PATH, unix:PATH#PORT or tcp:ADDRESS:PORT\n"
    "  --from imds      EC2's metadata service, version 2 (default); imds:ADDRESS:PORT for one in its place\n"
    "  --from FILE      JSON as that service says it: AccessKeyId, SecretAccessKey, Token, Expiration\n"
    "  --wait SECONDS   300 if left out\n"
    "\n"
    "Exit codes: 0 nobody waits for them there any more: the enclave has its secrets (or has ended), 1 "
    "refused by "
    "the\n"
    "enclave, 2 not in time or not delivered.\n";

int nacre_cmd_secrets_lend(int argc, char **argv)
{
    static const struct option options[] = {{"to", required_argument, NULL, 't'},
                                            {"from", required_argument, NULL, 'f'},
                                            {"wait", required_argument, NULL, 'w'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *to = NULL, *from = "imds";
    char why[1024] = "";
    uint64_t wait_s = 300;
    int code;
    optind = 1;
    while ((code = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (code == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        if (code == '?')
            return NACRE_EXIT_USAGE;
        if (code == 't')
            to = optarg;
        else if (code == 'f')
            from = optarg;
        else if (nacre_number_parse(&wait_s, optarg, strlen(optarg), 86400))
            return nacre_usage_error(argv[0], "--wait is '%.100s', expected seconds up to 86400", optarg);
    }
    if (!to || optind < argc)
        return nacre_usage_error(argv[0], "expected --to PLACE, and no other words");
    if (nacre_deliver_check(to, why, sizeof why))
        return nacre_usage_error(argv[0], "%s", why);
    int rc = nacre_lend(to, from, wait_s * 1000, why, sizeof why);
    if (rc == 0)
        (void)puts("the enclave has its secrets");
    else
        (void)fprintf(stderr, "%s: %s%s\n", argv[0], rc == -EACCES ? "refused: " : "", why);
    return rc == 0 ? 0 : rc == -EACCES ? NACRE_EXIT_FAILED : 2;
}
