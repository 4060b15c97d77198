/* The verdict: one line per check for people, one object for machines. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/json_write.h"

#include "cmd_verify.h"

#define SHOWN_BYTES_MAX NACRE_VERIFY_PUBLIC_KEY_MAX

void nacre_vcmd_add_check(struct nacre_vcmd_verdict *verdict, const char *subject,
                          const nacre_verify_check *check)
{
    verdict->failed += check->passed ? 0 : 1;
    if (verdict->rows < NACRE_VCMD_ROWS_MAX) {
        verdict->row[verdict->rows++] = (struct nacre_vcmd_row){.subject = subject, .check = check};
    }
}

void nacre_vcmd_add_report(struct nacre_vcmd_verdict *verdict, const char *subject,
                           const nacre_verify_report *report)
{
    for (size_t i = 0; i < nacre_verify_report_count(report); i++) {
        nacre_vcmd_add_check(verdict, subject, nacre_verify_report_check(report, i));
    }
    if (nacre_verify_report_doc(report) != NULL) {
        verdict->doc = nacre_verify_report_doc(report);
        verdict->time_ms = nacre_verify_report_time_ms(report);
    }
}

/* A passed check usually found what it expected: then that is said once. */
static void print_row(FILE *to, const struct nacre_vcmd_row *row)
{
    const nacre_verify_check *check = row->check;
    bool same = strcmp(check->expected, check->actual) == 0;
    (void)fprintf(to, "%s  %s %-12s %s%s%s%s\n", check->passed ? "ok  " : "FAIL", row->subject, check->name,
                  check->actual, same ? "" : " (expected: ", same ? "" : check->expected, same ? "" : ")");
}

static const char *to_hex(nacre_verify_bytes bytes, char *hex)
{
    if (bytes.data == NULL) {
        return "none";
    }
    if (bytes.size == 0) {
        return "empty";
    }
    return sodium_bin2hex(hex, (size_t)2 * SHOWN_BYTES_MAX + 1, bytes.data, bytes.size);
}

static bool all_zero(nacre_verify_bytes bytes)
{
    return sodium_is_zero(bytes.data, bytes.size) == 1;
}

/* The key of HTTPS, and how curl is told to take no other. */
static void print_tls(FILE *to, const nacre_verify_doc *doc, const char *url)
{
    char hex[(size_t)2 * SHOWN_BYTES_MAX + 1];
    char pin[NACRE_VCMD_PIN_SIZE];
    nacre_verify_bytes key = nacre_verify_doc_tls_key(doc);
    if (key.data == NULL) {
        return;
    }
    nacre_vcmd_pin(pin, key.data);
    (void)fprintf(to, "tls_key     %s\n", to_hex(key, hex));
    (void)fprintf(to, "curl        curl --insecure --pinnedpubkey '%s' %s\n", pin,
                  url != NULL ? url : "https://...");
}

static void print_doc(FILE *to, const nacre_verify_doc *doc, const char *url)
{
    char hex[(size_t)2 * SHOWN_BYTES_MAX + 1];
    (void)fprintf(to, "\nmodule_id   %s\n", nacre_verify_doc_module_id(doc));
    (void)fprintf(to, "timestamp   %llu ms\n", (unsigned long long)nacre_verify_doc_timestamp_ms(doc));
    (void)fprintf(to, "public_key  %s\n", to_hex(nacre_verify_doc_public_key(doc), hex));
    (void)fprintf(to, "user_data   %s\n", to_hex(nacre_verify_doc_user_data(doc), hex));
    (void)fprintf(to, "nonce       %s\n", to_hex(nacre_verify_doc_nonce(doc), hex));
    print_tls(to, doc, url);
    for (unsigned i = 0; i < NACRE_VERIFY_PCR_COUNT_MAX; i++) {
        nacre_verify_bytes pcr = nacre_verify_doc_pcr(doc, i);
        if (pcr.data != NULL && !all_zero(pcr)) {
            (void)fprintf(to, "PCR%-8u %s\n", i, to_hex(pcr, hex));
        }
    }
}

/* The server's words: on one line, and without anything a terminal might obey. */
static void print_endpoints(FILE *to, const struct nacre_vcmd_verdict *verdict)
{
    (void)fputs("endpoints   ", to);
    for (size_t i = 0; i < verdict->endpoints_size; i++) {
        char c = verdict->endpoints[i];
        (void)fputc(c >= ' ' && c <= '~' ? c : '?', to);
    }
    (void)fputc('\n', to);
}

void nacre_vcmd_print_text(FILE *to, const struct nacre_vcmd_verdict *verdict)
{
    for (size_t i = 0; i < verdict->rows; i++) {
        print_row(to, &verdict->row[i]);
    }
    if (verdict->failed == 0 && verdict->doc != NULL) {
        print_doc(to, verdict->doc, verdict->url);
    }
    if (verdict->endpoints != NULL) {
        print_endpoints(to, verdict);
    }
    if (verdict->note != NULL) {
        (void)fprintf(to, "\nnote: %s\n", verdict->note);
    }
    if (verdict->failed > 0) {
        (void)fprintf(to, "\nREFUSED: %zu of %zu checks failed\n", verdict->failed, verdict->rows);
    } else {
        (void)fprintf(to, "\nverified: %zu checks passed%s\n", verdict->rows,
                      verdict->signature_only ? " (signature only: nothing is said about which code runs)"
                                              : "");
    }
}

static void put_text(struct nacre_json_out *out, const char *text)
{
    nacre_json_string(out, text, strlen(text));
}

