#include "place.h"

#include <stdio.h>
#include <string.h>

/* Appends to a terminated text, as far as there is room. */
static void append(char *out, size_t cap, const char *text, size_t len)
{
    size_t at = strlen(out);
    size_t n = len < cap - 1 - at ? len : cap - 1 - at;
    memcpy(out + at, text, n);
    out[at + n] = '\0';
}

/* Recursion is as deep as types nest. */
static void append_place(char *out, size_t cap, const struct nacre_place *at)
{
    char number[32];
    if (at->up)
        append_place(out, cap, at->up);
    if (at->name) {
        if (out[0])
            append(out, cap, ".", 1);
        append(out, cap, at->name->ptr, (size_t)at->name->len);
    } else {
        int n = snprintf(number, sizeof number, "[%llu]", (unsigned long long)at->index);
        append(out, cap, number, (size_t)n);
    }
}

void nacre_place_say(char *why, size_t why_len, const char *root, const struct nacre_place *at,
                     const char *reason)
{
    if (why_len == 0)
        return;
    why[0] = '\0';
    if (at)
        append_place(why, why_len, at);
    else
        append(why, why_len, root, strlen(root));
    append(why, why_len, ": ", 2);
    append(why, why_len, reason, strlen(reason));
}
