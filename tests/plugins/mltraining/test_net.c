/* The gradients of every layer and loss beside finite differences, and products of matrices beside the plain sum. */
#include <learn/gemm.h>
#include <learn/net.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h" /* after the header whose member `fail` its macros would change */

#define ROWS 7u

static struct ml_config config_of(enum ml_activation activation, enum ml_loss loss, double dropout)
{
    return (struct ml_config){.input_size = 5,
                              .output_size = loss == ML_CROSS_ENTROPY ? 4 : 1,
                              .n_layers = 2,
                              .layers = {{9, activation, dropout}, {6, activation, dropout}},
                              .loss = loss};
}

/* The mean loss, with the same dropout each time. */
static double loss_at(const struct ml_net *net, struct ml_batch *b, const float *y, bool learn)
{
    struct ml_rng rng;
    uint64_t right = 0;
    ml_rng_begin(&rng, 5, ML_STREAM_DROPOUT);
    ml_net_forward(net, NULL, b, ROWS, &rng);
    return ml_net_loss(net, b, y, ROWS, &right, learn) / ROWS;
}

static void fill(struct ml_batch *b, float *y, enum ml_loss loss)
{
    struct ml_rng rng;
    ml_rng_begin(&rng, 11, 1);
    for (uint32_t i = 0; i < ROWS * 5; i++)
        b->in[i] = (float)(2 * ml_rng_real(&rng) - 1);
    for (uint32_t i = 0; i < ROWS; i++)
        y[i] = loss == ML_CROSS_ENTROPY   ? (float)(i % 4)
               : loss == ML_LOGISTIC_LOSS ? (float)(i % 2)
                                          : (float)i / 3;
}

static void check_gradients(enum ml_activation activation, enum ml_loss loss, double dropout)
{
    const struct ml_config config = config_of(activation, loss, dropout);
    struct ml_net net;
    struct ml_batch batch;
    struct ml_rng rng;
    float y[ROWS];
    const float h = 1.0f / 256;
    ck_assert_int_eq(ml_net_init(&net, &config), 0);
    ck_assert_int_eq(ml_batch_init(&batch, &net, ROWS, true), 0);
    ml_rng_begin(&rng, 3, ML_STREAM_INIT);
    ml_net_fill(&net, ML_INIT_AUTO, &rng);
    for (uint32_t l = 0; l < net.n; l++) /* biases too, and away from the corner of relu */
        for (uint32_t j = 0; j < net.sizes[l + 1]; j++)
            net.values[net.biases[l] + j] = (float)(0.3 + 0.1 * ml_rng_real(&rng));
    fill(&batch, y, loss);
    float *gradient = calloc(net.n_values, sizeof *gradient);
    (void)loss_at(&net, &batch, y, true);
    ml_net_backward(&net, NULL, &batch, ROWS, gradient);
    double largest = 0;
    for (size_t i = 0; i < net.n_values; i++) {
        const float kept = net.values[i];
        net.values[i] = kept + h;
        const double up = loss_at(&net, &batch, y, false);
        net.values[i] = kept - h;
        const double down = loss_at(&net, &batch, y, false);
        net.values[i] = kept;
        const double expected = (up - down) / (2 * (double)h), found = (double)gradient[i];
        ck_assert_msg(fabs(expected - found) < 4e-3 * (1 + fabs(expected)),
                      "%s, %s, number %zu: %g, expected %g", ml_activation_names[activation],
                      ml_loss_names[loss], i, found, expected);
        largest = fabs(found) > largest ? fabs(found) : largest;
    }
    ck_assert_double_gt(largest, 0.01); /* zeros would pass otherwise */
    free(gradient);
    ml_batch_free(&batch);
    ml_net_free(&net);
}

START_TEST(gradients)
{
    for (int a = 0; a < ML_IDENTITY; a++)
        for (int l = 0; l < ML_LOSSES; l++)
            check_gradients((enum ml_activation)a, (enum ml_loss)l, 0);
}
END_TEST

START_TEST(gradients_with_dropout)
{
    for (int a = 0; a < ML_IDENTITY; a++)
        for (int l = 0; l < ML_LOSSES; l++)
            check_gradients((enum ml_activation)a, (enum ml_loss)l, 0.4);
}
END_TEST

