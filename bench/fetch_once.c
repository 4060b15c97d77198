/*
 * fetch-once URL CA_FILE HOST:PORT:ADDR SECONDS: a bare libcurl program that gets one URL again and again, one request
 * at a time on one handle, so that libcurl reuses connection and TLS session where it can: what the weather app's calls are
 * measured beside. Prints JSON; the CPU time is the process's own, without its start.
 */
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CALLS_MAX 2000000u

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static size_t take(char *data, size_t size, size_t n, void *arg)
{
    (void)data;
    *(size_t *)arg += size * n;
    return size * n;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int get(CURL *easy, size_t *bytes)
{
    long status = 0;
    *bytes = 0;
    CURLcode code = curl_easy_perform(easy);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (code || status != 200 || *bytes == 0) {
        (void)fprintf(stderr, "fetch-once: %s, status %ld, %zu bytes\n", curl_easy_strerror(code), status,
                      *bytes);
        return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    size_t bytes = 0, n = 0;
    static uint32_t took[CALLS_MAX];
    if (argc != 5 || curl_global_init(CURL_GLOBAL_DEFAULT))
        return 2;
    CURL *easy = curl_easy_init();
    struct curl_slist *resolve = curl_slist_append(NULL, argv[3]);
    if (!easy || !resolve || curl_easy_setopt(easy, CURLOPT_URL, argv[1]) ||
        curl_easy_setopt(easy, CURLOPT_CAINFO, argv[2]) || curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) ||
        curl_easy_setopt(easy, CURLOPT_RESOLVE, resolve) || curl_easy_setopt(easy, CURLOPT_PROXY, "") ||
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take) ||
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &bytes) ||
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS))
        return 1;
    if (get(easy, &bytes)) /* the first connection is made, libraries are warm */
        return 1;
    uint64_t begin = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID), before = begin,
             end = begin + (uint64_t)(strtod(argv[4], NULL) * 1e9);
    while (before < end && n < CALLS_MAX) {
        if (get(easy, &bytes))
            return 1;
        uint64_t now = clock_ns(CLOCK_MONOTONIC);
        took[n++] = (uint32_t)((now - before) / 1000);
        before = now;
    }
    cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    qsort(took, n, sizeof *took, compare);
    if (n)
        (void)printf("{\"requests\":%zu,\"duration_us\":%llu,\"cpu_us\":%.2f,\"p50_us\":%u,\"p99_us\":%u}\n",
                     n, (unsigned long long)((before - begin) / 1000), (double)cpu / 1e3 / (double)n,
                     took[n / 2], took[n - 1 - n / 100]);
    curl_easy_cleanup(easy);
    curl_slist_free_all(resolve);
    curl_global_cleanup();
    return n == 0;
}
