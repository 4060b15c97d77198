#include "support.h"

#include "common/descriptor.h"
#include "common/frame.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct ask {
    struct nacre_str location;
};
struct weather {
    struct nacre_str location;
    uint64_t temperature;
};
struct digest {
    struct nacre_bytes hash;
};
struct claim {
    struct nacre_bytes twitter_name, sui_address;
};
NACRE_STRUCT(ask_type, "Ask", struct ask, NACRE_FIELD(struct ask, location, string));
NACRE_STRUCT(weather_type, "Weather", struct weather, NACRE_FIELD(struct weather, location, string),
             NACRE_FIELD(struct weather, temperature, u64));
NACRE_STRUCT(digest_type, "Digest", struct digest, NACRE_FIELD(struct digest, hash, bytes));
NACRE_STRUCT(claim_type, "Claim", struct claim, NACRE_FIELD(struct claim, twitter_name, bytes),
             NACRE_FIELD(struct claim, sui_address, bytes));

static int32_t never_called(const struct nacre_call *call, const void *request, void *response)
{
    (void)request, (void)response;
    return nacre_fail(call, 500, "not loaded by this test");
}

static const struct nacre_intent weather_intents[] = {{0, 0, NACRE_S("ProcessData"), &weather_type},
                                                      {1, 0, NACRE_S("Now"), &digest_type}};
static const struct nacre_route weather_routes[] = {
    {NACRE_S("POST"), NACRE_S("/process_data"), 0, NACRE_TIME_APP, 3600000, 0, 0, 0, &ask_type, never_called},
    {NACRE_S("POST"), NACRE_S("/now"), 1, NACRE_TIME_CORE, 0, 0, 0, 0, &ask_type, never_called}};
const struct nacre_plugin weather_plugin = {NACRE_PREFIX,
                                            NACRE_S("weather"),
                                            NACRE_S("1.0.0"),
                                            NACRE_TABLE(weather_intents),
                                            NACRE_TABLE(weather_routes),
                                            NACRE_NONE,
                                            NACRE_NONE,
                                            NULL,
                                            NULL};

static const struct nacre_intent twitter_intents[] = {{0, 0, NACRE_S("ProcessData"), &claim_type}};
static const struct nacre_route twitter_routes[] = {
    {NACRE_S("POST"), NACRE_S("/process_data"), 0, NACRE_TIME_APP, 60000, 0, 0, 0, &ask_type, never_called}};
const struct nacre_plugin twitter_plugin = {NACRE_PREFIX,
                                            NACRE_S("twitter"),
                                            NACRE_S("1.0.0"),
                                            NACRE_TABLE(twitter_intents),
                                            NACRE_TABLE(twitter_routes),
                                            NACRE_NONE,
                                            NACRE_NONE,
                                            NULL,
                                            NULL};

uint8_t *make_manifest(size_t *len, const struct nacre_plugin *plugin, const uint8_t digest[NACRE_SHA384_LEN],
                       const struct nacre_config *config, const struct nacre_endpoint_decl *allow,
                       uint32_t n_allow)
{
    enum { CAP = 65536 };
    char why[512] = "";
    struct nacre_config defaults;
    uint8_t *descriptor = malloc(CAP), *encoded = malloc(CAP), *out = malloc(2 * CAP);
    ck_assert(descriptor && encoded && out);
    nacre_config_defaults(&defaults);
    int64_t d = nacre_descriptor_encode(descriptor, CAP, plugin, why, sizeof why);
    ck_assert_msg(d > 0, "%s", why);
    int64_t c =
        nacre_manifest_encode_config(encoded, CAP, config ? config : &defaults, allow, n_allow, NULL, 0);
    ck_assert_int_gt(c, 0);
    int64_t n = nacre_manifest_encode(out, 2u * CAP, digest, descriptor, (size_t)d, encoded, (size_t)c);
    ck_assert_int_gt(n, 0);
    free(descriptor);
    free(encoded);
    *len = (size_t)n;
    return out;
}

void load_manifest(struct nacre_manifest *m, const struct nacre_plugin *plugin,
                   const struct nacre_config *config, const struct nacre_endpoint_decl *allow,
                   uint32_t n_allow)
{
    static const uint8_t digest[NACRE_SHA384_LEN] = {1, 2, 3};
    char why[512] = "";
    size_t len;
    uint8_t *data = make_manifest(&len, plugin, digest, config, allow, n_allow);
    ck_assert_msg(nacre_manifest_parse(m, data, len, why, sizeof why) == 0, "%s", why);
    free(data);
}

void start_clock(struct nacre_timekeeper *t, uint64_t now_ms)
{
    nacre_timekeeper_init(t, 1000, false);
    uint64_t now = nacre_monotonic_ns();
    const struct nacre_clock_sample sample = {now, now, now_ms};
    ck_assert_int_eq(nacre_timekeeper_add(t, &sample), NACRE_CLOCK_AGREED);
}

void make_dir(char dir[PATH_MAX])
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(dir, PATH_MAX, "%s/nacred-test-XXXXXX", tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static int drop_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void drop_dir(const char *dir)
{
    /* again for a while: a helper of a nacred that was killed may still be writing its last file there */
    int tries = 0;
    while (nftw(dir, drop_one, 8, FTW_DEPTH | FTW_PHYS) != 0 && tries++ < 100)
        (void)usleep(20000);
    ck_assert_int_le(tries, 100);
}

void write_file(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    ck_assert_msg(f != NULL, "%s", path);
    ck_assert_uint_eq(fwrite(data, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

size_t open_fds(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    (void)closedir(d);
    return n - 1; /* the directory's own */
}
