/* From a later minor version, whose descriptor has a member more. It is taken: what is known of it stands first. */
#include "fixture.h"

struct newer {
    struct nacre_plugin known;
    uint64_t unknown;
};

extern NACRE_EXPORT const struct newer newer __asm__("nacre_plugin");
const struct newer newer = {{NACRE_MAGIC, NACRE_ABI_MAJOR, NACRE_ABI_MINOR + 1u,
                             (uint32_t)sizeof(struct newer), FIXTURE_NAME, FIXTURE_TABLES, FIXTURE_TAIL},
                            7u};
