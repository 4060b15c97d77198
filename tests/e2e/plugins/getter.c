/* getter - an app with a GET route: GET /echo/{text} answers with the text. */
#include <nacre/plugin.h>

struct request {
    struct nacre_str text;
};
struct answer {
    struct nacre_str text;
};
NACRE_STRUCT(request_type, "Request", struct request, NACRE_FIELD_PATH(struct request, text, string));
NACRE_STRUCT(answer_type, "Answer", struct answer, NACRE_FIELD(struct answer, text, string));

static int32_t echo(const struct nacre_call *call, const void *in, void *out)
{
    const struct request *request = in;
    struct answer *answer = out;
    (void)call;
    answer->text = request->text;
    return 0;
}

static const struct nacre_intent intents[] = {{0, 0, NACRE_S("Echo"), &answer_type}};
static const struct nacre_route routes[] = {
    {NACRE_S("GET"), NACRE_S("/echo/{text}"), 0, NACRE_TIME_CORE, 0, 0, 0, 0, &request_type, echo},
};
const struct nacre_plugin nacre_plugin = {
    NACRE_PREFIX,
    NACRE_S("getter"),
    NACRE_S("1"),
    NACRE_TABLE(intents),
    NACRE_TABLE(routes),
    NACRE_NONE,
    NACRE_NONE,
    NULL,
    NULL,
};
