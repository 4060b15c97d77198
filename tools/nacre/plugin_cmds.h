/*
 * plugin_cmds.h - the subcommands of `nacre plugin` that read a plugin's descriptor and write something about it,
 * and the one that writes a new plugin. Each is called as commands.h says.
 */
#ifndef NACRE_TOOL_PLUGIN_CMDS_H
#define NACRE_TOOL_PLUGIN_CMDS_H

int nacre_plugin_cmd_show(int argc, char **argv);
int nacre_plugin_cmd_openapi(int argc, char **argv);
int nacre_plugin_cmd_move(int argc, char **argv);
int nacre_plugin_cmd_ts(int argc, char **argv);
int nacre_plugin_cmd_types(int argc, char **argv);
int nacre_plugin_cmd_endpoints(int argc, char **argv);
int nacre_plugin_cmd_new(int argc, char **argv);

#endif
