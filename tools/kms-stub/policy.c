/*
 * policy.c - a key policy in AWS's JSON form, as far as keys for enclaves need it: Effect, Principal, Action, Resource, and
 * conditions on what the document says. What is not known, or AWS does not take, is refused as a whole: a test must not
 * pass because a condition was passed over.
 */
#include "stub.h"

#include <common/json_read.h>

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTESTATION "kms:RecipientAttestation:"
#define VALUE       128u

struct question {
    const char *principal, *action, *resource;
    const nacre_verify_doc *doc;
};

/* Which members a statement has. */
enum { EFFECT = 1, ACTION = 2, PRINCIPAL = 4, RESOURCE = 8, CONDITION = 16, SID = 32 };

struct statement {
    unsigned has;
    bool deny, action, principal, resource, condition;
};

typedef bool (*match)(const char *value, const void *arg);

/* At a value, a text or a list of them: does any match? *fault when it is of another form. */
static bool any(struct nacre_json *j, match matches, const void *arg, bool *fault)
{
    char text[512];
    enum nacre_json_token t = nacre_json_next(j);
    bool list = t == NACRE_JSON_ARRAY, found = false;
    if (list)
        t = nacre_json_next(j);
    while (t == NACRE_JSON_STRING && j->text_len < sizeof text) {
        text[nacre_json_unescape(text, j->text, j->text_len)] = '\0';
        found |= matches(text, arg);
        if (!list)
            return found;
        t = nacre_json_next(j);
    }
    *fault |= !list || t != NACRE_JSON_ARRAY_END;
    return found;
}

/* With '*' for any text and '?' for one character, anywhere. */
static bool wild(const char *pattern, const char *text, int (*fold)(int))
{
    const char *star = NULL, *back = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            back = text;
        } else if (*pattern == '?' || fold((unsigned char)*pattern) == fold((unsigned char)*text)) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++back;
        } else
            return false;
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static int as_it_is(int c)
{
    return c;
}

static bool like(const char *pattern, const void *arg)
{
    return wild(pattern, arg, as_it_is);
}

static bool like_action(const char *pattern, const void *arg)
{
    return wild(pattern, arg, tolower);
}

static bool same(const char *value, const void *arg)
{
    return strcmp(value, arg) == 0;
}

static bool same_letters(const char *value, const void *arg)
{
    return strcasecmp(value, arg) == 0;
}

/* The account as a whole is everybody in it whom its own policies let; here that is everybody. */
static bool is_principal(const char *value, const void *arg)
{
    return strcmp(value, "*") == 0 || strcmp(value, arg) == 0 || strcmp(value, STUB_ACCOUNT) == 0 ||
           strcmp(value, "arn:aws:iam::" STUB_ACCOUNT ":root") == 0;
}

static bool read_principal(struct nacre_json *j, const struct question *q, bool *fault)
{
    struct nacre_json back = *j;
    if (nacre_json_next(j) != NACRE_JSON_OBJECT) {
        *j = back;
        bool everybody = any(j, same, "*", fault);
        *fault |= !everybody;
        return everybody;
    }
    bool found = false;
    enum nacre_json_token t;
    while ((t = nacre_json_next(j)) == NACRE_JSON_KEY) {
        if (!nacre_json_key_is(j, "AWS", 3)) {
            *fault = true;
            return false;
        }
        found |= any(j, is_principal, q->principal, fault);
    }
    *fault |= t != NACRE_JSON_OBJECT_END;
    return found;
}

/* What the document says under the last KEY. False: it says nothing. */
static bool value_of(const struct nacre_json *j, const struct question *q, char out[VALUE], bool *fault)
{
    char key[64];
    unsigned long index = 0;
    char *end = key;
    size_t n = strlen(ATTESTATION);
    if (j->text_len >= sizeof key) {
        *fault = true;
        return false;
    }
    key[nacre_json_unescape(key, j->text, j->text_len)] = '\0';
    bool known = strncmp(key, ATTESTATION, n) == 0;
    if (known && strncmp(key + n, "PCR", 3) == 0 && key[n + 3] >= '0' && key[n + 3] <= '9')
        index = strtoul(key + n + 3, &end, 10);
    else
        known = known && strcmp(key + n, "ImageSha384") == 0;
    if (!known || (end != key && *end) || index > 31) {
        *fault = true;
        return false;
    }
    nacre_verify_bytes pcr = q->doc ? nacre_verify_doc_pcr(q->doc, (unsigned)index) : (nacre_verify_bytes){0};
    if (pcr.size != NACRE_VERIFY_PCR_SIZE)
        return false;
    (void)sodium_bin2hex(out, VALUE, pcr.data, pcr.size);
    return true;
}

