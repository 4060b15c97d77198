#include "commands.h"
#include "file.h"
#include "plugin_cmds.h"
#include "plugin_template.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APP_NAME_MAX 32u /* as the manifest has it */
#define PLACE        "@NAME@"

static const char help[] = "usage: nacre plugin new NAME [--dir DIR]\n"
                           "\n"
                           "Writes a new app into the directory NAME, which must not exist: a plugin of one "
                           "route, its build with CMake\n"
                           "or make against the installed nacre, its allow list, a README and a test. NAME "
                           "is [a-z][a-z0-9-]*, at most\n"
                           "32 characters.\n"
                           "\n"
                           "  --dir DIR   where to make the directory; default: here\n"
                           "  -h, --help\n";

static const char *const files[] = {
    "CMakeLists.txt", "Makefile", "README.md", "allowed_endpoints.yaml", "plugin.c", "test.sh",
};
#define N_FILES (sizeof files / sizeof files[0])

static int usage_error(const char *what, const char *value)
{
    (void)fprintf(stderr, "nacre plugin new: %s%s; see --help\n", what, value);
    return NACRE_EXIT_USAGE;
}

/* -1 to go on, else the exit code. */
static int read_options(const char **name, const char **dir, int argc, char **argv)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int opt;
    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (opt == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        if (opt != 'd')
            return NACRE_EXIT_USAGE;
        *dir = optarg;
    }
    if (optind == argc)
        return usage_error("the app's NAME is missing", "");
    if (optind + 1 != argc)
        return usage_error("one app at a time, but there is also ", argv[optind + 1]);
    *name = argv[optind];
    return -1;
}

static int check_name(const char *name, char *why, size_t why_len)
{
    size_t len = strlen(name);
    if (len > 0 && len <= APP_NAME_MAX && name[0] >= 'a' && name[0] <= 'z' &&
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len)
        return 0;
    (void)snprintf(why, why_len, "'%.64s' is no app name: it must be [a-z][a-z0-9-]*, at most %u characters",
                   name, APP_NAME_MAX);
    return -EINVAL;
}

/* The template with the app's name in all places. */
static int fill(char **out, size_t *out_len, const struct nacre_template *t, const char *name)
{
    FILE *to = open_memstream(out, out_len);
    if (!to)
        return -ENOMEM;
    const char *at = t->text, *place;
    while ((place = strstr(at, PLACE))) {
        (void)fwrite(at, 1, (size_t)(place - at), to);
        (void)fputs(name, to);
        at = place + strlen(PLACE);
    }
    (void)fputs(at, to);
    bool lost = ferror(to) != 0;
    return fclose(to) != 0 || lost ? -ENOMEM : 0;
}

static int write_file(const char *dir, const char *file, const char *name, char *why, size_t why_len)
{
    char path[PATH_MAX], source[64], *text = NULL;
    size_t len = 0;
    (void)snprintf(source, sizeof source, "new/%s", file);
    const struct nacre_template *t = nacre_template_find(source);
    int rc = t ? fill(&text, &len, t, name) : -ENOENT;
    if (rc)
        (void)nacre_file_error(source, "cannot be filled in", -rc, why, why_len);
    else if (nacre_file_join(path, sizeof path, dir, file))
        rc = nacre_file_error(dir, "cannot be used", ENAMETOOLONG, why, why_len);
    else
        rc = nacre_file_write(path, text, len, why, why_len);
    free(text);
    return rc;
}

static void remove_files(const char *dir, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char path[PATH_MAX];
        if (nacre_file_join(path, sizeof path, dir, files[i]) == 0)
            (void)unlink(path);
    }
    (void)rmdir(dir);
}

/* All of it or nothing. */
static int write_app(char dir[PATH_MAX], const char *parent, const char *name, char *why, size_t why_len)
{
    if (nacre_file_join(dir, PATH_MAX, parent, name))
        return nacre_file_error(parent, "cannot be used", ENAMETOOLONG, why, why_len);
    if (mkdir(dir, 0777) < 0)
        return nacre_file_error(dir, "cannot be made", errno, why, why_len);
    for (size_t i = 0; i < N_FILES; i++) {
        int rc = write_file(dir, files[i], name, why, why_len);
        if (rc) {
            remove_files(dir, i);
            return rc;
        }
    }
    return 0;
}

int nacre_plugin_cmd_new(int argc, char **argv)
{
    const char *name = NULL, *parent = ".";
    char why[1024], path[PATH_MAX];
    int code = read_options(&name, &parent, argc, argv);
    if (code >= 0)
        return code;
    if (check_name(name, why, sizeof why) || write_app(path, parent, name, why, sizeof why)) {
        (void)fprintf(stderr, "nacre plugin new: %s\n", why);
        return NACRE_EXIT_FAILED;
    }
    const char *dir = strncmp(path, "./", 2) == 0 ? path + 2 : path;
    (void)printf("%s: written. Build it and run its test:\n"
                 "  cd %s\n"
                 "  cmake -S . -B build && cmake --build build && ctest --test-dir build\n"
                 "or make test\n",
                 dir, dir);
    return 0;
}
