/* score.h - how good a model's scores are. */
#ifndef ML_SCORE_H
#define ML_SCORE_H

#include "task.h"

/* Scores the rows of `s` (s->out is not used) and measures. 0, -ENOMEM, or -EINVAL with s->why. */
int ml_score_measure(struct ml_scoring *s, const float *y, struct ml_metrics *out);

/* The largest of n; the first of those that are equal. */
uint32_t ml_score_best(const float *scores, uint32_t n);

#endif
