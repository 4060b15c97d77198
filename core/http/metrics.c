#include "metrics.h"

#include "lane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const uint32_t bounds_us[NACRE_METRIC_BUCKETS - 1] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 5000000, 30000000};

int nacre_metrics_init(struct nacre_metrics *m, uint32_t n_rows)
{
    memset(m, 0, sizeof *m);
    m->n_rows = n_rows;
    m->answers = calloc((size_t)n_rows * NACRE_METRIC_STATUSES, sizeof *m->answers);
    m->buckets = calloc((size_t)n_rows * NACRE_METRIC_BUCKETS, sizeof *m->buckets);
    m->sum_us = calloc(n_rows, sizeof *m->sum_us);
    if (m->answers && m->buckets && m->sum_us)
        return 0;
    nacre_metrics_free(m);
    return -ENOMEM;
}

void nacre_metrics_free(struct nacre_metrics *m)
{
    free(m->answers);
    free(m->buckets);
    free(m->sum_us);
    m->answers = m->buckets = m->sum_us = NULL;
    m->n_rows = 0;
}

static uint32_t column_of(uint32_t status)
{
    if (status == 202)
        return NACRE_METRIC_STATUSES - 1;
    return status == 200 ? 0 : status == 204 ? 1 : status >= 400 && status <= 599 ? status - 398 : 500 - 398;
}

static uint32_t status_of(uint32_t column)
{
    if (column == NACRE_METRIC_STATUSES - 1)
        return 202;
    return column == 0 ? 200 : column == 1 ? 204 : column + 398;
}

void nacre_metrics_answer(struct nacre_metrics *m, uint32_t row, uint32_t status, uint64_t took_us)
{
    uint32_t bucket = 0;
    while (bucket < NACRE_METRIC_BUCKETS - 1 && took_us > bounds_us[bucket])
        bucket++;
    nacre_count(&m->answers[(size_t)row * NACRE_METRIC_STATUSES + column_of(status)], 1);
    nacre_count(&m->buckets[(size_t)row * NACRE_METRIC_BUCKETS + bucket], 1);
    nacre_count(&m->sum_us[row], took_us);
}

/* One text line, printf-like; lines are short. */
__attribute__((format(printf, 2, 3))) static void put(struct nacre_json_out *out, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n > 0)
        nacre_json_raw(out, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

static void put_head(struct nacre_json_out *out, const char *name, const char *type, const char *help)
{
    put(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_one(struct nacre_json_out *out, const char *name, const char *type, const char *help,
                    uint64_t v)
{
    put_head(out, name, type, help);
    put(out, "%s %llu\n", name, (unsigned long long)v);
}

static void put_seconds(struct nacre_json_out *out, const char *name, const char *help, uint64_t ns)
{
    put_head(out, name, "gauge", help);
    put(out, "%s %llu.%09llu\n", name, (unsigned long long)(ns / 1000000000u),
        (unsigned long long)(ns % 1000000000u));
}

/* The labels of a row: method and path template. Neither holds a quote or a backslash, the router saw to that. */
static void row_labels(const struct nacre_shared *shared, uint32_t row, char out[320])
{
    const struct nacre_manifest *m = shared->manifest;
    if (row < m->n_routes)
        (void)snprintf(out, 320, "method=\"%s\",route=\"%s\"", m->routes[row].method, m->routes[row].path);
    else if (row < m->n_routes + NACRE_BUILTINS)
        (void)snprintf(out, 320, "method=\"%s\",route=\"%s\"",
                       nacre_method_name(nacre_builtin_method((enum nacre_builtin)(row - m->n_routes))),
                       nacre_builtin_path((enum nacre_builtin)(row - m->n_routes)));
    else
        (void)snprintf(out, 320, "method=\"\",route=\"none\"");
}

static uint64_t sum_answers(const struct nacre_shared *s, size_t at)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < s->n_lanes; i++)
        v += nacre_counted(&s->lanes[i].metrics.answers[at]);
    return v;
}

static uint64_t sum_buckets(const struct nacre_shared *s, size_t at)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < s->n_lanes; i++)
        v += nacre_counted(&s->lanes[i].metrics.buckets[at]);
    return v;
}

#define SUM(SHARED, MEMBER) sum_member((SHARED), offsetof(struct nacre_lane, metrics.MEMBER))

static uint64_t sum_member(const struct nacre_shared *s, size_t offset)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < s->n_lanes; i++)
        v += nacre_counted((const void *)((const char *)&s->lanes[i] + offset));
    return v;
}

