/* about.h - what is running, for an app that puts it into its answers. */
#ifndef NACRE_APP_ABOUT_H
#define NACRE_APP_ABOUT_H

#include <common/digest.h>
#include <nacre/plugin.h>

/* SHA-384 of the program that this process runs; before files can no longer be opened. 0 or a negative errno. */
int nacre_about_self(uint8_t out[NACRE_SHA384_LEN]);

/* The about service; see nacre_about() in nacre/plugin.h. */
int32_t nacre_host_about(const struct nacre_call *visible, struct nacre_about *out);

#endif
