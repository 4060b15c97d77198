/*
 * ml_train.c - one training job from files, outside an enclave, for the comparisons of bench/mltraining.py:
 *   ml-train CONFIG.json LEARNING_RATE EPOCHS SEED THREADS DATA...
 * Prints one JSON object: digest of the model, metrics, seconds of training and of reading, bytes of memory.
 */
#include <app/decode.h>
#include <learn/job.h>
#include <learn/source.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The most memory this program has had. Not getrusage(): its figure begins with that of whoever started us. */
static double peak_bytes(void)
{
    char line[256];
    double kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtod(line + 6, NULL);
    }
    if (file)
        (void)fclose(file);
    return kib * 1024;
}

static int fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "ml-train: %s: %s\n", what, why);
    return 1;
}

static int read_config(const char *path, struct ml_config *out)
{
    static char text[65536];
    struct nacre_scratch scratch;
    char why[ML_WHY] = "cannot be read";
    FILE *file = fopen(path, "rb");
    if (!file || nacre_scratch_init(&scratch, 1u << 20))
        return fail(path, why);
    const size_t len = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    struct nacre_decode d = {.scratch = &scratch, .root = "config"};
    void *form = nacre_scratch_alloc(&scratch, ml_config_type()->c_size);
    int bad = 0;
    if (nacre_decode_text(&d, ml_config_type(), form, text, len) != 0)
        bad = fail(path, d.why);
    else if (ml_config_read(out, form, why) != 0)
        bad = fail(path, why);
    nacre_scratch_free(&scratch);
    return bad;
}

static int read_data(const char *path, struct ml_data *data, const char *label)
{
    static uint8_t part[65536];
    size_t n;
    int err = 0;
    FILE *file = fopen(path, "rb");
    struct ml_source *source = ml_source_new(data, path, label, NULL);
    if (!file || !source)
        return fail(path, "cannot be read");
    while (!err && (n = fread(part, 1, sizeof part, file)) > 0)
        err = ml_source_feed(source, part, n);
    if (!err)
        err = ml_source_end(source);
    if (err)
        (void)fail(path, ml_source_why(source));
    (void)fclose(file);
    ml_source_free(source);
    return err != 0;
}

static int print(const struct ml_result *r, double reading, double training, double before, double decoded)
{
    uint8_t digest[32];
    char hex[65];
    size_t len = 0;
    uint8_t *model = ml_model_write(&r->model, &len);
    if (!model)
        return fail("model", "out of memory");
    (void)crypto_hash_sha256(digest, model, len);
    (void)sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    free(model);
    (void)printf("{\"model_sha256\":\"%s\",\"model_bytes\":%zu,\"train_rows\":%llu,\"train_accuracy\":%.6f,"
                 "\"train_loss\":%.6f,\"test_rows\":%llu,\"test_accuracy\":%.6f,\"test_loss\":%.6f,"
                 "\"read_s\":%.6f,\"train_s\":%.6f,\"program_bytes\":%.0f,\"peak_bytes\":%.0f,"
                 "\"decoded_bytes\":%.0f}\n",
                 hex, len, (unsigned long long)r->train.rows, r->train.accuracy, r->train.loss,
                 (unsigned long long)r->test.rows, r->test.accuracy, r->test.loss, reading, training, before,
                 peak_bytes(), decoded);
    return 0;
}

int main(int argc, char **argv)
{
    const struct ml_limits limits = {UINT64_C(1) << 40, 1u << 30, 1u << 20};
    struct ml_config config;
    struct ml_data data;
    struct ml_result result;
    char why[ML_WHY];
    if (argc < 7)
        return fail("usage", "ml-train CONFIG.json LEARNING_RATE EPOCHS SEED THREADS DATA...");
    if (sodium_init() < 0 || read_config(argv[1], &config) || ml_data_init(&data, &config, &limits, why))
        return 1;
    const double before = peak_bytes(), t0 = seconds();
    for (int i = 6; i < argc; i++) {
        if (read_data(argv[i], &data, config.label))
            return 1;
    }
    const double t1 = seconds(), decoded = (double)data.rows * (data.columns + 1) * sizeof(float);
    const struct ml_job job = {.config = &config,
                               .learning_rate = strtod(argv[2], NULL),
                               .epochs = strtoull(argv[3], NULL, 10),
                               .seed = strtoull(argv[4], NULL, 10),
                               .threads = (uint32_t)strtoul(argv[5], NULL, 10)};
    if (ml_train(&job, &data, &result, why) != 0)
        return fail("training", why);
    const int bad = print(&result, t1 - t0, seconds() - t1, before, decoded);
    ml_result_free(&result);
    ml_data_free(&data);
    return bad;
}
