/* Members of JSON objects, by the project's strict reader. A key that comes twice is refused. */
#include <string.h>

#include "common/json_read.h"

#include "cmd_verify.h"

struct member {
    enum nacre_json_token token;
    struct nacre_vcmd_json value;
    bool escaped;
    unsigned count;
};

/* The value whose first token was just read. */
static bool take_value(struct nacre_json *json, struct member *member)
{
    member->token = nacre_json_next(json);
    member->value = (struct nacre_vcmd_json){.text = json->text, .size = json->text_len};
    if (member->token == NACRE_JSON_OBJECT || member->token == NACRE_JSON_ARRAY) {
        member->value.text = json->at - 1;
        if (nacre_json_skip(json, member->token) != 0) {
            return false;
        }
        member->value.size = (size_t)(json->at - member->value.text);
    }
    member->escaped = member->token == NACRE_JSON_STRING && json->escaped;
    return member->token != NACRE_JSON_ERROR;
}

/* False for text that is no JSON object, or whose member we cannot use. */
static bool find(struct nacre_vcmd_json object, const char *key, struct member *found,
                 nacre_verify_error *why)
{
    struct nacre_json json;
    nacre_json_init(&json, object.text, object.size);
    enum nacre_json_token token = nacre_json_next(&json);
    if (token != NACRE_JSON_OBJECT) {
        (void)nacre_vcmd_unchecked(why, "no JSON object: %s",
                                   token == NACRE_JSON_ERROR ? json.why : "another value");
        return false;
    }
    found->count = 0;
    while ((token = nacre_json_next(&json)) == NACRE_JSON_KEY) {
        struct member member;
        bool ours = nacre_json_key_is(&json, key, strlen(key));
        if (!take_value(&json, &member)) {
            break;
        }
        if (ours) {
            member.count = found->count + 1;
            *found = member;
        }
    }
    if (token == NACRE_JSON_OBJECT_END && nacre_json_next(&json) == NACRE_JSON_END && found->count < 2) {
        return true;
    }
    (void)nacre_vcmd_unchecked(why, "bad JSON at byte %zu: %s", (size_t)(json.at - json.begin),
                               json.why != NULL ? json.why : "a key comes twice");
    return false;
}

static int take(struct nacre_vcmd_json object, const char *key, enum nacre_json_token token, const char *kind,
                struct nacre_vcmd_json *value, nacre_verify_error *why)
{
    struct member found;
    if (!find(object, key, &found, why)) {
        return NACRE_UNCHECKED;
    }
    if (found.count == 0) {
        return nacre_vcmd_unchecked(why, "the JSON object has no \"%s\"", key);
    }
    if (found.token != token) {
        return nacre_vcmd_unchecked(why, "\"%s\" is not %s", key, kind);
    }
    /* What we look for is hex, numbers and names: none of it needs an escape. */
    if (found.escaped) {
        return nacre_vcmd_unchecked(why, "\"%s\" has an escape", key);
    }
    *value = found.value;
    return NACRE_CHECKED;
}

int nacre_vcmd_json_string(struct nacre_vcmd_json object, const char *key, struct nacre_vcmd_json *value,
                           nacre_verify_error *why)
{
    return take(object, key, NACRE_JSON_STRING, "a string", value, why);
}

int nacre_vcmd_json_object(struct nacre_vcmd_json object, const char *key, struct nacre_vcmd_json *value,
                           nacre_verify_error *why)
{
    return take(object, key, NACRE_JSON_OBJECT, "an object", value, why);
}

int nacre_vcmd_json_u64(struct nacre_vcmd_json object, const char *key, uint64_t max, uint64_t *value,
                        nacre_verify_error *why)
{
    struct nacre_vcmd_json number = {0};
    int r = take(object, key, NACRE_JSON_NUMBER, "a number", &number, why);
    if (r == NACRE_CHECKED && nacre_vcmd_parse_u64(number.text, number.size, max, value) != NACRE_CHECKED) {
        return nacre_vcmd_unchecked(why, "\"%s\" is %.*s, expected an integer from 0 to %llu", key,
                                    (int)(number.size < 40 ? number.size : 40), number.text,
                                    (unsigned long long)max);
    }
    return r;
}

int nacre_vcmd_json_any(struct nacre_vcmd_json object, const char *key, struct nacre_vcmd_json *value,
                        nacre_verify_error *why)
{
    struct member found;
    if (!find(object, key, &found, why)) {
        return NACRE_UNCHECKED;
    }
    if (found.count == 0) {
        return nacre_vcmd_unchecked(why, "the JSON object has no \"%s\"", key);
    }
    *value = found.value;
    return NACRE_CHECKED;
}

int nacre_vcmd_json_path(struct nacre_vcmd_json object, const char *const *keys,
                         struct nacre_vcmd_json *value, nacre_verify_error *why)
{
    int r = NACRE_CHECKED;
    for (; *keys != NULL && r == NACRE_CHECKED; keys++) {
        r = nacre_vcmd_json_object(object, *keys, &object, why);
    }
    if (r == NACRE_CHECKED) {
        *value = object;
    }
    return r;
}

bool nacre_vcmd_json_has(struct nacre_vcmd_json object, const char *key)
{
    struct member found;
    return find(object, key, &found, NULL) && found.count == 1;
}
