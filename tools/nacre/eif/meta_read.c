#include "meta.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *const nacre_eif_meta_build_names[5] = {"BuildTime", "BuildTool", "BuildToolVersion",
                                                   "OperatingSystem", "KernelVersion"};

struct part {
    const char *key;
    struct nacre_eif_json *to;
    enum nacre_json_token type; /* NACRE_JSON_END: any */
};

struct reader {
    struct nacre_json j;
    char *why;
    size_t why_len;
};

static int wrong(const struct reader *r, const char *key, const char *what)
{
    (void)snprintf(r->why, r->why_len, "metadata, byte %zu: %s%s%s", (size_t)(r->j.at - r->j.begin), key,
                   key[0] ? " " : "", r->j.why ? r->j.why : what);
    return -EBADMSG;
}

/* The value that comes next, as text. */
static int take(struct reader *r, const struct part *part)
{
    enum nacre_json_token first = nacre_json_next(&r->j);
    const char *begin = r->j.at;
    if (first == NACRE_JSON_STRING || first == NACRE_JSON_NUMBER)
        begin = r->j.text - (first == NACRE_JSON_STRING);
    else if (first == NACRE_JSON_OBJECT || first == NACRE_JSON_ARRAY)
        begin = r->j.at - 1;
    else if (first != NACRE_JSON_ERROR)
        begin = r->j.at - (first == NACRE_JSON_FALSE ? 5 : 4);
    if (first == NACRE_JSON_ERROR || nacre_json_skip(&r->j, first))
        return wrong(r, part->key, "is no value");
    if (part->type != NACRE_JSON_END && part->type != first)
        return wrong(r, part->key, "is of another type than AWS's tools write");
    *part->to = (struct nacre_eif_json){begin, (size_t)(r->j.at - begin)};
    return 0;
}

static int read_object(struct reader *r, const struct part *parts, size_t n)
{
    enum nacre_json_token token;
    while ((token = nacre_json_next(&r->j)) == NACRE_JSON_KEY) {
        size_t i = 0;
        while (i < n && !nacre_json_key_is(&r->j, parts[i].key, strlen(parts[i].key)))
            i++;
        struct nacre_eif_json ignored;
        const struct part other = {"an unknown member", &ignored, NACRE_JSON_END};
        if (i < n && parts[i].to->text)
            return wrong(r, parts[i].key, "is there twice");
        int rc = take(r, i < n ? &parts[i] : &other);
        if (rc)
            return rc;
    }
    if (token != NACRE_JSON_OBJECT_END)
        return wrong(r, "", "no JSON");
    for (size_t i = 0; i < n; i++)
        if (!parts[i].to->text)
            return wrong(r, parts[i].key, "is missing");
    return 0;
}

static int read_text(struct reader *r, const char *text, size_t len, const struct part *parts, size_t n)
{
    nacre_json_init(&r->j, text, len);
    if (nacre_json_next(&r->j) != NACRE_JSON_OBJECT)
        return wrong(r, "", "no JSON object");
    int rc = read_object(r, parts, n);
    if (rc == 0 && nacre_json_next(&r->j) != NACRE_JSON_END)
        rc = wrong(r, "", "text after the object");
    return rc;
}

int nacre_eif_meta_read(struct nacre_eif_meta *out, const char *text, size_t len, char *why, size_t why_len)
{
    struct nacre_eif_meta meta = {0};
    struct nacre_eif_json build = {0};
    struct reader r = {.why = why, .why_len = why_len};
    const struct part top[] = {
        {"ImageName", &meta.name, NACRE_JSON_STRING},     {"ImageVersion", &meta.version, NACRE_JSON_STRING},
        {"BuildMetadata", &build, NACRE_JSON_OBJECT},     {"DockerInfo", &meta.docker, NACRE_JSON_END},
        {"CustomMetadata", &meta.custom, NACRE_JSON_END},
    };
    struct part inner[5];
    for (size_t i = 0; i < 5; i++)
        inner[i] = (struct part){nacre_eif_meta_build_names[i], &meta.build[i], NACRE_JSON_STRING};
    if (len > NACRE_EIF_META_MAX) {
        (void)snprintf(why, why_len, "metadata of %zu bytes, at most %u are read", len, NACRE_EIF_META_MAX);
        return -EBADMSG;
    }
    int rc = read_text(&r, text, len, top, sizeof top / sizeof top[0]);
    if (rc == 0)
        rc = read_text(&r, build.text, build.len, inner, 5);
    if (rc == 0)
        *out = meta;
    return rc;
}
