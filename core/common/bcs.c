#include "bcs.h"

#include <errno.h>

uint32_t nacre_bcs_read_len(struct nacre_reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t b = nacre_read_u8(r);
        if (r->failed)
            return 0;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b & 0x80)
            continue;
        /* a last byte of zero adds nothing: the same number has a shorter form */
        if ((b == 0 && shift > 0) || v > NACRE_BCS_SEQ_MAX)
            break;
        return (uint32_t)v;
    }
    r->failed = true;
    return 0;
}

void nacre_bcs_write_len(struct nacre_writer *w, uint64_t len)
{
    if (len > NACRE_BCS_SEQ_MAX) {
        w->failed = true;
        return;
    }
    while (len >= 0x80) {
        nacre_write_u8(w, (uint8_t)(len | 0x80));
        len >>= 7;
    }
    nacre_write_u8(w, (uint8_t)len);
}

/* Length of the well-formed sequence at p (2 to 4 bytes), or 0. The second byte's range depends on the first.
 */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    uint8_t low = 0x80, high = 0xbf;
    size_t n;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        n = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        n = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        n = 4;
    else
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0; /* below: overlong */
    else if (p[0] == 0xed)
        high = 0x9f; /* above: surrogates */
    else if (p[0] == 0xf0)
        low = 0x90; /* below: overlong */
    else if (p[0] == 0xf4)
        high = 0x8f; /* above: past U+10FFFF */
    if (left < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool nacre_utf8_valid(const uint8_t *p, size_t len)
{
    size_t i = 0;
    while (i < len) {
        uint64_t eight;
        if (len - i >= 8) {
            memcpy(&eight, p + i, 8);
            if ((eight & 0x8080808080808080u) == 0) {
                i += 8;
                continue;
            }
        }
        if (p[i] < 0x80) {
            i++;
            continue;
        }
        size_t n = utf8_sequence(p + i, len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

/* Bytes of a scalar with a fixed width, or 0. */
static size_t fixed_width(uint32_t kind)
{
    switch (kind) {
    case NACRE_KIND_U8:
        return 1;
    case NACRE_KIND_U16:
        return 2;
    case NACRE_KIND_U32:
        return 4;
    case NACRE_KIND_U64:
        return 8;
    case NACRE_KIND_U128:
        return 16;
    case NACRE_KIND_U256:
    case NACRE_KIND_ADDRESS:
        return 32;
    default:
        return 0;
    }
}

/* Recursion is bounded by the table: each step goes to a smaller index, NACRE_TYPE_DEPTH at most. */
static void walk(const struct nacre_types *types, uint32_t index, struct nacre_reader *r)
{
    const struct nacre_type_decl *t = &types->types[index];
    size_t width = fixed_width(t->kind);
    if (width) {
        (void)nacre_read_bytes(r, width);
        return;
    }
    switch (t->kind) {
    case NACRE_KIND_BOOL:
        if (nacre_read_u8(r) > 1)
            r->failed = true;
        return;
    case NACRE_KIND_STRING:
    case NACRE_KIND_BYTES: {
        uint32_t len = nacre_bcs_read_len(r);
        const uint8_t *p = nacre_read_bytes(r, len);
        if (p && t->kind == NACRE_KIND_STRING && !nacre_utf8_valid(p, len))
            r->failed = true;
        return;
    }
    case NACRE_KIND_STRUCT:
        for (uint32_t i = 0; i < t->n_fields && !r->failed; i++)
            walk(types, types->fields[t->first_field + i].type, r);
        return;
    case NACRE_KIND_VECTOR:
    case NACRE_KIND_OPTION: {
        /* every type takes at least one byte, so the input's length bounds this loop */
        uint32_t n = nacre_bcs_read_len(r);
        if (t->kind == NACRE_KIND_OPTION && n > 1)
            r->failed = true;
        for (uint32_t i = 0; i < n && !r->failed; i++)
            walk(types, t->elem, r);
        return;
    }
    default: /* F64, JSON: not in BCS */
        r->failed = true;
    }
}

int nacre_bcs_check(const struct nacre_types *types, uint32_t root, const uint8_t *data, size_t len,
                    size_t *offset)
{
    struct nacre_reader r = nacre_reader(data, len);
    if (root >= types->n_types)
        return -EBADMSG;
    walk(types, root, &r);
    if (offset)
        *offset = (size_t)(r.at - data);
    return r.failed || r.at != r.end ? -EBADMSG : 0;
}
