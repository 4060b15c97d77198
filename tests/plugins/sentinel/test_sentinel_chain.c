/* What Sui nodes and the AI module may answer, good and bad, in all three protocols. */
#include "sentinel_host.h"
#include "suite.h"

#include <ai.h>
#include <chain.h>
#include <grpc.h>

static struct sentinel_host h;
static const uint8_t id[32] = {[0] = 0xab, [31] = 0xcd};
static const struct sentinel_network net = {
    .name = "testnet", .index = 1, .enabled = true, .package = {[31] = 0x5e}, .url = "https://node.example"};
static const struct sentinel_config config = {.ai_url = "https://ai.example", .sui_timeout_ms = 1000};

static void setup(void)
{
    sentinel_host_init(&h, 60000);
}

static void teardown(void)
{
    sentinel_host_free(&h);
}

/* ---- gRPC: status and frame ------------------------------------------------------------------------------- */

#define TYPE(V)                                                                                              \
    {                                                                                                        \
        NACRE_S("content-type"), NACRE_S(V)                                                                  \
    }
#define STATUS(V)                                                                                            \
    {                                                                                                        \
        NACRE_S("grpc-status"), NACRE_S(V)                                                                   \
    }

static const struct nacre_header plain[] = {TYPE("application/grpc")};
static const struct nacre_header ok[] = {{NACRE_S("grpc-message"), NACRE_S("")}, STATUS("0")};

static struct nacre_reply reply_of(const char *body, size_t len)
{
    return (struct nacre_reply){.struct_size = sizeof(struct nacre_reply),
                                .status = 200,
                                .body = {(const uint8_t *)body, len},
                                .headers = plain,
                                .n_headers = 1,
                                .trailers = ok,
                                .n_trailers = 2};
}

static void ck_grpc(const struct nacre_reply *reply, int32_t status, const char *text)
{
    struct nacre_bytes message;
    char why[SENTINEL_WHY] = "";
    int32_t got = sentinel_grpc_open(reply, &message, why);
    ck_assert_msg(got == status, "%d '%s', expected %d '%s'", got, why, status, text);
    ck_assert_msg(strstr(why, text) != NULL, "'%s' lacks '%s'", why, text);
}

START_TEST(grpc_frames)
{
    struct nacre_bytes message;
    char why[SENTINEL_WHY];
    struct nacre_reply r = reply_of("\0\0\0\0\3abc", 8);
    ck_assert_int_eq(sentinel_grpc_open(&r, &message, why), 0);
    ck_assert_uint_eq(message.len, 3);
    ck_assert_mem_eq(message.ptr, "abc", 3);
    r = reply_of("\0\0\0\0\0", 5);
    ck_assert_int_eq(sentinel_grpc_open(&r, &message, why), 0);
    ck_assert_uint_eq(message.len, 0);
    r = reply_of("", 0);
    ck_grpc(&r, 502, "no gRPC message");
    for (size_t len = 1; len < 8; len++) {
        r = reply_of("\0\0\0\0\3abc", len);
        ck_grpc(&r, 502, "cut short");
    }
    r = reply_of("\1\0\0\0\3abc", 8);
    ck_grpc(&r, 502, "compressed");
    r = reply_of("\2\0\0\0\3abc", 8);
    ck_grpc(&r, 502, "compressed");
    r = reply_of("\0\0\0\0\3abcd", 9);
    ck_grpc(&r, 502, "more than one");
    r = reply_of("\0\0\0\0\3abc\0\0\0\0\3abc", 16);
    ck_grpc(&r, 502, "more than one");
    r = reply_of("\0\xff\xff\xff\xff"
                 "abc",
                 8);
    ck_grpc(&r, 502, "cut short");
}
END_TEST

