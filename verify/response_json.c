/* An answer from its JSON: taken apart, brought into BCS, verified. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "response.h"
#include "response_encode.h"
#include "response_number.h"
#include "text.h"

#define KEY_SIZE       32u
#define SIGNATURE_SIZE 64u

enum part { PART_INTENT, PART_TIMESTAMP, PART_DATA, PARTS };

struct envelope {
    struct nacre_json json;
    struct nacre_json part[PARTS]; /* begin NULL: not there; else before the value */
    const char *data_end;
    bool has_response;
    bool has_signature;
    uint8_t signature[SIGNATURE_SIZE];
    uint8_t intent;
    uint64_t timestamp_ms;
    const char *why;
};

static bool refuse(struct envelope *e, const char *why)
{
    if (e->why == NULL) {
        e->why = e->json.why != NULL ? e->json.why : why;
    }
    return false;
}

static bool read_signature(struct envelope *e)
{
    if (e->has_signature) {
        return refuse(e, "\"signature\" comes twice");
    }
    e->has_signature = true;
    return (nacre_json_next(&e->json) == NACRE_JSON_STRING && e->json.text_len == 2 * SIGNATURE_SIZE &&
            nacre_vfy_unhex(e->json.text, SIGNATURE_SIZE, e->signature)) ||
           refuse(e, "\"signature\" is not 64 bytes in hex");
}

static bool read_part(struct envelope *e)
{
    static const char *const names[PARTS] = {"intent", "timestamp_ms", "data"};
    unsigned i = 0;
    while (i < PARTS && !nacre_json_key_is(&e->json, names[i], strlen(names[i]))) {
        i++;
    }
    /* Who reads the answer would take it for signed. */
    if (i == PARTS) {
        return refuse(e, "\"response\" has a key that is not signed");
    }
    if (e->part[i].begin != NULL) {
        return refuse(e, "a key of \"response\" comes twice");
    }
    e->part[i] = e->json;
    if (nacre_json_skip(&e->json, nacre_json_next(&e->json)) != 0) {
        return refuse(e, "bad JSON");
    }
    if (i == PART_DATA) {
        e->data_end = e->json.at;
    }
    return true;
}

static bool read_response(struct envelope *e)
{
    enum nacre_json_token token = NACRE_JSON_ERROR;
    if (e->has_response) {
        return refuse(e, "\"response\" comes twice");
    }
    e->has_response = true;
    if (nacre_json_next(&e->json) != NACRE_JSON_OBJECT) {
        return refuse(e, "\"response\" is no object");
    }
    while ((token = nacre_json_next(&e->json)) == NACRE_JSON_KEY) {
        if (!read_part(e)) {
            return false;
        }
    }
    return token == NACRE_JSON_OBJECT_END || refuse(e, "bad JSON");
}

static bool read_member(struct envelope *e)
{
    if (nacre_json_key_is(&e->json, "response", strlen("response"))) {
        return read_response(e);
    }
    if (nacre_json_key_is(&e->json, "signature", strlen("signature"))) {
        return read_signature(e);
    }
    return nacre_json_skip(&e->json, nacre_json_next(&e->json)) == 0 || refuse(e, "bad JSON");
}

static bool read_number(struct envelope *e, enum part part, uint64_t max, uint64_t *value)
{
    struct nacre_json json = e->part[part];
    return json.begin != NULL && nacre_json_next(&json) == NACRE_JSON_NUMBER &&
           nacre_vfy_decimal_u64(json.text, json.text_len, value) && *value <= max;
}

static bool read_envelope(struct envelope *e, const nacre_verify_answer *answer)
{
    enum nacre_json_token token = NACRE_JSON_ERROR;
    uint64_t intent = 0;
    nacre_json_init(&e->json, answer->json, answer->json_size);
    if (nacre_json_next(&e->json) != NACRE_JSON_OBJECT) {
        return refuse(e, "no JSON object");
    }
    while ((token = nacre_json_next(&e->json)) == NACRE_JSON_KEY) {
        if (!read_member(e)) {
            return false;
        }
    }
    if (token != NACRE_JSON_OBJECT_END || nacre_json_next(&e->json) != NACRE_JSON_END) {
        return refuse(e, "bad JSON");
    }
    if (!e->has_response || !e->has_signature) {
        return refuse(e, e->has_response ? "no \"signature\"" : "no \"response\"");
    }
    if (!read_number(e, PART_INTENT, UINT8_MAX, &intent)) {
        return refuse(e, "\"intent\" is not an integer from 0 to 255");
    }
    if (!read_number(e, PART_TIMESTAMP, UINT64_MAX, &e->timestamp_ms)) {
        return refuse(e, "\"timestamp_ms\" is not a u64");
    }
    if (e->part[PART_DATA].begin == NULL) {
        return refuse(e, "no \"data\"");
    }
    e->intent = (uint8_t)intent;
    return true;
}

