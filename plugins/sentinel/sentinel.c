/* sentinel - makes agents and judges attacks for Sui Sentinel, whose contract pays on these answers. */
#include "ai.h"
#include "chain.h"
#include "move_type.h"
#include "personal.h"
#include "verdicts.h"

#define REGISTER_BODY_MAX (UINT64_C(2) << 20) /* nine texts of 64,000 bytes, every letter of them as \uXXXX */
#define CONSUME_BODY_MAX  (UINT64_C(1) << 19) /* one, every byte escaped, and the rest */

NACRE_RECORD(RegisterAgentResponse, (string, agent_id), (u64, cost_per_message), (string, system_prompt),
             (bool, is_defeated), (address, creator));
NACRE_RECORD(ConsumePromptRequest, (string, network, path), (string, agent_id), (string, message),
             (string, attack_object_id), (MaybeText, attacker_signature));
NACRE_RECORD(ConsumePromptResponse, (string, agent_id), (bool, success), (u8, score), (address, attacker),
             (u64, nonce), (address, message_hash), (string, agent_response), (string, jury_response),
             (string, fun_response));

/* Made by start(); the configuration does not change after it. */
static struct sentinel_config config;
static struct sentinel_verdicts *verdicts;

static int32_t check_text(const struct nacre_call *call, const char *name, struct nacre_str text)
{
    if (text.len > SENTINEL_TEXT_MAX)
        return nacre_fail(call, 400, "%s: %llu bytes, at most %u are allowed", name,
                          (unsigned long long)text.len, SENTINEL_TEXT_MAX);
    return 0;
}

/* ---- register-agent --------------------------------------------------------------------------------------- */

static int32_t check_agent(const struct nacre_call *call, const struct RegisterAgentRequest *r)
{
    static const struct nacre_str empty = {NULL, 0};
    const struct {
        const char *name;
        struct nacre_str text;
    } texts[] = {{"system_prompt", r->system_prompt},
                 {"private_prompt", r->private_prompt},
                 {"attack_goal", r->attack_goal},
                 {"jury_prompt", r->jury_prompt},
                 {"model_provider", r->model_provider},
                 {"model_name", r->model_name},
                 {"api_base_url", r->api_base_url ? *r->api_base_url : empty},
                 {"api_key", r->api_key ? *r->api_key : empty},
                 {"sentinel_type", r->sentinel_type}};
    int32_t err = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !err; i++)
        err = check_text(call, texts[i].name, texts[i].text);
    return err;
}

static int32_t register_agent(const struct nacre_call *call, const void *request, void *response)
{
    const struct RegisterAgentRequest *in = request;
    struct RegisterAgentResponse *out = response;
    const struct sentinel_network *network;
    int32_t err;
    if ((err = sentinel_config_network(call, &config, in->network, &network)) ||
        (err = check_agent(call, in)) ||
        (err = sentinel_ai_register(call, &config, network, in, &out->agent_id)))
        return err;
    out->cost_per_message = in->cost_per_message;
    out->system_prompt = in->system_prompt;
    out->is_defeated = 0; /* nobody has attacked it yet */
    out->creator = in->creator;
    return 0;
}

/* ---- consume-prompt --------------------------------------------------------------------------------------- */

/* One request on its way. */
struct attempt {
    const struct ConsumePromptRequest *in;
    const struct sentinel_network *network;
    uint8_t key[SENTINEL_KEY_LEN]; /* network, object id */
};

static const uint8_t *object_id(const struct attempt *a)
{
    return a->key + 1;
}

static int32_t begin(const struct nacre_call *call, const struct ConsumePromptRequest *in, struct attempt *a)
{
    int32_t err;
    a->in = in;
    if ((err = sentinel_config_network(call, &config, in->network, &a->network)) ||
        (err = check_text(call, "message", in->message)))
        return err;
    if (!sentinel_agent_id_ok(in->agent_id))
        return nacre_fail(call, 400, "agent_id: expected 1 to %u letters, digits, '-' and '_'",
                          SENTINEL_AGENT_ID_MAX);
    a->key[0] = a->network->index;
    if (sentinel_address_parse(a->key + 1, in->attack_object_id))
        return nacre_fail(call, 400, "attack_object_id: expected \"0x\" and up to 64 hex digits");
    if (config.require_attacker_signature && !in->attacker_signature)
        return nacre_fail(call, 401, "attacker_signature: missing, and this enclave requires it");
    return 0;
}

/* May this request have a verdict on the object? A signature that is there is checked, required or not. */
static int32_t check_caller(const struct nacre_call *call, const struct attempt *a, struct nacre_str agent_id,
                            const uint8_t attacker[32])
{
    const struct nacre_str asked = a->in->agent_id;
    if (asked.len != agent_id.len || memcmp(asked.ptr, agent_id.ptr, (size_t)asked.len) != 0)
        return nacre_fail(call, 422, "agent_id: the attack is not on this agent");
    if (!a->in->attacker_signature)
        return 0;
    const struct nacre_bytes text =
        sentinel_personal_text(call, a->network->name, object_id(a), a->in->message);
    return text.ptr ? sentinel_personal_check(call, *a->in->attacker_signature, text, attacker)
                    : nacre_fail(call, 500, "out of memory");
}

