/*
 * nacre/plugin.h - the plugin ABI of nacre, version 1.1. The only header an app author includes.
 *
 * A plugin is a shared object with one exported symbol, the constant `nacre_plugin`. It describes the app:
 * its types, intents, routes, endpoints and secrets. The build reads it into the measured manifest; the
 * runtime never asks the plugin process about it again.
 *
 * Lifetimes  What a request struct points to is borrowed until the handler returns. What a response struct
 * points to must live until the handler has returned: constants, or memory from nacre_alloc(). Threads
 * Handlers run concurrently, in several threads. A `call` belongs to the thread that received it. start()
 * runs alone before the first request, stop() alone after the last. Errors     A handler returns 0 to have
 * its response signed, or an HTTP status from 400 to 599 for an unsigned error. Services that can fail return
 * the status to pass on, with the text already noted, so that `if (err) return err;` is the whole of error
 * handling. Layout     Only fixed-width integers, pointers and structs of them; 64-bit little-endian targets.
 * Structs and tables grow at the end only; each carries its size. See docs/PLUGINS.md.
 */
#ifndef NACRE_PLUGIN_H
#define NACRE_PLUGIN_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NACRE_ABI_MAJOR 1u
#define NACRE_ABI_MINOR 1u

/* ---- Values
 * ------------------------------------------------------------------------------------------------- */

/* UTF-8 text of `len` bytes, not terminated. ptr may be NULL only when len is 0. */
struct nacre_str {
    const char *ptr;
    uint64_t len;
};

/* `len` arbitrary bytes. ptr may be NULL only when len is 0. */
struct nacre_bytes {
    const uint8_t *ptr;
    uint64_t len;
};

/* `count` elements, one after another, each of the element type's C size. */
struct nacre_vec {
    const void *ptr;
    uint64_t count;
};

/* Unsigned 128-bit integer: hi * 2^64 + lo. A decimal string in JSON, 16 bytes little endian in BCS. */
struct nacre_u128 {
    uint64_t lo;
    uint64_t hi;
};

/* Unsigned 256-bit integer, w[0] least significant. A decimal string in JSON, 32 bytes little endian in BCS.
 */
struct nacre_u256 {
    uint64_t w[4];
};

/* A Sui address. 32 bytes in BCS; in a response's JSON an array of 32 numbers, in a request's also "0x" + 64
 * hex. */
struct nacre_address {
    uint8_t b[32];
};

/* A text literal where an initialiser stands: NACRE_S("abc"). */
#define NACRE_S(literal)                                                                                     \
    {                                                                                                        \
        (literal), sizeof(literal) - 1u                                                                      \
    }

/* ---- Types: tables over plain C structs
 * --------------------------------------------------------------------- */

#define NACRE_KIND_BOOL    1u  /* uint8_t, 0 or 1 */
#define NACRE_KIND_U8      2u  /* uint8_t */
#define NACRE_KIND_U16     3u  /* uint16_t */
#define NACRE_KIND_U32     4u  /* uint32_t */
#define NACRE_KIND_U64     5u  /* uint64_t */
#define NACRE_KIND_U128    6u  /* struct nacre_u128 */
#define NACRE_KIND_U256    7u  /* struct nacre_u256 */
#define NACRE_KIND_STRING  8u  /* struct nacre_str */
#define NACRE_KIND_BYTES   9u  /* struct nacre_bytes: vector<u8>, a JSON array of numbers */
#define NACRE_KIND_ADDRESS 10u /* struct nacre_address */
#define NACRE_KIND_STRUCT  11u /* the C struct itself, in place */
#define NACRE_KIND_VECTOR  12u /* struct nacre_vec */
#define NACRE_KIND_OPTION  13u /* const T *, NULL when absent; in JSON null or left out */
/* The following stand in requests and in nacre_decode_json() only: BCS has no such values, so nothing signs
 * them. */
#define NACRE_KIND_F64  14u /* double, IEEE 754 binary64, always finite */
#define NACRE_KIND_JSON 15u /* struct nacre_str: any JSON value, as its canonical text (RFC 8785) */

struct nacre_field;

/* One type. Static, constant, made by the macros below; nested at most 16 deep, never recursive. */
struct nacre_type {
    uint32_t struct_size;             /* sizeof(struct nacre_type) */
    uint32_t kind;                    /* NACRE_KIND_* */
    uint64_t c_size;                  /* bytes of the C representation */
    struct nacre_str name;            /* STRUCT: its name, as Move and TypeScript will show it */
    const struct nacre_field *fields; /* STRUCT: n_fields of them, at least one */
    uint32_t n_fields;
    uint32_t field_size;           /* sizeof(struct nacre_field) */
    const struct nacre_type *elem; /* VECTOR, OPTION: the type inside */
};

