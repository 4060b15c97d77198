/* clash - what no generated code can be made of. One fault at a time, chosen by the build: CLASH_*. */
#include <nacre/plugin.h>

#ifdef CLASH_TYPES
#define SECOND_NAME "Answer"
#else
#define SECOND_NAME "Reply"
#endif
#ifdef CLASH_WORDS
#define FIRST_NAME "AnswerV2"
#undef SECOND_NAME
#define SECOND_NAME "answer_v2"
#else
#define FIRST_NAME "Answer"
#endif
#ifdef CLASH_INTENTS
#define SECOND_INTENT "process-data"
#elif defined(CLASH_NAMES)
#define SECOND_INTENT "ProcessData"
#else
#define SECOND_INTENT "Second"
#endif

struct two {
    uint8_t value;
};
#ifdef CLASH_PROTO
struct one {
    uint64_t value, __proto__;
};
NACRE_STRUCT(one_type, FIRST_NAME, struct one, NACRE_FIELD(struct one, value, u64),
             NACRE_FIELD(struct one, __proto__, u64));
#else
struct one {
    uint64_t value;
};
NACRE_STRUCT(one_type, FIRST_NAME, struct one, NACRE_FIELD(struct one, value, u64));
#endif
NACRE_STRUCT(two_type, SECOND_NAME, struct two, NACRE_FIELD(struct two, value, u8));

#ifdef CLASH_FIELDS /* 33 of them: Sui takes 32 */
struct many {
    uint8_t f[33];
};
#define F(N)                                                                                                 \
    {                                                                                                        \
        NACRE_S("f" #N), &nacre_type_u8, N, NACRE_SOURCE_BODY, 0                                             \
    }
NACRE_STRUCT(many_type, "Many", struct many, F(0), F(1), F(2), F(3), F(4), F(5), F(6), F(7), F(8), F(9),
             F(10), F(11), F(12), F(13), F(14), F(15), F(16), F(17), F(18), F(19), F(20), F(21), F(22), F(23),
             F(24), F(25), F(26), F(27), F(28), F(29), F(30), F(31), F(32));
#define FIRST many_type
#else
#define FIRST one_type
#endif

static int32_t handler(const struct nacre_call *call, const void *request, void *response)
{
    (void)request;
    (void)response;
    return nacre_fail(call, 400, "never called");
}

static const struct nacre_intent intents[] = {{1, 0, NACRE_S("ProcessData"), &FIRST},
                                              {2, 0, NACRE_S(SECOND_INTENT), &two_type}};
static const struct nacre_route routes[] = {{.method = NACRE_S("POST"),
                                             .path = NACRE_S("/a"),
                                             .intent = 1,
                                             .request = &one_type,
                                             .handler = handler}};
#ifdef CLASH_HOST
static const struct nacre_endpoint endpoints[] = {{NACRE_S("Bad Host"), 443, 0}};
#define ENDPOINTS NACRE_TABLE(endpoints)
#else
#define ENDPOINTS NACRE_NONE
#endif

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX,
                                          NACRE_S("clash"),
                                          NACRE_S("1"),
                                          NACRE_TABLE(intents),
                                          NACRE_TABLE(routes),
                                          ENDPOINTS,
                                          NACRE_NONE,
                                          NULL,
                                          NULL};
