/*
 * layout.c - ABI 1 as plugins in the field were compiled with it: every offset and size of every struct that crosses
 * the border. It compiles or it does not. Adding at the end of a struct adds lines here; a line that has to change
 * breaks the plugins there are, and needs a new major number.
 */
#include <nacre/plugin.h>

#define AT(STRUCT, MEMBER, OFFSET, SIZE)                                                                     \
    _Static_assert(offsetof(struct STRUCT, MEMBER) == (OFFSET) &&                                            \
                       sizeof(((struct STRUCT *)0)->MEMBER) == (SIZE),                                       \
                   #STRUCT "." #MEMBER)
#define SIZE(STRUCT, BYTES, ALIGN)                                                                           \
    _Static_assert(sizeof(struct STRUCT) == (BYTES) && _Alignof(struct STRUCT) == (ALIGN), #STRUCT)
#define IS(NAME, VALUE) _Static_assert((NAME) == (VALUE), #NAME)

SIZE(nacre_str, 16, 8);
AT(nacre_str, ptr, 0, 8);
AT(nacre_str, len, 8, 8);

SIZE(nacre_bytes, 16, 8);
AT(nacre_bytes, ptr, 0, 8);
AT(nacre_bytes, len, 8, 8);

SIZE(nacre_vec, 16, 8);
AT(nacre_vec, ptr, 0, 8);
AT(nacre_vec, count, 8, 8);

SIZE(nacre_u128, 16, 8);
AT(nacre_u128, lo, 0, 8);
AT(nacre_u128, hi, 8, 8);

SIZE(nacre_u256, 32, 8);
AT(nacre_u256, w, 0, 32);

SIZE(nacre_address, 32, 1);
AT(nacre_address, b, 0, 32);

SIZE(nacre_type, 56, 8);
AT(nacre_type, struct_size, 0, 4);
AT(nacre_type, kind, 4, 4);
AT(nacre_type, c_size, 8, 8);
AT(nacre_type, name, 16, 16);
AT(nacre_type, fields, 32, 8);
AT(nacre_type, n_fields, 40, 4);
AT(nacre_type, field_size, 44, 4);
AT(nacre_type, elem, 48, 8);

SIZE(nacre_field, 40, 8);
AT(nacre_field, name, 0, 16);
AT(nacre_field, type, 16, 8);
AT(nacre_field, offset, 24, 8);
AT(nacre_field, source, 32, 4);
AT(nacre_field, reserved, 36, 4);

SIZE(nacre_header, 32, 8);
AT(nacre_header, name, 0, 16);
AT(nacre_header, value, 16, 16);

SIZE(nacre_fetch, 104, 8); /* 88 in 1.0 */
AT(nacre_fetch, struct_size, 0, 4);
AT(nacre_fetch, http_version, 4, 4);
AT(nacre_fetch, method, 8, 16);
AT(nacre_fetch, url, 24, 16);
AT(nacre_fetch, headers, 40, 8);
AT(nacre_fetch, n_headers, 48, 8);
AT(nacre_fetch, body, 56, 16);
AT(nacre_fetch, max_reply, 72, 8);
AT(nacre_fetch, timeout_ms, 80, 4);
AT(nacre_fetch, reserved, 84, 4);
AT(nacre_fetch, sink, 88, 8);
AT(nacre_fetch, sink_ctx, 96, 8);

SIZE(nacre_reply, 56, 8);
AT(nacre_reply, struct_size, 0, 4);
AT(nacre_reply, status, 4, 4);
AT(nacre_reply, body, 8, 16);
AT(nacre_reply, headers, 24, 8);
AT(nacre_reply, n_headers, 32, 8);
AT(nacre_reply, trailers, 40, 8);
AT(nacre_reply, n_trailers, 48, 8);

SIZE(nacre_about, 200, 8);
AT(nacre_about, struct_size, 0, 4);
AT(nacre_about, reserved, 4, 4);
AT(nacre_about, plugin_digest, 8, 48);
AT(nacre_about, config_digest, 56, 48);
AT(nacre_about, runtime_digest, 104, 48);
AT(nacre_about, app, 152, 16);
AT(nacre_about, version, 168, 16);
AT(nacre_about, runtime, 184, 16);

SIZE(nacre_host, 128, 8); /* 120 in 1.0 */
AT(nacre_host, struct_size, 0, 4);
AT(nacre_host, abi_major, 4, 2);
AT(nacre_host, abi_minor, 6, 2);
AT(nacre_host, alloc, 8, 8);
AT(nacre_host, log, 16, 8);
AT(nacre_host, now_ms, 24, 8);
AT(nacre_host, random, 32, 8);
AT(nacre_host, secret, 40, 8);
AT(nacre_host, config, 48, 8);
AT(nacre_host, fetch, 56, 8);
AT(nacre_host, decode_json, 64, 8);
AT(nacre_host, open_box, 72, 8);
AT(nacre_host, hash, 80, 8);
AT(nacre_host, progress, 88, 8);
AT(nacre_host, fail, 96, 8);
AT(nacre_host, set_timestamp, 104, 8);
AT(nacre_host, remaining_ms, 112, 8);
AT(nacre_host, about, 120, 8);

SIZE(nacre_call, 24, 8);
AT(nacre_call, struct_size, 0, 4);
AT(nacre_call, reserved, 4, 4);
AT(nacre_call, host, 8, 8);
AT(nacre_call, request_id, 16, 8);

SIZE(nacre_intent, 32, 8);
AT(nacre_intent, scope, 0, 4);
AT(nacre_intent, reserved, 4, 4);
AT(nacre_intent, name, 8, 16);
AT(nacre_intent, response, 24, 8);

SIZE(nacre_route, 80, 8);
AT(nacre_route, method, 0, 16);
AT(nacre_route, path, 16, 16);
AT(nacre_route, intent, 32, 4);
AT(nacre_route, time_rule, 36, 4);
AT(nacre_route, max_age_ms, 40, 8);
AT(nacre_route, max_body, 48, 8);
AT(nacre_route, deadline_ms, 56, 4);
AT(nacre_route, reserved, 60, 4);
AT(nacre_route, request, 64, 8);
AT(nacre_route, handler, 72, 8);

SIZE(nacre_endpoint, 24, 8);
AT(nacre_endpoint, host, 0, 16);
AT(nacre_endpoint, port, 16, 4);
AT(nacre_endpoint, reserved, 20, 4);

SIZE(nacre_secret, 24, 8);
AT(nacre_secret, name, 0, 16);
AT(nacre_secret, required, 16, 4);
AT(nacre_secret, reserved, 20, 4);

/* The first 16 bytes are frozen for ever, under any major. */
SIZE(nacre_plugin, 128, 8);
AT(nacre_plugin, magic, 0, 8);
AT(nacre_plugin, abi_major, 8, 2);
AT(nacre_plugin, abi_minor, 10, 2);
AT(nacre_plugin, struct_size, 12, 4);
AT(nacre_plugin, name, 16, 16);
AT(nacre_plugin, version, 32, 16);
AT(nacre_plugin, intents, 48, 8);
AT(nacre_plugin, n_intents, 56, 4);
AT(nacre_plugin, intent_size, 60, 4);
AT(nacre_plugin, routes, 64, 8);
AT(nacre_plugin, n_routes, 72, 4);
AT(nacre_plugin, route_size, 76, 4);
AT(nacre_plugin, endpoints, 80, 8);
AT(nacre_plugin, n_endpoints, 88, 4);
AT(nacre_plugin, endpoint_size, 92, 4);
AT(nacre_plugin, secrets, 96, 8);
AT(nacre_plugin, n_secrets, 104, 4);
AT(nacre_plugin, secret_size, 108, 4);
AT(nacre_plugin, start, 112, 8);
AT(nacre_plugin, stop, 120, 8);

IS(NACRE_ABI_MAJOR, 1);
IS(NACRE_KIND_BOOL, 1);
IS(NACRE_KIND_U8, 2);
IS(NACRE_KIND_U16, 3);
IS(NACRE_KIND_U32, 4);
IS(NACRE_KIND_U64, 5);
IS(NACRE_KIND_U128, 6);
IS(NACRE_KIND_U256, 7);
IS(NACRE_KIND_STRING, 8);
IS(NACRE_KIND_BYTES, 9);
IS(NACRE_KIND_ADDRESS, 10);
IS(NACRE_KIND_STRUCT, 11);
IS(NACRE_KIND_VECTOR, 12);
IS(NACRE_KIND_OPTION, 13);
IS(NACRE_KIND_F64, 14);
IS(NACRE_KIND_JSON, 15);
IS(NACRE_SOURCE_BODY, 0);
IS(NACRE_SOURCE_PATH, 1);
IS(NACRE_LOG_DEBUG, 0);
IS(NACRE_LOG_INFO, 1);
IS(NACRE_LOG_WARN, 2);
IS(NACRE_LOG_ERROR, 3);
IS(NACRE_HASH_SHA256, 1);
IS(NACRE_HASH_BLAKE2B256, 2);
IS(NACRE_HTTP_ANY, 0);
IS(NACRE_HTTP_2, 2);
IS(NACRE_TIME_CORE, 0);
IS(NACRE_TIME_APP, 1);

/* The first bytes of every descriptor, as a plugin's file has them. */
int main(void)
{
    static const uint8_t prefix[] = {'N', 'A', 'C', 'R', 'E', 'P', 'L', 'G', 1, 0, NACRE_ABI_MINOR,
                                     0,   128, 0,   0,   0};
    static const struct nacre_plugin plugin = {.magic = NACRE_MAGIC,
                                               .abi_major = NACRE_ABI_MAJOR,
                                               .abi_minor = NACRE_ABI_MINOR,
                                               .struct_size = (uint32_t)sizeof plugin};
    return memcmp(&plugin, prefix, sizeof prefix) != 0;
}
