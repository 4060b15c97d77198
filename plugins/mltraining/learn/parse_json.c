#include "parsers.h"

#include <errno.h>

/* What has come before; each expects something else next. */
enum {
    AT_START,    /* "[" */
    AT_FIRST,    /* a pair or "]" */
    AT_PAIR,     /* a pair */
    IN_PAIR,     /* "[" of the features */
    AT_VALUE,    /* a feature */
    IN_VALUE,    /* more of it, "," or "]" */
    AFTER_VALUE, /* "," or "]" */
    AFTER_ROW,   /* "," before the label */
    AT_LABEL,    /* the label */
    IN_LABEL,    /* more of it or "]" */
    AFTER_LABEL, /* "]" */
    AFTER_PAIR,  /* "," or "]" */
    AT_END       /* nothing but white space */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool in_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

static int unexpected(struct ml_json_pairs *p, char c, const char *expected)
{
    if (c >= 0x21 && c < 0x7f)
        return ml_rows_refuse(p->rows, -EBADMSG, "JSON: '%c', expected %s", c, expected);
    return ml_rows_refuse(p->rows, -EBADMSG, "JSON: byte %u, expected %s", (unsigned)(unsigned char)c,
                          expected);
}

static int expect(struct ml_json_pairs *p, char c, char want, int next, const char *what)
{
    if (c != want)
        return unexpected(p, c, what);
    p->state = next;
    return 0;
}

/* The end of a number, at `c` behind it. */
static int end_number(struct ml_json_pairs *p, bool label)
{
    float value = 0;
    int err = ml_rows_number(p->rows, 0, &value);
    if (err)
        return err;
    p->state = label ? AFTER_LABEL : AFTER_VALUE;
    return label ? ml_rows_end(p->rows, value) : ml_rows_value(p->rows, value);
}

/* In a pair: features and label. */
static int take_inner(struct ml_json_pairs *p, char c)
{
    switch (p->state) {
    case IN_PAIR:
        return expect(p, c, '[', AT_VALUE, "'[' before the features");
    case AT_VALUE:
    case AT_LABEL:
        if (!in_number(c))
            return unexpected(p, c, p->state == AT_VALUE ? "a feature" : "a label");
        p->state = p->state == AT_VALUE ? IN_VALUE : IN_LABEL;
        return ml_rows_char(p->rows, c);
    case AFTER_VALUE:
        if (c == ',')
            p->state = AT_VALUE;
        else
            return expect(p, c, ']', AFTER_ROW, "',' or ']' after a feature");
        return 0;
    case AFTER_ROW:
        return expect(p, c, ',', AT_LABEL, "',' and a label");
    default:
        return expect(p, c, ']', AFTER_PAIR, "']' after the label");
    }
}

static int take(struct ml_json_pairs *p, char c)
{
    if (p->state == IN_VALUE || p->state == IN_LABEL) {
        if (in_number(c))
            return ml_rows_char(p->rows, c);
        int err = end_number(p, p->state == IN_LABEL);
        if (err)
            return err;
    }
    if (is_space(c))
        return 0;
    switch (p->state) {
    case AT_START:
        return expect(p, c, '[', AT_FIRST, "'['");
    case AT_FIRST:
        if (c == ']') {
            p->state = AT_END;
            return 0;
        }
        /* fall through */
    case AT_PAIR:
        if (c != '[')
            return unexpected(p, c, "'[' of a pair");
        p->state = IN_PAIR;
        return ml_rows_begin(p->rows);
    case AFTER_PAIR:
        if (c == ',')
            p->state = AT_PAIR;
        else
            return expect(p, c, ']', AT_END, "',' or ']' after a pair");
        return 0;
    case AT_END:
        return unexpected(p, c, "nothing after the array");
    default:
        return take_inner(p, c);
    }
}

void ml_json_pairs_begin(struct ml_json_pairs *p, struct ml_rows *rows)
{
    *p = (struct ml_json_pairs){rows, AT_START};
}

int ml_json_pairs_feed(struct ml_json_pairs *p, const uint8_t *bytes, size_t len)
{
    int err = 0;
    for (size_t i = 0; i < len && !err; i++)
        err = take(p, (char)bytes[i]);
    return err;
}

int ml_json_pairs_end(struct ml_json_pairs *p)
{
    return p->state == AT_END ? 0 : ml_rows_refuse(p->rows, -EBADMSG, "JSON: cut short");
}
