#include "dev_prepare.h"

#include "dev_resolve.h"
#include "file.h"
#include "manifest_build.h"
#include "yaml_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESOLVE_MS    5000
#define PLUGIN_MS     10000
#define CORE_READY_MS 30000

struct inputs {
    char config[PATH_MAX];
    char allow[PATH_MAX]; /* "": none, which is an empty list */
    struct nacre_settings settings;
    struct nacre_plugin_facts facts;
};

/* The first of two places that exists. Installed trees and build trees differ in where data lies. */
static int find(char out[PATH_MAX], const char *bin, const char *built, const char *installed, char *why,
                size_t why_len)
{
    char first[PATH_MAX], second[PATH_MAX];
    if (nacre_file_join(first, sizeof first, bin, built) ||
        nacre_file_join(second, sizeof second, bin, installed))
        return nacre_file_error(bin, "cannot be used", ENAMETOOLONG, why, why_len);
    if (realpath(first, out) || realpath(second, out))
        return 0;
    (void)snprintf(why, why_len, "neither %s nor %s exists", first, second);
    return -ENOENT;
}

static int find_given(char out[PATH_MAX], const char *path, char *why, size_t why_len)
{
    return realpath(path, out) ? 0 : nacre_file_error(path, "cannot be used", errno, why, why_len);
}

static int find_app(char out[PATH_MAX], const char *bin, const char *app, char *why, size_t why_len)
{
    char built[256], installed[256];
    size_t len = strlen(app);
    if (len == 0 || len > 32 || strspn(app, "abcdefghijklmnopqrstuvwxyz0123456789-") != len) {
        (void)snprintf(why, why_len,
                       "--app: '%.64s' is no app name: lower case letters, digits and '-', 32 at most", app);
        return -EINVAL;
    }
    (void)snprintf(built, sizeof built, "../plugins/%s/%s.so", app, app);
    (void)snprintf(installed, sizeof installed, "../lib/nacre/plugins/%s/%s.so", app, app);
    return find(out, bin, built, installed, why, why_len);
}

static int find_program(char out[PATH_MAX], const char *bin, const char *name, char *why, size_t why_len)
{
    if (nacre_file_join(out, PATH_MAX, bin, name))
        return nacre_file_error(bin, "cannot be used", ENAMETOOLONG, why, why_len);
    return access(out, X_OK) < 0 ? nacre_file_error(out, "cannot be run", errno, why, why_len) : 0;
}

/* A file of this name beside the plugin; "" when there is none. */
static void find_beside(char out[PATH_MAX], const char *plugin, const char *name)
{
    char beside[PATH_MAX];
    const char *slash = strrchr(plugin, '/');
    int n = snprintf(beside, sizeof beside, "%.*s/%s", (int)(slash - plugin), plugin, name);
    if (n < 0 || (size_t)n >= sizeof beside || !realpath(beside, out))
        out[0] = '\0';
}

/* Beside the plugin, unless given; a plugin without any list reaches nothing. */
static int find_allow(char out[PATH_MAX], const char *given, const char *plugin, char *why, size_t why_len)
{
    if (given)
        return find_given(out, given, why, why_len);
    find_beside(out, plugin, "allowed_endpoints.yaml");
    return 0;
}

/* The app's own beside the plugin, unless given; an app without one has the runtime's. */
static int find_config(char out[PATH_MAX], const char *given, const char *plugin, const char *bin, char *why,
                       size_t why_len)
{
    if (given)
        return find_given(out, given, why, why_len);
    find_beside(out, plugin, "nacre.yaml");
    return out[0] ? 0 : find(out, bin, "../config/nacre.yaml", "../share/nacre/nacre.yaml", why, why_len);
}

