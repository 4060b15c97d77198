/*
 * main.c - nacre-app: loads the one measured plugin and runs its handlers. Started by nacred with the control socket,
 * the manifest and the plugin as descriptors 3, 4 and 5; reads no environment and no configuration file.
 *
 *   nacre-app           serves
 *   nacre-app --check   loads and compares the plugin, says READY or FAILED, and ends
 *   nacre-app --kms     asks AWS KMS for the secrets, hands them to nacred, and ends; has no descriptor 5
 */
#include "about.h"
#include "app.h"
#include "call.h"
#include "kms_run.h"
#include "limits.h"
#include "load.h"
#include "sandbox.h"

#include <common/log.h>
#include <common/sandbox.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_MS      30000u /* what remaining_ms() begins with in start() */
#define HEALTH_END_MS 2000u  /* how long the end waits for a check in progress */

enum mode { SERVE, CHECK, KMS, UNKNOWN };

static struct nacre_app app;
static struct nacre_app_limits limits;

#ifdef NACRE_SANITIZED
/* The search for leaks stops all threads by ptrace, which the filter refuses; the parts are searched in their tests. */
NACRE_EXPORT int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}
#endif

static int fail(char *why, const char *what, int err)
{
    (void)snprintf(why, NACRE_WHY, "%s: %s", what, strerror(-err));
    return err;
}

/* The manifest, and what of it the process itself needs. */
static int read_manifest(char why[NACRE_WHY])
{
    why[0] = '\0';
    int err = nacre_manifest_load_fd(&app.manifest, NACRE_FD_MANIFEST, why, NACRE_WHY);
    (void)close(NACRE_FD_MANIFEST);
    if (err)
        return why[0] ? err : fail(why, "the manifest cannot be read", err);
    nacre_log_setup("nacre-app", nacre_log_level_of(app.manifest.config.log_level),
                    strcmp(app.manifest.config.log_format, "json") == 0);
    return 0;
}

/* The measured load. Its first instruction of foreign code runs in dlopen, under the first filter. */
static int load(char why[NACRE_WHY])
{
    why[0] = '\0';
    int err = nacre_load_measure(NACRE_FD_PLUGIN, app.manifest.plugin_digest, why);
    if (!err)
        err = nacre_load_plugin(NACRE_FD_PLUGIN, &app.plugin_handle, &app.plugin, why);
    if (!err)
        err = nacre_load_compare(app.plugin, &app.manifest, why);
    if (!err)
        err = nacre_routes_build(&app, why);
    (void)close(NACRE_FD_PLUGIN);
    return err && !why[0] ? fail(why, "the plugin cannot be read", err) : err;
}

/* Receives until the secrets have come; other messages are acted upon meanwhile. 1 when told to stop. */
static int await_secrets(char why[NACRE_WHY])
{
    int err = nacre_inbox_init(&app.inbox);
    if (err)
        return fail(why, "no memory", err);
    while (!app.has_secrets && !atomic_load(&app.stopping)) {
        int got = nacre_control_receive(&app, why);
        if (got == 0)
            return fail(why, "nacred is gone", -EPIPE);
        if (got < 0)
            return got;
    }
    return atomic_load(&app.stopping) ? 1 : 0;
}

/* The plugin's own start, alone and with a call of its own. */
static int start_plugin(char why[NACRE_WHY])
{
    struct nacre_scratch scratch;
    struct nacre_app_call call;
    if (!app.plugin->start)
        return 0;
    int err = nacre_scratch_init(&scratch, (size_t)app.manifest.config.app_scratch_bytes);
    if (err)
        return fail(why, "no memory for start()", err);
    nacre_call_begin(&call, &app, &scratch, NULL, 0, nacre_monotonic_ns() + START_MS * (uint64_t)1000000);
    int32_t status = app.plugin->start(&call.visible);
    if (status)
        (void)snprintf(why, NACRE_WHY, "the app's start() returned %d%s%.*s", status,
                       call.fail_len ? ": " : "", (int)call.fail_len, call.fail_text);
    nacre_scratch_free(&scratch);
    return status ? -ECANCELED : 0;
}

/* In the order of what uses what. A health check that does not end keeps its module. */
static void finish(pthread_t *health)
{
    nacre_workers_join(&app);
    nacre_pending_close(&app.pending);
    const bool health_ended = !health || nacre_app_health_ended(&app, HEALTH_END_MS);
    if (health && health_ended)
        (void)pthread_join(*health, NULL);
    if (app.plugin->stop)
        app.plugin->stop();
    nacre_secrets_free(&app.secrets);
    if (!health_ended)
        _exit(0);
    if (app.fetch)
        app.fetch->stop();
}