/* What stays is scaled up; without a generator nothing is dropped. */
START_TEST(dropout_drops_and_scales)
{
    const struct ml_config config = config_of(ML_RELU, ML_CROSS_ENTROPY, 0.5);
    struct ml_net net;
    struct ml_batch batch;
    struct ml_rng rng;
    unsigned zeros = 0;
    ck_assert_int_eq(ml_net_init(&net, &config), 0);
    ck_assert_int_eq(ml_batch_init(&batch, &net, ROWS, true), 0);
    for (uint32_t j = 0; j < 9; j++)
        net.values[net.biases[0] + j] = 1;
    memset(batch.in, 0, ROWS * 5 * sizeof(float));
    ml_rng_begin(&rng, 1, ML_STREAM_DROPOUT);
    ml_net_forward(&net, NULL, &batch, ROWS, &rng);
    for (uint32_t i = 0; i < ROWS * 9; i++) {
        ck_assert(batch.out[0][i] == 0 || batch.out[0][i] == 2);
        zeros += batch.out[0][i] == 0;
    }
    ck_assert(zeros > 15 && zeros < 48);
    ml_net_forward(&net, NULL, &batch, ROWS, NULL);
    for (uint32_t i = 0; i < ROWS * 9; i++)
        ck_assert(batch.out[0][i] == 1);
    ml_batch_free(&batch);
    ml_net_free(&net);
}
END_TEST

START_TEST(initial_weights)
{
    static const struct {
        enum ml_init init;
        enum ml_activation activation;
        double limit; /* of the first layer, 5 to 9 */
    } cases[] = {{ML_XAVIER, ML_RELU, 0.6546537},
                 {ML_HE, ML_TANH, 1.0954451},
                 {ML_INIT_AUTO, ML_LEAKY_RELU, 1.0954451},
                 {ML_INIT_AUTO, ML_SIGMOID, 0.6546537}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const struct ml_config config = config_of(cases[c].activation, ML_CROSS_ENTROPY, 0);
        struct ml_net net;
        struct ml_rng rng;
        double most = 0;
        ck_assert_int_eq(ml_net_init(&net, &config), 0);
        ml_rng_begin(&rng, 1, ML_STREAM_INIT);
        ml_net_fill(&net, cases[c].init, &rng);
        for (size_t i = 0; i < 45; i++)
            most = fabs((double)net.values[i]) > most ? fabs((double)net.values[i]) : most;
        ck_assert(most <= cases[c].limit && most > 0.8 * cases[c].limit);
        ml_net_free(&net);
    }
}
END_TEST

/* Any size and stride gives the chain of multiply-adds that it promises, to the last bit, with any threads. */
START_TEST(products)
{
    static const size_t sizes[][3] = {{1, 1, 1},      {6, 16, 3},   {7, 17, 5},    {13, 33, 300},
                                      {64, 128, 257}, {5, 10, 784}, {100, 15, 64}, {90, 90, 90}};
    struct ml_pool *pools[] = {NULL, ml_pool_new(2), ml_pool_new(3)};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        const size_t m = sizes[s][0], n = sizes[s][1], depth = sizes[s][2];
        float *a = malloc(m * depth * sizeof *a), *b = malloc(depth * n * sizeof *b);
        float *expected = malloc(m * n * sizeof *expected), *found = malloc(m * n * sizeof *found);
        struct ml_rng rng;
        ml_rng_begin(&rng, s, 1);
        for (size_t i = 0; i < m * depth; i++)
            a[i] = (float)ml_rng_real(&rng) - 0.5f;
        for (size_t i = 0; i < depth * n; i++)
            b[i] = (float)ml_rng_real(&rng) - 0.5f;
        for (unsigned way = 0; way < 4; way++) {
            const bool ta = way & 1, tb = way & 2;
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n; j++) {
                    float sum = 1;
                    for (size_t k = 0; k < depth; k++)
                        sum = fmaf(a[ta ? k * m + i : i * depth + k], b[tb ? j * depth + k : k * n + j], sum);
                    expected[i * n + j] = sum;
                }
            for (size_t p = 0; p < 3; p++) {
                for (size_t i = 0; i < m * n; i++)
                    found[i] = 1;
                const struct ml_gemm g = {
                    m, n, depth, a, ta ? 1 : depth, ta ? m : 1, b, tb ? 1 : n, tb ? depth : 1, found, n};
                ml_gemm(pools[p], &g);
                ck_assert_msg(memcmp(found, expected, m * n * sizeof *found) == 0,
                              "size %zu, way %u, pool %zu", s, way, p);
            }
        }
        free(a);
        free(b);
        free(expected);
        free(found);
    }
    ml_pool_free(pools[1]);
    ml_pool_free(pools[2]);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, gradients);
    tcase_add_test(tc, gradients_with_dropout);
    tcase_add_test(tc, dropout_drops_and_scales);
    tcase_add_test(tc, initial_weights);
    tcase_add_test(tc, products);
}

int main(void)
{
    return nacre_run_suite("ml-net", add, 60);
}