static int find_all(struct nacre_dev_plan *plan, struct inputs *in, const struct nacre_dev_options *o,
                    char *why, size_t why_len)
{
    char bin[PATH_MAX];
    int rc = nacre_file_own_dir(bin, sizeof bin);
    if (rc)
        return nacre_file_error("/proc/self/exe", "cannot be read", -rc, why, why_len);
    rc = find_program(plan->sim, bin, "nacre-nsm-sim", why, why_len);
    if (rc == 0)
        rc = find_program(plan->core, bin, "nacred", why, why_len);
    if (rc == 0)
        rc = o->app ? find_app(plan->plugin, bin, o->app, why, why_len)
                    : find_given(plan->plugin, o->plugin, why, why_len);
    if (rc == 0)
        rc = find_config(in->config, o->config, plan->plugin, bin, why, why_len);
    if (rc == 0)
        rc = find_allow(in->allow, o->allow, plan->plugin, why, why_len);
    return rc;
}

/* A key that the command line or this program decides. */
static int set_text(struct nacre_settings *s, const char *section, const char *key, const char *prefix,
                    const char *value, char *why, size_t why_len)
{
    char text[NACRE_CONFIG_TEXT + 1];
    const struct nacre_config_key *row = nacre_config_find(section, key);
    int n = snprintf(text, sizeof text, "%s%s", prefix, value);
    if (!row || n < 0 || (size_t)n >= sizeof text) {
        (void)snprintf(why, why_len, "%s.%s: '%.160s...' is too long, at most %u bytes", section, key, value,
                       NACRE_CONFIG_TEXT - 1);
        return -EINVAL;
    }
    return nacre_settings_text(s, row, text, why, why_len);
}

static int set_path(struct nacre_settings *s, const char *section, const char *key, const char *prefix,
                    const char *path, char *why, size_t why_len)
{
    char full[PATH_MAX];
    int rc = find_given(full, path, why, why_len);
    if (rc == 0 && access(full, R_OK) < 0)
        rc = nacre_file_error(path, "cannot be read", errno, why, why_len);
    return rc ? rc : set_text(s, section, key, prefix, full, why, why_len);
}

static int apply_options(struct nacre_settings *s, const struct nacre_dev_options *o,
                         const struct nacre_dev_store *store, const struct nacre_dev_dir *dir, char *why,
                         size_t why_len)
{
    static const char transport[] = "nsm.transport=";
    int rc = 0;
    for (size_t i = 0; i < o->sets.n && rc == 0; i++) {
        if (strncmp(o->sets.values[i], transport, sizeof transport - 1) == 0) {
            (void)snprintf(why, why_len, "--set %s: the NSM is the simulated one here", o->sets.values[i]);
            return -EINVAL;
        }
        rc = nacre_settings_assign(s, o->sets.values[i], why, why_len);
    }
    if (rc == 0 && o->listen)
        rc = set_text(s, "listen", "api", "tcp:", o->listen, why, why_len);
    if (rc == 0 && o->admin)
        rc = set_text(s, "listen", "admin", "tcp:", o->admin, why, why_len);
    if (rc == 0 && o->secrets)
        rc = set_path(s, "secrets", "source", "file:", o->secrets, why, why_len);
    if (rc == 0 && o->ca)
        rc = set_path(s, "egress", "ca_file", "", o->ca, why, why_len);
    if (rc == 0 && store)
        rc = set_path(s, "egress", "ca_file", "", store->ca, why, why_len);
    return rc ? rc : set_text(s, "nsm", "transport", "unix:", dir->socket, why, why_len);
}

static bool lists(const struct nacre_allow *allow, const char *host)
{
    for (uint32_t i = 0; i < allow->n; i++)
        if (strcmp(allow->hosts[i], host) == 0)
            return true;
    return false;
}

static int load_allow(struct nacre_allow *allow, const struct inputs *in, const struct nacre_dev_options *o,
                      const struct nacre_dev_store *store, char *why, size_t why_len)
{
    int rc = 0;
    char kms[NACRE_HOST_MAX + 1];
    memset(allow, 0, sizeof *allow);
    if (in->allow[0])
        rc = nacre_yaml_allow_load(allow, in->allow, why, why_len);
    if (rc == 0 && store)
        rc = nacre_dev_store_map(store, allow, why, why_len);
    nacre_kms_host(kms, in->settings.config.secrets_kms_region);
    for (size_t i = 0; i < o->upstreams.n && rc == 0; i++)
        if (!nacre_config_kms(&in->settings.config) || !nacre_dev_names(kms, o->upstreams.values[i]) ||
            lists(allow, kms))
            rc = nacre_dev_map(allow, o->upstreams.values[i], why, why_len);
    return rc;
}

