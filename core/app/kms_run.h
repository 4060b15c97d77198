/* kms_run.h - the run that asks AWS KMS for the secrets and hands them to nacred; see core/nacred/kms.h. */
#ifndef NACRE_APP_KMS_RUN_H
#define NACRE_APP_KMS_RUN_H

#include "app.h"
#include "kms.h"

/* With both modules loaded and the filters in force. 0, or a negative errno with `why`. */
int nacre_kms_run(struct nacre_app *app, const struct nacre_kms_module *module, char why[NACRE_WHY]);

#endif
