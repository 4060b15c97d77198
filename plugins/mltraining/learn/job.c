#include "job.h"

#include "rng.h"
#include "scale.h"
#include "score.h"
#include "task.h"

#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>

int ml_task_report(const struct ml_task *task, uint64_t step, uint64_t steps, double loss, double accuracy)
{
    const struct ml_progress progress = {step, steps, loss, accuracy};
    if (task->job->watch && task->job->watch(task->job->ctx, &progress))
        return -ECANCELED;
    return ml_task_over(task);
}

int ml_task_note(const struct ml_task *task, const struct ml_point *point)
{
    struct ml_result *r = task->result;
    const uint64_t n = r->n_history;
    if ((n & (n - 1)) == 0) { /* full at every power of two */
        struct ml_point *more = realloc(r->history, (n ? 2 * n : 1) * sizeof *more);
        if (!more)
            return -ENOMEM;
        r->history = more;
    }
    r->history[r->n_history++] = *point;
    return 0;
}

int ml_task_refuse(const struct ml_task *task, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(task->why, ML_WHY, format, args);
    va_end(args);
    return -EINVAL;
}

int ml_task_room(const struct ml_task *task, double bytes)
{
    if (task->job->memory == 0 || bytes <= (double)task->job->memory)
        return 0;
    (void)snprintf(task->why, ML_WHY,
                   "training would take %.0f bytes or more beside the data, at most %llu are given", bytes,
                   (unsigned long long)task->job->memory);
    return -E2BIG;
}

const struct ml_kind *ml_kind_of(enum ml_algorithm algorithm)
{
    static const struct ml_kind *const kinds[ML_ALGORITHMS] = {
        [ML_MLP] = &ml_kind_mlp,           [ML_LINEAR] = &ml_kind_linear, [ML_RIDGE] = &ml_kind_linear,
        [ML_LOGISTIC] = &ml_kind_logistic, [ML_KNN] = &ml_kind_knn,       [ML_KMEANS] = &ml_kind_kmeans,
        [ML_NAIVE_BAYES] = &ml_kind_bayes, [ML_TREE] = &ml_kind_tree,     [ML_FOREST] = &ml_kind_tree,
        [ML_BOOSTING] = &ml_kind_boost,
    };
    return (unsigned)algorithm < ML_ALGORITHMS ? kinds[algorithm] : NULL;
}

/* Row i becomes what row order[i] was: along each cycle of the permutation, with one row on the side. */
static int reorder(struct ml_data *data, uint32_t *order)
{
    const size_t width = data->columns, bytes = width * sizeof(float);
    float *row = malloc(bytes);
    if (!row)
        return -ENOMEM;
    for (uint64_t start = 0; start < data->rows; start++) {
        uint64_t to = start;
        const float label = data->y[start];
        if (order[start] == start)
            continue;
        memcpy(row, data->x + start * width, bytes);
        while (order[to] != start) {
            const uint64_t from = order[to];
            memcpy(data->x + to * width, data->x + from * width, bytes);
            data->y[to] = data->y[from];
            order[to] = (uint32_t)to;
            to = from;
        }
        memcpy(data->x + to * width, row, bytes);
        data->y[to] = label;
        order[to] = (uint32_t)to;
    }
    sodium_memzero(row, bytes);
    free(row);
    return 0;
}

/* Training rows first. */
static int split(struct ml_task *task, struct ml_data *data)
{
    struct ml_rng rng;
    int err = -ENOMEM;
    task->n_test = (uint64_t)((double)data->rows * task->config->test_fraction + 0.5);
    if (task->n_test >= data->rows)
        return ml_task_refuse(task, "%llu rows, of which %llu would be held out: none is left to train on",
                              (unsigned long long)data->rows, (unsigned long long)task->n_test);
    task->n_train = data->rows - task->n_test;
    if (task->config->split == ML_TAIL || task->n_test == 0)
        return 0;
    uint32_t *order = malloc(data->rows * sizeof *order);
    for (uint64_t i = 0; order && i < data->rows; i++)
        order[i] = (uint32_t)i;
    ml_rng_begin(&rng, task->job->seed, ML_STREAM_SPLIT);
    if (order) {
        ml_rng_shuffle(&rng, order, data->rows);
        err = reorder(data, order);
    }
    free(order);
    return err;
}

static int check(struct ml_task *task, const struct ml_data *data)
{
    const struct ml_config *c = task->config;
    if (data->columns != c->input_size || data->classes != ml_config_classes(c))
        return ml_task_refuse(task, "the data has %u features and %u classes, the model config %u and %u",
                              data->columns, data->classes, c->input_size, ml_config_classes(c));
    if (data->rows == 0)
        return ml_task_refuse(task, "no rows to train on");
    if (data->rows > UINT32_MAX)
        return ml_task_refuse(task, "%llu rows, at most %u", (unsigned long long)data->rows, UINT32_MAX);
    if (task->job->epochs == 0 || task->job->epochs > 1000000)
        return ml_task_refuse(task, "epochs is %llu, expected 1 to 1000000",
                              (unsigned long long)task->job->epochs);
    return 0;
}

