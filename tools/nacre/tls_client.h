/*
 * tls_client.h - TLS to an enclave for those who only want to know whether it answers: `nacre dev` and `nacre host`. The
 * certificate is not looked at, since who stands on the parent instance has nothing to lose to a wrong one and nothing to
 * send that is worth anything; clients check the key, see docs/VERIFYING.md.
 */
#ifndef NACRE_TOOL_TLS_CLIENT_H
#define NACRE_TOOL_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct nacre_tls_client;

/* Over a connected descriptor, which stays the caller's and outlives it. NULL when out of memory. */
struct nacre_tls_client *nacre_tls_client_new(int fd);
void nacre_tls_client_free(struct nacre_tls_client *c); /* accepts NULL */

/*
 * For a descriptor that blocks: from end_ns on (nacre_monotonic_ns()) nothing more is read, and what needs it returns
 * -EAGAIN. A peer that sends a byte now and then would else hold a handshake or a record for as long as it likes.
 */
void nacre_tls_client_until(struct nacre_tls_client *c, uint64_t end_ns);

/*
 * All three return -EAGAIN when the descriptor would block: call again with the same arguments once it is ready (to be
 * written to when nacre_tls_client_writes() says so, else to be read from). The handshake returns 0; send how many bytes
 * went; receive how many came, 0 at the end. -EPROTO when the other side speaks no TLS of ours, or a negative errno.
 */
int nacre_tls_client_handshake(struct nacre_tls_client *c);
ssize_t nacre_tls_client_send(struct nacre_tls_client *c, const void *data, size_t len);
ssize_t nacre_tls_client_receive(struct nacre_tls_client *c, void *data, size_t room);
bool nacre_tls_client_writes(const struct nacre_tls_client *c);

#endif
