/* pcrs_text.h - the text form of measurements: lines of `HEX PCR<n>`. */
#ifndef NACRE_EIF_PCRS_TEXT_H
#define NACRE_EIF_PCRS_TEXT_H

#include "eif.h"

/* The lines PCR0, PCR1, PCR2 and, when there is one, PCR8, at the end of *out. */
void nacre_pcrs_text(struct nacre_blob *out, const struct nacre_eif_pcrs *pcrs);

/*
 * nacre_pcrs_compare - every line of text[0..len) against the values. 0 when all are equal and PCR0, PCR1 and
 * PCR2 are among them; -EBADMSG with `why` filled, both values in it, for a value that differs, one that an
 * image does not have, a line of another form, a PCR twice or missing. `file` is for messages.
 */
int nacre_pcrs_compare(const struct nacre_eif_pcrs *pcrs, const char *file, const char *text, size_t len,
                       char *why, size_t why_len);

#endif
