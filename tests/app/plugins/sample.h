/* sample.h - what the sample plugin and the tests that drive it share. */
#ifndef NACRE_TESTS_APP_SAMPLE_H
#define NACRE_TESTS_APP_SAMPLE_H

#include <nacre/plugin.h>

enum sample_route {
    SAMPLE_ECHO,
    SAMPLE_ITEM,
    SAMPLE_FAIL,
    SAMPLE_RECOVERED,
    SAMPLE_SLEEP,
    SAMPLE_LARGE,
    SAMPLE_LEFTOVER,
    SAMPLE_STAMP,
    SAMPLE_BAD_TEXT,
    SAMPLE_NOW,
    SAMPLE_SECRET,
    SAMPLE_CONFIG,
    SAMPLE_HASH,
    SAMPLE_DECODE,
    SAMPLE_BOX,
    SAMPLE_LOG,
    SAMPLE_FETCH,
    SAMPLE_RANDOM,
    SAMPLE_CRASH,
    SAMPLE_CONFINED,
    SAMPLE_SMALL,
    SAMPLE_STAMP_REFUSED,
    SAMPLE_ABOUT,
    SAMPLE_WORK
};

struct sample_payload {
    const struct nacre_str *text;
    const uint64_t *number;
    const struct nacre_bytes *data;
};
struct sample_request {
    struct sample_payload payload;
};
struct sample_item {
    struct nacre_str network;
    uint32_t id;
};
struct sample_answer {
    struct nacre_str text;
    uint64_t number;
    struct nacre_bytes data;
};
struct sample_nested {
    double temp;
    struct nacre_str name;
};

/* Tries what no filter may let through; `started`: what the second one must stop as well. NULL, or what worked. */
const char *sample_confined(int started);

#endif
