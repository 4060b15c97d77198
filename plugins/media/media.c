/* media - binds a media file's hash to its metadata, and an analysis report's hash to its verdict. */
#include <nacre/plugin.h>

#define HASH_LEN 32u

struct media {
    struct nacre_str media_hash;
    struct nacre_str metadata;
};
struct media_request {
    struct media payload;
};
struct media_response {
    struct nacre_bytes media_hash;
    struct nacre_str metadata;
};
NACRE_STRUCT(media_type, "Media", struct media, NACRE_FIELD(struct media, media_hash, string),
             NACRE_FIELD(struct media, metadata, string));
NACRE_STRUCT(media_request_type, "MediaRequest", struct media_request,
             NACRE_FIELD_STRUCT(struct media_request, payload, media_type, struct media));
NACRE_STRUCT(media_response_type, "MediaResponse", struct media_response,
             NACRE_FIELD(struct media_response, media_hash, bytes),
             NACRE_FIELD(struct media_response, metadata, string));

struct report_request {
    struct nacre_str report; /* canonical text, RFC 8785 */
};
struct report {
    struct nacre_str jobId; /* the report's own keys */
    struct nacre_str mediaHash;
    struct nacre_str verdict;
};
struct report_response {
    struct nacre_bytes report_hash;
    struct nacre_str job_id;
    struct nacre_bytes media_hash;
    struct nacre_str verdict;
};
NACRE_STRUCT(report_request_type, "ReportRequest", struct report_request,
             NACRE_FIELD(struct report_request, report, json));
NACRE_STRUCT(report_type, "Report", struct report, NACRE_FIELD(struct report, jobId, string),
             NACRE_FIELD(struct report, mediaHash, string), NACRE_FIELD(struct report, verdict, string));
NACRE_STRUCT(report_response_type, "ReportResponse", struct report_response,
             NACRE_FIELD(struct report_response, report_hash, bytes),
             NACRE_FIELD(struct report_response, job_id, string),
             NACRE_FIELD(struct report_response, media_hash, bytes),
             NACRE_FIELD(struct report_response, verdict, string));

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The 32 bytes of a SHA-256 written in hex; `field` is what the error calls it. */
static int32_t read_hash(const struct nacre_call *call, const char *field, struct nacre_str hex,
                         struct nacre_bytes *out)
{
    uint8_t *bytes = nacre_alloc(call, HASH_LEN);
    uint64_t i;
    if (!bytes)
        return nacre_fail(call, 500, "out of memory");
    if (hex.len != 2u * HASH_LEN)
        return nacre_fail(call, 400, "%s: expected 64 hex digits, got %llu characters", field,
                          (unsigned long long)hex.len);
    for (i = 0; i < HASH_LEN; i++) {
        int high = digit(hex.ptr[2 * i]), low = digit(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return nacre_fail(call, 400, "%s: expected 64 hex digits, got another character in pair %u",
                              field, (unsigned)i);
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    out->ptr = bytes;
    out->len = HASH_LEN;
    return 0;
}

static int32_t process_data(const struct nacre_call *call, const void *request, void *response)
{
    const struct media_request *in = request;
    struct media_response *out = response;
    out->metadata = in->payload.metadata;
    return read_hash(call, "payload.media_hash", in->payload.media_hash, &out->media_hash);
}

static int32_t sign_report(const struct nacre_call *call, const void *request, void *response)
{
    const struct report_request *in = request;
    struct report_response *out = response;
    struct report report;
    uint8_t *hash = nacre_alloc(call, HASH_LEN);
    int32_t err;
    if (!hash)
        return nacre_fail(call, 500, "out of memory");
    err = nacre_decode_json(call, nacre_bytes_of(in->report), &report_type, &report, 400);
    if (!err)
        err = read_hash(call, "report.mediaHash", report.mediaHash, &out->media_hash);
    if (!err)
        err = nacre_hash(call, NACRE_HASH_SHA256, nacre_bytes_of(in->report), hash);
    if (err)
        return err;
    out->report_hash.ptr = hash;
    out->report_hash.len = HASH_LEN;
    out->job_id = report.jobId;
    out->verdict = report.verdict;
    return 0;
}

static const struct nacre_intent intents[] = {{0, 0, NACRE_S("ProcessData"), &media_response_type},
                                              {1, 0, NACRE_S("SignReport"), &report_response_type}};
static const struct nacre_route routes[] = {{.method = NACRE_S("POST"),
                                             .path = NACRE_S("/process_data"),
                                             .intent = 0,
                                             .request = &media_request_type,
                                             .handler = process_data},
                                            {.method = NACRE_S("POST"),
                                             .path = NACRE_S("/sign_report"),
                                             .intent = 1,
                                             .request = &report_request_type,
                                             .handler = sign_report}};

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX,
                                          NACRE_S("media"),
                                          NACRE_S("1.0.0"),
                                          NACRE_TABLE(intents),
                                          NACRE_TABLE(routes),
                                          NACRE_NONE,
                                          NACRE_NONE,
                                          NULL,
                                          NULL};
