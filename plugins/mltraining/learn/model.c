#include "model.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

static const char *const dtype_names[] = {"F32", "F64", "I32"};

static size_t size_of(enum ml_dtype dtype)
{
    return dtype == ML_F64 ? 8 : 4;
}

uint64_t ml_tensor_count(const struct ml_tensor *tensor)
{
    uint64_t n = 1;
    for (uint32_t i = 0; i < tensor->n_dims; i++)
        n *= tensor->dims[i];
    return n;
}

void *ml_model_add(struct ml_model *model, const char *name, enum ml_dtype dtype, uint64_t rows,
                   uint64_t columns)
{
    struct ml_tensor *t = &model->tensors[model->n_tensors];
    const uint64_t per_row = columns ? columns : 1;
    if (model->n_tensors == ML_TENSORS_MAX || strlen(name) >= sizeof t->name ||
        rows > (UINT64_C(1) << 40) / per_row)
        return NULL;
    const size_t bytes = ((size_t)(rows * per_row) * size_of(dtype) + 63) & ~(size_t)63;
    void *data = aligned_alloc(64, bytes ? bytes : 64);
    if (!data)
        return NULL;
    memset(data, 0, bytes ? bytes : 64);
    *t = (struct ml_tensor){.dtype = dtype, .n_dims = columns ? 2 : 1, .dims = {rows, columns}, .data = data};
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    model->n_tensors++;
    return data;
}

int ml_model_text(struct ml_model *model, const char *name, const char *value)
{
    if (model->n_texts == ML_TEXTS_MAX || strlen(name) >= sizeof model->texts[0].name ||
        strlen(value) >= sizeof model->texts[0].value)
        return -ENOSPC;
    struct ml_text *t = &model->texts[model->n_texts++];
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    (void)snprintf(t->value, sizeof t->value, "%s", value);
    return 0;
}

const struct ml_tensor *ml_model_find(const struct ml_model *model, const char *name)
{
    for (uint32_t i = 0; i < model->n_tensors; i++) {
        if (strcmp(model->tensors[i].name, name) == 0)
            return &model->tensors[i];
    }
    return NULL;
}

const char *ml_model_says(const struct ml_model *model, const char *name)
{
    for (uint32_t i = 0; i < model->n_texts; i++) {
        if (strcmp(model->texts[i].name, name) == 0)
            return model->texts[i].value;
    }
    return NULL;
}

/* Writes as snprintf() does, but says how long the whole would be even past the end of `out`. */
struct out {
    char *at;
    size_t room, len;
};

__attribute__((format(printf, 2, 3))) static void say(struct out *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(o->len < o->room ? o->at + o->len : NULL, o->len < o->room ? o->room - o->len : 0,
                            format, args);
    va_end(args);
    o->len += n > 0 ? (size_t)n : 0;
}

static void say_header(struct out *o, const struct ml_model *m)
{
    uint64_t at = 0;
    say(o, "{\"__metadata__\":{");
    for (uint32_t i = 0; i < m->n_texts; i++) /* our own words: nothing that JSON would escape */
        say(o, "%s\"%s\":\"%s\"", i ? "," : "", m->texts[i].name, m->texts[i].value);
    say(o, "}");
    for (uint32_t i = 0; i < m->n_tensors; i++) {
        const struct ml_tensor *t = &m->tensors[i];
        const uint64_t end = at + ml_tensor_count(t) * size_of(t->dtype);
        say(o, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%llu", t->name, dtype_names[t->dtype],
            (unsigned long long)t->dims[0]);
        if (t->n_dims == 2)
            say(o, ",%llu", (unsigned long long)t->dims[1]);
        say(o, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)at, (unsigned long long)end);
        at = end;
    }
    say(o, "}");
    while (o->len % 8)
        say(o, " ");
}

static size_t data_bytes(const struct ml_model *m)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < m->n_tensors; i++)
        bytes += (size_t)ml_tensor_count(&m->tensors[i]) * size_of(m->tensors[i].dtype);
    return bytes;
}

uint8_t *ml_model_write(const struct ml_model *model, size_t *len)
{
    struct out dry = {NULL, 0, 0};
    say_header(&dry, model);
    const size_t all = 8 + dry.len + data_bytes(model);
    uint8_t *bytes = malloc(all + 1); /* snprintf() ends with a zero */
    if (!bytes)
        return NULL;
    struct out o = {(char *)bytes + 8, dry.len + 1, 0};
    say_header(&o, model);
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)dry.len >> (8 * i));
    uint8_t *at = bytes + 8 + dry.len;
    for (uint32_t i = 0; i < model->n_tensors; i++) {
        const struct ml_tensor *t = &model->tensors[i];
        const size_t n = (size_t)ml_tensor_count(t) * size_of(t->dtype);
        memcpy(at, t->data, n); /* little endian, as all our targets are */
        at += n;
    }
    *len = all;
    return bytes;
}

void ml_model_free(struct ml_model *model)
{
    for (uint32_t i = 0; i < model->n_tensors; i++) {
        struct ml_tensor *t = &model->tensors[i];
        if (t->data)
            sodium_memzero(t->data, (size_t)ml_tensor_count(t) * size_of(t->dtype));
        free(t->data);
    }
    sodium_memzero(model, sizeof *model);
}
