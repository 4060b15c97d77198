/* @NAME@ - greets whoever gives a name, and signs the greeting. */
#include <nacre/plugin.h>

#define NAME_MAX_BYTES 256u

NACRE_RECORD(GreetRequest, (string, name));                      /* what comes in: {"name":"Ada"} */
NACRE_RECORD(GreetResponse, (string, greeting), (u64, letters)); /* what is signed, in this order */

static int32_t greet(const struct nacre_call *call, const void *request, void *response)
{
    const struct GreetRequest *in = request;
    struct GreetResponse *out = response;
    if (in->name.len == 0 || in->name.len > NAME_MAX_BYTES)
        return nacre_fail(call, 400, "name: expected 1 to %u bytes, got %llu", NAME_MAX_BYTES,
                          (unsigned long long)in->name.len);
    out->greeting = nacre_format(call, "Hello, %.*s!", (int)in->name.len, in->name.ptr);
    if (!out->greeting.ptr)
        return nacre_fail(call, 500, "out of memory");
    out->letters = in->name.len;
    return 0;
}

/* The first signed byte says what kind of answer it is: each kind has a scope and one type. */
static const struct nacre_intent intents[] = {
    {.scope = 0, .name = NACRE_S("Greet"), .response = &nacre_type_GreetResponse},
};
static const struct nacre_route routes[] = {
    {.method = NACRE_S("POST"),
     .path = NACRE_S("/greet"),
     .intent = 0,
     .max_body = 4096,
     .request = &nacre_type_GreetRequest,
     .handler = greet},
};

/* Hosts and secrets that the app needs are declared in tables like these, where it says NACRE_NONE. */
const struct nacre_plugin nacre_plugin = {
    NACRE_PREFIX,
    NACRE_S("@NAME@"),
    NACRE_S("0.1.0"),
    NACRE_TABLE(intents),
    NACRE_TABLE(routes),
    NACRE_NONE,
    NACRE_NONE,
    NULL,
    NULL,
};
