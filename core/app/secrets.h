/*
 * secrets.h - the secrets that the plugin declares, in memory that is locked, kept out of core dumps, read-only, and
 * wiped when freed. Names that are not declared are never copied there.
 */
#ifndef NACRE_APP_SECRETS_H
#define NACRE_APP_SECRETS_H

#include <common/manifest.h>
#include <nacre/plugin.h>

struct nacre_secrets {
    char *memory; /* of sodium_malloc(), NULL when there are none */
    struct {
        const char *name; /* the manifest's */
        struct nacre_str value;
    } entries[NACRE_SECRETS_MAX];
    uint32_t n_entries;
};

/*
 * nacre_secrets_parse - text[0..len) is a JSON object of strings (len 0: an empty one). Logs the name of each entry
 * that the manifest does not declare. `text` stays the caller's to wipe; `manifest` must outlive *out. Returns 0,
 * -EBADMSG for text that is no such object, has a declared name twice, or is longer than NACRE_SECRETS_BLOB, -ENOKEY
 * when a required one is missing, or -ENOMEM; `why` names the entry, never a value.
 */
int nacre_secrets_parse(struct nacre_secrets *out, const struct nacre_manifest *manifest, const char *text,
                        size_t len, char *why, size_t why_len);

/* The value, borrowed, terminated as well; false when it was not delivered. */
bool nacre_secrets_get(const struct nacre_secrets *secrets, struct nacre_str name, struct nacre_str *value);

/* Wipes. Accepts a zeroed struct. */
void nacre_secrets_free(struct nacre_secrets *secrets);

#endif
