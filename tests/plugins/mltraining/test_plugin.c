/* The app between a host and a store of this test's: from a request to a model that the buyer opens. */
#include <app/decode.h>
#include <app/encode.h>
#include <app/scratch.h>
#include <learn/format.h>
#include <learn/job.h>
#include <nacre/plugin.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h" /* after the header whose member `fail` its macros would change */

struct blob {
    char id[80];
    const char *bytes;
    size_t len;
    unsigned missing; /* times that it is answered with 404 first */
    unsigned broken;  /* times that the connection breaks in the middle */
};

static struct {
    struct nacre_call call;
    struct nacre_scratch scratch;
    struct blob blobs[8];
    unsigned n_blobs, gets, puts;
    uint32_t put_status;
    const char *put_reply;
    uint8_t *stored;
    size_t stored_len;
    char put_url[256];
    uint64_t remaining_ms, now_ms;
    const char *store_kind; /* NULL: not set */
    const char *max_rows, *max_bytes, *max_memory;
    uint8_t data_public[32], data_secret[32], buyer_public[32], buyer_secret[32];
    char buyer[65];
    int32_t status;
    char text[512];
    unsigned progress;
    bool no_memory; /* once a model was stored */
    bool another;   /* while blobs are fetched, another request comes */
    const char *concurrent;
} h;

static void *host_alloc(const struct nacre_call *call, uint64_t size)
{
    (void)call;
    return h.no_memory && h.puts ? NULL : nacre_scratch_alloc(&h.scratch, size);
}

static int32_t host_fail(const struct nacre_call *call, int32_t status, struct nacre_str text)
{
    (void)call;
    (void)snprintf(h.text, sizeof h.text, "%.*s", (int)text.len, text.ptr);
    return status;
}

static int32_t host_now(const struct nacre_call *call, uint64_t *ms)
{
    (void)call;
    *ms = h.now_ms;
    return 0;
}

static int32_t host_config(const struct nacre_call *call, struct nacre_str name, struct nacre_str *value)
{
    const char *found = nacre_str_is(name, "store.kind")            ? h.store_kind
                        : nacre_str_is(name, "store.url")           ? "https://store.example/data/"
                        : nacre_str_is(name, "limits.rows")         ? h.max_rows
                        : nacre_str_is(name, "limits.bytes")        ? h.max_bytes
                        : nacre_str_is(name, "training.concurrent") ? h.concurrent
                        : nacre_str_is(name, "limits.memory")       ? h.max_memory
                                                                    : NULL;
    if (!found)
        return host_fail(call, 500, nacre_str("no such setting"));
    *value = nacre_str(found);
    return 0;
}

/* In three pieces, as a network might. */
static int32_t give(const struct nacre_fetch *rq, struct blob *b)
{
    int32_t err = 0;
    if (b->len > rq->max_reply)
        return host_fail(NULL, 502, nacre_str("upstream: the reply's body is larger"));
    for (size_t i = 0; i < 3 && !err; i++) {
        const size_t from = b->len * i / 3, to = b->len * (i + 1) / 3;
        if (i == 2 && b->broken) {
            b->broken--;
            return host_fail(NULL, 502, nacre_str("upstream: broken"));
        }
        if (to > from)
            err = rq->sink(rq->sink_ctx, (const uint8_t *)b->bytes + from, to - from);
    }
    return err;
}

static void ask_another(void);

static int32_t host_fetch(const struct nacre_call *call, const struct nacre_fetch *rq,
                          struct nacre_reply *reply)
{
    char url[256];
    (void)call;
    (void)snprintf(url, sizeof url, "%.*s", (int)rq->url.len, rq->url.ptr);
    if (nacre_str_is(rq->method, "PUT")) {
        h.puts++;
        (void)snprintf(h.put_url, sizeof h.put_url, "%s", url);
        h.stored = realloc(h.stored, rq->body.len);
        h.stored_len = rq->body.len;
        memcpy(h.stored, rq->body.ptr, h.stored_len);
        reply->status = h.put_status;
        reply->body = nacre_bytes_of(nacre_str(h.put_reply));
        return 0;
    }
    h.gets++;
    if (h.another) {
        h.another = false;
        ask_another();
    }
    reply->status = 404;
    for (unsigned i = 0; i < h.n_blobs; i++) {
        struct blob *b = &h.blobs[i];
        const char *end = strrchr(url, '/');
        if (strcmp(end + 1, b->id) != 0)
            continue;
        if (b->missing) {
            b->missing--;
            return 0;
        }
        reply->status = 200;
        return give(rq, b);
    }
    return 0;
}

