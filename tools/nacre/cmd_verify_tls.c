/* Which key HTTPS is under: the one that the document names, or none that we would know. */
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <sodium.h>

#include "cmd_verify.h"

/* A command talks to one enclave. */
static struct {
    char origin[300];
    char pin[NACRE_VCMD_PIN_SIZE];
} known;

/* "HOST:PORT" of an https URL. */
static bool origin_of(const char *text, char *out, size_t room)
{
    CURLU *url = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    int n = -1;
    if (url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && strcmp(scheme, "https") == 0 &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
        n = snprintf(out, room, "%s:%s", host, port);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
    return n > 0 && (size_t)n < room;
}

void nacre_vcmd_pin(char pin[NACRE_VCMD_PIN_SIZE], const uint8_t key[NACRE_VERIFY_TLS_KEY_SIZE])
{
    char base64[sodium_base64_ENCODED_LEN(NACRE_VERIFY_TLS_KEY_SIZE, sodium_base64_VARIANT_ORIGINAL)];
    (void)snprintf(pin, NACRE_VCMD_PIN_SIZE, "sha256//%s",
                   sodium_bin2base64(base64, sizeof base64, key, NACRE_VERIFY_TLS_KEY_SIZE,
                                     sodium_base64_VARIANT_ORIGINAL));
}

const char *nacre_vcmd_pin_of(const char *url)
{
    char origin[sizeof known.origin];
    bool is_known = known.pin[0] != '\0' && origin_of(url, origin, sizeof origin) &&
                    strcasecmp(origin, known.origin) == 0;
    return is_known ? known.pin : NULL;
}

/* What it names, before it is verified: only to know which rule it is judged by. */
static bool names_a_key(const struct nacre_vcmd_buffer *buffer)
{
    struct nacre_vcmd_buffer copy = {.data = malloc(buffer->size + 1), .size = buffer->size};
    nacre_verify_doc *doc = NULL;
    bool names = false;
    if (copy.data == NULL) {
        return true; /* the stricter rule */
    }
    memcpy(copy.data, buffer->data, buffer->size + 1);
    if (nacre_vcmd_decode(&copy, NULL) == NACRE_CHECKED &&
        nacre_verify_doc_parse(copy.data, copy.size, &doc, NULL) == NACRE_VERIFY_OK) {
        names = nacre_verify_doc_tls_key(doc).data != NULL;
    }
    nacre_verify_doc_free(doc);
    nacre_vcmd_buffer_free(&copy);
    return names;
}

/*
 * Under a certificate that the system trusts, for a document that named no key. If it names one now, whoever answers has
 * hidden it the first time, and this connection ends with him.
 */
static int fetch_by_authority(const char *url, struct nacre_vcmd_buffer *buffer, nacre_verify_error *why)
{
    struct nacre_vcmd_buffer answer = {0};
    int r = nacre_vcmd_fetch(url, &answer, why);
    if (r == NACRE_CHECKED && names_a_key(&answer)) {
        nacre_vcmd_buffer_free(&answer);
        return nacre_vcmd_unchecked(
            why, "%.300s: the document names a TLS key, and did not when it was asked for before", url);
    }
    if (r == NACRE_CHECKED) {
        *buffer = answer;
    }
    return r;
}

int nacre_vcmd_fetch_document(const struct nacre_vcmd_options *options, const char *url,
                              struct nacre_vcmd_buffer *buffer, nacre_verify_error *why)
{
    uint8_t key[NACRE_VERIFY_TLS_KEY_SIZE];
    char origin[sizeof known.origin];
    struct nacre_vcmd_buffer answer = {0};
    const struct nacre_vcmd_request request = {.url = url, .max = NACRE_VCMD_INPUT_MAX, .tls_key = key};
    long status = 0;
    if (strncmp(url, "https:", 6) != 0 || nacre_vcmd_pin_of(url) != NULL) {
        return nacre_vcmd_fetch(url, buffer, why);
    }
    if (!origin_of(url, origin, sizeof origin)) {
        return nacre_vcmd_unchecked(why, "%.300s is no URL of a host and a port", url);
    }
    int r = nacre_vcmd_http(&request, &answer, &status, why);
    if (r == NACRE_CHECKED && status != 200) {
        nacre_vcmd_buffer_free(&answer);
        return nacre_vcmd_unchecked(why, "%s answers with status %ld, expected 200", url, status);
    }
    if (r == NACRE_CHECKED && !names_a_key(&answer)) {
        nacre_vcmd_buffer_free(&answer);
        return fetch_by_authority(url, buffer, why);
    }
    if (r == NACRE_CHECKED &&
        nacre_verify_policy_expect_tls_key(options->policy, key, sizeof key, why) != NACRE_VERIFY_OK) {
        nacre_vcmd_buffer_free(&answer);
        r = NACRE_UNCHECKED;
    }
    if (r == NACRE_CHECKED) {
        (void)snprintf(known.origin, sizeof known.origin, "%s", origin);
        nacre_vcmd_pin(known.pin, key);
        *buffer = answer;
    }
    return r;
}
