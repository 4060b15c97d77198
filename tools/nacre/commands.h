/*
 * commands.h - the commands of `nacre`. Each gets the arguments from its own name on: argv[0] is "nacre
 * verify" or the like, for messages. Each answers --help itself, prints its result on stdout and its troubles
 * on stderr, and returns the exit code: 0, 1 when what was asked for did not work out, 2 for a mistake on the
 * command line.
 */
#ifndef NACRE_TOOL_COMMANDS_H
#define NACRE_TOOL_COMMANDS_H

#define NACRE_EXIT_FAILED 1
#define NACRE_EXIT_USAGE  2

#include <stddef.h>

int nacre_cmd_dev(int argc, char **argv);
int nacre_cmd_host(int argc, char **argv);
int nacre_cmd_plugin(int argc, char **argv);
int nacre_cmd_plugin_manifest(int argc, char **argv);
int nacre_cmd_eif(int argc, char **argv);
int nacre_cmd_verify(int argc, char **argv);
int nacre_cmd_call(int argc, char **argv);
int nacre_cmd_register(int argc, char **argv);
int nacre_cmd_secrets(int argc, char **argv);
int nacre_cmd_data(int argc, char **argv);
int nacre_cmd_model(int argc, char **argv);
int nacre_cmd_repeat(int argc, char **argv);

/* "PROGRAM: formatted text; see --help" on standard error. Returns NACRE_EXIT_USAGE. */
int nacre_usage_error(const char *program, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One row of a table of commands. */
struct nacre_command {
    const char *name;
    const char *summary; /* one line */
    int (*run)(int argc, char **argv);
};

/*
 * nacre_command_dispatch - run the command that argv[1] names, or answer --help, --version (top level only),
 * nothing at all and unknown names. `program` is "nacre" or "nacre plugin"; `about` is one sentence. Returns
 * the exit code.
 */
int nacre_command_dispatch(const char *program, const char *about, const struct nacre_command *commands,
                           size_t n, int argc, char **argv);

#endif
