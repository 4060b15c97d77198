/* about.h - what is running, for an app that puts it into its answers. */
#ifndef NACRE_APP_ABOUT_H
#define NACRE_APP_ABOUT_H

#include <common/digest.h>
#include <nacre/plugin.h>

/*
 * Keeps the program that this process runs in reach, for the SHA-384 of it that nacre_host_about() gives: to be called once,
 * before files can no longer be opened. The digest is made when it is first asked for. 0 or a negative errno; then it is zeros.
 */
int nacre_about_self(void);

/* The about service; see nacre_about() in nacre/plugin.h. */
int32_t nacre_host_about(const struct nacre_call *visible, struct nacre_about *out);

#endif
