#include "dataset.h"

#include <errno.h>
#include <sodium.h>
#include <sys/mman.h>

#define FIRST_ROOM ((size_t)1 << 16)
#define MAP_GRAIN  ((size_t)1 << 21)

int ml_data_init(struct ml_data *data, const struct ml_config *config, const struct ml_limits *limits,
                 char why[ML_WHY])
{
    if (config->input_size > limits->columns) {
        (void)snprintf(why, ML_WHY, "model config: input_size is %u, at most %u columns are taken",
                       config->input_size, limits->columns);
        return -EINVAL;
    }
    *data = (struct ml_data){
        .columns = config->input_size, .classes = ml_config_classes(config), .limits = *limits};
    return 0;
}

/* Pages move with mremap(): nothing is copied, nothing stays behind, and memory never holds two of them. */
void *ml_room(void *at, size_t *room, size_t need)
{
    size_t size = *room ? *room : FIRST_ROOM;
    while (size < need)
        size += size < MAP_GRAIN * 8 ? size : size / 4;
    size = (size + 4095) & ~(size_t)4095;
    if (at && size == *room)
        return at;
    void *moved = at ? mremap(at, *room, size, MREMAP_MAYMOVE)
                     : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (moved == MAP_FAILED)
        return NULL;
    *room = size;
    return moved;
}

void ml_room_free(void *at, size_t room)
{
    if (!at)
        return;
    sodium_memzero(at, room);
    (void)munmap(at, room);
}

float *ml_data_next(struct ml_data *data)
{
    const size_t row = (size_t)data->columns * sizeof(float);
    const size_t x_need = ((size_t)data->rows + 1) * row, y_need = ((size_t)data->rows + 1) * sizeof(float);
    if (x_need > data->x_room) {
        void *x = ml_room(data->x, &data->x_room, x_need);
        if (!x)
            return NULL;
        data->x = x;
    }
    if (y_need > data->y_room) {
        void *y = ml_room(data->y, &data->y_room, y_need);
        if (!y)
            return NULL;
        data->y = y;
    }
    return data->x + (size_t)data->rows * data->columns;
}

void ml_data_commit(struct ml_data *data, float label)
{
    data->y[data->rows++] = label;
}

void ml_data_free(struct ml_data *data)
{
    ml_room_free(data->x, data->x_room);
    ml_room_free(data->y, data->y_room);
    *data = (struct ml_data){.columns = 0};
}
