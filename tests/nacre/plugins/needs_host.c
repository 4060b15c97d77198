#include "fixture.h"

static const struct nacre_endpoint endpoints[] = {{NACRE_S("api.example.com"), 443u, 0u},
                                                  {NACRE_S("other.example.com"), 8443u, 0u}};

const struct nacre_plugin nacre_plugin = {
    NACRE_PREFIX, FIXTURE_NAME, FIXTURE_TABLES, NACRE_TABLE(endpoints), NACRE_NONE, NULL, NULL};
