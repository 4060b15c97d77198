/*
 * init.h - what nacred does as process 1 of an enclave, before it is what it is everywhere, and after.
 *
 * The kernel starts it from the measured image and passes on what of its command line it does not know itself, as
 * arguments and environment: none of that is looked at. What follows is in the order in which it happens.
 */
#ifndef NACRE_NACRED_INIT_H
#define NACRE_NACRED_INIT_H

#include "core.h"

/* Where the image has things. */
#define NACRE_INIT_PROGRAM  "/init"
#define NACRE_INIT_MANIFEST "/app/manifest.cbor"
#define NACRE_INIT_PLUGIN   "/app/plugin.so"
#define NACRE_INIT_HELPERS  "/usr/bin"

#define NACRE_HEARTBEAT_PORT 9000u
#define NACRE_HEARTBEAT_MS   20000u /* for the parent to answer: nitro-cli gives up sooner */

/* The helpers' users. nacred itself stays root: the clock is its to set, the devices are its to open. */
#define NACRE_HTTP_UID       1001u
#define NACRE_APP_UID        1002u
#define NACRE_HELPER_THREADS 1024u  /* nacre-http has one a lane */
#define NACRE_APP_THREADS    20480u /* nacre-app sets its own limit below that, by its configuration */
#define NACRE_INIT_FILES     65536u /* descriptors; nacre-http inherits the limit */

#define NACRE_INIT_WHY 256u /* bytes of a reason */

/* init.c: executes this program once more without an environment, if it has one. */
void nacre_init_afresh(void);
/* All of the below, in order. 0, or -1 after nacre_refuse(). */
int nacre_init(struct nacre_core *c);
/* Ends the machine. */
_Noreturn void nacre_init_end(void);

/* init_mount.c: /dev, /proc, /sys, /run and /tmp under `root` ("" in an enclave). 0 or negative errno, with `why`. */
int nacre_init_mounts(const char *root, char why[NACRE_INIT_WHY]);
/* Standard error becomes the console, the other two nothing, whatever the kernel had open. */
int nacre_init_console(const char *console);

/*
 * init_kernel.c: what the kernel lacks until it is told. Modules that the image has in `dir` are loaded in the order of
 * a fixed list; those that it does not have are built into the kernel, or the next step shows that they are missing.
 */
int nacre_init_modules(const char *dir, char why[NACRE_INIT_WHY]);
/* The interface `lo` of this network. 0 or negative errno. */
int nacre_init_loopback(void);

/*
 * init_heartbeat.c: tells the parent that we live: connects, sends one byte and reads it back. Tries again until
 * limit_ms have passed, then returns the last attempt's negative errno; -EPROTO at once for another byte.
 */
int nacre_init_heartbeat(const struct nacre_sockaddr *parent, uint32_t limit_ms, char why[NACRE_INIT_WHY]);

/* init_entropy.c: the NSM's random bytes into the kernel's pool (/dev/random), credited. 0 or negative errno. */
int nacre_init_entropy(struct nacre_nsm *nsm, const char *device, char why[NACRE_INIT_WHY]);

#endif
