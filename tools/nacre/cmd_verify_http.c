/* One HTTP exchange. What comes back is believed only as far as it verifies. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/pem.h>
#include <sodium.h>

#include "cmd_verify.h"

#define CONNECT_SECONDS 10L
#define TOTAL_SECONDS   30L

struct exchange {
    const struct nacre_vcmd_request *request;
    CURL *curl;
    struct curl_slist *headers;
    uint8_t *data;
    size_t size;
    size_t room;
    bool too_large;
    bool shown; /* a progress line stands on the terminal */
    time_t begin;
    time_t said;
    char reason[CURL_ERROR_SIZE];
};

static time_t now_s(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static size_t receive(char *data, size_t one, size_t count, void *context)
{
    struct exchange *x = context;
    size_t size = one * count;
    if (size > x->request->max - x->size) {
        x->too_large = true;
        return 0;
    }
    size_t end = x->size + size;
    if (end >= x->room) {
        size_t room = 2 * end + 1;
        uint8_t *more = realloc(x->data, room);
        if (more == NULL) {
            return 0;
        }
        x->data = more;
        x->room = room;
    }
    memcpy(x->data + x->size, data, size);
    x->size = end;
    return size;
}

/* Called by curl about once a second while nothing moves. */
static int show(void *context, curl_off_t total, curl_off_t so_far, curl_off_t up_total, curl_off_t up)
{
    struct exchange *x = context;
    time_t now = now_s();
    (void)total;
    (void)up_total;
    (void)up;
    if (now - x->begin >= 1 && now != x->said) {
        (void)fprintf(stderr, "\r\033[K%s: %lld s, %lld bytes", x->request->progress,
                      (long long)(now - x->begin), (long long)so_far);
        (void)fflush(stderr);
        x->said = now;
        x->shown = true;
    }
    return 0;
}

static bool add_header(struct exchange *x, const char *line)
{
    struct curl_slist *more = curl_slist_append(x->headers, line);
    x->headers = more != NULL ? more : x->headers;
    return more != NULL && curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, x->headers) == CURLE_OK;
}

static bool set_body(struct exchange *x)
{
    if (x->request->async && !add_header(x, "Prefer: respond-async")) {
        return false;
    }
    if (x->request->body == NULL) {
        return true;
    }
    /* No "Expect: 100-continue": servers that do not know it make the client wait. */
    char type[96];
    (void)snprintf(type, sizeof type, "Content-Type: %s",
                   x->request->type != NULL ? x->request->type : "application/json");
    return add_header(x, type) && add_header(x, "Expect:") &&
           curl_easy_setopt(x->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->request->body_size) ==
               CURLE_OK &&
           curl_easy_setopt(x->curl, CURLOPT_POSTFIELDS, x->request->body) == CURLE_OK;
}

