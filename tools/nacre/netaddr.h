/* netaddr.h - host names and numeric addresses as configuration writes them. */
#ifndef NACRE_TOOL_NETADDR_H
#define NACRE_TOOL_NETADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NACRE_NETADDR_TEXT 64u /* room for "tcp:[v6 address]:port" and its terminator */

/*
 * nacre_host_check - is text[0..len) a host name as an allow list writes it: lower case, letters, digits and
 * inner hyphens in labels of 1 to 63 (RFC 1123, 2.1), 253 bytes at most (RFC 1035, 2.3.4), no address, no dot
 * at the end? Returns NULL, or the reason why not (a constant).
 */
const char *nacre_host_check(const char *text, size_t len);

/* An unsigned decimal without sign or leading zeros, at most `max`. 0, -EINVAL, or -ERANGE above max. */
int nacre_number_parse(uint64_t *out, const char *text, size_t len, uint64_t max);

struct nacre_netaddr {
    int family;                  /* AF_INET or AF_INET6 */
    char host[INET6_ADDRSTRLEN]; /* numeric, in its shortest form, without brackets */
    uint16_t port;
};

/* "A.B.C.D:PORT" or "[v6]:PORT", numeric only, ports 0 to 65535. Returns 0 or -EINVAL; *out untouched then.
 */
int nacre_netaddr_parse(struct nacre_netaddr *out, const char *text);

/* "tcp:A.B.C.D:PORT" or "tcp:[v6]:PORT" into out. */
void nacre_netaddr_format(char out[NACRE_NETADDR_TEXT], const struct nacre_netaddr *address);

/* 0.0.0.0 and ::, where nothing can be reached under the address itself. */
bool nacre_netaddr_is_any(const struct nacre_netaddr *address);

/*
 * nacre_place_check - is `text` a place that the configuration can name: "tcp:" with a numeric address and
 * port, or "vsock:" with a port from 0 to 2^32-2? Other prefixes are not looked at. Returns 0, or -EINVAL
 * with `why` filled.
 */
int nacre_place_check(const char *text, char *why, size_t why_len);

#endif
