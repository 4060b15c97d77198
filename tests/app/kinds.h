/* kinds.h - a struct with every kind that can be signed, and one with those that stand in requests only. */
#ifndef NACRE_TESTS_APP_KINDS_H
#define NACRE_TESTS_APP_KINDS_H

#include <nacre/plugin.h>

struct kinds_point {
    uint32_t x;
    struct nacre_str label;
};

struct kinds {
    uint8_t flag;
    uint8_t a8;
    uint16_t a16;
    uint32_t a32;
    uint64_t a64;
    struct nacre_u128 a128;
    struct nacre_u256 a256;
    struct nacre_str text;
    struct nacre_bytes blob;
    struct nacre_address owner;
    struct kinds_point point;
    struct nacre_vec points;
    struct nacre_vec rows;
    struct nacre_vec octets;
    const uint64_t *maybe;
    const struct kinds_point *corner;
    struct nacre_vec names;
};

NACRE_STRUCT(kinds_point_type, "Point", struct kinds_point, NACRE_FIELD(struct kinds_point, x, u32),
             NACRE_FIELD(struct kinds_point, label, string));
NACRE_VECTOR(kinds_points_type, kinds_point_type);
NACRE_VECTOR(kinds_row_type, nacre_type_u16);
NACRE_VECTOR(kinds_rows_type, kinds_row_type);
NACRE_VECTOR(kinds_octets_type, nacre_type_u8);
NACRE_OPTION(kinds_maybe_type, nacre_type_u64);
NACRE_OPTION(kinds_corner_type, kinds_point_type);
NACRE_OPTION(kinds_name_type, nacre_type_string);
NACRE_VECTOR(kinds_names_type, kinds_name_type);
NACRE_STRUCT(kinds_type, "Kinds", struct kinds, NACRE_FIELD(struct kinds, flag, bool),
             NACRE_FIELD(struct kinds, a8, u8), NACRE_FIELD(struct kinds, a16, u16),
             NACRE_FIELD(struct kinds, a32, u32), NACRE_FIELD(struct kinds, a64, u64),
             NACRE_FIELD(struct kinds, a128, u128), NACRE_FIELD(struct kinds, a256, u256),
             NACRE_FIELD(struct kinds, text, string), NACRE_FIELD(struct kinds, blob, bytes),
             NACRE_FIELD(struct kinds, owner, address),
             NACRE_FIELD_STRUCT(struct kinds, point, kinds_point_type, struct kinds_point),
             NACRE_FIELD_VECTOR(struct kinds, points, kinds_points_type),
             NACRE_FIELD_VECTOR(struct kinds, rows, kinds_rows_type),
             NACRE_FIELD_VECTOR(struct kinds, octets, kinds_octets_type),
             NACRE_FIELD_OPTION(struct kinds, maybe, kinds_maybe_type, uint64_t),
             NACRE_FIELD_OPTION(struct kinds, corner, kinds_corner_type, struct kinds_point),
             NACRE_FIELD_VECTOR(struct kinds, names, kinds_names_type));

/* What requests have besides. */
struct kinds_request {
    double rate;
    struct nacre_str report;
    const double *limit;
};
NACRE_OPTION(kinds_limit_type, nacre_type_f64);
NACRE_STRUCT(kinds_request_type, "Request", struct kinds_request,
             NACRE_FIELD(struct kinds_request, rate, f64), NACRE_FIELD(struct kinds_request, report, json),
             NACRE_FIELD_OPTION(struct kinds_request, limit, kinds_limit_type, double));

/* A whole value of struct kinds, as JSON. */
#define KINDS_JSON                                                                                           \
    "{\"flag\":true,\"a8\":255,\"a16\":65535,\"a32\":4294967295,\"a64\":18446744073709551615,"               \
    "\"a128\":\"340282366920938463463374607431768211455\","                                                  \
    "\"a256\":\"115792089237316195423570985008687907853269984665640564039457584007913129639935\","           \
    "\"text\":\"gr\\u00fc\\u00df \\ud83d\\ude00\",\"blob\":[0,1,255],"                                       \
    "\"owner\":\"0x101ce8865558e08408b83f60ee9e78843d03d547c850cbe12cb599e17833dd3e\","                      \
    "\"point\":{\"x\":7,\"label\":\"seven\"},\"points\":[{\"x\":1,\"label\":\"\"},{\"x\":2,\"label\":\"b\"}" \
    "],"                                                                                                     \
    "\"rows\":[[],[1],[1,2,3]],\"octets\":[9,8],\"maybe\":null,\"corner\":{\"x\":0,\"label\":\"c\"},"        \
    "\"names\":[null,\"n\"]}"

#endif
