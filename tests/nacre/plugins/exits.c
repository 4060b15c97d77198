#include "fixture.h"

#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void construct(void)
{
    _exit(0);
}

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX, FIXTURE_NAME, FIXTURE_TABLES, FIXTURE_TAIL};
