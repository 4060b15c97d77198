#include "init.h"

#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

/* From its very first instruction: the loader and the libraries take settings from the environment, too. */
void nacre_init_afresh(void)
{
    char name[] = "nacred";
    if (environ && *environ)
        (void)execve(NACRE_INIT_PROGRAM, (char *[]){name, NULL}, (char *[]){NULL});
    (void)clearenv();
}

static int seed(char why[NACRE_INIT_WHY])
{
    struct nacre_nsm nsm;
    int err = nacre_nsm_open(&nsm, "device");
    if (err) {
        (void)snprintf(why, NACRE_INIT_WHY, "/dev/nsm: %s", strerror(-err));
        return err;
    }
    err = nacre_init_entropy(&nsm, "/dev/random", why);
    nacre_nsm_close(&nsm);
    return err;
}

/* As long as it is ours alone, the machine gives what it has. */
static int raise_limits(void)
{
    const struct rlimit files = {NACRE_INIT_FILES, NACRE_INIT_FILES};
    return setrlimit(RLIMIT_NOFILE, &files) < 0 ? -errno : 0;
}

int nacre_init(struct nacre_core *c)
{
    char why[NACRE_INIT_WHY] = "";
    struct nacre_sockaddr parent;
    c->is_init = true;
    (void)snprintf(c->helper_dir, sizeof c->helper_dir, "%s", NACRE_INIT_HELPERS);
    int err = nacre_init_mounts("", why);
    (void)nacre_init_console("/dev/console"); /* without one there is nobody to tell */
    nacre_log_event(NACRE_LEVEL_INFO, "enclave started", NLS("version", NACRE_VERSION));
    if (err)
        return nacre_refuse("mount: %s", why);
    err = raise_limits();
    if (err)
        return nacre_refuse("limit of descriptors: %s", strerror(-err));
    if (nacre_init_modules("/lib/modules", why) < 0)
        return nacre_refuse("%s", why);
    err = nacre_init_loopback();
    if (err)
        return nacre_refuse("lo: %s", strerror(-err));
    nacre_sockaddr_vsock(&parent, NACRE_PARENT_CID, NACRE_HEARTBEAT_PORT);
    if (nacre_init_heartbeat(&parent, NACRE_HEARTBEAT_MS, why) < 0)
        return nacre_refuse("heartbeat: %s", why);
    if (seed(why) < 0)
        return nacre_refuse("entropy: %s", why);
    nacre_log_event(NACRE_LEVEL_INFO, "enclave set up", NLI("parent_cid", NACRE_PARENT_CID));
    return 0;
}

/*
 * Restarting is what ends an enclave, and what QEMU takes for an end when it is told so (-no-reboot); the kernel's
 * command line says how. Where it fails, the kernel's own end of a machine without a process 1 is left.
 */
_Noreturn void nacre_init_end(void)
{
    (void)tcdrain(STDERR_FILENO); /* the last line says why */
    (void)reboot(RB_AUTOBOOT);
    _exit(NACRE_EXIT_BOOT);
}
