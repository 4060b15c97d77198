/*
 * answer.h - what comes back: ANSWER from nacred, FAILURE and HEALTH from the app, DOCUMENT from nacred. The app may
 * be in an attacker's hands: every id, status and text of it is checked. What nacred sends is matched all the same.
 */
#ifndef NACRE_HTTP_ANSWER_H
#define NACRE_HTTP_ANSWER_H

#include "lane.h"

/* Reads what the app has sent, a batch at most. Notices when it is gone. */
void nacre_app_drain(struct nacre_lane *lane);

/* Reads what nacred has sent, a batch at most. */
void nacre_answers_drain(struct nacre_lane *lane);

/* An attestation document, or why there is none. */
void nacre_answer_document(struct nacre_lane *lane, const struct nacre_mail_document *document);

/* It came, and no memory was left to hand it over. */
void nacre_answer_lost(struct nacre_lane *lane, uint64_t id);

#endif
