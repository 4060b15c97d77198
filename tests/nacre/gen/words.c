/* words - names that some language reserves, that generated code uses itself, or that would break out of a comment. */
#include <nacre/plugin.h>

struct inner {
    uint64_t type, Upper, _hidden, class, address;
};
NACRE_STRUCT(string_type, "String", struct inner, NACRE_FIELD(struct inner, type, u64),
             NACRE_FIELD(struct inner, Upper, u64), NACRE_FIELD(struct inner, _hidden, u64),
             NACRE_FIELD(struct inner, class, u64), NACRE_FIELD(struct inner, address, u64));
struct outer {
    struct inner move, String, constructor;
    uint8_t fun, fun_, bool, o, at, v;
};
NACRE_STRUCT(move_type, "move", struct outer,
             NACRE_FIELD_STRUCT(struct outer, move, string_type, struct inner),
             NACRE_FIELD_STRUCT(struct outer, String, string_type, struct inner),
             NACRE_FIELD_STRUCT(struct outer, constructor, string_type, struct inner),
             NACRE_FIELD(struct outer, fun, u8), NACRE_FIELD(struct outer, fun_, u8),
             NACRE_FIELD(struct outer, bool, u8), NACRE_FIELD(struct outer, o, u8),
             NACRE_FIELD(struct outer, at, u8), NACRE_FIELD(struct outer, v, u8));
struct single {
    uint64_t value;
};
NACRE_STRUCT(error_type, "Error", struct single, NACRE_FIELD(struct single, value, u64));
NACRE_STRUCT(verify_type, "verifyResponse", struct single, NACRE_FIELD(struct single, value, u64));
NACRE_STRUCT(enclave_type, "_Enclave", struct single, NACRE_FIELD(struct single, value, u64));
/* The same content under the same name is one type; in requests another content may have it too. */
NACRE_STRUCT(again_type, "Error", struct single, NACRE_FIELD(struct single, value, u64));
struct request {
    struct nacre_str value;
    struct single again;
};
NACRE_STRUCT(request_type, "Error", struct request, NACRE_FIELD(struct request, value, string),
             NACRE_FIELD_STRUCT(struct request, again, again_type, struct single));

static int32_t handler(const struct nacre_call *call, const void *request, void *response)
{
    (void)request;
    (void)response;
    return nacre_fail(call, 400, "never called");
}

static const struct nacre_intent intents[] = {
    {0, 0, NACRE_S("9 lives\n} evil"), &move_type},  {1, 0, NACRE_S("module"), &error_type},
    {2, 0, NACRE_S("verifyResponse"), &verify_type}, {3, 0, NACRE_S("\"quoted\" \\ \xc3\xa4"), &enclave_type},
    {4, 0, NACRE_S("HTTPReplyV2Done"), &again_type},
};
static const struct nacre_route routes[] = {{.method = NACRE_S("POST"),
                                             .path = NACRE_S("/words"),
                                             .intent = 0,
                                             .request = &request_type,
                                             .handler = handler}};
static const struct nacre_endpoint endpoints[] = {
    {NACRE_S("api.example.com"), 443, 0}, {NACRE_S("db.example.com"), 8443, 0}, {NACRE_S("no"), 443, 0}};
static const struct nacre_secret secrets[] = {{NACRE_S("API_KEY"), 1, 0}, {NACRE_S("odd\033[31m"), 0, 0}};

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX,
                                          NACRE_S("move"),
                                          NACRE_S("1.0\nmodule evil;\xe2\x80\xa8 */"),
                                          NACRE_TABLE(intents),
                                          NACRE_TABLE(routes),
                                          NACRE_TABLE(endpoints),
                                          NACRE_TABLE(secrets),
                                          NULL,
                                          NULL};
