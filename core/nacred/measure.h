/* measure.h - files read once into sealed memory files: what was measured is what is used, whatever the path says. */
#ifndef NACRE_NACRED_MEASURE_H
#define NACRE_NACRED_MEASURE_H

#include "common/digest.h"

#define NACRE_PLUGIN_MAX (256u * 1024 * 1024) /* bytes */

/*
 * nacre_measure_load - copy the file at path, at most max bytes, into a new memfd that nobody can change any more.
 * Returns the descriptor (close-on-exec), -EFBIG, or another negative errno.
 */
int nacre_measure_load(const char *path, size_t max);

/* SHA-384 of a sealed memfd's content. 0 or negative errno. */
int nacre_measure_digest(int fd, uint8_t out[NACRE_SHA384_LEN]);

#endif
