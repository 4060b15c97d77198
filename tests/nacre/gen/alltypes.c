/* alltypes - every type the ABI has, in places where generated code could get it wrong. */
#include <nacre/plugin.h>

struct inner {
    uint8_t flag;
    struct nacre_str label;
    struct nacre_vec ids;
    const struct nacre_str *nick;
};
NACRE_VECTOR(ids_type, nacre_type_u16);
NACRE_OPTION(nick_type, nacre_type_string);
NACRE_STRUCT(inner_type, "Inner", struct inner, NACRE_FIELD(struct inner, flag, bool),
             NACRE_FIELD(struct inner, label, string), NACRE_FIELD_VECTOR(struct inner, ids, ids_type),
             NACRE_FIELD_OPTION(struct inner, nick, nick_type, struct nacre_str));

struct everything {
    uint8_t yes;
    uint8_t small;
    uint16_t medium;
    uint32_t large;
    uint64_t huge;
    struct nacre_u128 wide;
    struct nacre_u256 widest;
    struct nacre_str text;
    struct nacre_bytes data;
    struct nacre_address who;
    struct inner inner;
    struct nacre_vec numbers;
    struct nacre_vec octets;
    struct nacre_vec items;
    struct nacre_vec names;
    struct nacre_vec people;
    struct nacre_vec grid;
    struct nacre_vec gaps;
    const struct inner *maybe;
    const struct nacre_u256 *maybe_wide;
    const struct nacre_vec *maybe_flags;
};
NACRE_VECTOR(numbers_type, nacre_type_u64);
NACRE_VECTOR(octets_type, nacre_type_u8);
NACRE_VECTOR(items_type, inner_type);
NACRE_VECTOR(names_type, nacre_type_string);
NACRE_VECTOR(people_type, nacre_type_address);
NACRE_VECTOR(row_type, nacre_type_u32);
NACRE_VECTOR(grid_type, row_type);
NACRE_OPTION(gap_type, nacre_type_u128);
NACRE_VECTOR(gaps_type, gap_type);
NACRE_OPTION(maybe_type, inner_type);
NACRE_OPTION(maybe_wide_type, nacre_type_u256);
NACRE_VECTOR(flags_type, nacre_type_bool);
NACRE_OPTION(maybe_flags_type, flags_type);
NACRE_STRUCT(everything_type, "Everything", struct everything, NACRE_FIELD(struct everything, yes, bool),
             NACRE_FIELD(struct everything, small, u8), NACRE_FIELD(struct everything, medium, u16),
             NACRE_FIELD(struct everything, large, u32), NACRE_FIELD(struct everything, huge, u64),
             NACRE_FIELD(struct everything, wide, u128), NACRE_FIELD(struct everything, widest, u256),
             NACRE_FIELD(struct everything, text, string), NACRE_FIELD(struct everything, data, bytes),
             NACRE_FIELD(struct everything, who, address),
             NACRE_FIELD_STRUCT(struct everything, inner, inner_type, struct inner),
             NACRE_FIELD_VECTOR(struct everything, numbers, numbers_type),
             NACRE_FIELD_VECTOR(struct everything, octets, octets_type),
             NACRE_FIELD_VECTOR(struct everything, items, items_type),
             NACRE_FIELD_VECTOR(struct everything, names, names_type),
             NACRE_FIELD_VECTOR(struct everything, people, people_type),
             NACRE_FIELD_VECTOR(struct everything, grid, grid_type),
             NACRE_FIELD_VECTOR(struct everything, gaps, gaps_type),
             NACRE_FIELD_OPTION(struct everything, maybe, maybe_type, struct inner),
             NACRE_FIELD_OPTION(struct everything, maybe_wide, maybe_wide_type, struct nacre_u256),
             NACRE_FIELD_OPTION(struct everything, maybe_flags, maybe_flags_type, struct nacre_vec));

static int32_t echo(const struct nacre_call *call, const void *request, void *response)
{
    (void)call;
    *(struct everything *)response = *(const struct everything *)request;
    return 0;
}

struct place {
    struct nacre_str town;
    uint64_t number;
};
NACRE_STRUCT(place_path_type, "PlacePath", struct place, NACRE_FIELD_PATH(struct place, town, string),
             NACRE_FIELD_PATH(struct place, number, u64));
NACRE_STRUCT(place_type, "Place", struct place, NACRE_FIELD(struct place, town, string),
             NACRE_FIELD(struct place, number, u64));

static int32_t find_place(const struct nacre_call *call, const void *request, void *response)
{
    uint64_t now;
    int32_t err = nacre_now_ms(call, &now);
    if (err)
        return err;
    *(struct place *)response = *(const struct place *)request;
    return nacre_set_timestamp(call, now - 1000);
}

/* What a request alone may hold, and a struct that only a request holds. */
struct unit {
    struct nacre_str name;
    struct nacre_u128 factor;
};
NACRE_STRUCT(unit_type, "Unit", struct unit, NACRE_FIELD(struct unit, name, string),
             NACRE_FIELD(struct unit, factor, u128));
struct measurement {
    double value;
    struct nacre_str note;
    struct unit unit;
};
NACRE_STRUCT(measurement_type, "Measurement", struct measurement, NACRE_FIELD(struct measurement, value, f64),
             NACRE_FIELD(struct measurement, note, json),
             NACRE_FIELD_STRUCT(struct measurement, unit, unit_type, struct unit));
struct measured {
    uint64_t bits;
    struct nacre_str note;
};
NACRE_STRUCT(measured_type, "Measured", struct measured, NACRE_FIELD(struct measured, bits, u64),
             NACRE_FIELD(struct measured, note, string));

static int32_t measure(const struct nacre_call *call, const void *request, void *response)
{
    const struct measurement *in = request;
    struct measured *out = response;
    (void)call;
    memcpy(&out->bits, &in->value, sizeof out->bits);
    out->note = in->note;
    return 0;
}

static const struct nacre_intent intents[] = {
    {0, 0, NACRE_S("Measure"), &measured_type},
    {7, 0, NACRE_S("EchoEverything"), &everything_type},
    {255, 0, NACRE_S("FindPlace"), &place_type},
};
static const struct nacre_route routes[] = {
    {.method = NACRE_S("POST"),
     .path = NACRE_S("/echo"),
     .intent = 7,
     .max_body = 2097152,
     .request = &everything_type,
     .handler = echo},
    {.method = NACRE_S("GET"),
     .path = NACRE_S("/places/{town}/{number}"),
     .intent = 255,
     .time_rule = NACRE_TIME_APP,
     .max_age_ms = 60000,
     .deadline_ms = 5000,
     .request = &place_path_type,
     .handler = find_place},
    {.method = NACRE_S("PUT"),
     .path = NACRE_S("/measure"),
     .intent = 0,
     .request = &measurement_type,
     .handler = measure},
};

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX,
                                          NACRE_S("alltypes"),
                                          NACRE_S("1.2.3"),
                                          NACRE_TABLE(intents),
                                          NACRE_TABLE(routes),
                                          NACRE_NONE,
                                          NACRE_NONE,
                                          NULL,
                                          NULL};
