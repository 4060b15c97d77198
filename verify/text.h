/* Words and numbers for reports: bounded, printable, no locale. */
#ifndef NACRE_VFY_TEXT_H
#define NACRE_VFY_TEXT_H

#include <stdbool.h>

#include "nacre/verify.h"

/* "2025-04-15T02:25:23.696Z" and the NUL. */
#define NACRE_VFY_TIME_SIZE 32

/* The last millisecond of the year 9999: later times have no RFC 3339 form. */
#define NACRE_VFY_TIME_MAX UINT64_C(253402300799999)

/* Writes text into `error` (which may be NULL) and returns `code`, so that a failure is one statement. */
int nacre_vfy_fail(nacre_verify_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Lower-case hex of up to `size` bytes; `out` holds 2 * size + 1. */
void nacre_vfy_hex(const uint8_t *bytes, size_t size, char *out);

/* Exactly `size` bytes from 2 * size hex digits of either case. */
bool nacre_vfy_unhex(const char *text, size_t size, uint8_t *out);

/* `out` holds NACRE_VFY_TIME_SIZE. `ms` is at most NACRE_VFY_TIME_MAX. */
void nacre_vfy_time(uint64_t ms, char *out);

#endif
