/* ptb.h - a `sui client ptb` command line: put together word by word, printed for a shell or run without one. */
#ifndef NACRE_TOOL_PTB_H
#define NACRE_TOOL_PTB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NACRE_PTB_WORDS_MAX 512u
#define NACRE_PTB_GAS       "100000000" /* MIST; what is not used is not taken */

/* Zero it to begin, nacre_ptb_free() it to end. Out of memory or words is remembered in `failed`. */
struct nacre_ptb {
    char *word[NACRE_PTB_WORDS_MAX + 1];
    size_t count;
    bool failed;
};

/* "sui client ptb". */
void nacre_ptb_begin(struct nacre_ptb *ptb);
/* One word. */
void nacre_ptb_add(struct nacre_ptb *ptb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The bytes as "vector[1u8,2u8]". */
void nacre_ptb_add_bytes(struct nacre_ptb *ptb, const uint8_t *bytes, size_t size);
/* Prints the command for a POSIX shell, a line for each option. */
void nacre_ptb_print(const struct nacre_ptb *ptb, FILE *to);
/*
 * Runs it: `sui` as PATH finds it, with our standard streams, and waits for its end. 0, or -1 with `why` filled when
 * it could not be started or did not end with 0.
 */
int nacre_ptb_run(struct nacre_ptb *ptb, char *why, size_t why_len);
void nacre_ptb_free(struct nacre_ptb *ptb);

/* "0x" and 1 to 64 hex digits: what Sui calls an object or a package. */
bool nacre_ptb_is_id(const char *text);
/* A Move identifier. */
bool nacre_ptb_is_name(const char *text);

#endif
