/* Documents and health checks over HTTP. What comes back is believed only as far as it verifies. */
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <sodium.h>

#include "cmd_verify.h"

#define CONNECT_SECONDS 10L
#define TOTAL_SECONDS   30L

bool nacre_vcmd_is_url(const char *name)
{
    return strncmp(name, "http://", 7) == 0 || strncmp(name, "https://", 8) == 0;
}

static bool set_nonce(CURLU *url, const uint8_t *nonce, size_t size)
{
    char query[sizeof "nonce=" + (size_t)2 * NACRE_VERIFY_NONCE_MAX];
    static const char name[] = "nonce=";
    if (size == 0) {
        return true;
    }
    memcpy(query, name, sizeof name);
    (void)sodium_bin2hex(query + sizeof name - 1, sizeof query - (sizeof name - 1), nonce, size);
    return curl_url_set(url, CURLUPART_QUERY, query, CURLU_APPENDQUERY) == CURLUE_OK;
}

/* The API may live below a path of a proxy: `always` puts `path` behind what is there. */
static bool set_path(CURLU *url, const char *path, bool always)
{
    char *has = NULL;
    char joined[1024];
    bool good = curl_url_get(url, CURLUPART_PATH, &has, 0) == CURLUE_OK;
    if (good) {
        size_t length = strlen(has);
        while (length > 0 && has[length - 1] == '/') {
            length--;
        }
        if (length == 0 || always) {
            int n =
                snprintf(joined, sizeof joined, "%.*s%s", (int)(length < 1000 ? length : 1000), has, path);
            good = n > 0 && (size_t)n < sizeof joined && length < 1000 &&
                   curl_url_set(url, CURLUPART_PATH, joined, 0) == CURLUE_OK;
        }
    }
    curl_free(has);
    return good;
}

char *nacre_vcmd_url(const char *base, const char *path, bool always, const uint8_t *nonce, size_t nonce_size)
{
    CURLU *url = curl_url();
    char *made = NULL;
    char *copy = NULL;
    if (url != NULL && curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
        set_path(url, path, always) && set_nonce(url, nonce, nonce_size) &&
        curl_url_get(url, CURLUPART_URL, &made, 0) == CURLUE_OK) {
        copy = strdup(made);
    }
    curl_free(made);
    curl_url_cleanup(url);
    return copy;
}

static size_t receive(char *data, size_t one, size_t count, void *context)
{
    struct nacre_vcmd_buffer *buffer = context;
    size_t size = one * count;
    if (size > NACRE_VCMD_INPUT_MAX - buffer->size) {
        return 0;
    }
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    return size;
}

static bool set_up(CURL *curl, const char *url, struct nacre_vcmd_buffer *buffer, char *reason)
{
    return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT, TOTAL_SECONDS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "nacre/" NACRE_VERSION) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, buffer) == CURLE_OK;
}

static int perform(CURL *curl, const char *url, struct nacre_vcmd_buffer *buffer, nacre_verify_error *why)
{
    char reason[CURL_ERROR_SIZE] = "";
    long status = 0;
    if (!set_up(curl, url, buffer, reason)) {
        return nacre_vcmd_unchecked(why, "cannot set up a request for %s", url);
    }
    CURLcode code = curl_easy_perform(curl);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    if (code != CURLE_OK) {
        return nacre_vcmd_unchecked(why, "cannot fetch %s: %s", url,
                                    reason[0] != '\0' ? reason : curl_easy_strerror(code));
    }
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        return nacre_vcmd_unchecked(why, "%s answers with status %ld, expected 200", url, status);
    }
    return NACRE_CHECKED;
}

int nacre_vcmd_fetch(const char *url, struct nacre_vcmd_buffer *buffer, nacre_verify_error *why)
{
    struct nacre_vcmd_buffer made = {.data = malloc(NACRE_VCMD_INPUT_MAX + 1)};
    CURL *curl = curl_easy_init();
    int r = NACRE_UNCHECKED;
    if (made.data == NULL || curl == NULL) {
        (void)nacre_vcmd_unchecked(why, "out of memory");
    } else {
        r = perform(curl, url, &made, why);
    }
    curl_easy_cleanup(curl);
    if (r != NACRE_CHECKED) {
        nacre_vcmd_buffer_free(&made);
        return r;
    }
    made.data[made.size] = '\0';
    *buffer = made;
    return NACRE_CHECKED;
}
