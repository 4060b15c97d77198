/* mltraining - trains a buyer's model on contributors' encrypted data; the model leaves encrypted to the buyer. */
#include "app.h"

#include <sodium.h>

/* For who waits on a connection, or has gone from it; jobs have the runtime's own deadline. */
#define LONGEST_MS 600000u

NACRE_RECORD(Request, (Job, payload));
NACRE_RECORD(MLTrainingResponse, (string, model_blob_id), (string, accuracy), (string, final_loss),
             (string, num_samples));

/* The whole payload as it was sent, in canonical form (RFC 8785): what the receipt's first digest is of. */
NACRE_RECORD(TrainRequest, (json, payload));
NACRE_RECORD(TrainData, (string, blob_id), (bytes, sha256), (u64, rows));
NACRE_LIST(TrainDataList, TrainData);
NACRE_RECORD(TrainMetrics, (u64, rows), (string, accuracy), (string, loss));
NACRE_RECORD(TrainReceipt, (bytes, request_sha256), (bytes, config_sha256), (TrainDataList, data),
             (bytes, model_sha256), (bytes, sealed_sha256), (string, model_blob_id), (bytes, buyer),
             (u64, seed), (TrainMetrics, train), (TrainMetrics, test));

static int32_t process_data(const struct nacre_call *call, const void *request, void *response)
{
    const struct Request *in = request;
    struct MLTrainingResponse *out = response;
    struct outcome done;
    int32_t err = job_run(call, &in->payload, NULL, &done);
    if (err)
        return err;
    out->model_blob_id = done.model_blob_id;
    out->accuracy = nacre_format(call, "%.6f", done.train.accuracy);
    out->final_loss = nacre_format(call, "%.6f", done.train.loss);
    out->num_samples = nacre_format(call, "%llu", (unsigned long long)done.train.rows);
    /* an empty text would be signed like any other */
    return out->accuracy.ptr && out->final_loss.ptr && out->num_samples.ptr
               ? 0
               : nacre_fail(call, 503, "out of memory");
}

static struct nacre_bytes digest_of(const uint8_t bytes[32])
{
    const struct nacre_bytes out = {bytes, 32};
    return out;
}

/* False when memory is out. */
static bool metrics(const struct nacre_call *call, const struct ml_metrics *m, struct TrainMetrics *out)
{
    out->rows = m->rows;
    out->accuracy = nacre_format(call, "%.6f", m->accuracy);
    out->loss = nacre_format(call, "%.6f", m->loss);
    return out->accuracy.ptr && out->loss.ptr;
}

/* What *done and request have lives as long as the call. */
static int32_t receipt(const struct nacre_call *call, const struct outcome *done, const uint8_t request[32],
                       struct TrainReceipt *out)
{
    struct TrainData *data = nacre_alloc(call, done->n_blobs * sizeof *data);
    if (!data || !metrics(call, &done->train, &out->train) || !metrics(call, &done->test, &out->test))
        return nacre_fail(call, 503, "out of memory");
    for (uint64_t i = 0; i < done->n_blobs; i++)
        data[i] =
            (struct TrainData){done->blobs[i].id, digest_of(done->blobs[i].sha256), done->blobs[i].rows};
    out->request_sha256 = digest_of(request);
    out->config_sha256 = digest_of(done->config_sha256);
    out->data = (struct nacre_vec){data, done->n_blobs};
    out->model_sha256 = digest_of(done->model_sha256);
    out->sealed_sha256 = digest_of(done->sealed_sha256);
    out->model_blob_id = done->model_blob_id;
    out->buyer = digest_of(done->buyer);
    out->seed = done->seed;
    return 0;
}

static int32_t train(const struct nacre_call *call, const void *request, void *response)
{
    const struct TrainRequest *in = request;
    struct Job *job = nacre_alloc(call, sizeof *job);
    struct outcome *done = nacre_alloc(call, sizeof *done);
    uint8_t *digest = nacre_alloc(call, crypto_hash_sha256_BYTES);
    int32_t err;
    if (!job || !done || !digest)
        return nacre_fail(call, 503, "out of memory");
    if ((err = nacre_hash(call, NACRE_HASH_SHA256, nacre_bytes_of(in->payload), digest)) ||
        (err = nacre_decode_json(call, nacre_bytes_of(in->payload), &nacre_type_Job, job, 400)) ||
        (err = job_run(call, job, digest, done)))
        return err;
    return receipt(call, done, digest, response);
}

static int32_t start(const struct nacre_call *call)
{
    char why[ML_WHY];
    struct settings settings;
    if (sodium_init() < 0)
        return nacre_fail(call, 500, "libsodium does not start");
    if (ml_cpu_check(why) != 0)
        return nacre_fail(call, 500, "%s", why);
    return settings_read(call, &settings);
}

static const struct nacre_intent intents[] = {{0, 0, NACRE_S("ProcessData"), &nacre_type_MLTrainingResponse},
                                              {1, 0, NACRE_S("TrainReceipt"), &nacre_type_TrainReceipt}};
static const struct nacre_route routes[] = {{NACRE_S("POST"), NACRE_S("/process_data"), 0, NACRE_TIME_CORE, 0,
                                             0, LONGEST_MS, 0, &nacre_type_Request, process_data},
                                            {NACRE_S("POST"), NACRE_S("/train"), 1, NACRE_TIME_CORE, 0, 0,
                                             LONGEST_MS, 0, &nacre_type_TrainRequest, train}};
static const struct nacre_endpoint endpoints[] = {{NACRE_S("aggregator.walrus-testnet.walrus.space"), 443, 0},
                                                  {NACRE_S("publisher.walrus-testnet.walrus.space"), 443, 0}};

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX,
                                          NACRE_S("mltraining"),
                                          NACRE_S("1.0.0"),
                                          NACRE_TABLE(intents),
                                          NACRE_TABLE(routes),
                                          NACRE_TABLE(endpoints),
                                          NACRE_NONE,
                                          start,
                                          NULL};