START_TEST(grpc_statuses)
{
    static const struct {
        const char *value;
        int32_t status;
        const char *text;
    } cases[] = {{"5", 404, ""},
                 {"4", 504, "DEADLINE_EXCEEDED"},
                 {"14", 502, "UNAVAILABLE"},
                 {"16", 502, "16"},
                 {"17", 502, "that is none"},
                 {"", 502, "that is none"},
                 {"-1", 502, "none"},
                 {"00", 502, "none"},
                 {"05", 502, "none"},
                 {"0x5", 502, "none"},
                 {"5 ", 502, "none"},
                 {"99999999999", 502, "none"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct nacre_header field = {NACRE_S("grpc-status"), nacre_str(cases[i].value)};
        const struct nacre_header only[] = {plain[0], field};
        struct nacre_reply r = reply_of("\0\0\0\0\0", 5);
        r.trailers = &field;
        r.n_trailers = 1;
        ck_grpc(&r, cases[i].status, cases[i].text);
        /* the same without a body: trailers only */
        r = reply_of("", 0);
        r.headers = only;
        r.n_headers = 2;
        r.n_trailers = 0;
        ck_grpc(&r, cases[i].status, cases[i].text);
    }
}
END_TEST

START_TEST(grpc_statuses_missing_or_twice)
{
    static const struct nacre_header in_head[] = {TYPE("application/grpc"), STATUS("0")};
    static const struct nacre_header twice[] = {STATUS("0"), STATUS("0")};
    static const struct nacre_header differ[] = {STATUS("5"), STATUS("0")};
    struct nacre_reply r = reply_of("\0\0\0\0\0", 5);
    r.n_trailers = 0;
    ck_grpc(&r, 502, "no gRPC status");
    /* a status before the message says nothing of what came after it */
    r.headers = in_head;
    r.n_headers = 2;
    ck_grpc(&r, 502, "no gRPC status");
    r = reply_of("", 0);
    r.headers = in_head;
    r.n_headers = 2;
    r.n_trailers = 0;
    ck_grpc(&r, 502, "no gRPC message"); /* OK and nothing */
    r = reply_of("\0\0\0\0\0", 5);
    r.trailers = twice;
    ck_grpc(&r, 502, "more than one gRPC status");
    r.trailers = differ;
    ck_grpc(&r, 502, "more than one gRPC status");
}
END_TEST

START_TEST(grpc_that_is_none)
{
    static const uint32_t statuses[] = {0, 204, 301, 404, 415, 429, 500, 502, 503};
    static const struct nacre_header others[][1] = {{TYPE("text/html")},
                                                    {TYPE("application/json")},
                                                    {TYPE("application/grpcx")},
                                                    {TYPE("application/grp")},
                                                    {TYPE("")}};
    static const struct nacre_header fine[][1] = {{TYPE("application/grpc+proto")},
                                                  {TYPE("application/grpc;x=y")}};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct nacre_reply r = reply_of("\0\0\0\0\0", 5);
        r.status = statuses[i];
        ck_grpc(&r, 502, "HTTP status");
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct nacre_reply r = reply_of("\0\0\0\0\0", 5);
        r.headers = others[i];
        ck_grpc(&r, 502, "not gRPC");
        r.n_headers = 0;
        ck_grpc(&r, 502, "not gRPC");
    }
    for (size_t i = 0; i < 2; i++) {
        struct nacre_reply r = reply_of("\0\0\0\0\0", 5);
        r.headers = fine[i];
        ck_grpc(&r, 0, "");
    }
}
END_TEST

/* ---- gRPC: messages --------------------------------------------------------------------------------------- */

static int32_t object(const char *bytes, size_t len, struct sentinel_object *o, char why[SENTINEL_WHY])
{
    uint8_t *copy = malloc(len ? len : 1); /* exactly as long, for AddressSanitizer */
    memcpy(copy, bytes, len);
    int32_t rc = sentinel_grpc_object(&h.call, (struct nacre_bytes){copy, len}, o, why);
    free(copy);
    return rc;
}

START_TEST(grpc_objects)
{
    /* object { object_id "0xab", owner { kind 3, address "0x1" }, type "0x5e::a::B", contents { name, value }, field 200 } */
    static const char good[] = "\x0a\x2c"
                               "\x12\x04"
                               "0xab"
                               "\x2a\x07\x08\x03\x12\x03"
                               "0x1"
                               "\x32\x0a"
                               "0x5e::a::B"
                               "\x42\x0a\x0a\x01n\x12\x05\x01\x02\x00\x04\x05"
                               "\xc2\x0c\x02zz";
    struct sentinel_object o;
    char why[SENTINEL_WHY] = "";
    ck_assert_uint_eq(sizeof good - 1, 46);
    ck_assert_msg(object(good, sizeof good - 1, &o, why) == 0, "%s", why);
    ck_assert(nacre_str_is(o.id, "0xab"));
    ck_assert(nacre_str_is(o.type, "0x5e::a::B"));
    ck_assert_int_eq(o.owner, SENTINEL_OWNER_SHARED);
    ck_assert_uint_eq(o.contents.len, 5);
    ck_assert_mem_eq(o.contents.ptr, "\1\2\0\4\5", 5);
    for (size_t len = 0; len < sizeof good - 1; len++)
        ck_assert_msg(object(good, len, &o, why) == 502, "%zu bytes were taken", len);
}
END_TEST

