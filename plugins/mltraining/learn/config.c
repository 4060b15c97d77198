#include "config.h"

#include <errno.h>

const char *const ml_algorithm_names[ML_ALGORITHMS] = {
    "mlp",    "linear",      "ridge",         "logistic",      "knn",
    "kmeans", "naive_bayes", "decision_tree", "random_forest", "gradient_boosting"};
const char *const ml_activation_names[ML_ACTIVATIONS] = {"relu", "sigmoid", "tanh", "leaky_relu", "identity"};
const char *const ml_loss_names[ML_LOSSES] = {"cross_entropy", "logistic", "squared"};
const char *const ml_optimizer_names[ML_OPTIMIZERS] = {"adam", "sgd"};
const char *const ml_init_names[ML_INITS] = {"auto", "xavier", "he"};
const char *const ml_split_names[ML_SPLITS] = {"shuffle", "tail"};

NACRE_MAYBE(MaybeText, string);
NACRE_MAYBE(MaybeNumber, u64);
NACRE_MAYBE(MaybeReal, f64);
NACRE_MAYBE(MaybeYes, bool);
NACRE_RECORD(Layer, (u64, neurons), (string, activation), (MaybeReal, dropout));
NACRE_LIST(Layers, Layer);
NACRE_MAYBE(MaybeLayers, Layers);
NACRE_RECORD(Config, (u64, input_size), (u64, output_size), (MaybeLayers, layers), (MaybeText, algorithm),
             (MaybeText, loss), (MaybeText, optimizer), (MaybeText, init), (MaybeText, split),
             (MaybeText, label), (MaybeReal, momentum), (MaybeReal, weight_decay), (MaybeReal, alpha),
             (MaybeReal, test_fraction), (MaybeReal, shrinkage), (MaybeNumber, batch_size),
             (MaybeNumber, neighbours), (MaybeNumber, clusters), (MaybeNumber, restarts),
             (MaybeNumber, trees), (MaybeNumber, max_depth), (MaybeNumber, min_leaf),
             (MaybeNumber, max_features), (MaybeNumber, seed), (MaybeYes, standardize));

const struct nacre_type *ml_config_type(void)
{
    return &nacre_type_Config;
}

struct check {
    char *why; /* empty as long as nothing is wrong */
};

__attribute__((format(printf, 2, 3))) static void wrong(struct check *c, const char *format, ...)
{
    va_list args;
    if (c->why[0])
        return;
    va_start(args, format);
    (void)vsnprintf(c->why, ML_WHY, format, args);
    va_end(args);
}

static uint32_t number(struct check *c, const char *name, uint64_t value, uint32_t least, uint32_t most)
{
    if (value < least || value > most)
        wrong(c, "model config: %s is %llu, expected %u to %u", name, (unsigned long long)value, least, most);
    return value > most ? most : (uint32_t)value;
}

static uint32_t maybe_number(struct check *c, const char *name, const uint64_t *value, uint32_t least,
                             uint32_t most, uint32_t otherwise)
{
    return value ? number(c, name, *value, least, most) : otherwise;
}

/* least <= value < most */
static double maybe_real(struct check *c, const char *name, const double *value, double least, double most,
                         double otherwise)
{
    if (!value)
        return otherwise;
    if (!(*value >= least && *value < most))
        wrong(c, "model config: %s is %g, expected %g or more and less than %g", name, *value, least, most);
    return *value;
}

/* Which of the names; the first when there is no text. */
static int choice(struct check *c, const char *name, const struct nacre_str *text, const char *const *names,
                  int n)
{
    char known[160] = "";
    size_t at = 0;
    if (!text)
        return 0;
    for (int i = 0; i < n; i++) {
        if (nacre_str_is(*text, names[i]))
            return i;
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", names[i]);
    }
    wrong(c, "model config: %s is \"%.*s\", expected one of: %s", name,
          (int)(text->len > 32 ? 32 : text->len), text->ptr, known);
    return 0;
}

static void read_layers(struct check *c, struct ml_config *out, const struct nacre_vec *layers)
{
    const struct Layer *list = layers ? layers->ptr : NULL;
    const uint64_t n = layers ? layers->count : 0;
    if (n > ML_LAYERS_MAX)
        wrong(c, "model config: %llu layers, at most %u", (unsigned long long)n, ML_LAYERS_MAX);
    for (uint64_t i = 0; i < n && !c->why[0]; i++) {
        struct ml_layer *l = &out->layers[i];
        l->neurons = number(c, "layers.neurons", list[i].neurons, 1, ML_NEURONS_MAX);
        l->activation = (enum ml_activation)choice(c, "layers.activation", &list[i].activation,
                                                   ml_activation_names, ML_IDENTITY);
        l->dropout = maybe_real(c, "layers.dropout", list[i].dropout, 0, 1, 0);
        out->n_layers = (uint32_t)i + 1;
    }
}

