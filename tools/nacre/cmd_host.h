/* cmd_host.h - the commands of `nacre host`, as commands.h has it. */
#ifndef NACRE_TOOL_CMD_HOST_H
#define NACRE_TOOL_CMD_HOST_H

int nacre_cmd_host_run(int argc, char **argv);

#endif
