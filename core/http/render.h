/*
 * render.h - JSON from the bytes that were signed, by the declared type of the route: what the client reads and what
 * the signature covers cannot differ.
 *
 * u8..u64 are numbers, u128 and u256 decimal strings, bytes and addresses arrays of numbers, an absent option null,
 * keys in the order of declaration.
 */
#ifndef NACRE_HTTP_RENDER_H
#define NACRE_HTTP_RENDER_H

#include "common/json_write.h"
#include "common/types.h"

/* A field's key as it stands in the text, made once: `,"name":`. */
struct nacre_render_key {
    const char *text;
    uint32_t len;
};

struct nacre_renderer {
    const struct nacre_types *types; /* checked; must outlive the renderer */
    struct nacre_render_key *keys;   /* one for each of types->fields */
    char *text;
};

/* 0 or -ENOMEM. Free with nacre_renderer_free(), which accepts a zeroed struct. Read only after it was made. */
int nacre_renderer_init(struct nacre_renderer *r, const struct nacre_types *types);
void nacre_renderer_free(struct nacre_renderer *r);

/*
 * nacre_render - append the JSON of bcs[0..len), a value of type `root`, to *out. `max` is how long *out may become,
 * in bytes: a few bytes of BCS can be many of JSON.
 * Returns 0; -EBADMSG when the bytes are not exactly one such value, -EMSGSIZE past max, -ENOMEM. On failure *out has
 * the length it had.
 */
int nacre_render(struct nacre_json_out *out, const struct nacre_renderer *r, uint32_t root,
                 const uint8_t *bcs, size_t len, size_t max);

#endif
