/* whole.c - a plugin that uses everything that the header offers; C and C++ alike. */
#include <nacre/plugin.h>

struct wc_inner {
    uint8_t flag;
    struct nacre_str text;
};
struct wc_request {
    struct nacre_str network;
    uint64_t number;
    double rate;
    struct nacre_str report;
    struct wc_inner inner;
    struct nacre_vec list;
    const struct nacre_str *maybe;
};
struct wc_response {
    uint8_t a8;
    uint16_t a16;
    uint32_t a32;
    struct nacre_u128 a128;
    struct nacre_u256 a256;
    struct nacre_bytes blob;
    struct nacre_address owner;
};

NACRE_STRUCT(wc_inner_type, "Inner", struct wc_inner, NACRE_FIELD(struct wc_inner, flag, bool),
             NACRE_FIELD(struct wc_inner, text, string));
NACRE_VECTOR(wc_list_type, wc_inner_type);
NACRE_OPTION(wc_maybe_type, nacre_type_string);
NACRE_STRUCT(wc_request_type, "Request", struct wc_request,
             NACRE_FIELD_PATH(struct wc_request, network, string),
             NACRE_FIELD(struct wc_request, number, u64), NACRE_FIELD(struct wc_request, rate, f64),
             NACRE_FIELD(struct wc_request, report, json),
             NACRE_FIELD_STRUCT(struct wc_request, inner, wc_inner_type, struct wc_inner),
             NACRE_FIELD_VECTOR(struct wc_request, list, wc_list_type),
             NACRE_FIELD_OPTION(struct wc_request, maybe, wc_maybe_type, struct nacre_str));
NACRE_STRUCT(wc_response_type, "Response", struct wc_response, NACRE_FIELD(struct wc_response, a8, u8),
             NACRE_FIELD(struct wc_response, a16, u16), NACRE_FIELD(struct wc_response, a32, u32),
             NACRE_FIELD(struct wc_response, a128, u128), NACRE_FIELD(struct wc_response, a256, u256),
             NACRE_FIELD(struct wc_response, blob, bytes), NACRE_FIELD(struct wc_response, owner, address));

NACRE_RECORD(WcPoint, (u32, x), (string, label));
NACRE_LIST(WcPoints, WcPoint);
NACRE_MAYBE(WcMaybePoint, WcPoint);
NACRE_RECORD(WcShape, (string, network, path), (WcPoint, centre), (WcPoints, corners), (WcMaybePoint, handle),
             (bool, filled), (f64, scale), (json, extra));

static int32_t handle(const struct nacre_call *call, const void *request, void *response)
{
    const struct wc_request *rq = (const struct wc_request *)request;
    struct wc_response *out = (struct wc_response *)response;
    struct nacre_fetch fetch;
    struct nacre_reply reply;
    struct nacre_str text = nacre_str("literal");
    struct nacre_bytes plain;
    uint8_t buffer[32];
    uint64_t ms = 0;
    int32_t err = nacre_now_ms(call, &ms);
    if (err)
        return err;
    nacre_fetch_init(&fetch, &reply);
    fetch.url = nacre_format(call, "https://host/?q=%s", nacre_url_encode(call, rq->network).ptr);
    err = nacre_fetch(call, &fetch, &reply);
    if (!err)
        err = nacre_decode_json(call, reply.body, &nacre_type_WcShape,
                                nacre_alloc(call, sizeof(struct WcShape)), 502);
    if (!err)
        err = nacre_secret(call, "KEY", &text);
    if (!err)
        err = nacre_config(call, "a.b", &text);
    if (!err)
        err = nacre_hash(call, NACRE_HASH_SHA256, nacre_bytes_of(text), buffer);
    if (!err)
        err = nacre_open_box(call, buffer, buffer, reply.body, &plain);
    if (!err)
        err = nacre_set_timestamp(call, ms);
    nacre_random(call, buffer, sizeof buffer);
    nacre_log(call, NACRE_LOG_INFO, "done");
    nacre_progress(call, 500, "half");
    out->a8 = (uint8_t)nacre_str_is(text, "x");
    if (nacre_remaining_ms(call) == 0)
        return nacre_fail(call, 504, "%d", 5);
    return err;
}

static int32_t start(const struct nacre_call *call)
{
    (void)call;
    return 0;
}

static void stop(void)
{
}

static const struct nacre_intent intents[] = {{0, 0, NACRE_S("ProcessData"), &wc_response_type}};
static const struct nacre_route routes[] = {{NACRE_S("POST"), NACRE_S("/{network}/x"), 0, NACRE_TIME_APP,
                                             60000, 4096, 500, 0, &wc_request_type, handle}};
static const struct nacre_endpoint endpoints[] = {{NACRE_S("api.example.org"), 443, 0}};
static const struct nacre_secret secrets[] = {{NACRE_S("KEY"), 1, 0}};

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX,
                                          NACRE_S("whole"),
                                          NACRE_S("1.0"),
                                          NACRE_TABLE(intents),
                                          NACRE_TABLE(routes),
                                          NACRE_TABLE(endpoints),
                                          NACRE_TABLE(secrets),
                                          start,
                                          stop};
