/* From a later minor version, whose routes have a member more. */
#include "fixture.h"

struct newer_route {
    struct nacre_route known;
    uint64_t unknown;
};
static const struct newer_route newer_routes[] = {
    {{NACRE_S("POST"), NACRE_S("/double"), 0u, NACRE_TIME_CORE, 0u, 0u, 0u, 0u, &question_type, handle}, 7u}};

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX,
                                          FIXTURE_NAME,
                                          NACRE_TABLE(intents),
                                          &newer_routes[0].known,
                                          1u,
                                          (uint32_t)sizeof(struct newer_route),
                                          FIXTURE_TAIL};
