/*
 * The device: one request in, one reply out, faults applied. Knows no sockets and does not wait.
 */
#ifndef NACRE_SIM_DEVICE_H
#define NACRE_SIM_DEVICE_H

#include "chain.h"
#include "fault.h"
#include "pcr.h"
#include "requests.h"

struct nacre_sim_device {
    char module_id[NACRE_SIM_MODULE_MAX + 1];
    struct nacre_sim_pcrs pcrs;
    struct nacre_sim_chain chain;
    struct nacre_sim_faults faults;
    bool definite; /* maps in documents */
    bool tagged;   /* tag 18 on documents */
    bool any_size; /* the documented limits on an Attestation's fields are not enforced */
    uint64_t served[NACRE_SIM_KIND_COUNT]; /* requests of each kind so far */
};

/* A request on its way through the device. */
struct nacre_sim_job {
    uint8_t message[NACRE_SIM_REQUEST_MAX];
    struct nacre_sim_request request; /* points into message */
    enum nacre_sim_error refused;     /* NACRE_SIM_OK, or why the message is no request */
    struct nacre_sim_plan plan;
};

struct nacre_sim_reply {
    uint8_t data[NACRE_SIM_REPLY_MAX];
    size_t len;
    bool close; /* no reply: the connection is to be closed */
};

/*
 * Takes the message the caller has put into job->message and finds out what faults it meets: the caller
 * waits job->plan.delay_ms before and job->plan.hold_ms after nacre_sim_device_finish. len is what the peer
 * sent, also when that is more than NACRE_SIM_REQUEST_MAX.
 */
void nacre_sim_device_begin(struct nacre_sim_device *device, struct nacre_sim_job *job, size_t len);

/* Carries the request out. */
void nacre_sim_device_finish(struct nacre_sim_device *device, const struct nacre_sim_job *job,
                             struct nacre_sim_reply *reply);

/*
 * Answers one line of the control socket (without its newline) with "ok\n", "ok NUMBER\n" or
 * "error: ...\n" in out, a NUL-terminated string.
 */
void nacre_sim_device_control(struct nacre_sim_device *device, const char *line, char *out, size_t out_len);

/* Frees what the device owns. Accepts NULL. */
void nacre_sim_device_clear(struct nacre_sim_device *device);

#endif
