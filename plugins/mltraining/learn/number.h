/* number.h - a number in text. */
#ifndef ML_NUMBER_H
#define ML_NUMBER_H

#include <stddef.h>

#define ML_NUMBER_MAX 63u /* characters */

enum ml_number { ML_NUMBER_OK, ML_NUMBER_BAD, ML_NUMBER_NOT_FINITE };

/*
 * As JSON writes numbers (RFC 8259), rounded once to double and once to float; with `lenient` also "+1", ".5", "1." and
 * "01". Not finite: what is too large for a float, and the words nan and inf of other languages.
 */
enum ml_number ml_number_read(const char *text, size_t len, int lenient, float *out);

#endif