static bool set_progress(struct exchange *x)
{
    if (x->request->progress == NULL || isatty(STDERR_FILENO) == 0) {
        return true;
    }
    return curl_easy_setopt(x->curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(x->curl, CURLOPT_XFERINFOFUNCTION, show) == CURLE_OK &&
           curl_easy_setopt(x->curl, CURLOPT_XFERINFODATA, x) == CURLE_OK;
}

/* Under the key that is known, under any to be looked at, or under a certificate of whoever the system trusts. */
static bool set_tls(struct exchange *x)
{
    const char *pin = nacre_vcmd_pin_of(x->request->url);
    bool any = pin != NULL || x->request->tls_key != NULL;
    return (!any || (curl_easy_setopt(x->curl, CURLOPT_SSL_VERIFYPEER, 0L) == CURLE_OK &&
                     curl_easy_setopt(x->curl, CURLOPT_SSL_VERIFYHOST, 0L) == CURLE_OK)) &&
           (pin == NULL || curl_easy_setopt(x->curl, CURLOPT_PINNEDPUBLICKEY, pin) == CURLE_OK) &&
           (x->request->tls_key == NULL || curl_easy_setopt(x->curl, CURLOPT_CERTINFO, 1L) == CURLE_OK);
}

/* The first certificate of the handshake, as curl tells it, and the digest of its key. */
static bool take_key(const struct exchange *x, uint8_t key[NACRE_VERIFY_TLS_KEY_SIZE])
{
    static const char name[] = "Cert:";
    struct curl_certinfo *info = NULL;
    const char *pem = NULL;
    if (curl_easy_getinfo(x->curl, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL ||
        info->num_of_certs < 1) {
        return false;
    }
    for (struct curl_slist *line = info->certinfo[0]; line != NULL && pem == NULL; line = line->next) {
        pem = strncmp(line->data, name, sizeof name - 1) == 0 ? line->data + sizeof name - 1 : NULL;
    }
    BIO *bio = pem != NULL ? BIO_new_mem_buf(pem, -1) : NULL;
    X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    unsigned char *der = NULL;
    int size = certificate != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der) : -1;
    if (size > 0) {
        (void)crypto_hash_sha256(key, der, (unsigned long long)size);
    }
    OPENSSL_free(der);
    X509_free(certificate);
    BIO_free(bio);
    return size > 0;
}

static bool set_up(struct exchange *x)
{
    const struct nacre_vcmd_request *r = x->request;
    return set_tls(x) && curl_easy_setopt(x->curl, CURLOPT_URL, r->url) == CURLE_OK &&
           curl_easy_setopt(x->curl, CURLOPT_ERRORBUFFER, x->reason) == CURLE_OK &&
           curl_easy_setopt(x->curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(x->curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(x->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS) == CURLE_OK &&
           curl_easy_setopt(x->curl, CURLOPT_TIMEOUT, r->timeout_s > 0 ? r->timeout_s : TOTAL_SECONDS) ==
               CURLE_OK &&
           curl_easy_setopt(x->curl, CURLOPT_USERAGENT, "nacre/" NACRE_VERSION) == CURLE_OK &&
           curl_easy_setopt(x->curl, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK &&
           curl_easy_setopt(x->curl, CURLOPT_WRITEDATA, x) == CURLE_OK && set_body(x) &&
           (r->method == NULL || curl_easy_setopt(x->curl, CURLOPT_CUSTOMREQUEST, r->method) == CURLE_OK) &&
           set_progress(x);
}

static int perform(struct exchange *x, long *status, nacre_verify_error *why)
{
    const char *url = x->request->url;
    if (!set_up(x)) {
        return nacre_vcmd_unchecked(why, "cannot set up a request for %s", url);
    }
    x->begin = now_s();
    CURLcode code = curl_easy_perform(x->curl);
    (void)curl_easy_setopt(x->curl, CURLOPT_ERRORBUFFER, NULL);
    if (x->shown) {
        (void)fputs("\r\033[K", stderr);
    }
    if (x->too_large) {
        return nacre_vcmd_unchecked(why, "cannot fetch %s: it answers with more than %zu bytes", url,
                                    x->request->max);
    }
    if (code != CURLE_OK) {
        return nacre_vcmd_unchecked(why, "cannot fetch %s: %s", url,
                                    x->reason[0] != '\0' ? x->reason : curl_easy_strerror(code));
    }
    (void)curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, status);
    if (x->request->tls_key != NULL && !take_key(x, x->request->tls_key)) {
        return nacre_vcmd_unchecked(why, "cannot fetch %s: its certificate cannot be read", url);
    }
    return NACRE_CHECKED;
}

int nacre_vcmd_http(const struct nacre_vcmd_request *request, struct nacre_vcmd_buffer *buffer, long *status,
                    nacre_verify_error *why)
{
    struct exchange x = {.request = request, .curl = curl_easy_init(), .data = calloc(1, 1), .room = 1};
    int r = NACRE_UNCHECKED;
    if (x.data == NULL || x.curl == NULL) {
        (void)nacre_vcmd_unchecked(why, "out of memory");
    } else {
        r = perform(&x, status, why);
    }
    curl_easy_cleanup(x.curl);
    curl_slist_free_all(x.headers);
    if (r != NACRE_CHECKED) {
        free(x.data);
        return r;
    }
    x.data[x.size] = '\0';
    *buffer = (struct nacre_vcmd_buffer){.data = x.data, .size = x.size};
    return NACRE_CHECKED;
}
