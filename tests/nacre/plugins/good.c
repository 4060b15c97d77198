#include "fixture.h"

static const struct nacre_secret secrets[] = {{NACRE_S("API_KEY"), 1u, 0u}};

const struct nacre_plugin nacre_plugin = {
    NACRE_PREFIX, FIXTURE_NAME, FIXTURE_TABLES, NACRE_NONE, NACRE_TABLE(secrets), NULL, NULL};
