/* Needs nothing: no host, no secret. */
#include "fixture.h"

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX, FIXTURE_NAME, FIXTURE_TABLES, FIXTURE_TAIL};
