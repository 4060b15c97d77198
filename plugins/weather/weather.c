/* weather - signs the temperature of a place as weatherapi.com reports it, with the time of that reading. */
#include <nacre/plugin.h>

#define HOUR_MS 3600000u

struct query {
    struct nacre_str location;
};
struct request {
    struct query payload;
};
NACRE_STRUCT(query_type, "Query", struct query, NACRE_FIELD(struct query, location, string));
NACRE_STRUCT(request_type, "Request", struct request,
             NACRE_FIELD_STRUCT(struct request, payload, query_type, struct query));

struct answer {
    struct nacre_str location;
    uint64_t temperature;
};
NACRE_STRUCT(answer_type, "WeatherResponse", struct answer, NACRE_FIELD(struct answer, location, string),
             NACRE_FIELD(struct answer, temperature, u64));

/* What is read of the service's reply: {"location":{"name"},"current":{"temp_c","last_updated_epoch"}} */
struct place {
    struct nacre_str name;
};
struct reading {
    double temp_c;
    uint64_t last_updated_epoch;
};
struct report {
    struct place location;
    struct reading current;
};
NACRE_STRUCT(place_type, "Place", struct place, NACRE_FIELD(struct place, name, string));
NACRE_STRUCT(reading_type, "Reading", struct reading, NACRE_FIELD(struct reading, temp_c, f64),
             NACRE_FIELD(struct reading, last_updated_epoch, u64));
NACRE_STRUCT(report_type, "Report", struct report,
             NACRE_FIELD_STRUCT(struct report, location, place_type, struct place),
             NACRE_FIELD_STRUCT(struct report, current, reading_type, struct reading));

/* Of its refusals: {"error":{"code"}} */
struct error {
    uint64_t code;
};
struct refusal {
    struct error error;
};
NACRE_STRUCT(error_type, "Error", struct error, NACRE_FIELD(struct error, code, u64));
NACRE_STRUCT(refusal_type, "Refusal", struct refusal,
             NACRE_FIELD_STRUCT(struct refusal, error, error_type, struct error));

static int32_t refused(const struct nacre_call *call, const struct nacre_reply *reply)
{
    struct refusal r;
    if (reply->status == 401 || reply->status == 403)
        return nacre_fail(call, 502, "the weather service refuses the API key (status %u)", reply->status);
    /* 1006 is the only code that is about the client's request: the place is unknown */
    if (reply->status == 400 && !nacre_decode_json(call, reply->body, &refusal_type, &r, 502) &&
        r.error.code == 1006)
        return nacre_fail(call, 400, "No matching location found.");
    return nacre_fail(call, 502, "the weather service answered with status %u", reply->status);
}

static int32_t process_data(const struct nacre_call *call, const void *request, void *response)
{
    const struct request *in = request;
    struct answer *out = response;
    struct nacre_str key, place = nacre_url_encode(call, in->payload.location);
    struct nacre_fetch get;
    struct nacre_reply reply;
    struct report report;
    uint64_t now;
    int32_t err;
    if (!in->payload.location.len)
        return nacre_fail(call, 400, "payload.location: expected a place, got empty text");
    if ((err = nacre_secret(call, "API_KEY", &key)))
        return err;
    nacre_fetch_init(&get, &reply);
    get.url = nacre_format(call, "https://api.weatherapi.com/v1/current.json?key=%.*s&q=%s", (int)key.len,
                           key.ptr, place.ptr ? place.ptr : "");
    if ((err = nacre_fetch(call, &get, &reply)))
        return err;
    if (reply.status != 200)
        return refused(call, &reply);
    if ((err = nacre_decode_json(call, reply.body, &report_type, &report, 502)) ||
        (err = nacre_now_ms(call, &now)))
        return err;
    if (report.current.last_updated_epoch > now / 1000 ||
        now - report.current.last_updated_epoch * 1000 > HOUR_MS)
        return nacre_fail(call, 502, "the weather service's reading is not from the last hour");
    if (report.current.temp_c > 100.0)
        return nacre_fail(call, 502, "the weather service's temperature is out of range");
    out->location = report.location.name;
    /* the contract takes u64: frost is 0, and fractions are cut off */
    out->temperature = report.current.temp_c > 0 ? (uint64_t)report.current.temp_c : 0;
    return nacre_set_timestamp(call, report.current.last_updated_epoch * 1000);
}

static const struct nacre_intent intents[] = {{0, 0, NACRE_S("ProcessData"), &answer_type}};
static const struct nacre_route routes[] = {{NACRE_S("POST"), NACRE_S("/process_data"), 0, NACRE_TIME_APP,
                                             HOUR_MS, 4096, 0, 0, &request_type, process_data}};
static const struct nacre_endpoint endpoints[] = {{NACRE_S("api.weatherapi.com"), 443, 0}};
static const struct nacre_secret secrets[] = {{NACRE_S("API_KEY"), 1, 0}};

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX,
                                          NACRE_S("weather"),
                                          NACRE_S("1.0.0"),
                                          NACRE_TABLE(intents),
                                          NACRE_TABLE(routes),
                                          NACRE_TABLE(endpoints),
                                          NACRE_TABLE(secrets),
                                          NULL,
                                          NULL};
