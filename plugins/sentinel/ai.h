/* ai.h - the AI module: it makes agents and judges attacks, over HTTPS. What it answers is checked field by field. */
#ifndef SENTINEL_AI_H
#define SENTINEL_AI_H

#include "config.h"
#include "verdicts.h"

#define SENTINEL_TEXT_MAX     64000u /* bytes of a text, as the contract has it */
#define SENTINEL_AGENT_ID_MAX 128u

NACRE_MAYBE(MaybeText, string);
NACRE_RECORD(RegisterAgentRequest, (string, network, path), (string, system_prompt), (string, private_prompt),
             (string, attack_goal), (string, jury_prompt), (u64, cost_per_message), (address, creator),
             (string, model_provider), (string, model_name), (MaybeText, api_base_url), (MaybeText, api_key),
             (string, sentinel_type));

/*
 * 1 to 128 letters, digits, '-' and '_': it becomes a part of a URL's path, so nothing that could lead elsewhere.
 */
bool sentinel_agent_id_ok(struct nacre_str id);

/* Has the module make the agent. 0 and its id, or 502, 504, 500 with the text noted. */
int32_t sentinel_ai_register(const struct nacre_call *call, const struct sentinel_config *config,
                             const struct sentinel_network *network,
                             const struct RegisterAgentRequest *request, struct nacre_str *agent_id);

/*
 * Has the module judge `message`: fills success, score and the three responses of *verdict, whose agent, attacker and
 * nonce are given. 0, or 502, 504, 500 with the text noted; nothing is filled in then.
 */
int32_t sentinel_ai_attack(const struct nacre_call *call, const struct sentinel_config *config,
                           const struct sentinel_network *network, struct nacre_str message,
                           struct sentinel_verdict *verdict);

#endif
