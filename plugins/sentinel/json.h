/* json.h - texts of requests as JSON strings, for what is sent to the AI module. */
#ifndef SENTINEL_JSON_H
#define SENTINEL_JSON_H

#include <nacre/plugin.h>

/* The text in quotes, escaped as RFC 8259 demands, in the call's memory. ptr is NULL when memory is out. */
struct nacre_str sentinel_json_string(const struct nacre_call *call, struct nacre_str text);

#endif
