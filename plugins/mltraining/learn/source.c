#include "source.h"

#include "parsers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum form { UNKNOWN, PAIRS, CSV, ENVELOPE, STREAM };

/* A text that shows its form in its first bytes. There are two in a blob when one is encrypted in the other. */
struct text {
    enum form form;
    uint8_t first[8]; /* until the form is known */
    size_t n_first;
    struct ml_json_pairs pairs;
    struct ml_csv csv;
};

struct ml_source {
    struct ml_rows rows;
    const struct ml_keys *keys;
    const char *label;
    crypto_hash_sha256_state hash;
    uint8_t digest[crypto_hash_sha256_BYTES];
    struct text outer, inner;
    struct ml_envelope envelope;
    struct ml_stream stream;
    int err; /* of the first refusal */
};

/* UNKNOWN as long as more bytes are needed. Skips a byte order mark and white space. */
static enum form form_of(struct text *t)
{
    size_t from = t->n_first >= 3 && memcmp(t->first, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (from < t->n_first && strchr(" \t\r\n", t->first[from]) && t->first[from])
        from++;
    memmove(t->first, t->first + from, t->n_first - from);
    t->n_first -= from;
    if (t->n_first == 0 || (t->first[0] == 0xef && t->n_first < 3))
        return UNKNOWN;
    if (t->first[0] == '[')
        return PAIRS;
    if (t->first[0] == '{')
        return ENVELOPE;
    if (memcmp(t->first, "NACREDS1", t->n_first) != 0)
        return CSV;
    return t->n_first == sizeof t->first ? STREAM : UNKNOWN;
}

static int feed_inner(void *ctx, const uint8_t *bytes, size_t len);

static int begin(struct ml_source *s, struct text *t, enum form form)
{
    t->form = form;
    if (t == &s->inner && (form == ENVELOPE || form == STREAM))
        return ml_rows_refuse(&s->rows, -EBADMSG, "encrypted twice");
    if (form == PAIRS)
        ml_json_pairs_begin(&t->pairs, &s->rows);
    else if (form == CSV)
        ml_csv_begin(&t->csv, &s->rows, s->label);
    else if (form == ENVELOPE)
        ml_envelope_begin(&s->envelope, &s->rows);
    else
        ml_stream_begin(&s->stream, &s->rows, s->keys, feed_inner, s);
    return 0;
}

static int feed_known(struct ml_source *s, struct text *t, const uint8_t *bytes, size_t len)
{
    switch (t->form) {
    case PAIRS:
        return ml_json_pairs_feed(&t->pairs, bytes, len);
    case CSV:
        return ml_csv_feed(&t->csv, bytes, len);
    case ENVELOPE:
        return ml_envelope_feed(&s->envelope, bytes, len);
    default:
        return ml_stream_feed(&s->stream, bytes, len);
    }
}

/* What was held back until the form was known goes first. */
static int decide(struct ml_source *s, struct text *t, enum form form)
{
    int err = begin(s, t, form);
    if (!err)
        err = feed_known(s, t, t->first, t->n_first);
    sodium_memzero(t->first, sizeof t->first);
    return err;
}

static int feed(struct ml_source *s, struct text *t, const uint8_t *bytes, size_t len)
{
    while (t->form == UNKNOWN && len) {
        t->first[t->n_first++] = *bytes++;
        len--;
        const enum form form = form_of(t);
        int err = form == UNKNOWN ? 0 : decide(s, t, form);
        if (err)
            return err;
    }
    return len ? feed_known(s, t, bytes, len) : 0;
}

static int feed_inner(void *ctx, const uint8_t *bytes, size_t len)
{
    struct ml_source *s = ctx;
    return feed(s, &s->inner, bytes, len);
}

static int end_text(struct ml_source *s, struct text *t)
{
    if (t->form == UNKNOWN && t->n_first) {
        int err = decide(s, t, CSV); /* too short for anything else */
        if (err)
            return err;
    }
    if (t->form == UNKNOWN)
        return ml_rows_refuse(&s->rows, -EBADMSG, "empty");
    return t->form == PAIRS ? ml_json_pairs_end(&t->pairs) : ml_csv_end(&t->csv);
}

static int open_envelope(struct ml_source *s)
{
    const struct ml_envelope *e = &s->envelope;
    const uint8_t *plain = NULL;
    size_t len = 0;
    int err = ml_envelope_end(&s->envelope);
    if (err)
        return err;
    if (!s->keys->open_box)
        return ml_rows_refuse(&s->rows, -ENOKEY, "an envelope to an enclave, which only that enclave opens");
    err = s->keys->open_box(s->keys->ctx, e->sender, e->nonce, e->box, e->box_len, &plain, &len);
    ml_envelope_free(&s->envelope);
    if (err)
        return ml_rows_refuse(&s->rows, err, "the envelope does not open");
    err = feed(s, &s->inner, plain, len);
    return err ? err : end_text(s, &s->inner);
}

struct ml_source *ml_source_new(struct ml_data *data, const char *name, const char *label,
                                const struct ml_keys *keys)
{
    static const struct ml_keys none;
    struct ml_source *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->rows.data = data;
    s->rows.name = name;
    s->label = label;
    s->keys = keys ? keys : &none;
    (void)crypto_hash_sha256_init(&s->hash);
    return s;
}

int ml_source_feed(struct ml_source *s, const uint8_t *bytes, size_t len)
{
    if (s->err || len == 0)
        return s->err;
    if (len > s->rows.data->limits.bytes - s->rows.data->bytes_seen) {
        s->err = ml_rows_refuse(&s->rows, -E2BIG, "more than %llu bytes in all",
                                (unsigned long long)s->rows.data->limits.bytes);
        return s->err;
    }
    s->rows.data->bytes_seen += len;
    (void)crypto_hash_sha256_update(&s->hash, bytes, len);
    s->err = feed(s, &s->outer, bytes, len);
    return s->err;
}

int ml_source_end(struct ml_source *s)
{
    if (s->err)
        return s->err;
    (void)crypto_hash_sha256_final(&s->hash, s->digest);
    switch (s->outer.form) {
    case ENVELOPE:
        s->err = open_envelope(s);
        break;
    case STREAM:
        s->err = ml_stream_end(&s->stream);
        if (!s->err)
            s->err = end_text(s, &s->inner);
        break;
    default:
        s->err = end_text(s, &s->outer);
        break;
    }
    return s->err;
}

const char *ml_source_why(const struct ml_source *s)
{
    return s->rows.why;
}

void ml_source_digest(const struct ml_source *s, uint8_t out[crypto_hash_sha256_BYTES])
{
    memcpy(out, s->digest, crypto_hash_sha256_BYTES);
}

void ml_source_free(struct ml_source *s)
{
    if (!s)
        return;
    ml_envelope_free(&s->envelope);
    ml_stream_free(&s->stream);
    sodium_memzero(s, sizeof *s);
    free(s);
}
