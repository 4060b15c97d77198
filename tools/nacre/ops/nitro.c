#include "nitro.h"

#include "netaddr.h"

#include <common/json_read.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Ids go onto a command line and into files: letters, digits and '-' alone, and not an option. */
static bool id_ok(const char *id)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    return n > 0 && id[n] == '\0' && id[0] != '-';
}

static bool take_text(struct nacre_json *j, char *out, size_t room)
{
    if (nacre_json_next(j) != NACRE_JSON_STRING || j->escaped || j->text_len >= room)
        return false;
    memcpy(out, j->text, j->text_len);
    out[j->text_len] = '\0';
    return true;
}

/* {"HashAlgorithm": "Sha384 { ... }", "PCR0": "hex", ...} */
static bool take_measurements(struct nacre_json *j, struct nacre_ops_enclave *e)
{
    enum nacre_json_token token;
    if (nacre_json_next(j) != NACRE_JSON_OBJECT)
        return false;
    while ((token = nacre_json_next(j)) == NACRE_JSON_KEY) {
        uint64_t index;
        bool pcr = j->text_len > 3 && memcmp(j->text, "PCR", 3) == 0 &&
                   nacre_number_parse(&index, j->text + 3, j->text_len - 3, NACRE_OPS_PCRS - 1) == 0;
        if (!pcr) {
            if (nacre_json_skip(j, nacre_json_next(j)))
                return false;
        } else if (!take_text(j, e->pcr[index], NACRE_OPS_PCR_HEX) ||
                   strspn(e->pcr[index], "0123456789abcdef") != NACRE_OPS_PCR_HEX - 1) {
            return false;
        }
    }
    return token == NACRE_JSON_OBJECT_END;
}

static bool take_cid(struct nacre_json *j, struct nacre_ops_enclave *e)
{
    uint64_t number;
    if (nacre_json_next(j) != NACRE_JSON_NUMBER ||
        nacre_number_parse(&number, j->text, j->text_len, UINT32_MAX))
        return false;
    e->cid = (uint32_t)number;
    return true;
}

static bool take_member(struct nacre_json *j, struct nacre_ops_enclave *e)
{
    char flags[64];
    if (nacre_json_key_is(j, "EnclaveID", 9))
        return take_text(j, e->id, sizeof e->id);
    if (nacre_json_key_is(j, "State", 5))
        return take_text(j, e->state, sizeof e->state);
    if (nacre_json_key_is(j, "EnclaveCID", 10))
        return take_cid(j, e);
    if (nacre_json_key_is(j, "Measurements", 12))
        return take_measurements(j, e);
    if (!nacre_json_key_is(j, "Flags", 5))
        return nacre_json_skip(j, nacre_json_next(j)) == 0;
    if (!take_text(j, flags, sizeof flags))
        return false;
    e->debug = strstr(flags, "DEBUG_MODE") != NULL;
    return true;
}

static bool take_object(struct nacre_json *j, struct nacre_ops_enclave *e)
{
    enum nacre_json_token token;
    memset(e, 0, sizeof *e);
    while ((token = nacre_json_next(j)) == NACRE_JSON_KEY)
        if (!take_member(j, e))
            return false;
    return token == NACRE_JSON_OBJECT_END && id_ok(e->id) && e->cid > 0;
}

int nacre_ops_nitro_parse(struct nacre_ops_enclave out[NACRE_OPS_ENCLAVES], const char *text, size_t len,
                          char *why, size_t why_len)
{
    struct nacre_json j;
    size_t n = 0;
    nacre_json_init(&j, text, len);
    enum nacre_json_token token = nacre_json_next(&j);
    bool array = token == NACRE_JSON_ARRAY, good = array || token == NACRE_JSON_OBJECT;
    if (array)
        token = nacre_json_next(&j);
    while (good && token == NACRE_JSON_OBJECT) {
        good = n < NACRE_OPS_ENCLAVES && take_object(&j, &out[n++]);
        token = array && good ? nacre_json_next(&j) : NACRE_JSON_ARRAY_END;
    }
    if (good && token == NACRE_JSON_ARRAY_END && nacre_json_next(&j) == NACRE_JSON_END)
        return (int)n;
    (void)snprintf(
        why, why_len,
        "nitro-cli printed %zu bytes that are not enclaves with EnclaveID and EnclaveCID in JSON, %u at "
        "most (byte %zu)",
        len, NACRE_OPS_ENCLAVES, (size_t)(j.at - j.begin));
    return -EBADMSG;
}

int nacre_ops_nitro_start(struct nacre_ops_nitro *n, const struct nacre_ops_run_wish *wish,
                          struct nacre_ops_enclave *out, char *why, size_t why_len)
{
    static struct nacre_ops_enclave found[NACRE_OPS_ENCLAVES];
    char cpus[16], memory[16], cid[16];
    (void)snprintf(cpus, sizeof cpus, "%u", wish->cpus);
    (void)snprintf(memory, sizeof memory, "%u", wish->memory_mib);
    (void)snprintf(cid, sizeof cid, "%u", wish->cid);
    const char *const argv[] = {n->program,
                                "run-enclave",
                                "--eif-path",
                                wish->eif,
                                "--cpu-count",
                                cpus,
                                "--memory",
                                memory,
                                "--enclave-cid",
                                cid,
                                wish->debug ? "--debug-mode" : NULL,
                                NULL};
    int rc = nacre_ops_run(argv, n->timeout_ms, &n->output, why, why_len);
    if (rc == 0)
        rc = nacre_ops_nitro_parse(found, n->output.out, n->output.out_len, why, why_len);
    if (rc == 1 && found[0].cid == wish->cid) {
        *out = found[0];
        return 0;
    }
    if (rc >= 0)
        (void)snprintf(why, why_len, "nitro-cli run-enclave printed %d enclaves, expected one with CID %u",
                       rc, wish->cid);
    return rc >= 0 ? -EBADMSG : rc;
}

int nacre_ops_nitro_list(struct nacre_ops_nitro *n, struct nacre_ops_enclave out[NACRE_OPS_ENCLAVES],
                         char *why, size_t why_len)
{
    const char *const argv[] = {n->program, "describe-enclaves", NULL};
    int rc = nacre_ops_run(argv, n->timeout_ms, &n->output, why, why_len);
    return rc ? rc : nacre_ops_nitro_parse(out, n->output.out, n->output.out_len, why, why_len);
}

int nacre_ops_nitro_end(struct nacre_ops_nitro *n, const char *id, char *why, size_t why_len)
{
    const char *const argv[] = {n->program, "terminate-enclave", "--enclave-id", id, NULL};
    return nacre_ops_run(argv, n->timeout_ms, &n->output, why, why_len);
}
