#include "reply.h"

#include <errno.h>

struct fields {
    const struct nacre_header *list;
    uint64_t n;
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Copies a field to `text`, which has room; returns where the next one goes. */
static char *copy_field(struct nacre_header *out, char *text, const struct curl_header *h)
{
    size_t name_len = strlen(h->name), value_len = strlen(h->value);
    for (size_t i = 0; i < name_len; i++)
        text[i] = lower(h->name[i]);
    out->name = (struct nacre_str){text, name_len};
    memcpy(text + name_len, h->value, value_len);
    out->value = (struct nacre_str){text + name_len, value_len};
    return text + name_len + value_len;
}

/* All fields of the last response, headers first. Their total is bounded by the header callback. */
static int copy_fields(struct fields *out, const struct nacre_fetch_env *env, CURL *easy)
{
    static const unsigned origins = CURLH_HEADER | CURLH_TRAILER;
    size_t n = 0, bytes = 0, i = 0;
    struct curl_header *h = NULL;
    while ((h = curl_easy_nextheader(easy, origins, -1, h))) {
        n++;
        bytes += strlen(h->name) + strlen(h->value);
    }
    struct nacre_header *list = env->alloc(env->ctx, (n + 1) * sizeof *list);
    char *text = list ? env->alloc(env->ctx, bytes + 1) : NULL;
    if (!text)
        return -ENOMEM;
    while (i < n && (h = curl_easy_nextheader(easy, origins, -1, h)))
        text = copy_field(&list[i++], text, h);
    *out = (struct fields){list, i};
    return 0;
}

static int copy_body(struct nacre_bytes *out, const struct nacre_fetch_env *env,
                     const struct fetch_body *body)
{
    uint8_t *copy = NULL;
    if (body->len) {
        copy = env->alloc(env->ctx, body->len);
        if (!copy)
            return -ENOMEM;
        memcpy(copy, body->base, body->len);
    }
    *out = (struct nacre_bytes){copy, body->len};
    return 0;
}

int fetch_reply_fill(struct nacre_reply *out, const struct nacre_fetch_env *env, CURL *easy, size_t n_headers,
                     const struct fetch_body *body)
{
    long status = 0;
    struct fields all;
    struct nacre_bytes bytes;
    if (curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
        copy_fields(&all, env, easy) || copy_body(&bytes, env, body))
        return -ENOMEM;
    if (n_headers > all.n)
        n_headers = all.n;
    out->status = (uint32_t)status;
    out->body = bytes;
    out->headers = all.list;
    out->n_headers = n_headers;
    out->trailers = all.list + n_headers;
    out->n_trailers = all.n - n_headers;
    return 0;
}
