#include "net.h"

#include "real.h"

/*
 * Row by row, in double precision. softmax: z shifted by its largest, so that nothing overflows.
 * Returns -log of the right one's probability; delta: (probability - 1 for the right one) / rows.
 */
static double softmax_row(const float *z, uint32_t n, uint32_t y, float *delta, double per_row,
                          uint64_t *right)
{
    uint32_t best = 0;
    double sum = 0;
    for (uint32_t j = 1; j < n; j++)
        best = z[j] > z[best] ? j : best;
    for (uint32_t j = 0; j < n; j++) {
        const double e = ml_exp((double)z[j] - (double)z[best]);
        sum += e;
        if (delta)
            delta[j] = (float)e;
    }
    for (uint32_t j = 0; delta && j < n; j++)
        delta[j] = (float)(((double)delta[j] / sum - (j == y ? 1.0 : 0.0)) * per_row);
    *right += best == y;
    return ml_log(sum) - ((double)z[y] - (double)z[best]);
}

/* log(1 + exp(-|z|)) and so on: -log of the probability of y, 0 or 1 */
static double logistic_row(double z, double y, float *delta, double per_row, uint64_t *right)
{
    const double p = ml_logistic(z), size = z < 0 ? -z : z;
    if (delta)
        *delta = (float)((p - y) * per_row);
    *right += (z > 0) == (y > 0.5);
    return ml_log(1.0 + ml_exp(-size)) + (z > 0 ? z : 0) - z * y;
}

double ml_net_loss(const struct ml_net *net, struct ml_batch *batch, const float *y, uint32_t rows,
                   uint64_t *right, bool learn)
{
    const uint32_t last = net->n - 1, n = net->sizes[net->n];
    const double per_row = 1.0 / rows;
    double sum = 0;
    for (uint32_t i = 0; i < rows; i++) {
        const float *z = batch->out[last] + (size_t)i * n;
        float *delta = learn ? batch->delta[last] + (size_t)i * n : NULL;
        if (net->loss == ML_CROSS_ENTROPY) {
            sum += softmax_row(z, n, (uint32_t)y[i], delta, per_row, right);
        } else if (net->loss == ML_LOGISTIC_LOSS) {
            sum += logistic_row((double)*z, (double)y[i], delta, per_row, right);
        } else {
            const double error = (double)*z - (double)y[i];
            if (delta)
                *delta = (float)(2.0 * error * per_row);
            sum += error * error;
        }
    }
    return sum;
}

void ml_net_probabilities(const struct ml_net *net, float *out, uint64_t rows)
{
    const uint32_t n = net->sizes[net->n];
    for (uint64_t i = 0; i < rows && net->loss != ML_SQUARED; i++) {
        float *z = out + i * n;
        double sum = 0, top = (double)z[0];
        if (net->loss == ML_LOGISTIC_LOSS) {
            z[0] = (float)ml_logistic((double)z[0]);
            continue;
        }
        for (uint32_t j = 1; j < n; j++)
            top = (double)z[j] > top ? (double)z[j] : top;
        for (uint32_t j = 0; j < n; j++) {
            z[j] = (float)ml_exp((double)z[j] - top);
            sum += (double)z[j];
        }
        for (uint32_t j = 0; j < n; j++)
            z[j] = (float)((double)z[j] / sum);
    }
}
