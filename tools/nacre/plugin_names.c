#include "plugin_names.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool same_fields(const struct nacre_gen_types *g, const struct nacre_types *t, uint32_t a, uint32_t b)
{
    const struct nacre_type_decl *x = &t->types[a], *y = &t->types[b];
    if (strcmp(x->name, y->name) != 0 || x->n_fields != y->n_fields)
        return false;
    const struct nacre_field_decl *f = &t->fields[x->first_field], *h = &t->fields[y->first_field];
    for (uint32_t i = 0; i < x->n_fields; i++)
        if (strcmp(f[i].name, h[i].name) != 0 || g->first[f[i].type] != g->first[h[i].type])
            return false;
    return true;
}

/* Types refer to earlier ones only, so first[] of what is inside is known. */
static bool same_type(const struct nacre_gen_types *g, const struct nacre_types *t, uint32_t a, uint32_t b)
{
    const struct nacre_type_decl *x = &t->types[a], *y = &t->types[b];
    if (x->kind != y->kind)
        return false;
    if (x->kind == NACRE_KIND_STRUCT)
        return same_fields(g, t, a, b);
    if (x->kind == NACRE_KIND_VECTOR || x->kind == NACRE_KIND_OPTION)
        return g->first[x->elem] == g->first[y->elem];
    return true;
}

static bool inside_in_bcs(const struct nacre_gen_types *g, const struct nacre_types *t, uint32_t index)
{
    const struct nacre_type_decl *d = &t->types[index];
    if (d->kind == NACRE_KIND_VECTOR || d->kind == NACRE_KIND_OPTION)
        return g->in_bcs[d->elem];
    for (uint32_t i = 0; d->kind == NACRE_KIND_STRUCT && i < d->n_fields; i++)
        if (!g->in_bcs[t->fields[d->first_field + i].type])
            return false;
    return d->kind != NACRE_KIND_F64 && d->kind != NACRE_KIND_JSON;
}

/* From the outside in: whoever holds a marked type stands after it. */
static void mark_responses(struct nacre_gen_types *g, const struct nacre_manifest *m)
{
    const struct nacre_types *t = &m->types;
    for (uint32_t i = 0; i < m->n_intents; i++)
        g->response[g->first[m->intents[i].response]] = true;
    for (uint32_t i = t->n_types; i-- > 0;) {
        const struct nacre_type_decl *d = &t->types[i];
        if (!g->response[i])
            continue;
        if (d->kind == NACRE_KIND_VECTOR || d->kind == NACRE_KIND_OPTION)
            g->response[g->first[d->elem]] = true;
        for (uint32_t k = 0; d->kind == NACRE_KIND_STRUCT && k < d->n_fields; k++)
            g->response[g->first[t->fields[d->first_field + k].type]] = true;
    }
}

static int check_unique(const struct nacre_gen_types *g, const struct nacre_types *t, char *why,
                        size_t why_len)
{
    for (uint32_t i = 0; i < t->n_types; i++) {
        for (uint32_t k = 0; k < i && g->response[i] && t->types[i].name; k++) {
            if (!g->response[k] || !t->types[k].name || strcmp(t->types[k].name, t->types[i].name) != 0)
                continue;
            (void)snprintf(
                why, why_len,
                "two different structs of the responses are called %s (types %u and %u): rename one",
                t->types[i].name, k, i);
            return -EINVAL;
        }
    }
    return 0;
}

int nacre_gen_types_init(struct nacre_gen_types *out, const struct nacre_manifest *m, char *why,
                         size_t why_len)
{
    const struct nacre_types *t = &m->types;
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < t->n_types; i++) {
        uint32_t k = 0;
        while (k < i && !same_type(out, t, k, i))
            k++;
        out->first[i] = k;
        out->in_bcs[i] = inside_in_bcs(out, t, i);
    }
    mark_responses(out, m);
    return check_unique(out, t, why, why_len);
}

struct nacre_gen_taken {
    struct nacre_gen_taken *next;
    char name[NACRE_GEN_NAME];
};

static bool is_taken(const struct nacre_gen_names *names, const char *name)
{
    const struct nacre_gen_taken *t = names->head;
    while (t && strcmp(t->name, name) != 0)
        t = t->next;
    return t != NULL;
}

int nacre_gen_take(struct nacre_gen_names *names, const char *name)
{
    if (is_taken(names, name))
        return -EEXIST;
    struct nacre_gen_taken *t = nacre_arena_alloc(&names->arena, 1, sizeof *t);
    if (!t)
        return -ENOMEM;
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    t->next = names->head;
    names->head = t;
    return 0;
}

static bool is_reserved(const char *const *reserved, const char *name)
{
    while (*reserved && strcmp(*reserved, name) != 0)
        reserved++;
    return *reserved != NULL;
}

int nacre_gen_take_free(struct nacre_gen_names *names, char *name, const char *const *reserved)
{
    while (is_taken(names, name) || is_reserved(reserved, name)) {
        size_t len = strlen(name);
        if (len + 2 > NACRE_GEN_NAME)
            return -ENAMETOOLONG;
        name[len] = '_';
        name[len + 1] = '\0';
    }
    return nacre_gen_take(names, name);
}

void nacre_gen_names_free(struct nacre_gen_names *names)
{
    nacre_arena_free(&names->arena);
    names->head = NULL;
}

/* Does a word begin at name[i]: "Data" in ProcessData, "Reply" in HTTPReply? */
static bool begins_word(const char *name, size_t i)
{
    if (i == 0 || !isupper((unsigned char)name[i]))
        return false;
    return islower((unsigned char)name[i - 1]) || isdigit((unsigned char)name[i - 1]) ||
           (isupper((unsigned char)name[i - 1]) && islower((unsigned char)name[i + 1]));
}

void nacre_gen_snake(char out[NACRE_GEN_NAME], const char *name)
{
    size_t n = 0;
    if (!isalpha((unsigned char)name[0]))
        out[n++] = 'n';
    for (size_t i = 0; name[i] && n + 2 < NACRE_GEN_NAME; i++) {
        bool part = isalnum((unsigned char)name[i]) != 0;
        if ((!part || begins_word(name, i)) && n > 0 && out[n - 1] != '_')
            out[n++] = '_';
        if (part)
            out[n++] = (char)tolower((unsigned char)name[i]);
    }
    while (n > 1 && out[n - 1] == '_')
        n--;
    out[n] = '\0';
}

void nacre_gen_upper(char out[NACRE_GEN_NAME], const char *name)
{
    nacre_gen_snake(out, name);
    for (size_t i = 0; out[i]; i++)
        out[i] = (char)toupper((unsigned char)out[i]);
}
