/* mlp.c - training a multi-layer perceptron, and its tensors: layers.N.weight is outputs x inputs, as in PyTorch. */
#include "net.h"
#include "rng.h"
#include "step.h"
#include "task.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#define SCORED 256u /* rows that go through the net at once when it does not learn */

struct run {
    const struct ml_task *task;
    struct ml_net net;
    struct ml_batch batch, look; /* to learn with; to look at held-out rows with */
    struct ml_step step;
    struct ml_rng order, dropout;
    uint32_t *rows; /* of the training set, in this epoch's order */
    float *gradient, *y;
};

static void gather(struct run *r, struct ml_batch *b, const uint32_t *rows, uint32_t n)
{
    const size_t width = r->task->columns;
    for (uint32_t i = 0; i < n; i++) {
        memcpy(b->in + i * width, r->task->x + rows[i] * width, width * sizeof(float));
        r->y[i] = r->task->y[rows[i]];
    }
}

/* Loss and accuracy on the way through the epoch, each row as the net was when its turn came. */
static int epoch(struct run *r, struct ml_point *point)
{
    const uint64_t n = r->task->n_train;
    double loss = 0;
    uint64_t right = 0;
    ml_rng_shuffle(&r->order, r->rows, n);
    for (uint64_t at = 0; at < n; at += r->batch.rows) {
        const uint32_t rows = n - at < r->batch.rows ? (uint32_t)(n - at) : r->batch.rows;
        if (ml_task_over(r->task))
            return -ECANCELED;
        gather(r, &r->batch, r->rows + at, rows);
        ml_net_forward(&r->net, r->task->pool, &r->batch, rows, &r->dropout);
        loss += ml_net_loss(&r->net, &r->batch, r->y, rows, &right, true);
        ml_net_backward(&r->net, r->task->pool, &r->batch, rows, r->gradient);
        ml_step_take(&r->step, r->task->pool, r->net.values, r->gradient);
    }
    point->loss = loss / (double)n;
    point->accuracy = r->task->classes ? 100.0 * (double)right / (double)n : (double)NAN;
    return 0;
}

static void held_out(struct run *r, struct ml_point *point)
{
    const struct ml_task *t = r->task;
    double loss = 0;
    uint64_t right = 0;
    point->test_loss = point->test_accuracy = (double)NAN;
    for (uint64_t at = 0; at < t->n_test && !ml_task_over(t); at += SCORED) { /* else the report says so */
        const uint32_t rows = t->n_test - at < SCORED ? (uint32_t)(t->n_test - at) : SCORED;
        memcpy(r->look.in, t->x + (t->n_train + at) * t->columns, (size_t)rows * t->columns * sizeof(float));
        ml_net_forward(&r->net, t->pool, &r->look, rows, NULL);
        loss += ml_net_loss(&r->net, &r->look, t->y + t->n_train + at, rows, &right, false);
    }
    if (t->n_test == 0)
        return;
    point->test_loss = loss / (double)t->n_test;
    if (t->classes)
        point->test_accuracy = 100.0 * (double)right / (double)t->n_test;
}

static int learn(struct run *r)
{
    const struct ml_task *t = r->task;
    for (uint64_t e = 0; e < t->job->epochs; e++) {
        struct ml_point point;
        int err = epoch(r, &point);
        if (err)
            return err;
        if (!(point.loss < (double)INFINITY && point.loss > -(double)INFINITY))
            return ml_task_refuse(t,
                                  "training diverged in epoch %llu: the loss is no finite number; a lower "
                                  "learning_rate may help",
                                  (unsigned long long)e + 1);
        held_out(r, &point);
        err = ml_task_note(t, &point);
        if (!err)
            err = ml_task_report(t, e + 1, t->job->epochs, point.loss, point.accuracy);
        if (err)
            return err;
    }
    return 0;
}

