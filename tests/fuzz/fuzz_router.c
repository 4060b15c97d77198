/*
 * The first byte chooses a method, the rest is a request target: routing, and the parameters of what was found. No
 * parameter holds a '/', a NUL byte or anything but UTF-8, however it was spelled.
 */
#include "fuzz.h"

#include "common/bcs.h"
#include "common/bytes.h"
#include "http/path.h"
#include "http/router.h"
#include "sample.h"

#include <string.h>

static struct nacre_manifest manifest;
static struct nacre_router router;
static uint8_t params[65536];

static void start(void)
{
    char why[256] = "";
    if (manifest.arena)
        return;
    sample_load(&manifest, NULL);
    need(nacre_router_build(&router, &manifest, why, sizeof why) == 0);
}

static void check_params(const struct nacre_match *match)
{
    int64_t n = nacre_params_encode(match, params, sizeof params);
    if (n < 0)
        return;
    struct nacre_reader r = nacre_reader(params, (size_t)n);
    for (uint32_t i = 0; i < match->path->n_params; i++) {
        uint64_t len = nacre_read_le(&r, 2);
        const uint8_t *text = nacre_read_bytes(&r, len);
        need(!r.failed && nacre_utf8_valid(text, len));
        need(!memchr(text, '/', len) && !memchr(text, '\0', len));
    }
    need(nacre_reader_left(&r) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nacre_match match;
    char allowed[64];
    start();
    if (size < 1 || size > 16384)
        return 0;
    char *target = malloc(size);
    need(target != NULL);
    memcpy(target, data + 1, size - 1);
    target[size - 1] = '\0';
    const char *path = nacre_path_of_target(target);
    need(path[0] == '/' || path == target);
    enum nacre_method method = (enum nacre_method)(data[0] % (NACRE_METHOD_OTHER + 1));
    enum nacre_found found = nacre_router_find(&router, method, path, strlen(path), &match);
    need(found == NACRE_BAD_PATH || nacre_path_ok(path, strlen(path)));
    if (found == NACRE_FOUND) {
        nacre_allow_header(match.allowed, allowed);
        check_params(&match);
    }
    free(target);
    return 0;
}
