/*
 * Faults that are injected from outside: what to do wrong, for which requests, how often.
 */
#ifndef NACRE_SIM_FAULT_H
#define NACRE_SIM_FAULT_H

#include "nsm.h"

#include <stdint.h>

#define NACRE_SIM_FAULT_MAX 16 /* in force at the same time */

/* Longest delay, an hour, and widest clock offset, fifty years, in milliseconds. */
#define NACRE_SIM_DELAY_MAX INT64_C(3600000)
#define NACRE_SIM_CLOCK_MAX (INT64_C(50) * 365 * 86400 * 1000)

enum nacre_sim_fault_kind {
    NACRE_SIM_FAULT_NONE,
    NACRE_SIM_FAULT_ERROR,         /* the request is not carried out; the named error is the answer */
    NACRE_SIM_FAULT_DELAY,         /* the device is busy this long, then the request is carried out */
    NACRE_SIM_FAULT_HOLD,          /* carried out at once, the answer is held back this long */
    NACRE_SIM_FAULT_CLOCK,         /* the simulator's clock is this far from the system's */
    NACRE_SIM_FAULT_GARBAGE,       /* the answer is random bytes and no CBOR */
    NACRE_SIM_FAULT_TRUNCATE,      /* the answer ends halfway */
    NACRE_SIM_FAULT_CLOSE,         /* the connection is closed instead of an answer */
    NACRE_SIM_FAULT_SHORT_PCR,     /* PCR values are 47 bytes; a document with them is well signed */
    NACRE_SIM_FAULT_WRONG_TYPE,    /* the answer is that of another request */
    NACRE_SIM_FAULT_BAD_SIGNATURE, /* one bit of the document's signature is wrong */
    NACRE_SIM_FAULT_KIND_COUNT
};

struct nacre_sim_fault {
    enum nacre_sim_fault_kind kind;
    int64_t ms;                 /* of delay and hold */
    enum nacre_sim_error error; /* of error */
    bool any;                   /* every request, else only those of the kind `request` */
    enum nacre_sim_kind request;
    uint32_t left; /* times it still happens; 0: until it is cleared */
};

struct nacre_sim_faults {
    struct nacre_sim_fault list[NACRE_SIM_FAULT_MAX];
    size_t count;
    int64_t clock_ms;
};

/* What all faults together mean for one request. */
struct nacre_sim_plan {
    int64_t delay_ms;
    int64_t hold_ms;
    enum nacre_sim_fault_kind damage; /* none, or any but delay, hold and clock */
    enum nacre_sim_error error;
};

/*
 * Adds the fault written as on the command line, KIND[:ARG][@REQUEST][#COUNT].
 * Returns 0, -EINVAL for a text that makes no sense or -ENOSPC when NACRE_SIM_FAULT_MAX are in force;
 * *why is then a static sentence and nothing was added.
 */
int nacre_sim_fault_option(struct nacre_sim_faults *faults, const char *text, const char **why);

/*
 * Carries out one line of the control socket without its newline: "fault KIND [ARG] [REQUEST] [COUNT]",
 * "clock MS" or "clear". Returns and *why as nacre_sim_fault_option.
 */
int nacre_sim_fault_line(struct nacre_sim_faults *faults, const char *line, const char **why);

/* Decides what happens to one request of this kind, and counts down the faults that apply to it. */
void nacre_sim_fault_plan(struct nacre_sim_faults *faults, enum nacre_sim_kind kind,
                          struct nacre_sim_plan *plan);

#endif
