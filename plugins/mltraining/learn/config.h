/*
 * config.h - the model config as clients write it (ml_config_type(), for whoever decodes JSON by the tables of
 * nacre/plugin.h) and as the library uses it (struct ml_config), every default filled in.
 */
#ifndef ML_CONFIG_H
#define ML_CONFIG_H

#include <nacre/plugin.h>

#include <stdbool.h>

#define ML_WHY         256u /* bytes of a reason, with its terminator */
#define ML_LAYERS_MAX  16u
#define ML_NEURONS_MAX 65536u
#define ML_LABEL_MAX   128u

enum ml_algorithm {
    ML_MLP,
    ML_LINEAR,
    ML_RIDGE,
    ML_LOGISTIC,
    ML_KNN,
    ML_KMEANS,
    ML_NAIVE_BAYES,
    ML_TREE,
    ML_FOREST,
    ML_BOOSTING,
    ML_ALGORITHMS
};
enum ml_activation { ML_RELU, ML_SIGMOID, ML_TANH, ML_LEAKY_RELU, ML_IDENTITY, ML_ACTIVATIONS };
enum ml_loss { ML_CROSS_ENTROPY, ML_LOGISTIC_LOSS, ML_SQUARED, ML_LOSSES };
enum ml_optimizer { ML_ADAM, ML_SGD, ML_OPTIMIZERS };
enum ml_init { ML_INIT_AUTO, ML_XAVIER, ML_HE, ML_INITS };
enum ml_split { ML_SHUFFLE, ML_TAIL, ML_SPLITS };

/* Their names in JSON, in the order of the enums. */
extern const char *const ml_algorithm_names[ML_ALGORITHMS];
extern const char *const ml_activation_names[ML_ACTIVATIONS];
extern const char *const ml_loss_names[ML_LOSSES];
extern const char *const ml_optimizer_names[ML_OPTIMIZERS];
extern const char *const ml_init_names[ML_INITS];
extern const char *const ml_split_names[ML_SPLITS];

struct ml_layer {
    uint32_t neurons;
    enum ml_activation activation;
    double dropout; /* share of neurons that are left out of a training step, 0 <= p < 1 */
};

struct ml_config {
    enum ml_algorithm algorithm;
    uint32_t input_size;  /* features of a row */
    uint32_t output_size; /* classes; 1: one number, or yes and no */
    uint32_t n_layers;    /* hidden ones */
    struct ml_layer layers[ML_LAYERS_MAX];
    enum ml_loss loss;
    enum ml_optimizer optimizer;
    enum ml_init init;
    enum ml_split split;
    double momentum;      /* of SGD */
    double weight_decay;  /* L2, of MLP */
    double alpha;         /* L2, of ridge and logistic regression */
    double test_fraction; /* share of rows that are held out, 0 <= f < 1 */
    uint32_t batch_size;
    uint32_t neighbours; /* k-nearest neighbours */
    uint32_t clusters;   /* k-means */
    uint32_t restarts;   /* k-means */
    uint32_t trees;      /* random forest; rounds of boosting */
    uint32_t max_depth;
    uint32_t min_leaf;     /* rows in a leaf */
    uint32_t max_features; /* looked at for a split; 0: all, or the root of their number in a forest */
    double shrinkage;      /* of boosting */
    bool standardize;
    bool has_seed;
    uint64_t seed;
    char label[ML_LABEL_MAX]; /* CSV column of the label; "": the last one */
};

/* The JSON object: type of a struct that ml_config_read() takes; decode it with nacre_decode_json() or alike. */
const struct nacre_type *ml_config_type(void);

/*
 * Checks what was decoded by that type (`form`, its c_size bytes) and fills in the defaults. 0, or
 * -EINVAL with the reason in `why`, the field named. *out is untouched on failure.
 */
int ml_config_read(struct ml_config *out, const void *form, char why[ML_WHY]);

/* Does the job sort rows into classes (else it fits a number)? */
bool ml_config_is_classifier(const struct ml_config *config);

/* Classes that labels may name: output_size, or 2 where one output says yes or no; 0 for a number. */
uint32_t ml_config_classes(const struct ml_config *config);

#endif
