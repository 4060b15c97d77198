/*
 * clients.h - what each client address has: open connections, and tokens for new ones. IPv6 clients own whole /64
 * networks, so that is what counts as one address there.
 */
#ifndef NACRE_HOST_CLIENTS_H
#define NACRE_HOST_CLIENTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NACRE_HD_CLIENTS_MAX 65536u /* addresses remembered at once */

/* A token bucket. Pure: time comes from the caller. */
struct nacre_hd_bucket {
    uint64_t millitokens;
    uint64_t at_ms;
};

/* Takes one token when there is one: 1, else 0. `rate` a second, `burst` at most. */
int nacre_hd_bucket_take(struct nacre_hd_bucket *b, uint64_t rate, uint64_t burst, uint64_t now_ms);

struct nacre_hd_client {
    struct nacre_hd_client *next;
    struct nacre_hd_bucket bucket;
    uint32_t connections;
    uint8_t family; /* 4 or 6 */
    uint8_t key[8];
};

struct nacre_hd_clients {
    struct nacre_hd_client **slots;
    size_t n_slots, n, sweep;
    uint8_t hash_key[16];
};

struct nacre_hd_client_limits {
    uint64_t connections; /* 0: no limit */
    uint64_t rate;        /* new connections a second; 0: no limit */
    uint64_t burst;
};

enum nacre_hd_verdict { NACRE_HD_ADMITTED, NACRE_HD_TOO_MANY, NACRE_HD_TOO_FAST, NACRE_HD_NO_ROOM };

/* 0 or -ENOMEM. */
int nacre_hd_clients_init(struct nacre_hd_clients *c);
void nacre_hd_clients_free(struct nacre_hd_clients *c);

/*
 * nacre_hd_clients_admit - may `address` have one connection more? When it may, *out is its entry, to be given back
 * with nacre_hd_clients_left(). Addresses that are neither IPv4 nor IPv6 share one entry.
 */
enum nacre_hd_verdict nacre_hd_clients_admit(struct nacre_hd_clients *c, const struct sockaddr *address,
                                             const struct nacre_hd_client_limits *limits, uint64_t now_ms,
                                             struct nacre_hd_client **out);
void nacre_hd_clients_left(struct nacre_hd_client *client);

#endif
