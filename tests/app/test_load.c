#include "app/load.h"
#include "common/cbor_put.h"
#include "common/descriptor.h"
#include "driver.h"
#include "suite.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct driver_setup s;
static struct nacre_manifest manifest;
static char why[NACRE_LOAD_WHY];

static void setup(void)
{
    driver_setup(&s);
    driver_manifest(&s, &manifest);
    why[0] = '\0';
}

static void teardown(void)
{
    nacre_manifest_free(&manifest);
}

START_TEST(measured_and_loaded)
{
    int fd = driver_plugin_fd(&s);
    void *handle = NULL;
    const struct nacre_plugin *plugin = NULL;
    ck_assert_msg(nacre_load_measure(fd, manifest.plugin_digest, why) == 0, "%s", why);
    ck_assert_msg(nacre_load_plugin(fd, &handle, &plugin, why) == 0, "%s", why);
    ck_assert_msg(nacre_load_compare(plugin, &manifest, why) == 0, "%s", why);
    ck_assert_uint_eq(plugin->n_routes, manifest.n_routes);
    (void)dlclose(handle);
    (void)close(fd);
}
END_TEST

/* Each seal is needed: without any one of them the file could change between the digest and the load. */
START_TEST(every_seal)
{
    static const int seals[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE};
    const int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    s.unsealed = true;
    for (size_t i = 0; i < 3; i++) {
        int fd = driver_plugin_fd(&s);
        ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, all & ~seals[i]), 0);
        ck_assert_int_eq(nacre_load_measure(fd, manifest.plugin_digest, why), -EINVAL);
        (void)close(fd);
    }
    int fd = driver_plugin_fd(&s);
    ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, all & ~F_SEAL_SEAL), 0);
    ck_assert_int_eq(nacre_load_measure(fd, manifest.plugin_digest, why), -EINVAL);
    ck_assert_str_eq(why, "the plugin's descriptor has seals 0xe, a sealed memfd has 0xf");
    (void)close(fd);
    fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC); /* no memfd at all */
    ck_assert_int_eq(nacre_load_measure(fd, manifest.plugin_digest, why), -EINVAL);
    ck_assert_str_eq(why, "the plugin's descriptor has seals 0, a sealed memfd has 0xf");
    (void)close(fd);
    ck_assert_int_eq(nacre_load_measure(-1, manifest.plugin_digest, why), -EINVAL);
}
END_TEST

START_TEST(digest)
{
    int fd = driver_plugin_fd(&s);
    for (size_t i = 0; i < NACRE_SHA384_LEN; i++) {
        manifest.plugin_digest[i] ^= 1;
        ck_assert_int_eq(nacre_load_measure(fd, manifest.plugin_digest, why), -EINVAL);
        ck_assert(strstr(why, "plugin digest is ") && strstr(why, ", manifest says "));
        manifest.plugin_digest[i] ^= 1;
    }
    ck_assert_int_eq(nacre_load_measure(fd, manifest.plugin_digest, why), 0);
    (void)close(fd);
    /* other bytes under the same manifest */
    s.plugin = "sample-version";
    fd = driver_plugin_fd(&s);
    ck_assert_int_eq(nacre_load_measure(fd, manifest.plugin_digest, why), -EINVAL);
    (void)close(fd);
}
END_TEST

START_TEST(not_a_plugin)
{
    void *handle = (void *)&s;
    const struct nacre_plugin *plugin = NULL;
    static const char *const names[] = {"sample-magic",  "sample-major",  "sample-older",    "sample-size",
                                        "sample-prefix", "sample-symbol", "sample-undefined"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        s.plugin = names[i];
        int fd = driver_plugin_fd(&s);
        why[0] = '\0';
        ck_assert_int_eq(nacre_load_plugin(fd, &handle, &plugin, why), -EINVAL);
        ck_assert(why[0] && plugin == NULL && handle == (void *)&s);
        (void)close(fd);
    }
    int text = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(nacre_load_plugin(text, &handle, &plugin, why), -EINVAL);
    (void)close(text);
}
END_TEST

/* The sample's descriptor, copied so that it can be changed, and its tables with it. */
struct changed {
    struct nacre_plugin plugin;
    struct nacre_route routes[NACRE_ROUTES_MAX];
    struct nacre_intent intents[1];
    struct nacre_secret secrets[2];
};

static void copy(struct changed *c, const struct nacre_plugin *plugin)
{
    c->plugin = *plugin;
    memcpy(c->routes, plugin->routes, plugin->n_routes * sizeof *c->routes);
    memcpy(c->intents, plugin->intents, sizeof c->intents);
    memcpy(c->secrets, plugin->secrets, sizeof c->secrets);
    c->plugin.routes = c->routes;
    c->plugin.intents = c->intents;
    c->plugin.secrets = c->secrets;
}

static void differs(const struct changed *c, const char *expected)
{
    why[0] = '\0';
    ck_assert_int_eq(nacre_load_compare(&c->plugin, &manifest, why), -EINVAL);
    ck_assert_str_eq(why, expected);
}

