/*
 * number.h - JSON number literals: to a double, correctly rounded, and to the one text that RFC 8785 gives a
 * number (ECMAScript's Number::toString). Neither depends on the locale.
 */
#ifndef NACRE_APP_NUMBER_H
#define NACRE_APP_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#define NACRE_NUMBER_TEXT 32u /* bytes of a number's text with its terminator */

/*
 * nacre_number_double - the double nearest to the literal text[0..len), which must be a number of RFC 8259
 * (the reader has checked it). 0, or -ERANGE when it is beyond the largest double. Too small a number becomes
 * 0.
 */
int nacre_number_double(const char *text, size_t len, double *out);

/*
 * nacre_number_canonical - the same literal's double as text: the fewest digits that give the double back.
 * Returns the length of the text, which is terminated, or -ERANGE.
 */
int nacre_number_canonical(const char *text, size_t len, char out[NACRE_NUMBER_TEXT]);

/* A finite double as text, likewise. Returns the length. */
int nacre_number_format(double value, char out[NACRE_NUMBER_TEXT]);

/*
 * nacre_number_unsigned - the integer that the literal is. Returns 0, or -EINVAL for a sign, fraction or
 * exponent (also for anything but digits, and for leading zeros), or -ERANGE above max.
 */
int nacre_number_unsigned(const char *text, size_t len, uint64_t max, uint64_t *out);

/*
 * nacre_number_wide - a decimal text of digits only into n_words (at most 4) 64-bit words, least significant
 * first. 0, -EINVAL for anything but digits without leading zeros, or -ERANGE when it does not fit.
 */
int nacre_number_wide(const char *text, size_t len, uint64_t *words, size_t n_words);

#endif
