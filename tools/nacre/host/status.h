/* status.h - what the daemon tells about itself: /health and /metrics. */
#ifndef NACRE_HOST_STATUS_H
#define NACRE_HOST_STATUS_H

#include "daemon.h"

#include <common/json_write.h>

/*
 * {"status":"healthy","enclave":{...},"enclaves":[{...},...],"timestamp":...,...}. Returns the HTTP status: 200 when
 * an enclave takes requests and is well, else 503. "enclave" is the first that does, or else the first of all.
 */
unsigned nacre_hd_status_health(const struct nacre_hd *d, struct nacre_json_out *out);

/* Prometheus' text format. */
void nacre_hd_status_metrics(const struct nacre_hd *d, struct nacre_json_out *out);

#endif
