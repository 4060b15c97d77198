/*
 * nacre-kms-stub - AWS KMS's Encrypt and Decrypt on this machine, with one key and one key policy: for development and
 * tests. It believes the documents of the simulator's root, and has a certificate authority of its own.
 */
#include "stub.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: nacre-kms-stub --key FILE --policy FILE --credentials FILE --root FILE --ca-out FILE [options]\n"
    "       nacre-kms-stub --key FILE --encrypt FILE -o FILE\n"
    "       nacre-kms-stub --key FILE --show\n"
    "\n"
    "  --key FILE           the key, 64 hex digits; made when there is none\n"
    "  --policy FILE        its key policy, in AWS's JSON form; conditions on kms:RecipientAttestation:PCR0 "
    "to PCR31\n"
    "                       and ImageSha384. What is not understood allows nothing\n"
    "  --credentials FILE   whose requests are taken: AccessKeyId, SecretAccessKey, Token, Expiration, as "
    "EC2's metadata\n"
    "                       service says them, and Arn, the role's, by default ...:role/parent\n"
    "  --root FILE          the simulator's root certificate (PEM), which documents must come from\n"
    "  --ca-out FILE        where the certificate goes that clients have to trust (PEM)\n"
    "  --region NAME        default eu-central-1\n"
    "  --listen ADDR:PORT   an IPv4 address; default 127.0.0.1:0, and 0 takes a free port\n"
    "  --fault FILE         \"NAME COUNT\": what the next COUNT answers are instead; see faults.c and "
    "decrypt.c\n"
    "  --record FILE        where the body of the last Decrypt goes\n"
    "  --ready-fd N         write \"ready PORT KEY_ID\" there; default: standard output\n"
    "\n"
    "  --encrypt FILE       do what `aws kms encrypt` does, without a service; -o FILE is the ciphertext\n"
    "  --show               print the key's id\n"
    "\n"
    "Policy, credentials, root and faults are read anew for each request.\n";

struct options {
    const char *key, *ca_out, *plain, *output;
    struct sockaddr_in listen;
    int ready_fd;
    bool show;
};

static int fail(const char *what, const char *which)
{
    (void)fprintf(stderr, "nacre-kms-stub: %s%s%s%s%s\n", what, which ? ": " : "", which ? which : "",
                  errno ? ": " : "", errno ? strerror(errno) : "");
    return 1;
}

static int usage(const char *text)
{
    (void)fprintf(stderr, "nacre-kms-stub: %s; see --help\n", text);
    return 2;
}

/* -1 to go on, else the exit code. */
static int take(struct options *o, struct stub *s, int letter, const char *value)
{
    long n = 0;
    const struct {
        int letter;
        const char **to;
    } texts[] = {{'k', &o->key},       {'p', &s->policy_file}, {'C', &s->credentials_file},
                 {'R', &s->root_file}, {'c', &o->ca_out},      {'e', &o->plain},
                 {'o', &o->output},    {'f', &s->fault_file},  {'w', &s->record_file}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].letter == letter)
            *texts[i].to = value;
    if (letter == 's')
        o->show = true;
    if (letter == 'g' && (size_t)snprintf(s->region, sizeof s->region, "%s", value) >= sizeof s->region)
        return usage("--region is too long");
    if (letter == 'l' && !service_address(value, &o->listen))
        return usage("--listen wants an IPv4 address and a port");
    if (letter == 'r' && !service_number(value, 1023, &n))
        return usage("--ready-fd wants a number");
    if (letter == 'r')
        o->ready_fd = (int)n;
    return -1;
}

static int read_options(struct options *o, struct stub *s, int argc, char **argv)
{
    static const struct option list[] = {{"key", required_argument, NULL, 'k'},
                                         {"policy", required_argument, NULL, 'p'},
                                         {"credentials", required_argument, NULL, 'C'},
                                         {"root", required_argument, NULL, 'R'},
                                         {"ca-out", required_argument, NULL, 'c'},
                                         {"region", required_argument, NULL, 'g'},
                                         {"listen", required_argument, NULL, 'l'},
                                         {"fault", required_argument, NULL, 'f'},
                                         {"record", required_argument, NULL, 'w'},
                                         {"ready-fd", required_argument, NULL, 'r'},
                                         {"encrypt", required_argument, NULL, 'e'},
                                         {"output", required_argument, NULL, 'o'},
                                         {"show", no_argument, NULL, 's'},
                                         {"help", no_argument, NULL, 'h'},
                                         {0}};
    int letter, code = -1;
    while (code < 0 && (letter = getopt_long(argc, argv, "ho:", list, NULL)) != -1) {
        if (letter == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        code = letter == '?' ? 2 : take(o, s, letter, optarg);
    }
    if (code < 0 && optind < argc)
        return usage("there is a word too many");
    if (code < 0 && !o->key)
        return usage("--key is needed");
    if (code < 0 && !o->plain && !o->show &&
        (!s->policy_file || !s->credentials_file || !s->root_file || !o->ca_out))
        return usage("--policy, --credentials, --root and --ca-out are needed");
    return code < 0 && o->plain && !o->output ? usage("-o is needed") : code;
}

static int encrypt(const struct stub *s, const struct options *o)
{
    size_t len = 0, n = 0;
    char *plain = stub_read(o->plain, &len);
    if (!plain || len == 0 || len > STUB_PLAIN) {
        free(plain);
        return fail("not a file of 1 to 4096 bytes", o->plain);
    }
    uint8_t *blob = stub_encrypt(s, (const uint8_t *)plain, len, &n);
    int fd = blob ? open(o->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
    bool good = fd >= 0 && write(fd, blob, n) == (ssize_t)n;
    if (fd >= 0)
        (void)close(fd);
    sodium_memzero(plain, len);
    free(plain);
    free(blob);
    return good ? 0 : fail("cannot write", o->output);
}

static int run(struct stub *s, const struct options *o, const sigset_t *signals)
{
    struct certificate certificate;
    char names[STUB_TEXT], line[2 * STUB_TEXT];
    (void)snprintf(names, sizeof names, "DNS:localhost,IP:127.0.0.1,DNS:kms.%s.amazonaws.com", s->region);
    if (certificate_make(&certificate, "nacre-kms-stub", names) < 0)
        return fail("no certificate could be made", NULL);
    int port = stub_serve(s, &o->listen, o->ca_out, &certificate);
    certificate_free(&certificate);
    if (port < 0)
        return fail("cannot write --ca-out or listen", NULL);
    (void)snprintf(line, sizeof line, "ready %d %s\n", port, s->key_id);
    if (!service_wait(o->ready_fd, line, signals))
        return fail("cannot say ready", NULL);
    stub_stop(s);
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {.listen = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                        .ready_fd = STDOUT_FILENO};
    static struct stub s = {.region = "eu-central-1"};
    sigset_t set;
    int code = read_options(&o, &s, argc, argv);
    if (code >= 0)
        return code;
    service_signals(&set);
    errno = 0;
    if (sodium_init() < 0)
        return fail("libsodium does not start", NULL);
    if (!stub_load_key(&s, o.key))
        return fail("no key of 64 hex digits", o.key);
    if (o.show)
        (void)puts(s.key_id);
    return o.show ? 0 : o.plain ? encrypt(&s, &o) : run(&s, &o, &set);
}
