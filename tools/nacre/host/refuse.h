/*
 * refuse.h - which addresses the enclave may not be connected to. A name on the allow list is the operator's, what it
 * resolves to is its owner's: it must not lead to the parent itself, to its network or to the cloud's metadata.
 */
#ifndef NACRE_HOST_REFUSE_H
#define NACRE_HOST_REFUSE_H

#include "config.h"

#include <sys/socket.h>

/*
 * nacre_hd_refused - NULL when `address` is one of the public Internet or inside one of `ranges`; else what it is,
 * a constant such as "loopback". IPv4 addresses inside IPv6 (mapped, 6to4, NAT64, Teredo) are judged as well.
 */
const char *nacre_hd_refused(const struct sockaddr *address, const struct nacre_hd_range *ranges, size_t n);

/* Is address[0..bytes) inside the range? */
bool nacre_hd_range_holds(const struct nacre_hd_range *range, int family, const uint8_t *address);

#endif