START_TEST(grpc_objects_with_less)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *why;
    } cases[] = {{"", 0, "without an object"},
                 {"\x0a\x00", 2, "without its id"},
                 {"\x0a\x06\x12\x04"
                  "0xab",
                  8, "without its type"},
                 {"\x08\x01", 2, "not a GetObjectResponse"},
                 {"\x0a\xff\xff\xff\xff\x0f", 6, "not a GetObjectResponse"},
                 {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11, "not a GetObjectResponse"},
                 {"\x0b\x0c", 2, "not a GetObjectResponse"}};
    struct sentinel_object o;
    char why[SENTINEL_WHY];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        why[0] = '\0';
        ck_assert_int_eq(object(cases[i].bytes, cases[i].len, &o, why), 502);
        ck_assert_msg(strstr(why, cases[i].why) != NULL, "case %zu: '%s'", i, why);
    }
    /* a package, and an owner that nobody knows yet */
    ck_assert_int_eq(object("\x0a\x13\x12\x04"
                            "0xab"
                            "\x2a\x02\x08\x09\x32\x07package",
                            21, &o, why),
                     0);
    ck_assert_uint_eq(o.type.len, 0);
    ck_assert_int_eq(o.owner, SENTINEL_OWNER_UNKNOWN);
}
END_TEST

/* Bytes by chance: refused or read, never read past their end. */
START_TEST(grpc_objects_by_chance)
{
    uint32_t x = 12345;
    struct sentinel_object o;
    char why[SENTINEL_WHY], bytes[64];
    for (unsigned round = 0; round < 20000; round++) {
        size_t len = 2 + round % 60;
        for (size_t i = 0; i < len; i++) {
            x = x * 1664525u + 1013904223u;
            bytes[i] = (char)(x >> 24);
        }
        if (round % 2) { /* well begun */
            bytes[0] = 0x0a;
            bytes[1] = (char)(len - 2);
        }
        int32_t rc = object(bytes, len, &o, why);
        ck_assert(rc == 0 || rc == 502);
        if (round % 100 == 0)
            nacre_scratch_reset(&h.scratch);
    }
}
END_TEST

START_TEST(grpc_request)
{
    struct nacre_bytes frame;
    ck_assert_int_eq(sentinel_grpc_request(&h.call, id, &frame), 0);
    static const char head[] = "\x0a\x42"
                               "0xab000000000000000000000000000000000000000000000000000000000000cd\x1a";
    ck_assert_mem_eq(frame.ptr, "\0\0\0\0", 4);
    ck_assert_uint_eq(frame.ptr[4], frame.len - 5);
    ck_assert_mem_eq(frame.ptr + 5, head, sizeof head - 1);
}
END_TEST

/* A question is asked again when the connection broke, once; not when time ran out. */
START_TEST(questions_are_repeated_once)
{
    struct sentinel_object o;
    struct sentinel_network n = net;
    n.access = SENTINEL_GRAPHQL;
    sentinel_host_reply(&h, 200, "{\"data\":{\"object\":null}}");
    h.fetch_status[0] = 502;
    ck_assert_int_eq(sentinel_chain_read(&h.call, &config, &n, id, &o), 404);
    ck_assert_uint_eq(h.fetches, 2);
    sentinel_host_reply(&h, 200, "");
    h.fetch_status[1] = 502;
    ck_failed(&h, sentinel_chain_read(&h.call, &config, &n, id, &o), 502, "broken");
    ck_assert_uint_eq(h.fetches, 2);
    sentinel_host_reply(&h, 200, "");
    h.fetch_status[0] = 504;
    ck_failed(&h, sentinel_chain_read(&h.call, &config, &n, id, &o), 504, "broken");
    ck_assert_uint_eq(h.fetches, 1);
    n.access = SENTINEL_GRPC;
    sentinel_host_reply(&h, 503, "");
    h.fetch_status[0] = 0;
    ck_failed(&h, sentinel_chain_read(&h.call, &config, &n, id, &o), 502, "HTTP status 503");
    ck_assert_str_eq(h.url, "https://node.example/sui.rpc.v2.LedgerService/GetObject");
}
END_TEST

