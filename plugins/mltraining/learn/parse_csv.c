#include "parsers.h"

#include <errno.h>
#include <string.h>

/* A column's name: length and text go into the digest of the columns that later blobs are compared by. */
static void hash_name(crypto_hash_sha256_state *state, const char *name, size_t len)
{
    const uint32_t n = (uint32_t)len;
    (void)crypto_hash_sha256_update(state, (const uint8_t *)&n, sizeof n);
    (void)crypto_hash_sha256_update(state, (const uint8_t *)name, len);
}

static int header_field(struct ml_csv *p)
{
    float ignored;
    if (p->column == 0 && ml_number_read(p->field, p->field_len, 1, &ignored) == ML_NUMBER_OK)
        return ml_rows_refuse(p->rows, -EBADMSG, "CSV: the first line is not a header");
    if (p->column > p->rows->data->columns)
        return ml_rows_refuse(p->rows, -EBADMSG,
                              "CSV: more than %u columns, expected %u features and a label", p->column,
                              p->rows->data->columns);
    const bool is_label =
        p->label[0] && strlen(p->label) == p->field_len && memcmp(p->label, p->field, p->field_len) == 0;
    if (is_label && p->has_label)
        return ml_rows_refuse(p->rows, -EBADMSG, "CSV: two columns have the label's name");
    p->names_before = p->names;
    if (is_label) {
        p->has_label = true;
        p->label_at = p->column;
    } else {
        hash_name(&p->names, p->field, p->field_len);
    }
    return 0;
}

static int header_end(struct ml_csv *p)
{
    struct ml_data *data = p->rows->data;
    uint8_t digest[32];
    p->columns = p->column;
    p->header_done = true;
    if (p->columns != data->columns + 1)
        return ml_rows_refuse(p->rows, -EBADMSG, "CSV: %u columns, expected %u features and a label",
                              p->columns, data->columns);
    if (!p->label[0]) {
        p->label_at = p->columns - 1;
        p->names = p->names_before;
    } else if (!p->has_label) {
        return ml_rows_refuse(p->rows, -EBADMSG, "CSV: no column has the label's name, %.64s", p->label);
    }
    (void)crypto_hash_sha256_final(&p->names, digest);
    if (data->has_header && memcmp(digest, data->header, sizeof digest) != 0)
        return ml_rows_refuse(p->rows, -EBADMSG, "CSV: its columns are not those of the CSV blobs before");
    memcpy(data->header, digest, sizeof digest);
    data->has_header = true;
    return 0;
}

static int value_field(struct ml_csv *p)
{
    float value = 0;
    size_t from = 0, to = p->field_len;
    if (p->column == p->columns)
        return ml_rows_refuse(p->rows, -EBADMSG, "more than %u values, expected %u", p->columns, p->columns);
    while (from < to && (p->field[from] == ' ' || p->field[from] == '\t'))
        from++;
    while (to > from && (p->field[to - 1] == ' ' || p->field[to - 1] == '\t'))
        to--;
    switch (ml_number_read(p->field + from, to - from, 1, &value)) {
    case ML_NUMBER_OK:
        break;
    case ML_NUMBER_NOT_FINITE:
        return ml_rows_refuse(p->rows, -EBADMSG, "value %u is not a finite 32-bit number", p->column + 1);
    default:
        return ml_rows_refuse(p->rows, -EBADMSG, to > from ? "value %u is not a number" : "value %u is empty",
                              p->column + 1);
    }
    if (p->column != p->label_at)
        return ml_rows_value(p->rows, value);
    p->label_value = value;
    return 0;
}

static int end_field(struct ml_csv *p)
{
    int err = p->header_done ? value_field(p) : header_field(p);
    p->column++;
    p->field_len = 0;
    p->quote = 0;
    return err;
}

static int end_line(struct ml_csv *p)
{
    if (!p->in_line) /* an empty line */
        return 0;
    int err = end_field(p);
    if (!err && !p->header_done) {
        err = header_end(p);
    } else if (!err && p->column != p->columns) {
        err = ml_rows_refuse(p->rows, -EBADMSG, "%u values, expected %u", p->column, p->columns);
    } else if (!err) {
        err = ml_rows_end(p->rows, p->label_value);
    }
    p->in_line = false;
    p->column = 0;
    return err;
}

static int add(struct ml_csv *p, char c)
{
    if (p->field_len == ML_FIELD_MAX)
        return ml_rows_refuse(p->rows, -EBADMSG, "CSV: a field of more than %u bytes", ML_FIELD_MAX);
    p->field[p->field_len++] = c;
    return 0;
}

/* Inside quotes; RFC 4180: a quote is written twice. */
static int take_quoted(struct ml_csv *p, char c)
{
    if (p->quote == 2 && c == '"') {
        p->quote = 1;
        return add(p, c);
    }
    if (p->quote == 2)
        return ml_rows_refuse(p->rows, -EBADMSG, "CSV: text after a closing quote");
    if (c == '"') {
        p->quote = 2;
        return 0;
    }
    return add(p, c);
}

static int take(struct ml_csv *p, char c)
{
    if (p->quote == 1)
        return take_quoted(p, c);
    if (p->cr && c != '\n')
        return ml_rows_refuse(p->rows, -EBADMSG, "CSV: a carriage return without a line feed");
    p->cr = c == '\r';
    if (c == '\n')
        return end_line(p);
    if (p->cr)
        return 0;
    if (!p->in_line) {
        p->in_line = true;
        int err = p->header_done ? ml_rows_begin(p->rows) : 0;
        if (err)
            return err;
    }
    if (c == ',')
        return end_field(p);
    if (p->quote == 2)
        return take_quoted(p, c);
    if (c == '"' && p->field_len == 0) {
        p->quote = 1;
        return 0;
    }
    return add(p, c);
}

void ml_csv_begin(struct ml_csv *p, struct ml_rows *rows, const char *label)
{
    *p = (struct ml_csv){.rows = rows, .label = label};
    (void)crypto_hash_sha256_init(&p->names);
    p->names_before = p->names;
}

int ml_csv_feed(struct ml_csv *p, const uint8_t *bytes, size_t len)
{
    int err = 0;
    for (size_t i = 0; i < len && !err; i++)
        err = take(p, (char)bytes[i]);
    return err;
}

int ml_csv_end(struct ml_csv *p)
{
    if (p->quote == 1)
        return ml_rows_refuse(p->rows, -EBADMSG, "CSV: cut short inside quotes");
    int err = end_line(p);
    if (!err && !p->header_done)
        err = ml_rows_refuse(p->rows, -EBADMSG, "CSV: no header");
    return err;
}
