/* cmd_secrets.h - the parts of `nacre secrets`. */
#ifndef NACRE_TOOL_CMD_SECRETS_H
#define NACRE_TOOL_CMD_SECRETS_H

int nacre_cmd_secrets_keygen(int argc, char **argv);
int nacre_cmd_secrets_seal(int argc, char **argv);
int nacre_cmd_secrets_send(int argc, char **argv);
int nacre_cmd_secrets_show(int argc, char **argv);

#endif