/* From the plugin in memory to the end of the process. Returns 0, or why serving did not begin. */
static int serve(char why[NACRE_WHY])
{
    pthread_t control, health;
    int err = pthread_create(&control, NULL, nacre_control_run, &app);
    if (err)
        return fail(why, "no thread for control", -err);
    err = nacre_app_sandbox_loaded();
    if (err)
        return fail(why, "new code cannot be refused", err);
    err = start_plugin(why);
    if (err)
        return err;
    err = nacre_app_sandbox_second();
    if (err)
        return fail(why, "the second filter cannot be installed", err);
    err = nacre_workers_start(&app);
    if (err)
        return fail(why, "no memory for app.workers", err);
    err = nacre_control_ready(); /* who is ready serves: nobody hears of the key before */
    if (err)
        return fail(why, "nacred is gone", err);
    const bool has_health = app.fetch && pthread_create(&health, NULL, nacre_health_run, &app) == 0;
    nacre_app_watch(&app, &limits);
    finish(has_health ? &health : NULL);
    (void)shutdown(NACRE_FD_CONTROL, SHUT_RD); /* ends the control thread */
    (void)pthread_join(control, NULL);
    return 0;
}

/*
 * Requests come in bursts, one send of nacre-http after the other. A batch process is not put before its waker the
 * moment the first one arrives, so it finds all of them at once: fewer changes of process for the same work.
 */
static void prefer_bursts(void)
{
    const struct sched_param none = {0};
    (void)sched_setscheduler(0, SCHED_BATCH, &none); /* only a matter of speed */
}

/* There is no plugin here, and KMS is the whole allow list. */
static int run_kms(char why[NACRE_WHY])
{
    int err = 0;
    if (!app.manifest.kms.ciphertext)
        return fail(why, "the configuration has no secrets.kms", -EINVAL);
    app.manifest.allow = &app.manifest.kms.endpoint;
    app.manifest.n_allow = 1;
    const struct nacre_kms_module *module = nacre_module_kms(&err, why);
    if (!err)
        err = nacre_module_load(&app, why);
    if (err)
        return err;
    err = nacre_app_sandbox_first();
    if (!err)
        err = nacre_app_sandbox_loaded();
    if (!err)
        err = nacre_app_sandbox_second();
    return err ? fail(why, "the filters cannot be installed", err) : nacre_kms_run(&app, module, why);
}

static int run(enum mode mode, char why[NACRE_WHY])
{
    const bool check = mode == CHECK;
    prefer_bursts();
    int err = nacre_app_first_victim();
    if (err)
        nacre_log_event(NACRE_LEVEL_WARN, "not the first to end when memory is out", NLI("error", -err));
    err = nacre_sandbox_basics();
    if (err)
        return fail(why, "privileges cannot be given up", err);
    if (sodium_init() < 0)
        return fail(why, "libsodium does not start", -EIO);
    err = read_manifest(why);
    if (err)
        return err;
    nacre_app_init(&app);
    if (mode == KMS)
        return run_kms(why);
    err = check ? 0 : nacre_about_self();
    if (err)
        nacre_log_event(NACRE_LEVEL_WARN, "own program cannot be read", NLI("error", -err));
    err = nacre_app_limits_set(&limits, &app.manifest.config);
    if (err)
        return fail(why, "limits cannot be set", err);
    err = check ? 0 : nacre_module_load(&app, why);
    if (err)
        return err;
    err = nacre_app_sandbox_first();
    if (err)
        return fail(why, "the first filter cannot be installed", err);
    err = check ? 0 : await_secrets(why);
    if (err)
        return err > 0 ? 0 : err;
    err = load(why);
    if (err)
        return err;
    return check ? nacre_control_ready() : serve(why);
}

static bool started_by_nacred(void)
{
    struct stat st;
    return fstat(NACRE_FD_CONTROL, &st) == 0 && S_ISSOCK(st.st_mode);
}

int main(int argc, char **argv)
{
    const enum mode mode = argc != 2                         ? SERVE
                           : strcmp(argv[1], "--check") == 0 ? CHECK
                           : strcmp(argv[1], "--kms") == 0   ? KMS
                                                             : UNKNOWN;
    char why[NACRE_WHY] = "";
    nacre_log_setup("nacre-app", NACRE_LEVEL_INFO, false);
    if (argc > 2 || mode == UNKNOWN || !started_by_nacred()) {
        (void)fprintf(stderr, "nacre-app %s is started by nacred, with its control socket as descriptor %d\n",
                      NACRE_VERSION, NACRE_FD_CONTROL);
        return 2;
    }
    /* a signal to the whole group is nacred's to act upon, who then says STOP */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    int err = run(mode, why);
    if (err && nacre_control_failed(why[0] ? why : strerror(-err)) < 0)
        nacre_log_event(NACRE_LEVEL_ERROR, "cannot start", NLS("why", why));
    nacre_secrets_free(&app.secrets);
    if (err)
        _exit(1); /* threads may be running: no destructors under their feet */
    return 0;
}
