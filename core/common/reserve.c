#include "reserve.h"

#include <errno.h>
#include <stdlib.h>

#define PIECE 65536u /* below what malloc() maps by itself and gives back at once */
#ifdef NACRE_SANITIZED
#define PIECES 1u /* a sanitizer ends the program when memory is out, and keeps what was freed */
#else
#define PIECES 64u
#endif

/* Above the pieces: the heap is given back from its end only, so what lies below stays. */
static void *pin;

void *nacre_reserve_pinned(void)
{
    void *pieces[PIECES];
    unsigned n = 0;
    while (n < PIECES && (pieces[n] = malloc(PIECE)))
        n++;
    void *last = n == PIECES ? malloc(1) : NULL;
    while (n > 0)
        free(pieces[--n]);
    return last;
}

int nacre_reserve(void)
{
    void *last = nacre_reserve_pinned();
    if (!last)
        return -ENOMEM;
    free(pin);
    pin = last;
    return 0;
}
