/* keyfile.h - secret keys in files of their own, which only their owner may read. Text: a word that says what it is, hex. */
#ifndef NACRE_TOOL_KEYFILE_H
#define NACRE_TOOL_KEYFILE_H

#include <stddef.h>
#include <stdint.h>

#define NACRE_KEYFILE_MAX 256u /* bytes of a key */

/* A new file `path` with the key. Never replaces one. 0, or a negative errno with `why`. */
int nacre_keyfile_create(const char *path, const char *word, const uint8_t *key, size_t len, char *why,
                         size_t why_len);

/* Reads a key of exactly len bytes. Refuses a file that others may read. 0, or a negative errno with `why`. */
int nacre_keyfile_load(uint8_t *key, size_t len, const char *path, const char *word, char *why,
                       size_t why_len);

#endif
