#include "secrets.h"

#include "decode_scalar.h"

#include <common/frame.h>
#include <common/json_read.h>
#include <common/log.h>

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define WARNINGS_MAX 16u /* undeclared names that are logged one by one */

struct parse {
    struct nacre_secrets out;
    const struct nacre_manifest *manifest;
    struct nacre_json j;
    size_t used; /* bytes of out.memory */
    uint32_t undeclared;
    char *why;
    size_t why_len;
};

__attribute__((format(printf, 3, 4))) static int refuse(struct parse *p, int err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->why, p->why_len, format, args);
    va_end(args);
    return err;
}

static int syntax(struct parse *p)
{
    return refuse(p, -EBADMSG, "the secrets are not a JSON object: %s (byte %zu)",
                  p->j.why ? p->j.why : "text after it", (size_t)(p->j.at - p->j.begin));
}

/* The manifest's spelling of the last KEY, or NULL. */
static const char *declared(const struct parse *p)
{
    for (uint32_t i = 0; i < p->manifest->n_secrets; i++) {
        const char *name = p->manifest->secrets[i].name;
        if (nacre_json_key_is(&p->j, name, strlen(name)))
            return name;
    }
    return NULL;
}

static const struct nacre_str *find(const struct nacre_secrets *s, const char *name, size_t len)
{
    for (uint32_t i = 0; i < s->n_entries; i++)
        if (strlen(s->entries[i].name) == len && memcmp(s->entries[i].name, name, len) == 0)
            return &s->entries[i].value;
    return NULL;
}

static int skip_undeclared(struct parse *p)
{
    if (p->undeclared++ < WARNINGS_MAX)
        nacre_log_event(NACRE_LEVEL_WARN, "secret is not declared by the app, wiped",
                        NLB("name", p->j.text, p->j.text_len));
    return nacre_json_skip(&p->j, nacre_json_next(&p->j)) < 0 ? syntax(p) : 0;
}

static int take(struct parse *p, const char *name)
{
    if (find(&p->out, name, strlen(name)))
        return refuse(p, -EBADMSG, "secret %s is given twice", name);
    enum nacre_json_token token = nacre_json_next(&p->j);
    if (token == NACRE_JSON_ERROR)
        return syntax(p);
    if (token != NACRE_JSON_STRING)
        return refuse(p, -EBADMSG, "secret %s: expected string, got %s", name, nacre_token_name(token));
    char *value = p->out.memory + p->used; /* as large as the whole text: there is always room */
    size_t len = nacre_json_unescape(value, p->j.text, p->j.text_len);
    p->used += len + 1; /* the memory was zeroed: values are terminated */
    p->out.entries[p->out.n_entries].name = name;
    p->out.entries[p->out.n_entries].value.ptr = value;
    p->out.entries[p->out.n_entries++].value.len = len;
    return 0;
}

static int read_object(struct parse *p)
{
    enum nacre_json_token token = nacre_json_next(&p->j);
    if (token != NACRE_JSON_OBJECT)
        return token == NACRE_JSON_ERROR
                   ? syntax(p)
                   : refuse(p, -EBADMSG, "the secrets: expected object, got %s", nacre_token_name(token));
    while ((token = nacre_json_next(&p->j)) == NACRE_JSON_KEY) {
        const char *name = declared(p);
        int err = name ? take(p, name) : skip_undeclared(p);
        if (err)
            return err;
    }
    if (token != NACRE_JSON_OBJECT_END || nacre_json_next(&p->j) != NACRE_JSON_END)
        return syntax(p);
    if (p->undeclared > WARNINGS_MAX)
        nacre_log_event(NACRE_LEVEL_WARN, "more secrets are not declared by the app, wiped",
                        NLI("count", p->undeclared - WARNINGS_MAX));
    return 0;
}

static int check_required(struct parse *p)
{
    for (uint32_t i = 0; i < p->manifest->n_secrets; i++) {
        const struct nacre_secret_spec *s = &p->manifest->secrets[i];
        if (s->required && !find(&p->out, s->name, strlen(s->name)))
            return refuse(p, -ENOKEY, "required secret %s was not delivered", s->name);
    }
    return 0;
}

int nacre_secrets_parse(struct nacre_secrets *out, const struct nacre_manifest *manifest, const char *text,
                        size_t len, char *why, size_t why_len)
{
    struct parse p = {.manifest = manifest, .why = why, .why_len = why_len};
    int err = 0;
    if (len > NACRE_SECRETS_BLOB)
        return refuse(&p, -EBADMSG, "the secrets have %zu bytes, at most %u", len, NACRE_SECRETS_BLOB);
    if (len > 0) {
        p.out.memory = sodium_malloc(len + 1);
        if (!p.out.memory)
            return refuse(&p, -ENOMEM, "no locked memory for %zu bytes of secrets", len);
        sodium_memzero(p.out.memory, len + 1);
        nacre_json_init(&p.j, text, len);
        err = read_object(&p);
    }
    if (!err)
        err = check_required(&p);
    if (err) {
        nacre_secrets_free(&p.out);
        return err;
    }
    if (p.out.memory)
        (void)sodium_mprotect_readonly(p.out.memory);
    *out = p.out;
    return 0;
}

bool nacre_secrets_get(const struct nacre_secrets *secrets, struct nacre_str name, struct nacre_str *value)
{
    const struct nacre_str *found = find(secrets, name.ptr, (size_t)name.len);
    if (found)
        *value = *found;
    return found != NULL;
}

void nacre_secrets_free(struct nacre_secrets *secrets)
{
    if (secrets->memory)
        sodium_free(secrets->memory); /* makes it writable again and wipes it */
    memset(secrets, 0, sizeof *secrets);
}
