#include "job_document.h"

#include "slots.h"

#include <stdlib.h>
#include <string.h>

#define NS_PER_MS 1000000ull

const char *nacre_job_state_name(enum nacre_job_state state)
{
    static const char *const names[] = {"queued", "running", "done", "failed", "cancelled"};
    return names[state];
}

void nacre_job_id_text(char out[NACRE_JOB_ID_TEXT], const uint8_t id[NACRE_JOB_ID])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < NACRE_JOB_ID; i++) {
        out[2 * i] = digits[id[i] >> 4];
        out[2 * i + 1] = digits[id[i] & 15];
    }
    out[2 * NACRE_JOB_ID] = '\0';
}

/* Lower case only: one job has one address. */
bool nacre_job_id_parse(uint8_t id[NACRE_JOB_ID], const char *text, size_t len)
{
    if (len != 2 * NACRE_JOB_ID)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        uint8_t digit = (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        id[i / 2] = (uint8_t)(i % 2 ? id[i / 2] << 4 | digit : digit);
    }
    return true;
}

static void put_number(struct nacre_json_out *out, const char *key, uint64_t v)
{
    nacre_json_lit(out, key);
    nacre_json_u64(out, v);
}

/* Milliseconds between two times, 0 when the first has not come. */
static uint64_t between(uint64_t from_ns, uint64_t to_ns)
{
    return from_ns && to_ns > from_ns ? (to_ns - from_ns) / NS_PER_MS : 0;
}

static void put_common(struct nacre_json_out *out, const struct nacre_job *job, enum nacre_job_state state,
                       uint32_t permille, uint64_t now_ns)
{
    char id[NACRE_JOB_ID_TEXT], request[17];
    nacre_job_id_text(id, job->id);
    nacre_json_lit(out, "{\"id\":\"");
    nacre_json_lit(out, id);
    nacre_json_lit(out, "\",\"state\":\"");
    nacre_json_lit(out, nacre_job_state_name(state));
    nacre_json_lit(out, "\"");
    put_number(out, ",\"progress\":", permille);
    nacre_json_lit(out, ",\"message\":");
    nacre_json_string(out, job->message, job->message_len);
    if (job->request_id) {
        nacre_id_text(request, job->request_id);
        nacre_json_lit(out, ",\"request_id\":\"");
        nacre_json_lit(out, request);
        nacre_json_lit(out, "\"");
    }
    put_number(out, ",\"queued_ms\":", between(job->added_ns, job->started_ns ? job->started_ns : now_ns));
    put_number(out, ",\"running_ms\":", between(job->started_ns, now_ns));
}

static uint64_t jobs_ahead(const struct nacre_jobs *jobs, const struct nacre_job *job)
{
    uint64_t n = jobs->n_in_app;
    for (uint32_t i = 0; i < jobs->cap; i++)
        n += jobs->at[i].used && jobs->at[i].state == NACRE_JOB_QUEUED && jobs->at[i].number < job->number;
    return n;
}

void nacre_job_write(struct nacre_json_out *out, const struct nacre_jobs *jobs, const struct nacre_job *job,
                     uint64_t now_ns)
{
    put_common(out, job, job->state, job->permille, now_ns);
    if (job->state == NACRE_JOB_QUEUED)
        put_number(out, ",\"ahead\":", jobs_ahead(jobs, job));
    else
        put_number(out, ",\"deadline_ms\":", jobs->config->jobs_deadline_ms);
    nacre_json_lit(out, "}");
}

struct nacre_text *nacre_job_document(const struct nacre_jobs *jobs, const struct nacre_job *job,
                                      const struct nacre_job_ending *ending)
{
    struct nacre_json_out head = {0};
    put_common(&head, job, ending->state, ending->state == NACRE_JOB_DONE ? 1000 : job->permille,
               ending->ended_ns);
    put_number(&head, ",\"kept_s\":", jobs->config->jobs_keep_s);
    put_number(&head, ",\"status\":", ending->status);
    nacre_json_lit(&head, ending->sealed ? ",\"sealed\":true}" : ",\"answer\":");
    struct nacre_text *text =
        head.failed ? NULL : nacre_text_new(head.len + ending->len + (ending->sealed ? 0 : 1));
    if (text) {
        memcpy(text->data, head.base, head.len);
        memcpy(text->data + head.len, ending->answer, ending->len);
        if (!ending->sealed)
            text->data[text->len - 1] = '}';
    }
    free(head.base);
    return text;
}
