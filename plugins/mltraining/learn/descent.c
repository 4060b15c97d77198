#include "descent.h"

#include "real.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS 10u /* of steps and changes of the gradient that are remembered */
#define TRIES 30u /* halvings of a step */

struct memory {
    size_t n;
    uint64_t pairs; /* so far; the last PAIRS are kept */
    double *s, *y;  /* PAIRS * n: steps, and changes of the gradient */
    double rho[PAIRS];
    double *direction, *gradient, *trial, *trial_gradient;
    double *all;
};

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = ml_fma(a[i], b[i], sum);
    return sum;
}

static void add(double *to, double by, const double *what, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = ml_fma(by, what[i], to[i]);
}

static void find_direction(struct memory *m)
{
    double alpha[PAIRS] = {0};
    const uint64_t first = m->pairs > PAIRS ? m->pairs - PAIRS : 0;
    double *q = m->direction;
    memcpy(q, m->gradient, m->n * sizeof *q);
    for (uint64_t p = m->pairs; p-- > first;) {
        const size_t at = p % PAIRS;
        alpha[at] = m->rho[at] * dot(m->s + at * m->n, q, m->n);
        add(q, -alpha[at], m->y + at * m->n, m->n);
    }
    if (m->pairs) {
        const double *y = m->y + (m->pairs - 1) % PAIRS * m->n;
        const double scale = 1.0 / (m->rho[(m->pairs - 1) % PAIRS] * dot(y, y, m->n));
        for (size_t i = 0; i < m->n; i++)
            q[i] *= scale;
    }
    for (uint64_t p = first; p < m->pairs; p++) {
        const size_t at = p % PAIRS;
        const double beta = m->rho[at] * dot(m->y + at * m->n, q, m->n);
        add(q, alpha[at] - beta, m->s + at * m->n, m->n);
    }
    for (size_t i = 0; i < m->n; i++)
        q[i] = -q[i];
}

static double largest(const double *g, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        const double size = g[i] < 0 ? -g[i] : g[i];
        most = size > most ? size : most;
    }
    return most;
}

/* Half the step until it brings enough (Armijo). The new value; the old one when no step does. */
static double walk(const struct ml_descent *d, struct memory *m, double *w, double value)
{
    const double slope = dot(m->gradient, m->direction, m->n);
    const double size = largest(m->gradient, m->n);
    double step = m->pairs || size < 1 ? 1 : 1 / size;
    for (unsigned i = 0; i < TRIES && slope < 0; i++) {
        memcpy(m->trial, w, m->n * sizeof *w);
        add(m->trial, step, m->direction, m->n);
        const double found = d->value(d->ctx, m->trial, m->trial_gradient);
        if (!(found <= value + 1e-4 * step * slope)) {
            step /= 2;
            continue;
        }
        double *s = m->s + m->pairs % PAIRS * m->n, *y = m->y + m->pairs % PAIRS * m->n;
        for (size_t k = 0; k < m->n; k++) {
            s[k] = m->trial[k] - w[k];
            y[k] = m->trial_gradient[k] - m->gradient[k];
        }
        const double curve = dot(s, y, m->n);
        memcpy(w, m->trial, m->n * sizeof *w);
        memcpy(m->gradient, m->trial_gradient, m->n * sizeof *w);
        if (curve > 1e-12 * dot(y, y, m->n))
            m->rho[m->pairs++ % PAIRS] = 1 / curve;
        return found;
    }
    return value;
}

int ml_descend(const struct ml_descent *d, double *w)
{
    struct memory m = {.n = d->n};
    int err = 0;
    m.all = calloc((2 * PAIRS + 4) * d->n, sizeof *m.all);
    if (!m.all)
        return -ENOMEM;
    m.s = m.all;
    m.y = m.s + PAIRS * d->n;
    m.direction = m.y + PAIRS * d->n;
    m.gradient = m.direction + d->n;
    m.trial = m.gradient + d->n;
    m.trial_gradient = m.trial + d->n;
    double value = d->value(d->ctx, w, m.gradient);
    for (uint64_t i = 0; i < d->most && largest(m.gradient, d->n) > d->enough && !err; i++) {
        find_direction(&m);
        const double before = value;
        value = walk(d, &m, w, value);
        err = d->step(d->ctx, i + 1, value);
        if (!(value < before))
            break;
    }
    sodium_memzero(m.all, (2 * PAIRS + 4) * d->n * sizeof *m.all);
    free(m.all);
    return err;
}
