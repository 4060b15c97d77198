/* sample.c - the plugin of nacre-app's own tests: each route tries one thing. FAULT_* make it one to be refused. */
#include <nacre/plugin.h>

#include "sample.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#ifdef FAULT_UNDEFINED
extern int nobody_defines_this(void);
#endif

NACRE_OPTION(sample_number_type, nacre_type_u64);
NACRE_OPTION(sample_text_type, nacre_type_string);
NACRE_OPTION(sample_data_type, nacre_type_bytes);
NACRE_STRUCT(sample_payload_type, "Payload", struct sample_payload,
             NACRE_FIELD_OPTION(struct sample_payload, text, sample_text_type, struct nacre_str),
             NACRE_FIELD_OPTION(struct sample_payload, number, sample_number_type, uint64_t),
             NACRE_FIELD_OPTION(struct sample_payload, data, sample_data_type, struct nacre_bytes));
NACRE_STRUCT(sample_request_type, "Request", struct sample_request,
             NACRE_FIELD_STRUCT(struct sample_request, payload, sample_payload_type, struct sample_payload));
NACRE_STRUCT(sample_item_type, "ItemRequest", struct sample_item,
             NACRE_FIELD_PATH(struct sample_item, network, string),
             NACRE_FIELD_PATH(struct sample_item, id, u32));
NACRE_STRUCT(sample_answer_type, "Answer", struct sample_answer,
             NACRE_FIELD(struct sample_answer, text, string), NACRE_FIELD(struct sample_answer, number, u64),
             NACRE_FIELD(struct sample_answer, data, bytes));
NACRE_STRUCT(sample_nested_type, "Nested", struct sample_nested, NACRE_FIELD(struct sample_nested, temp, f64),
             NACRE_FIELD(struct sample_nested, name, string));

static uint64_t number_of(const struct sample_request *rq)
{
    return rq->payload.number ? *rq->payload.number : 0;
}

static struct nacre_str text_of(const struct sample_request *rq)
{
    struct nacre_str none = {NULL, 0};
    return rq->payload.text ? *rq->payload.text : none;
}

static int32_t echo(const struct nacre_call *call, const void *request, void *response)
{
    const struct sample_request *rq = request;
    struct sample_answer *out = response;
    (void)call;
    out->text = text_of(rq);
    out->number = number_of(rq);
    if (rq->payload.data)
        out->data = *rq->payload.data;
    return 0;
}

static int32_t item(const struct nacre_call *call, const void *request, void *response)
{
    const struct sample_item *rq = request;
    struct sample_answer *out = response;
    (void)call;
    out->text = rq->network;
    out->number = rq->id;
    return 0;
}

/* Returns `number`, with `text` noted when there is one. */
static int32_t fail(const struct nacre_call *call, const void *request, void *response)
{
    const struct sample_request *rq = request;
    int32_t status = (int32_t)number_of(rq);
    (void)response;
    return rq->payload.text ? call->host->fail(call, status, *rq->payload.text) : status;
}

/* An error that the handler deals with must leave no trace in the one it returns. */
static int32_t recovered(const struct nacre_call *call, const void *request, void *response)
{
    (void)request, (void)response;
    (void)nacre_fail(call, 502, "upstream said no");
    return 404;
}

static int32_t sleeper(const struct nacre_call *call, const void *request, void *response)
{
    struct sample_answer *out = response;
    uint64_t ms = number_of(request);
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    out->number = nacre_remaining_ms(call);
    (void)nanosleep(&t, NULL);
    return 0;
}

/* Works for so many milliseconds, says so as often as it can, and ends when no time is left. */
static int32_t work(const struct nacre_call *call, const void *request, void *response)
{
    struct sample_answer *out = response;
    const uint64_t rounds = number_of(request);
    const struct timespec ms = {0, 1000000};
    for (uint64_t i = 0; i < rounds; i++) {
        nacre_progress(call, (uint32_t)(i * 1000 / rounds), "round");
        if (nacre_remaining_ms(call) == 0)
            return nacre_fail(call, 504, "ended in round %llu", (unsigned long long)i);
        (void)nanosleep(&ms, NULL);
    }
    out->number = rounds;
    return 0;
}

