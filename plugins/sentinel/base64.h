/* base64.h - base64 (RFC 4648) with padding, and nothing else between the characters. */
#ifndef SENTINEL_BASE64_H
#define SENTINEL_BASE64_H

#include <nacre/plugin.h>

/* Decodes into the call's memory. 0, or -1 for anything that is not base64, and when memory is out. */
int sentinel_base64(const struct nacre_call *call, struct nacre_str text, struct nacre_bytes *out);

#endif
