/* Each algorithm on data whose answer is known, and the promise of the same bytes everywhere. */
#include <errno.h>
#include <learn/job.h>
#include <learn/rng.h>
#include <math.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h" /* after the header whose member `fail` its macros would change */

static char why[ML_WHY];

static struct ml_config config_of(enum ml_algorithm algorithm, uint32_t outputs)
{
    return (struct ml_config){.algorithm = algorithm,
                              .input_size = 6,
                              .output_size = outputs,
                              .n_layers = 2,
                              .layers = {{12, ML_RELU, 0.1}, {8, ML_TANH, 0}},
                              .loss = outputs > 1 ? ML_CROSS_ENTROPY : ML_SQUARED,
                              .momentum = 0.9,
                              .alpha = 1,
                              .test_fraction = 0.25,
                              .batch_size = 16,
                              .neighbours = 5,
                              .clusters = outputs,
                              .restarts = 3,
                              .trees = 12,
                              .max_depth = algorithm == ML_BOOSTING ? 3 : 64,
                              .min_leaf = 1,
                              .shrinkage = 0.3,
                              .standardize = true};
}

/* Three clouds, or a number that is linear in the features. */
static void fill(struct ml_data *data, const struct ml_config *config, uint32_t rows)
{
    const struct ml_limits limits = {1u << 20, 1u << 20, 64};
    struct ml_rng rng;
    ml_rng_begin(&rng, 99, 7);
    ck_assert_int_eq(ml_data_init(data, config, &limits, why), 0);
    for (uint32_t i = 0; i < rows; i++) {
        const uint32_t c = i % 3;
        float *x = ml_data_next(data), y = 1;
        for (uint32_t j = 0; j < 6; j++) {
            x[j] = (float)(4 * ml_rng_real(&rng) - 2) + (j % 3 == c && data->classes ? 3.0f : 0);
            y += (float)(j + 1) * x[j];
        }
        ml_data_commit(data, data->classes ? (float)c : y);
    }
}

static int run(const struct ml_config *config, uint32_t threads, uint64_t seed, struct ml_result *out)
{
    struct ml_data data;
    const struct ml_job job = {
        .config = config, .learning_rate = 0.01, .epochs = 60, .seed = seed, .threads = threads};
    fill(&data, config, 400);
    const int err = ml_train(&job, &data, out, why);
    ml_data_free(&data);
    return err;
}

static void digest(const struct ml_result *result, char hex[65])
{
    size_t len = 0;
    uint8_t hash[32], *bytes = ml_model_write(&result->model, &len);
    (void)crypto_hash_sha256(hash, bytes, len);
    (void)sodium_bin2hex(hex, 65, hash, sizeof hash);
    free(bytes);
}

/*
 * The digests of models as gcc 12 made them on x86-64. Any compiler, sanitizer, optimisation, machine and number of
 * threads must give the same; a change of an algorithm, the generator or the format changes them, and with them what
 * `nacre repeat` says of models made before.
 */
static const char *const golden[2][ML_ALGORITHMS] = {
#include "golden.h"
};

START_TEST(same_bytes_everywhere)
{
    for (int classes = 0; classes < 2; classes++) {
        for (int a = 0; a < ML_ALGORITHMS; a++) {
            const struct ml_config config = config_of((enum ml_algorithm)a, classes ? 3 : 1);
            if (!classes && (a == ML_LOGISTIC || a == ML_KMEANS || a == ML_NAIVE_BAYES))
                continue;
            for (uint32_t threads = 1; threads < 4; threads++) {
                struct ml_result result;
                char hex[65];
                ck_assert_msg(run(&config, threads, 5, &result) == 0, "%s: %s", ml_algorithm_names[a], why);
                digest(&result, hex);
                if (getenv("ML_PRINT"))
                    (void)printf("[%d][%d] = \"%s\",\n", classes, a, hex);
                else
                    ck_assert_msg(strcmp(hex, golden[classes][a]) == 0, "%s, %d, %u threads: %s, expected %s",
                                  ml_algorithm_names[a], classes, threads, hex, golden[classes][a]);
                ml_result_free(&result);
            }
        }
    }
}
END_TEST

