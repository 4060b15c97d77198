/* Integers as JSON and BCS write them. */
#ifndef NACRE_VFY_RESPONSE_NUMBER_H
#define NACRE_VFY_RESPONSE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The integer that the decimal digits say, into `width` bytes (1 to 32), little endian. False for anything but digits
 * without a leading zero, and for a number that does not fit: nothing is rounded or cut.
 */
bool nacre_vfy_decimal(const char *text, size_t size, uint8_t *out, size_t width);

/* The same as a number. */
bool nacre_vfy_decimal_u64(const char *text, size_t size, uint64_t *out);

#endif