/* KMS is on no allow list: --upstream may name its host all the same, and else DNS says where it is. */
static int place_kms(struct nacre_settings *s, const struct nacre_dev_options *o, char *why, size_t why_len)
{
    static struct nacre_allow kms;
    if (!nacre_config_kms(&s->config))
        return 0;
    kms = (struct nacre_allow){.n = 1};
    nacre_kms_host(kms.hosts[0], s->config.secrets_kms_region);
    kms.entries[0] = (struct nacre_endpoint_decl){.host = kms.hosts[0], .port = NACRE_PORT_HTTPS};
    for (size_t i = 0; i < o->upstreams.n; i++)
        if (nacre_dev_names(kms.hosts[0], o->upstreams.values[i]) &&
            nacre_dev_map(&kms, o->upstreams.values[i], why, why_len))
            return -EINVAL;
    nacre_dev_resolve(&kms, RESOLVE_MS);
    memcpy(s->kms_connect, kms.connects[0], sizeof s->kms_connect);
    return 0;
}

static int write_manifest(struct inputs *in, const struct nacre_dev_plan *plan,
                          const struct nacre_dev_options *o, const struct nacre_dev_dir *dir, char *why,
                          size_t why_len)
{
    static struct nacre_allow allow;
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = load_allow(&allow, in, o, plan->store, why, why_len);
    /* The plugin before the names: a mistake in it should not wait for DNS. */
    if (rc == 0)
        rc = nacre_plugin_read(&in->facts, plan->plugin, PLUGIN_MS, why, why_len);
    if (rc == 0)
        rc = nacre_manifest_build(&data, &len, &in->facts, &in->settings, &allow, why, why_len);
    if (rc)
        return rc;
    free(data);
    data = NULL;
    nacre_dev_resolve(&allow, RESOLVE_MS);
    rc = place_kms(&in->settings, o, why, why_len);
    if (rc == 0)
        rc = nacre_manifest_build(&data, &len, &in->facts, &in->settings, &allow, why, why_len);
    if (rc == 0)
        rc = nacre_file_write(dir->manifest, data, len, why, why_len);
    free(data);
    return rc;
}

/* A source that somebody has to deliver to may take as long as it is configured to. */
static int ready_limit(const struct nacre_dev_options *o, const struct nacre_config *config)
{
    if (o->timeout_s)
        return o->timeout_s * 1000;
    bool waits =
        strncmp(config->secrets_source, "unix:", 5) == 0 || strncmp(config->secrets_source, "vsock:", 6) == 0;
    return CORE_READY_MS + (waits ? (int)config->secrets_timeout_s * 1000 : 0);
}

int nacre_dev_prepare(struct nacre_dev_plan *out, const struct nacre_dev_options *options,
                      const struct nacre_dev_dir *dir, char *why, size_t why_len)
{
    struct inputs in = {.config = ""};
    int rc = find_all(out, &in, options, why, why_len);
    if (rc == 0)
        rc = nacre_yaml_config_load(&in.settings, in.config, why, why_len);
    if (rc)
        return rc;
    rc = apply_options(&in.settings, options, out->store, dir, why, why_len);
    if (rc == 0)
        rc = write_manifest(&in, out, options, dir, why, why_len);
    if (rc == 0) {
        memcpy(out->listen, in.settings.config.listen_api, sizeof out->listen);
        out->tls = nacre_config_tls(&in.settings.config);
        out->map = options->map;
        out->root_key = options->root_key;
        out->ready_ms = ready_limit(options, &in.settings.config);
    }
    nacre_plugin_facts_free(&in.facts);
    nacre_settings_free(&in.settings);
    return rc;
}
