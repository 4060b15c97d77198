/*
 * job.h - one training job, from decoded rows to a model. Everything random comes from the seed, and every sum is made
 * in one order: the same job gives the same bytes on any machine and with any number of threads.
 */
#ifndef ML_JOB_H
#define ML_JOB_H

#include "model.h"

struct ml_progress {
    uint64_t step, steps;  /* epochs, trees, iterations */
    double loss, accuracy; /* on the training rows so far; NAN where there is none yet */
};

/* Called from the thread that called ml_train(). Other than 0 ends the job with -ECANCELED. */
typedef int (*ml_watch)(void *ctx, const struct ml_progress *progress);

/*
 * Asked all the time, from every thread of the job: shall it end? Once it says so, it stays at that. Other than 0 ends
 * the job with -ECANCELED soon, wherever it is.
 */
typedef int (*ml_over)(void *ctx);

struct ml_job {
    const struct ml_config *config;
    double learning_rate; /* of the MLP */
    uint64_t epochs;      /* of the MLP; the most iterations of logistic regression and k-means */
    uint64_t seed;
    uint64_t memory;  /* bytes that training may take beside the data, about; 0: as many as there are */
    uint32_t threads; /* 0: as many as there are CPUs; at most 64 */
    ml_watch watch;   /* may be NULL */
    ml_over over;     /* may be NULL */
    void *ctx;
};

struct ml_metrics {
    uint64_t rows;
    double accuracy; /* percent of rows that are right; for a number 100 times R squared */
    double loss;     /* mean; see README.md for what each algorithm minimises */
};

struct ml_point { /* after one epoch; NAN where there are no held-out rows */
    double loss, accuracy, test_loss, test_accuracy;
};

struct ml_result {
    struct ml_model model;
    struct ml_metrics train, test;
    struct ml_point *history; /* owned; empty for what has no epochs */
    uint64_t n_history;
    uint64_t seed;
};

/* Is this a CPU that gives the promised bytes (x86-64: AVX2 and FMA)? 0, or -ENOTSUP with `why`. */
int ml_cpu_check(char why[ML_WHY]);

/*
 * Trains. The data is used up: its order and scale change. 0, -ECANCELED, -ENOMEM, or with `why` -ENOTSUP, -EINVAL,
 * and -E2BIG when it would take more than job->memory.
 * *out is zeroed on failure.
 */
int ml_train(const struct ml_job *job, struct ml_data *data, struct ml_result *out, char why[ML_WHY]);

/* Wipes. Accepts a zeroed struct. */
void ml_result_free(struct ml_result *result);

/* How good a model is on these rows. As ml_predict(). */
int ml_evaluate(const struct ml_model *model, const struct ml_data *data, struct ml_metrics *out,
                char why[ML_WHY]);

/* The seed of a job whose config names none: from the ids of its blobs, data first, the config's last. */
uint64_t ml_seed_from(const struct nacre_str *ids, uint64_t n_ids);

#endif
