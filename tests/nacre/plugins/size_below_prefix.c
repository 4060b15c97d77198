#include "fixture.h"

const struct nacre_plugin nacre_plugin = {NACRE_MAGIC,  NACRE_ABI_MAJOR, NACRE_ABI_MINOR, 8u,
                                          FIXTURE_NAME, FIXTURE_TABLES,  FIXTURE_TAIL};
