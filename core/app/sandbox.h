/*
 * sandbox.h - what the process with the plugin may ask of the kernel. There is no way in it to open a socket,
 * to reach a device, to run a program or to touch another process.
 *
 * First filter: before the plugin is loaded, so that its constructors run under it. Files may be opened for
 * reading and mapped as code, because loading a shared object needs that; memory that was written never is code. Once it
 * is loaded, no memory becomes executable any more. Second filter: after start(); it takes away files as well.
 */
#ifndef NACRE_APP_SANDBOX_H
#define NACRE_APP_SANDBOX_H

/* While there is one thread. 0 or a negative errno. */
int nacre_app_sandbox_first(void);

/* Once the plugin is loaded, before anything of it is called: no memory becomes executable any more. 0 or a negative errno. */
int nacre_app_sandbox_loaded(void);

/* For all threads of the process. 0 or a negative errno. */
int nacre_app_sandbox_second(void);

#endif
