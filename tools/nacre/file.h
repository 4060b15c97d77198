/* file.h - whole files in and out. */
#ifndef NACRE_TOOL_FILE_H
#define NACRE_TOOL_FILE_H

#include <stddef.h>
#include <stdint.h>

/*
 * nacre_file_read - the content of a regular file of at most `max` bytes into *data (malloc'd, the caller's,
 * followed by a NUL that *len does not count). Returns 0, or a negative errno with `why` filled (-EFBIG names
 * both sizes); outputs are untouched on failure.
 */
int nacre_file_read(uint8_t **data, size_t *len, const char *path, size_t max, char *why, size_t why_len);

/*
 * nacre_file_write - replace `path` by data[0..len) at once: readers see the old content or the new, never a
 * part. The file gets mode 0666 less the umask. Returns 0, or a negative errno with `why` filled; nothing is
 * left behind.
 */
int nacre_file_write(const char *path, const void *data, size_t len, char *why, size_t why_len);

/*
 * nacre_file_join - directory and the rest, with one '/' between, into out (room bytes). 0, or -ENAMETOOLONG.
 */
int nacre_file_join(char *out, size_t room, const char *dir, const char *rest);

/* The directory of this program's own executable, without a '/' at the end. 0 or negative errno. */
int nacre_file_own_dir(char *out, size_t room);

/* `why` = "PATH: what: strerror"; returns -error, for `return nacre_file_error(...)`. */
int nacre_file_error(const char *path, const char *what, int error, char *why, size_t why_len);

#endif
