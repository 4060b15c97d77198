/* media - binds a media file's hash to its metadata, and an analysis report's hash to its verdict. */
#include <nacre/plugin.h>

#define HASH_LEN 32u

NACRE_RECORD(Media, (string, media_hash), (string, metadata));
NACRE_RECORD(MediaRequest, (Media, payload));
NACRE_RECORD(MediaResponse, (bytes, media_hash), (string, metadata));

NACRE_RECORD(ReportRequest, (json, report));                                   /* canonical text, RFC 8785 */
NACRE_RECORD(Report, (string, jobId), (string, mediaHash), (string, verdict)); /* the report's own keys */
NACRE_RECORD(ReportResponse, (bytes, report_hash), (string, job_id), (bytes, media_hash), (string, verdict));

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
    const struct MediaRequest *in = request;
    struct MediaResponse *out = response;
    out->metadata = in->payload.metadata;
    return read_hash(call, "payload.media_hash", in->payload.media_hash, &out->media_hash);
}

static int32_t sign_report(const struct nacre_call *call, const void *request, void *response)
{
    const struct ReportRequest *in = request;
    struct ReportResponse *out = response;
    struct Report report;
    uint8_t *hash = nacre_alloc(call, HASH_LEN);
    int32_t err;
    if (!hash)
        return nacre_fail(call, 500, "out of memory");
    err = nacre_decode_json(call, nacre_bytes_of(in->report), &nacre_type_Report, &report, 400);
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

static const struct nacre_intent intents[] = {{0, 0, NACRE_S("ProcessData"), &nacre_type_MediaResponse},
                                              {1, 0, NACRE_S("SignReport"), &nacre_type_ReportResponse}};
static const struct nacre_route routes[] = {{.method = NACRE_S("POST"),
                                             .path = NACRE_S("/process_data"),
                                             .intent = 0,
                                             .request = &nacre_type_MediaRequest,
                                             .handler = process_data},
                                            {.method = NACRE_S("POST"),
                                             .path = NACRE_S("/sign_report"),
                                             .intent = 1,
                                             .request = &nacre_type_ReportRequest,
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
