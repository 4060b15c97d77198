/* Claims more bytes than its symbol has: reading them all would read somebody else's. */
#include "fixture.h"

const struct nacre_plugin nacre_plugin = {NACRE_MAGIC,  NACRE_ABI_MAJOR, NACRE_ABI_MINOR, 4096u,
                                          FIXTURE_NAME, FIXTURE_TABLES,  FIXTURE_TAIL};