/* ---- GraphQL and JSON-RPC --------------------------------------------------------------------------------- */

static void ck_node(enum sentinel_access access, uint32_t http, const char *body, int32_t status,
                    const char *text)
{
    struct sentinel_object o;
    struct sentinel_network n = net;
    n.access = access;
    h.text[0] = '\0';
    sentinel_host_reply(&h, http, body);
    int32_t got = sentinel_chain_read(&h.call, &config, &n, id, &o);
    ck_assert_msg(got == status && strstr(h.text, text), "%s\n%d '%s', expected %d '%s'", body, got, h.text,
                  status, text);
    nacre_scratch_reset(&h.scratch);
}

START_TEST(graphql_replies)
{
    static const char good[] =
        "{\"data\":{\"object\":{\"version\":1,\"owner\":{\"__typename\":\"%s\"},\"asMoveObject\":{"
        "\"contents\":"
        "{\"type\":{\"repr\":\"0x5e::a::B\"},\"bcs\":\"AQID\"}}}},\"errors\":null,\"extensions\":{}}";
    static const struct {
        const char *name;
        enum sentinel_owner owner;
    } owners[] = {{"AddressOwner", SENTINEL_OWNER_ADDRESS}, {"ConsensusAddressOwner", SENTINEL_OWNER_ADDRESS},
                  {"ObjectOwner", SENTINEL_OWNER_OBJECT},   {"Shared", SENTINEL_OWNER_SHARED},
                  {"Immutable", SENTINEL_OWNER_IMMUTABLE},  {"Somebody", SENTINEL_OWNER_UNKNOWN}};
    struct sentinel_object o;
    char body[512];
    for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++) {
        (void)snprintf(body, sizeof body, good, owners[i].name);
        sentinel_host_reply(&h, 200, body);
        ck_assert_msg(sentinel_graphql_read(&h.call, &config, &net, id, &o) == 0, "%s", h.text);
        ck_assert_int_eq(o.owner, owners[i].owner);
        ck_assert(nacre_str_is(o.type, "0x5e::a::B"));
        ck_assert_uint_eq(o.contents.len, 3);
    }
    ck_assert_ptr_nonnull(
        strstr(h.body, "0xab000000000000000000000000000000000000000000000000000000000000cd"));
    ck_node(SENTINEL_GRAPHQL, 200, "{\"data\":{\"object\":null}}", 404, "no such object");
    ck_node(SENTINEL_GRAPHQL, 200, "{\"data\":{\"object\":{\"owner\":null,\"asMoveObject\":null}}}", 0, "");
    ck_node(SENTINEL_GRAPHQL, 200, "{\"data\":{\"object\":{\"asMoveObject\":{\"contents\":null}}}}", 502,
            "contents");
    ck_node(SENTINEL_GRAPHQL, 200,
            "{\"data\":{\"object\":{\"asMoveObject\":{\"contents\":{\"type\":{\"repr\":\"0x5e::a::B\"},"
            "\"bcs\":\"A\"}}}}}",
            502, "contents");
    ck_node(SENTINEL_GRAPHQL, 200, "{\"data\":null,\"errors\":[{\"message\":\"x\"}]}", 502, "GraphQL error");
    ck_node(SENTINEL_GRAPHQL, 200, "{\"data\":{\"object\":null},\"errors\":[{\"message\":\"x\"}]}", 502,
            "GraphQL error");
    ck_node(SENTINEL_GRAPHQL, 200, "{}", 502, "GraphQL error");
    ck_node(SENTINEL_GRAPHQL, 200, "", 502, "");
    ck_node(SENTINEL_GRAPHQL, 200, "<html>", 502, "");
    ck_node(SENTINEL_GRAPHQL, 200, "{\"data\":{\"object\":5}}", 502, "object");
    ck_node(SENTINEL_GRAPHQL, 400, "{\"errors\":[]}", 502, "HTTP status 400");
    ck_node(SENTINEL_GRAPHQL, 404, "", 502, "HTTP status 404");
}
END_TEST

#define RPC(RESULT) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" RESULT "}"

