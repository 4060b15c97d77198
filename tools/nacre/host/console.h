/*
 * console.h - an enclave's console in the daemon's log, line by line. Only enclaves in debug mode have one, and those
 * prove nothing: their measurements are zero.
 */
#ifndef NACRE_HOST_CONSOLE_H
#define NACRE_HOST_CONSOLE_H

#include "daemon.h"

#define NACRE_HD_LINE_MAX 1024u

/* After `describe-enclaves`: begins to read the consoles that are there, ends those that are not. */
void nacre_hd_console_follow(struct nacre_hd *d);
void nacre_hd_console_stop(struct nacre_hd *d, struct nacre_hd_enclave *e);

/* Cuts output into lines. Pure. */
struct nacre_hd_lines {
    char text[NACRE_HD_LINE_MAX];
    size_t len;
    bool cut; /* the line went on past the room */
};

/*
 * nacre_hd_line_next - takes bytes from *data, *len until a line is whole: then true, with out->text terminated,
 * carriage returns at the end taken off and bytes that are not printable ASCII replaced by '?'. A longer line is cut
 * and its rest passed over.
 */
bool nacre_hd_line_next(struct nacre_hd_lines *lines, const char **data, size_t *len);

#endif
