/* support.h - what the tests of nacred share: a manifest, a trusted clock at a chosen time, scratch directories. */
#ifndef NACRE_TESTS_NACRED_SUPPORT_H
#define NACRE_TESTS_NACRED_SUPPORT_H

#include "common/manifest.h"
#include "nacred/timekeeper.h"

#include <nacre/plugin.h>

#include <limits.h>

/* after the plugin ABI, one of whose members has the name of a macro of Check's */
#include "suite.h"

/* Routes of the weather manifest. */
#define ROUTE_APP  0u /* POST /process_data, Weather under intent 0, time from the app, at most an hour old */
#define ROUTE_CORE 1u /* POST /now, Digest under intent 1, time from the core */

/* The plugins whose responses are the vectors of the wire format. */
extern const struct nacre_plugin weather_plugin, twitter_plugin;

/* The manifest's bytes, from malloc. `config` NULL: the defaults. Fails the test on error. */
uint8_t *make_manifest(size_t *len, const struct nacre_plugin *plugin, const uint8_t digest[NACRE_SHA384_LEN],
                       const struct nacre_config *config, const struct nacre_endpoint_decl *allow,
                       uint32_t n_allow);

/* The same, parsed. */
void load_manifest(struct nacre_manifest *m, const struct nacre_plugin *plugin,
                   const struct nacre_config *config, const struct nacre_endpoint_decl *allow,
                   uint32_t n_allow);

/* A clock that says it is now_ms, give or take a few milliseconds. */
void start_clock(struct nacre_timekeeper *t, uint64_t now_ms);

/* A new directory under the system's place for such; removed with all in it by drop_dir(). */
void make_dir(char dir[PATH_MAX]);
void drop_dir(const char *dir);

void write_file(const char *path, const void *data, size_t len);

/* How many descriptors this process has open. */
size_t open_fds(void);

#endif
