#include "text.h"

#include <sodium.h>
#include <stdlib.h>

struct nacre_text *nacre_text_new(size_t len)
{
    struct nacre_text *text = malloc(sizeof *text + len);
    if (!text)
        return NULL;
    atomic_init(&text->users, 1);
    text->len = len;
    return text;
}

struct nacre_text *nacre_text_hold(struct nacre_text *text)
{
    (void)atomic_fetch_add(&text->users, 1);
    return text;
}

void nacre_text_drop(struct nacre_text *text)
{
    if (!text || atomic_fetch_sub(&text->users, 1) != 1)
        return;
    sodium_memzero(text->data, text->len);
    free(text);
}
