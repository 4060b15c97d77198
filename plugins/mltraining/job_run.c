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

/* Card and model in one, sealed; *sealed is freed by the caller. */
static int32_t seal(const struct nacre_call *call, const struct ml_card *card, const uint8_t *model,
                    size_t model_len, const uint8_t key[32], struct nacre_bytes *sealed)
{
    struct ml_bundle parts = {.model = model, .model_len = model_len};
    size_t len = 0;
    char *text = ml_card_write(card, &parts.card_len);
    parts.card = text;
    uint8_t *plain = text ? ml_bundle_write(&parts, &len) : NULL;
    uint8_t *box = plain ? malloc(len + crypto_box_SEALBYTES) : NULL;
    int32_t err = 0;
    if (!box)
        err = nacre_fail(call, 503, "out of memory for the model");
    else if (crypto_box_seal(box, plain, len, key) != 0)
        err = nacre_fail(call, 422, "key_id is not a usable X25519 public key");
    if (plain)
        sodium_memzero(plain, len);
    free(plain);
    if (text)
        sodium_memzero(text, parts.card_len);
    free(text);
    if (err) {
        free(box);
        return err;
    }
    *sealed = (struct nacre_bytes){box, len + crypto_box_SEALBYTES};
    return 0;
}

static int32_t deliver(const struct nacre_call *call, const struct settings *settings, struct ml_card *card,
                       struct outcome *out)
{
    size_t len = 0;
    struct nacre_bytes sealed;
    struct nacre_about *about = nacre_alloc(call, sizeof *about);
    uint8_t *model = ml_model_write(&card->result->model, &len);
    if (!model)
        return nacre_fail(call, 503, "out of memory for the model");
    (void)crypto_hash_sha256(out->model_sha256, model, len);
    memcpy(card->model_sha256, out->model_sha256, sizeof card->model_sha256);
    card->about = about && nacre_about(call, about) == 0 ? about : NULL;
    int32_t err = seal(call, card, model, len, out->buyer, &sealed);
    sodium_memzero(model, len);
    free(model);
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
    err = deliver(call, settings, &card, out);
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
    err = inputs_load(call, &settings, job, &buyer, in);
    if (!err)
        err = run(call, &settings, job, request_sha256, in, out);
    inputs_free(in);
    return err;
}
