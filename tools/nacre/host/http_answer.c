#include "http_answer.h"

#include "netaddr.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* "HTTP/1.1 200 OK": the status, or -1. */
static int status_of(const char *data, size_t len)
{
    static const char start[] = "HTTP/1.";
    if (len < 12 || memcmp(data, start, sizeof start - 1) != 0 || (data[7] != '0' && data[7] != '1') ||
        data[8] != ' ' || (len > 12 && data[12] != ' ' && data[12] != '\r'))
        return -1;
    int status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (data[i] < '0' || data[i] > '9')
            return -1;
        status = status * 10 + (data[i] - '0');
    }
    return status >= 100 ? status : -1;
}

struct head {
    bool has_length, chunked;
    uint64_t length;
};

static bool name_is(const char *line, size_t name_len, const char *name)
{
    return name_len == strlen(name) && strncasecmp(line, name, name_len) == 0;
}

static int read_header(struct head *h, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (!colon || colon == line)
        return -EBADMSG;
    const char *value = colon + 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    if (name_is(line, (size_t)(colon - line), "transfer-encoding"))
        h->chunked = true;
    if (!name_is(line, (size_t)(colon - line), "content-length"))
        return 0;
    uint64_t length = 0;
    if (nacre_number_parse(&length, value, (size_t)(end - value), NACRE_HD_BODY_MAX))
        return -EMSGSIZE;
    /* Two that differ are how one answer is passed off as another. */
    if (h->has_length && h->length != length)
        return -EBADMSG;
    h->has_length = true;
    h->length = length;
    return 0;
}

static int read_head(struct head *h, const char *data, size_t len)
{
    const char *at = memchr(data, '\n', len);
    while (at && ++at < data + len) {
        const char *end = memchr(at, '\n', (size_t)(data + len - at));
        size_t n = (size_t)((end ? end : data + len) - at);
        if (n && at[n - 1] == '\r')
            n--;
        int rc = n ? read_header(h, at, n) : 0;
        if (rc)
            return rc;
        at = end;
    }
    return 0;
}

int nacre_hd_http_answer(struct nacre_hd_http_answer *out, const char *data, size_t len, bool ended)
{
    struct head head = {0};
    if (len >= 12 && status_of(data, len) < 0)
        return -EBADMSG;
    const char *blank = memmem(data, len, "\r\n\r\n", 4);
    if (!blank)
        return len > NACRE_HD_HEAD_MAX ? -EMSGSIZE : ended ? -EBADMSG : 0;
    if ((size_t)(blank - data) > NACRE_HD_HEAD_MAX)
        return -EMSGSIZE;
    int status = status_of(data, len);
    if (status < 0)
        return -EBADMSG;
    int rc = read_head(&head, data, (size_t)(blank - data));
    if (rc)
        return rc;
    const char *body = blank + 4;
    size_t got = len - (size_t)(body - data);
    if (head.chunked) {
        *out = (struct nacre_hd_http_answer){status, body, 0};
        return 1;
    }
    if (head.has_length ? got < head.length : !ended)
        return got > NACRE_HD_BODY_MAX ? -EMSGSIZE : ended ? -EBADMSG : 0;
    *out = (struct nacre_hd_http_answer){status, body, head.has_length ? (size_t)head.length : got};
    return 1;
}