START_TEST(learns_classes)
{
    for (int a = 0; a < ML_ALGORITHMS; a++) {
        const struct ml_config config = config_of((enum ml_algorithm)a, 3);
        struct ml_result r;
        ck_assert_int_eq(run(&config, 2, 5, &r), 0);
        ck_assert_uint_eq(r.train.rows, 300);
        ck_assert_uint_eq(r.test.rows, 100);
        ck_assert_msg(r.test.accuracy >= 88 && r.train.accuracy >= 90, "%s: %g, %g", ml_algorithm_names[a],
                      r.train.accuracy, r.test.accuracy);
        ml_result_free(&r);
    }
}
END_TEST

START_TEST(learns_numbers)
{
    static const struct {
        enum ml_algorithm algorithm;
        double least; /* 100 R^2 on held-out rows */
    } cases[] = {{ML_MLP, 97},  {ML_LINEAR, 99.9999}, {ML_RIDGE, 99.9}, {ML_KNN, 60},
                 {ML_TREE, 50}, {ML_FOREST, 70},      {ML_BOOSTING, 75}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct ml_config config = config_of(cases[i].algorithm, 1);
        struct ml_result r;
        ck_assert_int_eq(run(&config, 2, 5, &r), 0);
        ck_assert_msg(r.test.accuracy >= cases[i].least, "%s: %g", ml_algorithm_names[cases[i].algorithm],
                      r.test.accuracy);
        ml_result_free(&r);
    }
}
END_TEST

START_TEST(finds_the_line)
{
    struct ml_config config = config_of(ML_LINEAR, 1);
    struct ml_result r;
    config.standardize = false;
    ck_assert_int_eq(run(&config, 1, 5, &r), 0);
    const double *w = ml_model_find(&r.model, "linear.weight")->data,
                 *b = ml_model_find(&r.model, "linear.bias")->data;
    for (int j = 0; j < 6; j++)
        ck_assert_double_eq_tol(w[j], j + 1, 1e-5);
    ck_assert_double_eq_tol(*b, 1, 1e-5);
    ml_result_free(&r);
}
END_TEST

/* A feature that is the sum of two others, and one that is always the same: no unique answer, but a right one. */
START_TEST(features_that_say_the_same)
{
    const struct ml_config config = config_of(ML_LINEAR, 1);
    const struct ml_job job = {.config = &config, .epochs = 1, .threads = 1};
    struct ml_data data;
    struct ml_result r;
    fill(&data, &config, 200);
    for (uint64_t i = 0; i < data.rows; i++) {
        data.x[i * 6 + 5] = 7;
        data.x[i * 6 + 4] = data.x[i * 6] + data.x[i * 6 + 1];
        data.y[i] = 2 * data.x[i * 6] - data.x[i * 6 + 1] + data.x[i * 6 + 3];
    }
    ck_assert_int_eq(ml_train(&job, &data, &r, why), 0);
    ck_assert_double_gt(r.test.accuracy, 99.999);
    ml_result_free(&r);
    ml_data_free(&data);
}
END_TEST

START_TEST(a_tree_knows_exclusive_or)
{
    const struct ml_limits limits = {1000, 1000, 64};
    struct ml_config config = config_of(ML_TREE, 2);
    const struct ml_job job = {.config = &config, .epochs = 1, .threads = 1};
    struct ml_data data;
    struct ml_result r;
    config.input_size = 2;
    config.test_fraction = 0;
    ck_assert_int_eq(ml_data_init(&data, &config, &limits, why), 0);
    for (int i = 0; i < 40; i++) {
        float *x = ml_data_next(&data);
        x[0] = (float)(i % 2);
        x[1] = (float)(i / 2 % 2);
        ml_data_commit(&data, (float)((i % 2) ^ (i / 2 % 2)));
    }
    ck_assert_int_eq(ml_train(&job, &data, &r, why), 0);
    ck_assert_double_eq(r.train.accuracy, 100);
    ck_assert_uint_eq(ml_model_find(&r.model, "trees.value")->dims[0], 7);
    ck_assert_uint_eq(r.test.rows, 0);
    ml_result_free(&r);
    ml_data_free(&data);
}
END_TEST

