#include "app.h"

#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>

static int watch(void *ctx, const struct ml_progress *p)
{
    const struct nacre_call *call = ctx;
    char text[160];
    if (isfinite(p->loss) && isfinite(p->accuracy))
        (void)snprintf(text, sizeof text, "epoch %llu of %llu, loss %.6f, accuracy %.2f",
                       (unsigned long long)p->step, (unsigned long long)p->steps, p->loss, p->accuracy);
    else
        (void)snprintf(text, sizeof text, "step %llu of %llu", (unsigned long long)p->step,
                       (unsigned long long)p->steps);
    nacre_progress(call, p->steps ? (uint32_t)(p->step * 1000 / p->steps) : 0, text);
    return nacre_remaining_ms(call) == 0;
}

static int over(void *ctx)
{
    return nacre_remaining_ms(ctx) == 0;
}

static int32_t read_buyer(const struct nacre_call *call, struct nacre_str key_id, struct buyer *out)
{
    uint8_t sealed[crypto_box_SEALBYTES];
    if (ml_key_read(out->key, key_id.ptr, key_id.len) != 0) {
        const int address = key_id.len == 66 && key_id.ptr[0] == '0' && key_id.ptr[1] == 'x';
        return nacre_fail(call, 422,
                          "key_id is %s: the model is encrypted to key_id, which must be a 32-byte X25519 "
                          "public key in hex (64 digits) or base64",
                          address ? "a Sui address, to which nothing can be encrypted" : "no key");
    }
    /* a point of small order is found out here and not after hours of training */
    if (crypto_box_seal(sealed, NULL, 0, out->key) != 0)
        return nacre_fail(call, 422, "key_id is not a usable X25519 public key");
    return 0;
}

static int32_t train(const struct nacre_call *call, const struct settings *settings, const struct Job *job,
                     struct inputs *in, struct ml_job *ml, struct ml_result *result)
{
    char why[ML_WHY] = "";
    const uint64_t n = job->data_blob_ids.count;
    struct nacre_str *ids = nacre_alloc(call, (n + 1) * sizeof *ids);
    if (!ids)
        return nacre_fail(call, 503, "out of memory");
    for (uint64_t i = 0; i < n; i++)
        ids[i] = ((const struct nacre_str *)job->data_blob_ids.ptr)[i];
    ids[n] = job->model_config_blob_id;
    *ml = (struct ml_job){.config = &in->config,
                          .learning_rate = job->learning_rate,
                          .epochs = job->epochs,
                          .seed = in->config.has_seed ? in->config.seed : ml_seed_from(ids, n + 1),
                          .memory = settings->memory,
                          .threads = settings->threads,
                          .watch = watch,
                          .over = over,
                          .ctx = (void *)(uintptr_t)call};
    switch (ml_train(ml, &in->data, result, why)) {
    case 0:
        return 0;
    case -EINVAL:
        return nacre_fail(call, 422, "%s", why);
    case -E2BIG:
        return nacre_fail(call, 413, "%s", why);
    case -ECANCELED:
        return nacre_fail(call, 504, "training was ended: nobody waits for the model any more");
    case -ENOTSUP:
        return nacre_fail(call, 500, "%s", why);
    default:
        return nacre_fail(call, 503, "out of memory for training");
    }
}

static void wipe(void *p, size_t len)
{
    if (p)
        sodium_memzero(p, len);
    free(p);
}

/* The file of the model, which is not needed any more once it is written. */
static uint8_t *write_model(struct ml_result *result, struct outcome *out, size_t *len)
{
    uint8_t *model = ml_model_write(&result->model, len);
    ml_model_free(&result->model);
    if (model)
        (void)crypto_hash_sha256(out->model_sha256, model, *len);
    return model;
}

/* Card and model in one, in memory that the caller wipes; `model` is freed. NULL when memory is out. */
static uint8_t *bundle(const struct ml_card *card, uint8_t *model, size_t model_len, size_t *len)
{
    struct ml_bundle parts = {.model = model, .model_len = model_len};
    char *text = ml_card_write(card, &parts.card_len);
    parts.card = text;
    uint8_t *plain = text ? ml_bundle_write(&parts, len) : NULL;
    wipe(text, parts.card_len);
    wipe(model, model_len);
    return plain;
}

