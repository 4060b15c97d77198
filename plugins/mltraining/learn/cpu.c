#include "job.h"

#include <errno.h>

/* The only file of the library that is compiled for any x86-64. */
int ml_cpu_check(char why[ML_WHY])
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    const int avx2 = __builtin_cpu_supports("avx2") != 0, fma = __builtin_cpu_supports("fma") != 0;
    if (!avx2 || !fma) {
        (void)snprintf(why, ML_WHY, "this CPU has %s AVX2 and %s FMA; training needs both", avx2 ? "" : "no",
                       fma ? "" : "no");
        return -ENOTSUP;
    }
#endif
    (void)why;
    return 0;
}
