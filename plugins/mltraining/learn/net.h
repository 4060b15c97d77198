/* net.h - a multi-layer perceptron: its numbers, and one batch of rows through it forwards and backwards. */
#ifndef ML_NET_H
#define ML_NET_H

#include "config.h"
#include "pool.h"
#include "rng.h"

struct ml_net {
    uint32_t n; /* layers, the output's included */
    uint32_t sizes[ML_LAYERS_MAX + 2];
    enum ml_activation activation[ML_LAYERS_MAX + 1]; /* of the last: identity; the loss has the rest */
    float dropout[ML_LAYERS_MAX + 1];
    enum ml_loss loss;
    size_t weights[ML_LAYERS_MAX + 1], biases[ML_LAYERS_MAX + 1]; /* where they begin in `values` */
    size_t n_values;
    float *values; /* owned; weights of a layer are inputs x outputs */
};

/* Buffers for batches of up to `rows`. */
struct ml_batch {
    uint32_t rows;
    float *in;                       /* rows * sizes[0]: filled by the caller */
    float *out[ML_LAYERS_MAX + 1];   /* of each layer, after activation and dropout */
    float *slope[ML_LAYERS_MAX + 1]; /* d out / d in of the activation, dropout included */
    float *delta[ML_LAYERS_MAX + 1]; /* d loss / d in of the activation */
    float *memory;                   /* owned: all of the above */
    size_t bytes;
};

/* The net of a config; values are zero. 0 or -ENOMEM. */
int ml_net_init(struct ml_net *net, const struct ml_config *config);
void ml_net_free(struct ml_net *net);
/* Uniform between -limit and limit; sqrt(6 / (in + out)) by Xavier, sqrt(6 / in) by He. Biases are zero. */
void ml_net_fill(struct ml_net *net, enum ml_init init, struct ml_rng *rng);

int ml_batch_init(struct ml_batch *batch, const struct ml_net *net, uint32_t rows, bool backwards);
void ml_batch_free(struct ml_batch *batch);

/* batch->in to batch->out, `rows` of them. rng: for dropout; NULL: none is dropped, and no slopes are kept. */
void ml_net_forward(const struct ml_net *net, struct ml_pool *pool, struct ml_batch *batch, uint32_t rows,
                    struct ml_rng *rng);

/* Sum of the rows' losses; the rows that are right are counted in *right. Fills the last delta when `learn`. */
double ml_net_loss(const struct ml_net *net, struct ml_batch *batch, const float *y, uint32_t rows,
                   uint64_t *right, bool learn);

/* The gradient of the mean loss, from the last delta, into `gradient` (n_values). */
void ml_net_backward(const struct ml_net *net, struct ml_pool *pool, struct ml_batch *batch, uint32_t rows,
                     float *gradient);

/* The last layer's output becomes probabilities, in place. */
void ml_net_probabilities(const struct ml_net *net, float *out, uint64_t rows);

#endif
