/*
 * probe.c - a library that no program loads: its debug information shows the ABI of nacre/plugin.h to abidiff. Each
 * struct that crosses the border is the parameter of a function of its own, so that a change is reported under its
 * name. Macros leave no trace, so each constant is the size of an array, less one (abidiff takes two enums for the same
 * when they have the same values under other names). What a minor version added stands under its number: the probe also
 * compiles with the headers of before. tests/abi/test_guard.py checks that nothing is missing here.
 */
#include <nacre/plugin.h>

#define REACH(STRUCT)                                                                                        \
    NACRE_EXPORT void probe_##STRUCT(const struct STRUCT *value);                                            \
    void probe_##STRUCT(const struct STRUCT *value)                                                          \
    {                                                                                                        \
        (void)value;                                                                                         \
    }
#define VALUE(NAME)                                                                                          \
    NACRE_EXPORT void probe_##NAME(const char(*value)[NAME + 1u]);                                           \
    void probe_##NAME(const char(*value)[NAME + 1u])                                                         \
    {                                                                                                        \
        (void)value;                                                                                         \
    }

REACH(nacre_str)
REACH(nacre_bytes)
REACH(nacre_vec)
REACH(nacre_u128)
REACH(nacre_u256)
REACH(nacre_address)
REACH(nacre_type)
REACH(nacre_field)
REACH(nacre_header)
REACH(nacre_fetch)
REACH(nacre_reply)
REACH(nacre_host)
REACH(nacre_call)
REACH(nacre_intent)
REACH(nacre_route)
REACH(nacre_endpoint)
REACH(nacre_secret)
REACH(nacre_plugin)
#if NACRE_ABI_MINOR >= 1
REACH(nacre_about)
#endif

VALUE(NACRE_KIND_BOOL)
VALUE(NACRE_KIND_U8)
VALUE(NACRE_KIND_U16)
VALUE(NACRE_KIND_U32)
VALUE(NACRE_KIND_U64)
VALUE(NACRE_KIND_U128)
VALUE(NACRE_KIND_U256)
VALUE(NACRE_KIND_STRING)
VALUE(NACRE_KIND_BYTES)
VALUE(NACRE_KIND_ADDRESS)
VALUE(NACRE_KIND_STRUCT)
VALUE(NACRE_KIND_VECTOR)
VALUE(NACRE_KIND_OPTION)
VALUE(NACRE_KIND_F64)
VALUE(NACRE_KIND_JSON)
VALUE(NACRE_SOURCE_BODY)
VALUE(NACRE_SOURCE_PATH)
VALUE(NACRE_LOG_DEBUG)
VALUE(NACRE_LOG_INFO)
VALUE(NACRE_LOG_WARN)
VALUE(NACRE_LOG_ERROR)
VALUE(NACRE_HASH_SHA256)
VALUE(NACRE_HASH_BLAKE2B256)
VALUE(NACRE_HTTP_ANY)
VALUE(NACRE_HTTP_2)
VALUE(NACRE_TIME_CORE)
VALUE(NACRE_TIME_APP)

/* The C types that fields of each kind have, by the names that the macros give them. */
struct probe_kinds {
    nacre_c_bool kind_bool;
    nacre_c_u8 kind_u8;
    nacre_c_u16 kind_u16;
    nacre_c_u32 kind_u32;
    nacre_c_u64 kind_u64;
    nacre_c_u128 kind_u128;
    nacre_c_u256 kind_u256;
    nacre_c_string kind_string;
    nacre_c_bytes kind_bytes;
    nacre_c_address kind_address;
    nacre_c_f64 kind_f64;
    nacre_c_json kind_json;
};
REACH(probe_kinds)
