/* A type table from before what every version has. */
#include "fixture.h"

static const struct nacre_field short_fields[] = {NACRE_FIELD(struct answer, doubled, u64)};
static const struct nacre_type short_type = {48u,
                                             NACRE_KIND_STRUCT,
                                             sizeof(struct answer),
                                             NACRE_S("Answer"),
                                             short_fields,
                                             1u,
                                             (uint32_t)sizeof(struct nacre_field),
                                             NULL};
static const struct nacre_intent short_intents[] = {{0u, 0u, NACRE_S("ProcessData"), &short_type}};

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX, FIXTURE_NAME, NACRE_TABLE(short_intents),
                                          NACRE_TABLE(routes), FIXTURE_TAIL};
