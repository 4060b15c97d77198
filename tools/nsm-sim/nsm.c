#include "nsm.h"

#include <string.h>

static const char *const error_names[NACRE_SIM_ERROR_COUNT] = {
    [NACRE_SIM_OK] = "Success",
    [NACRE_SIM_INVALID_ARGUMENT] = "InvalidArgument",
    [NACRE_SIM_INVALID_INDEX] = "InvalidIndex",
    [NACRE_SIM_INVALID_RESPONSE] = "InvalidResponse",
    [NACRE_SIM_READ_ONLY_INDEX] = "ReadOnlyIndex",
    [NACRE_SIM_INVALID_OPERATION] = "InvalidOperation",
    [NACRE_SIM_BUFFER_TOO_SMALL] = "BufferTooSmall",
    [NACRE_SIM_INPUT_TOO_LARGE] = "InputTooLarge",
    [NACRE_SIM_INTERNAL_ERROR] = "InternalError",
};

static const char *const kind_names[NACRE_SIM_KIND_COUNT] = {
    [NACRE_SIM_DESCRIBE_NSM] = "DescribeNSM", [NACRE_SIM_GET_RANDOM] = "GetRandom",
    [NACRE_SIM_DESCRIBE_PCR] = "DescribePCR", [NACRE_SIM_EXTEND_PCR] = "ExtendPCR",
    [NACRE_SIM_LOCK_PCR] = "LockPCR",         [NACRE_SIM_LOCK_PCRS] = "LockPCRs",
    [NACRE_SIM_ATTESTATION] = "Attestation",  [NACRE_SIM_MALFORMED] = "malformed",
};

const char *nacre_sim_error_name(enum nacre_sim_error error)
{
    return error_names[error];
}

const char *nacre_sim_kind_name(enum nacre_sim_kind kind)
{
    return kind_names[kind];
}

static bool same(const char *name, size_t len, const char *candidate)
{
    return strlen(candidate) == len && memcmp(candidate, name, len) == 0;
}

bool nacre_sim_error_find(const char *name, size_t len, enum nacre_sim_error *out)
{
    for (int i = NACRE_SIM_OK + 1; i < NACRE_SIM_ERROR_COUNT; i++) {
        if (same(name, len, error_names[i])) {
            *out = (enum nacre_sim_error)i;
            return true;
        }
    }
    return false;
}

bool nacre_sim_kind_find(const char *name, size_t len, enum nacre_sim_kind *out)
{
    for (int i = 0; i < NACRE_SIM_KIND_COUNT; i++) {
        if (same(name, len, kind_names[i])) {
            *out = (enum nacre_sim_kind)i;
            return true;
        }
    }
    return false;
}
