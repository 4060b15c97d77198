/*
 * fuzz.h - what every fuzz target has. A target takes any bytes, must neither crash nor hang, and aborts when what
 * it promises of accepted input does not hold. Each is built twice: with replay.c, which feeds it its corpus as a
 * test, and with libFuzzer (-DNACRE_FUZZ=ON, `make fuzz`).
 */
#ifndef NACRE_TESTS_FUZZ_H
#define NACRE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): release builds must stop here as well. */
static inline void need(int good)
{
    if (!good)
        abort();
}

#endif
