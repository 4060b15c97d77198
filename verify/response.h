/* The checks of an answer whose BCS is at hand. */
#ifndef NACRE_VFY_RESPONSE_H
#define NACRE_VFY_RESPONSE_H

#include "report.h"

/* Checks "key", "signature" and, if asked, "age". False when memory is out: then nothing was decided. */
bool nacre_vfy_check_response(const nacre_verify_signed *response, struct nacre_verify_report *report);

#endif
