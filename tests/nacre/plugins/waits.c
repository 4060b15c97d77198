#include "fixture.h"

#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void construct(void)
{
    (void)sleep(3600);
}

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX, FIXTURE_NAME, FIXTURE_TABLES, FIXTURE_TAIL};
