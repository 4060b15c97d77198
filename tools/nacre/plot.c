#include "plot.h"

#include <common/json_read.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int grow(struct nacre_history *h, size_t n, size_t *room)
{
    double **const at[] = {&h->loss.at, &h->test_loss.at, &h->accuracy.at, &h->test_accuracy.at};
    if (n < *room)
        return 0;
    size_t more = *room ? 2 * *room : 256;
    for (size_t i = 0; i < 4; i++) {
        double *p = realloc(*at[i], more * sizeof *p);
        if (!p)
            return -ENOMEM;
        *at[i] = p;
    }
    *room = more;
    return 0;
}

static double number(const struct nacre_json *j, enum nacre_json_token token)
{
    char text[64];
    if (token != NACRE_JSON_NUMBER || j->text_len >= sizeof text)
        return (double)NAN;
    memcpy(text, j->text, j->text_len);
    text[j->text_len] = '\0';
    return strtod(text, NULL);
}

/* One object of the list into point n. */
static int read_point(struct nacre_history *h, size_t n, struct nacre_json *j)
{
    static const char *const keys[] = {"loss", "test_loss", "accuracy", "test_accuracy"};
    double *const at[] = {h->loss.at, h->test_loss.at, h->accuracy.at, h->test_accuracy.at};
    enum nacre_json_token token;
    for (size_t i = 0; i < 4; i++)
        at[i][n] = (double)NAN;
    while ((token = nacre_json_next(j)) == NACRE_JSON_KEY) {
        size_t which = 0;
        while (which < 4 && !nacre_json_key_is(j, keys[which], strlen(keys[which])))
            which++;
        token = nacre_json_next(j);
        if (which < 4)
            at[which][n] = number(j, token);
        if (nacre_json_skip(j, token) != 0)
            return -EBADMSG;
    }
    return token == NACRE_JSON_OBJECT_END ? 0 : -EBADMSG;
}

static int read_list(struct nacre_history *h, struct nacre_json *j)
{
    size_t n = 0, room = 0;
    enum nacre_json_token token;
    int rc = 0;
    while (!rc && (token = nacre_json_next(j)) == NACRE_JSON_OBJECT && n < NACRE_PLOT_POINTS) {
        rc = grow(h, n, &room);
        if (!rc)
            rc = read_point(h, n, j);
        n += !rc;
    }
    h->loss.n = h->test_loss.n = h->accuracy.n = h->test_accuracy.n = n;
    return rc ? rc : token == NACRE_JSON_ARRAY_END ? 0 : -EBADMSG;
}

int nacre_history_read(struct nacre_history *out, const char *card, size_t len, char *why, size_t why_len)
{
    struct nacre_json j;
    enum nacre_json_token token;
    int rc = -EBADMSG;
    memset(out, 0, sizeof *out);
    nacre_json_init(&j, card, len);
    token = nacre_json_next(&j);
    while (token == NACRE_JSON_OBJECT || token == NACRE_JSON_KEY) {
        if (token == NACRE_JSON_KEY) {
            bool ours = nacre_json_key_is(&j, "history", 7);
            token = nacre_json_next(&j);
            if (ours && token == NACRE_JSON_ARRAY) {
                rc = read_list(out, &j);
                break;
            }
            if (nacre_json_skip(&j, token) != 0)
                break;
        }
        token = nacre_json_next(&j);
    }
    if (rc == -EBADMSG)
        (void)snprintf(why, why_len, "no card with a list 'history' (byte %zu)", (size_t)(j.at - j.begin));
    if (!rc && out->loss.n == 0) {
        (void)snprintf(why, why_len, "the history is empty: this algorithm has no epochs");
        rc = -EBADMSG;
    }
    return rc;
}

void nacre_history_free(struct nacre_history *h)
{
    free(h->loss.at);
    free(h->test_loss.at);
    free(h->accuracy.at);
    free(h->test_accuracy.at);
    memset(h, 0, sizeof *h);
}

double nacre_curve_at(struct nacre_curve curve, size_t column, size_t columns)
{
    size_t begin = column * curve.n / columns, end = (column + 1) * curve.n / columns;
    double sum = 0;
    size_t n = 0;
    if (end <= begin)
        end = begin + 1; /* fewer epochs than columns */
    for (size_t i = begin; i < end && i < curve.n; i++) {
        if (isfinite(curve.at[i])) {
            sum += curve.at[i];
            n++;
        }
    }
    return n ? sum / (double)n : (double)NAN;
}

static void widen(struct nacre_chart *chart, struct nacre_curve curve)
{
    for (size_t i = 0; i < curve.n; i++) {
        if (isfinite(curve.at[i])) {
            chart->low = fmin(chart->low, curve.at[i]);
            chart->high = fmax(chart->high, curve.at[i]);
        }
    }
}

struct nacre_chart nacre_chart_of(const char *title, struct nacre_curve first, struct nacre_curve second)
{
    struct nacre_chart chart = {title, first, second, (double)INFINITY, (double)-INFINITY};
    widen(&chart, first);
    widen(&chart, second);
    if (chart.low > chart.high)
        chart.low = chart.high = 0;
    if (chart.high - chart.low < 1e-9) { /* a flat line in the middle */
        chart.low -= 0.5;
        chart.high += 0.5;
    }
    return chart;
}
