#include "commands.h"
#include "dev_dir.h"
#include "dev_options.h"
#include "dev_prepare.h"
#include "dev_run.h"
#include "file.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_STOP_MS 3000

static int complain(const char *why)
{
    (void)fprintf(stderr, "nacre dev: %s\n", why);
    return NACRE_EXIT_FAILED;
}

static int write_pid(const char *path)
{
    char text[32], why[512];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    return nacre_file_write(path, text, (size_t)len, why, sizeof why) ? complain(why) : 0;
}

static int run(const struct nacre_dev_options *options, struct nacre_dev_store *store,
               const struct nacre_dev_dir *dir)
{
    struct nacre_dev_plan plan = {.store = options->blob_store ? store : NULL};
    char why[2048] = "out of memory";
    /* before the manifest, in which its port stands */
    if (plan.store && nacre_dev_store_start(store, options->blob_store, dir, why, sizeof why))
        return complain(why);
    if (nacre_dev_prepare(&plan, options, dir, why, sizeof why))
        return complain(why);
    sigset_t set;
    nacre_dev_signals(&set);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (options->pid_file && write_pid(options->pid_file))
        return NACRE_EXIT_FAILED;
    int rc = nacre_dev_run(&plan, dir);
    if (options->pid_file)
        (void)unlink(options->pid_file);
    return rc ? NACRE_EXIT_FAILED : 0;
}

int nacre_cmd_dev(int argc, char **argv)
{
    struct nacre_dev_options options;
    struct nacre_dev_store store = {.child = {.ready_fd = -1}};
    struct nacre_dev_dir dir;
    char why[1024] = "out of memory";
    int code = nacre_dev_options_read(&options, argc, argv);
    if (code >= 0)
        return code;
    if (nacre_dev_dir_make(&dir, options.keep, why, sizeof why))
        return complain(why);
    code = run(&options, &store, &dir);
    if (nacre_dev_child_stop(&store.child, STORE_STOP_MS) && code == 0)
        code = complain("nacre-blobstore did not end as it should");
    if (nacre_dev_dir_remove(&dir)) {
        (void)snprintf(why, sizeof why, "%s could not be removed", dir.path);
        return complain(why);
    }
    return code;
}