/* A model may be as large as its data was (knn), so never more than two of its forms are in memory at once. */
static int32_t seal(const struct nacre_call *call, struct ml_result *result, struct ml_card *card,
                    struct outcome *out, struct nacre_bytes *sealed)
{
    size_t model_len = 0, len = 0;
    uint8_t *model = write_model(result, out, &model_len);
    memcpy(card->model_sha256, out->model_sha256, sizeof card->model_sha256);
    uint8_t *plain = model ? bundle(card, model, model_len, &len) : NULL;
    uint8_t *box = plain ? malloc(len + crypto_box_SEALBYTES) : NULL;
    int32_t err = 0;
    if (!box)
        err = nacre_fail(call, 503, "out of memory for the model");
    else if (crypto_box_seal(box, plain, len, out->buyer) != 0)
        err = nacre_fail(call, 422, "key_id is not a usable X25519 public key");
    wipe(plain, len);
    if (err) {
        free(box);
        return err;
    }
    *sealed = (struct nacre_bytes){box, len + crypto_box_SEALBYTES};
    return 0;
}

static int32_t deliver(const struct nacre_call *call, const struct settings *settings,
                       struct ml_result *result, struct ml_card *card, struct outcome *out)
{
    struct nacre_bytes sealed;
    struct nacre_about *about = nacre_alloc(call, sizeof *about);
    card->about = about && nacre_about(call, about) == 0 ? about : NULL;
    int32_t err = seal(call, result, card, out, &sealed);
    if (err)
        return err;
    (void)crypto_hash_sha256(out->sealed_sha256, sealed.ptr, sealed.len);
    err = store_put(call, settings, sealed, &out->model_blob_id);
    free((void *)(uintptr_t)sealed.ptr);
    return err;
}

static int32_t run(const struct nacre_call *call, const struct settings *settings, const struct Job *job,
                   const uint8_t *request_sha256, struct inputs *in, struct outcome *out)
{
    struct ml_job ml = {.config = NULL};
    struct ml_result *result = nacre_alloc(call, sizeof *result);
    if (!result)
        return nacre_fail(call, 503, "out of memory");
    int32_t err = train(call, settings, job, in, &ml, result);
    ml_data_free(&in->data); /* before the model takes its room */
    if (err)
        return err;
    struct ml_card card = {.config = &in->config,
                           .job = &ml,
                           .result = result,
                           .blobs = in->blobs,
                           .n_blobs = in->n_blobs,
                           .config_blob = in->config_blob,
                           .request_sha256 = request_sha256};
    err = deliver(call, settings, result, &card, out);
    out->train = result->train;
    out->test = result->test;
    out->seed = ml.seed;
    out->blobs = in->blobs;
    out->n_blobs = in->n_blobs;
    memcpy(out->config_sha256, in->config_blob.sha256, sizeof out->config_sha256);
    ml_result_free(result);
    return err;
}

int32_t job_run(const struct nacre_call *call, const struct Job *job, const uint8_t *request_sha256,
                struct outcome *out)
{
    struct settings settings;
    struct buyer buyer;
    struct inputs *in = nacre_alloc(call, sizeof *in);
    int32_t err;
    memset(out, 0, sizeof *out);
    if (!in)
        return nacre_fail(call, 503, "out of memory");
    if ((err = settings_read(call, &settings)) || (err = read_buyer(call, job->key_id, &buyer)))
        return err;
    memcpy(out->buyer, buyer.key, sizeof out->buyer);
    if ((err = gate_enter(call, settings.concurrent)))
        return err;
    err = inputs_load(call, &settings, job, &buyer, in);
    if (!err)
        err = run(call, &settings, job, request_sha256, in, out);
    inputs_free(in);
    gate_leave();
    return err;
}
