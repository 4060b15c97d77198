/* deliver.h - brings secrets to the socket where nacred waits for them, and reads its verdict. */
#ifndef NACRE_TOOL_DELIVER_H
#define NACRE_TOOL_DELIVER_H

#include <stddef.h>
#include <stdint.h>

#define NACRE_SECRETS_PORT 7777u

/*
 * nacre_deliver - sends data[0..len) to `place` and waits for the answer: "unix:PATH", "unix:PATH#PORT" (a socket
 * in the style of Firecracker and vhost-device-vsock: CONNECT PORT comes first), "vsock:CID:PORT" or
 * "tcp:ADDRESS:PORT". Tries to connect for wait_ms, since an enclave that boots listens late. Returns 0 when it was
 * received, -EACCES when it was refused; `why` then is the enclave's line. Another negative errno: it was not
 * delivered, or (-ENODATA) the other side took it and closed without a word.
 */
int nacre_deliver(const char *place, const uint8_t *data, size_t len, uint64_t wait_ms, char *why,
                  size_t why_len);

/*
 * nacre_place_dial - a connection to such a place, with time limits for each read and write. The descriptor, or a
 * negative errno with `why`.
 */
int nacre_place_dial(const char *place, uint64_t wait_ms, char *why, size_t why_len);

/* Is it such a place? 0, or -EINVAL with `why`. */
int nacre_deliver_check(const char *place, char *why, size_t why_len);

#endif
