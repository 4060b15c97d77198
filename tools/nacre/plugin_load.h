/* plugin_load.h - the side of plugin_read.h that runs in a process of its own. */
#ifndef NACRE_TOOL_PLUGIN_LOAD_H
#define NACRE_TOOL_PLUGIN_LOAD_H

#define NACRE_PLUGIN_REPORT_OK     0u
#define NACRE_PLUGIN_REPORT_FAILED 1u

/*
 * nacre_plugin_load_and_report - load the shared object in plugin_fd as nacre-app does (RTLD_NOW |
 * RTLD_LOCAL, from the descriptor) and write one byte NACRE_PLUGIN_REPORT_*, then the encoded descriptor or a
 * text, to reply_fd. The plugin stays loaded: the process is meant to end.
 */
void nacre_plugin_load_and_report(int plugin_fd, int reply_fd);

#endif