/* Who has the model finds the metrics that were signed. */
START_TEST(a_model_read_back_says_the_same)
{
    for (int a = 0; a < ML_ALGORITHMS; a++) {
        struct ml_config config = config_of((enum ml_algorithm)a, 3);
        struct ml_result r;
        struct ml_model m;
        struct ml_data data;
        struct ml_metrics metrics;
        size_t len = 0;
        float said[400];
        unsigned right = 0;
        config.split = ML_TAIL;
        ck_assert_int_eq(run(&config, 2, 5, &r), 0);
        uint8_t *bytes = ml_model_write(&r.model, &len);
        ck_assert_msg(ml_model_read(&m, bytes, len, why) == 0, "%s", why);
        fill(&data, &config, 400);
        ck_assert_int_eq(ml_predict(&m, data.x, 400, 6, said, why), 0);
        for (unsigned i = 0; i < 300; i++)
            right += said[i] == data.y[i];
        ck_assert_double_eq_tol(100.0 * right / 300, r.train.accuracy, 1e-9);
        data.rows = 300;
        ck_assert_int_eq(ml_evaluate(&m, &data, &metrics, why), 0);
        ck_assert_double_eq(metrics.accuracy, r.train.accuracy);
        ck_assert_double_eq(metrics.loss, r.train.loss);
        ck_assert_int_eq(ml_predict(&m, data.x, 10, 5, said, why), -EINVAL);
        ml_data_free(&data);
        ml_model_free(&m);
        ml_result_free(&r);
        free(bytes);
    }
}
END_TEST

/* A file of somebody else's: whatever it says, prediction refuses it or ends. */
START_TEST(hostile_models)
{
    for (int a = 0; a < ML_ALGORITHMS; a++) {
        const struct ml_config config = config_of((enum ml_algorithm)a, 3);
        struct ml_result r;
        size_t len = 0;
        float x[12] = {0}, said[2];
        ck_assert_int_eq(run(&config, 1, 5, &r), 0);
        uint8_t *bytes = ml_model_write(&r.model, &len);
        struct ml_rng rng;
        ml_rng_begin(&rng, (uint64_t)a, 1);
        for (unsigned i = 0; i < 300; i++) {
            struct ml_model m;
            const size_t at = 8 + (size_t)ml_rng_below(&rng, len - 8);
            const uint8_t kept = bytes[at];
            bytes[at] = (uint8_t)ml_rng_next(&rng);
            if (ml_model_read(&m, bytes, len, why) == 0) {
                (void)ml_predict(&m, x, 2, 6, said, why);
                ml_model_free(&m);
            }
            bytes[at] = kept;
        }
        free(bytes);
        ml_result_free(&r);
    }
}
END_TEST

START_TEST(seeds_and_optimisers)
{
    struct ml_config config = config_of(ML_MLP, 3);
    struct ml_result r[4];
    char hex[4][65];
    ck_assert_int_eq(run(&config, 1, 5, &r[0]), 0);
    ck_assert_int_eq(run(&config, 1, 6, &r[1]), 0);
    config.optimizer = ML_SGD;
    ck_assert_int_eq(run(&config, 1, 5, &r[2]), 0);
    config.weight_decay = 0.01;
    ck_assert_int_eq(run(&config, 1, 5, &r[3]), 0);
    for (int i = 0; i < 4; i++) {
        digest(&r[i], hex[i]);
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(hex[i], hex[k]);
        ck_assert_uint_eq(r[i].n_history, 60);
        ck_assert_double_lt(r[i].history[59].loss, 0.6 * r[i].history[0].loss);
        ck_assert_double_eq_tol(r[i].history[59].test_accuracy, r[i].test.accuracy, 1e-9);
        ml_result_free(&r[i]);
    }
}
END_TEST

