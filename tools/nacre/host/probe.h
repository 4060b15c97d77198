/* probe.h - asks one enclave for its health, over and over. */
#ifndef NACRE_HOST_PROBE_H
#define NACRE_HOST_PROBE_H

#include "daemon.h"

#define NACRE_HD_KEPT_MAX 16384u /* bytes of an enclave's own words that are passed on in /health */

/* Starts probing at once; the enclave's `probe` is set. 0 or -ENOMEM. */
int nacre_hd_probe_start(struct nacre_hd *d, struct nacre_hd_enclave *e);

/* Ends it. Accepts an enclave without one. */
void nacre_hd_probe_stop(struct nacre_hd *d, struct nacre_hd_enclave *e);

/* Results so far. */
struct nacre_hd_probe_result {
    uint64_t at_ms; /* monotonic; 0: never */
    uint64_t took_ms;
    int status;        /* of HTTP; 0: there was no answer */
    const char *error; /* why not; a constant or strerror's */
    const char *json;  /* the body, when it was a JSON object; NULL else */
    size_t json_len;
};
struct nacre_hd_probe_result nacre_hd_probe_last(const struct nacre_hd_enclave *e);

#endif