/* As the contract computes it: BLAKE2b-256 of the message as a BCS String. */
static int32_t hash_message(const struct nacre_call *call, struct nacre_str message, uint8_t out[32])
{
    static const struct nacre_bytes none = {NULL, 0};
    const struct nacre_bytes bcs = sentinel_bcs_bytes(call, none, nacre_bytes_of(message));
    return bcs.ptr ? nacre_hash(call, NACRE_HASH_BLAKE2B256, bcs, out)
                   : nacre_fail(call, 500, "out of memory");
}

/* This caller's part when it is the first: the module's verdict on its message, for everyone. */
static int32_t evaluate(const struct nacre_call *call, const struct attempt *a,
                        const struct sentinel_attack *attack, struct sentinel_verdict *v)
{
    int32_t err;
    memset(v, 0, sizeof *v);
    v->agent_id = attack->agent_id;
    v->nonce = attack->nonce;
    memcpy(v->attacker, attack->attacker, sizeof v->attacker);
    err = hash_message(call, a->in->message, v->message_hash);
    if (!err)
        err = sentinel_ai_attack(call, &config, a->network, a->in->message, v);
    sentinel_verdicts_settle(verdicts, a->key, err ? NULL : v, err);
    return err;
}

static int32_t judge(const struct nacre_call *call, const struct attempt *a,
                     const struct sentinel_attack *attack, struct sentinel_verdict *v)
{
    int32_t status = 500;
    switch (sentinel_verdicts_enter(verdicts, call, a->key, v, &status)) {
    case SENTINEL_HELD:
        return 0;
    case SENTINEL_LEAD:
        return evaluate(call, a, attack, v);
    case SENTINEL_FAILED:
        return nacre_fail(call, status, "the evaluation of this attack, begun by another request, failed");
    case SENTINEL_LATE:
        return nacre_fail(call, 504,
                          "the evaluation of this attack, begun by another request, takes too long");
    case SENTINEL_CROWD:
        return nacre_fail(call, 429, "%u requests wait for the evaluation of this attack already",
                          SENTINEL_WAITERS_MAX);
    default:
        return nacre_fail(call, 500, "out of memory");
    }
}

/* Each caller reads and checks for itself: what is wrong with one request must not fail another. */
static int32_t read_and_judge(const struct nacre_call *call, const struct attempt *a,
                              struct sentinel_verdict *v)
{
    struct sentinel_object object;
    struct sentinel_attack attack;
    int32_t err;
    if ((err = sentinel_chain_read(call, &config, a->network, object_id(a), &object)) ||
        (err = sentinel_chain_check(call, a->network, object_id(a), &object, &attack)) ||
        (err = check_caller(call, a, attack.agent_id, attack.attacker)))
        return err;
    return judge(call, a, &attack, v);
}

static void answer(struct ConsumePromptResponse *out, const struct sentinel_verdict *v)
{
    out->agent_id = v->agent_id;
    out->success = v->success;
    out->score = v->score;
    memcpy(out->attacker.b, v->attacker, sizeof out->attacker.b);
    out->nonce = v->nonce;
    memcpy(out->message_hash.b, v->message_hash, sizeof out->message_hash.b);
    out->agent_response = v->agent_response;
    out->jury_response = v->jury_response;
    out->fun_response = v->fun_response;
}

static int32_t consume_prompt(const struct nacre_call *call, const void *request, void *response)
{
    struct attempt a;
    struct sentinel_verdict v;
    int32_t err = begin(call, request, &a);
    if (err)
        return err;
    switch (sentinel_verdicts_look(verdicts, call, a.key, &v)) {
    case SENTINEL_HELD:
        err = check_caller(call, &a, v.agent_id, v.attacker);
        break;
    case SENTINEL_NONE:
        err = read_and_judge(call, &a, &v);
        break;
    default:
        err = nacre_fail(call, 500, "out of memory");
    }
    if (!err)
        answer(response, &v);
    return err;
}

/* ---- The descriptor --------------------------------------------------------------------------------------- */

static int32_t start(const struct nacre_call *call)
{
    int32_t err = sentinel_config_read(call, &config);
    if (err)
        return err;
    verdicts = sentinel_verdicts_new(config.verdict_bytes);
    return verdicts ? 0 : nacre_fail(call, 500, "out of memory");
}

static void stop(void)
{
    sentinel_verdicts_free(verdicts);
    verdicts = NULL;
}

static const struct nacre_intent intents[] = {
    {1, 0, NACRE_S("RegisterAgent"), &nacre_type_RegisterAgentResponse},
    {2, 0, NACRE_S("ConsumePrompt"), &nacre_type_ConsumePromptResponse}};
static const struct nacre_route routes[] = {{.method = NACRE_S("POST"),
                                             .path = NACRE_S("/{network}/register-agent"),
                                             .intent = 1,
                                             .max_body = REGISTER_BODY_MAX,
                                             .request = &nacre_type_RegisterAgentRequest,
                                             .handler = register_agent},
                                            {.method = NACRE_S("POST"),
                                             .path = NACRE_S("/{network}/consume-prompt"),
                                             .intent = 2,
                                             .max_body = CONSUME_BODY_MAX,
                                             .request = &nacre_type_ConsumePromptRequest,
                                             .handler = consume_prompt}};

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX,
                                          NACRE_S("sentinel"),
                                          NACRE_S("1.0.0"),
                                          NACRE_TABLE(intents),
                                          NACRE_TABLE(routes),
                                          NACRE_NONE, /* which hosts it needs is configured */
                                          NACRE_NONE, /* keys for models come in requests */
                                          start,
                                          stop};