static int stop_at(void *ctx, const struct ml_progress *p)
{
    ck_assert_uint_eq(p->steps, 60);
    return p->step == *(const uint64_t *)ctx;
}

START_TEST(ends_when_told)
{
    const struct ml_config config = config_of(ML_MLP, 3);
    uint64_t at = 7;
    const struct ml_job job = {
        .config = &config, .learning_rate = 0.01, .epochs = 60, .watch = stop_at, .ctx = &at};
    struct ml_data data;
    struct ml_result r;
    fill(&data, &config, 100);
    ck_assert_int_eq(ml_train(&job, &data, &r, why), -ECANCELED);
    ck_assert_uint_eq(r.model.n_tensors, 0);
    ml_data_free(&data);
}
END_TEST

/* Says so from the time on that it was asked often enough. */
struct patience {
    atomic_uint asked;
    unsigned most;
};

static int impatient(void *ctx)
{
    struct patience *p = ctx;
    return atomic_fetch_add(&p->asked, 1) >= p->most;
}

/* However far it is: within an epoch, a tree, a restart, or when the finished model is measured. */
START_TEST(ends_anywhere)
{
    for (int a = 0; a < ML_ALGORITHMS; a++) {
        struct ml_config config = config_of((enum ml_algorithm)a, 3);
        struct patience all = {.most = UINT32_MAX};
        struct ml_job job = {.config = &config,
                             .learning_rate = 0.01,
                             .epochs = 2,
                             .threads = 2,
                             .over = impatient,
                             .ctx = &all};
        struct ml_data data;
        struct ml_result r;
        config.restarts = config.trees = 1; /* few reports: those alone are not enough */
        fill(&data, &config, 6000);
        ck_assert_int_eq(ml_train(&job, &data, &r, why), 0);
        ml_result_free(&r);
        ml_data_free(&data);
        ck_assert_uint_gt(all.asked, 3);
        for (unsigned i = 0; i < 8; i++) {
            struct patience some = {.most = all.asked * i / 8};
            job.ctx = &some;
            fill(&data, &config, 6000);
            ck_assert_msg(ml_train(&job, &data, &r, why) == -ECANCELED, "%s, asked %u of %u times",
                          ml_algorithm_names[a], some.most, all.asked);
            ck_assert_uint_eq(r.model.n_tensors, 0);
            ml_data_free(&data);
        }
    }
}
END_TEST

/* What each would take is known before it is taken; trees are counted as they grow. */
START_TEST(stays_within_its_memory)
{
    for (int a = 0; a < ML_ALGORITHMS; a++) {
        struct ml_config config = config_of((enum ml_algorithm)a, 3);
        struct ml_job job = {
            .config = &config, .learning_rate = 0.01, .epochs = 2, .threads = 2, .memory = 1};
        struct ml_data data;
        struct ml_result r;
        fill(&data, &config, 2000);
        ck_assert_msg(ml_train(&job, &data, &r, why) == -E2BIG, "%s", ml_algorithm_names[a]);
        ck_assert_ptr_nonnull(strstr(why, "bytes or more beside the data, at most 1 are given"));
        ml_data_free(&data);
        job.memory = a == ML_FOREST ? 150000 : 1u << 24; /* ranks fit, all trees do not */
        fill(&data, &config, 2000);
        ck_assert_msg(ml_train(&job, &data, &r, why) == (a == ML_FOREST ? -E2BIG : 0), "%s: %s",
                      ml_algorithm_names[a], why);
        ck_assert(a != ML_FOREST || strstr(why, "at most 150000 are given"));
        ml_result_free(&r);
        ml_data_free(&data);
    }
}
END_TEST

