/*
 * The bank of 32 platform configuration registers (SHA-384).
 */
#ifndef NACRE_SIM_PCR_H
#define NACRE_SIM_PCR_H

#include "nsm.h"

#include <stdint.h>

#define NACRE_SIM_PCR_COUNT 32 /* registers */
#define NACRE_SIM_PCR_BOOT  16 /* the first ones are locked at boot */
#define NACRE_SIM_PCR_LEN   48 /* bytes of one register */

/* PCRn of a simulator that is not in debug mode, for n of 0..2, is SHA384 of this text followed by n. */
#define NACRE_SIM_PCR_TEXT "nacre-nsm-sim development PCR"

struct nacre_sim_pcr {
    uint8_t value[NACRE_SIM_PCR_LEN];
    bool locked;
};

struct nacre_sim_pcrs {
    struct nacre_sim_pcr bank[NACRE_SIM_PCR_COUNT];
};

/*
 * The state after boot: PCR0-2 are development values, or zero when debug is set; PCR4 measures the
 * instance part of module_id as Nitro does; the others are zero; 0-15 are locked.
 * Returns 0 or -EIO when the digest failed.
 */
int nacre_sim_pcrs_init(struct nacre_sim_pcrs *pcrs, const char *module_id, bool debug);

/* Sets a boot register (0..15) from 96 hex digits. Returns 0 or -EINVAL; the bank is untouched then. */
int nacre_sim_pcrs_set_boot(struct nacre_sim_pcrs *pcrs, unsigned index, const char *hex);

/* PCR = SHA384(PCR || data). Any length of data, also none. */
enum nacre_sim_error nacre_sim_pcrs_extend(struct nacre_sim_pcrs *pcrs, unsigned index, const uint8_t *data,
                                           size_t len);

/* Locks one register; one that is locked already answers ReadOnlyIndex. */
enum nacre_sim_error nacre_sim_pcrs_lock(struct nacre_sim_pcrs *pcrs, unsigned index);

/* Locks 0..range-1; those locked already stay so. A range above 32 answers InvalidIndex. */
enum nacre_sim_error nacre_sim_pcrs_lock_range(struct nacre_sim_pcrs *pcrs, unsigned range);

/* How many registers are locked: these are the ones a document carries. */
unsigned nacre_sim_pcrs_locked(const struct nacre_sim_pcrs *pcrs);

#endif