/* All operators, and all keys of each, have to hold. */
static bool read_condition(struct nacre_json *j, const struct question *q, bool *fault)
{
    bool all = true;
    enum nacre_json_token t = NACRE_JSON_END;
    *fault |= nacre_json_next(j) != NACRE_JSON_OBJECT;
    while (!*fault && (t = nacre_json_next(j)) == NACRE_JSON_KEY) {
        match matches = nacre_json_key_is(j, "StringEquals", 12)             ? same
                        : nacre_json_key_is(j, "StringEqualsIgnoreCase", 22) ? same_letters
                        : nacre_json_key_is(j, "StringLike", 10)             ? like
                                                                             : NULL;
        *fault |= !matches || nacre_json_next(j) != NACRE_JSON_OBJECT;
        while (!*fault && (t = nacre_json_next(j)) == NACRE_JSON_KEY) {
            char found[VALUE] = "";
            bool there = value_of(j, q, found, fault);
            bool fits = any(j, matches, found, fault);
            all &= there && fits;
        }
        *fault |= t != NACRE_JSON_OBJECT_END;
    }
    *fault |= t != NACRE_JSON_OBJECT_END;
    return all;
}

/* One of two words; true for Deny. */
static bool read_effect(struct nacre_json *j, bool *fault)
{
    struct nacre_json again = *j;
    bool deny = any(j, same, "Deny", fault), allow = any(&again, same, "Allow", fault);
    *fault |= deny == allow;
    return deny;
}

static bool anything(const char *value, const void *arg)
{
    (void)value;
    (void)arg;
    return true;
}

/* Which member the last KEY is; 0 for one that is not known. */
static unsigned member_of(const struct nacre_json *j)
{
    static const struct {
        const char *name;
        unsigned is;
    } members[] = {{"Effect", EFFECT},     {"Action", ACTION},       {"Principal", PRINCIPAL},
                   {"Resource", RESOURCE}, {"Condition", CONDITION}, {"Sid", SID}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (nacre_json_key_is(j, members[i].name, strlen(members[i].name)))
            return members[i].is;
    return 0;
}

static struct statement read_statement(struct nacre_json *j, const struct question *q, bool *fault)
{
    const unsigned needed = EFFECT | ACTION | PRINCIPAL | RESOURCE;
    struct statement s = {.condition = true};
    while (!*fault && nacre_json_next(j) == NACRE_JSON_KEY) {
        unsigned is = member_of(j);
        *fault |= is == 0 || (s.has & is) != 0;
        s.has |= is;
        if (is == EFFECT)
            s.deny = read_effect(j, fault);
        else if (is == ACTION)
            s.action = any(j, like_action, q->action, fault);
        else if (is == PRINCIPAL)
            s.principal = read_principal(j, q, fault);
        else if (is == RESOURCE)
            s.resource = any(j, like, q->resource, fault);
        else if (is == CONDITION)
            s.condition = read_condition(j, q, fault);
        else
            (void)any(j, anything, NULL, fault);
    }
    *fault |= (s.has & needed) != needed;
    return s;
}

static bool judge(const char *text, size_t len, const struct question *q, bool *fault)
{
    struct nacre_json j;
    bool allowed = false, denied = false;
    enum nacre_json_token t = NACRE_JSON_END;
    nacre_json_init(&j, text, len);
    *fault = nacre_json_next(&j) != NACRE_JSON_OBJECT;
    while (!*fault && (t = nacre_json_next(&j)) == NACRE_JSON_KEY) {
        if (!nacre_json_key_is(&j, "Statement", 9)) {
            (void)any(&j, anything, NULL, fault); /* Version, Id */
            continue;
        }
        *fault |= nacre_json_next(&j) != NACRE_JSON_ARRAY;
        while (!*fault && (t = nacre_json_next(&j)) == NACRE_JSON_OBJECT) {
            struct statement s = read_statement(&j, q, fault);
            bool meant = s.action && s.principal && s.resource && s.condition;
            allowed |= meant && !s.deny;
            denied |= meant && s.deny;
        }
        *fault |= t != NACRE_JSON_ARRAY_END;
    }
    *fault |= t != NACRE_JSON_OBJECT_END || nacre_json_next(&j) != NACRE_JSON_END;
    return allowed && !denied && !*fault;
}

bool stub_allowed(const struct stub *s, const char *principal, const char *action,
                  const nacre_verify_doc *doc)
{
    const struct question q = {principal, action, s->key_arn, doc};
    size_t len = 0;
    bool fault = true;
    char *text = stub_read(s->policy_file, &len);
    bool allowed = text && judge(text, len, &q, &fault);
    if (fault)
        (void)fprintf(stderr, "nacre-kms-stub: %s is not a key policy that is understood here\n",
                      s->policy_file);
    free(text);
    return allowed;
}