static void put_requests(const struct nacre_shared *s, struct nacre_json_out *out)
{
    char labels[320];
    put_head(out, "nacre_http_requests_total", "counter", "Answers by route and status.");
    for (uint32_t row = 0; row < nacre_row_count(s); row++) {
        row_labels(s, row, labels);
        for (uint32_t c = 0; c < NACRE_METRIC_STATUSES; c++) {
            uint64_t v = sum_answers(s, (size_t)row * NACRE_METRIC_STATUSES + c);
            if (v)
                put(out, "nacre_http_requests_total{%s,status=\"%u\"} %llu\n", labels, status_of(c),
                    (unsigned long long)v);
        }
    }
}

static void put_histogram(const struct nacre_shared *s, struct nacre_json_out *out, uint32_t row)
{
    char labels[320];
    uint64_t count = 0, sum_us = 0, of[NACRE_METRIC_BUCKETS];
    for (uint32_t b = 0; b < NACRE_METRIC_BUCKETS; b++)
        count += of[b] = sum_buckets(s, (size_t)row * NACRE_METRIC_BUCKETS + b);
    if (count == 0)
        return;
    for (uint32_t i = 0; i < s->n_lanes; i++)
        sum_us += nacre_counted(&s->lanes[i].metrics.sum_us[row]);
    row_labels(s, row, labels);
    uint64_t below = 0;
    for (uint32_t b = 0; b < NACRE_METRIC_BUCKETS - 1; b++) {
        below += of[b];
        put(out, "nacre_http_request_duration_seconds_bucket{%s,le=\"%g\"} %llu\n", labels,
            bounds_us[b] / 1e6, (unsigned long long)below);
    }
    put(out, "nacre_http_request_duration_seconds_bucket{%s,le=\"+Inf\"} %llu\n", labels,
        (unsigned long long)count);
    put(out, "nacre_http_request_duration_seconds_sum{%s} %llu.%06llu\n", labels,
        (unsigned long long)(sum_us / 1000000), (unsigned long long)(sum_us % 1000000));
    put(out, "nacre_http_request_duration_seconds_count{%s} %llu\n", labels, (unsigned long long)count);
}

static void put_lanes(const struct nacre_shared *s, struct nacre_json_out *out)
{
    put_one(out, "nacre_http_in_flight", "gauge", "Requests that wait for the app or the NSM.",
            atomic_load(&s->in_flight));
    put_one(out, "nacre_http_connections", "gauge", "Open client connections.", SUM(s, connections));
    put_one(out, "nacre_http_connections_total", "counter", "Accepted client connections.", SUM(s, accepted));
    put_one(out, "nacre_http_aborted_total", "counter", "Requests whose client went away.", SUM(s, aborted));
    put_one(out, "nacre_http_timed_out_total", "counter", "Connections cut because the client was too slow.",
            SUM(s, timed_out));
    put_one(out, "nacre_http_late_answers_total", "counter", "Answers for requests that no longer waited.",
            SUM(s, late));
    put_one(out, "nacre_http_bad_frames_total", "counter", "Messages out of form or for no request.",
            SUM(s, bad_frames));
}

static void put_jobs(struct nacre_shared *s, struct nacre_json_out *out)
{
    uint64_t now[NACRE_JOB_STATES], ended[NACRE_JOB_STATES], refused;
    nacre_jobs_count(&s->jobs, now, ended, &refused);
    put_head(out, "nacre_jobs", "gauge", "Jobs that can be looked at, by state.");
    for (unsigned i = 0; i < NACRE_JOB_STATES; i++)
        put(out, "nacre_jobs{state=\"%s\"} %llu\n", nacre_job_state_name((enum nacre_job_state)i),
            (unsigned long long)now[i]);
    put_head(out, "nacre_jobs_ended_total", "counter", "Jobs that have ended, by how.");
    for (unsigned i = NACRE_JOB_DONE; i < NACRE_JOB_STATES; i++)
        put(out, "nacre_jobs_ended_total{state=\"%s\"} %llu\n", nacre_job_state_name((enum nacre_job_state)i),
            (unsigned long long)ended[i]);
    put_one(out, "nacre_jobs_refused_total", "counter", "Requests that found no place as a job.", refused);
}

