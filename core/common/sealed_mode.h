/* sealed_mode.h - which routes take sealed requests: sealed.mode of the configuration, and sealed.routes over it. */
#ifndef NACRE_COMMON_SEALED_MODE_H
#define NACRE_COMMON_SEALED_MODE_H

#include "manifest.h"

/* Zero is what a manifest without a configuration means. */
enum nacre_sealed_mode { NACRE_SEALED_ALLOWED, NACRE_SEALED_OFF, NACRE_SEALED_REQUIRED };

/*
 * nacre_sealed_modes - fills `sealed` of every route. sealed.routes is "/path=mode /other=mode": each stands for all
 * methods of its path. 0, or -EINVAL with a reason in `why` that names what is wrong.
 */
int nacre_sealed_modes(struct nacre_manifest *m, char *why, size_t why_len);

#endif
