/*
 * nacre-blobstore - the two calls of Walrus that apps use, on this machine and in memory: for development and tests.
 * Speaks HTTPS only, with a certificate authority of its own that lives as long as it does.
 */
#include "serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
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

static bool parse_number(const char *text, long most, long *out)
{
    char *end = NULL;
    errno = 0;
    *out = strtol(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *out <= most;
}

static bool parse_address(const char *text, struct sockaddr_in *out)
{
    char host[INET_ADDRSTRLEN];
    const char *colon = strrchr(text, ':');
    long port = 0;
    if (!colon || (size_t)(colon - text) >= sizeof host || !parse_number(colon + 1, 65535, &port))
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, host, &out->sin_addr) == 1;
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
        else if (opt == 'l' && !parse_address(optarg, &o->listen))
            return usage("--listen wants an IPv4 address and a port");
        else if (opt == 'r' && !parse_number(optarg, 1023, &n))
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

static bool write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    if (!f)
        return false;
    bool good = fputs(text, f) != EOF;
    return fclose(f) == 0 && good;
}

static int run(const struct options *o, const sigset_t *signals)
{
    struct store store = {.blobs = {.most = MAX_TOTAL}, .max_blob = MAX_BLOB};
    struct certificate certificate;
    int got = 0, port;
    (void)pthread_mutex_init(&store.blobs.lock, NULL);
    if (certificate_make(&certificate, "nacre-blobstore", names) < 0)
        return fail("no certificate could be made");
    port = write_file(o->ca_out, certificate.ca) ? serve_start(&store, &o->listen, &certificate) : -1;
    certificate_free(&certificate);
    if (port < 0)
        return fail("cannot write --ca-out or listen");
    if (dprintf(o->ready_fd, "ready %d\n", port) < 0)
        return fail("cannot say ready");
    if (o->ready_fd > STDERR_FILENO)
        (void)close(o->ready_fd);
    (void)sigwait(signals, &got);
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
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    errno = 0;
    return sodium_init() < 0 ? fail("libsodium does not start") : run(&o, &set);
}