static int texts(const struct ml_task *task)
{
    char number[16];
    struct ml_model *m = task->model;
    (void)snprintf(number, sizeof number, "%u", task->classes);
    int err = ml_model_text(m, "format", "nacre-mltraining-1");
    if (!err)
        err = ml_model_text(m, "algorithm", ml_algorithm_names[task->config->algorithm]);
    if (!err)
        err = ml_model_text(m, "loss", ml_loss_names[task->config->loss]);
    return err ? err : ml_model_text(m, "classes", number);
}

/* What is not finite has no six decimals to be signed, and not the same bits everywhere. */
static int check_metrics(const struct ml_task *task, const char *rows, const struct ml_metrics *m)
{
    if (isfinite(m->loss) && isfinite(m->accuracy))
        return 0;
    return ml_task_refuse(task,
                          "loss or accuracy on the %s rows is no finite number: values are too large, or "
                          "learning_rate is",
                          rows);
}

/* Both metrics by the way that ml_evaluate() takes, so that who has the model finds the same. */
static int measure(const struct ml_task *task)
{
    struct ml_scoring s = {task->model,   task->pool, task->x,   task->n_train,
                           task->columns, NULL,       task->why, task};
    int err = ml_score_measure(&s, task->y, &task->result->train);
    if (!err)
        err = check_metrics(task, "training", &task->result->train);
    s.x = task->x + task->n_train * task->columns;
    s.rows = task->n_test;
    if (!err)
        err = ml_score_measure(&s, task->y + task->n_train, &task->result->test);
    return err ? err : check_metrics(task, "held-out", &task->result->test);
}

static int work(struct ml_task *task, struct ml_data *data)
{
    const struct ml_kind *kind = ml_kind_of(task->config->algorithm);
    if (!kind)
        return ml_task_refuse(task, "no such algorithm");
    int err = check(task, data);
    if (!err)
        err = split(task, data);
    if (!err)
        err = texts(task);
    if (!err && task->config->standardize && !kind->raw) {
        err = ml_scale_learn(task->model, task->pool, data->x, task->n_train, data->columns);
        if (!err)
            ml_scale_apply(task->model, task->pool, data->x, data->rows, data->columns, data->x);
    }
    task->x = data->x;
    task->y = data->y;
    if (!err)
        err = kind->train(task);
    if (!err)
        err = ml_task_over(task); /* pieces of what was found may have been left out for it */
    return err ? err : measure(task);
}

int ml_train(const struct ml_job *job, struct ml_data *data, struct ml_result *out, char why[ML_WHY])
{
    struct ml_result result = {.seed = job->seed};
    struct ml_task task = {.job = job,
                           .config = job->config,
                           .columns = data->columns,
                           .classes = data->classes,
                           .model = &result.model,
                           .result = &result,
                           .why = why};
    *out = (struct ml_result){.n_history = 0};
    why[0] = '\0';
    int err = ml_cpu_check(why);
    if (err)
        return err;
    task.pool = ml_pool_new(job->threads);
    if (!task.pool)
        return -ENOMEM;
    err = work(&task, data);
    ml_pool_free(task.pool);
    if (err)
        ml_result_free(&result);
    else
        *out = result;
    return err;
}

void ml_result_free(struct ml_result *result)
{
    ml_model_free(&result->model);
    free(result->history);
    sodium_memzero(result, sizeof *result);
}

uint64_t ml_seed_from(const struct nacre_str *ids, uint64_t n_ids)
{
    static const char domain[] = "nacre mltraining seed 1";
    crypto_hash_sha256_state state;
    uint8_t digest[crypto_hash_sha256_BYTES];
    uint64_t seed = 0;
    (void)crypto_hash_sha256_init(&state);
    (void)crypto_hash_sha256_update(&state, (const uint8_t *)domain, sizeof domain); /* with its zero */
    for (uint64_t i = 0; i < n_ids; i++) {
        uint8_t len[8];
        for (int k = 0; k < 8; k++)
            len[k] = (uint8_t)(ids[i].len >> (8 * k));
        (void)crypto_hash_sha256_update(&state, len, sizeof len);
        (void)crypto_hash_sha256_update(&state, (const uint8_t *)ids[i].ptr, ids[i].len);
    }
    (void)crypto_hash_sha256_final(&state, digest);
    for (int i = 7; i >= 0; i--)
        seed = seed << 8 | digest[i];
    return seed;
}