static int32_t large(const struct nacre_call *call, const void *request, void *response)
{
    struct sample_answer *out = response;
    uint64_t size = number_of(request);
    uint8_t *data = nacre_alloc(call, size);
    if (!data)
        return nacre_fail(call, 413, "no memory for %llu bytes", (unsigned long long)size);
    memset(data, 0x5a, (size_t)size);
    out->data.ptr = data;
    out->data.len = size;
    return 0;
}

/* Where memory was in the last call: what it holds now. */
static int32_t leftover(const struct nacre_call *call, const void *request, void *response)
{
    static const uint8_t *last;
    static uint64_t last_size;
    struct sample_answer *out = response;
    uint64_t size = number_of(request);
    uint8_t *data = nacre_alloc(call, size);
    if (!data)
        return 500;
    out->number = 0;
    for (uint64_t i = 0; i < size; i++)
        out->number += data[i];
    out->text = nacre_str(last == data && last_size == size ? "same" : "other");
    memset(data, 0xff, (size_t)size);
    last = data;
    last_size = size;
    return 0;
}

static int32_t stamp(const struct nacre_call *call, const void *request, void *response)
{
    struct sample_answer *out = response;
    uint64_t ms = number_of(request);
    out->number = ms;
    return ms ? nacre_set_timestamp(call, ms) : 0;
}

static int32_t bad_text(const struct nacre_call *call, const void *request, void *response)
{
    struct sample_answer *out = response;
    (void)call, (void)request;
    out->text.ptr = "\xff\xfe";
    out->text.len = 2;
    return 0;
}

static int32_t now(const struct nacre_call *call, const void *request, void *response)
{
    struct sample_answer *out = response;
    (void)request;
    return nacre_now_ms(call, &out->number);
}

static int32_t secret(const struct nacre_call *call, const void *request, void *response)
{
    struct sample_answer *out = response;
    return call->host->secret(call, text_of(request), &out->text);
}

static int32_t config(const struct nacre_call *call, const void *request, void *response)
{
    struct sample_answer *out = response;
    return call->host->config(call, text_of(request), &out->text);
}

static int32_t hash(const struct nacre_call *call, const void *request, void *response)
{
    struct sample_answer *out = response;
    uint8_t *digest = nacre_alloc(call, 32);
    out->data.ptr = digest;
    out->data.len = 32;
    return nacre_hash(call, (uint32_t)number_of(request), nacre_bytes_of(text_of(request)), digest);
}

static int32_t decode(const struct nacre_call *call, const void *request, void *response)
{
    struct sample_answer *out = response;
    struct sample_nested nested = {7, {"untouched", 9}};
    int32_t err =
        nacre_decode_json(call, nacre_bytes_of(text_of(request)), &sample_nested_type, &nested, 502);
    if (err)
        return nested.temp == 7 ? err : 500;
    out->text = nested.name;
    out->number = (uint64_t)(nested.temp * 10);
    return 0;
}

/* data = nonce, sender's key, box */
static int32_t box(const struct nacre_call *call, const void *request, void *response)
{
    const struct sample_request *rq = request;
    struct sample_answer *out = response;
    const struct nacre_bytes *d = rq->payload.data;
    struct nacre_bytes sealed;
    if (!d || d->len < 56)
        return nacre_fail(call, 400, "data: nonce, key and box are missing");
    sealed.ptr = d->ptr + 56;
    sealed.len = d->len - 56;
    return nacre_open_box(call, d->ptr + 24, d->ptr, sealed, &out->data);
}