START_TEST(refused)
{
    struct ml_config config = config_of(ML_MLP, 3);
    struct ml_job job = {.config = &config, .learning_rate = 0.01, .epochs = 3};
    struct ml_data data;
    struct ml_result r;
    fill(&data, &config, 3);
    config.test_fraction = 0.9;
    ck_assert_int_eq(ml_train(&job, &data, &r, why), -EINVAL);
    ck_assert_str_eq(why, "3 rows, of which 3 would be held out: none is left to train on");
    config.test_fraction = 0;
    job.epochs = 0;
    ck_assert_int_eq(ml_train(&job, &data, &r, why), -EINVAL);
    job.epochs = 3;
    job.learning_rate = 0;
    ck_assert_int_eq(ml_train(&job, &data, &r, why), -EINVAL);
    job.learning_rate = (double)NAN;
    ck_assert_int_eq(ml_train(&job, &data, &r, why), -EINVAL);
    job.learning_rate = 1e5;
    config.optimizer = ML_SGD;
    config.layers[1].activation = ML_RELU;
    job.epochs = 200;
    data.rows = 3;
    ck_assert_int_eq(ml_train(&job, &data, &r, why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "training diverged in epoch"));
    data.rows = 0;
    ck_assert_int_eq(ml_train(&job, &data, &r, why), -EINVAL);
    ck_assert_str_eq(why, "no rows to train on");
    ml_data_free(&data);
}
END_TEST

/* The last step makes weights that no row comes through, after the last look at the loss; and one row that is far off. */
START_TEST(no_metrics_that_are_no_numbers)
{
    struct ml_config config = config_of(ML_MLP, 3);
    struct ml_job job = {.config = &config, .learning_rate = 9e5, .epochs = 1, .threads = 1};
    struct ml_data data;
    struct ml_result r;
    config.n_layers = 8;
    for (int l = 0; l < 8; l++)
        config.layers[l] = (struct ml_layer){8, ML_LEAKY_RELU, 0};
    config.test_fraction = 0;
    fill(&data, &config, 12);
    ck_assert_int_eq(ml_train(&job, &data, &r, why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "on the training rows is no finite number"));
    ml_data_free(&data);
    for (int i = 0; i < 2; i++) {
        config = config_of(i ? ML_KMEANS : ML_NAIVE_BAYES, 3);
        config.split = ML_TAIL;
        config.standardize = false;
        job.epochs = 5;
        fill(&data, &config, 40);
        data.x[39 * 6] = 3e38f; /* the last row, which is held out: its distances and odds overflow */
        ck_assert_int_eq(ml_train(&job, &data, &r, why), -EINVAL);
        ck_assert_ptr_nonnull(strstr(why, "on the held-out rows is no finite number"));
        ml_data_free(&data);
    }
}
END_TEST

/* Computed with Python's hashlib from the definition in README.md. */
START_TEST(seed_from_ids)
{
    const struct nacre_str ids[] = {NACRE_S("blob-a"), NACRE_S("b"), NACRE_S("config")};
    const struct nacre_str cut[] = {NACRE_S("blob-ab"), NACRE_S(""), NACRE_S("config")};
    ck_assert_uint_eq(ml_seed_from(ids, 3), UINT64_C(14638393172414879532));
    ck_assert_uint_ne(ml_seed_from(cut, 3), UINT64_C(14638393172414879532));
    ck_assert_uint_ne(ml_seed_from(ids, 2), UINT64_C(14638393172414879532));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, same_bytes_everywhere);
    tcase_add_test(tc, learns_classes);
    tcase_add_test(tc, learns_numbers);
    tcase_add_test(tc, finds_the_line);
    tcase_add_test(tc, features_that_say_the_same);
    tcase_add_test(tc, a_tree_knows_exclusive_or);
    tcase_add_test(tc, a_model_read_back_says_the_same);
    tcase_add_test(tc, hostile_models);
    tcase_add_test(tc, seeds_and_optimisers);
    tcase_add_test(tc, ends_when_told);
    tcase_add_test(tc, ends_anywhere);
    tcase_add_test(tc, stays_within_its_memory);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, no_metrics_that_are_no_numbers);
    tcase_add_test(tc, seed_from_ids);
}

int main(void)
{
    return nacre_run_suite("ml-train", add, 100);
}
