/* nacre secrets send */
#include "cmd_secrets.h"
#include "commands.h"
#include "deliver.h"
#include "file.h"
#include "netaddr.h"

#include <common/sealed.h>
#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_S_MAX 86400u

static const char help[] =
    "usage: nacre secrets send BLOB PLACE [--wait SECONDS] [--plain]\n"
    "\n"
    "Delivers a sealed blob to the enclave it is for, and prints the enclave's answer. Whoever runs this can "
    "read\n"
    "nothing of it and change nothing in it. PLACE is one of\n"
    "  --vsock CID[:PORT]   an enclave on this machine; port 7777 if left out\n"
    "  --unix PATH          the socket of secrets.source unix:PATH; with --port N the socket of a machine "
    "that speaks\n"
    "                       CONNECT N, as Firecracker and vhost-device-vsock do\n"
    "  --tcp ADDRESS:PORT   a relay\n"
    "\n"
    "  --wait SECONDS       keep trying to connect that long: an enclave that boots listens late\n"
    "  --plain              BLOB is not sealed. The machine that runs this, and the parent instance, can "
    "read it\n"
    "\n"
    "Exit codes: 0 received, 1 refused by the enclave, 2 not delivered.\n";

struct wish {
    const char *blob, *vsock, *path, *port, *tcp;
    uint64_t wait_s;
    bool plain;
};

static int make_place(const struct wish *w, char *out, size_t room, const char *program)
{
    char why[512];
    int given = (w->vsock != NULL) + (w->path != NULL) + (w->tcp != NULL);
    if (!w->blob || given != 1 || (w->port && !w->path))
        return nacre_usage_error(program, "expected BLOB and one of --vsock, --unix [--port], --tcp");
    if (w->vsock)
        (void)snprintf(out, room, "vsock:%s%s", w->vsock, strchr(w->vsock, ':') ? "" : ":7777");
    else if (w->path)
        (void)snprintf(out, room, "unix:%s%s%s", w->path, w->port ? "#" : "", w->port ? w->port : "");
    else
        (void)snprintf(out, room, "tcp:%s", w->tcp);
    return nacre_deliver_check(out, why, sizeof why) ? nacre_usage_error(program, "%s", why) : -1;
}

/* -1 to go on, else the exit code. */
static int read_options(struct wish *w, int argc, char **argv)
{
    static const struct option options[] = {
        {"vsock", required_argument, NULL, 'v'}, {"unix", required_argument, NULL, 'u'},
        {"port", required_argument, NULL, 'p'},  {"tcp", required_argument, NULL, 't'},
        {"wait", required_argument, NULL, 'w'},  {"plain", no_argument, NULL, 'P'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
    const char **const texts[] = {&w->vsock, &w->path, &w->port, &w->tcp};
    static const char letters[] = "vupt";
    int code;
    optind = 1;
    while ((code = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        const char *at = code == '?' ? NULL : strchr(letters, code);
        if (code == '?')
            return NACRE_EXIT_USAGE;
        if (code == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        if (at)
            *texts[at - letters] = optarg;
        else if (code == 'P')
            w->plain = true;
        else if (nacre_number_parse(&w->wait_s, optarg, strlen(optarg), WAIT_S_MAX))
            return nacre_usage_error(argv[0], "--wait is '%.100s', expected seconds up to %u", optarg,
                                     WAIT_S_MAX);
    }
    if (argc - optind == 1)
        w->blob = argv[optind];
    else if (argc - optind > 1)
        return nacre_usage_error(argv[0], "one blob at a time, but there is '%s' too", argv[optind + 1]);
    return -1;
}

/* What goes out by mistake does not come back. */
static int check_form(const struct wish *w, const uint8_t *data, size_t len, char why[NACRE_SEALED_WHY])
{
    struct nacre_sealed sealed;
    if (!w->plain)
        return nacre_sealed_parse(&sealed, data, len, why);
    if (!nacre_sealed_is(data, len))
        return 0;
    (void)snprintf(why, NACRE_SEALED_WHY, "it is sealed, and --plain says that it is not");
    return -EINVAL;
}

int nacre_cmd_secrets_send(int argc, char **argv)
{
    struct wish w = {0};
    char place[512], why[1024] = "", form[NACRE_SEALED_WHY] = "";
    uint8_t *data = NULL;
    size_t len = 0;
    int code = read_options(&w, argc, argv);
    if (code < 0)
        code = make_place(&w, place, sizeof place, argv[0]);
    if (code >= 0)
        return code;
    int rc = nacre_file_read(&data, &len, w.blob, NACRE_SEALED_MAX, why, sizeof why);
    if (rc == 0 && check_form(&w, data, len, form)) {
        (void)snprintf(why, sizeof why, "%s: %s", w.blob, form);
        rc = -EINVAL;
    }
    if (rc == 0)
        rc = nacre_deliver(place, data, len, w.wait_s * 1000, why, sizeof why);
    if (data)
        sodium_memzero(data, len);
    free(data);
    if (rc == 0)
        (void)puts(w.plain ? "received, in plain" : "received");
    else
        (void)fprintf(stderr, "%s: %s%s\n", argv[0], rc == -EACCES ? "refused: " : "not delivered: ", why);
    return rc == 0 ? 0 : rc == -EACCES ? NACRE_EXIT_FAILED : 2;
}
