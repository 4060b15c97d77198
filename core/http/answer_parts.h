/* answer_parts.h - what answer.c and from_app.c share. */
#ifndef NACRE_HTTP_ANSWER_PARTS_H
#define NACRE_HTTP_ANSWER_PARTS_H

#include "lane.h"

/* Messages read in one go before connections get their turn. */
#define NACRE_ANSWER_BATCH 256u

/* The slot that waits for `what` under this id, or NULL, and then it is counted. */
struct nacre_slot *nacre_answer_find(struct nacre_lane *lane, uint64_t id, uint32_t what);

/* The message in `in` is the text of an error. */
void nacre_answer_fail(struct nacre_lane *lane, struct nacre_slot *slot, uint32_t status,
                       const struct nacre_inbox *in);

/* Takes what the app has sent, up to a batch. False at the socket's end, which is the caller's to deal with. */
bool nacre_app_take(struct nacre_lane *lane);

#endif
