#include "stub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SKEW_S 7200 /* how far ahead this service's clock is under the fault "skew" */

struct upload {
    uint8_t *data;
    size_t len;
    bool too_large;
};

static enum MHD_Result send_answer(struct MHD_Connection *c, const struct stub_answer *a, int64_t now_s)
{
    char text[512], date[64];
    const time_t t = (time_t)now_s;
    struct tm tm;
    (void)snprintf(text, sizeof text, "{\"__type\":\"%s\",\"message\":\"%s\"}", a->error ? a->error : "",
                   a->message ? a->message : "");
    struct MHD_Response *r =
        a->error ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY)
                 : MHD_create_response_from_buffer(a->json.len, a->json.base, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
    enum MHD_Result result = MHD_add_response_header(r, "Content-Type", "application/x-amz-json-1.1");
    if (result == MHD_YES)
        result = MHD_add_response_header(r, "Date", date);
    if (result == MHD_YES)
        result = MHD_queue_response(c, a->status, r);
    MHD_destroy_response(r);
    return result;
}

static enum MHD_Result serve(struct stub *s, struct MHD_Connection *c, const struct upload *up)
{
    char fault[32];
    struct stub_answer a = {.status = 500};
    const char *target = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "X-Amz-Target");
    struct stub_request r = {.target = target ? target : "", .body = {up->data, up->len}};
    stub_fault(s, fault);
    int64_t now_s = (int64_t)time(NULL) + (strcmp(fault, "skew") == 0 ? SKEW_S : 0);
    int rc = up->too_large ? stub_refuse(&a, 413, "ValidationException", "the body is too large")
                           : stub_authenticate(s, c, &r, now_s, &a);
    if (rc == 0)
        (void)stub_do(s, &r, fault, &a);
    (void)fprintf(stderr, "nacre-kms-stub: %s by %s: %u %s%s%s\n", r.target,
                  r.principal[0] ? r.principal : "nobody", a.status, a.error ? a.error : "",
                  fault[0] ? ", fault " : "", fault);
    enum MHD_Result result = send_answer(c, &a, now_s);
    free(a.json.base);
    return result;
}

static void receive(struct upload *up, const char *data, size_t len)
{
    if (!up->data)
        up->data = malloc(STUB_BODY);
    up->too_large |= !up->data || len > STUB_BODY - up->len;
    if (up->too_large)
        return;
    memcpy(up->data + up->len, data, len);
    up->len += len;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *path, const char *method,
                                  const char *version, const char *data, size_t *len, void **con_cls)
{
    struct upload *up = *con_cls;
    (void)version;
    if (!up) {
        *con_cls = calloc(1, sizeof *up);
        return *con_cls ? MHD_YES : MHD_NO;
    }
    if (*len) {
        receive(up, data, *len);
        *len = 0;
        return MHD_YES;
    }
    struct stub_answer a = {0};
    if (strcmp(path, "/") == 0 && strcmp(method, "POST") == 0)
        return serve(cls, c, up);
    (void)stub_refuse(&a, 404, "UnknownOperationException", "only POST /");
    return send_answer(c, &a, (int64_t)time(NULL));
}

static void on_completed(void *cls, struct MHD_Connection *c, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    struct upload *up = *con_cls;
    (void)cls;
    (void)c;
    (void)code;
    if (up)
        free(up->data);
    free(up);
    *con_cls = NULL;
}

int stub_serve(struct stub *s, const struct sockaddr_in *address, const char *ca_out,
               const struct certificate *certificate)
{
    int port = -1;
    s->daemon = service_start(&port, address, ca_out, certificate, MHD_USE_SUPPRESS_DATE_NO_CLOCK, on_request,
                              on_completed, s);
    return port;
}

void stub_stop(struct stub *s)
{
    if (s->daemon)
        MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
    free(s->last.base);
}
