#include "fixture.h"

const struct nacre_plugin nacre_plugin = {
    NACRE_MAGIC,  NACRE_ABI_MAJOR - 1u, NACRE_ABI_MINOR, (uint32_t)sizeof(struct nacre_plugin),
    FIXTURE_NAME, FIXTURE_TABLES,       FIXTURE_TAIL};
