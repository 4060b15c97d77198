/*
 * nacre-blobstore - the two calls of Walrus that apps use, on this machine and in memory: for development and tests.
 * Speaks HTTPS only, with a certificate authority of its own that lives as long as it does.
 */
#include "serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_BLOB  (10u << 20)
#define MAX_TOTAL ((uint64_t)1 << 30)

static const char names[] =
    "DNS:localhost,IP:127.0.0.1,IP:::1,DNS:*.walrus-testnet.walrus.space,DNS:*.walrus-mainnet.walrus.space";

static const char help[] =
    "usage: nacre-blobstore --ca-out FILE [--listen ADDR:PORT] [--ready-fd N]\n"
    "\n"
    "PUT https://ADDR:PORT/v1/blobs?epochs=N stores the body, GET https://ADDR:PORT/v1/blobs/ID gives it "
    "back, as "
    "the\n"
    "publisher and the aggregator of Walrus do. In memory: 10 MiB a blob, 1 GiB together, gone at the end.\n"
    "\n"
    "  --ca-out FILE        where the certificate goes that clients have to trust (PEM)\n"
    "  --listen ADDR:PORT   an IPv4 address; default 127.0.0.1:0, and 0 takes a free port\n"
    "  --ready-fd N         write \"ready PORT\" there; default: standard output\n";

struct options {
    const char *ca_out;
    struct sockaddr_in listen;
    int ready_fd;
};

static int usage(const char *text)
{
    (void)fprintf(stderr, "nacre-blobstore: %s; see --help\n", text);
    return 2;
}

/* -1 to go on, else the exit code. */
static int read_options(struct options *o, int argc, char **argv)
{
    static const struct option list[] = {{"ca-out", required_argument, NULL, 'c'},
                                         {"listen", required_argument, NULL, 'l'},
                                         {"ready-fd", required_argument, NULL, 'r'},
                                         {"help", no_argument, NULL, 'h'},
                                         {0}};
    int opt;
    long n = 0;
    while ((opt = getopt_long(argc, argv, "h", list, NULL)) != -1) {
        if (opt == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        if (opt == 'c')
            o->ca_out = optarg;
        else if (opt == 'l' && !service_address(optarg, &o->listen))
            return usage("--listen wants an IPv4 address and a port");
        else if (opt == 'r' && !service_number(optarg, 1023, &n))
            return usage("--ready-fd wants a number");
        else if (opt == '?')
            return 2;
        if (opt == 'r')
            o->ready_fd = (int)n;
    }
    if (optind < argc)
        return usage("there is a word too many");
    return o->ca_out ? -1 : usage("--ca-out is needed");
}

static int fail(const char *what)
{
    (void)fprintf(stderr, "nacre-blobstore: %s: %s\n", what, errno ? strerror(errno) : "failed");
    return 1;
}

static int run(const struct options *o, const sigset_t *signals)
{
    struct store store = {.blobs = {.most = MAX_TOTAL}, .max_blob = MAX_BLOB};
    struct certificate certificate;
    char line[32];
    (void)pthread_mutex_init(&store.blobs.lock, NULL);
    if (certificate_make(&certificate, "nacre-blobstore", names) < 0)
        return fail("no certificate could be made");
    int port = serve_start(&store, &o->listen, o->ca_out, &certificate);
    certificate_free(&certificate);
    if (port < 0)
        return fail("cannot write --ca-out or listen");
    (void)snprintf(line, sizeof line, "ready %d\n", port);
    if (!service_wait(o->ready_fd, line, signals))
        return fail("cannot say ready");
    serve_stop(&store);
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {.listen = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                        .ready_fd = STDOUT_FILENO};
    sigset_t set;
    int code = read_options(&o, argc, argv);
    if (code >= 0)
        return code;
    service_signals(&set);
    errno = 0;
    return sodium_init() < 0 ? fail("libsodium does not start") : run(&o, &set);
}
