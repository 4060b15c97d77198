/*
 * load.h - the measured load: the plugin comes as a sealed memfd, and what is loaded is compared with the manifest in
 * every part before anything of it is called (its constructors excepted, which run under the first filter).
 */
#ifndef NACRE_APP_LOAD_H
#define NACRE_APP_LOAD_H

#include <common/manifest.h>
#include <nacre/plugin.h>

#define NACRE_LOAD_WHY 512u /* bytes of a reason with its terminator */

/*
 * nacre_load_measure - is fd a memfd that nobody can change any more, with the manifest's SHA-384? Returns 0, or
 * -EINVAL with `why` naming what was found and what was expected, or another negative errno from reading.
 */
int nacre_load_measure(int fd, const uint8_t expected[NACRE_SHA384_LEN], char why[NACRE_LOAD_WHY]);

/*
 * nacre_load_plugin - dlopen the object behind fd, by /proc/self/fd, and find its descriptor; prefix checked. On
 * success *handle is the caller's to dlclose(). Returns 0, or -EINVAL with `why`.
 */
int nacre_load_plugin(int fd, void **handle, const struct nacre_plugin **plugin, char why[NACRE_LOAD_WHY]);

/*
 * nacre_load_compare - does the descriptor say what the manifest says? Encodes it anew and compares bytes. Returns 0,
 * -EINVAL with `why` naming the first difference (`routes[0].path: the plugin has "/a", the manifest "/b"`), or
 * -ENOMEM.
 */
int nacre_load_compare(const struct nacre_plugin *plugin, const struct nacre_manifest *manifest,
                       char why[NACRE_LOAD_WHY]);

/* The first difference of two encoded descriptors that are not the same bytes, into `why`. */
void nacre_descriptor_difference(const uint8_t *plugin, size_t plugin_len, const uint8_t *manifest,
                                 size_t manifest_len, char why[NACRE_LOAD_WHY]);

#endif
