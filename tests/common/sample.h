/* sample.h - a plugin descriptor with every kind of type, and the manifest made of it. */
#ifndef NACRE_TESTS_COMMON_SAMPLE_H
#define NACRE_TESTS_COMMON_SAMPLE_H

#include "common/descriptor.h"
#include "common/manifest.h"

struct sample_inner {
    uint8_t small;
    struct nacre_str text;
};
struct sample_request {
    struct nacre_str network;
    uint64_t number;
    double rate;
    struct nacre_str report;
    struct sample_inner inner;
    const struct nacre_str *maybe;
};
struct sample_response {
    uint8_t flag;
    struct nacre_u128 big;
    struct nacre_u256 bigger;
    struct nacre_bytes blob;
    struct nacre_address owner;
    struct nacre_vec list;
};

NACRE_STRUCT(sample_inner_type, "Inner", struct sample_inner, NACRE_FIELD(struct sample_inner, small, u8),
             NACRE_FIELD(struct sample_inner, text, string));
NACRE_OPTION(sample_maybe, nacre_type_string);
NACRE_VECTOR(sample_list, sample_inner_type);
NACRE_STRUCT(sample_request_type, "Request", struct sample_request,
             NACRE_FIELD_PATH(struct sample_request, network, string),
             NACRE_FIELD(struct sample_request, number, u64), NACRE_FIELD(struct sample_request, rate, f64),
             NACRE_FIELD(struct sample_request, report, json),
             NACRE_FIELD_STRUCT(struct sample_request, inner, sample_inner_type, struct sample_inner),
             NACRE_FIELD_OPTION(struct sample_request, maybe, sample_maybe, struct nacre_str));
NACRE_STRUCT(sample_response_type, "Response", struct sample_response,
             NACRE_FIELD(struct sample_response, flag, bool), NACRE_FIELD(struct sample_response, big, u128),
             NACRE_FIELD(struct sample_response, bigger, u256),
             NACRE_FIELD(struct sample_response, blob, bytes),
             NACRE_FIELD(struct sample_response, owner, address),
             NACRE_FIELD_VECTOR(struct sample_response, list, sample_list));

static inline int32_t sample_handler(const struct nacre_call *call, const void *request, void *response)
{
    (void)call, (void)request, (void)response;
    return 0;
}

static const struct nacre_intent sample_intents[] = {{7, 0, NACRE_S("Sample"), &sample_response_type}};
static const struct nacre_route sample_routes[] = {{NACRE_S("POST"), NACRE_S("/{network}/sample"), 7,
                                                    NACRE_TIME_APP, 60000, 4096, 500, 0, &sample_request_type,
                                                    sample_handler}};
static const struct nacre_endpoint sample_endpoints[] = {{NACRE_S("api.example.org"), 443, 0}};
static const struct nacre_secret sample_secrets[] = {{NACRE_S("API_KEY"), 1, 0}, {NACRE_S("EXTRA"), 0, 0}};

/* A descriptor that a test may change before it encodes it. */
static inline struct nacre_plugin sample_plugin(void)
{
    return (struct nacre_plugin){NACRE_PREFIX,
                                 NACRE_S("sample"),
                                 NACRE_S("1.2.3"),
                                 NACRE_TABLE(sample_intents),
                                 NACRE_TABLE(sample_routes),
                                 NACRE_TABLE(sample_endpoints),
                                 NACRE_TABLE(sample_secrets),
                                 NULL,
                                 NULL};
}

#endif
