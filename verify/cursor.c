#include "cursor.h"

#include <cbor.h>

#include "text.h"

/* Deep enough for anything a later NSM may add to its payload. */
#define DEPTH_MAX 8u

static void set(void *context, enum nacre_vfy_kind kind, uint64_t value)
{
    struct nacre_vfy_item *item = context;
    *item = (struct nacre_vfy_item){.kind = kind, .value = value};
}

static void on_uint8(void *context, uint8_t value)
{
    set(context, NACRE_VFY_UINT, value);
}
static void on_uint16(void *context, uint16_t value)
{
    set(context, NACRE_VFY_UINT, value);
}
static void on_uint32(void *context, uint32_t value)
{
    set(context, NACRE_VFY_UINT, value);
}
static void on_uint64(void *context, uint64_t value)
{
    set(context, NACRE_VFY_UINT, value);
}
static void on_negint8(void *context, uint8_t value)
{
    set(context, NACRE_VFY_NEGINT, value);
}
static void on_negint16(void *context, uint16_t value)
{
    set(context, NACRE_VFY_NEGINT, value);
}
static void on_negint32(void *context, uint32_t value)
{
    set(context, NACRE_VFY_NEGINT, value);
}
static void on_negint64(void *context, uint64_t value)
{
    set(context, NACRE_VFY_NEGINT, value);
}
static void on_tag(void *context, uint64_t value)
{
    set(context, NACRE_VFY_TAG, value);
}
static void on_bytes(void *context, cbor_data data, size_t size)
{
    *(struct nacre_vfy_item *)context =
        (struct nacre_vfy_item){.kind = NACRE_VFY_BYTES, .value = size, .data = data, .size = size};
}
static void on_text(void *context, cbor_data data, size_t size)
{
    *(struct nacre_vfy_item *)context =
        (struct nacre_vfy_item){.kind = NACRE_VFY_TEXT, .value = size, .data = data, .size = size};
}
static void on_bytes_chunks(void *context)
{
    *(struct nacre_vfy_item *)context = (struct nacre_vfy_item){.kind = NACRE_VFY_BYTES, .indefinite = true};
}
static void on_text_chunks(void *context)
{
    *(struct nacre_vfy_item *)context = (struct nacre_vfy_item){.kind = NACRE_VFY_TEXT, .indefinite = true};
}
static void on_array(void *context, size_t count)
{
    set(context, NACRE_VFY_ARRAY, count);
}
static void on_map(void *context, size_t count)
{
    set(context, NACRE_VFY_MAP, count);
}
static void on_array_indefinite(void *context)
{
    *(struct nacre_vfy_item *)context = (struct nacre_vfy_item){.kind = NACRE_VFY_ARRAY, .indefinite = true};
}
static void on_map_indefinite(void *context)
{
    *(struct nacre_vfy_item *)context = (struct nacre_vfy_item){.kind = NACRE_VFY_MAP, .indefinite = true};
}
static void on_null(void *context)
{
    set(context, NACRE_VFY_NULL, 0);
}
static void on_break(void *context)
{
    set(context, NACRE_VFY_BREAK, 0);
}
static void on_float(void *context, float value)
{
    (void)value;
    set(context, NACRE_VFY_OTHER, 0);
}
static void on_double(void *context, double value)
{
    (void)value;
    set(context, NACRE_VFY_OTHER, 0);
}
static void on_boolean(void *context, bool value)
{
    (void)value;
    set(context, NACRE_VFY_OTHER, 0);
}
static void on_undefined(void *context)
{
    set(context, NACRE_VFY_OTHER, 0);
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint64 = on_negint64,
    .negint32 = on_negint32,
    .negint16 = on_negint16,
    .negint8 = on_negint8,
    .byte_string_start = on_bytes_chunks,
    .byte_string = on_bytes,
    .string = on_text,
    .string_start = on_text_chunks,
    .indef_array_start = on_array_indefinite,
    .array_start = on_array,
    .indef_map_start = on_map_indefinite,
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

const char *nacre_vfy_kind_name(enum nacre_vfy_kind kind)
{
    static const char *const name[] = {
        [NACRE_VFY_UINT] = "an unsigned integer",
        [NACRE_VFY_NEGINT] = "a negative integer",
        [NACRE_VFY_BYTES] = "a byte string",
        [NACRE_VFY_TEXT] = "a text string",
        [NACRE_VFY_ARRAY] = "an array",
        [NACRE_VFY_MAP] = "a map",
        [NACRE_VFY_TAG] = "a tag",
        [NACRE_VFY_NULL] = "null",
        [NACRE_VFY_BREAK] = "a break",
        [NACRE_VFY_OTHER] = "a simple value or float",
    };
    return name[kind];
}

void nacre_vfy_cursor_init(struct nacre_vfy_cursor *cursor, const uint8_t *bytes, size_t size)
{
    *cursor = (struct nacre_vfy_cursor){.start = bytes, .next = bytes, .left = size};
}

size_t nacre_vfy_cursor_offset(const struct nacre_vfy_cursor *cursor)
{
    return (size_t)(cursor->next - cursor->start);
}

static size_t shortest_head(uint64_t value)
{
    if (value < 24) {
        return 1;
    }
    if (value <= UINT8_MAX) {
        return 2;
    }
    if (value <= UINT16_MAX) {
        return 3;
    }
    return value <= UINT32_MAX ? 5 : 9;
}

int nacre_vfy_next(struct nacre_vfy_cursor *cursor, const char *what, struct nacre_vfy_item *item,
                   nacre_verify_error *error)
{
    struct nacre_vfy_item found = {.kind = NACRE_VFY_OTHER};
    size_t offset = nacre_vfy_cursor_offset(cursor);
    struct cbor_decoder_result result = {.status = CBOR_DECODER_NEDATA};
    if (cursor->left > 0) {
        result = cbor_stream_decode(cursor->next, cursor->left, &callbacks, &found);
    }
    if (result.status == CBOR_DECODER_NEDATA) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "%s at byte %zu is cut off: %zu bytes are left",
                              what, offset, cursor->left);
    }
    if (result.status != CBOR_DECODER_FINISHED || result.read == 0 || result.read > cursor->left) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "%s at byte %zu is no CBOR: 0x%02x", what, offset,
                              cursor->next[0]);
    }
    bool is_string = found.kind == NACRE_VFY_BYTES || found.kind == NACRE_VFY_TEXT;
    if (is_string && found.indefinite) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "%s at byte %zu is %s in chunks", what, offset,
                              nacre_vfy_kind_name(found.kind));
    }
    size_t head = result.read - found.size;
    if (found.kind != NACRE_VFY_OTHER && !found.indefinite && head != shortest_head(found.value)) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED,
                              "%s at byte %zu has a head of %zu bytes where %zu are enough", what, offset,
                              head, shortest_head(found.value));
    }
    cursor->next += result.read;
    cursor->left -= result.read;
    *item = found;
    return NACRE_VERIFY_OK;
}

