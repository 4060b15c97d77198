#include "net.h"

#include "gemm.h"
#include "real.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#define LEAK 0.01f

int ml_net_init(struct ml_net *net, const struct ml_config *config)
{
    *net = (struct ml_net){.n = config->n_layers + 1, .loss = config->loss};
    net->sizes[0] = config->input_size;
    for (uint32_t l = 0; l < net->n; l++) {
        const bool last = l == config->n_layers;
        net->sizes[l + 1] = last ? config->output_size : config->layers[l].neurons;
        net->activation[l] = last ? ML_IDENTITY : config->layers[l].activation;
        net->dropout[l] = last ? 0 : (float)config->layers[l].dropout;
        net->weights[l] = net->n_values;
        net->n_values += (size_t)net->sizes[l] * net->sizes[l + 1];
        net->biases[l] = net->n_values;
        net->n_values += net->sizes[l + 1];
    }
    if (net->n_values > (size_t)1 << 32)
        return -ENOMEM;
    net->values = calloc(net->n_values, sizeof(float));
    return net->values ? 0 : -ENOMEM;
}

void ml_net_free(struct ml_net *net)
{
    if (net->values)
        sodium_memzero(net->values, net->n_values * sizeof(float));
    free(net->values);
    net->values = NULL;
}

void ml_net_fill(struct ml_net *net, enum ml_init init, struct ml_rng *rng)
{
    for (uint32_t l = 0; l < net->n; l++) {
        const double in = net->sizes[l], out = net->sizes[l + 1];
        const bool rectified = net->activation[l] == ML_RELU || net->activation[l] == ML_LEAKY_RELU;
        const bool he = init == ML_HE || (init == ML_INIT_AUTO && rectified);
        const double limit = ml_sqrt(6.0 / (he ? in : in + out));
        float *w = net->values + net->weights[l];
        for (size_t i = 0; i < (size_t)net->sizes[l] * net->sizes[l + 1]; i++)
            w[i] = (float)((2.0 * ml_rng_real(rng) - 1.0) * limit);
    }
}

static size_t aligned(size_t floats)
{
    return (floats + 15) & ~(size_t)15;
}

int ml_batch_init(struct ml_batch *batch, const struct ml_net *net, uint32_t rows, bool backwards)
{
    size_t floats = aligned((size_t)rows * net->sizes[0]);
    for (uint32_t l = 0; l < net->n; l++)
        floats += (backwards ? 3 : 1) * aligned((size_t)rows * net->sizes[l + 1]);
    *batch = (struct ml_batch){.rows = rows, .bytes = floats * sizeof(float)};
    batch->memory = aligned_alloc(64, batch->bytes);
    if (!batch->memory)
        return -ENOMEM;
    float *at = batch->memory;
    batch->in = at;
    at += aligned((size_t)rows * net->sizes[0]);
    for (uint32_t l = 0; l < net->n; l++) {
        const size_t n = aligned((size_t)rows * net->sizes[l + 1]);
        batch->out[l] = at;
        at += n;
        if (backwards) {
            batch->slope[l] = at;
            batch->delta[l] = at + n;
            at += 2 * n;
        }
    }
    return 0;
}

void ml_batch_free(struct ml_batch *batch)
{
    if (batch->memory)
        sodium_memzero(batch->memory, batch->bytes);
    free(batch->memory);
    batch->memory = NULL;
}

static float activated(enum ml_activation activation, float x)
{
    switch (activation) {
    case ML_RELU:
        return x > 0 ? x : 0;
    case ML_LEAKY_RELU:
        return x > 0 ? x : LEAK * x;
    case ML_SIGMOID:
        return (float)ml_logistic(x);
    case ML_TANH:
        return (float)ml_tanh(x);
    default:
        return x;
    }
}

/* From the value after the activation: all of these can be told from it. */
static float slope_of(enum ml_activation activation, float a)
{
    switch (activation) {
    case ML_RELU:
        return a > 0 ? 1 : 0;
    case ML_LEAKY_RELU:
        return a > 0 ? 1 : LEAK;
    case ML_SIGMOID:
        return a * (1 - a);
    case ML_TANH:
        return 1 - a * a;
    default:
        return 1;
    }
}

static void activate(const struct ml_net *net, struct ml_batch *b, uint32_t l, size_t n, struct ml_rng *rng)
{
    const enum ml_activation activation = net->activation[l];
    float *out = b->out[l], *slope = b->slope[l];
    if (activation != ML_IDENTITY) {
        if (activation == ML_RELU)
            for (size_t i = 0; i < n; i++)
                out[i] = out[i] > 0 ? out[i] : 0;
        else
            for (size_t i = 0; i < n; i++)
                out[i] = activated(activation, out[i]);
    }
    if (!rng || l + 1 == net->n)
        return;
    for (size_t i = 0; i < n; i++)
        slope[i] = slope_of(activation, out[i]);
    if (!(net->dropout[l] > 0))
        return;
    /* those that stay are scaled up, so that nothing has to change when none is dropped */
    const float keep = 1.0f / (1.0f - net->dropout[l]);
    for (size_t i = 0; i < n; i++) {
        const float scale = ml_rng_real(rng) < (double)net->dropout[l] ? 0 : keep;
        out[i] *= scale;
        slope[i] *= scale;
    }
}

void ml_net_forward(const struct ml_net *net, struct ml_pool *pool, struct ml_batch *batch, uint32_t rows,
                    struct ml_rng *rng)
{
    for (uint32_t l = 0; l < net->n; l++) {
        const uint32_t in = net->sizes[l], out = net->sizes[l + 1];
        const float *bias = net->values + net->biases[l];
        for (uint32_t i = 0; i < rows; i++)
            memcpy(batch->out[l] + (size_t)i * out, bias, out * sizeof(float));
        const struct ml_gemm g = {rows,
                                  out,
                                  in,
                                  l ? batch->out[l - 1] : batch->in,
                                  in,
                                  1,
                                  net->values + net->weights[l],
                                  out,
                                  1,
                                  batch->out[l],
                                  out};
        ml_gemm(pool, &g);
        activate(net, batch, l, (size_t)rows * out, rng);
    }
}

void ml_net_backward(const struct ml_net *net, struct ml_pool *pool, struct ml_batch *batch, uint32_t rows,
                     float *gradient)
{
    memset(gradient, 0, net->n_values * sizeof(float));
    for (uint32_t l = net->n; l-- > 0;) {
        const uint32_t in = net->sizes[l], out = net->sizes[l + 1];
        const float *delta = batch->delta[l], *from = l ? batch->out[l - 1] : batch->in;
        float *bias = gradient + net->biases[l];
        const struct ml_gemm g = {in, out, rows, from, 1, in, delta, out, 1, gradient + net->weights[l], out};
        ml_gemm(pool, &g);
        for (uint32_t i = 0; i < rows; i++)
            for (uint32_t j = 0; j < out; j++)
                bias[j] += delta[(size_t)i * out + j];
        if (l == 0)
            break;
        float *before = batch->delta[l - 1];
        memset(before, 0, (size_t)rows * in * sizeof(float));
        const struct ml_gemm back = {rows, in,  out,    delta, out, 1, net->values + net->weights[l],
                                     1,    out, before, in};
        ml_gemm(pool, &back);
        for (size_t i = 0; i < (size_t)rows * in; i++)
            before[i] *= batch->slope[l - 1][i];
    }
}