static int32_t host_decode(const struct nacre_call *call, struct nacre_bytes text,
                           const struct nacre_type *type, void *out, int32_t status)
{
    struct nacre_decode d = {.scratch = &h.scratch, .root = "JSON"};
    memset(out, 0, type->c_size);
    if (nacre_decode_text(&d, type, out, (const char *)text.ptr, text.len) == 0)
        return 0;
    return host_fail(call, status, nacre_str(d.why));
}

static int32_t host_open_box(const struct nacre_call *call, const uint8_t sender[32], const uint8_t nonce[24],
                             struct nacre_bytes box, struct nacre_bytes *plain)
{
    uint8_t *out = host_alloc(call, box.len);
    if (box.len < crypto_box_MACBYTES ||
        crypto_box_open_easy(out, box.ptr, box.len, nonce, sender, h.data_secret) != 0)
        return host_fail(call, 400, nacre_str("the box does not open"));
    *plain = (struct nacre_bytes){out, box.len - crypto_box_MACBYTES};
    return 0;
}

static int32_t host_hash(const struct nacre_call *call, uint32_t algorithm, struct nacre_bytes data,
                         uint8_t out[32])
{
    (void)call;
    ck_assert_uint_eq(algorithm, NACRE_HASH_SHA256);
    return crypto_hash_sha256(out, data.ptr, data.len);
}

static void host_progress(const struct nacre_call *call, uint32_t permille, struct nacre_str text)
{
    (void)call;
    ck_assert_uint_le(permille, 1000);
    ck_assert_uint_gt(text.len, 0);
    h.progress++;
}

static uint64_t host_remaining(const struct nacre_call *call)
{
    (void)call;
    return h.remaining_ms;
}

static int32_t host_about(const struct nacre_call *call, struct nacre_about *out)
{
    (void)call;
    memset(out->plugin_digest, 0xaa, sizeof out->plugin_digest);
    memset(out->runtime_digest, 0xbb, sizeof out->runtime_digest);
    out->app = nacre_str("mltraining");
    out->version = nacre_str("1.0.0");
    out->runtime = nacre_str("0.1.0");
    return 0;
}

static const struct nacre_host table = {.struct_size = sizeof table,
                                        .abi_major = NACRE_ABI_MAJOR,
                                        .abi_minor = NACRE_ABI_MINOR,
                                        .alloc = host_alloc,
                                        .now_ms = host_now,
                                        .config = host_config,
                                        .fetch = host_fetch,
                                        .decode_json = host_decode,
                                        .open_box = host_open_box,
                                        .hash = host_hash,
                                        .progress = host_progress,
                                        .fail = host_fail,
                                        .remaining_ms = host_remaining,
                                        .about = host_about};

/* ---- What is asked ------------------------------------------------------------------------------------------- */

static const struct nacre_plugin *plugin(void)
{
    static const struct nacre_plugin *loaded;
    if (!loaded) {
        void *handle = dlopen(NACRE_PLUGIN_SO, RTLD_NOW | RTLD_LOCAL);
        ck_assert_msg(handle != NULL, "%s", dlerror());
        loaded = dlsym(handle, "nacre_plugin");
        ck_assert_int_eq(loaded->start(&h.call), 0);
    }
    return loaded;
}

struct answer { /* as the app declares it */
    struct nacre_str model_blob_id, accuracy, final_loss, num_samples;
};
struct metrics {
    uint64_t rows;
    struct nacre_str accuracy, loss;
};
struct data {
    struct nacre_str blob_id;
    struct nacre_bytes sha256;
    uint64_t rows;
};
struct receipt {
    struct nacre_bytes request_sha256, config_sha256;
    struct nacre_vec data;
    struct nacre_bytes model_sha256, sealed_sha256;
    struct nacre_str model_blob_id;
    struct nacre_bytes buyer;
    uint64_t seed;
    struct metrics train, test;
};

static void call_route(unsigned route, const char *body, void *response)
{
    const struct nacre_route *r = &plugin()->routes[route];
    struct nacre_decode d = {.scratch = &h.scratch, .root = "body"};
    void *request = nacre_scratch_alloc(&h.scratch, r->request->c_size);
    ck_assert_msg(nacre_decode_text(&d, r->request, request, body, strlen(body)) == 0, "%s", d.why);
    h.text[0] = '\0';
    h.gets = h.puts = 0;
    ck_assert_uint_eq(plugin()->intents[route].response->c_size,
                      route ? sizeof(struct receipt) : sizeof(struct answer));
    h.status = r->handler(&h.call, request, response);
    if (!h.status) { /* what it gives can be signed */
        static uint8_t room[65536];
        char why[NACRE_PLACE_TEXT];
        struct nacre_writer w = nacre_writer(room, sizeof room);
        ck_assert_int_eq(nacre_encode(&w, plugin()->intents[route].response, response, why), 0);
    }
}

