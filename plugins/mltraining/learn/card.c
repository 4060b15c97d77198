#include "card.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>

/* Text that grows; `at` is NULL once memory is out. */
struct text {
    char *at;
    size_t len, room;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (t->at && n >= 0 && t->len + (size_t)n + 1 > t->room) {
        const size_t room = 2 * (t->len + (size_t)n + 1);
        char *more = realloc(t->at, room);
        if (!more)
            free(t->at);
        t->at = more;
        t->room = room;
    }
    if (t->at && n >= 0)
        t->len += (size_t)vsnprintf(t->at + t->len, t->room - t->len, format, again);
    va_end(again);
}

static void say_hex(struct text *t, const char *name, const uint8_t *bytes, size_t len)
{
    char hex[129];
    (void)sodium_bin2hex(hex, sizeof hex, bytes, len);
    say(t, "\"%s\":\"%s\"", name, hex);
}

/* A text of somebody else's; UTF-8 passes as it is. */
static void say_text(struct text *t, const char *name, struct nacre_str value)
{
    say(t, "\"%s\":\"", name);
    for (uint64_t i = 0; i < value.len; i++) {
        const unsigned char c = (unsigned char)value.ptr[i];
        if (c < 0x20 || c == '"' || c == '\\')
            say(t, "\\u%04x", c);
        else
            say(t, "%c", c);
    }
    say(t, "\"");
}

/* With as many digits as it takes to read the same number back; null where there is none. */
static void say_real(struct text *t, const char *name, double value)
{
    if (isfinite(value))
        say(t, "\"%s\":%.17g", name, value);
    else
        say(t, "\"%s\":null", name);
}

static void say_config(struct text *t, const struct ml_config *c)
{
    say(t, "\"config\":{\"algorithm\":\"%s\",\"input_size\":%u,\"output_size\":%u,\"layers\":[",
        ml_algorithm_names[c->algorithm], c->input_size, c->output_size);
    for (uint32_t i = 0; i < c->n_layers; i++) {
        say(t, "%s{\"neurons\":%u,\"activation\":\"%s\",", i ? "," : "", c->layers[i].neurons,
            ml_activation_names[c->layers[i].activation]);
        say_real(t, "dropout", c->layers[i].dropout);
        say(t, "}");
    }
    say(t, "],\"loss\":\"%s\",\"optimizer\":\"%s\",\"init\":\"%s\",\"split\":\"%s\",", ml_loss_names[c->loss],
        ml_optimizer_names[c->optimizer], ml_init_names[c->init], ml_split_names[c->split]);
    if (c->label[0]) {
        say_text(t, "label", nacre_str(c->label));
        say(t, ",");
    }
    say_real(t, "momentum", c->momentum);
    say(t, ",");
    say_real(t, "weight_decay", c->weight_decay);
    say(t, ",");
    say_real(t, "alpha", c->alpha);
    say(t, ",");
    say_real(t, "test_fraction", c->test_fraction);
    say(t, ",");
    say_real(t, "shrinkage", c->shrinkage);
    say(t, ",\"batch_size\":%u,\"neighbours\":%u,", c->batch_size, c->neighbours);
    if (c->clusters)
        say(t, "\"clusters\":%u,", c->clusters);
    say(t, "\"restarts\":%u,\"trees\":%u,\"max_depth\":%u,\"min_leaf\":%u,", c->restarts, c->trees,
        c->max_depth, c->min_leaf);
    if (c->max_features)
        say(t, "\"max_features\":%u,", c->max_features);
    say(t, "\"standardize\":%s}", c->standardize ? "true" : "false");
}

static void say_blob(struct text *t, const struct ml_card_blob *b, bool with_rows)
{
    say(t, "{");
    say_text(t, "blob_id", b->id);
    say(t, ",");
    say_hex(t, "sha256", b->sha256, sizeof b->sha256);
    if (with_rows)
        say(t, ",\"rows\":%llu", (unsigned long long)b->rows);
    say(t, "}");
}

static void say_metrics(struct text *t, const char *name, const struct ml_metrics *m)
{
    say(t, "\"%s\":{\"rows\":%llu,", name, (unsigned long long)m->rows);
    say_real(t, "accuracy", m->rows ? m->accuracy : (double)NAN);
    say(t, ",");
    say_real(t, "loss", m->rows ? m->loss : (double)NAN);
    say(t, "}");
}

static void say_history(struct text *t, const struct ml_result *r)
{
    say(t, "\"history\":[");
    for (uint64_t i = 0; i < r->n_history; i++) {
        const struct ml_point *p = &r->history[i];
        say(t, "%s{", i ? "," : "");
        say_real(t, "loss", p->loss);
        say(t, ",");
        say_real(t, "accuracy", p->accuracy);
        say(t, ",");
        say_real(t, "test_loss", p->test_loss);
        say(t, ",");
        say_real(t, "test_accuracy", p->test_accuracy);
        say(t, "}");
    }
    say(t, "]");
}

static void say_about(struct text *t, const struct nacre_about *a)
{
    if (!a) {
        say(t, "\"app\":null,\"runtime\":null");
        return;
    }
    say(t, "\"app\":{");
    say_text(t, "name", a->app);
    say(t, ",");
    say_text(t, "version", a->version);
    say(t, ",");
    say_hex(t, "sha384", a->plugin_digest, sizeof a->plugin_digest);
    say(t, ",");
    say_hex(t, "config_sha384", a->config_digest, sizeof a->config_digest);
    say(t, "},\"runtime\":{");
    say_text(t, "version", a->runtime);
    say(t, ",");
    say_hex(t, "sha384", a->runtime_digest, sizeof a->runtime_digest);
    say(t, "}");
}

char *ml_card_write(const struct ml_card *card, size_t *len)
{
    struct text t = {malloc(4096), 0, 4096};
    say(&t, "{\"format\":\"nacre-mltraining-1\",");
    say_config(&t, card->config);
    say(&t, ",");
    say_real(&t, "learning_rate", card->job->learning_rate);
    /* texts, because many readers of JSON hold numbers as doubles */
    say(&t, ",\"epochs\":%llu,\"seed\":\"%llu\",\"data\":[", (unsigned long long)card->job->epochs,
        (unsigned long long)card->job->seed);
    for (uint64_t i = 0; i < card->n_blobs; i++) {
        say(&t, "%s", i ? "," : "");
        say_blob(&t, &card->blobs[i], true);
    }
    say(&t, "],\"model_config\":");
    say_blob(&t, &card->config_blob, false);
    say(&t, ",");
    if (card->request_sha256)
        say_hex(&t, "request_sha256", card->request_sha256, 32);
    else
        say(&t, "\"request_sha256\":null");
    say(&t, ",");
    say_hex(&t, "model_sha256", card->model_sha256, sizeof card->model_sha256);
    say(&t, ",\"metrics\":{");
    say_metrics(&t, "train", &card->result->train);
    say(&t, ",");
    say_metrics(&t, "test", &card->result->test);
    say(&t, "},");
    say_history(&t, card->result);
    say(&t, ",");
    say_about(&t, card->about);
    say(&t, "}");
    *len = t.len;
    return t.at;
}