START_TEST(differences_are_named)
{
    int fd = driver_plugin_fd(&s);
    void *handle = NULL;
    const struct nacre_plugin *plugin = NULL;
    struct changed c;
    ck_assert_msg(nacre_load_plugin(fd, &handle, &plugin, why) == 0, "%s", why);
    copy(&c, plugin);
    ck_assert_int_eq(nacre_load_compare(&c.plugin, &manifest, why), 0);
    c.plugin.name = nacre_str("simple");
    differs(&c, "name: the plugin has \"simple\", the manifest \"sample\"");
    copy(&c, plugin);
    c.plugin.abi_minor = 7;
    differs(&c, "abi[1]: the plugin has 7, the manifest 1");
    copy(&c, plugin);
    c.routes[0].path = nacre_str("/ecco");
    differs(&c, "routes[0].path: the plugin has \"/ecco\", the manifest \"/echo\"");
    copy(&c, plugin);
    c.routes[4].deadline_ms = 500;
    differs(&c, "routes[4].deadline_ms: the plugin has 500, the manifest 400");
    copy(&c, plugin);
    c.routes[4].max_body = 1;
    differs(&c, "routes[4].max_body: the plugin has 1, the manifest 0");
    copy(&c, plugin);
    c.routes[7].time_rule = NACRE_TIME_CORE;
    differs(&c, "routes[7].time_rule: the plugin has 0, the manifest 1");
    copy(&c, plugin);
    c.plugin.n_routes--;
    differs(&c, "routes: the plugin has 23 entries, the manifest 24");
    copy(&c, plugin);
    c.secrets[0].required = 0;
    differs(&c, "secrets[0].required: the plugin has 0, the manifest 1");
    copy(&c, plugin);
    c.intents[0].scope = 4;
    for (uint32_t i = 0; i < c.plugin.n_routes; i++)
        c.routes[i].intent = 4;
    differs(&c, "intents[0].scope: the plugin has 4, the manifest 3");
    copy(&c, plugin);
    c.routes[0].handler = NULL;
    why[0] = '\0';
    ck_assert_int_eq(nacre_load_compare(&c.plugin, &manifest, why), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "handler"));
    (void)dlclose(handle);
    (void)close(fd);
}
END_TEST

/* A field's type, name or place in the struct's order changes what is signed. */
START_TEST(types_are_compared)
{
    int fd = driver_plugin_fd(&s);
    void *handle = NULL;
    const struct nacre_plugin *plugin = NULL;
    struct changed c;
    ck_assert_msg(nacre_load_plugin(fd, &handle, &plugin, why) == 0, "%s", why);
    copy(&c, plugin);
    const struct nacre_type *answer = c.intents[0].response;
    struct nacre_field fields[3];
    struct nacre_type other = *answer;
    memcpy(fields, answer->fields, sizeof fields);
    other.fields = fields;
    c.intents[0].response = &other;
    ck_assert_int_eq(nacre_load_compare(&c.plugin, &manifest, why), 0);
    fields[1].name = nacre_str("numbre");
    ck_assert_int_eq(nacre_load_compare(&c.plugin, &manifest, why), -EINVAL);
    ck_assert_msg(strstr(why, "types[") && strstr(why, "the plugin has \"numbre\", the manifest \"number\""),
                  "%s", why);
    fields[1] = answer->fields[1];
    fields[2].source = NACRE_SOURCE_PATH;
    ck_assert_int_eq(nacre_load_compare(&c.plugin, &manifest, why), -EINVAL);
    fields[2] = answer->fields[2];
    other.n_fields = 2;
    ck_assert_int_eq(nacre_load_compare(&c.plugin, &manifest, why), -EINVAL);
    (void)dlclose(handle);
    (void)close(fd);
}
END_TEST

/* What cannot be told apart by words is refused all the same. */
START_TEST(difference_without_words)
{
    uint8_t a[16], b[16];
    struct nacre_writer wa = nacre_writer(a, sizeof a), wb = nacre_writer(b, sizeof b);
    nacre_put_uint(&wa, 1);
    nacre_put_z(&wb, "1");
    nacre_descriptor_difference(a, wa.len, b, wb.len, why);
    ck_assert_str_eq(why, "descriptor: the plugin has 1, the manifest \"1\"");
    nacre_descriptor_difference(a, 0, b, wb.len, why);
    ck_assert_str_eq(why, "the plugin's descriptor (0 bytes) and the manifest's (2 bytes) differ");
    nacre_descriptor_difference(a, wa.len, a, wa.len, why);
    ck_assert_str_eq(why, "the plugin's descriptor (1 bytes) and the manifest's (1 bytes) differ");
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, measured_and_loaded);
    tcase_add_test(tc, every_seal);
    tcase_add_test(tc, digest);
    tcase_add_test(tc, not_a_plugin);
    tcase_add_test(tc, differences_are_named);
    tcase_add_test(tc, types_are_compared);
    tcase_add_test(tc, difference_without_words);
}

int main(void)
{
    return nacre_run_suite("load", add, 30);
}
