#include "nitro_parse.h"

#include "netaddr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <common/json_read.h>

static int take_text(const struct nacre_json *j, char *out, size_t room)
{
    /* Names of states and ids have no escapes; one that has is none. */
    if (j->escaped || j->text_len >= room)
        return -EBADMSG;
    memcpy(out, j->text, j->text_len);
    out[j->text_len] = '\0';
    return 0;
}

/* Ids go onto a command line: letters, digits and '-' alone, and not an option. */
static bool id_ok(const char *id)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    return n > 0 && id[n] == '\0' && id[0] != '-';
}

static int take_member(struct nacre_json *j, struct nacre_hd_described *e)
{
    enum { OTHER, ID, STATE, CID, FLAGS } key = OTHER;
    if (nacre_json_key_is(j, "EnclaveID", 9))
        key = ID;
    else if (nacre_json_key_is(j, "State", 5))
        key = STATE;
    else if (nacre_json_key_is(j, "EnclaveCID", 10))
        key = CID;
    else if (nacre_json_key_is(j, "Flags", 5))
        key = FLAGS;
    enum nacre_json_token token = nacre_json_next(j);
    uint64_t number = 0;
    if (key == CID) {
        if (token != NACRE_JSON_NUMBER || nacre_number_parse(&number, j->text, j->text_len, UINT32_MAX))
            return -EBADMSG;
        e->cid = (uint32_t)number;
        return 0;
    }
    if (key == OTHER)
        return nacre_json_skip(j, token);
    if (token != NACRE_JSON_STRING)
        return -EBADMSG;
    if (key == FLAGS) {
        e->debug = memmem(j->text, j->text_len, "DEBUG_MODE", 10) != NULL;
        return 0;
    }
    return key == ID ? take_text(j, e->id, sizeof e->id) : take_text(j, e->state, sizeof e->state);
}

static int take_object(struct nacre_json *j, struct nacre_hd_described *e)
{
    *e = (struct nacre_hd_described){.json = j->at - 1};
    enum nacre_json_token token;
    while ((token = nacre_json_next(j)) == NACRE_JSON_KEY) {
        int rc = take_member(j, e);
        if (rc)
            return rc;
    }
    if (token != NACRE_JSON_OBJECT_END)
        return -EBADMSG;
    e->json_len = (size_t)(j->at - e->json);
    return id_ok(e->id) && e->cid && e->state[0] ? 0 : -EBADMSG;
}

int nacre_hd_nitro_parse(struct nacre_hd_described out[NACRE_HD_DESCRIBED_MAX], const char *text, size_t len,
                         char *why, size_t why_len)
{
    struct nacre_json j;
    int n = 0;
    nacre_json_init(&j, text, len);
    enum nacre_json_token token = nacre_json_next(&j);
    bool array = token == NACRE_JSON_ARRAY;
    while (array && (token = nacre_json_next(&j)) == NACRE_JSON_OBJECT) {
        if (n == (int)NACRE_HD_DESCRIBED_MAX) {
            (void)snprintf(why, why_len, "more than %u enclaves", NACRE_HD_DESCRIBED_MAX);
            return -EBADMSG;
        }
        if (take_object(&j, &out[n])) {
            (void)snprintf(why, why_len,
                           "entry %d: EnclaveID, EnclaveCID and State expected, at byte %td: %s", n,
                           j.at - j.begin, j.why ? j.why : "missing or ill-typed");
            return -EBADMSG;
        }
        n++;
    }
    if (!array || token != NACRE_JSON_ARRAY_END || nacre_json_next(&j) != NACRE_JSON_END) {
        (void)snprintf(why, why_len, "no JSON array of objects, at byte %td: %s", j.at - j.begin,
                       j.why ? j.why : "unexpected value");
        return -EBADMSG;
    }
    return n;
}
