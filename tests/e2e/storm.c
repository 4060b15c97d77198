/* Arguments in, one JSON object out. */
#include "storm.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "storm --to ADDR:PORT (--requests N | --seconds S) [--connections 64] [--key HEX] [--seed N] [--gap-ms "
    "20]\n"
    "      [--give-up S] [--bound-ms N] [--canary WORD] [--forbid TEXT]\n"
    "Sends different media requests over keep-alive connections; with --key verifies each answer's "
    "signature;\n"
    "with --bound-ms also that its time is that of the exchange, within N ms; no answer may hold TEXT.\n"
    "Exit status: 0 when every answer with status 200 was right, 1 when one was not, 2 for bad arguments.\n";

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t quantile(const struct storm_result *r, double q)
{
    return r->good ? r->latency_us[(uint64_t)((double)(r->good - 1) * q)] : 0;
}

static void print(struct storm_result *r)
{
    double seconds = (double)(r->end_ns - r->begin_ns) / 1e9;
    if (r->good)
        qsort(r->latency_us, r->good, sizeof *r->latency_us, compare);
    printf("{\"sent\":%" PRIu64 ",\"good\":%" PRIu64 ",\"wrong\":%" PRIu64 ",\"foreign\":%" PRIu64
           ",\"bad_signature\":%" PRIu64 ",\"bad_time\":%" PRIu64 ",\"leaks\":%" PRIu64 ",\"closed\":%" PRIu64
           ",\"refused\":%" PRIu64 ",\"malformed\":%" PRIu64 ",\"statuses\":{",
           r->sent, r->good, r->wrong, r->foreign, r->bad_signature, r->bad_time, r->leaks, r->closed,
           r->refused, r->malformed);
    const char *comma = "";
    for (unsigned i = 0; i < 600; i++) {
        if (r->status[i]) {
            printf("%s\"%u\":%" PRIu64, comma, i, r->status[i]);
            comma = ",";
        }
    }
    printf("},\"seconds\":%.3f,\"per_second\":%.1f,\"p50_us\":%u,\"p99_us\":%u,\"p999_us\":%u,\"max_us\":%u,"
           "\"gaps\":[",
           seconds, (double)r->good / seconds, quantile(r, 0.5), quantile(r, 0.99), quantile(r, 0.999),
           quantile(r, 1.0));
    for (size_t i = 0; i < r->n_gaps; i++)
        printf("%s[%" PRIu64 ",%" PRIu64 "]", i ? "," : "", r->gaps[i][0], r->gaps[i][1]);
    printf("]}\n");
    if (r->wrong)
        (void)fprintf(stderr, "storm: first wrong answer: %s\n", r->first_wrong);
}

static bool parse_to(struct storm_options *o, char *text)
{
    struct in_addr ignored;
    char *colon = strrchr(text, ':');
    if (!colon)
        return false;
    *colon = '\0';
    o->host = text;
    unsigned long port = strtoul(colon + 1, NULL, 10);
    o->port = (uint16_t)port;
    return port > 0 && port < 65536 && inet_pton(AF_INET, text, &ignored) == 1;
}

static bool parse_key(struct storm_options *o, const char *text)
{
    size_t len = 0;
    o->verify = true;
    return sodium_hex2bin(o->key, sizeof o->key, text, strlen(text), NULL, &len, NULL) == 0 &&
           len == sizeof o->key;
}

static bool parse(struct storm_options *o, int argc, char **argv)
{
    static const struct option names[] = {
        {"to", 1, NULL, 't'},          {"requests", 1, NULL, 'r'}, {"seconds", 1, NULL, 's'},
        {"connections", 1, NULL, 'c'}, {"key", 1, NULL, 'k'},      {"seed", 1, NULL, 'e'},
        {"gap-ms", 1, NULL, 'g'},      {"give-up", 1, NULL, 'u'},  {"bound-ms", 1, NULL, 'b'},
        {"canary", 1, NULL, 'n'},      {"forbid", 1, NULL, 'f'},   {NULL, 0, NULL, 0}};
    bool ok = true;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 't':
            ok = ok && parse_to(o, optarg);
            break;
        case 'r':
            o->requests = strtoull(optarg, NULL, 10);
            break;
        case 's':
            o->seconds = strtod(optarg, NULL);
            break;
        case 'c':
            o->connections = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'k':
            ok = ok && parse_key(o, optarg);
            break;
        case 'e':
            o->seed = strtoull(optarg, NULL, 10);
            break;
        case 'g':
            o->gap_ns = strtoull(optarg, NULL, 10) * 1000000u;
            break;
        case 'b':
            o->timed = true;
            o->bound_ms = strtoull(optarg, NULL, 10);
            break;
        case 'n':
            ok = ok && strlen(optarg) <= 40 && !strpbrk(optarg, "\"\\");
            o->canary = optarg;
            break;
        case 'f':
            o->forbid = optarg;
            break;
        case 'u':
            o->give_up = strtod(optarg, NULL);
            break;
        default:
            return false;
        }
    }
    return ok && o->host && o->connections && (o->requests || o->seconds > 0) && optind == argc;
}

int main(int argc, char **argv)
{
    static struct storm_result r;
    struct storm_options o = {.connections = 64, .gap_ns = 20000000u, .give_up = 600};
    if (sodium_init() < 0)
        return 2;
    o.seed = randombytes_uniform(UINT32_MAX);
    if (!parse(&o, argc, argv)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    if (storm_run(&o, &r) < 0) {
        (void)fputs("storm: out of memory\n", stderr);
        return 2;
    }
    print(&r);
    free(r.latency_us);
    return r.wrong || r.malformed || r.leaks ? 1 : 0;
}
