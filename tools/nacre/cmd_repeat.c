/* nacre repeat: a training job once more, outside any enclave, and whether it makes the same model. */
#include "cmd_repeat.h"

#include "commands.h"
#include "receipt.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: nacre repeat JOB --blobs DIR --against FILE [--data-key KEYFILE] [--threads N] [-o MODEL]\n"
    "\n"
    "Runs a training job again from its inputs and compares the SHA-256 of the model with what was signed. "
    "The "
    "same job\n"
    "gives the same bytes on any x86-64 machine with AVX2 and for any number of threads.\n"
    "\n"
    "  JOB                  the request as it was sent: {\"payload\":{...}}, or the payload alone\n"
    "  --blobs DIR          the job's blobs as they are stored, in files named by blob id\n"
    "  --against FILE       the answer of /train (verified with nacre call or nacre verify response), or a "
    "card\n"
    "  --data-key KEYFILE   opens blobs that were encrypted with nacre data encrypt --key\n"
    "  --threads N          1 to 64; all CPUs if left out\n"
    "  -o, --output MODEL   where the model goes (safetensors)\n"
    "\n"
    "Blobs that were encrypted to an enclave's own key open nowhere else: their owner repeats the job with a "
    "plain copy\n"
    "in DIR. Exit codes: 0 the same model, 1 another one, 2 could not repeat it.\n";

struct request {
    const char *job, *blobs, *key, *against, *output;
    uint32_t threads; /* 0: all CPUs */
};

static int show(void *ctx, const struct ml_progress *p)
{
    (void)ctx;
    if (isatty(STDERR_FILENO)) {
        (void)fprintf(stderr, "\r\033[K%llu of %llu", (unsigned long long)p->step,
                      (unsigned long long)p->steps);
        (void)fputs(p->step == p->steps ? "\r\033[K" : "", stderr);
    }
    return 0;
}

static int compare(const uint8_t *model, size_t len, const char *against, nacre_verify_error *why)
{
    struct nacre_receipt receipt;
    uint8_t digest[32];
    char found[65], expected[65];
    int r = nacre_receipt_read(&receipt, against, why);
    if (r != NACRE_CHECKED) {
        return r;
    }
    (void)crypto_hash_sha256(digest, model, len);
    bool same = memcmp(digest, receipt.model_sha256, sizeof digest) == 0;
    (void)printf("model     %s\nexpected  %s\n%s\n", sodium_bin2hex(found, sizeof found, digest, 32),
                 sodium_bin2hex(expected, sizeof expected, receipt.model_sha256, 32),
                 same ? "the same model" : "ANOTHER MODEL");
    return same ? NACRE_CHECKED : NACRE_REFUSED;
}

static int conclude(const struct nacre_repeat *job, const struct ml_result *result, const char *against,
                    const char *output, nacre_verify_error *why)
{
    size_t len = 0;
    uint8_t *model = ml_model_write(&result->model, &len);
    int r = NACRE_CHECKED;
    if (model == NULL) {
        return nacre_vcmd_unchecked(why, "out of memory");
    }
    if (output != NULL && nacre_file_write(output, model, len, why->text, sizeof why->text) != 0) {
        r = NACRE_UNCHECKED;
    }
    if (r == NACRE_CHECKED) {
        (void)printf("rows      %llu trained, %llu held out\nseed      %llu\naccuracy  %.6f, %.6f held out\n",
                     (unsigned long long)result->train.rows, (unsigned long long)result->test.rows,
                     (unsigned long long)job->ml.seed, result->train.accuracy, result->test.accuracy);
        r = compare(model, len, against, why);
    }
    free(model);
    return r;
}

static int run(struct nacre_repeat *job, struct ml_result *result, const struct request *request,
               nacre_verify_error *why)
{
    char text[ML_WHY];
    int r = nacre_repeat_load(job, request->job, request->blobs, request->key, why);
    if (r != NACRE_CHECKED) {
        return r;
    }
    job->ml.threads = request->threads;
    job->ml.watch = show;
    if (ml_cpu_check(text) != 0 || ml_train(&job->ml, &job->data, result, text) != 0) {
        return nacre_vcmd_unchecked(why, "%.200s", text[0] != '\0' ? text : "out of memory for training");
    }
    r = conclude(job, result, request->against, request->output, why);
    ml_result_free(result);
    return r;
}

static int repeat(const struct request *request, nacre_verify_error *why)
{
    struct nacre_repeat *job = calloc(1, sizeof *job);
    struct ml_result *result = calloc(1, sizeof *result);
    int r;
    if (job != NULL && result != NULL) {
        r = run(job, result, request, why);
        nacre_repeat_free(job);
    } else {
        r = nacre_vcmd_unchecked(why, "out of memory");
    }
    free(result);
    free(job);
    return r;
}

int nacre_cmd_repeat(int argc, char **argv)
{
    struct nacre_vcmd_options options;
    nacre_verify_error why = {.text = ""};
    struct request request = {.threads = 0};
    const char *threads = NULL;
    uint64_t n = 0;
    const struct nacre_vcmd_word list[] = {
        {.name = "blobs", .text = &request.blobs},
        {.name = "against", .text = &request.against},
        {.name = "data-key", .text = &request.key},
        {.name = "threads", .text = &threads},
        {.name = "output", .letter = 'o', .text = &request.output},
    };
    const struct nacre_vcmd_words words = {.word = list, .count = sizeof list / sizeof list[0]};
    int code = nacre_vcmd_read_options(&options, argc, argv, help, &words);
    if (code >= 0) {
        return code;
    }
    int r = sodium_init() >= 0 && options.input != NULL && request.blobs != NULL && request.against != NULL
                ? NACRE_CHECKED
                : nacre_vcmd_unchecked(&why, "JOB, --blobs and --against are needed; see --help");
    if (r == NACRE_CHECKED && threads != NULL &&
        (nacre_vcmd_parse_u64(threads, strlen(threads), 64, &n) != NACRE_CHECKED || n == 0)) {
        r = nacre_vcmd_unchecked(&why, "--threads is '%.100s', expected 1 to 64", threads);
    }
    if (r == NACRE_CHECKED) {
        request.job = options.input;
        request.threads = (uint32_t)n;
        r = repeat(&request, &why);
    }
    nacre_verify_policy_free(options.policy);
    return nacre_data_conclude(options.program, r, &why);
}
