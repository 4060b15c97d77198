/*
 * descriptor.h - from a loaded plugin's `nacre_plugin` to the CBOR in the manifest. The build writes it, and
 * nacre-app writes it again from the plugin it has loaded: the two must be the same bytes.
 */
#ifndef NACRE_COMMON_DESCRIPTOR_H
#define NACRE_COMMON_DESCRIPTOR_H

#include <nacre/plugin.h>

/*
 * nacre_descriptor_prefix - check magic, ABI major and size of a symbol before anything else of it is read.
 * Returns 0, or -EINVAL with `why` naming found and expected values.
 */
int nacre_descriptor_prefix(const struct nacre_plugin *plugin, char *why, size_t why_len);

/*
 * nacre_descriptor_encode - write the descriptor in a deterministic form: { "abi": [major, minor, size],
 * "name", "version", "types": [...], "intents": [...], "routes": [...], "endpoints": [...], "secrets": [...]
 * }. Trusts pointers of the plugin (it has run code already), checks numbers. Call after
 * nacre_descriptor_prefix(). Returns the length, or -EINVAL with `why`, or -ENOSPC.
 */
int64_t nacre_descriptor_encode(uint8_t *out, size_t cap, const struct nacre_plugin *plugin, char *why,
                                size_t why_len);

#endif
