/* One intent with two response types: a signature would no longer say what was signed. */
#include "fixture.h"

static const struct nacre_intent both[] = {{0u, 0u, NACRE_S("ProcessData"), &answer_type},
                                           {0u, 0u, NACRE_S("ProcessMore"), &question_type}};

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX, FIXTURE_NAME, NACRE_TABLE(both), NACRE_TABLE(routes),
                                          FIXTURE_TAIL};
