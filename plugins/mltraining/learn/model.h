/*
 * model.h - a trained model: named tensors and a few texts about them, exactly what its safetensors file holds. The
 * same model always gives the same bytes: entries stand in the order of their making, which the algorithm fixes.
 */
#ifndef ML_MODEL_H
#define ML_MODEL_H

#include "dataset.h"

#define ML_TENSORS_MAX 64u
#define ML_TEXTS_MAX   16u
#define ML_DIMS_MAX    2u

enum ml_dtype { ML_F32, ML_F64, ML_I32 };

struct ml_tensor {
    char name[32];
    enum ml_dtype dtype;
    uint32_t n_dims;
    uint64_t dims[ML_DIMS_MAX];
    void *data; /* owned, aligned to 64; F32: float, F64: double, I32: int32_t */
};

struct ml_model {
    uint32_t n_tensors;
    struct ml_tensor tensors[ML_TENSORS_MAX];
    uint32_t n_texts;
    struct ml_text {
        char name[32];
        char value[256];
    } texts[ML_TEXTS_MAX]; /* "algorithm", "loss", "activations", ... */
};

/* A zeroed tensor of rows x columns (columns 0: one dimension). NULL: no memory or no room. */
void *ml_model_add(struct ml_model *model, const char *name, enum ml_dtype dtype, uint64_t rows,
                   uint64_t columns);
int ml_model_text(struct ml_model *model, const char *name, const char *value);
/* NULL when there is none. */
const struct ml_tensor *ml_model_find(const struct ml_model *model, const char *name);
const char *ml_model_says(const struct ml_model *model, const char *name);
uint64_t ml_tensor_count(const struct ml_tensor *tensor);

/* The safetensors file, in memory the caller frees; NULL when it is out. */
uint8_t *ml_model_write(const struct ml_model *model, size_t *len);
/* 0, -ENOMEM, or -EBADMSG with `why`: the file of any writer is read, as long as it has the types above. */
int ml_model_read(struct ml_model *out, const uint8_t *bytes, size_t len, char why[ML_WHY]);

/* Wipes. Accepts a zeroed struct. */
void ml_model_free(struct ml_model *model);

/*
 * What the model says of `rows` rows of the data: the class, or the number. 0, -ENOMEM, or -EINVAL with `why` when the
 * model does not fit the data or itself.
 */
int ml_predict(const struct ml_model *model, const float *x, uint64_t rows, uint32_t columns, float *out,
               char why[ML_WHY]);

#endif