START_TEST(jsonrpc_replies)
{
    static const char good[] =
        RPC("{\"data\":{\"objectId\":\"0xab\",\"version\":\"1\",\"type\":\"0x5e::a::B\",\"owner\":%s,"
            "\"bcs\":{\"dataType\":\"moveObject\",\"bcsBytes\":\"AQID\"}}}");
    static const struct {
        const char *json;
        enum sentinel_owner owner;
    } owners[] = {{"{\"AddressOwner\":\"0x1\"}", SENTINEL_OWNER_ADDRESS},
                  {"{ \"ObjectOwner\" : \"0x1\" }", SENTINEL_OWNER_OBJECT},
                  {"{\"Shared\":{\"initial_shared_version\":1}}", SENTINEL_OWNER_SHARED},
                  {"{\"ConsensusAddressOwner\":{\"owner\":\"0x1\"}}", SENTINEL_OWNER_ADDRESS},
                  {"\"Immutable\"", SENTINEL_OWNER_IMMUTABLE},
                  {"\"AddressOwner\"", SENTINEL_OWNER_UNKNOWN},
                  {"null", SENTINEL_OWNER_UNKNOWN}};
    struct sentinel_object o;
    char body[512];
    for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++) {
        (void)snprintf(body, sizeof body, good, owners[i].json);
        sentinel_host_reply(&h, 200, body);
        ck_assert_msg(sentinel_jsonrpc_read(&h.call, &config, &net, id, &o) == 0, "%s", h.text);
        ck_assert_int_eq(o.owner, owners[i].owner);
        ck_assert(nacre_str_is(o.type, "0x5e::a::B") && nacre_str_is(o.id, "0xab"));
        ck_assert_uint_eq(o.contents.len, 3);
    }
    ck_node(SENTINEL_JSONRPC, 200, RPC("{\"error\":{\"code\":\"notExists\",\"object_id\":\"0xab\"}}"), 404,
            "no such object");
    ck_node(SENTINEL_JSONRPC, 200, RPC("{\"error\":{\"code\":\"deleted\",\"version\":5}}"), 410,
            "was deleted");
    ck_node(SENTINEL_JSONRPC, 200, RPC("{\"error\":{\"code\":\"unknown\"}}"), 502, "cannot give");
    ck_node(SENTINEL_JSONRPC, 200, RPC("{}"), 502, "JSON-RPC error");
    ck_node(SENTINEL_JSONRPC, 200, RPC("null"), 502, "JSON-RPC error");
    ck_node(SENTINEL_JSONRPC, 200, RPC("{\"data\":{\"objectId\":\"0xab\"},\"error\":{\"code\":\"deleted\"}}"),
            502, "JSON-RPC error");
    ck_node(SENTINEL_JSONRPC, 200, RPC("{\"data\":{\"objectId\":\"0xab\"}}"), 502, "contents");
    ck_node(SENTINEL_JSONRPC, 200,
            RPC("{\"data\":{\"objectId\":\"0xab\",\"bcs\":{\"dataType\":\"package\"}}}"), 0, "");
    ck_node(SENTINEL_JSONRPC, 200, "{\"error\":{\"code\":-32601,\"message\":\"gone\"},\"id\":1}", 502,
            "JSON-RPC error");
    ck_node(SENTINEL_JSONRPC, 200, "[]", 502, "");
    ck_node(SENTINEL_JSONRPC, 503, "", 502, "HTTP status 503");
}
END_TEST

/* ---- Objects ---------------------------------------------------------------------------------------------- */

static struct sentinel_object attack_object(uint8_t bytes[32 + 2 + 32 + 16])
{
    memset(bytes, 0, 82);
    memcpy(bytes, id, 32);
    bytes[32] = 1;
    bytes[33] = '3';
    return (struct sentinel_object){
        .id = nacre_str("0xab000000000000000000000000000000000000000000000000000000000000cd"),
        .type = nacre_str("0x5e::sentinel::Attack<0x2::sui::SUI>"),
        .owner = SENTINEL_OWNER_ADDRESS,
        .contents = {bytes, 82}};
}