static void put_member(struct nacre_json_out *out, const char *key, const char *text)
{
    nacre_json_lit(out, ",\"");
    nacre_json_lit(out, key);
    nacre_json_lit(out, "\":");
    put_text(out, text);
}

static void put_bytes(struct nacre_json_out *out, const char *key, nacre_verify_bytes bytes)
{
    nacre_json_lit(out, ",\"");
    nacre_json_lit(out, key);
    nacre_json_lit(out, bytes.data != NULL ? "\":\"" : "\":null");
    if (bytes.data != NULL) {
        nacre_json_hex(out, bytes.data, bytes.size);
        nacre_json_lit(out, "\"");
    }
}

static void put_row(struct nacre_json_out *out, const struct nacre_vcmd_row *row)
{
    nacre_json_lit(out, "{\"subject\":");
    put_text(out, row->subject);
    put_member(out, "name", row->check->name);
    nacre_json_lit(out, row->check->passed ? ",\"passed\":true" : ",\"passed\":false");
    put_member(out, "expected", row->check->expected);
    put_member(out, "actual", row->check->actual);
    nacre_json_lit(out, "}");
}

static void put_doc(struct nacre_json_out *out, const nacre_verify_doc *doc)
{
    bool first = true;
    nacre_json_lit(out, "{\"module_id\":");
    put_text(out, nacre_verify_doc_module_id(doc));
    nacre_json_lit(out, ",\"timestamp_ms\":");
    nacre_json_u64(out, nacre_verify_doc_timestamp_ms(doc));
    nacre_json_lit(out, ",\"pcrs\":{");
    for (unsigned i = 0; i < NACRE_VERIFY_PCR_COUNT_MAX; i++) {
        nacre_verify_bytes pcr = nacre_verify_doc_pcr(doc, i);
        if (pcr.data == NULL) {
            continue;
        }
        nacre_json_lit(out, first ? "\"" : ",\"");
        nacre_json_u64(out, i);
        nacre_json_lit(out, "\":\"");
        nacre_json_hex(out, pcr.data, pcr.size);
        nacre_json_lit(out, "\"");
        first = false;
    }
    nacre_json_lit(out, "}");
    put_bytes(out, "public_key", nacre_verify_doc_public_key(doc));
    put_bytes(out, "user_data", nacre_verify_doc_user_data(doc));
    put_bytes(out, "nonce", nacre_verify_doc_nonce(doc));
    put_bytes(out, "tls_key", nacre_verify_doc_tls_key(doc));
    nacre_json_lit(out, "}");
}

static bool write_out(struct nacre_json_out *out)
{
    bool good =
        !out->failed && fwrite(out->base, 1, out->len, stdout) == out->len && fputc('\n', stdout) != EOF;
    free(out->base);
    return good;
}

static bool print_json(const struct nacre_vcmd_verdict *verdict)
{
    struct nacre_json_out out = {0};
    nacre_json_lit(&out, verdict->failed == 0 ? "{\"verified\":true" : "{\"verified\":false");
    nacre_json_lit(&out, verdict->signature_only ? ",\"signature_only\":true" : ",\"signature_only\":false");
    nacre_json_lit(&out, ",\"checks\":[");
    for (size_t i = 0; i < verdict->rows; i++) {
        nacre_json_lit(&out, i == 0 ? "" : ",");
        put_row(&out, &verdict->row[i]);
    }
    nacre_json_lit(&out, "],\"document\":");
    if (verdict->failed == 0 && verdict->doc != NULL) {
        put_doc(&out, verdict->doc);
        nacre_json_lit(&out, ",\"verified_at_ms\":");
        nacre_json_u64(&out, verdict->time_ms);
    } else {
        nacre_json_lit(&out, "null");
    }
    if (verdict->endpoints != NULL) {
        nacre_json_lit(&out, ",\"endpoints_status\":");
        nacre_json_raw(&out, verdict->endpoints, verdict->endpoints_size);
    }
    if (verdict->answer != NULL) {
        nacre_json_lit(&out, ",\"answer\":");
        nacre_json_raw(&out, verdict->answer, verdict->answer_size);
    }
    if (verdict->types_from != NULL) {
        put_member(&out, "types_from", verdict->types_from);
    }
    if (verdict->note != NULL) {
        put_member(&out, "note", verdict->note);
    }
    nacre_json_lit(&out, "}");
    return write_out(&out);
}

int nacre_vcmd_print(const struct nacre_vcmd_options *options, const struct nacre_vcmd_verdict *verdict)
{
    bool good = true;
    if (options->json) {
        good = print_json(verdict);
    } else {
        nacre_vcmd_print_text(stdout, verdict);
    }
    /* A verdict that nobody could read is none. */
    if (!good || fflush(stdout) != 0 || verdict->rows == 0) {
        (void)fprintf(stderr, "%s: cannot write the verdict\n", options->program);
        return NACRE_UNCHECKED;
    }
    return verdict->failed == 0 ? NACRE_CHECKED : NACRE_REFUSED;
}

int nacre_vcmd_give_up(const struct nacre_vcmd_options *options, const nacre_verify_error *why)
{
    (void)fprintf(stderr, "%s: could not check: %s\n", options->program, why->text);
    if (options->json) {
        struct nacre_json_out out = {0};
        nacre_json_lit(&out, "{\"verified\":null");
        put_member(&out, "error", why->text);
        nacre_json_lit(&out, "}");
        (void)write_out(&out);
    }
    return NACRE_UNCHECKED;
}
