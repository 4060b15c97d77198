/* cmd_register.h - the last step for a contract that knows one canonical enclave. */
#ifndef NACRE_TOOL_CMD_REGISTER_H
#define NACRE_TOOL_CMD_REGISTER_H

#include "cmd_verify.h"
#include "ptb.h"

/* `APP::MODULE::update_canonical_enclave(canonical, enclave, clock)`, as the contract of Sui Sentinel has it. */
struct nacre_canonical {
    const char *app_package, *module, *canonical, *gas;
};

/* Prints it, with $ENCLAVE for the id that the registration has made. */
int nacre_canonical_print(const struct nacre_canonical *c, nacre_verify_error *why);

/*
 * Runs the registration with --json, shows what it prints, takes the id of the Enclave it has made out of that, and runs
 * the switch with it.
 */
int nacre_canonical_run(const struct nacre_canonical *c, struct nacre_ptb *registration,
                        nacre_verify_error *why);

#endif