static void ask(const char *ids, const char *key, const char *more, struct answer *out)
{
    char body[4096];
    (void)snprintf(
        body, sizeof body,
        "{\"payload\":{\"data_blob_ids\":[%s],\"model_config_blob_id\":\"config\",\"key_id\":\"%s\","
        "\"learning_rate\":0.01,\"epochs\":30%s}}",
        ids, key, more);
    memset(out, 0, sizeof *out);
    call_route(0, body, out);
}

static void put_blob(const char *id, const char *bytes, size_t len)
{
    struct blob *b = &h.blobs[h.n_blobs++];
    *b = (struct blob){.bytes = bytes, .len = len};
    (void)snprintf(b->id, sizeof b->id, "%s", id);
}

static char csv[4096], pairs[4096];

static void fill(void)
{
    size_t a = (size_t)snprintf(csv, sizeof csv, "x,y,label\n"), b = 0;
    for (int i = 0; i < 60; i++) {
        const int x = i * 7 % 20 - 10, y = i * 3 % 11 - 5;
        a += (size_t)snprintf(csv + a, sizeof csv - a, "%d,%d,%d\n", x, y, x + y > 0);
        b +=
            (size_t)snprintf(pairs + b, sizeof pairs - b, "%s[[%d,%d.5],%d]", i ? "," : "[", y, x, x + y > 0);
    }
    (void)snprintf(pairs + b, sizeof pairs - b, "]");
}

static void setup(void)
{
    static const char config[] =
        "{\"input_size\":2,\"output_size\":2,\"layers\":[{\"neurons\":8,\"activation\":\"relu\"}]}";
    ck_assert_int_ge(sodium_init(), 0);
    memset(&h, 0, sizeof h);
    h.call = (struct nacre_call){sizeof h.call, 0, &table, 1};
    ck_assert_int_eq(nacre_scratch_init(&h.scratch, 1u << 24), 0);
    h.remaining_ms = 60000;
    h.now_ms = 1000;
    h.put_status = 200;
    h.put_reply = "{\"newlyCreated\":{\"blobObject\":{\"id\":\"0x1\",\"blobId\":\"stored_1-A\",\"size\":17},"
                  "\"cost\":1}}";
    (void)crypto_box_keypair(h.data_public, h.data_secret);
    (void)crypto_box_keypair(h.buyer_public, h.buyer_secret);
    (void)sodium_bin2hex(h.buyer, sizeof h.buyer, h.buyer_public, 32);
    fill();
    put_blob("config", config, sizeof config - 1);
    put_blob("csv", csv, strlen(csv));
    put_blob("pairs", pairs, strlen(pairs));
}

static void teardown(void)
{
    nacre_scratch_free(&h.scratch);
    free(h.stored);
}

#define refused(STATUS, TEXT)                                                                                \
    do {                                                                                                     \
        ck_assert_msg(h.status == (STATUS) && strstr(h.text, (TEXT)), "%d '%s', expected %d '%s'", h.status, \
                      h.text, (STATUS), (TEXT));                                                             \
    } while (0)

/* Opens what was stored, with the buyer's key. The caller frees. */
static uint8_t *open_model(struct ml_bundle *out)
{
    char why[ML_WHY];
    uint8_t *plain = malloc(h.stored_len);
    ck_assert_int_eq(crypto_box_seal_open(plain, h.stored, h.stored_len, h.buyer_public, h.buyer_secret), 0);
    ck_assert_int_eq(ml_bundle_read(out, plain, h.stored_len - crypto_box_SEALBYTES, why), 0);
    return plain;
}

static bool card_has(const struct ml_bundle *b, const char *text)
{
    return memmem(b->card, b->card_len, text, strlen(text)) != NULL;
}

