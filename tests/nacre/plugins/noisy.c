#include "fixture.h"

#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void construct(void)
{
    (void)puts("printed by a constructor");
    (void)fflush(stdout);
}

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX, FIXTURE_NAME, FIXTURE_TABLES, FIXTURE_TAIL};
