/*
 * reserve.h - memory for libraries that do not survive running out of it. libseccomp crashes, hangs, or builds another
 * filter than it was told to, when one of its many small allocations fails.
 */
#ifndef NACRE_COMMON_RESERVE_H
#define NACRE_COMMON_RESERVE_H

/*
 * nacre_reserve - makes sure that the next 4 MiB of small allocations of the main thread cannot fail, or returns -ENOMEM.
 * The memory is address space until it is used. Calling it again does not add to it.
 */
int nacre_reserve(void);

/*
 * nacre_reserve_pinned - the same for any thread, until the pointer that is returned is given to free(). NULL: no memory.
 * Also for libcbor: of a map whose key found no memory, Debian 12's goes on to write the value.
 */
void *nacre_reserve_pinned(void);

#endif
