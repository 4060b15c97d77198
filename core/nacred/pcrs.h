/* pcrs.h - what this boot measured, written into the NSM's registers before there is a key. */
#ifndef NACRE_NACRED_PCRS_H
#define NACRE_NACRED_PCRS_H

#include "nsm_transport.h"

#define NACRE_PCR_PLUGIN 16u
#define NACRE_PCR_CONFIG 17u
#define NACRE_PCR_COUNT  32u

/*
 * nacre_pcrs_seal - extend PCR16 with the plugin's digest and PCR17 with the configuration's, and lock all registers.
 * A register that has been extended already (the runtime was started again on the same NSM) must hold what this
 * start would have made of it. Returns 0, or a negative errno with `why`, which names found and expected values.
 */
int nacre_pcrs_seal(struct nacre_nsm *nsm, const uint8_t plugin[NACRE_SHA384_LEN],
                    const uint8_t config[NACRE_SHA384_LEN], char *why, size_t why_len);

#endif