#define NACRE_SOURCE_BODY 0u /* the field is a key of the JSON object */
#define NACRE_SOURCE_PATH                                                                                    \
    1u /* the field is {name} in the route's path; string or u8..u64, top level only   \
                              */

/* One field of a struct: its JSON key, its type, its place. The order of fields is their order in BCS. */
struct nacre_field {
    struct nacre_str name;
    const struct nacre_type *type;
    uint64_t offset;
    uint32_t source; /* NACRE_SOURCE_* */
    uint32_t reserved;
};

#if defined(__GNUC__)
#define NACRE_UNUSED  __attribute__((unused))
#define NACRE_EXPORT  __attribute__((visibility("default")))
#define NACRE_PRINTF  __attribute__((format(printf, 2, 3)))
#define NACRE_PRINTF3 __attribute__((format(printf, 3, 4)))
#else
#define NACRE_UNUSED
#define NACRE_EXPORT
#define NACRE_PRINTF
#define NACRE_PRINTF3
#endif

/* The C type behind each scalar name, for the check that NACRE_FIELD makes at compile time. */
typedef uint8_t nacre_c_bool;
typedef uint8_t nacre_c_u8;
typedef uint16_t nacre_c_u16;
typedef uint32_t nacre_c_u32;
typedef uint64_t nacre_c_u64;
typedef struct nacre_u128 nacre_c_u128;
typedef struct nacre_u256 nacre_c_u256;
typedef struct nacre_str nacre_c_string;
typedef struct nacre_bytes nacre_c_bytes;
typedef struct nacre_address nacre_c_address;
typedef double nacre_c_f64;
typedef struct nacre_str nacre_c_json;

