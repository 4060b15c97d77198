/* weather - signs the temperature of a place as weatherapi.com reports it, with the time of that reading. */
#include <nacre/plugin.h>

#define HOUR_MS 3600000u

NACRE_RECORD(Query, (string, location));
NACRE_RECORD(Request, (Query, payload));
NACRE_RECORD(WeatherResponse, (string, location), (u64, temperature));

/* What is read of the service's replies. */
NACRE_RECORD(Place, (string, name));
NACRE_RECORD(Reading, (f64, temp_c), (u64, last_updated_epoch));
NACRE_RECORD(Report, (Place, location), (Reading, current));
NACRE_RECORD(Error, (u64, code));
NACRE_RECORD(Refusal, (Error, error));

static int32_t refused(const struct nacre_call *call, const struct nacre_reply *reply)
{
    struct Refusal r;
    if (reply->status == 401 || reply->status == 403)
        return nacre_fail(call, 502, "the weather service refuses the API key (status %u)", reply->status);
    /* 1006 is the only code that is about the client's request: the place is unknown */
    if (reply->status == 400 && !nacre_decode_json(call, reply->body, &nacre_type_Refusal, &r, 502) &&
        r.error.code == 1006)
        return nacre_fail(call, 400, "No matching location found.");
    return nacre_fail(call, 502, "the weather service answered with status %u", reply->status);
}

static int32_t process_data(const struct nacre_call *call, const void *request, void *response)
{
    const struct Request *in = request;
    struct WeatherResponse *out = response;
    struct nacre_str key, place = nacre_url_encode(call, in->payload.location);
    struct nacre_fetch get;
    struct nacre_reply reply;
    struct Report report;
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
    if ((err = nacre_decode_json(call, reply.body, &nacre_type_Report, &report, 502)) ||
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

static const struct nacre_intent intents[] = {{0, 0, NACRE_S("ProcessData"), &nacre_type_WeatherResponse}};
static const struct nacre_route routes[] = {{NACRE_S("POST"), NACRE_S("/process_data"), 0, NACRE_TIME_APP,
                                             HOUR_MS, 4096, 0, 0, &nacre_type_Request, process_data}};
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
