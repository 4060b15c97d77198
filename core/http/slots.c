#include "slots.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* id: 44 random bits, 4 of lane, 16 of slot */
#define INDEX_BITS 16u
#define LANE_BITS  4u

uint64_t nacre_ids_next(struct nacre_ids *ids)
{
    uint64_t id;
    do {
        if (ids->left == 0) {
            randombytes_buf(ids->pool, sizeof ids->pool);
            ids->left = sizeof ids->pool / sizeof ids->pool[0];
        }
        id = ids->pool[--ids->left];
    } while (id >> (INDEX_BITS + LANE_BITS) == 0);
    return id;
}

void nacre_id_text(char out[17], uint64_t id)
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < 16; i++)
        out[i] = digits[id >> (60 - 4 * i) & 15];
    out[16] = '\0';
}

int nacre_slots_init(struct nacre_slots *slots, uint32_t cap, uint32_t lane)
{
    if (cap == 0 || cap > NACRE_SLOTS_MAX || lane >= 1u << LANE_BITS)
        return -EINVAL;
    struct nacre_slot *at = calloc(cap, sizeof *at);
    if (!at)
        return -ENOMEM;
    memset(slots, 0, sizeof *slots);
    slots->at = at;
    slots->cap = cap;
    slots->first_free = NONE;
    slots->lane = lane;
    slots->next_deadline_ns = UINT64_MAX;
    return 0;
}

void nacre_slots_free(struct nacre_slots *slots)
{
    free(slots->at);
    slots->at = NULL;
    slots->cap = slots->high = slots->used = 0;
}

uint32_t nacre_slots_lane_of(uint64_t id)
{
    return (uint32_t)(id >> INDEX_BITS) & ((1u << LANE_BITS) - 1);
}

struct nacre_slot *nacre_slots_take(struct nacre_slots *slots, uint64_t deadline_ns, void *owner)
{
    uint32_t index = slots->first_free;
    if (index != NONE)
        slots->first_free = slots->at[index].next_free;
    else if (slots->high < slots->cap)
        index = slots->high++;
    else
        return NULL;
    struct nacre_slot *slot = &slots->at[index];
    uint64_t random = nacre_ids_next(&slots->ids) >> (INDEX_BITS + LANE_BITS);
    *slot = (struct nacre_slot){.deadline_ns = deadline_ns, .owner = owner, .next_free = NONE};
    slot->id = random << (INDEX_BITS + LANE_BITS) | (uint64_t)slots->lane << INDEX_BITS | index;
    slots->used++;
    if (deadline_ns < slots->next_deadline_ns)
        slots->next_deadline_ns = deadline_ns;
    return slot;
}

struct nacre_slot *nacre_slots_find(struct nacre_slots *slots, uint64_t id)
{
    uint32_t index = (uint32_t)(id & (NACRE_SLOTS_MAX - 1));
    if (id == 0 || index >= slots->high || slots->at[index].id != id)
        return NULL;
    return &slots->at[index];
}

void nacre_slots_release(struct nacre_slots *slots, struct nacre_slot *slot)
{
    if (slot->has_key)
        sodium_memzero(slot->reply_key, sizeof slot->reply_key);
    slot->has_key = slot->sealed = false;
    slot->id = 0;
    slot->owner = NULL;
    slot->job = NULL;
    slot->waits = 0;
    slot->next_free = slots->first_free;
    slots->first_free = (uint32_t)(slot - slots->at);
    slots->used--;
}

void nacre_slots_each(struct nacre_slots *slots, void (*visit)(struct nacre_slot *slot, void *arg), void *arg)
{
    uint64_t next = UINT64_MAX;
    for (uint32_t i = 0; i < slots->high; i++) {
        struct nacre_slot *slot = &slots->at[i];
        if (slot->id == 0)
            continue;
        visit(slot, arg);
        if (slot->id != 0 && slot->deadline_ns < next)
            next = slot->deadline_ns;
    }
    slots->next_deadline_ns = next;
}
