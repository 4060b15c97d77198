#include "rows.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int ml_rows_refuse(struct ml_rows *rows, int err, const char *format, ...)
{
    va_list args;
    size_t at;
    if (rows->why[0])
        return err;
    if (rows->row)
        (void)snprintf(rows->why, sizeof rows->why, "blob %.100s, row %llu: ", rows->name,
                       (unsigned long long)rows->row);
    else
        (void)snprintf(rows->why, sizeof rows->why, "blob %.100s: ", rows->name);
    at = strlen(rows->why);
    va_start(args, format);
    (void)vsnprintf(rows->why + at, sizeof rows->why - at, format, args);
    va_end(args);
    return err;
}

int ml_rows_begin(struct ml_rows *rows)
{
    rows->row++;
    rows->at = 0;
    if (rows->data->rows >= rows->data->limits.rows)
        return ml_rows_refuse(rows, -E2BIG, "more than %llu rows in all",
                              (unsigned long long)rows->data->limits.rows);
    rows->x = ml_data_next(rows->data);
    return rows->x ? 0 : ml_rows_refuse(rows, -ENOMEM, "out of memory");
}

int ml_rows_value(struct ml_rows *rows, float value)
{
    if (rows->at == rows->data->columns)
        return ml_rows_refuse(rows, -EBADMSG, "more than %u features, expected %u", rows->data->columns,
                              rows->data->columns);
    rows->x[rows->at++] = value;
    return 0;
}

int ml_rows_end(struct ml_rows *rows, float label)
{
    const uint32_t classes = rows->data->classes;
    if (rows->at != rows->data->columns)
        return ml_rows_refuse(rows, -EBADMSG, "%u features, expected %u", rows->at, rows->data->columns);
    if (classes && !(label >= 0 && label < (float)classes && label == (float)(uint32_t)label))
        /* not the label itself: who asks for a training and who may see the data are not the same */
        return ml_rows_refuse(rows, -EBADMSG, "the label is no whole number from 0 to %u", classes - 1);
    ml_data_commit(rows->data, label);
    rows->x = NULL;
    return 0;
}

int ml_rows_char(struct ml_rows *rows, char c)
{
    if (rows->token_len == ML_NUMBER_MAX)
        return ml_rows_refuse(rows, -EBADMSG, "a number of more than %u characters", ML_NUMBER_MAX);
    rows->token[rows->token_len++] = c;
    return 0;
}

int ml_rows_number(struct ml_rows *rows, int lenient, float *out)
{
    const size_t len = rows->token_len;
    rows->token_len = 0;
    switch (ml_number_read(rows->token, len, lenient, out)) {
    case ML_NUMBER_OK:
        return 0;
    case ML_NUMBER_NOT_FINITE:
        return ml_rows_refuse(rows, -EBADMSG, "value %u is not a finite 32-bit number", rows->at + 1);
    case ML_NUMBER_BAD:
        break;
    }
    return ml_rows_refuse(rows, -EBADMSG, len ? "value %u is not a number" : "value %u is empty",
                          rows->at + 1);
}
