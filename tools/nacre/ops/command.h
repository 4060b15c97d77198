/* command.h - runs a program to its end, without a shell, within a time. */
#ifndef NACRE_OPS_COMMAND_H
#define NACRE_OPS_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#define NACRE_OPS_OUTPUT (1u << 20) /* bytes of standard output that are kept; more is a failure */
#define NACRE_OPS_ERRORS 2048u      /* the last bytes of standard error */

struct nacre_ops_output {
    char out[NACRE_OPS_OUTPUT + 1]; /* terminated */
    size_t out_len;
    char errors[NACRE_OPS_ERRORS + 1]; /* terminated, one line, printable ASCII */
};

/*
 * nacre_ops_run - runs argv[0] (found in PATH), collects what it prints and waits for its end. It gets /dev/null as
 * input and a process group of its own, which is killed when timeout_ms are over. Returns 0 when it exits with 0, else
 * a negative errno with `why` naming the program, what became of it and what it said: -ENOENT when it cannot be run,
 * -ETIMEDOUT, -EFBIG (it prints too much), -EIO (another exit code, or a signal).
 */
int nacre_ops_run(const char *const argv[], uint64_t timeout_ms, struct nacre_ops_output *output, char *why,
                  size_t why_len);

#endif
