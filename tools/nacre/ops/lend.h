/* lend.h - this machine's credentials for an enclave that asks KMS: from EC2's metadata service or a file. */
#ifndef NACRE_OPS_LEND_H
#define NACRE_OPS_LEND_H

#include <stddef.h>
#include <stdint.h>

/*
 * nacre_lend - brings credentials to `place` (as nacre_deliver() takes it), newer ones every few seconds, until nobody
 * listens there any more: then the enclave has its secrets, or has ended. `from`: "imds", "imds:ADDRESS:PORT", or a file
 * of what the metadata service says. At most wait_ms. 0; -EACCES when the enclave refuses them; -ETIMEDOUT; or another
 * negative errno. `why` holds nothing of the credentials.
 */
int nacre_lend(const char *place, const char *from, uint64_t wait_ms, char *why, size_t why_len);

#endif
