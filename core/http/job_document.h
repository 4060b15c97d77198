/* job_document.h - what GET /jobs/<id> says of a job, see docs/JOBS.md. */
#ifndef NACRE_HTTP_JOB_DOCUMENT_H
#define NACRE_HTTP_JOB_DOCUMENT_H

#include "jobs.h"

/* How a job ends: its answer is what the request would have been answered with on its connection. */
struct nacre_job_ending {
    enum nacre_job_state state;
    uint32_t status;
    const char *answer;
    size_t len;
    uint64_t ended_ns;
    bool sealed; /* the answer is an envelope */
};

/* Appends the document of a job that waits or runs. Lock held. */
void nacre_job_write(struct nacre_json_out *out, const struct nacre_jobs *jobs, const struct nacre_job *job,
                     uint64_t now_ns);

/* The document of a job that ends: its last bytes are the answer and a '}', or the answer alone
 * when that is sealed, and then no part of the document. NULL without memory. */
struct nacre_text *nacre_job_document(const struct nacre_jobs *jobs, const struct nacre_job *job,
                                      const struct nacre_job_ending *ending);

#endif