static int32_t log_text(const struct nacre_call *call, const void *request, void *response)
{
    const struct sample_request *rq = request;
    (void)response;
    call->host->log(call, (uint32_t)number_of(rq), text_of(rq));
    for (uint32_t i = 0; i < 100; i++)
        nacre_progress(call, i * 10, "step");
    return 0;
}

static int32_t no_sink(void *ctx, const uint8_t *data, uint64_t len)
{
    (void)ctx, (void)data, (void)len;
    return 500;
}

static int32_t fetch(const struct nacre_call *call, const void *request, void *response)
{
    struct sample_answer *out = response;
    struct nacre_fetch rq;
    struct nacre_reply reply;
    nacre_fetch_init(&rq, &reply);
    rq.url = text_of(request);
    if (text_of(request).len && text_of(request).ptr[text_of(request).len - 1] == 's')
        rq.sink = no_sink;
    if (number_of(request))
        rq.struct_size = (uint32_t)number_of(request);
    int32_t err = nacre_fetch(call, &rq, &reply);
    if (err)
        return err;
    out->number = reply.status;
    out->data = reply.body;
    return 0;
}

/* The three digests, one after another; the app's name as the text. */
static int32_t about(const struct nacre_call *call, const void *request, void *response)
{
    struct sample_answer *out = response;
    struct nacre_about about;
    uint8_t *data = nacre_alloc(call, 144);
    (void)request;
    int32_t err = nacre_about(call, &about);
    if (err)
        return err;
    memcpy(data, about.plugin_digest, 48);
    memcpy(data + 48, about.config_digest, 48);
    memcpy(data + 96, about.runtime_digest, 48);
    out->data.ptr = data;
    out->data.len = 144;
    out->text = about.app;
    return 0;
}

static int32_t random_bytes(const struct nacre_call *call, const void *request, void *response)
{
    struct sample_answer *out = response;
    uint8_t *data = nacre_alloc(call, 64);
    (void)request;
    nacre_random(call, data, 64);
    out->data.ptr = data;
    out->data.len = 64;
    return 0;
}

static int32_t crash(const struct nacre_call *call, const void *request, void *response)
{
    (void)call, (void)request, (void)response;
    abort();
}

static int32_t confined(const struct nacre_call *call, const void *request, void *response)
{
    struct sample_answer *out = response;
    (void)request;
    const char *open_way = sample_confined(1);
    out->text = nacre_format(call, "%s", open_way ? open_way : "confined");
    return 0;
}

static const struct nacre_intent intents[] = {{3, 0, NACRE_S("Sample"), &sample_answer_type}};

#define ROUTE(PATH, HANDLER)                                                                                 \
    {                                                                                                        \
        NACRE_S("POST"), NACRE_S(PATH), 3, NACRE_TIME_CORE, 0, 0, 0, 0, &sample_request_type, HANDLER        \
    }
/* In the order of enum sample_route. */
static const struct nacre_route routes[] = {
    ROUTE("/echo", echo),
    {NACRE_S("GET"), NACRE_S("/{network}/item/{id}"), 3, NACRE_TIME_CORE, 0, 0, 0, 0, &sample_item_type,
     item},
    ROUTE("/fail", fail),
    ROUTE("/recovered", recovered),
    {NACRE_S("POST"), NACRE_S("/sleep"), 3, NACRE_TIME_CORE, 0, 0, 400, 0, &sample_request_type, sleeper},
    ROUTE("/large", large),
    ROUTE("/leftover", leftover),
    {NACRE_S("POST"), NACRE_S("/stamp"), 3, NACRE_TIME_APP, 60000, 0, 0, 0, &sample_request_type, stamp},
    ROUTE("/bad-text", bad_text),
    ROUTE("/now", now),
    ROUTE("/secret", secret),
    ROUTE("/config", config),
    ROUTE("/hash", hash),
    ROUTE("/decode", decode),
    ROUTE("/box", box),
    ROUTE("/log", log_text),
    ROUTE("/fetch", fetch),
    ROUTE("/random", random_bytes),
    ROUTE("/crash", crash),
    ROUTE("/confined", confined),
    {NACRE_S("POST"), NACRE_S("/small"), 3, NACRE_TIME_CORE, 0, 64, 0, 0, &sample_request_type, echo},
    /* the core stamps this one */
    ROUTE("/stamp-refused", stamp),
    ROUTE("/about", about),
    {NACRE_S("POST"), NACRE_S("/work"), 3, NACRE_TIME_CORE, 0, 0, 400, 0, &sample_request_type, work},
};

