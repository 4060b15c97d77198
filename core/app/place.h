/* place.h - where in a value a walk stands, for error messages: `payload.items[3].x`. Lives on the walk's
 * stack. */
#ifndef NACRE_APP_PLACE_H
#define NACRE_APP_PLACE_H

#include <nacre/plugin.h>
#include <stddef.h>
#include <stdint.h>

#define NACRE_PLACE_TEXT 256u /* bytes of a message with its terminator */

struct nacre_place {
    const struct nacre_place *up;
    const struct nacre_str *name; /* of a field, or NULL for an element */
    uint64_t index;               /* of an element */
};

/*
 * Writes "<place>: <reason>" into why (why_len bytes, terminated, cut when too long). `root` stands for the
 * place when `at` is NULL: "body".
 */
void nacre_place_say(char *why, size_t why_len, const char *root, const struct nacre_place *at,
                     const char *reason);

#endif
