/* plot.h - the course of a training job as curves, on a terminal or as a PNG. */
#ifndef NACRE_TOOL_PLOT_H
#define NACRE_TOOL_PLOT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NACRE_PLOT_POINTS 1000000u /* epochs */

/* One value an epoch; NAN where there is none. */
struct nacre_curve {
    double *at;
    size_t n;
};

struct nacre_history {
    struct nacre_curve loss, test_loss, accuracy, test_accuracy;
};

/* Out of a card's member "history". 0, -ENOMEM, or -EBADMSG with `why`. Free in any case. */
int nacre_history_read(struct nacre_history *out, const char *card, size_t len, char *why, size_t why_len);
void nacre_history_free(struct nacre_history *h);

/* A chart of two curves over the epochs; the second may have no values. */
struct nacre_chart {
    const char *title; /* "loss" */
    struct nacre_curve first, second;
    double low, high; /* of the axis; nacre_chart_of() */
};
struct nacre_chart nacre_chart_of(const char *title, struct nacre_curve first, struct nacre_curve second);

/* What stands in column `column` of `columns`: the mean of the epochs that fall there; NAN for none. */
double nacre_curve_at(struct nacre_curve curve, size_t column, size_t columns);

/* Draws both charts with block characters, `columns` wide. */
void nacre_plot_text(FILE *to, const struct nacre_history *h, size_t columns);

/* The same as a PNG file in memory, the caller's; NULL without memory. */
uint8_t *nacre_plot_png(const struct nacre_history *h, size_t *len);

#endif
