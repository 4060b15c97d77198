/*
 * The first byte chooses what `nacre host` reads: its configuration, the answer to CONNECT, a health answer, what
 * nitro-cli prints.
 */
#include "fuzz.h"

#include "host/config.h"
#include "host/handshake.h"
#include "host/http_answer.h"
#include "host/nitro_parse.h"

#include <string.h>

static char why[512];

static void fuzz_config(const char *text, size_t size)
{
    static struct nacre_hd_config config;
    nacre_hd_config_defaults(&config);
    (void)nacre_hd_config_read(&config, "fuzz.yaml", text, size, why, sizeof why);
}

static void fuzz_hello(const char *text, size_t size)
{
    int n = nacre_hd_hello_answer(text, size);
    need(n < 0 || (size_t)n <= size);
    need(n <= 0 || text[n - 1] == '\n');
}

static void fuzz_answer(const char *text, size_t size)
{
    struct nacre_hd_http_answer answer;
    for (int ended = 0; ended < 2; ended++) {
        int got = nacre_hd_http_answer(&answer, text, size, ended);
        if (got != 1)
            continue;
        need(answer.status >= 100 && answer.status <= 999 && answer.body_len <= NACRE_HD_BODY_MAX);
        need(answer.body_len == 0 || (answer.body >= text && answer.body + answer.body_len <= text + size));
    }
}

static void fuzz_nitro(const char *text, size_t size)
{
    static struct nacre_hd_described described[NACRE_HD_DESCRIBED_MAX];
    int n = nacre_hd_nitro_parse(described, text, size, why, sizeof why);
    need(n <= (int)NACRE_HD_DESCRIBED_MAX);
    for (int i = 0; i < n; i++)
        need(described[i].json >= text && described[i].json + described[i].json_len <= text + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(const char *, size_t) = {fuzz_config, fuzz_hello, fuzz_answer, fuzz_nitro};
    if (size > 0)
        targets[data[0] % 4]((const char *)data + 1, size - 1);
    return 0;
}
