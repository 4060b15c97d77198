/* Nothing that is freed still holds what was decrypted: features and labels, as they came or as doubles. */
#include <dlfcn.h>
#include <errno.h>
#include <learn/job.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h" /* after the header whose member `fail` its macros would change */

#define ROWS    300u
#define COLUMNS 6u
#define FIRST   1000000.25 /* no number but those of the data is likely to be as far from it as one of them */
#define LAST    (FIRST + ROWS * (COLUMNS + 1) - 1)

static atomic_bool watching;
static atomic_uint found;

static bool is_one(double value)
{
    return value >= FIRST && value <= LAST && value - FIRST == (double)(unsigned)(value - FIRST);
}

/* As floats, as floats whose sign was turned to sort them, and as doubles. */
static void look(const uint8_t *at, size_t len)
{
    for (size_t i = 0; i + 8 <= len; i += 4) {
        double wide;
        float narrow, turned;
        uint32_t bits;
        memcpy(&wide, at + i, sizeof wide);
        memcpy(&narrow, at + i, sizeof narrow);
        memcpy(&bits, at + i, sizeof bits);
        bits ^= 0x80000000u;
        memcpy(&turned, &bits, sizeof turned);
        if (is_one((double)narrow) || is_one((double)turned) || is_one(wide))
            atomic_fetch_add(&found, 1);
    }
}

/* In front of the C library's, for this program and all that it is made of. */
void free(void *p)
{
    static void (*real)(void *);
    if (!real) {
        void *symbol = dlsym(RTLD_NEXT, "free");
        memcpy(&real, &symbol, sizeof real);
    }
    if (p && atomic_load(&watching))
        look(p, malloc_usable_size(p));
    real(p);
}

static struct ml_config config_of(enum ml_algorithm algorithm, uint32_t outputs)
{
    return (struct ml_config){.algorithm = algorithm,
                              .input_size = COLUMNS,
                              .output_size = outputs,
                              .n_layers = 1,
                              .layers = {{8, ML_RELU, 0}},
                              .loss = outputs > 1 ? ML_CROSS_ENTROPY : ML_SQUARED,
                              .momentum = 0.9,
                              .alpha = 1,
                              .test_fraction = 0.25,
                              .batch_size = 16,
                              .neighbours = 5,
                              .clusters = ROWS / 2, /* some have one row, which their centre is then */
                              .restarts = 2,
                              .trees = 3,
                              .max_depth = 64,
                              .min_leaf = 1,
                              .shrinkage = 0.3};
}

static void fill(struct ml_data *data, const struct ml_config *config)
{
    const struct ml_limits limits = {1u << 20, 1u << 20, 64};
    char why[ML_WHY];
    ck_assert_int_eq(ml_data_init(data, config, &limits, why), 0);
    for (uint32_t i = 0; i < ROWS; i++) {
        float *x = ml_data_next(data);
        for (uint32_t j = 0; j <= COLUMNS; j++) {
            const float value = (float)(FIRST + (i * 7919u % ROWS) * (COLUMNS + 1) + j);
            if (j < COLUMNS)
                x[j] = value;
            else
                ml_data_commit(data, data->classes ? (float)(i % 3) : value);
        }
    }
}

static void train(enum ml_algorithm algorithm, uint32_t outputs)
{
    const struct ml_config config = config_of(algorithm, outputs);
    const struct ml_job job = {.config = &config, .learning_rate = 1e-9, .epochs = 3, .threads = 2};
    struct ml_data data;
    struct ml_result result;
    char why[ML_WHY];
    fill(&data, &config);
    atomic_store(&found, 0);
    atomic_store(&watching, true);
    if (ml_train(&job, &data, &result, why) == 0)
        ml_result_free(&result);
    atomic_store(&watching, false);
    ml_data_free(&data);
    ck_assert_msg(atomic_load(&found) == 0, "%s, %u outputs: %u numbers left behind",
                  ml_algorithm_names[algorithm], outputs, atomic_load(&found));
}

START_TEST(leaves_nothing_behind)
{
    float *seen = malloc(64 * sizeof *seen);
    for (unsigned i = 0; i < 64; i++)
        seen[i] = (float)(FIRST + i);
    atomic_store(&watching, true);
    free(seen); /* what is there is found */
    atomic_store(&watching, false);
    ck_assert_uint_ge(atomic_load(&found), 60);
    for (int a = 0; a < ML_ALGORITHMS; a++) {
        train((enum ml_algorithm)a, 3);
        if (a != ML_LOGISTIC && a != ML_KMEANS && a != ML_NAIVE_BAYES)
            train((enum ml_algorithm)a, 1);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, leaves_nothing_behind);
}

int main(void)
{
    return nacre_run_suite("ml-wipe", add, 60);
}
