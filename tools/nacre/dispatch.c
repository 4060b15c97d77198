#include "commands.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int nacre_usage_error(const char *program, const char *format, ...)
{
    va_list args;
    (void)fprintf(stderr, "%s: ", program);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputs("; see --help\n", stderr);
    return NACRE_EXIT_USAGE;
}

static void print_usage(FILE *to, const char *program, const char *about,
                        const struct nacre_command *commands, size_t n)
{
    (void)fprintf(to, "usage: %s COMMAND [ARGUMENTS]\n\n%s\n\nCommands:\n", program, about);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    (void)fprintf(to, "\n`%s COMMAND --help` explains one of them.\n", program);
}

/* Characters that two words share from the start: enough to guess what a slip of the finger meant. */
static size_t common_start(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

static int refuse_unknown(const char *program, const char *name, const struct nacre_command *commands,
                          size_t n)
{
    const struct nacre_command *best = NULL;
    size_t most = 0;
    (void)fprintf(stderr, "%s: unknown command '%s'; there is", program, name);
    for (size_t i = 0; i < n; i++) {
        size_t shared = common_start(commands[i].name, name);
        if (shared > most) {
            most = shared;
            best = &commands[i];
        }
        (void)fprintf(stderr, "%s %s", i ? "," : "", commands[i].name);
    }
    if (best)
        (void)fprintf(stderr, " (did you mean '%s'?)", best->name);
    (void)fprintf(stderr, "; see %s --help\n", program);
    return NACRE_EXIT_USAGE;
}

int nacre_command_dispatch(const char *program, const char *about, const struct nacre_command *commands,
                           size_t n, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        print_usage(stderr, program, about, commands, n);
        return NACRE_EXIT_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_usage(stdout, program, about, commands, n);
        return 0;
    }
    if (strcmp(name, "--version") == 0) {
        (void)puts("nacre " NACRE_VERSION);
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            char full[64];
            (void)snprintf(full, sizeof full, "%s %s", program, name);
            argv[1] = full;
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return refuse_unknown(program, name, commands, n);
}
