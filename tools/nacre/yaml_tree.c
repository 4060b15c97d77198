#include "yaml_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <yaml.h>

struct builder {
    const char *file;
    char *why;
    size_t why_len;
    struct nacre_yaml_node *root;
    struct nacre_yaml_node *open; /* the innermost container still being filled, or NULL */
    char *key;                    /* read, its value not yet; owned */
    size_t key_line;
    size_t depth;
    unsigned documents;
};

void nacre_yaml_free(struct nacre_yaml_node *root)
{
    /* Without recursion: leaf after leaf, by way of the parents. */
    struct nacre_yaml_node *node = root;
    while (node) {
        if (node->first) {
            node = node->first;
            continue;
        }
        struct nacre_yaml_node *parent = node->parent;
        if (parent)
            parent->first = node->next;
        free(node->key);
        free(node->text);
        free(node);
        node = parent;
    }
}

void nacre_yaml_path(const struct nacre_yaml_node *node, char *out, size_t room)
{
    const struct nacre_yaml_node *chain[NACRE_YAML_DEPTH + 2];
    size_t n = 0, used = 0;
    for (; node && n < sizeof chain / sizeof chain[0]; node = node->parent)
        chain[n++] = node;
    out[0] = '\0';
    while (n > 0 && used < room) {
        const struct nacre_yaml_node *step = chain[--n];
        int len = 0;
        if (step->key)
            len = snprintf(out + used, room - used, "%s%s", used ? "." : "", step->key);
        else if (step->parent && step->parent->kind == NACRE_YAML_SEQUENCE)
            len = snprintf(out + used, room - used, "[%zu]", step->index);
        used += len > 0 ? (size_t)len : 0;
    }
}

/* Digits with sign, fraction and exponent, hexadecimal, octal, infinity and NaN: all that core schema calls
 * numbers. */
