#include "fixture.h"

const struct nacre_plugin nacre_plugin = {{'N', 'A', 'C', 'R', 'E', 'X', 'X', 'X'},
                                          NACRE_ABI_MAJOR,
                                          NACRE_ABI_MINOR,
                                          (uint32_t)sizeof(struct nacre_plugin),
                                          FIXTURE_NAME,
                                          FIXTURE_TABLES,
                                          FIXTURE_TAIL};
