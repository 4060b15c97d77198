#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

struct nacre_verify_report *nacre_vfy_report_new(void)
{
    return calloc(1, sizeof(struct nacre_verify_report));
}

/* Names inside certificates are the peer's words, and reports end up on terminals. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}

static void add(struct nacre_verify_report *report, const char *name, bool passed, char *expected,
                char *actual)
{
    char *own_name = strdup(name);
    report->failed += passed ? 0 : 1;
    if (own_name == NULL || expected == NULL || actual == NULL || report->count == NACRE_VFY_CHECKS_MAX) {
        report->out_of_memory = true;
        free(own_name);
        free(expected);
        free(actual);
        return;
    }
    make_printable(expected);
    make_printable(actual);
    report->check[report->count++] =
        (nacre_verify_check){.name = own_name, .passed = passed, .expected = expected, .actual = actual};
}

bool nacre_vfy_check(struct nacre_verify_report *report, const char *name, bool passed, const char *expected,
                     const char *actual, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, actual);
    if (vasprintf(&text, actual, args) < 0) {
        text = NULL;
    }
    va_end(args);
    add(report, name, passed, strdup(expected), text);
    return passed;
}

static char *hex_or_none(nacre_verify_bytes bytes)
{
    if (bytes.data == NULL) {
        return strdup("none");
    }
    if (bytes.size == 0) {
        return strdup("empty");
    }
    char *text = malloc(2 * bytes.size + 1);
    if (text != NULL) {
        nacre_vfy_hex(bytes.data, bytes.size, text);
    }
    return text;
}

bool nacre_vfy_check_bytes(struct nacre_verify_report *report, const char *name, nacre_verify_bytes expected,
                           nacre_verify_bytes found)
{
    bool same = found.data != NULL && found.size == expected.size &&
                (found.size == 0 || memcmp(found.data, expected.data, found.size) == 0);
    add(report, name, same, hex_or_none(expected), hex_or_none(found));
    return same;
}

int nacre_vfy_conclude(struct nacre_verify_report *report, nacre_verify_report **out,
                       nacre_verify_error *error)
{
    if (report->out_of_memory) {
        nacre_verify_report_free(report);
        return nacre_vfy_fail(error, NACRE_VERIFY_E_MEMORY, "out of memory");
    }
    int verdict = nacre_verify_report_verified(report) ? NACRE_VERIFY_OK : NACRE_VERIFY_REFUSED;
    if (verdict != NACRE_VERIFY_OK) {
        /* What did not verify is not handed out. */
        nacre_verify_doc_free(report->doc);
        report->doc = NULL;
        nacre_vfy_content_free(report->content);
        report->content = NULL;
        for (size_t i = 0; i < report->count; i++) {
            const nacre_verify_check *check = &report->check[i];
            if (!check->passed) {
                (void)nacre_vfy_fail(error, verdict, "%s: expected %s, found %s", check->name,
                                     check->expected, check->actual);
                break;
            }
        }
    }
    if (out != NULL) {
        *out = report;
    } else {
        nacre_verify_report_free(report);
    }
    return verdict;
}

int nacre_verify_report_verified(const nacre_verify_report *report)
{
    return report->count > 0 && report->failed == 0 && !report->out_of_memory;
}

size_t nacre_verify_report_count(const nacre_verify_report *report)
{
    return report->count;
}

const nacre_verify_check *nacre_verify_report_check(const nacre_verify_report *report, size_t index)
{
    return index < report->count ? &report->check[index] : NULL;
}

const nacre_verify_doc *nacre_verify_report_doc(const nacre_verify_report *report)
{
    return report->doc;
}

nacre_verify_bytes nacre_verify_report_data(const nacre_verify_report *report)
{
    nacre_verify_bytes data = {0};
    if (report->content != NULL) {
        data.data = (const uint8_t *)report->content->data;
        data.size = report->content->data_size;
    }
    return data;
}

const nacre_verify_signed *nacre_verify_report_signed(const nacre_verify_report *report)
{
    return report->content != NULL ? &report->content->signed_ : NULL;
}

void nacre_vfy_content_free(struct nacre_vfy_content *content)
{
    if (content != NULL) {
        free(content->data);
        free(content->bcs);
        free(content);
    }
}

uint64_t nacre_verify_report_time_ms(const nacre_verify_report *report)
{
    return report->time_ms;
}

void nacre_verify_report_free(nacre_verify_report *report)
{
    if (report == NULL) {
        return;
    }
    for (size_t i = 0; i < report->count; i++) {
        free((void *)(uintptr_t)report->check[i].name);
        free((void *)(uintptr_t)report->check[i].expected);
        free((void *)(uintptr_t)report->check[i].actual);
    }
    nacre_verify_doc_free(report->doc);
    nacre_vfy_content_free(report->content);
    free(report);
}
