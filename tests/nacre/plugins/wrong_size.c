#include "fixture.h"

const struct nacre_plugin nacre_plugin = {NACRE_MAGIC,  NACRE_ABI_MAJOR, NACRE_ABI_MINOR, 40u,
                                          FIXTURE_NAME, FIXTURE_TABLES,  FIXTURE_TAIL};