START_TEST(from_request_to_model)
{
    struct answer a;
    struct ml_bundle b;
    struct ml_model m;
    char why[ML_WHY];
    ask("\"csv\",\"pairs\"", h.buyer, "", &a);
    ck_assert_msg(h.status == 0, "%d %s", h.status, h.text);
    ck_assert(nacre_str_is(a.model_blob_id, "stored_1-A"));
    ck_assert(nacre_str_is(a.num_samples, "96")); /* 120 less a fifth */
    ck_assert_double_gt(strtod(a.accuracy.ptr, NULL), 70);
    ck_assert_uint_eq(a.accuracy.len - (size_t)(strchr(a.accuracy.ptr, '.') - a.accuracy.ptr), 7);
    ck_assert_uint_eq(h.gets, 3);
    ck_assert_uint_ge(h.progress, 30);
    ck_assert_str_eq(h.put_url, "https://publisher.walrus-testnet.walrus.space/v1/blobs?epochs=5");
    uint8_t *plain = open_model(&b);
    ck_assert_msg(ml_model_read(&m, b.model, b.model_len, why) == 0, "%s", why);
    ck_assert_ptr_nonnull(ml_model_find(&m, "layers.1.weight"));
    ck_assert(card_has(&b, "\"app\":{\"name\":\"mltraining\",\"version\":\"1.0.0\",\"sha384\":\"aaaa"));
    ck_assert(card_has(&b, "\"epochs\":30,") && card_has(&b, "\"request_sha256\":null"));
    ck_assert(card_has(&b, "\"rows\":60},{\"blob_id\":\"pairs\""));
    ml_model_free(&m);
    free(plain);
}
END_TEST

static void expect_digest(struct nacre_bytes found, const void *of, size_t len)
{
    uint8_t digest[32];
    (void)crypto_hash_sha256(digest, of, len);
    ck_assert_uint_eq(found.len, 32);
    ck_assert_mem_eq(found.ptr, digest, 32);
}

START_TEST(receipts_bind_everything)
{
    struct receipt r;
    struct ml_bundle b;
    char body[1024], payload[1024];
    const struct nacre_str ids[] = {NACRE_S("pairs"), NACRE_S("csv"), NACRE_S("config")};
    /* in canonical form: members sorted, no white space */
    (void)snprintf(
        payload, sizeof payload,
        "{\"data_blob_ids\":[\"pairs\",\"csv\"],\"epochs\":30,\"key_id\":\"%s\",\"learning_rate\":0.01,"
        "\"model_config_blob_id\":\"config\",\"note\":\"mine\"}",
        h.buyer);
    (void)snprintf(body, sizeof body,
                   "{\"payload\": {\"note\":\"m\\u0069ne\",\"epochs\":30, "
                   "\"data_blob_ids\":[\"pairs\",\"csv\"],\"key_id\":"
                   "\"%s\",\"model_config_blob_id\":\"config\",\"learning_rate\":1e-2}}",
                   h.buyer);
    memset(&r, 0, sizeof r);
    call_route(1, body, &r);
    ck_assert_msg(h.status == 0, "%d %s", h.status, h.text);
    uint8_t *plain = open_model(&b);
    const struct data *data = r.data.ptr;
    ck_assert_uint_eq(r.data.count, 2);
    expect_digest(r.request_sha256, payload, strlen(payload));
    expect_digest(r.config_sha256, h.blobs[0].bytes, h.blobs[0].len);
    expect_digest(data[0].sha256, pairs, strlen(pairs));
    expect_digest(data[1].sha256, csv, strlen(csv));
    ck_assert(nacre_str_is(data[0].blob_id, "pairs") && data[0].rows == 60);
    expect_digest(r.model_sha256, b.model, b.model_len);
    expect_digest(r.sealed_sha256, h.stored, h.stored_len);
    ck_assert_mem_eq(r.buyer.ptr, h.buyer_public, 32);
    ck_assert_uint_eq(r.seed, ml_seed_from(ids, 3));
    ck_assert_uint_eq(r.train.rows, 96);
    ck_assert_uint_eq(r.test.rows, 24);
    ck_assert(r.test.accuracy.len > 7 && r.train.loss.len >= 8);
    ck_assert(!card_has(&b, "\"request_sha256\":null"));
    free(plain);
}
END_TEST

/* What `nacre repeat` does: the same inputs outside, the same bytes. */
START_TEST(the_same_model_twice)
{
    struct answer a;
    uint8_t digests[2][32] = {{0}};
    struct ml_bundle b;
    for (int i = 0; i < 2; i++) {
        ask("\"csv\"", h.buyer, "", &a);
        ck_assert_int_eq(h.status, 0);
        uint8_t *plain = open_model(&b);
        (void)crypto_hash_sha256(digests[i], b.model, b.model_len);
        free(plain);
    }
    ck_assert_mem_eq(digests[0], digests[1], 32);
}
END_TEST