static bool check_intent(const nacre_verify_answer *answer, const struct envelope *e,
                         struct nacre_verify_report *report)
{
    char expected[128] = "an intent that the types declare";
    const struct nacre_vfy_intent *intent = &answer->types->intent[e->intent];
    if (answer->intent_name != NULL) {
        (void)snprintf(expected, sizeof expected, "%.100s", answer->intent_name);
    }
    bool good =
        intent->declared && (answer->intent_name == NULL || strcmp(intent->name, answer->intent_name) == 0);
    return nacre_vfy_check(report, "intent", good, expected, "%u (%s)", e->intent,
                           intent->declared ? intent->name : "not declared");
}

static const char *type_name(const nacre_verify_types *types, uint32_t index)
{
    const struct nacre_type_decl *type = &types->table.types[index];
    return type->name != NULL ? type->name : nacre_kind_name(type->kind);
}

/* Copies what the checks and the caller need: the report outlives the answer's text. */
static bool keep(struct nacre_vfy_content *content, const nacre_verify_answer *answer,
                 const struct envelope *e, const struct nacre_vfy_bcs *bcs)
{
    /* From the value's first byte on: the reader stands before white space. */
    const char *begin = e->part[PART_DATA].at;
    begin += strspn(begin, " \t\r\n");
    content->data_size = (size_t)(e->data_end - begin);
    content->data = malloc(content->data_size + 1);
    if (content->data == NULL) {
        return false;
    }
    memcpy(content->data, begin, content->data_size);
    content->data[content->data_size] = '\0';
    content->bcs = bcs->base;
    memcpy(content->signature, e->signature, sizeof content->signature);
    if (answer->public_key != NULL && answer->public_key_size == KEY_SIZE) {
        memcpy(content->key, answer->public_key, KEY_SIZE);
    }
    content->signed_ = (nacre_verify_signed){
        .struct_size = sizeof content->signed_,
        .public_key = answer->public_key != NULL ? content->key : NULL,
        .public_key_size = answer->public_key_size,
        .signature = content->signature,
        .signature_size = SIGNATURE_SIZE,
        .bcs = content->bcs,
        .bcs_size = bcs->size,
        .timestamp_ms = e->timestamp_ms,
        .now_ms = answer->now_ms,
        .max_age_ms = answer->max_age_ms,
        .intent = e->intent,
    };
    return true;
}

/* False when memory is out. */
static bool check_data(const nacre_verify_answer *answer, const struct envelope *e,
                       struct nacre_verify_report *report)
{
    struct nacre_vfy_bcs bcs = {0};
    struct nacre_json json = e->part[PART_DATA];
    uint32_t type = answer->types->intent[e->intent].type;
    const char *name = type_name(answer->types, type);
    bool good = nacre_vfy_encode(answer->types, type, &json, &bcs);
    if (bcs.out_of_memory) {
        free(bcs.base);
        return false;
    }
    if (!good) {
        free(bcs.base);
        (void)nacre_vfy_check(report, "type", false, name, "%s", bcs.why);
        return true;
    }
    (void)nacre_vfy_check(report, "type", true, name, "%s", name);
    report->content = calloc(1, sizeof *report->content);
    if (report->content == NULL || !keep(report->content, answer, e, &bcs)) {
        if (report->content == NULL || report->content->bcs == NULL) {
            free(bcs.base);
        }
        return false;
    }
    return nacre_vfy_check_response(&report->content->signed_, report);
}

int nacre_verify_answer_json(const nacre_verify_answer *answer, nacre_verify_report **report,
                             nacre_verify_error *error)
{
    struct envelope e = {.why = NULL};
    if (answer == NULL || answer->struct_size < sizeof *answer || answer->json == NULL ||
        answer->json_size > NACRE_VERIFY_ANSWER_MAX || answer->types == NULL) {
        return nacre_vfy_fail(
            error, NACRE_VERIFY_E_ARGUMENT,
            "no answer, one of more than %u bytes, no types, or a struct_size below %zu bytes",
            NACRE_VERIFY_ANSWER_MAX, sizeof *answer);
    }
    struct nacre_verify_report *made = nacre_vfy_report_new();
    bool enough = made != NULL;
    static const char form[] = "{\"response\":{\"intent\",\"timestamp_ms\",\"data\"},\"signature\"}";
    if (enough && !read_envelope(&e, answer)) {
        (void)nacre_vfy_check(made, "encoding", false, form, "%s at byte %zu", e.why,
                              (size_t)(e.json.at - e.json.begin));
    } else if (enough) {
        (void)nacre_vfy_check(made, "encoding", true, form, "%zu bytes of JSON", answer->json_size);
        enough = !check_intent(answer, &e, made) || check_data(answer, &e, made);
    }
    if (!enough) {
        nacre_verify_report_free(made);
        return nacre_vfy_fail(error, NACRE_VERIFY_E_MEMORY, "out of memory");
    }
    return nacre_vfy_conclude(made, report, error);
}
