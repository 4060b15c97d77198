/* tls_control.h - what is said with nacred about keys of TLS; core/nacred/tls_control.c is the other end. */
#ifndef NACRE_HTTP_TLS_CONTROL_H
#define NACRE_HTTP_TLS_CONTROL_H

#include "control.h"

/* With INIT: the first nacre-http makes a key, and the ones after it get it back. 0, or negative errno with `why`. */
int nacre_tls_begin(struct nacre_control *control, const struct nacre_init_frame *init, char *why,
                    size_t why_len);

/* A certificate of the operator's is in the inbox. */
void nacre_tls_came(struct nacre_control *control);

/*
 * Which key is used: nacred names it in documents from when it hears it. So it must hear, though the socket may be full
 * of what clients ask for: called again until it is said.
 */
void nacre_tls_say(struct nacre_control *control);

#endif