/* One output is a number for those that fit one, and yes or no for the others; "squared" makes it a number. */
static void read_loss(struct check *c, struct ml_config *out, const struct Config *in)
{
    const bool fits = out->algorithm == ML_LINEAR || out->algorithm == ML_RIDGE;
    const bool sorts =
        out->algorithm == ML_LOGISTIC || out->algorithm == ML_KMEANS || out->algorithm == ML_NAIVE_BAYES;
    if (in->loss)
        out->loss = (enum ml_loss)choice(c, "loss", in->loss, ml_loss_names, ML_LOSSES);
    else if (fits)
        out->loss = ML_SQUARED;
    else
        out->loss = out->output_size == 1 ? ML_LOGISTIC_LOSS : ML_CROSS_ENTROPY;
    const char *loss = ml_loss_names[out->loss], *algorithm = ml_algorithm_names[out->algorithm];
    if (fits && out->loss != ML_SQUARED)
        wrong(c, "model config: %s has the loss squared, not %s", algorithm, loss);
    else if (sorts && out->loss == ML_SQUARED)
        wrong(c, "model config: %s sorts rows into classes and has no loss %s", algorithm, loss);
    else if (out->output_size == 1 && out->loss == ML_CROSS_ENTROPY)
        wrong(c, "model config: loss cross_entropy needs an output_size of 2 or more, not 1");
    else if (out->output_size > 1 && !fits && out->loss != ML_CROSS_ENTROPY)
        wrong(c, "model config: loss %s needs an output_size of 1, not %u", loss, out->output_size);
}

static void read_numbers(struct check *c, struct ml_config *out, const struct Config *in)
{
    out->momentum = maybe_real(c, "momentum", in->momentum, 0, 1, 0.9);
    out->weight_decay = maybe_real(c, "weight_decay", in->weight_decay, 0, 1e6, 0);
    out->alpha = maybe_real(c, "alpha", in->alpha, 0, 1e12, 1);
    out->test_fraction = maybe_real(c, "test_fraction", in->test_fraction, 0, 1, 0.2);
    out->shrinkage = maybe_real(c, "shrinkage", in->shrinkage, 1e-6, 10, 0.1);
    out->batch_size = maybe_number(c, "batch_size", in->batch_size, 1, 65536, 32);
    out->neighbours = maybe_number(c, "neighbours", in->neighbours, 1, 1024, 5);
    out->clusters = maybe_number(c, "clusters", in->clusters, 1, 4096, ml_config_classes(out));
    out->restarts = maybe_number(c, "restarts", in->restarts, 1, 100, 10);
    out->trees = maybe_number(c, "trees", in->trees, 1, 10000, 100);
    out->max_depth =
        maybe_number(c, "max_depth", in->max_depth, 1, 64, out->algorithm == ML_BOOSTING ? 3 : 64);
    out->min_leaf = maybe_number(c, "min_leaf", in->min_leaf, 1, 1u << 30, 1);
    out->max_features = maybe_number(c, "max_features", in->max_features, 1, 1u << 20, 0);
    out->has_seed = in->seed != NULL;
    out->seed = in->seed ? *in->seed : 0;
    out->standardize = in->standardize ? *in->standardize != 0 : true;
}

static void read_label(struct check *c, struct ml_config *out, const struct nacre_str *label)
{
    if (!label)
        return;
    if (label->len == 0 || label->len >= ML_LABEL_MAX || memchr(label->ptr, 0, (size_t)label->len))
        wrong(c, "model config: label is a text of %llu bytes, expected 1 to %u without zeros",
              (unsigned long long)label->len, ML_LABEL_MAX - 1);
    else
        memcpy(out->label, label->ptr, (size_t)label->len);
}

int ml_config_read(struct ml_config *out, const void *form, char why[ML_WHY])
{
    const struct Config *in = form;
    struct ml_config config = {.n_layers = 0};
    struct check c = {why};
    why[0] = '\0';
    config.algorithm =
        (enum ml_algorithm)choice(&c, "algorithm", in->algorithm, ml_algorithm_names, ML_ALGORITHMS);
    config.input_size = number(&c, "input_size", in->input_size, 1, 1u << 20);
    config.output_size = number(&c, "output_size", in->output_size, 1, 4096);
    config.optimizer =
        (enum ml_optimizer)choice(&c, "optimizer", in->optimizer, ml_optimizer_names, ML_OPTIMIZERS);
    config.init = (enum ml_init)choice(&c, "init", in->init, ml_init_names, ML_INITS);
    config.split = (enum ml_split)choice(&c, "split", in->split, ml_split_names, ML_SPLITS);
    read_layers(&c, &config, in->layers);
    read_loss(&c, &config, in);
    read_numbers(&c, &config, in);
    read_label(&c, &config, in->label);
    if (c.why[0])
        return -EINVAL;
    *out = config;
    return 0;
}

bool ml_config_is_classifier(const struct ml_config *config)
{
    return ml_config_classes(config) != 0;
}

uint32_t ml_config_classes(const struct ml_config *config)
{
    if (config->output_size > 1)
        return config->output_size;
    return config->loss == ML_SQUARED ? 0 : 2;
}