static int save(const struct run *r)
{
    struct ml_model *m = r->task->model;
    char name[32], words[256] = "";
    size_t at = 0;
    for (uint32_t l = 0; l < r->net.n; l++) {
        const uint32_t in = r->net.sizes[l], out = r->net.sizes[l + 1];
        (void)snprintf(name, sizeof name, "layers.%u.weight", l);
        float *w = ml_model_add(m, name, ML_F32, out, in);
        (void)snprintf(name, sizeof name, "layers.%u.bias", l);
        float *b = ml_model_add(m, name, ML_F32, out, 0);
        if (!w || !b)
            return -ENOMEM;
        for (size_t i = 0; i < in; i++)
            for (size_t j = 0; j < out; j++)
                w[j * in + i] = r->net.values[r->net.weights[l] + i * out + j];
        memcpy(b, r->net.values + r->net.biases[l], out * sizeof(float));
        at += (size_t)snprintf(words + at, sizeof words - at, "%s%s", l ? "," : "",
                               ml_activation_names[r->net.activation[l]]);
    }
    return ml_model_text(m, "activations", words);
}

/* Weights, gradient, the optimiser's two, the model; and what a batch goes through, forwards and backwards. */
static double room_for(const struct ml_config *c, uint64_t batch)
{
    double values = 0, outputs = 0, in = c->input_size;
    for (uint32_t l = 0; l <= c->n_layers; l++) {
        const double out = l < c->n_layers ? c->layers[l].neurons : c->output_size;
        values += (in + 1) * out;
        outputs += out;
        in = out;
    }
    return sizeof(float) *
           (5 * values + (double)batch * (c->input_size + 3 * outputs) + SCORED * (c->input_size + outputs));
}

static int begin(struct run *r)
{
    const struct ml_task *t = r->task;
    struct ml_rng init;
    const uint64_t most = t->n_train < t->config->batch_size ? t->n_train : t->config->batch_size;
    int err = ml_task_room(t, room_for(t->config, most));
    if (!err)
        err = ml_net_init(&r->net, t->config);
    if (!err)
        err = ml_batch_init(&r->batch, &r->net, (uint32_t)most, true);
    if (!err && t->n_test)
        err = ml_batch_init(&r->look, &r->net, SCORED, false);
    if (!err)
        err = ml_step_init(&r->step, t->config, t->job->learning_rate, r->net.n_values);
    if (err)
        return err;
    r->rows = malloc(t->n_train * sizeof *r->rows);
    r->y = malloc((size_t)most * sizeof(float));
    r->gradient = malloc(r->net.n_values * sizeof(float));
    if (!r->rows || !r->y || !r->gradient)
        return -ENOMEM;
    for (uint64_t i = 0; i < t->n_train; i++)
        r->rows[i] = (uint32_t)i;
    ml_rng_begin(&init, t->job->seed, ML_STREAM_INIT);
    ml_rng_begin(&r->order, t->job->seed, ML_STREAM_ORDER);
    ml_rng_begin(&r->dropout, t->job->seed, ML_STREAM_DROPOUT);
    ml_net_fill(&r->net, t->config->init, &init);
    return 0;
}

static int train(const struct ml_task *task)
{
    struct run r = {.task = task};
    if (!(task->job->learning_rate > 0 && task->job->learning_rate < 1e6))
        return ml_task_refuse(task, "learning_rate is %g, expected more than 0", task->job->learning_rate);
    int err = begin(&r);
    if (!err)
        err = learn(&r);
    if (!err)
        err = save(&r);
    if (r.gradient)
        sodium_memzero(r.gradient, r.net.n_values * sizeof(float));
    free(r.rows);
    ml_task_free(r.y, r.batch.rows * sizeof *r.y);
    free(r.gradient);
    ml_step_free(&r.step);
    ml_batch_free(&r.batch);
    ml_batch_free(&r.look);
    ml_net_free(&r.net);
    return err;
}

/* ---- A trained one ------------------------------------------------------------------------------------------ */

static bool is_name(const char *text, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(text, name, len) == 0;
}

/* "relu,tanh,identity": the layer's word, as an activation; false when there is none or it is unknown */
static bool activation_of(const char *words, uint32_t layer, enum ml_activation *out)
{
    for (; layer; layer--) {
        words = strchr(words, ',');
        if (!words)
            return false;
        words++;
    }
    for (int a = 0; a < ML_ACTIVATIONS; a++) {
        if (is_name(words, strcspn(words, ","), ml_activation_names[a])) {
            *out = (enum ml_activation)a;
            return true;
        }
    }
    return false;
}

