#include "plugin_gen.h"

#include "commands.h"
#include "file.h"
#include "plugin_open.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

static int usage_error(const char *command, const char *what, const char *value)
{
    (void)fprintf(stderr, "%s: %s%s; see --help\n", command, what, value);
    return NACRE_EXIT_USAGE;
}

/* -1 to go on, else the exit code. */
static int read_options(struct nacre_gen_request *r, const struct nacre_gen *gen, int argc, char **argv)
{
    const struct option options[] = {
        {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {gen->extra_option, required_argument, NULL, 'x'},
        {0},
    };
    int opt;
    while ((opt = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        switch (opt) {
        case 'o':
            r->output = optarg;
            break;
        case 'x':
            r->extra = optarg;
            break;
        case 'h':
            (void)fputs(gen->help, stdout);
            return 0;
        default:
            return NACRE_EXIT_USAGE;
        }
    }
    if (optind == argc)
        return usage_error(argv[0], "the plugin's file (APP.so) is missing", "");
    if (optind + 1 != argc)
        return usage_error(argv[0], "one plugin at a time, but there is also ", argv[optind + 1]);
    r->plugin = argv[optind];
    return -1;
}

static int put(const struct nacre_gen_request *r, const char *text, size_t len, char *why, size_t why_len)
{
    if (r->output)
        return nacre_file_write(r->output, text, len, why, why_len);
    if (fwrite(text, 1, len, stdout) != len || fflush(stdout) != 0)
        return nacre_file_error("standard output", "cannot write", errno, why, why_len);
    return 0;
}

/* All of the text or nothing: it is written to memory first. */
static int generate(const struct nacre_gen *gen, const struct nacre_gen_request *r,
                    const struct nacre_manifest *m, char *why, size_t why_len)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    if (!to)
        return -ENOMEM;
    int rc = gen->write(to, m, r, why, why_len);
    bool lost = ferror(to) != 0;
    if ((fclose(to) != 0 || lost) && rc == 0)
        rc = -ENOMEM;
    if (rc == 0)
        rc = put(r, text, len, why, why_len);
    free(text);
    return rc;
}

int nacre_gen_run(const struct nacre_gen *gen, int argc, char **argv)
{
    struct nacre_gen_request r = {0};
    struct nacre_manifest m;
    char why[1024] = "out of memory";
    int code = read_options(&r, gen, argc, argv);
    if (code >= 0)
        return code;
    int rc = nacre_plugin_open(&m, r.plugin, why, sizeof why);
    if (rc == 0) {
        rc = generate(gen, &r, &m, why, sizeof why);
        nacre_manifest_free(&m);
    }
    if (rc)
        (void)fprintf(stderr, "%s: %s\n", argv[0], why);
    return rc ? NACRE_EXIT_FAILED : 0;
}

void nacre_gen_plain(FILE *to, const char *text)
{
    for (; *text; text++)
        (void)fputc(*text >= ' ' && *text <= '~' ? *text : '?', to);
}
