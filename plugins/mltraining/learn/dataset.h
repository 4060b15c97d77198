/*
 * dataset.h - rows of 32-bit features and a label each, in memory of its own that grows without copying and is wiped.
 * Not for several threads at once.
 */
#ifndef ML_DATASET_H
#define ML_DATASET_H

#include "config.h"

/* What a job may take; all inclusive. */
struct ml_limits {
    uint64_t bytes; /* of all blobs, as stored */
    uint64_t rows;
    uint32_t columns; /* features of a row */
};

struct ml_data {
    float *x; /* rows * columns, one row after another */
    float *y; /* rows: the class, or the number to fit */
    uint64_t rows;
    uint32_t columns;
    uint32_t classes; /* labels are whole numbers below it; 0: any finite number */
    struct ml_limits limits;
    uint64_t bytes_seen;
    bool has_header;       /* a CSV blob came; later ones have the same columns in the same order */
    uint8_t header[32];    /* digest of its columns' names */
    size_t x_room, y_room; /* bytes mapped */
};

/* Empty, for the width and the labels of this config. 0, or -EINVAL when the config exceeds the limits. */
int ml_data_init(struct ml_data *data, const struct ml_config *config, const struct ml_limits *limits,
                 char why[ML_WHY]);

/*
 * Room for `need` bytes in zeroed pages of their own, *room of which are mapped at `at` (NULL: none yet). What was there
 * stays; it is moved, never copied. NULL, with `at` as it was, when memory is out.
 */
void *ml_room(void *at, size_t *room, size_t need);
/* Wipes and unmaps. */
void ml_room_free(void *at, size_t room);

/* A row to be filled in: x points to `columns` floats; counted once ml_data_commit() is called. NULL: no memory. */
float *ml_data_next(struct ml_data *data);
void ml_data_commit(struct ml_data *data, float label);

/* Wipes and unmaps. Accepts a zeroed struct. */
void ml_data_free(struct ml_data *data);

#endif
