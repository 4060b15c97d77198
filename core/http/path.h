/* path.h - request paths: percent-decoding, and the tricks that are refused before any route is looked at. */
#ifndef NACRE_HTTP_PATH_H
#define NACRE_HTTP_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * nacre_path_ok - is this raw path fit for routing? It begins with '/', has no empty segment but the last, no "." or
 * ".." in any spelling, only whole escapes, none of '/' or NUL, and no byte outside printable ASCII.
 */
bool nacre_path_ok(const char *path, size_t len);

/*
 * nacre_percent_decode - undo the escapes of one segment; `out` holds `len` bytes. Returns the length, or -EBADMSG
 * for a broken escape, a decoded '/' or NUL, or a result that is no UTF-8.
 */
int64_t nacre_percent_decode(uint8_t *out, const char *text, size_t len);

/* Cuts "scheme://authority" off an absolute-form target (RFC 9112, 3.2.2); returns where the path begins. */
const char *nacre_path_of_target(const char *target);

#endif