static void put_batches(struct nacre_batches *b, struct nacre_json_out *out)
{
    (void)pthread_mutex_lock(&b->lock);
    uint64_t batches = b->n_batches, nonces = b->n_nonces, failed = b->n_failed, largest = b->largest;
    (void)pthread_mutex_unlock(&b->lock);
    put_one(out, "nacre_attestation_batches_total", "counter", "Documents asked for that many share.",
            batches);
    put_one(out, "nacre_attestation_batch_nonces_total", "counter",
            "Nonces in those: divided by the batches, their mean size.", nonces);
    put_one(out, "nacre_attestation_batches_failed_total", "counter", "Batches that got no document.",
            failed);
    put_one(out, "nacre_attestation_batch_largest", "gauge", "Nonces in the largest batch so far.", largest);
    put_one(out, "nacre_attestation_batch_waiting", "gauge", "Requests that wait for a shared document.",
            atomic_load(&b->waiting));
}

static void put_core(const struct nacre_state_frame *st, struct nacre_json_out *out)
{
    uint64_t now = nacre_monotonic_ns();
    put_one(out, "nacre_key_ready", "gauge", "1 when there is a key to sign with.", st->key_ready == 1);
    put_one(out, "nacre_app_up", "gauge", "1 when the plugin process is up.",
            st->app_state == NACRE_HELPER_UP);
    put_head(out, "nacre_restarts_total", "counter", "Restarts of a helper process.");
    put(out, "nacre_restarts_total{helper=\"app\"} %llu\n", (unsigned long long)st->app_restarts);
    put(out, "nacre_restarts_total{helper=\"http\"} %llu\n", (unsigned long long)st->http_restarts);
    put_one(out, "nacre_clock_ok", "gauge", "1 when the error of trusted time is bounded.",
            st->clock_ok == 1);
    put_seconds(out, "nacre_clock_error_seconds", "Bound of the error of trusted time.", st->clock_error_ns);
    put_seconds(out, "nacre_uptime_seconds", "Time since the core started.",
                st->started_ns && now > st->started_ns ? now - st->started_ns : 0);
    put_one(out, "nacre_signed_answers_total", "counter", "Answers signed.", st->signed_answers);
    put_one(out, "nacre_refused_answers_total", "counter", "Results that got no signature.",
            st->refused_answers);
    put_head(out, "nacre_secrets", "gauge", "1 for how the app's secrets came.");
    put(out, "nacre_secrets{form=\"%s\"} 1\n", nacre_secrets_form_name(st->secrets_form));
    put_one(out, "nacre_secrets_refused_total", "counter", "Deliveries of secrets that were turned down.",
            st->secrets_refused);
    put_one(out, "nacre_nsm_calls_total", "counter", "Calls of the Nitro Security Module.", st->nsm_calls);
    put_one(out, "nacre_nsm_errors_total", "counter", "Calls of the Nitro Security Module that failed.",
            st->nsm_errors);
}

static void put_endpoint_health(const struct nacre_manifest *m, const struct nacre_endpoint_health *health,
                                struct nacre_json_out *out)
{
    put_head(out, "nacre_endpoint_up", "gauge", "1 when the endpoint answered its last check.");
    for (uint32_t i = 0; i < m->n_allow; i++)
        if (health[i].checked_ns)
            put(out, "nacre_endpoint_up{host=\"%s\",port=\"%u\"} %u\n", m->allow[i].host, m->allow[i].port,
                health[i].ok);
}

void nacre_metrics_write(struct nacre_shared *shared, struct nacre_json_out *out)
{
    struct nacre_endpoint_health endpoints[NACRE_ENDPOINTS_MAX];
    (void)pthread_mutex_lock(&shared->lock);
    struct nacre_state_frame state = shared->state;
    memcpy(endpoints, shared->endpoints, sizeof endpoints);
    (void)pthread_mutex_unlock(&shared->lock);
    put_head(out, "nacre_build_info", "gauge", "What runs here.");
    put(out, "nacre_build_info{version=\"" NACRE_VERSION "\",app=\"%s\"} 1\n", shared->manifest->app);
    put_requests(shared, out);
    put_head(out, "nacre_http_request_duration_seconds", "histogram",
             "From the end of a request's head to its answer.");
    for (uint32_t row = 0; row < nacre_row_count(shared); row++)
        put_histogram(shared, out, row);
    put_lanes(shared, out);
    put_jobs(shared, out);
    put_batches(&shared->batches, out);
    put_core(&state, out);
    put_endpoint_health(shared->manifest, endpoints, out);
}
