/*
 * faulty - plugins that must not be started, one for each FAULT_*: built once per fault. Without a fault it is a
 * plugin like any other, so that the tests know it is the fault that stops the boot.
 */
#include <nacre/plugin.h>

struct request {
    struct nacre_str text;
};
struct answer {
    uint64_t number;
};
struct other_answer {
    uint32_t number;
};
NACRE_STRUCT(request_type, "Request", struct request, NACRE_FIELD(struct request, text, string));
NACRE_STRUCT(answer_type, "Answer", struct answer, NACRE_FIELD(struct answer, number, u64));
#ifdef FAULT_TWO_TYPES
NACRE_STRUCT(other_type, "OtherAnswer", struct other_answer, NACRE_FIELD(struct other_answer, number, u32));
#endif

#ifdef FAULT_CONSTRUCTOR
__attribute__((constructor)) static void crash(void)
{
    __builtin_trap();
}
#endif

static int32_t handler(const struct nacre_call *call, const void *request, void *response)
{
    (void)call;
    (void)request;
    ((struct answer *)response)->number = 1;
    return 0;
}

#ifdef FAULT_START
static int32_t start(const struct nacre_call *call)
{
    return nacre_fail(call, 500, "the faulty plugin does not start");
}
#else
#define start NULL
#endif

static const struct nacre_intent intents[] = {
    {0, 0, NACRE_S("ProcessData"), &answer_type},
#ifdef FAULT_TWO_TYPES
    {0, 0, NACRE_S("Again"), &other_type},
#endif
};
static const struct nacre_route routes[] = {{.method = NACRE_S("POST"),
#ifdef FAULT_PATH
                                             .path = NACRE_S("/a/{missing}"),
#else
                                             .path = NACRE_S("/process_data"),
#endif
#ifdef FAULT_INTENT
                                             .intent = 9,
#endif
                                             .request = &request_type,
                                             .handler = handler}};
NACRE_UNUSED static const struct nacre_endpoint endpoints[] = {{NACRE_S("needed.example"), 443, 0}};
NACRE_UNUSED static const struct nacre_secret secrets[] = {{NACRE_S("TOKEN"), 1, 0}};

#if defined(FAULT_MAGIC)
#define PREFIX                                                                                               \
    {'N', 'A', 'C', 'R', 'E', 'P', 'L', 'X'}, NACRE_ABI_MAJOR, NACRE_ABI_MINOR,                              \
        (uint32_t)sizeof(struct nacre_plugin)
#elif defined(FAULT_MAJOR)
#define PREFIX NACRE_MAGIC, 77, NACRE_ABI_MINOR, (uint32_t)sizeof(struct nacre_plugin)
#elif defined(FAULT_SIZE)
#define PREFIX NACRE_MAGIC, NACRE_ABI_MAJOR, NACRE_ABI_MINOR, 20
#else
#define PREFIX NACRE_PREFIX
#endif

#ifdef FAULT_SYMBOL
extern NACRE_EXPORT const struct nacre_plugin other_name;
const struct nacre_plugin other_name =
#else
const struct nacre_plugin nacre_plugin =
#endif
    {PREFIX,
     NACRE_S("faulty"),
     NACRE_S("1"),
     NACRE_TABLE(intents),
     NACRE_TABLE(routes),
#ifdef FAULT_ENDPOINT
     NACRE_TABLE(endpoints),
#else
     NACRE_NONE,
#endif
#ifdef FAULT_SECRET
     NACRE_TABLE(secrets),
#else
     NACRE_NONE,
#endif
     start,
     NULL};
