/* message.h - KMS's Decrypt in JSON: what is asked, and what of the answer counts. */
#ifndef NACRE_KMS_MESSAGE_H
#define NACRE_KMS_MESSAGE_H

#include <common/json_write.h>
#include <common/manifest.h>
#include <nacre/plugin.h>

#define NACRE_KMS_ERROR 64u    /* bytes of an error's name with its end */
#define NACRE_KMS_CMS   16384u /* bytes of an answer's CMS at most */

/* The body of the request; failed when out of memory. */
struct nacre_json_out nacre_kms_ask(const struct nacre_manifest *m, const uint8_t *document, size_t len);

/*
 * nacre_kms_answer - the CMS of a good answer to cms[0..*len), once the answer says that it is from the key that was
 * asked for. 0, or -EBADMSG with `why`.
 */
int nacre_kms_answer(uint8_t cms[NACRE_KMS_CMS], size_t *len, struct nacre_bytes body, const char *key_id,
                     char *why, size_t why_len);

/* The name of the error in a bad answer, "AccessDeniedException", reduced to letters; "" when it names none. */
void nacre_kms_error(char out[NACRE_KMS_ERROR], struct nacre_bytes body);

#endif
