/*
 * The first byte chooses: any bytes as a data blob (pairs in JSON, CSV, an encrypted dataset, an envelope: the blob
 * itself says which), fed in two pieces; as a safetensors file; as a bundle of card and model; as a key.
 */
#include "fuzz.h"

#include "learn/dataset.h"
#include "learn/format.h"
#include "learn/model.h"
#include "learn/source.h"

#include <errno.h>
#include <string.h>

/* What is in an envelope is what was sealed: good enough for a fuzzer. */
static int open_box(void *ctx, const uint8_t sender[32], const uint8_t nonce[24], const uint8_t *box,
                    size_t len, const uint8_t **plain, size_t *plain_len)
{
    static uint8_t opened[65536];
    (void)ctx, (void)sender, (void)nonce;
    *plain_len = len < sizeof opened ? len : sizeof opened;
    memcpy(opened, box, *plain_len);
    *plain = opened;
    return 0;
}

static int dataset_key(void *ctx, const uint8_t id[ML_DATASET_ID], uint8_t key[32])
{
    (void)ctx;
    memset(key, 7, 32);
    return id[0] == 0xff ? -ENOKEY : 0;
}

static void fuzz_blob(const uint8_t *data, size_t size)
{
    static const struct ml_keys keys = {NULL, open_box, dataset_key};
    const struct ml_limits limits = {.bytes = 1 << 20, .rows = 1000, .columns = 64};
    const struct ml_config config = {.input_size = (uint32_t)(size % 8) + 1, .output_size = 2};
    struct ml_data rows;
    char why[ML_WHY];
    need(ml_data_init(&rows, &config, &limits, why) == 0);
    struct ml_source *source = ml_source_new(&rows, "fuzz", "", &keys);
    need(source != NULL);
    int err = ml_source_feed(source, data, size / 2);
    if (!err)
        err = ml_source_feed(source, data + size / 2, size - size / 2);
    if (!err)
        err = ml_source_end(source);
    need(err == 0 || ml_source_why(source)[0] != '\0');
    need(rows.rows <= limits.rows && rows.columns <= limits.columns);
    ml_source_free(source);
    ml_data_free(&rows);
}

static void fuzz_model(const uint8_t *data, size_t size)
{
    struct ml_model model;
    char why[ML_WHY] = "";
    if (ml_model_read(&model, data, size, why)) {
        need(why[0] != '\0');
        return;
    }
    need(model.n_tensors <= ML_TENSORS_MAX && model.n_texts <= ML_TEXTS_MAX);
    ml_model_free(&model);
}

static void fuzz_bundle(const uint8_t *data, size_t size)
{
    struct ml_bundle bundle;
    char why[ML_WHY] = "";
    if (ml_bundle_read(&bundle, data, size, why) == 0)
        need((const uint8_t *)bundle.card >= data && bundle.model + bundle.model_len <= data + size);
}

static void fuzz_key(const uint8_t *data, size_t size)
{
    uint8_t key[32];
    struct ml_grant grant;
    (void)ml_key_read(key, (const char *)data, size);
    (void)ml_grant_read(&grant, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(const uint8_t *, size_t) = {fuzz_blob, fuzz_model, fuzz_bundle, fuzz_key};
    if (size > 0)
        targets[data[0] % 4](data + 1, size - 1);
    return 0;
}