static bool looks_like_number(const char *text)
{
    if (strcmp(text, ".nan") == 0 || strcmp(text, ".NaN") == 0 || strcmp(text, ".NAN") == 0)
        return true;
    const char *p = text + (*text == '-' || *text == '+');
    if (strcmp(p, ".inf") == 0 || strcmp(p, ".Inf") == 0 || strcmp(p, ".INF") == 0)
        return true;
    if (p == text && p[0] == '0' && (p[1] == 'x' || p[1] == 'o') && p[2] != '\0') {
        const char *digits = p[1] == 'x' ? "0123456789abcdefABCDEF" : "01234567";
        return p[2 + strspn(p + 2, digits)] == '\0';
    }
    size_t whole = strspn(p, "0123456789");
    p += whole;
    size_t fraction = 0;
    if (*p == '.') {
        fraction = strspn(p + 1, "0123456789");
        p += 1 + fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        p += 1 + (p[1] == '-' || p[1] == '+');
        size_t exponent = strspn(p, "0123456789");
        if (exponent == 0)
            return false;
        p += exponent;
    }
    return *p == '\0';
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

const char *nacre_yaml_what(const struct nacre_yaml_node *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const booleans[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
    if (node->kind == NACRE_YAML_MAPPING)
        return "a mapping";
    if (node->kind == NACRE_YAML_SEQUENCE)
        return "a list";
    if (node->quoted)
        return "text";
    if (is_one_of(node->text, nulls))
        return "nothing";
    if (is_one_of(node->text, booleans))
        return "a boolean";
    return looks_like_number(node->text) ? "a number" : "text";
}

__attribute__((format(printf, 5, 0))) static int refuse_list(const char *file,
                                                             const struct nacre_yaml_node *node, char *why,
                                                             size_t why_len, const char *format, va_list args)
{
    char path[NACRE_YAML_PATH], reason[768];
    nacre_yaml_path(node, path, sizeof path);
    (void)vsnprintf(reason, sizeof reason, format, args);
    (void)snprintf(why, why_len, "%s:%zu: %s%s%s", file, node->line, path, path[0] ? ": " : "", reason);
    return -EINVAL;
}

int nacre_yaml_refuse(const char *file, const struct nacre_yaml_node *node, char *why, size_t why_len,
                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = refuse_list(file, node, why, why_len, format, args);
    va_end(args);
    return rc;
}

/* About something that has no node yet: it stands under `open`, below the key just read. */
__attribute__((format(printf, 3, 4))) static int refuse_here(struct builder *b, const yaml_event_t *event,
                                                             const char *format, ...)
{
    const struct nacre_yaml_node here = {
        .line = event->start_mark.line + 1,
        .key = b->key,
        .parent = b->open,
        .index = b->open && b->open->last ? b->open->last->index + 1 : 0,
    };
    va_list args;
    va_start(args, format);
    int rc = refuse_list(b->file, &here, b->why, b->why_len, format, args);
    va_end(args);
    return rc;
}

static int refuse_decoration(struct builder *b, const yaml_event_t *event, const yaml_char_t *anchor,
                             const yaml_char_t *tag)
{
    if (anchor)
        return refuse_here(b, event, "anchor '&%s' is not allowed: write the value itself",
                           (const char *)anchor);
    if (tag)
        return refuse_here(b, event, "tag '%s' is not allowed: write the plain value", (const char *)tag);
    return 0;
}

/* The value's node, hung where it belongs; takes over the key. NULL when memory is out. */
static struct nacre_yaml_node *add_node(struct builder *b, const yaml_event_t *event,
                                        enum nacre_yaml_kind kind)
{
    /* A document has one root, and there is one document. */
    struct nacre_yaml_node *node = b->open || !b->root ? calloc(1, sizeof *node) : NULL;
    if (!node)
        return NULL;
    node->kind = kind;
    node->line = b->key ? b->key_line : event->start_mark.line + 1;
    node->key = b->key;
    b->key = NULL;
    node->parent = b->open;
    if (!b->open) {
        b->root = node;
    } else if (b->open->last) {
        node->index = b->open->last->index + 1;
        b->open->last->next = node;
        b->open->last = node;
    } else {
        b->open->first = b->open->last = node;
    }
    return node;
}

static int take_key(struct builder *b, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    for (const struct nacre_yaml_node *n = b->open->first; n; n = n->next) {
        if (strcmp(n->key, text) == 0) {
            const struct nacre_yaml_node again = {
                .line = event->start_mark.line + 1, .key = n->key, .parent = b->open};
            return nacre_yaml_refuse(b->file, &again, b->why, b->why_len, "given twice: lines %zu and %zu",
                                     n->line, again.line);
        }
    }
    b->key = strdup(text);
    b->key_line = event->start_mark.line + 1;
    return b->key ? 0 : -ENOMEM;
}

static int take_scalar(struct builder *b, const yaml_event_t *event)
{
    int rc = refuse_decoration(b, event, event->data.scalar.anchor, event->data.scalar.tag);
    if (rc)
        return rc;
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    if (strlen(text) != len)
        return refuse_here(b, event, "text with a NUL byte at offset %zu of %zu", strlen(text), len);
    if (b->open && b->open->kind == NACRE_YAML_MAPPING && !b->key)
        return take_key(b, event);
    struct nacre_yaml_node *node = add_node(b, event, NACRE_YAML_SCALAR);
    if (!node)
        return -ENOMEM;
    node->text = strdup(text);
    node->len = len;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return node->text ? 0 : -ENOMEM;
}

static int open_container(struct builder *b, const yaml_event_t *event, enum nacre_yaml_kind kind)
{
    bool map = kind == NACRE_YAML_MAPPING;
    int rc = refuse_decoration(b, event,
                               map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor,
                               map ? event->data.mapping_start.tag : event->data.sequence_start.tag);
    if (rc)
        return rc;
    if (b->open && b->open->kind == NACRE_YAML_MAPPING && !b->key)
        return refuse_here(b, event, "a key must be text, not %s", map ? "a mapping" : "a list");
    if (++b->depth > NACRE_YAML_DEPTH)
        return refuse_here(b, event, "nested %zu deep, at most %u are allowed", b->depth, NACRE_YAML_DEPTH);
    struct nacre_yaml_node *node = add_node(b, event, kind);
    if (!node)
        return -ENOMEM;
    b->open = node;
    return 0;
}

static int take_event(struct builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return b->documents++ == 0 ? 0 : refuse_here(b, event, "a second document; only one is allowed");
    case YAML_ALIAS_EVENT:
        return refuse_here(b, event, "alias '*%s' is not allowed: write the value itself",
                           (const char *)event->data.alias.anchor);
    case YAML_SCALAR_EVENT:
        return take_scalar(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_container(b, event, NACRE_YAML_SEQUENCE);
    case YAML_MAPPING_START_EVENT:
        return open_container(b, event, NACRE_YAML_MAPPING);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->open = b->open ? b->open->parent : NULL;
        b->depth--;
        return 0;
    default:
        return 0;
    }
}

static int refuse_syntax(struct builder *b, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return -ENOMEM;
    /* A reader's error (bad UTF-8) has an offset and no mark: the mark is where reading got to. */
    size_t line = (parser->error == YAML_READER_ERROR ? parser->mark.line : parser->problem_mark.line) + 1;
    (void)snprintf(b->why, b->why_len, "%s:%zu: not YAML: %s%s%s", b->file, line,
                   parser->context ? parser->context : "", parser->context ? ", " : "",
                   parser->problem ? parser->problem : "unknown error");
    return -EINVAL;
}

static int read_events(struct builder *b, yaml_parser_t *parser)
{
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return refuse_syntax(b, parser);
        bool end = event.type == YAML_STREAM_END_EVENT;
        int rc = take_event(b, &event);
        yaml_event_delete(&event);
        if (rc || end)
            return rc;
    }
}

int nacre_yaml_parse(struct nacre_yaml_node **out, const char *file, const char *data, size_t len, char *why,
                     size_t why_len)
{
    if (len > NACRE_YAML_MAX) {
        (void)snprintf(why, why_len, "%s:1: %zu bytes, at most %u are read", file, len, NACRE_YAML_MAX);
        return -EINVAL;
    }
    struct builder b = {.file = file, .why = why, .why_len = why_len};
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return -ENOMEM;
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)data, len);
    int rc = read_events(&b, &parser);
    yaml_parser_delete(&parser);
    free(b.key);
    if (rc) {
        nacre_yaml_free(b.root);
        return rc;
    }
    *out = b.root;
    return 0;
}
