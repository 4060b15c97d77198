/* probe - a plugin that says what it finds inside an enclave: who it is, its secret, and what it can reach. */
#include <nacre/plugin.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

struct ask {
    struct nacre_str what, url;
    uint64_t bytes;
};
struct request {
    struct ask payload;
};
struct found {
    uint64_t number;
    struct nacre_str text;
};
NACRE_STRUCT(ask_type, "Ask", struct ask, NACRE_FIELD(struct ask, what, string),
             NACRE_FIELD(struct ask, url, string), NACRE_FIELD(struct ask, bytes, u64));
NACRE_STRUCT(request_type, "Request", struct request,
             NACRE_FIELD_STRUCT(struct request, payload, ask_type, struct ask));
NACRE_STRUCT(found_type, "Found", struct found, NACRE_FIELD(struct found, number, u64),
             NACRE_FIELD(struct found, text, string));

static int is(const struct ask *ask, const char *what)
{
    return ask->what.len == strlen(what) && memcmp(ask->what.ptr, what, ask->what.len) == 0;
}

/* The host's status and the length of its reply; what cannot be reached is an error like any other. */
static int32_t fetch(const struct nacre_call *call, const struct ask *ask, struct found *out)
{
    struct nacre_fetch post;
    struct nacre_reply reply;
    uint8_t *body = nacre_alloc(call, ask->bytes + 1);
    nacre_fetch_init(&post, &reply);
    post.url = ask->url;
    if (!body)
        return nacre_fail(call, 400, "too much");
    memset(body, 'x', ask->bytes);
    post.body.ptr = body;
    post.body.len = ask->bytes;
    int32_t err = nacre_fetch(call, &post, &reply);
    if (err)
        return err;
    out->number = reply.status;
    out->text.ptr = (const char *)reply.body.ptr;
    out->text.len = reply.body.len;
    return 0;
}

/* Past the runtime: the errno of sockets of our own, and of connecting one that is there. */
static void reach(const struct nacre_call *call, struct found *out)
{
    const struct sockaddr_vm parent = {.svm_family = AF_VSOCK, .svm_cid = 3, .svm_port = 8101};
    int inet = socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0,
        vsock = socket(AF_VSOCK, SOCK_STREAM, 0) < 0 ? errno : 0;
    int connected = connect(3, (const struct sockaddr *)&parent, sizeof parent) < 0 ? errno : 0;
    out->text = nacre_format(call, "inet %d vsock %d connect %d", inet, vsock, connected);
}

static int32_t process_data(const struct nacre_call *call, const void *request, void *response)
{
    const struct ask *ask = &((const struct request *)request)->payload;
    struct found *out = response;
    if (is(ask, "fetch"))
        return fetch(call, ask, out);
    if (is(ask, "secret"))
        return nacre_secret(call, "API_KEY", &out->text);
    if (is(ask, "crash"))
        abort();
    if (is(ask, "reach"))
        reach(call, out);
    else if (is(ask, "who"))
        out->text = nacre_format(call, "%u %u %u %u", (unsigned)getuid(), (unsigned)geteuid(),
                                 (unsigned)getgid(), (unsigned)getegid());
    else
        return nacre_fail(call, 400, "payload.what: no such thing");
    return 0;
}

static const struct nacre_intent intents[] = {{0, 0, NACRE_S("ProcessData"), &found_type}};
static const struct nacre_route routes[] = {
    {NACRE_S("POST"), NACRE_S("/process_data"), 0, NACRE_TIME_CORE, 0, 0, 0, 0, &request_type, process_data}};
static const struct nacre_endpoint endpoints[] = {{NACRE_S("api.weatherapi.com"), 443, 0}};
static const struct nacre_secret secrets[] = {{NACRE_S("API_KEY"), 1, 0}};

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX,
                                          NACRE_S("probe"),
                                          NACRE_S("1.0.0"),
                                          NACRE_TABLE(intents),
                                          NACRE_TABLE(routes),
                                          NACRE_TABLE(endpoints),
                                          NACRE_TABLE(secrets),
                                          NULL,
                                          NULL};
