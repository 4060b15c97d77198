/* faults.c - what a KMS in a bad state, or somebody in its place, might answer. */
#include "stub.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void stub_fault(const struct stub *s, char out[32])
{
    char *text = s->fault_file ? stub_read(s->fault_file, NULL) : NULL;
    char *space = text ? strchr(text, ' ') : NULL;
    unsigned long count = space ? strtoul(space + 1, NULL, 10) : 0;
    bool due = count > 0 && snprintf(out, 32, "%.*s", (int)(space - text), text) < 32;
    free(text);
    if (!due) {
        out[0] = '\0';
        return;
    }
    FILE *f = fopen(s->fault_file, "we");
    if (f) {
        (void)fprintf(f, "%s %lu\n", out, count - 1);
        (void)fclose(f);
    }
}

static void fill(struct stub_answer *a, size_t len, bool printable)
{
    a->status = 200;
    if (!nacre_json_reserve(&a->json, len))
        return;
    randombytes_buf(a->json.base, len);
    for (size_t i = 0; printable && i < len; i++)
        a->json.base[i] = 'A';
    a->json.len = len;
}

bool stub_misbehave(const char *fault, struct stub_answer *a)
{
    static const struct {
        const char *fault;
        unsigned status;
        const char *error;
    } errors[] = {{"throttle", 400, "ThrottlingException"},
                  {"internal", 500, "KMSInternalException"},
                  {"expired", 400, "ExpiredTokenException"},
                  {"denied", 400, "AccessDeniedException"}};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (strcmp(fault, errors[i].fault) == 0) {
            (void)stub_refuse(a, errors[i].status, errors[i].error, "as the fault file says");
            return true;
        }
    if (strcmp(fault, "garbage") == 0)
        fill(a, 1000, false);
    else if (strcmp(fault, "huge") == 0)
        fill(a, 4u << 20, true);
    else
        return false;
    return true;
}
