/* Documents and health checks over HTTP. What comes back is believed only as far as it verifies. */
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "cmd_verify.h"

bool nacre_vcmd_is_url(const char *name)
{
    return strncmp(name, "http://", 7) == 0 || strncmp(name, "https://", 8) == 0;
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

char *nacre_vcmd_url(const char *base, const char *path, bool always, const char *query)
{
    CURLU *url = curl_url();
    char *made = NULL;
    char *copy = NULL;
    if (url != NULL && curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
        set_path(url, path, always) &&
        (query == NULL || curl_url_set(url, CURLUPART_QUERY, query, CURLU_APPENDQUERY) == CURLUE_OK) &&
        curl_url_get(url, CURLUPART_URL, &made, 0) == CURLUE_OK) {
        copy = strdup(made);
    }
    curl_free(made);
    curl_url_cleanup(url);
    return copy;
}

int nacre_vcmd_fetch(const char *url, struct nacre_vcmd_buffer *buffer, nacre_verify_error *why)
{
    const struct nacre_vcmd_request request = {.url = url, .max = NACRE_VCMD_INPUT_MAX};
    struct nacre_vcmd_buffer answer = {0};
    long status = 0;
    int r = nacre_vcmd_http(&request, &answer, &status, why);
    if (r == NACRE_CHECKED && status != 200) {
        nacre_vcmd_buffer_free(&answer);
        return nacre_vcmd_unchecked(why, "%s answers with status %ld, expected 200", url, status);
    }
    if (r == NACRE_CHECKED) {
        *buffer = answer;
    }
    return r;
}
