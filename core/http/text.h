/* text.h - a text that is never changed and that several answers may be sent from at once, in any thread. */
#ifndef NACRE_HTTP_TEXT_H
#define NACRE_HTTP_TEXT_H

#include <stdatomic.h>
#include <stddef.h>

struct nacre_text {
    _Atomic unsigned users;
    size_t len;
    char data[];
};

/* Room for len bytes, held once; NULL without memory. */
struct nacre_text *nacre_text_new(size_t len);

struct nacre_text *nacre_text_hold(struct nacre_text *text);

/* The last one wipes and frees it. Accepts NULL. */
void nacre_text_drop(struct nacre_text *text);

#endif
