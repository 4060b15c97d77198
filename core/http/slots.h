/*
 * slots.h - the requests of one lane that wait for another process. Bounded; each has an id that says where its slot
 * is and that nobody can foresee, and a deadline. One thread.
 */
#ifndef NACRE_HTTP_SLOTS_H
#define NACRE_HTTP_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NACRE_SLOTS_MAX 65536u /* of one lane: an index has 16 bits in an id */

#define NACRE_WAIT_APP      1u /* an ANSWER or FAILURE is due */
#define NACRE_WAIT_DOCUMENT 2u /* an attestation document is due */
#define NACRE_WAIT_BATCH    4u /* a document that others share is due; has a place there, none of in_flight */

struct nacre_job;

struct nacre_slot {
    uint64_t id; /* 0: free */
    uint64_t deadline_ns;
    void *owner;           /* the connection that waits; NULL when `job` is set */
    struct nacre_job *job; /* nobody waits: the answer is kept */
    uint32_t route;        /* index in the manifest; what an ANSWER must say */
    uint32_t waits;        /* NACRE_WAIT_* still outstanding */
    bool sent;             /* the app has it */
    bool sealed;           /* its answer may leave sealed only, */
    bool has_key;          /* once the app has opened it, */
    uint8_t reply_key[32]; /* with this key */
    uint32_t next_free;
};

/* Random numbers by the pool: one system call for many. */
struct nacre_ids {
    uint64_t pool[64];
    uint32_t left;
};

struct nacre_slots {
    struct nacre_slot *at;
    uint32_t cap;
    uint32_t high; /* slots from here on were never used */
    uint32_t first_free;
    uint32_t used;
    uint32_t lane;
    uint64_t next_deadline_ns; /* no slot is due before; UINT64_MAX when none is used */
    struct nacre_ids ids;
};

/* A random id that is not 0. */
uint64_t nacre_ids_next(struct nacre_ids *ids);

/* An id as logs and X-Request-Id show it: 16 lower-case hex digits, terminated. */
void nacre_id_text(char out[17], uint64_t id);

/* 0, -EINVAL for a capacity of 0 or above NACRE_SLOTS_MAX, or -ENOMEM. Memory is touched only as slots are used. */
int nacre_slots_init(struct nacre_slots *slots, uint32_t cap, uint32_t lane);
void nacre_slots_free(struct nacre_slots *slots);

/* The lane that an id belongs to. */
uint32_t nacre_slots_lane_of(uint64_t id);

/* A slot with a fresh id; everything but id, deadline and owner is zero. NULL when all are used. */
struct nacre_slot *nacre_slots_take(struct nacre_slots *slots, uint64_t deadline_ns, void *owner);

/* The used slot with exactly this id, or NULL. */
struct nacre_slot *nacre_slots_find(struct nacre_slots *slots, uint64_t id);

/* Frees a slot that take() gave. Its id is never found again. */
void nacre_slots_release(struct nacre_slots *slots, struct nacre_slot *slot);

/*
 * nacre_slots_each - calls visit for every used slot, which may release the slot it is given and no other.
 * Recomputes next_deadline_ns.
 */
void nacre_slots_each(struct nacre_slots *slots, void (*visit)(struct nacre_slot *slot, void *arg),
                      void *arg);

#endif
