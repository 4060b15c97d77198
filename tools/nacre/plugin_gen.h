/*
 * plugin_gen.h - what the generators share: their command line (APP.so, -o FILE), their output, and how text that a
 * plugin chose is put where it can do no harm.
 */
#ifndef NACRE_TOOL_PLUGIN_GEN_H
#define NACRE_TOOL_PLUGIN_GEN_H

#include <common/manifest.h>
#include <stdio.h>

struct nacre_gen_request {
    const char *plugin;
    const char *output; /* NULL: standard output */
    const char *extra;  /* the value of the generator's own option, or NULL */
};

struct nacre_gen {
    const char *help;
    const char *extra_option; /* the name of the one option that only this generator has, or NULL */
    /*
     * Writes the whole text. 0, or -EINVAL with `why` filled: then nothing reaches the output. Failures of `to` are
     * the caller's to notice.
     */
    int (*write)(FILE *to, const struct nacre_manifest *m, const struct nacre_gen_request *request, char *why,
                 size_t why_len);
};

/* The whole command: reads options, opens the plugin, writes. Returns the exit code. */
int nacre_gen_run(const struct nacre_gen *gen, int argc, char **argv);

/*
 * nacre_gen_plain - `text` with everything but printable ASCII as '?': safe on a terminal, and in a comment of any
 * language, which it can neither end nor disguise.
 */
void nacre_gen_plain(FILE *to, const char *text);

#endif