#define NACRE_SCALAR(NAME, KIND)                                                                             \
    static const struct nacre_type nacre_type_##NAME NACRE_UNUSED = {                                        \
        (uint32_t)sizeof(struct nacre_type), (KIND), sizeof(nacre_c_##NAME), {NULL, 0}, NULL, 0, 0, NULL}

NACRE_SCALAR(bool, NACRE_KIND_BOOL);
NACRE_SCALAR(u8, NACRE_KIND_U8);
NACRE_SCALAR(u16, NACRE_KIND_U16);
NACRE_SCALAR(u32, NACRE_KIND_U32);
NACRE_SCALAR(u64, NACRE_KIND_U64);
NACRE_SCALAR(u128, NACRE_KIND_U128);
NACRE_SCALAR(u256, NACRE_KIND_U256);
NACRE_SCALAR(string, NACRE_KIND_STRING);
NACRE_SCALAR(bytes, NACRE_KIND_BYTES);
NACRE_SCALAR(address, NACRE_KIND_ADDRESS);
NACRE_SCALAR(f64, NACRE_KIND_F64);
NACRE_SCALAR(json, NACRE_KIND_JSON);
#ifndef __cplusplus
/* Before C23, <stdbool.h> makes `bool` a macro for _Bool, and that is the name NACRE_RECORD then sees. */
typedef uint8_t nacre_c__Bool;
NACRE_SCALAR(_Bool, NACRE_KIND_BOOL);
#endif

/* Offset of MEMBER in S; does not compile when the member's C type is not CTYPE. */
#define NACRE_OFFSET(S, MEMBER, CTYPE) (offsetof(S, MEMBER) + 0u * sizeof(0 ? &((S *)0)->MEMBER : (CTYPE *)0))

/* A field of scalar kind: NACRE_FIELD(struct answer, temperature, u64). */
#define NACRE_FIELD(S, MEMBER, SCALAR)                                                                       \
    {                                                                                                        \
        NACRE_S(#MEMBER), &nacre_type_##SCALAR, NACRE_OFFSET(S, MEMBER, nacre_c_##SCALAR),                   \
            NACRE_SOURCE_BODY, 0u                                                                            \
    }
/* The same, filled from {MEMBER} in the route's path instead of from the body. */
#define NACRE_FIELD_PATH(S, MEMBER, SCALAR)                                                                  \
    {                                                                                                        \
        NACRE_S(#MEMBER), &nacre_type_##SCALAR, NACRE_OFFSET(S, MEMBER, nacre_c_##SCALAR),                   \
            NACRE_SOURCE_PATH, 0u                                                                            \
    }
/* A nested struct, in place. TYPE is the name given to NACRE_STRUCT, CTYPE its C struct. */
#define NACRE_FIELD_STRUCT(S, MEMBER, TYPE, CTYPE)                                                           \
    {                                                                                                        \
        NACRE_S(#MEMBER), &(TYPE), NACRE_OFFSET(S, MEMBER, CTYPE), NACRE_SOURCE_BODY, 0u                     \
    }
/* A vector (member of type struct nacre_vec); TYPE is a name given to NACRE_VECTOR. */
#define NACRE_FIELD_VECTOR(S, MEMBER, TYPE) NACRE_FIELD_STRUCT(S, MEMBER, TYPE, struct nacre_vec)
/* An option (member of type `const CTYPE *`); TYPE is a name given to NACRE_OPTION. */
#define NACRE_FIELD_OPTION(S, MEMBER, TYPE, CTYPE) NACRE_FIELD_STRUCT(S, MEMBER, TYPE, const CTYPE *)

/* Names a struct type: NACRE_STRUCT(answer_type, "Answer", struct answer, NACRE_FIELD(...), ...); */
#define NACRE_STRUCT(VAR, NAME, S, ...)                                                                      \
    static const struct nacre_field VAR##_fields[] = {__VA_ARGS__};                                          \
    static const struct nacre_type VAR = {(uint32_t)sizeof(struct nacre_type),                               \
                                          NACRE_KIND_STRUCT,                                                 \
                                          sizeof(S),                                                         \
                                          NACRE_S(NAME),                                                     \
                                          VAR##_fields,                                                      \
                                          (uint32_t)(sizeof VAR##_fields / sizeof VAR##_fields[0]),          \
                                          (uint32_t)sizeof(struct nacre_field),                              \
                                          NULL}
/* Names a vector type: NACRE_VECTOR(scores_type, nacre_type_u64); */
#define NACRE_VECTOR(VAR, ELEM)                                                                              \
    static const struct nacre_type VAR = {(uint32_t)sizeof(struct nacre_type),                               \
                                          NACRE_KIND_VECTOR,                                                 \
                                          sizeof(struct nacre_vec),                                          \
                                          {NULL, 0},                                                         \
                                          NULL,                                                              \
                                          0,                                                                 \
                                          0,                                                                 \
                                          &(ELEM)}
/* Names an option type: NACRE_OPTION(nickname_type, nacre_type_string); */
#define NACRE_OPTION(VAR, ELEM)                                                                              \
    static const struct nacre_type VAR = {(uint32_t)sizeof(struct nacre_type),                               \
                                          NACRE_KIND_OPTION,                                                 \
                                          sizeof(const void *),                                              \
                                          {NULL, 0},                                                         \
                                          NULL,                                                              \
                                          0,                                                                 \
                                          0,                                                                 \
                                          &(ELEM)}

/* ---- Records: C struct and table in one ---------------------------------------------------------------------- */

/*
 * NACRE_RECORD(Reading, (f64, temp_c), (u64, last_updated_epoch)); declares `struct Reading` with these members and
 * its type nacre_type_Reading. A field is (type, member), or (type, member, path) when {member} of the route's path
 * fills it. The type is a scalar's name or a name declared before by NACRE_RECORD, NACRE_LIST or NACRE_MAYBE: so
 * records nest. At most 32 fields.
 */
#define NACRE_RECORD(NAME, ...)                                                                              \
    struct NAME {                                                                                            \
        NACRE_EACH(NACRE_MEMBER_OF, NAME, __VA_ARGS__)                                                       \
    };                                                                                                       \
    typedef struct NAME nacre_c_##NAME;                                                                      \
    static const struct nacre_field nacre_fields_##NAME[] = {NACRE_EACH(NACRE_FIELD_OF, NAME, __VA_ARGS__)}; \
    NACRE_UNUSED static const struct nacre_type nacre_type_##NAME = {                                        \
        (uint32_t)sizeof(struct nacre_type),                                                                 \
        NACRE_KIND_STRUCT,                                                                                   \
        sizeof(struct NAME),                                                                                 \
        NACRE_S(#NAME),                                                                                      \
        nacre_fields_##NAME,                                                                                 \
        (uint32_t)(sizeof nacre_fields_##NAME / sizeof nacre_fields_##NAME[0]),                              \
        (uint32_t)sizeof(struct nacre_field),                                                                \
        NULL}

/* NACRE_LIST(Readings, Reading); names the vector type (C: struct nacre_vec of struct Reading). */
#define NACRE_LIST(NAME, ELEM)                                                                               \
    typedef struct nacre_vec nacre_c_##NAME;                                                                 \
    NACRE_VECTOR(nacre_type_##NAME, nacre_type_##ELEM)

/* NACRE_MAYBE(MaybeText, string); names the option type (C: const struct nacre_str *, NULL when absent). */
#define NACRE_MAYBE(NAME, ELEM)                                                                              \
    typedef const nacre_c_##ELEM *nacre_c_##NAME;                                                            \
    NACRE_OPTION(nacre_type_##NAME, nacre_type_##ELEM)

/* How the fields of a record become members and table entries. */
#define NACRE_SOURCE_OF_                          NACRE_SOURCE_BODY
#define NACRE_SOURCE_OF_path                      NACRE_SOURCE_PATH
#define NACRE_MEMBER_OF(S, FIELD)                 NACRE_MEMBER_ FIELD
#define NACRE_MEMBER_(...)                        NACRE_MEMBER_3(__VA_ARGS__, , )
#define NACRE_MEMBER_3(TYPE, MEMBER, SOURCE, ...) nacre_c_##TYPE MEMBER;
#define NACRE_FIELD_OF(S, FIELD)                  NACRE_FIELD_CALL(NACRE_FIELD_4, (S, NACRE_UNWRAP FIELD, , ))
#define NACRE_UNWRAP(...)                         __VA_ARGS__
#define NACRE_FIELD_CALL(M, ARGS)                 M ARGS
#define NACRE_FIELD_4(S, TYPE, MEMBER, SOURCE, ...)                                                          \
    {NACRE_S(#MEMBER), &nacre_type_##TYPE, NACRE_OFFSET(struct S, MEMBER, nacre_c_##TYPE),                   \
     NACRE_SOURCE_OF_##SOURCE, 0u},

/* NACRE_EACH(M, S, a, b, ...) is M(S, a) M(S, b) ... */
#define NACRE_EACH(M, S, ...)    NACRE_EACH_CALL(NACRE_COUNT(__VA_ARGS__), M, S, __VA_ARGS__)
#define NACRE_EACH_CALL(N, ...)  NACRE_EACH_PASTE(N, __VA_ARGS__)
#define NACRE_EACH_PASTE(N, ...) NACRE_EACH_##N(__VA_ARGS__)
#define NACRE_COUNT(...)                                                                                     \
    NACRE_COUNT_(__VA_ARGS__, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14,    \
                 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define NACRE_COUNT_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17, _18, _19,   \
                     _20, _21, _22, _23, _24, _25, _26, _27, _28, _29, _30, _31, _32, N, ...)                \
    N
#define NACRE_EACH_1(M, S, X)       M(S, X)
#define NACRE_EACH_2(M, S, X, ...)  M(S, X) NACRE_EACH_1(M, S, __VA_ARGS__)
#define NACRE_EACH_3(M, S, X, ...)  M(S, X) NACRE_EACH_2(M, S, __VA_ARGS__)
#define NACRE_EACH_4(M, S, X, ...)  M(S, X) NACRE_EACH_3(M, S, __VA_ARGS__)
#define NACRE_EACH_5(M, S, X, ...)  M(S, X) NACRE_EACH_4(M, S, __VA_ARGS__)
#define NACRE_EACH_6(M, S, X, ...)  M(S, X) NACRE_EACH_5(M, S, __VA_ARGS__)
#define NACRE_EACH_7(M, S, X, ...)  M(S, X) NACRE_EACH_6(M, S, __VA_ARGS__)
#define NACRE_EACH_8(M, S, X, ...)  M(S, X) NACRE_EACH_7(M, S, __VA_ARGS__)
#define NACRE_EACH_9(M, S, X, ...)  M(S, X) NACRE_EACH_8(M, S, __VA_ARGS__)
#define NACRE_EACH_10(M, S, X, ...) M(S, X) NACRE_EACH_9(M, S, __VA_ARGS__)
#define NACRE_EACH_11(M, S, X, ...) M(S, X) NACRE_EACH_10(M, S, __VA_ARGS__)
#define NACRE_EACH_12(M, S, X, ...) M(S, X) NACRE_EACH_11(M, S, __VA_ARGS__)
#define NACRE_EACH_13(M, S, X, ...) M(S, X) NACRE_EACH_12(M, S, __VA_ARGS__)
#define NACRE_EACH_14(M, S, X, ...) M(S, X) NACRE_EACH_13(M, S, __VA_ARGS__)
#define NACRE_EACH_15(M, S, X, ...) M(S, X) NACRE_EACH_14(M, S, __VA_ARGS__)
#define NACRE_EACH_16(M, S, X, ...) M(S, X) NACRE_EACH_15(M, S, __VA_ARGS__)
#define NACRE_EACH_17(M, S, X, ...) M(S, X) NACRE_EACH_16(M, S, __VA_ARGS__)
#define NACRE_EACH_18(M, S, X, ...) M(S, X) NACRE_EACH_17(M, S, __VA_ARGS__)
#define NACRE_EACH_19(M, S, X, ...) M(S, X) NACRE_EACH_18(M, S, __VA_ARGS__)
#define NACRE_EACH_20(M, S, X, ...) M(S, X) NACRE_EACH_19(M, S, __VA_ARGS__)
#define NACRE_EACH_21(M, S, X, ...) M(S, X) NACRE_EACH_20(M, S, __VA_ARGS__)
#define NACRE_EACH_22(M, S, X, ...) M(S, X) NACRE_EACH_21(M, S, __VA_ARGS__)
#define NACRE_EACH_23(M, S, X, ...) M(S, X) NACRE_EACH_22(M, S, __VA_ARGS__)
#define NACRE_EACH_24(M, S, X, ...) M(S, X) NACRE_EACH_23(M, S, __VA_ARGS__)
#define NACRE_EACH_25(M, S, X, ...) M(S, X) NACRE_EACH_24(M, S, __VA_ARGS__)
#define NACRE_EACH_26(M, S, X, ...) M(S, X) NACRE_EACH_25(M, S, __VA_ARGS__)
#define NACRE_EACH_27(M, S, X, ...) M(S, X) NACRE_EACH_26(M, S, __VA_ARGS__)
#define NACRE_EACH_28(M, S, X, ...) M(S, X) NACRE_EACH_27(M, S, __VA_ARGS__)
#define NACRE_EACH_29(M, S, X, ...) M(S, X) NACRE_EACH_28(M, S, __VA_ARGS__)
#define NACRE_EACH_30(M, S, X, ...) M(S, X) NACRE_EACH_29(M, S, __VA_ARGS__)
#define NACRE_EACH_31(M, S, X, ...) M(S, X) NACRE_EACH_30(M, S, __VA_ARGS__)
#define NACRE_EACH_32(M, S, X, ...) M(S, X) NACRE_EACH_31(M, S, __VA_ARGS__)

/* ---- Host services
 * ------------------------------------------------------------------------------------------ */

struct nacre_call;

#define NACRE_LOG_DEBUG 0u
#define NACRE_LOG_INFO  1u
#define NACRE_LOG_WARN  2u
#define NACRE_LOG_ERROR 3u

#define NACRE_HASH_SHA256     1u /* FIPS 180-4, 32 bytes */
#define NACRE_HASH_BLAKE2B256 2u /* RFC 7693 with a 32-byte digest, as Sui uses it */

#define NACRE_HTTP_ANY 0u /* HTTP/2 where the server offers it, else HTTP/1.1 */
#define NACRE_HTTP_2   2u /* HTTP/2 or fail */

struct nacre_header {
    struct nacre_str name; /* in replies: lower case */
    struct nacre_str value;
};

/*
 * Takes the next `len` bytes (at least one) of a reply's body, in the thread that fetches. For a status from 200 to
 * 299 only: the reply's own body is then empty, and nothing of it is kept in the call's memory. Other statuses come
 * with their body in the reply, as without a sink. Returns 0 to go on, or a status (see nacre_fail()) to end the
 * exchange with; it may not fetch itself. What was taken before a fetch fails was not the whole. A host of 1.0 does
 * not know of it and gives the body whole.
 */
typedef int32_t (*nacre_sink)(void *ctx, const uint8_t *data, uint64_t len);

/* One outgoing HTTPS request. Zero it, set struct_size, then what is needed; nacre_fetch_init() does both. */
struct nacre_fetch {
    uint32_t struct_size;
    uint32_t http_version;              /* NACRE_HTTP_* */
    struct nacre_str method;            /* default GET, or POST when there is a body */
    struct nacre_str url;               /* https://host[:port]/..., the host on the allow list */
    const struct nacre_header *headers; /* n_headers of them */
    uint64_t n_headers;
    struct nacre_bytes body;
    uint64_t max_reply;  /* bytes of body accepted; 0 means 1 MiB. More is an error, never a cut */
    uint32_t timeout_ms; /* for the whole exchange; 0 means what is left of the route's deadline */
    uint32_t reserved;
    /* since 1.1 */
    nacre_sink sink; /* NULL, or what is given the body while it arrives; see nacre_sink */
    void *sink_ctx;
};

/* The reply. Memory lives as long as the call. */
struct nacre_reply {
    uint32_t struct_size; /* set by the caller: the room there is */
    uint32_t status;      /* HTTP status */
    struct nacre_bytes body;
    const struct nacre_header *headers;
    uint64_t n_headers;
    const struct nacre_header *trailers; /* gRPC status travels here */
    uint64_t n_trailers;
};

/* What is running, as it is measured. */
struct nacre_about {
    uint32_t struct_size; /* set by the caller: the room there is */
    uint32_t reserved;
    uint8_t plugin_digest[48];     /* SHA-384 of the plugin's file, which PCR16 is made of */
    uint8_t config_digest[48];     /* SHA-384 of the effective configuration, which PCR17 is made of */
    uint8_t runtime_digest[48];    /* SHA-384 of the program that runs the plugin */
    struct nacre_str app, version; /* the plugin's own; borrowed, valid until stop() */
    struct nacre_str runtime;      /* the runtime's version */
};

/*
 * What the runtime offers. Reached through the inline functions below. Every function may be called from any
 * thread that holds a call, and only with that call.
 */
struct nacre_host {
    uint32_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;
    /* since 1.0 */
    void *(*alloc)(const struct nacre_call *call, uint64_t size);
    void (*log)(const struct nacre_call *call, uint32_t level, struct nacre_str text);
    int32_t (*now_ms)(const struct nacre_call *call, uint64_t *ms);
    void (*random)(const struct nacre_call *call, uint8_t *out, uint64_t len);
    int32_t (*secret)(const struct nacre_call *call, struct nacre_str name, struct nacre_str *value);
    int32_t (*config)(const struct nacre_call *call, struct nacre_str name, struct nacre_str *value);
    int32_t (*fetch)(const struct nacre_call *call, const struct nacre_fetch *request,
                     struct nacre_reply *reply);
    int32_t (*decode_json)(const struct nacre_call *call, struct nacre_bytes text,
                           const struct nacre_type *type, void *out, int32_t status);
    int32_t (*open_box)(const struct nacre_call *call, const uint8_t sender[32], const uint8_t nonce[24],
                        struct nacre_bytes box, struct nacre_bytes *plain);
    int32_t (*hash)(const struct nacre_call *call, uint32_t algorithm, struct nacre_bytes data,
                    uint8_t out[32]);
    void (*progress)(const struct nacre_call *call, uint32_t permille, struct nacre_str text);
    int32_t (*fail)(const struct nacre_call *call, int32_t status, struct nacre_str text);
    int32_t (*set_timestamp)(const struct nacre_call *call, uint64_t ms);
    uint64_t (*remaining_ms)(const struct nacre_call *call);
    /* since 1.1 */
    int32_t (*about)(const struct nacre_call *call, struct nacre_about *out);
};

/* Does the host have the service MEMBER of a later minor version than 1.0? */
#define NACRE_HOST_HAS(HOST, MEMBER)                                                                         \
    ((HOST)->struct_size >= offsetof(struct nacre_host, MEMBER) + sizeof((HOST)->MEMBER) && (HOST)->MEMBER)

/* One call of a handler, or of start(). Valid until that function returns. */
struct nacre_call {
    uint32_t struct_size;
    uint32_t reserved;
    const struct nacre_host *host;
    uint64_t request_id; /* as in the logs and in the answer's X-Request-Id; 0 in start() */
};

/* `size` zeroed bytes, aligned to 16, that live as long as the call and are wiped after it; NULL past the
 * limit. */
static inline void *nacre_alloc(const struct nacre_call *call, uint64_t size)
{
    return call->host->alloc(call, size);
}

/* Text of a terminated string; borrows it. */
static inline struct nacre_str nacre_str(const char *z)
{
    struct nacre_str s;
    s.ptr = z;
    s.len = strlen(z);
    return s;
}

/* The bytes of a text; borrows them. */
static inline struct nacre_bytes nacre_bytes_of(struct nacre_str s)
{
    struct nacre_bytes b;
    b.ptr = (const uint8_t *)s.ptr;
    b.len = s.len;
    return b;
}

/* 1 when the text equals the terminated string. Not for secrets: the time depends on the content. */
static inline int nacre_str_is(struct nacre_str s, const char *z)
{
    return s.len == strlen(z) && (s.len == 0 || memcmp(s.ptr, z, (size_t)s.len) == 0);
}

/* printf into the call's memory; terminated. Empty with ptr NULL when memory is out. */
NACRE_PRINTF static inline struct nacre_str nacre_format(const struct nacre_call *call, const char *format,
                                                         ...)
{
    struct nacre_str s = {NULL, 0};
    va_list args, again;
    int n;
    char *out;
    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    out = n < 0 ? NULL : (char *)nacre_alloc(call, (uint64_t)n + 1u);
    if (out) {
        (void)vsnprintf(out, (size_t)n + 1u, format, again);
        s.ptr = out;
        s.len = (uint64_t)n;
    }
    va_end(again);
    va_end(args);
    return s;
}

/* Writes one line to the log. Never pass a body, a prompt, a key or a secret. Text is cut at 1,024 bytes. */
static inline void nacre_log(const struct nacre_call *call, uint32_t level, const char *text)
{
    call->host->log(call, level, nacre_str(text));
}

/* Trusted time, in milliseconds since 1970. 0, or 503 while the runtime cannot bound its clock's error. */
static inline int32_t nacre_now_ms(const struct nacre_call *call, uint64_t *ms)
{
    return call->host->now_ms(call, ms);
}

/* Fills `out` from the system's generator. */
static inline void nacre_random(const struct nacre_call *call, uint8_t *out, uint64_t len)
{
    call->host->random(call, out, len);
}

/* A declared secret. Borrowed, valid until stop(). 0, or 503 when it was not delivered. */
static inline int32_t nacre_secret(const struct nacre_call *call, const char *name, struct nacre_str *value)
{
    return call->host->secret(call, nacre_str(name), value);
}

/* A value from `plugin:` of the measured configuration, nested keys joined by dots. Borrowed. 0, or 500 if
 * absent. */
static inline int32_t nacre_config(const struct nacre_call *call, const char *name, struct nacre_str *value)
{
    return call->host->config(call, nacre_str(name), value);
}

static inline void nacre_fetch_init(struct nacre_fetch *request, struct nacre_reply *reply)
{
    memset(request, 0, sizeof *request);
    memset(reply, 0, sizeof *reply);
    request->struct_size = (uint32_t)sizeof *request;
    reply->struct_size = (uint32_t)sizeof *reply;
}

/*
 * One HTTPS exchange with an allowed endpoint; blocks. Any HTTP status is a success here. 0, or 502 (refused,
 * TLS, too large, broken), 504 (time), 500 (host not on the allow list, bad URL).
 */
static inline int32_t nacre_fetch(const struct nacre_call *call, const struct nacre_fetch *request,
                                  struct nacre_reply *reply)
{
    return call->host->fetch(call, request, reply);
}

/*
 * Decodes JSON into `out` (c_size bytes of `type`) as request bodies are decoded: unknown keys ignored,
 * everything else exact. 0, or `status` with a text that names the field.
 */
static inline int32_t nacre_decode_json(const struct nacre_call *call, struct nacre_bytes text,
                                        const struct nacre_type *type, void *out, int32_t status)
{
    return call->host->decode_json(call, text, type, out, status);
}

/*
 * Opens a NaCl crypto_box made for the enclave's attested X25519 data key. Plain text lives as long as the
 * call. 0, or 400 when it does not open, 503 when the core does not answer.
 */
static inline int32_t nacre_open_box(const struct nacre_call *call, const uint8_t sender[32],
                                     const uint8_t nonce[24], struct nacre_bytes box,
                                     struct nacre_bytes *plain)
{
    return call->host->open_box(call, sender, nonce, box, plain);
}

/* Digest of `data`, 32 bytes. 0, or 500 for an unknown algorithm. */
static inline int32_t nacre_hash(const struct nacre_call *call, uint32_t algorithm, struct nacre_bytes data,
                                 uint8_t out[32])
{
    return call->host->hash(call, algorithm, data, out);
}

/*
 * Reports how far a long call is, 0 to 1000: for the log, and for those who ask about a job (docs/JOBS.md). Cheap: at
 * most one line a second is written and four messages sent, whatever comes in between is dropped. Text is cut at 256
 * bytes.
 */
static inline void nacre_progress(const struct nacre_call *call, uint32_t permille, const char *text)
{
    call->host->progress(call, permille, nacre_str(text));
}

/* Notes the error text that the client will see (512 bytes at most) and returns `status`, for `return
 * nacre_fail()`. */
NACRE_PRINTF3 static inline int32_t nacre_fail(const struct nacre_call *call, int32_t status,
                                               const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return call->host->fail(call, status, nacre_str(text));
}

/* The answer's timestamp, on a route with NACRE_TIME_APP. 0, or 500 on any other route. */
static inline int32_t nacre_set_timestamp(const struct nacre_call *call, uint64_t ms)
{
    return call->host->set_timestamp(call, ms);
}

/*
 * Milliseconds until this call's deadline; 0 once it has passed, or the call's job was cancelled, and nobody waits for
 * the answer any more. Cheap enough to be asked in every round of a long computation, which then returns whatever error
 * it likes.
 */
static inline uint64_t nacre_remaining_ms(const struct nacre_call *call)
{
    return call->host->remaining_ms(call);
}

/* What is running: digests and versions. Since 1.1. 0, or 500 from a host that is older. */
static inline int32_t nacre_about(const struct nacre_call *call, struct nacre_about *out)
{
    memset(out, 0, sizeof *out);
    out->struct_size = (uint32_t)sizeof *out;
    return NACRE_HOST_HAS(call->host, about) ? call->host->about(call, out) : 500;
}

/* `text` percent-encoded for a URL (RFC 3986, unreserved characters kept), in the call's memory. */
static inline struct nacre_str nacre_url_encode(const struct nacre_call *call, struct nacre_str text)
{
    static const char hex[] = "0123456789ABCDEF";
    struct nacre_str s = {NULL, 0};
    char *out = text.len > UINT64_MAX / 4u ? NULL : (char *)nacre_alloc(call, text.len * 3u + 1u);
    uint64_t i, n = 0;
    if (!out)
        return s;
    for (i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
            c == '.' || c == '_' || c == '~') {
            out[n++] = (char)c;
        } else {
            out[n++] = '%';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        }
    }
    s.ptr = out;
    s.len = n;
    return s;
}

/* ---- The descriptor
 * ----------------------------------------------------------------------------------------- */

/* An intent scope and the one type that is signed under it. */
struct nacre_intent {
    uint32_t scope; /* 0 to 255, the first signed byte */
    uint32_t reserved;
    struct nacre_str name; /* for documents and generated code, e.g. "ProcessData" */
    const struct nacre_type *response;
};

/*
 * `request` and `response` point to c_size bytes of the route's types; the response starts zeroed. Returns 0
 * to have it signed, else an HTTP status from 400 to 599 (see nacre_fail()).
 */
typedef int32_t (*nacre_handler)(const struct nacre_call *call, const void *request, void *response);

#define NACRE_TIME_CORE 0u /* the core stamps the answer when it signs */
#define NACRE_TIME_APP  1u /* the handler sets it; the core requires now - max_age_ms <= t <= now */

struct nacre_route {
    struct nacre_str method; /* GET, POST, PUT, DELETE or PATCH */
    struct nacre_str path;   /* "/a/{name}/b": a parameter fills one whole segment */
    uint32_t intent;         /* a scope declared in `intents` */
    uint32_t time_rule;      /* NACRE_TIME_* */
    uint64_t max_age_ms;     /* NACRE_TIME_APP only */
    uint64_t max_body;       /* bytes; 0 means the configured default */
    uint32_t deadline_ms;    /* 0 means the configured default */
    uint32_t reserved;
    const struct nacre_type *request; /* a struct; GET has path fields only */
    nacre_handler handler;
};

/* A host that the app always needs; the operator's allow list must contain it. */
struct nacre_endpoint {
    struct nacre_str host; /* a DNS name in lower case, no wildcard */
    uint32_t port;         /* 443 for https */
    uint32_t reserved;
};

/* A secret that the app reads; names not declared are wiped on arrival. */
struct nacre_secret {
    struct nacre_str name;
    uint32_t required; /* 1: the app does not start without it */
    uint32_t reserved;
};

/*
 * The exported descriptor. The first 16 bytes are frozen for ever and are checked before anything else is
 * read; the rest is append-only under one major number.
 */
struct nacre_plugin {
    uint8_t magic[8];
    uint16_t abi_major;
    uint16_t abi_minor;
    uint32_t struct_size; /* sizeof(struct nacre_plugin) as the plugin knew it */
    /* since 1.0 */
    struct nacre_str name; /* [a-z][a-z0-9-]*, at most 32 bytes */
    struct nacre_str version;
    const struct nacre_intent *intents;
    uint32_t n_intents;
    uint32_t intent_size; /* sizeof(struct nacre_intent) */
    const struct nacre_route *routes;
    uint32_t n_routes;
    uint32_t route_size;
    const struct nacre_endpoint *endpoints;
    uint32_t n_endpoints;
    uint32_t endpoint_size;
    const struct nacre_secret *secrets;
    uint32_t n_secrets;
    uint32_t secret_size;
    int32_t (*start)(const struct nacre_call *call); /* may be NULL; non-zero: the app is not started */
    void (*stop)(void);                              /* may be NULL */
};

#define NACRE_MAGIC                                                                                          \
    {                                                                                                        \
        'N', 'A', 'C', 'R', 'E', 'P', 'L', 'G'                                                               \
    }
/* The frozen prefix: the first members of every descriptor. */
#define NACRE_PREFIX NACRE_MAGIC, NACRE_ABI_MAJOR, NACRE_ABI_MINOR, (uint32_t)sizeof(struct nacre_plugin)
/* A table and its counts, where the descriptor wants pointer, number and element size; NACRE_NONE for an
 * empty one. */
#define NACRE_TABLE(ARRAY)                                                                                   \
    (ARRAY), (uint32_t)(sizeof(ARRAY) / sizeof((ARRAY)[0])), (uint32_t)sizeof((ARRAY)[0])
#define NACRE_NONE NULL, 0u, 0u

/* The one symbol a plugin exports. */
extern NACRE_EXPORT const struct nacre_plugin nacre_plugin;

#ifdef __cplusplus
}
#endif

#endif
