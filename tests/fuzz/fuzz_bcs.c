/*
 * Any bytes as BCS of a type with every kind of value: what the walk in nacred accepts, nacre-http can render, and
 * what it renders is JSON.
 */
#include "fuzz.h"

#include "common/bcs.h"
#include "common/json_read.h"
#include "http/render.h"
#include "sample.h"

static struct nacre_manifest manifest;
static struct nacre_renderer renderer;

static void start(void)
{
    if (manifest.arena)
        return;
    sample_load(&manifest, NULL);
    need(nacre_renderer_init(&renderer, &manifest.types) == 0);
}

static void need_json(const char *text, size_t len)
{
    struct nacre_json j;
    nacre_json_init(&j, text, len);
    need(nacre_json_skip(&j, nacre_json_next(&j)) == 0);
    need(nacre_json_next(&j) == NACRE_JSON_END);
}

static void check(uint32_t route, const uint8_t *data, size_t size)
{
    struct nacre_json_out out = {0};
    uint32_t type = sample_response(&manifest, route);
    size_t offset = 0;
    int accepted = nacre_bcs_check(&manifest.types, type, data, size, &offset) == 0;
    need(accepted || offset <= size);
    int rendered = nacre_render(&out, &renderer, type, data, size, (size_t)16 << 20);
    need(accepted ? rendered == 0 : rendered != 0);
    if (accepted)
        need_json(out.base, out.len);
    free(out.base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    check(ROUTE_PROCESS, data, size);
    check(ROUTE_REGISTER, data, size);
    return 0;
}
