/* rows.h - values of one blob on their way into rows, with every refusal saying which row. */
#ifndef ML_ROWS_H
#define ML_ROWS_H

#include "dataset.h"
#include "number.h"

struct ml_rows {
    struct ml_data *data;
    const char *name; /* of the blob */
    uint64_t row;     /* that is being read, from 1; 0: none yet */
    float *x;         /* NULL between rows */
    uint32_t at;      /* values so far */
    char token[ML_NUMBER_MAX + 1];
    size_t token_len;
    char why[ML_WHY + 128];
};

/* Notes "blob NAME, row N: ..." (once) and returns err. */
__attribute__((format(printf, 3, 4))) int ml_rows_refuse(struct ml_rows *rows, int err, const char *format,
                                                         ...);

int ml_rows_begin(struct ml_rows *rows); /* of a row */
int ml_rows_value(struct ml_rows *rows, float value);
int ml_rows_end(struct ml_rows *rows, float label);

/* Collects a number's text; ml_rows_number() reads it and begins anew. */
int ml_rows_char(struct ml_rows *rows, char c);
int ml_rows_number(struct ml_rows *rows, int lenient, float *out);

#endif
