#include "requests.h"

#include "reader.h"

#include <errno.h>

enum field_type { FIELD_U16, FIELD_BYTES, FIELD_BYTES_OR_NULL };

struct field {
    const char *name;
    enum field_type type;
    size_t offset;
};

#define FIELD_MAX  3
#define AT(member) offsetof(struct nacre_sim_request, member)

/* The fields of the requests that are maps; a kind without fields is a text string. */
static const struct field layouts[NACRE_SIM_KIND_COUNT][FIELD_MAX] = {
    [NACRE_SIM_DESCRIBE_PCR] = {{"index", FIELD_U16, AT(number)}},
    [NACRE_SIM_EXTEND_PCR] = {{"index", FIELD_U16, AT(number)}, {"data", FIELD_BYTES, AT(data)}},
    [NACRE_SIM_LOCK_PCR] = {{"index", FIELD_U16, AT(number)}},
    [NACRE_SIM_LOCK_PCRS] = {{"range", FIELD_U16, AT(number)}},
    [NACRE_SIM_ATTESTATION] = {{"user_data", FIELD_BYTES_OR_NULL, AT(user_data)},
                               {"nonce", FIELD_BYTES_OR_NULL, AT(nonce)},
                               {"public_key", FIELD_BYTES_OR_NULL, AT(public_key)}},
};

static int read_value(struct nacre_sim_reader *reader, const struct field *field,
                      struct nacre_sim_request *out)
{
    struct nacre_sim_token token;
    if (nacre_sim_read(reader, &token) < 0)
        return -EBADMSG;
    void *member = (char *)out + field->offset;
    if (field->type == FIELD_U16) {
        if (token.type != NACRE_SIM_UINT || token.value > UINT16_MAX)
            return -EBADMSG;
        *(uint16_t *)member = (uint16_t)token.value;
        return 0;
    }
    if (field->type == FIELD_BYTES_OR_NULL && token.type == NACRE_SIM_NULL)
        return 0;
    if (token.type != NACRE_SIM_BYTES)
        return -EBADMSG;
    *(struct nacre_sim_bytes *)member =
        (struct nacre_sim_bytes){.data = token.data, .len = (size_t)token.value};
    return 0;
}

/* Reads one pair of the inner map; seen has one bit for each field of the layout. */
static int read_pair(struct nacre_sim_reader *reader, const struct nacre_sim_token *key,
                     const struct field *layout, unsigned *seen, struct nacre_sim_request *out)
{
    if (key->type != NACRE_SIM_TEXT)
        return -EBADMSG;
    for (unsigned i = 0; i < FIELD_MAX && layout[i].name != NULL; i++) {
        if (!nacre_sim_token_is(key, layout[i].name))
            continue;
        if ((*seen & (1U << i)) != 0)
            return -EBADMSG;
        *seen |= 1U << i;
        return read_value(reader, &layout[i], out);
    }
    return nacre_sim_skip(reader);
}

static int read_fields(struct nacre_sim_reader *reader, const struct field *layout,
                       struct nacre_sim_request *out)
{
    struct nacre_sim_token token;
    struct nacre_sim_map map;
    if (nacre_sim_read(reader, &token) < 0 || nacre_sim_map_init(&map, &token) < 0)
        return -EBADMSG;
    unsigned seen = 0;
    int more = 0;
    while ((more = nacre_sim_map_next(&map, reader, &token)) > 0) {
        if (read_pair(reader, &token, layout, &seen, out) < 0)
            return -EBADMSG;
    }
    for (unsigned i = 0; i < FIELD_MAX && layout[i].name != NULL; i++) {
        if (layout[i].type != FIELD_BYTES_OR_NULL && (seen & (1U << i)) == 0)
            return -EBADMSG;
    }
    return more;
}

/* The kind a text token names, provided it is (or is not) one with fields. */
static int find_kind(const struct nacre_sim_token *token, bool has_fields, enum nacre_sim_kind *kind)
{
    enum nacre_sim_kind found;
    if (token->type != NACRE_SIM_TEXT ||
        !nacre_sim_kind_find((const char *)token->data, (size_t)token->value, &found) ||
        found == NACRE_SIM_MALFORMED || (layouts[found][0].name != NULL) != has_fields)
        return -EBADMSG;
    *kind = found;
    return 0;
}

static int read_request(struct nacre_sim_reader *reader, struct nacre_sim_request *out)
{
    struct nacre_sim_token token;
    struct nacre_sim_map map;
    if (nacre_sim_read(reader, &token) < 0)
        return -EBADMSG;
    if (token.type == NACRE_SIM_TEXT)
        return find_kind(&token, false, &out->kind);
    if (nacre_sim_map_init(&map, &token) < 0 || nacre_sim_map_next(&map, reader, &token) != 1 ||
        find_kind(&token, true, &out->kind) < 0 || read_fields(reader, layouts[out->kind], out) < 0)
        return -EBADMSG;
    return nacre_sim_map_next(&map, reader, &token) == 0 ? 0 : -EBADMSG;
}

enum nacre_sim_error nacre_sim_request_decode(const uint8_t *data, size_t len, struct nacre_sim_request *out)
{
    if (len > NACRE_SIM_REQUEST_MAX)
        return NACRE_SIM_INPUT_TOO_LARGE;
    struct nacre_sim_reader reader = {.data = data, .len = len};
    struct nacre_sim_request request = {0};
    if (read_request(&reader, &request) < 0 || reader.pos != reader.len)
        return NACRE_SIM_INVALID_OPERATION;
    *out = request;
    return NACRE_SIM_OK;
}