int nacre_vfy_expect(struct nacre_vfy_cursor *cursor, const char *what, enum nacre_vfy_kind kind,
                     struct nacre_vfy_item *item, nacre_verify_error *error)
{
    size_t offset = nacre_vfy_cursor_offset(cursor);
    struct nacre_vfy_item found = {.kind = NACRE_VFY_OTHER};
    int r = nacre_vfy_next(cursor, what, &found, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    if (found.kind != kind) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "%s at byte %zu is %s, expected %s", what, offset,
                              nacre_vfy_kind_name(found.kind), nacre_vfy_kind_name(kind));
    }
    *item = found;
    return NACRE_VERIFY_OK;
}

int nacre_vfy_more(struct nacre_vfy_cursor *cursor, struct nacre_vfy_item *item, bool *more,
                   nacre_verify_error *error)
{
    if (!item->indefinite) {
        *more = item->value > 0;
        item->value -= *more ? 1 : 0;
        return NACRE_VERIFY_OK;
    }
    struct nacre_vfy_cursor ahead = *cursor;
    struct nacre_vfy_item found = {.kind = NACRE_VFY_OTHER};
    int r = nacre_vfy_next(&ahead, "the next entry", &found, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    *more = found.kind != NACRE_VFY_BREAK;
    if (!*more) {
        *cursor = ahead;
    }
    return NACRE_VERIFY_OK;
}

static int skip(struct nacre_vfy_cursor *cursor, const char *what, unsigned depth, nacre_verify_error *error)
{
    struct nacre_vfy_item item = {.kind = NACRE_VFY_OTHER};
    int r = nacre_vfy_next(cursor, what, &item, error);
    if (r != NACRE_VERIFY_OK) {
        return r;
    }
    if (item.kind == NACRE_VFY_BREAK) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "%s ends at byte %zu in a break without a value",
                              what, nacre_vfy_cursor_offset(cursor));
    }
    if (item.kind != NACRE_VFY_ARRAY && item.kind != NACRE_VFY_MAP && item.kind != NACRE_VFY_TAG) {
        return NACRE_VERIFY_OK;
    }
    if (depth == DEPTH_MAX) {
        return nacre_vfy_fail(error, NACRE_VERIFY_REFUSED, "%s is nested more than %u deep", what, DEPTH_MAX);
    }
    if (item.kind == NACRE_VFY_TAG) {
        return skip(cursor, what, depth + 1, error);
    }
    bool more = false;
    while ((r = nacre_vfy_more(cursor, &item, &more, error)) == NACRE_VERIFY_OK && more) {
        r = skip(cursor, what, depth + 1, error);
        if (r == NACRE_VERIFY_OK && item.kind == NACRE_VFY_MAP) {
            r = skip(cursor, what, depth + 1, error);
        }
        if (r != NACRE_VERIFY_OK) {
            return r;
        }
    }
    return r;
}

int nacre_vfy_skip(struct nacre_vfy_cursor *cursor, const char *what, nacre_verify_error *error)
{
    return skip(cursor, what, 0, error);
}
