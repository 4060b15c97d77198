#include "clients.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define SLOTS 4096u

int nacre_hd_bucket_take(struct nacre_hd_bucket *b, uint64_t rate, uint64_t burst, uint64_t now_ms)
{
    uint64_t full = burst * 1000u;
    uint64_t passed = now_ms > b->at_ms ? now_ms - b->at_ms : 0;
    /* A millisecond brings `rate` thousandths of a token. */
    uint64_t gained = passed > full / (rate ? rate : 1) ? full : passed * rate;
    b->millitokens = b->millitokens + gained > full ? full : b->millitokens + gained;
    b->at_ms = now_ms;
    if (b->millitokens < 1000u)
        return 0;
    b->millitokens -= 1000u;
    return 1;
}

int nacre_hd_clients_init(struct nacre_hd_clients *c)
{
    *c =
        (struct nacre_hd_clients){.slots = calloc(SLOTS, sizeof(struct nacre_hd_client *)), .n_slots = SLOTS};
    randombytes_buf(c->hash_key, sizeof c->hash_key);
    return c->slots ? 0 : -ENOMEM;
}

void nacre_hd_clients_free(struct nacre_hd_clients *c)
{
    for (size_t i = 0; c->slots && i < c->n_slots; i++) {
        while (c->slots[i]) {
            struct nacre_hd_client *next = c->slots[i]->next;
            free(c->slots[i]);
            c->slots[i] = next;
        }
    }
    free(c->slots);
    *c = (struct nacre_hd_clients){0};
}

/* The entry's key: the IPv4 address, also where it comes mapped into IPv6, or the /64. */
static void key_of(const struct sockaddr *address, struct nacre_hd_client *out)
{
    if (address->sa_family == AF_INET) {
        out->family = 4;
        memcpy(out->key, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(v6);
        out->family = mapped ? 4 : 6;
        memcpy(out->key, v6->s6_addr + (mapped ? 12 : 0), mapped ? 4 : 8);
    }
}

static size_t slot_of(const struct nacre_hd_clients *c, const struct nacre_hd_client *key)
{
    uint8_t in[9], hash[crypto_shorthash_BYTES];
    uint64_t number;
    in[0] = key->family;
    memcpy(in + 1, key->key, sizeof key->key);
    (void)crypto_shorthash(hash, in, sizeof in, c->hash_key);
    memcpy(&number, hash, sizeof number);
    return number % c->n_slots;
}

/* Forgets in one slot who has no connection and would have a full bucket: they are as new. */
static void sweep_slot(struct nacre_hd_clients *c, size_t slot, const struct nacre_hd_client_limits *limits,
                       uint64_t now_ms)
{
    for (struct nacre_hd_client **at = &c->slots[slot]; *at;) {
        struct nacre_hd_client *one = *at;
        uint64_t passed = now_ms > one->bucket.at_ms ? now_ms - one->bucket.at_ms : 0;
        bool full =
            limits->rate == 0 || one->bucket.millitokens + passed * limits->rate >= limits->burst * 1000u;
        if (one->connections == 0 && full) {
            *at = one->next;
            free(one);
            c->n--;
        } else {
            at = &one->next;
        }
    }
}

static struct nacre_hd_client *find_or_add(struct nacre_hd_clients *c, const struct sockaddr *address,
                                           const struct nacre_hd_client_limits *limits, uint64_t now_ms)
{
    struct nacre_hd_client key = {0};
    key_of(address, &key);
    size_t slot = slot_of(c, &key);
    for (struct nacre_hd_client *one = c->slots[slot]; one; one = one->next) {
        if (one->family == key.family && memcmp(one->key, key.key, sizeof key.key) == 0)
            return one;
    }
    /* Each new address pays for forgetting old ones; when there is no room, for looking everywhere. */
    sweep_slot(c, slot, limits, now_ms);
    sweep_slot(c, c->sweep++ % c->n_slots, limits, now_ms);
    for (size_t i = 0; c->n >= NACRE_HD_CLIENTS_MAX && i < 64; i++)
        sweep_slot(c, c->sweep++ % c->n_slots, limits, now_ms);
    struct nacre_hd_client *added = c->n < NACRE_HD_CLIENTS_MAX ? calloc(1, sizeof *added) : NULL;
    if (!added)
        return NULL;
    *added = key;
    added->bucket = (struct nacre_hd_bucket){limits->burst * 1000u, now_ms};
    added->next = c->slots[slot];
    c->slots[slot] = added;
    c->n++;
    return added;
}

enum nacre_hd_verdict nacre_hd_clients_admit(struct nacre_hd_clients *c, const struct sockaddr *address,
                                             const struct nacre_hd_client_limits *limits, uint64_t now_ms,
                                             struct nacre_hd_client **out)
{
    struct nacre_hd_client *client = find_or_add(c, address, limits, now_ms);
    if (!client)
        return NACRE_HD_NO_ROOM;
    if (limits->connections && client->connections >= limits->connections)
        return NACRE_HD_TOO_MANY;
    if (limits->rate && !nacre_hd_bucket_take(&client->bucket, limits->rate, limits->burst, now_ms))
        return NACRE_HD_TOO_FAST;
    client->connections++;
    *out = client;
    return NACRE_HD_ADMITTED;
}

void nacre_hd_clients_left(struct nacre_hd_client *client)
{
    client->connections--;
}