static const struct ml_tensor *layer_tensor(const struct ml_model *model, uint32_t layer, const char *what)
{
    char name[32];
    (void)snprintf(name, sizeof name, "layers.%u.%s", layer, what);
    return ml_model_find(model, name);
}

/* Sizes and activations. False when the tensors do not fit each other. */
static bool shape(const struct ml_model *model, struct ml_config *config)
{
    const char *words = ml_model_says(model, "activations"), *loss = ml_model_says(model, "loss");
    uint32_t l = 0;
    for (const struct ml_tensor *w; (w = layer_tensor(model, l, "weight")); l++) {
        const struct ml_tensor *b = layer_tensor(model, l, "bias");
        enum ml_activation activation;
        if (l > ML_LAYERS_MAX || !words || !b || w->dtype != ML_F32 || b->dtype != ML_F32 || w->n_dims != 2 ||
            b->n_dims != 1 || w->dims[0] == 0 || b->dims[0] != w->dims[0] || w->dims[0] > ML_NEURONS_MAX ||
            w->dims[1] > UINT32_MAX || !activation_of(words, l, &activation) ||
            (l && w->dims[1] != config->output_size))
            return false;
        if (l == 0)
            config->input_size = (uint32_t)w->dims[1];
        if (l < ML_LAYERS_MAX)
            config->layers[l] = (struct ml_layer){(uint32_t)w->dims[0], activation, 0};
        config->output_size = (uint32_t)w->dims[0];
        config->n_layers = l;
    }
    for (int i = 0; loss && i < ML_LOSSES; i++) {
        if (strcmp(loss, ml_loss_names[i]) == 0) {
            config->loss = (enum ml_loss)i;
            return l > 0 && (config->output_size == 1) == (i != ML_CROSS_ENTROPY);
        }
    }
    return false;
}

static uint32_t outputs(const struct ml_model *model, uint32_t columns, enum ml_meaning *meaning)
{
    struct ml_config config = {.n_layers = 0};
    if (!shape(model, &config) || config.input_size != columns)
        return 0;
    *meaning = config.loss == ML_SQUARED         ? ML_REGRESSION
               : config.loss == ML_LOGISTIC_LOSS ? ML_PROBABILITY
                                                 : ML_PROBABILITIES;
    return config.output_size;
}

static void fill(struct ml_net *net, const struct ml_model *model)
{
    for (uint32_t l = 0; l < net->n; l++) {
        const float *w = layer_tensor(model, l, "weight")->data;
        const size_t in = net->sizes[l], out = net->sizes[l + 1];
        for (size_t i = 0; i < in; i++)
            for (size_t j = 0; j < out; j++)
                net->values[net->weights[l] + i * out + j] = w[j * in + i];
        memcpy(net->values + net->biases[l], layer_tensor(model, l, "bias")->data, out * sizeof(float));
    }
}

static int scores(const struct ml_scoring *s)
{
    struct ml_config config = {.n_layers = 0};
    struct ml_net net;
    struct ml_batch batch = {.rows = 0};
    (void)shape(s->model, &config);
    int err = ml_net_init(&net, &config);
    if (!err)
        err = ml_batch_init(&batch, &net, SCORED, false);
    if (!err)
        fill(&net, s->model);
    for (uint64_t at = 0; at < s->rows && !err; at += SCORED) {
        const uint32_t rows = s->rows - at < SCORED ? (uint32_t)(s->rows - at) : SCORED;
        memcpy(batch.in, s->x + at * s->columns, (size_t)rows * s->columns * sizeof(float));
        ml_net_forward(&net, s->pool, &batch, rows, NULL);
        ml_net_probabilities(&net, batch.out[net.n - 1], rows);
        memcpy(s->out + at * config.output_size, batch.out[net.n - 1],
               (size_t)rows * config.output_size * sizeof(float));
    }
    ml_batch_free(&batch);
    ml_net_free(&net);
    return err;
}

const struct ml_kind ml_kind_mlp = {train, outputs, scores, false};
