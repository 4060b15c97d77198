#include "app.h"

#include <stdlib.h>

/* A setting's text, or what stands for it when there is none. */
static struct nacre_str text(const struct nacre_call *call, const char *name, const char *otherwise)
{
    struct nacre_str value;
    return nacre_config(call, name, &value) == 0 ? value : nacre_str(otherwise);
}

/* A whole number from `least` to `most`. */
static int32_t number(const struct nacre_call *call, const char *name, uint64_t otherwise, uint64_t least,
                      uint64_t most, uint64_t *out)
{
    struct nacre_str value;
    uint64_t n = 0;
    *out = otherwise;
    if (nacre_config(call, name, &value) != 0)
        return 0;
    for (uint64_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9' || n > UINT64_MAX / 10 - 1)
            return nacre_fail(call, 500, "plugin.%s is '%.*s', expected a whole number", name, (int)value.len,
                              value.ptr);
        n = n * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    if (value.len == 0 || n < least || n > most)
        return nacre_fail(call, 500, "plugin.%s is '%.*s', expected %llu to %llu", name, (int)value.len,
                          value.ptr, (unsigned long long)least, (unsigned long long)most);
    *out = n;
    return 0;
}

static int32_t url(const struct nacre_call *call, const char *name, const char *otherwise,
                   struct nacre_str *out)
{
    *out = text(call, name, otherwise);
    while (out->len && out->ptr[out->len - 1] == '/')
        out->len--;
    if (out->len <= 8 || memcmp(out->ptr, "https://", 8) != 0)
        return nacre_fail(call, 500, "plugin.%s is '%.*s', expected an https URL", name, (int)out->len,
                          out->ptr);
    return 0;
}

static int32_t read_store(const struct nacre_call *call, struct settings *out)
{
    const struct nacre_str kind = text(call, "store.kind", "walrus");
    int32_t err = 0;
    out->plain_store = nacre_str_is(kind, "https") ? 1 : 0;
    if (!out->plain_store && !nacre_str_is(kind, "walrus"))
        return nacre_fail(call, 500, "plugin.store.kind is '%.*s', expected walrus or https", (int)kind.len,
                          kind.ptr);
    if (out->plain_store) {
        if ((err = url(call, "store.url", "", &out->get)))
            return err;
        out->put = out->get;
        return 0;
    }
    if ((err = url(call, "store.aggregator", "https://aggregator.walrus-testnet.walrus.space", &out->get)) ||
        (err = url(call, "store.publisher", "https://publisher.walrus-testnet.walrus.space", &out->put)))
        return err;
    return number(call, "store.epochs", 5, 1, 1000, &out->store_epochs);
}

int32_t settings_read(const struct nacre_call *call, struct settings *out)
{
    uint64_t columns = 0, threads = 0;
    int32_t err;
    memset(out, 0, sizeof *out);
    if ((err = read_store(call, out)) ||
        (err = number(call, "limits.bytes", UINT64_C(1) << 30, 1, UINT64_C(1) << 40, &out->limits.bytes)) ||
        (err = number(call, "limits.rows", 10000000, 1, 4000000000u, &out->limits.rows)) ||
        (err = number(call, "limits.columns", 16384, 1, 1u << 20, &columns)) ||
        (err = number(call, "limits.memory", UINT64_C(1) << 32, 1, UINT64_C(1) << 40, &out->memory)) ||
        (err = number(call, "training.concurrent", 2, 1, 64, &out->concurrent)) ||
        (err = number(call, "training.threads", 0, 0, 64, &threads)))
        return err;
    out->limits.columns = (uint32_t)columns;
    out->threads = (uint32_t)threads;
    return 0;
}
