/* builtin.h - the runtime's own routes: /, /health_check, /get_attestation, /openapi.json, and OPTIONS anywhere. */
#ifndef NACRE_HTTP_BUILTIN_H
#define NACRE_HTTP_BUILTIN_H

#include "lane.h"

enum nacre_builtin_result {
    NACRE_BUILTIN_ANSWERED,
    NACRE_BUILTIN_WAITS,  /* for a document */
    NACRE_BUILTIN_BROKEN, /* no answer could be made */
};

/* Answers a request for a builtin route, or an OPTIONS request. */
enum nacre_builtin_result nacre_builtin_answer(struct nacre_conn *conn);

/*
 * nacre_health_write - the body of /health_check as of now_ns (CLOCK_MONOTONIC). Takes shared->lock.
 * Returns the status: 503 before there is a key, else 200, whatever the body says: who can answer is alive, and a load
 * balancer that took every enclave away because an upstream of all of them is down would turn a part failure into a
 * whole one. What is wrong stands in the body.
 */
uint32_t nacre_health_write(struct nacre_shared *shared, struct nacre_json_out *out, uint64_t now_ns);

#endif