START_TEST(objects_are_checked)
{
    uint8_t bytes[82];
    struct sentinel_attack a;
    struct sentinel_object o = attack_object(bytes);
    ck_assert_msg(sentinel_chain_check(&h.call, &net, id, &o, &a) == 0, "%s", h.text);
    ck_assert(nacre_str_is(a.agent_id, "3"));
    o.owner = SENTINEL_OWNER_SHARED;
    o.id.len = 0;
    ck_assert_int_eq(sentinel_chain_check(&h.call, &net, id, &o, &a), 0);
    o.owner = SENTINEL_OWNER_OBJECT;
    ck_failed(&h, sentinel_chain_check(&h.call, &net, id, &o, &a), 409, "wrapped");
    o.owner = SENTINEL_OWNER_IMMUTABLE;
    ck_failed(&h, sentinel_chain_check(&h.call, &net, id, &o, &a), 409, "frozen");
    o.owner = SENTINEL_OWNER_UNKNOWN;
    ck_failed(&h, sentinel_chain_check(&h.call, &net, id, &o, &a), 502, "who owns");
    o = attack_object(bytes);
    o.type = nacre_str("0x5f::sentinel::Attack<0x2::sui::SUI>");
    ck_failed(&h, sentinel_chain_check(&h.call, &net, id, &o, &a), 422, "foreign");
    o.type = nacre_str("0x5e::sentinel::Agent<0x2::sui::SUI>");
    ck_failed(&h, sentinel_chain_check(&h.call, &net, id, &o, &a), 422, "type is not");
    o.type = nacre_str("nonsense");
    ck_failed(&h, sentinel_chain_check(&h.call, &net, id, &o, &a), 502, "type that is none");
    o.type = nacre_str("");
    ck_failed(&h, sentinel_chain_check(&h.call, &net, id, &o, &a), 422, "package");
    o = attack_object(bytes);
    o.contents.len--;
    ck_failed(&h, sentinel_chain_check(&h.call, &net, id, &o, &a), 502, "81 bytes");
    o = attack_object(bytes);
    bytes[5] ^= 1;
    ck_failed(&h, sentinel_chain_check(&h.call, &net, id, &o, &a), 502, "asked was");
    o = attack_object(bytes);
    o.id = nacre_str("0xab");
    ck_failed(&h, sentinel_chain_check(&h.call, &net, id, &o, &a), 502, "asked was");
}
END_TEST

/* ---- The AI module ---------------------------------------------------------------------------------------- */

#define VERDICT(SUCCESS, SCORE, TEXT)                                                                        \
    "{\"success\":" SUCCESS ",\"score\":" SCORE ",\"agent_response\":" TEXT                                  \
    ",\"jury_response\":\"\",\"fun_response\":\"\"}"