static const struct nacre_secret secrets[] = {{NACRE_S("API_KEY"), 1, 0}, {NACRE_S("EXTRA"), 0, 0}};

/*
 * Runs in dlopen, where it must be confined already; start() tells. Where there is no filter at all, in whoever reads
 * the descriptor, nothing is tried.
 */
static const char *at_load = "the constructor did not run under a filter";

__attribute__((constructor)) static void construct(void)
{
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0)
        at_load = sample_confined(0);
}

static int32_t start(const struct nacre_call *call)
{
#ifdef FAULT_START
    return nacre_fail(call, 503, "the model does not load");
#else
    struct nacre_str key;
    const char *open_way = sample_confined(0);
    if (call->request_id != 0 || nacre_remaining_ms(call) == 0)
        return nacre_fail(call, 500, "start() has the wrong call");
    if (at_load)
        return nacre_fail(call, 500, "the constructor is not confined: %s", at_load);
    if (open_way)
        return nacre_fail(call, 500, "start() is not confined: %s", open_way);
    return nacre_secret(call, "API_KEY", &key);
#endif
}

static void stop(void)
{
    (void)fputs("sample: stop() was called\n", stderr);
}

#ifdef FAULT_SYMBOL
extern NACRE_EXPORT const struct nacre_plugin nacre_plugin_misspelt;
const struct nacre_plugin nacre_plugin_misspelt = {
#else
const struct nacre_plugin nacre_plugin = {
#endif
#ifdef FAULT_MAGIC
    {'N', 'A', 'C', 'R', 'E', 'P', 'L', 'X'},
    NACRE_ABI_MAJOR,
    NACRE_ABI_MINOR,
    sizeof(struct nacre_plugin),
#elif defined(FAULT_MAJOR)
    NACRE_MAGIC,          NACRE_ABI_MAJOR + 1,  NACRE_ABI_MINOR, sizeof(struct nacre_plugin),
#elif defined(FAULT_SIZE)
NACRE_MAGIC, NACRE_ABI_MAJOR, NACRE_ABI_MINOR, sizeof(struct nacre_plugin) - 8,
#elif defined(FAULT_PREFIX)
NACRE_MAGIC, NACRE_ABI_MAJOR, NACRE_ABI_MINOR, 8,
#elif defined(FAULT_OLDER)
NACRE_MAGIC, NACRE_ABI_MAJOR - 1, NACRE_ABI_MINOR, sizeof(struct nacre_plugin),
#elif defined(FAULT_NEWER)
NACRE_MAGIC, NACRE_ABI_MAJOR, NACRE_ABI_MINOR + 1, sizeof(struct nacre_plugin) + 8,
#else
NACRE_PREFIX,
#endif
    NACRE_S("sample"),
#ifdef FAULT_VERSION
    NACRE_S("1.0.1"),
#else
    NACRE_S("1.0.0"),
#endif
    NACRE_TABLE(intents),
#ifdef FAULT_ROUTES
    routes,
    sizeof routes / sizeof *routes,
    sizeof *routes + 8,
#else
    NACRE_TABLE(routes),
#endif
    NACRE_NONE,
    NACRE_TABLE(secrets),
    start,
    stop,
};

#ifdef FAULT_UNDEFINED
int (*sample_needs)(void) = nobody_defines_this;
#endif
