#include "reader.h"

#include <cbor.h>
#include <errno.h>
#include <string.h>

static void set(void *context, enum nacre_sim_type type, uint64_t value, const uint8_t *data)
{
    struct nacre_sim_token *token = context;
    token->type = type;
    token->value = value;
    token->data = data;
}

static void on_uint8(void *context, uint8_t value)
{
    set(context, NACRE_SIM_UINT, value, NULL);
}

static void on_uint16(void *context, uint16_t value)
{
    set(context, NACRE_SIM_UINT, value, NULL);
}

static void on_uint32(void *context, uint32_t value)
{
    set(context, NACRE_SIM_UINT, value, NULL);
}

static void on_uint64(void *context, uint64_t value)
{
    set(context, NACRE_SIM_UINT, value, NULL);
}

static void on_negint8(void *context, uint8_t value)
{
    set(context, NACRE_SIM_SIMPLE, value, NULL);
}

static void on_negint16(void *context, uint16_t value)
{
    set(context, NACRE_SIM_SIMPLE, value, NULL);
}

static void on_negint32(void *context, uint32_t value)
{
    set(context, NACRE_SIM_SIMPLE, value, NULL);
}

static void on_negint64(void *context, uint64_t value)
{
    set(context, NACRE_SIM_SIMPLE, value, NULL);
}

static void on_bytes(void *context, cbor_data data, size_t len)
{
    set(context, NACRE_SIM_BYTES, len, data);
}

static void on_text(void *context, cbor_data data, size_t len)
{
    set(context, NACRE_SIM_TEXT, len, data);
}

static void on_array(void *context, size_t len)
{
    set(context, NACRE_SIM_ARRAY, len, NULL);
}

static void on_map(void *context, size_t len)
{
    set(context, NACRE_SIM_MAP, len, NULL);
}

static void on_array_open(void *context)
{
    set(context, NACRE_SIM_ARRAY_OPEN, 0, NULL);
}

static void on_map_open(void *context)
{
    set(context, NACRE_SIM_MAP_OPEN, 0, NULL);
}

static void on_chunks(void *context)
{
    set(context, NACRE_SIM_CHUNKS, 0, NULL);
}

static void on_tag(void *context, uint64_t value)
{
    set(context, NACRE_SIM_TAG, value, NULL);
}

static void on_null(void *context)
{
    set(context, NACRE_SIM_NULL, 0, NULL);
}

static void on_undefined(void *context)
{
    set(context, NACRE_SIM_SIMPLE, 0, NULL);
}

static void on_boolean(void *context, bool value)
{
    set(context, NACRE_SIM_SIMPLE, value, NULL);
}

static void on_float(void *context, float value)
{
    (void)value;
    set(context, NACRE_SIM_SIMPLE, 0, NULL);
}

static void on_double(void *context, double value)
{
    (void)value;
    set(context, NACRE_SIM_SIMPLE, 0, NULL);
}

static void on_break(void *context)
{
    set(context, NACRE_SIM_BREAK, 0, NULL);
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint8 = on_negint8,
    .negint16 = on_negint16,
    .negint32 = on_negint32,
    .negint64 = on_negint64,
    .byte_string_start = on_chunks,
    .byte_string = on_bytes,
    .string = on_text,
    .string_start = on_chunks,
    .indef_array_start = on_array_open,
    .array_start = on_array,
    .indef_map_start = on_map_open,
    .map_start = on_map,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_undefined,
    .null = on_null,
    .boolean = on_boolean,
    .indef_break = on_break,
};

int nacre_sim_read(struct nacre_sim_reader *reader, struct nacre_sim_token *token)
{
    if (reader->pos >= reader->len)
        return -EBADMSG;
    struct nacre_sim_token found = {.type = NACRE_SIM_BREAK};
    struct cbor_decoder_result result =
        cbor_stream_decode(reader->data + reader->pos, reader->len - reader->pos, &callbacks, &found);
    if (result.status != CBOR_DECODER_FINISHED || result.read == 0)
        return -EBADMSG;
    reader->pos += result.read;
    *token = found;
    return 0;
}

/* One level of what is being skipped: a counted container, or one that ends at a break. */
struct level {
    bool open;
    bool pairs; /* an open map: a break may only stand where a key would */
    bool odd;
    uint64_t left;
};

/* Pushes what the token opens. Returns 1 when it opened something, 0 for a leaf, -EBADMSG. */
static int open_level(const struct nacre_sim_token *token, struct level *level)
{
    switch (token->type) {
    case NACRE_SIM_ARRAY:
        *level = (struct level){.left = token->value};
        return token->value > 0;
    case NACRE_SIM_MAP:
        *level = (struct level){0};
        if (__builtin_mul_overflow(token->value, 2U, &level->left))
            return -EBADMSG;
        return token->value > 0;
    case NACRE_SIM_TAG:
        *level = (struct level){.left = 1};
        return 1;
    case NACRE_SIM_ARRAY_OPEN:
        *level = (struct level){.open = true};
        return 1;
    case NACRE_SIM_MAP_OPEN:
        *level = (struct level){.open = true, .pairs = true};
        return 1;
    case NACRE_SIM_CHUNKS:
        return -EBADMSG;
    default:
        return 0;
    }
}

/* An item ended: its container counts it and may end with it, and so on outward. */
static size_t item_done(struct level *levels, size_t depth)
{
    while (depth > 0) {
        struct level *top = &levels[depth - 1];
        if (top->open) {
            top->odd = !top->odd;
            return depth;
        }
        if (--top->left > 0)
            return depth;
        depth--;
    }
    return 0;
}

int nacre_sim_skip(struct nacre_sim_reader *reader)
{
    struct level levels[NACRE_SIM_DEPTH_MAX];
    size_t depth = 0;
    do {
        struct nacre_sim_token token;
        if (nacre_sim_read(reader, &token) < 0)
            return -EBADMSG;
        if (token.type == NACRE_SIM_BREAK) {
            if (depth == 0 || !levels[depth - 1].open || (levels[depth - 1].pairs && levels[depth - 1].odd))
                return -EBADMSG;
            depth = item_done(levels, depth - 1);
            continue;
        }
        struct level level;
        int opened = open_level(&token, &level);
        if (opened < 0 || (opened > 0 && depth == NACRE_SIM_DEPTH_MAX))
            return -EBADMSG;
        if (opened > 0)
            levels[depth++] = level;
        else
            depth = item_done(levels, depth);
    } while (depth > 0);
    return 0;
}

int nacre_sim_map_init(struct nacre_sim_map *map, const struct nacre_sim_token *token)
{
    if (token->type != NACRE_SIM_MAP && token->type != NACRE_SIM_MAP_OPEN)
        return -EBADMSG;
    map->open = token->type == NACRE_SIM_MAP_OPEN;
    map->left = token->value;
    return 0;
}

int nacre_sim_map_next(struct nacre_sim_map *map, struct nacre_sim_reader *reader,
                       struct nacre_sim_token *key)
{
    if (!map->open && map->left == 0)
        return 0;
    struct nacre_sim_token token;
    if (nacre_sim_read(reader, &token) < 0)
        return -EBADMSG;
    if (token.type == NACRE_SIM_BREAK)
        return map->open ? 0 : -EBADMSG;
    if (!map->open)
        map->left--;
    *key = token;
    return 1;
}

bool nacre_sim_token_is(const struct nacre_sim_token *token, const char *text)
{
    size_t len = strlen(text);
    return token->type == NACRE_SIM_TEXT && token->value == len && memcmp(token->data, text, len) == 0;
}
