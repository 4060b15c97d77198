/*
 * handshake.h - how Firecracker and vhost-device-vsock hand a Unix socket's connection to a port of the guest: we say
 * "CONNECT 3000\n", they say "OK 1073741824\n" with the port they gave us, and then it is the guest who speaks.
 */
#ifndef NACRE_HOST_HANDSHAKE_H
#define NACRE_HOST_HANDSHAKE_H

#include <stddef.h>
#include <stdint.h>

#define NACRE_HD_HELLO_MAX  32u /* "CONNECT " + ten digits + '\n' and the terminator */
#define NACRE_HD_ANSWER_MAX 16u /* "OK " + ten digits + '\n', and a little */

/* Writes the greeting, terminated. Returns its length. */
size_t nacre_hd_hello(char out[NACRE_HD_HELLO_MAX], uint32_t port);

/*
 * nacre_hd_hello_answer - looks at the first bytes that came back. Returns the answer's length with its newline, 0
 * when it is not whole yet, or -EPROTO when it will never be one. What stands behind the newline is the guest's.
 */
int nacre_hd_hello_answer(const char *data, size_t len);

#endif
