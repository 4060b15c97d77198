/*
 * app_ramdisk.h - the second ramdisk of an image: the app, below app/ and nowhere else.
 *
 * The kernel unpacks it over the first one. An archive with a path outside app/, or with a link on the way,
 * could replace the runtime under an honest PCR1: so what may be in it is decided here, for the builder and
 * for the checker alike.
 */
#ifndef NACRE_EIF_APP_RAMDISK_H
#define NACRE_EIF_APP_RAMDISK_H

#include "cpio.h"

/*
 * nacre_app_ramdisk_build - the compressed archive at the end of *out: app/manifest.cbor made from the others,
 * app/plugin.so from `plugin`, and every file of the directory `config` (nacre.yaml and
 * allowed_endpoints.yaml must be there). Stored, not compressed, so that the bytes and with them PCR2 do not
 * depend on a library's version. 0, or a negative errno with `why` filled.
 */
int nacre_app_ramdisk_build(struct nacre_blob *out, const char *plugin, const char *config, char *why,
                            size_t why_len);

/*
 * nacre_app_ramdisk_audit - is this ramdisk one gzip member with one archive of regular files and directories
 * below app/, the four files above among them? 0 and *out the entries (nacre_cpio_free() them), or a negative
 * errno (-EBADMSG) with `why` = what and where; *out is untouched then.
 */
int nacre_app_ramdisk_audit(struct nacre_cpio *out, const uint8_t *data, size_t len, char *why,
                            size_t why_len);

/* The entry of that name in a list that is sorted, or NULL. */
const struct nacre_cpio_entry *nacre_app_ramdisk_find(const struct nacre_cpio *c, const char *name);

#endif
