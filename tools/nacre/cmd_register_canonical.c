/* nacre register --canonical */
#include <stdlib.h>
#include <string.h>

#include <common/json_read.h>

#include "cmd_register.h"
#include "ops/command.h"

#define SUI_MS 120000u /* a transaction is final within seconds; a wallet may ask its owner */

static void fill(struct nacre_ptb *ptb, const struct nacre_canonical *c, const char *enclave)
{
    nacre_ptb_begin(ptb);
    nacre_ptb_add(ptb, "--move-call");
    nacre_ptb_add(ptb, "%s::%s::update_canonical_enclave", c->app_package, c->module);
    nacre_ptb_add(ptb, "@%s", c->canonical);
    nacre_ptb_add(ptb, "@%s", enclave);
    nacre_ptb_add(ptb, "@0x6");
    nacre_ptb_add(ptb, "--gas-budget");
    nacre_ptb_add(ptb, "%s", c->gas);
}

int nacre_canonical_print(const struct nacre_canonical *c, nacre_verify_error *why)
{
    struct nacre_ptb ptb = {0};
    (void)fputs("# then, with the id of the Enclave object that this has made in place of 0xENCLAVE:\n",
                stdout);
    fill(&ptb, c, "0xENCLAVE");
    bool failed = ptb.failed;
    if (!failed) {
        nacre_ptb_print(&ptb, stdout);
    }
    nacre_ptb_free(&ptb);
    return failed ? nacre_vcmd_unchecked(why, "out of memory") : NACRE_CHECKED;
}

static bool keep(const struct nacre_json *j, char *out, size_t room)
{
    if (j->escaped || j->text_len >= room) {
        return false;
    }
    memcpy(out, j->text, j->text_len);
    out[j->text_len] = '\0';
    return true;
}

/* One object of "objectChanges": is it an Enclave that was created? */
static bool is_enclave(struct nacre_json *j, char id[80])
{
    char type[1024] = "", change[32] = "", found[80] = "";
    while (nacre_json_next(j) == NACRE_JSON_KEY) {
        char *out = nacre_json_key_is(j, "type", 4)          ? change
                    : nacre_json_key_is(j, "objectType", 10) ? type
                    : nacre_json_key_is(j, "objectId", 8)    ? found
                                                             : NULL;
        size_t room = out == change ? sizeof change : out == type ? sizeof type : sizeof found;
        enum nacre_json_token token = nacre_json_next(j);
        if (out && token == NACRE_JSON_STRING) {
            if (!keep(j, out, room)) {
                return false;
            }
        } else if (nacre_json_skip(j, token)) {
            return false;
        }
    }
    bool good =
        strcmp(change, "created") == 0 && strstr(type, "::enclave::Enclave<") && nacre_ptb_is_id(found);
    if (good) {
        memcpy(id, found, sizeof found);
    }
    return good;
}

/* The one that was made; false when there is none, or more than one. */
static bool find_enclave(const char *text, size_t len, char id[80])
{
    struct nacre_json j;
    unsigned found = 0;
    nacre_json_init(&j, text, len);
    if (nacre_json_next(&j) != NACRE_JSON_OBJECT) {
        return false;
    }
    enum nacre_json_token token;
    while ((token = nacre_json_next(&j)) == NACRE_JSON_KEY) {
        bool changes = nacre_json_key_is(&j, "objectChanges", 13);
        token = nacre_json_next(&j);
        if (!changes || token != NACRE_JSON_ARRAY) {
            if (nacre_json_skip(&j, token)) {
                return false;
            }
            continue;
        }
        while (nacre_json_next(&j) == NACRE_JSON_OBJECT) {
            found += is_enclave(&j, id) ? 1 : 0;
        }
    }
    return found == 1 && token == NACRE_JSON_OBJECT_END && nacre_json_next(&j) == NACRE_JSON_END;
}

/* sui may say a word before its JSON. */
static const char *begin_of_json(const char *text)
{
    const char *at = text[0] == '{' ? text : strstr(text, "\n{");
    return at != NULL ? at + (*at == '\n') : text + strlen(text);
}

int nacre_canonical_run(const struct nacre_canonical *c, struct nacre_ptb *registration,
                        nacre_verify_error *why)
{
    struct nacre_ops_output *output = malloc(sizeof *output);
    struct nacre_ptb ptb = {0};
    char id[80] = "", reason[256] = "";
    int r = NACRE_CHECKED;
    nacre_ptb_add(registration, "--json");
    if (output == NULL || registration->failed) {
        free(output);
        return nacre_vcmd_unchecked(why, "out of memory");
    }
    if (nacre_ops_run((const char *const *)registration->word, SUI_MS, output, why->text, sizeof why->text) !=
        0) {
        r = NACRE_UNCHECKED;
    }
    if (r == NACRE_CHECKED) {
        const char *json = begin_of_json(output->out);
        (void)fputs(output->out, stdout);
        if (!find_enclave(json, strlen(json), id)) {
            r = nacre_vcmd_unchecked(
                why, "registered, but what sui printed does not name the one Enclave it made: the "
                     "switch is yours");
        }
    }
    if (r == NACRE_CHECKED) {
        fill(&ptb, c, id);
        if (ptb.failed || nacre_ptb_run(&ptb, reason, sizeof reason) != 0) {
            r = nacre_vcmd_unchecked(why, "registered as %s, but not switched to it: %s", id,
                                     ptb.failed ? "out of memory" : reason);
        }
    }
    nacre_ptb_free(&ptb);
    free(output);
    return r;
}
