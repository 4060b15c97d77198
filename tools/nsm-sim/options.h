/*
 * The command line.
 */
#ifndef NACRE_SIM_OPTIONS_H
#define NACRE_SIM_OPTIONS_H

#include "fault.h"
#include "pcr.h"

struct nacre_sim_options {
    const char *socket_path;  /* exactly one of this and listen_fd is given */
    const char *control_path; /* or NULL */
    const char *root_out;     /* or NULL */
    const char *root_key;     /* or NULL */
    const char *module_id;    /* NULL: one is made up */
    int listen_fd;            /* or -1 */
    int ready_fd;             /* or -1 */
    bool definite;
    bool tagged;
    bool any_size;
    bool debug;
    bool die_with_parent;
    const char *pcrs[NACRE_SIM_PCR_BOOT]; /* hex, or NULL */
    struct nacre_sim_faults faults;
};

enum nacre_sim_options_result { NACRE_SIM_OPTIONS_RUN, NACRE_SIM_OPTIONS_DONE, NACRE_SIM_OPTIONS_BAD };

/*
 * Reads argv; strings are borrowed from it. Prints help and version to stdout (result DONE) and mistakes to
 * stderr (result BAD).
 */
enum nacre_sim_options_result nacre_sim_options_read(struct nacre_sim_options *options, int argc,
                                                     char **argv);

#endif
