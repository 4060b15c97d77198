/* The declared types of an app: from a type file, or from the plugin itself. */
#include <stdlib.h>

#include "plugin_open.h"
#include "plugin_types.h"

#include "cmd_verify.h"

static int parse(const char *name, const char *text, size_t size, nacre_verify_types **types,
                 nacre_verify_error *why)
{
    nacre_verify_error inner = {.text = ""};
    if (nacre_verify_types_parse(text, size, types, &inner) != NACRE_VERIFY_OK) {
        return nacre_vcmd_unchecked(why, "%.200s: %.250s", name, inner.text);
    }
    return NACRE_CHECKED;
}

static int from_file(const char *file, nacre_verify_types **types, nacre_verify_error *why)
{
    struct nacre_vcmd_buffer text;
    int r = nacre_vcmd_load(file, &text, why);
    if (r == NACRE_CHECKED) {
        r = parse(file, (const char *)text.data, text.size, types, why);
        nacre_vcmd_buffer_free(&text);
    }
    return r;
}

/* By way of a type file, so that there is one reader. */
static int from_plugin(const char *plugin, nacre_verify_types **types, nacre_verify_error *why)
{
    struct nacre_manifest m;
    char reason[256] = "out of memory";
    char *text = NULL;
    size_t size = 0;
    if (nacre_plugin_open(&m, plugin, reason, sizeof reason) != 0) {
        return nacre_vcmd_unchecked(why, "%s", reason);
    }
    FILE *to = open_memstream(&text, &size);
    int rc = to != NULL ? nacre_plugin_types_write(to, &m, reason, sizeof reason) : -1;
    if (to != NULL && fclose(to) != 0) {
        rc = -1;
    }
    nacre_manifest_free(&m);
    int r = rc == 0 ? parse(plugin, text, size, types, why)
                    : nacre_vcmd_unchecked(why, "%.200s: %.250s", plugin, reason);
    free(text);
    return r;
}

int nacre_vcmd_load_types(const char *file, const char *plugin, nacre_verify_types **types,
                          nacre_verify_error *why)
{
    return file != NULL ? from_file(file, types, why) : from_plugin(plugin, types, why);
}
