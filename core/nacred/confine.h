/*
 * confine.h - what nacred itself gives up, and what of the machine it can take from its helpers.
 */
#ifndef NACRE_NACRED_CONFINE_H
#define NACRE_NACRED_CONFINE_H

/* Whether a process can have the threads of a processor core for itself while it runs (core scheduling). */
enum nacre_cores {
    NACRE_CORES_SHARED, /* this kernel cannot */
    NACRE_CORES_SINGLE, /* the cores have one thread: nothing to do */
    NACRE_CORES_APART,  /* it can */
};

/*
 * The namespaces (CLONE_NEW*) of their own that helpers can be given here, found by trying in a child: network, mounts,
 * IPC, host name, control groups; without root in a user namespace. 0: none. (PIDs are another matter: pids.h.)
 * Into *cores what core scheduling there is. Before there are threads.
 */
int nacre_confine_namespaces(enum nacre_cores *cores);

/* "net mnt ipc uts cgroup pid" into out, in parts as they are in the set. */
void nacre_confine_text(int namespaces, char out[64]);

/*
 * nacre_confine_self - a list of system calls for this process and those that it will start: none that looks into other
 * processes, loads code into the kernel, mounts, or changes files. Helpers put narrower ones on top. Before there are
 * threads. 0 or negative errno.
 */
int nacre_confine_self(void);

#endif