START_TEST(verdicts_are_checked)
{
    static const struct {
        uint32_t http;
        const char *body, *text;
    } bad[] = {{200, VERDICT("1", "1", "\"\""), "success"},
               {200, VERDICT("\"true\"", "1", "\"\""), "success"},
               {200, VERDICT("null", "1", "\"\""), "success"},
               {200, VERDICT("true", "101", "\"\""), "score is 101"},
               {200, VERDICT("true", "256", "\"\""), "score"},
               {200, VERDICT("true", "-1", "\"\""), "score"},
               {200, VERDICT("true", "1.0", "\"\""), "score"},
               {200, VERDICT("true", "1e1", "\"\""), "score"},
               {200, VERDICT("true", "\"1\"", "\"\""), "score"},
               {200, VERDICT("true", "true", "\"\""), "score"},
               {200, VERDICT("true", "1", "null"), "agent_response"},
               {200, VERDICT("true", "1", "5"), "agent_response"},
               {200, VERDICT("true", "1", "\"\xff\""), ""},
               {200, VERDICT("true", "1", "\"\\ud800\""), ""},
               {200, VERDICT("true", "1", "\"\",\"success\":false"), "success"},
               {200, "{\"success\":true,\"score\":1}", "agent_response"},
               {200, "{}", "success"},
               {200, "[]", ""},
               {200, "", ""},
               {200, "<html>", ""},
               {201, VERDICT("true", "1", "\"\""), "HTTP status 201"},
               {400, VERDICT("true", "1", "\"\""), "HTTP status 400"},
               {500, VERDICT("true", "1", "\"\""), "HTTP status 500"}};
    struct sentinel_verdict v = {.agent_id = nacre_str("38"), .nonce = UINT64_MAX, .attacker = {1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sentinel_host_reply(&h, bad[i].http, bad[i].body);
        ck_failed(&h, sentinel_ai_attack(&h.call, &config, &net, nacre_str("hi"), &v), 502, bad[i].text);
        ck_assert_uint_eq(h.fetches, 1); /* never asked twice */
        ck_assert_uint_eq(v.success + v.score, 0);
        nacre_scratch_reset(&h.scratch);
    }
    sentinel_host_reply(&h, 200, VERDICT("true", "100", "\"\\u00e4\\n\""));
    ck_assert_msg(sentinel_ai_attack(&h.call, &config, &net, nacre_str("say \"hi\"\n"), &v) == 0, "%s",
                  h.text);
    ck_assert_uint_eq(v.success, 1);
    ck_assert_uint_eq(v.score, 100);
    ck_assert(nacre_str_is(v.agent_response, "\xc3\xa4\n"));
    ck_assert_str_eq(h.url, "https://ai.example/testnet/attack/38");
    ck_assert_str_eq(h.body, "{\"message\":\"say \\\"hi\\\"\\n\",\"attacker\":"
                             "\"0x0100000000000000000000000000000000000000000000000000000000000000\","
                             "\"nonce\":\"18446744073709551615\"}");
    h.fetches = 0;
    h.fetch_status[0] = 502;
    ck_failed(&h, sentinel_ai_attack(&h.call, &config, &net, nacre_str("hi"), &v), 502, "broken");
    ck_assert_uint_eq(h.fetches, 1);
}
END_TEST

START_TEST(texts_have_64000_bytes_at_most)
{
    static char body[70000];
    struct sentinel_verdict v = {.agent_id = nacre_str("38")};
    for (unsigned more = 0; more < 2; more++) {
        int n = snprintf(body, sizeof body, "{\"success\":false,\"score\":0,\"agent_response\":\"");
        memset(body + n, 'x', 64000 + more);
        (void)snprintf(body + n + 64000 + more, 64, "\",\"jury_response\":\"\",\"fun_response\":\"\"}");
        sentinel_host_reply(&h, 200, body);
        int32_t err = sentinel_ai_attack(&h.call, &config, &net, nacre_str("hi"), &v);
        if (more)
            ck_failed(&h, err, 502, "agent_response has 64001 bytes, at most 64000");
        else
            ck_assert_uint_eq(v.agent_response.len, 64000);
    }
}
END_TEST

START_TEST(agent_ids)
{
    static const char *const bad[] = {"\"\"",    "\".\"",   "\"..\"",  "\"a/b\"",     "\"%2e\"",
                                      "\"a b\"", "\"a?b\"", "\"a#b\"", "\"\\u0000\"", "\"\\u00e4\"",
                                      "38",      "null",    "true"};
    static const struct RegisterAgentRequest request = {.cost_per_message = 1};
    char body[256];
    struct nacre_str got;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(body, sizeof body, "{\"agent_id\":%s}", bad[i]);
        sentinel_host_reply(&h, 200, body);
        ck_failed(&h, sentinel_ai_register(&h.call, &config, &net, &request, &got), 502, "agent_id");
    }
    sentinel_host_reply(&h, 200, "{\"agent_id\":\"Az_09-x\",\"more\":[{}]}");
    ck_assert_int_eq(sentinel_ai_register(&h.call, &config, &net, &request, &got), 0);
    ck_assert(nacre_str_is(got, "Az_09-x"));
    ck_assert_str_eq(h.url, "https://ai.example/testnet/register-agent");
    ck_assert_ptr_null(strstr(h.body, "api_key"));
    memset(body, 'x', 129);
    ck_assert(sentinel_agent_id_ok((struct nacre_str){body, 128}));
    ck_assert(!sentinel_agent_id_ok((struct nacre_str){body, 129}));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, grpc_frames);
    tcase_add_test(tc, grpc_statuses);
    tcase_add_test(tc, grpc_statuses_missing_or_twice);
    tcase_add_test(tc, grpc_that_is_none);
    tcase_add_test(tc, grpc_objects);
    tcase_add_test(tc, grpc_objects_with_less);
    tcase_add_test(tc, grpc_objects_by_chance);
    tcase_add_test(tc, grpc_request);
    tcase_add_test(tc, questions_are_repeated_once);
    tcase_add_test(tc, graphql_replies);
    tcase_add_test(tc, jsonrpc_replies);
    tcase_add_test(tc, objects_are_checked);
    tcase_add_test(tc, verdicts_are_checked);
    tcase_add_test(tc, texts_have_64000_bytes_at_most);
    tcase_add_test(tc, agent_ids);
}

int main(void)
{
    return nacre_run_suite("sentinel_chain", add, 60);
}
