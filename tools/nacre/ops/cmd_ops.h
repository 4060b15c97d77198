/* cmd_ops.h - those commands of `nacre host` that start and stop enclaves, as commands.h has it. */
#ifndef NACRE_OPS_CMD_OPS_H
#define NACRE_OPS_CMD_OPS_H

int nacre_cmd_host_up(int argc, char **argv);
int nacre_cmd_host_down(int argc, char **argv);
int nacre_cmd_host_status(int argc, char **argv);

#endif
