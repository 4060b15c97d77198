#include "ai.h"

#include "json.h"
#include "move_type.h"

#define REPLY_MAX                                                                                            \
    (UINT64_C(2) << 20) /* three texts of 64,000 bytes, each byte escaped, and keys that nobody reads */

/* What is read of the module's replies. */
NACRE_RECORD(AiAgent, (string, agent_id));
NACRE_RECORD(AiVerdict, (bool, success), (u8, score), (string, agent_response), (string, jury_response),
             (string, fun_response));

bool sentinel_agent_id_ok(struct nacre_str id)
{
    for (uint64_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                  c == '_';
        if (!ok)
            return false;
    }
    return id.len > 0 && id.len <= SENTINEL_AGENT_ID_MAX;
}

/* One POST, answered with 200. Never made twice: each may cost an evaluation or make an agent. */
static int32_t post(const struct nacre_call *call, struct nacre_str url, struct nacre_str body,
                    struct nacre_reply *reply)
{
    static const struct nacre_header headers[] = {{NACRE_S("content-type"), NACRE_S("application/json")},
                                                  {NACRE_S("accept"), NACRE_S("application/json")}};
    struct nacre_fetch fetch;
    int32_t err;
    nacre_fetch_init(&fetch, reply);
    if (!url.ptr || !body.ptr)
        return nacre_fail(call, 500, "out of memory");
    fetch.url = url;
    fetch.headers = headers;
    fetch.n_headers = sizeof headers / sizeof headers[0];
    fetch.body = nacre_bytes_of(body);
    fetch.max_reply = REPLY_MAX;
    if ((err = nacre_fetch(call, &fetch, reply)))
        return err;
    if (reply->status != 200)
        return nacre_fail(call, 502, "the AI module answered with HTTP status %u", reply->status);
    return 0;
}

static struct nacre_str optional(const struct nacre_call *call, const char *key, const struct nacre_str *text)
{
    struct nacre_str none = {"", 0}, quoted;
    if (!text)
        return none;
    quoted = sentinel_json_string(call, *text);
    return quoted.ptr ? nacre_format(call, ",\"%s\":%.*s", key, (int)quoted.len, quoted.ptr) : quoted;
}

#define ARG(S) (int)(S).len, (S).ptr

static struct nacre_str register_body(const struct nacre_call *call, const struct RegisterAgentRequest *r)
{
    const struct nacre_str given[] = {r->system_prompt,  r->private_prompt, r->attack_goal,  r->jury_prompt,
                                      r->model_provider, r->model_name,     r->sentinel_type};
    struct nacre_str q[sizeof given / sizeof given[0]], none = {NULL, 0};
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        q[i] = sentinel_json_string(call, given[i]);
        if (!q[i].ptr)
            return none;
    }
    const struct nacre_str url = optional(call, "api_base_url", r->api_base_url);
    const struct nacre_str key = optional(call, "api_key", r->api_key);
    if (!url.ptr || !key.ptr)
        return none;
    return nacre_format(
        call,
        "{\"system_prompt\":%.*s,\"private_prompt\":%.*s,\"attack_goal\":%.*s,\"jury_prompt\":%.*s,"
        "\"cost_per_message\":%llu,\"creator\":\"%s\",\"model_provider\":%.*s,\"model_name\":%.*s,"
        "\"sentinel_type\":%.*s%.*s%.*s}",
        ARG(q[0]), ARG(q[1]), ARG(q[2]), ARG(q[3]), (unsigned long long)r->cost_per_message,
        sentinel_address_text(r->creator.b).z, ARG(q[4]), ARG(q[5]), ARG(q[6]), ARG(url), ARG(key));
}

int32_t sentinel_ai_register(const struct nacre_call *call, const struct sentinel_config *config,
                             const struct sentinel_network *network,
                             const struct RegisterAgentRequest *request, struct nacre_str *agent_id)
{
    struct nacre_reply reply;
    struct AiAgent agent;
    int32_t err = post(call, nacre_format(call, "%s/%s/register-agent", config->ai_url, network->name),
                       register_body(call, request), &reply);
    if (err || (err = nacre_decode_json(call, reply.body, &nacre_type_AiAgent, &agent, 502)))
        return err;
    if (!sentinel_agent_id_ok(agent.agent_id))
        return nacre_fail(
            call, 502, "the AI module's agent_id is not 1 to %u letters, digits, '-' and '_' but %llu bytes",
            SENTINEL_AGENT_ID_MAX, (unsigned long long)agent.agent_id.len);
    *agent_id = agent.agent_id;
    return 0;
}

static int32_t check_verdict(const struct nacre_call *call, const struct AiVerdict *v)
{
    const struct {
        const char *name;
        uint64_t len;
    } texts[] = {{"agent_response", v->agent_response.len},
                 {"jury_response", v->jury_response.len},
                 {"fun_response", v->fun_response.len}};
    if (v->score > 100)
        return nacre_fail(call, 502, "the AI module's score is %u, expected 0 to 100", v->score);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].len > SENTINEL_TEXT_MAX)
            return nacre_fail(call, 502, "the AI module's %s has %llu bytes, at most %u can be signed",
                              texts[i].name, (unsigned long long)texts[i].len, SENTINEL_TEXT_MAX);
    }
    return 0;
}

int32_t sentinel_ai_attack(const struct nacre_call *call, const struct sentinel_config *config,
                           const struct sentinel_network *network, struct nacre_str message,
                           struct sentinel_verdict *verdict)
{
    struct nacre_reply reply;
    struct AiVerdict v;
    const struct nacre_str quoted = sentinel_json_string(call, message);
    const struct nacre_str none = {NULL, 0};
    const struct nacre_str body =
        quoted.ptr
            ? nacre_format(call, "{\"message\":%.*s,\"attacker\":\"%s\",\"nonce\":\"%llu\"}", ARG(quoted),
                           sentinel_address_text(verdict->attacker).z, (unsigned long long)verdict->nonce)
            : none;
    int32_t err = post(
        call, nacre_format(call, "%s/%s/attack/%.*s", config->ai_url, network->name, ARG(verdict->agent_id)),
        body, &reply);
    if (err || (err = nacre_decode_json(call, reply.body, &nacre_type_AiVerdict, &v, 502)) ||
        (err = check_verdict(call, &v)))
        return err;
    verdict->success = v.success;
    verdict->score = v.score;
    verdict->agent_response = v.agent_response;
    verdict->jury_response = v.jury_response;
    verdict->fun_response = v.fun_response;
    return 0;
}