START_TEST(tries_again)
{
    struct answer a;
    h.blobs[1].missing = 1;
    h.blobs[2].broken = 2; /* half of its rows have come, twice */
    ask("\"csv\",\"pairs\"", h.buyer, "", &a);
    ck_assert_msg(h.status == 0, "%d %s", h.status, h.text);
    ck_assert(nacre_str_is(a.num_samples, "96"));
    ck_assert_uint_eq(h.gets, 6);
    h.remaining_ms = 300; /* no time for many tries */
    ask("\"csv\",\"nowhere\"", h.buyer, "", &a);
    refused(422, "blob nowhere is not in the store");
    ck_assert_uint_eq(h.puts, 0);
}
END_TEST

START_TEST(answers_of_the_publisher)
{
    static const struct {
        uint32_t status;
        const char *reply;
        int32_t expected;
        const char *text;
    } cases[] = {
        {200, "{\"alreadyCertified\":{\"blobId\":\"again\",\"event\":{\"txDigest\":\"x\"},\"endEpoch\":35}}",
         0, ""},
        {200, "{}", 502, "neither newlyCreated nor alreadyCertified"},
        {200, "{\"alreadyCertified\":{\"blobId\":\"../x\"}}", 502, "no usable blobId"},
        {200, "{\"newlyCreated\":{}}", 502, "blobObject"},
        {200, "<html>", 502, "JSON"},
        {413, "", 502, "status 413 when given a model of"},
        {400, "", 502, "status 400"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer a;
        h.put_status = cases[i].status;
        h.put_reply = cases[i].reply;
        ask("\"csv\"", h.buyer, "", &a);
        refused(cases[i].expected, cases[i].text);
        if (i == 0)
            ck_assert(nacre_str_is(a.model_blob_id, "again"));
    }
}
END_TEST

START_TEST(a_plain_store)
{
    struct answer a;
    h.store_kind = "https";
    ask("\"csv\"", h.buyer, "", &a);
    ck_assert_msg(h.status == 0, "%d %s", h.status, h.text);
    ck_assert_uint_eq(a.model_blob_id.len, 64);
    ck_assert(strncmp(h.put_url, "https://store.example/data/", 27) == 0);
    ck_assert(memcmp(h.put_url + 27, a.model_blob_id.ptr, 64) == 0);
    h.store_kind = "ftp";
    ask("\"csv\"", h.buyer, "", &a);
    refused(500, "plugin.store.kind is 'ftp'");
}
END_TEST

START_TEST(refused_before_any_work)
{
    static const struct {
        const char *ids, *key;
        int32_t status;
        const char *text;
    } cases[] = {
        {"\"csv\"", "0x1111111111111111111111111111111111111111111111111111111111111111", 422,
         "key_id is a Sui address, to which nothing can be encrypted: the model is encrypted to key_id"},
        {"\"csv\"", "", 422, "key_id is no key"},
        {"\"csv\"", "0000000000000000000000000000000000000000000000000000000000000000", 422,
         "not a usable X25519 public key"},
        {"", NULL, 400, "0 data_blob_ids"},
        {"\"csv\",\"csv\"", NULL, 400, "are the same"},
        {"\"../config\"", NULL, 400, "a blob id has"},
        {"\"a b\"", NULL, 400, "a blob id has"},
        {"\"config\"", NULL, 422, "blob config: envelope: expected an object of texts"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer a;
        ask(cases[i].ids, cases[i].key ? cases[i].key : h.buyer, "", &a);
        refused(cases[i].status, cases[i].text);
        ck_assert_uint_eq(h.puts, 0);
    }
}
END_TEST

START_TEST(limits_and_cancelling)
{
    struct answer a;
    h.max_rows = "59";
    ask("\"csv\"", h.buyer, "", &a);
    refused(413, "blob csv, row 60: more than 59 rows in all");
    h.max_rows = "many";
    ask("\"csv\"", h.buyer, "", &a);
    refused(500, "plugin.limits.rows is 'many'");
    h.max_rows = NULL;
    h.remaining_ms = 0;
    ask("\"csv\"", h.buyer, "", &a);
    refused(504, "nobody waits");
    ck_assert_uint_eq(h.puts, 0);
}
END_TEST

/* 413 at once: what is too large now is too large the next time. */
START_TEST(blobs_past_a_limit_are_fetched_once)
{
    struct answer a;
    char *large = calloc(1, 65537);
    memset(large, ' ', 65536);
    h.max_bytes = "800"; /* the first blob fits, two do not */
    ck_assert_uint_lt(strlen(csv), 800);
    ck_assert_uint_gt(strlen(csv) + strlen(pairs), 800);
    ask("\"csv\",\"pairs\"", h.buyer, "", &a);
    refused(413, "blob pairs: more than the");
    ck_assert_uint_eq(h.gets, 3);
    h.max_bytes = NULL;
    h.blobs[0].bytes = large;
    h.blobs[0].len = 65537;
    ask("\"csv\"", h.buyer, "", &a);
    refused(413, "blob config: more than the 65536 bytes");
    ck_assert_uint_eq(h.gets, 1);
    free(large);
}
END_TEST

/* The largest net that a config can describe, and one of half a gigabyte where less is allowed. */
START_TEST(nets_that_no_memory_holds)
{
    struct answer a;
    char large[2048];
    size_t at = (size_t)snprintf(large, sizeof large, "{\"input_size\":2,\"output_size\":2,\"layers\":[");
    for (int i = 0; i < 16; i++)
        at += (size_t)snprintf(large + at, sizeof large - at, "%s{\"neurons\":65536,\"activation\":\"relu\"}",
                               i ? "," : "");
    (void)snprintf(large + at, sizeof large - at, "]}");
    h.blobs[0].bytes = large;
    h.blobs[0].len = strlen(large);
    ask("\"csv\"", h.buyer, "", &a);
    refused(413, "training would take 1289");
    static const char two[] =
        "{\"input_size\":2,\"output_size\":2,\"layers\":[{\"neurons\":16384,\"activation\":"
        "\"relu\"},{\"neurons\":2048,\"activation\":\"relu\"}]}";
    h.blobs[0].bytes = two;
    h.blobs[0].len = sizeof two - 1;
    h.max_memory = "100000000";
    ask("\"csv\"", h.buyer, "", &a);
    refused(413, "at most 100000000 are given");
    ck_assert_uint_eq(h.puts, 0);
}
END_TEST

#ifdef COUNT_MEMORY /* sanitizers take what they like */
/* Kilobytes that this process had at most since it was asked with `again`. */
static unsigned long peak(bool again)
{
    char line[128];
    unsigned long kilobytes = 0;
    FILE *f = fopen(again ? "/proc/self/clear_refs" : "/proc/self/status", again ? "w" : "r");
    ck_assert_ptr_nonnull(f);
    if (again)
        ck_assert_int_gt(fputs("5", f), 0);
    while (!again && kilobytes == 0 && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kilobytes = strtoul(line + 6, NULL, 10);
    ck_assert_int_eq(fclose(f), 0);
    return again ? peak(false) : kilobytes;
}

/* Of knn, whose model is as large as its data: it is written, bound to its card and sealed in turn. */
START_TEST(takes_twice_the_data_at_most)
{
    enum { WIDE = 16000, TALL = 400 };
    static const char config[] = "{\"input_size\":16000,\"output_size\":2,\"algorithm\":\"knn\"}";
    const unsigned long data = (unsigned long)WIDE * TALL * sizeof(float) / 1024;
    struct answer a;
    size_t at = 0;
    char *rows = malloc((size_t)TALL * (2 * WIDE + 8));
    for (unsigned i = 0; i < TALL; i++) {
        at += (size_t)snprintf(rows + at, 4, "%s", i ? ",[[" : "[[[");
        for (unsigned j = 0; j < WIDE; j++) {
            rows[at++] = (char)('0' + (i * 7 + j * j) % 10);
            rows[at++] = j + 1 < WIDE ? ',' : ']';
        }
        at += (size_t)snprintf(rows + at, 4, ",%u]", i % 2);
    }
    rows[at++] = ']';
    put_blob("wide", rows, at);
    h.blobs[0].bytes = config;
    h.blobs[0].len = sizeof config - 1;
    const unsigned long before = peak(true);
    ask("\"wide\"", h.buyer, "", &a);
    ck_assert_msg(h.status == 0, "%d %s", h.status, h.text);
    const unsigned long taken = peak(false) - before;
    ck_assert_msg(taken < data * 5 / 2, "%lu KiB were taken for %lu KiB of data", taken, data);
    free(rows);
}
END_TEST
#endif

/* The status of what came in between stays in the text of the error, for it has a reply of its own. */
static char said[600];

static void ask_another(void)
{
    struct answer a;
    const uint64_t kept = h.remaining_ms;
    const unsigned gets = h.gets;
    h.remaining_ms = 0; /* it would wait for ever */
    ask("\"csv\"", h.buyer, "", &a);
    (void)snprintf(said, sizeof said, "%d %s", h.status, h.text);
    h.remaining_ms = kept;
    h.gets = gets;
    h.text[0] = '\0';
}

START_TEST(one_at_a_time)
{
    struct answer a;
    h.concurrent = "1";
    for (int i = 0; i < 2; i++) { /* twice: who leaves makes room */
        h.another = true;
        ask("\"csv\"", h.buyer, "", &a);
        ck_assert_msg(h.status == 0, "%d %s", h.status, h.text);
        ck_assert_str_eq(said, "504 as many trainings as go on at once, 1, did not end in time");
    }
    h.remaining_ms = 300;
    ask("\"nowhere\"", h.buyer, "", &a); /* so does who fails */
    refused(422, "not in the store");
    h.remaining_ms = 60000;
    ask("\"csv\"", h.buyer, "", &a);
    ck_assert_int_eq(h.status, 0);
}
END_TEST

/* The last texts of an answer find no memory: they are not signed as empty ones. */
START_TEST(no_empty_texts)
{
    struct answer a;
    struct receipt r;
    char body[1024];
    h.no_memory = true;
    h.store_kind = "https"; /* whose name for the model is made before */
    ask("\"csv\"", h.buyer, "", &a);
    refused(503, "out of memory");
    (void)snprintf(body, sizeof body,
                   "{\"payload\":{\"data_blob_ids\":[\"csv\"],\"model_config_blob_id\":\"config\",\"key_id\":"
                   "\"%s\",\"learning_rate\":0.01,\"epochs\":3}}",
                   h.buyer);
    memset(&r, 0, sizeof r);
    call_route(1, body, &r);
    refused(503, "out of memory");
}
END_TEST

START_TEST(configs_refused)
{
    static const struct {
        const char *config, *text;
    } cases[] = {
        {"{", "JSON"},
        {"{\"input_size\":2}", "output_size: missing"},
        {"{\"input_size\":0,\"output_size\":2}", "input_size is 0, expected 1 to"},
        {"{\"input_size\":2,\"output_size\":2,\"algorithm\":\"svm\"}",
         "algorithm is \"svm\", expected one of: mlp, linear"},
        {"{\"input_size\":2,\"output_size\":2,\"layers\":[{\"neurons\":0,\"activation\":\"relu\"}]}",
         "layers.neurons is 0"},
        {"{\"input_size\":2,\"output_size\":2,\"layers\":[{\"neurons\":1,\"activation\":\"gelu\"}]}",
         "layers.activation is \"gelu\""},
        {"{\"input_size\":2,\"output_size\":2,\"layers\":[{\"neurons\":1,\"activation\":\"relu\",\"dropout\":"
         "1}]}",
         "layers.dropout is 1, expected 0 or more and less than 1"},
        {"{\"input_size\":2,\"output_size\":1,\"loss\":\"cross_entropy\"}", "needs an output_size of 2"},
        {"{\"input_size\":2,\"output_size\":3,\"loss\":\"squared\"}", "needs an output_size of 1, not 3"},
        {"{\"input_size\":2,\"output_size\":1,\"loss\":\"squared\",\"algorithm\":\"naive_bayes\"}",
         "has no loss squared"},
        {"{\"input_size\":3,\"output_size\":2}", "blob csv: CSV: 3 columns, expected 3 features and a label"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer a;
        h.blobs[0].bytes = cases[i].config;
        h.blobs[0].len = strlen(cases[i].config);
        ask("\"csv\"", h.buyer, "", &a);
        refused(422, cases[i].text);
    }
}
END_TEST

START_TEST(an_envelope_to_the_data_key)
{
    struct answer a;
    char *sealed = ml_envelope_seal((const uint8_t *)csv, strlen(csv), h.data_public);
    char *other = ml_envelope_seal((const uint8_t *)csv, strlen(csv), h.buyer_public);
    put_blob("sealed", sealed, strlen(sealed));
    put_blob("other", other, strlen(other));
    ask("\"sealed\"", h.buyer, "", &a);
    ck_assert_msg(h.status == 0, "%d %s", h.status, h.text);
    ck_assert(nacre_str_is(a.num_samples, "48"));
    ask("\"other\"", h.buyer, "", &a);
    refused(400, "does not open");
    free(sealed);
    free(other);
}
END_TEST

/* ,"data_keys":[...] with one grant. */
static char *data_keys(const struct ml_grant *grant, const uint8_t receiver[32])
{
    uint8_t bytes[ML_GRANT_LEN];
    ml_grant_write(bytes, grant);
    char *envelope = ml_envelope_seal(bytes, sizeof bytes, receiver), *out = NULL;
    ck_assert_int_gt(asprintf(&out, ",\"data_keys\":[%s]", envelope), 0);
    free(envelope);
    return out;
}

START_TEST(datasets_with_keys_of_their_own)
{
    struct ml_seal seal;
    struct answer a;
    struct ml_grant grant = {.not_after_ms = 1000};
    uint8_t *blob = malloc(ML_DATASET_HEAD + strlen(csv) + 17);
    memset(grant.key, 9, sizeof grant.key);
    ml_seal_begin(&seal, grant.key);
    memcpy(blob, seal.head, ML_DATASET_HEAD);
    memcpy(grant.id, seal.head + 8, sizeof grant.id);
    memcpy(grant.buyer, h.buyer_public, 32);
    put_blob("dataset", (const char *)blob,
             ML_DATASET_HEAD +
                 ml_seal_chunk(&seal, blob + ML_DATASET_HEAD, (const uint8_t *)csv, strlen(csv), true));
    char *keys = data_keys(&grant, h.data_public);
    ask("\"dataset\",\"pairs\"", h.buyer, keys, &a);
    ck_assert_msg(h.status == 0, "%d %s", h.status, h.text);
    ck_assert(nacre_str_is(a.num_samples, "96"));
    ask("\"dataset\"", h.buyer, "", &a);
    refused(422, "blob dataset: encrypted dataset: none of the data_keys is for it");
    h.now_ms = 1001;
    ask("\"dataset\"", h.buyer, keys, &a);
    refused(403, "data_keys[0] was granted until 1000, it is 1001");
    free(keys);

    h.now_ms = 1;
    grant.buyer[0] ^= 1; /* somebody else's model may be trained on it, not this one's */
    keys = data_keys(&grant, h.data_public);
    ask("\"dataset\"", h.buyer, keys, &a);
    refused(403, "data_keys[0] is granted for models to another key");
    free(keys);
    grant.buyer[0] ^= 1;

    keys = data_keys(&grant, h.buyer_public);
    ask("\"dataset\"", h.buyer, keys, &a);
    refused(422, "data_keys[0] does not open");
    free(keys);

    grant.key[0] ^= 1;
    keys = data_keys(&grant, h.data_public);
    ask("\"dataset\"", h.buyer, keys, &a);
    refused(422, "blob dataset: encrypted dataset: a chunk does not open with its key");
    free(keys);
    ask("\"dataset\"", h.buyer,
        ",\"data_keys\":[{\"encrypted\":\"*\",\"nonce\":\"\",\"ephemeralPublicKey\":\"\"}]", &a);
    refused(400, "data_keys[0] is not an envelope");
    free(blob);
}
END_TEST

START_TEST(declares)
{
    const struct nacre_plugin *p = plugin();
    ck_assert(nacre_str_is(p->name, "mltraining"));
    ck_assert_uint_eq(p->n_intents, 2);
    ck_assert(nacre_str_is(p->intents[0].response->name, "MLTrainingResponse"));
    ck_assert(p->intents[0].scope == 0 && p->intents[1].scope == 1);
    ck_assert(nacre_str_is(p->routes[0].path, "/process_data") && p->routes[0].intent == 0);
    ck_assert(nacre_str_is(p->routes[1].path, "/train") && p->routes[1].intent == 1);
    /* a caller who has gone keeps a worker until then */
    ck_assert(p->routes[0].deadline_ms == 600000 && p->routes[1].deadline_ms == 600000);
    ck_assert_uint_eq(p->n_endpoints, 2);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, from_request_to_model);
    tcase_add_test(tc, receipts_bind_everything);
    tcase_add_test(tc, the_same_model_twice);
    tcase_add_test(tc, tries_again);
    tcase_add_test(tc, answers_of_the_publisher);
    tcase_add_test(tc, a_plain_store);
    tcase_add_test(tc, refused_before_any_work);
    tcase_add_test(tc, limits_and_cancelling);
    tcase_add_test(tc, blobs_past_a_limit_are_fetched_once);
    tcase_add_test(tc, nets_that_no_memory_holds);
    tcase_add_test(tc, one_at_a_time);
#ifdef COUNT_MEMORY
    tcase_add_test(tc, takes_twice_the_data_at_most);
#endif
    tcase_add_test(tc, no_empty_texts);
    tcase_add_test(tc, configs_refused);
    tcase_add_test(tc, an_envelope_to_the_data_key);
    tcase_add_test(tc, datasets_with_keys_of_their_own);
    tcase_add_test(tc, declares);
}

int main(void)
{
    return nacre_run_suite("plugin-mltraining", add, 60);
}
