/* cmd_secrets.h - the parts of `nacre secrets`. */
#ifndef NACRE_TOOL_CMD_SECRETS_H
#define NACRE_TOOL_CMD_SECRETS_H

#include "cmd_verify.h"

int nacre_cmd_secrets_check(int argc, char **argv);
int nacre_cmd_secrets_keygen(int argc, char **argv);
int nacre_cmd_secrets_seal(int argc, char **argv);
int nacre_cmd_secrets_kms(int argc, char **argv);
int nacre_cmd_secrets_lend(int argc, char **argv);
int nacre_cmd_secrets_send(int argc, char **argv);
int nacre_cmd_secrets_show(int argc, char **argv);

/* cmd_secrets_document.c. One of url and document is given, and no policy for looking only. */
int nacre_secrets_usage(const struct nacre_vcmd_options *options, const char *url, const char *document,
                        nacre_verify_error *why);
/* The document, verified, and verified against PCRs that say what runs. NACRE_REFUSED leaves *report to be shown. */
int nacre_secrets_document(const struct nacre_vcmd_options *options, const char *url, const char *document,
                           nacre_verify_report **report, nacre_verify_error *why);
/*
 * cmd_secrets_tls.c: puts a certificate for HTTPS before the secrets, as common/sealed.h has it: PEM files with the chain,
 * the enclave's own certificate first, and with its private key, which has to be that certificate's.
 */
int nacre_secrets_add_tls(struct nacre_vcmd_buffer *secrets, const char *certificate, const char *key,
                          nacre_verify_error *why);
/* Says why it did not work out, if it did not; returns `code`. */
int nacre_secrets_conclude(const struct nacre_vcmd_options *options, int code, const char *failed,
                           const nacre_verify_report *report, const nacre_verify_error *why);

#endif
