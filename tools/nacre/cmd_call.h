/* cmd_call.h - what the parts of `nacre call` share. Results as in cmd_verify.h. */
#ifndef NACRE_TOOL_CMD_CALL_H
#define NACRE_TOOL_CMD_CALL_H

#include "cmd_verify.h"

#include <nacre/sealed.h>

#define NACRE_VCALL_METHOD_SIZE 8u /* "DELETE" and the NUL, with room */

/*
 * cmd_call_openapi.c: looks the route up in an OpenAPI document as nacre-http serves it. `method` is taken as given
 * unless it is empty, then chosen; `text` (may be NULL) gets the type file that the route's answer amounts to, to be
 * freed. Nobody signs that document: what fields are called is the word of whoever answers.
 */
int nacre_vcall_openapi(struct nacre_vcmd_json document, const char *route, bool has_body,
                        char method[NACRE_VCALL_METHOD_SIZE], char **text, nacre_verify_error *why);

/*
 * cmd_call_job.c: *answer holds the document of a 202 from `base`. Follows the job, with a progress bar on a terminal,
 * for timeout_s seconds (0: as long as it takes), and replaces *answer and *status by what the route answered.
 */
int nacre_vcall_job(const char *base, long timeout_s, struct nacre_vcmd_buffer *answer, long *status,
                    nacre_verify_error *why);

/* cmd_call_seal.c: what `nacre call --seal` keeps. */
struct nacre_vcall_seal {
    uint8_t data_key[32];
    char app[256];
    uint64_t enclave_ms, heard_ms; /* the document's time, and when on the monotonic clock that was */
    nacre_sealed_exchange exchange;
};

/* Takes data key, app and time out of a verified document. */
int nacre_vcall_seal_begin(struct nacre_vcall_seal *seal, const nacre_verify_doc *doc,
                           nacre_verify_error *why);

/* Replaces *body by the envelope of a request with it. */
int nacre_vcall_seal(struct nacre_vcall_seal *seal, const char *method, const char *route,
                     struct nacre_vcmd_buffer *body, nacre_verify_error *why);

/*
 * Replaces *answer by what is sealed in it. NACRE_UNCHECKED with `why` when it does not open, or not to this status;
 * NACRE_REFUSED, and *answer as it was but for its bytes, for an error that is not sealed: nobody's word.
 */
int nacre_vcall_unseal(struct nacre_vcall_seal *seal, struct nacre_vcmd_buffer *answer, long status,
                       nacre_verify_error *why);

struct nacre_vcall_ptb {
    const char *package, *module, *function, *enclave, *type, *gas; /* NULL: a placeholder */
};

/* cmd_call_ptb.c: prints the `sui client ptb` command that submits a verified answer. */
int nacre_vcall_ptb(const struct nacre_vcall_ptb *ids, const nacre_verify_types *types,
                    const nacre_verify_report *report, nacre_verify_error *why);
int nacre_vcall_ptb_check(struct nacre_vcall_ptb *ids, nacre_verify_error *why);

#endif
