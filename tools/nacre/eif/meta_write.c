#include "meta.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void member(struct nacre_json_out *out, const char *key, const char *value, const char *after)
{
    nacre_json_string(out, key, strlen(key));
    nacre_json_lit(out, ":");
    nacre_json_string(out, value, strlen(value));
    nacre_json_lit(out, after);
}

static int check_custom(const struct nacre_eif_meta_input *in, char *why, size_t why_len)
{
    struct nacre_json j;
    if (in->custom_len > NACRE_EIF_CUSTOM_MAX) {
        (void)snprintf(why, why_len, "the metadata has %zu bytes, at most %u are taken", in->custom_len,
                       NACRE_EIF_CUSTOM_MAX);
        return -EINVAL;
    }
    nacre_json_init(&j, in->custom, in->custom_len);
    enum nacre_json_token first = nacre_json_next(&j);
    if (first == NACRE_JSON_OBJECT && nacre_json_skip(&j, first) == 0 &&
        nacre_json_next(&j) == NACRE_JSON_END)
        return 0;
    (void)snprintf(why, why_len, "the metadata is no JSON object%s%s", j.why ? ": " : "", j.why ? j.why : "");
    return -EINVAL;
}

int nacre_eif_meta_write(struct nacre_json_out *out, const struct nacre_eif_meta_input *in, char *why,
                         size_t why_len)
{
    char when[64] = "";
    time_t t = (time_t)in->time;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S+00:00", &tm) == 0) {
        (void)snprintf(why, why_len, "%lld is no time", (long long)in->time);
        return -EINVAL;
    }
    if (in->custom) {
        int rc = check_custom(in, why, why_len);
        if (rc)
            return rc;
    }
    nacre_json_lit(out, "{");
    member(out, "ImageName", in->name, ",");
    member(out, "ImageVersion", in->version, ",\"BuildMetadata\":{");
    member(out, "BuildTime", when, ",");
    member(out, "BuildTool", "nacre", ",");
    member(out, "BuildToolVersion", NACRE_VERSION, ",");
    member(out, "OperatingSystem", in->os, ",");
    member(out, "KernelVersion", in->kernel_version, "},\"DockerInfo\":null,\"CustomMetadata\":");
    nacre_json_raw(out, in->custom ? in->custom : "null", in->custom ? in->custom_len : 4);
    nacre_json_lit(out, "}");
    return out->failed ? -ENOMEM : 0;
}
