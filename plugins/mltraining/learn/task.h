/* task.h - what job.c gives an algorithm to train with, and the table of algorithms. Not for outside the library. */
#ifndef ML_TASK_H
#define ML_TASK_H

#include "job.h"
#include "pool.h"

#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>

struct ml_task {
    const struct ml_job *job;
    const struct ml_config *config;
    struct ml_pool *pool;
    const float *x, *y; /* training rows first, then those that are held out; standardised */
    uint64_t n_train, n_test;
    uint32_t columns;
    uint32_t classes; /* 0: a number */
    struct ml_model *model;
    struct ml_result *result; /* for the history */
    char *why;
};

/* Reports and asks whether to go on. 0 or -ECANCELED. */
int ml_task_report(const struct ml_task *task, uint64_t step, uint64_t steps, double loss, double accuracy);

/* Shall the job end? 0 or -ECANCELED. For any thread. */
static inline int ml_task_over(const struct ml_task *task)
{
    return task->job->over && task->job->over(task->job->ctx) ? -ECANCELED : 0;
}

/*
 * May training take about so many bytes beside the data? A double, so that no product of sizes overflows. 0, or -E2BIG
 * with the reason noted.
 */
int ml_task_room(const struct ml_task *task, double bytes);

/* Frees what was made of rows, wiped. Accepts NULL. */
static inline void ml_task_free(void *p, size_t bytes)
{
    if (p)
        sodium_memzero(p, bytes);
    free(p);
}

/* A point of the history. 0 or -ENOMEM. */
int ml_task_note(const struct ml_task *task, const struct ml_point *point);

/* Notes a reason and returns -EINVAL. */
__attribute__((format(printf, 2, 3))) int ml_task_refuse(const struct ml_task *task, const char *format, ...);

/* What the numbers of scores() mean. */
enum ml_meaning {
    ML_PROBABILITIES, /* one for each class; loss: -log of the right one's */
    ML_PROBABILITY,   /* of class 1; the same loss */
    ML_REGRESSION,    /* a number; loss: squared error */
    ML_VOTES,         /* highest wins; loss: squared error against 1 for the right class and -1 for others */
    ML_CLUSTER        /* the class, then the squared distance to its cluster's centre, which is the loss */
};

struct ml_scoring {
    const struct ml_model *model;
    struct ml_pool *pool; /* may be NULL */
    const float *x;       /* standardised where the model says so */
    uint64_t rows;
    uint32_t columns;
    float *out; /* rows * outputs */
    char *why;
    const struct ml_task *task; /* that may end meanwhile; NULL: none */
};

struct ml_kind {
    int (*train)(const struct ml_task *task);
    /* Columns of its scores, and what they mean; 0 when the model is out of form or for another width. */
    uint32_t (*outputs)(const struct ml_model *model, uint32_t columns, enum ml_meaning *meaning);
    int (*scores)(const struct ml_scoring *s);
    bool raw; /* takes its rows as they are: the scale of a column is nothing to it */
};

extern const struct ml_kind ml_kind_mlp, ml_kind_linear, ml_kind_logistic, ml_kind_knn, ml_kind_kmeans,
    ml_kind_bayes, ml_kind_tree, ml_kind_boost;

const struct ml_kind *ml_kind_of(enum ml_algorithm algorithm);

#endif
