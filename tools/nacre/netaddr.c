#include "netaddr.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HOST_MAX  253u
#define LABEL_MAX 63u

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* Says what the writer most likely meant: the usual slips deserve better than "bad character". */
static const char *bad_characters(const char *text, size_t len)
{
    bool upper = false;
    if (memmem(text, len, "://", 3))
        return "is a URL; only the host name belongs here";
    if (len > 0 && (text[0] == '[' || memchr(text, ':', len) != memrchr(text, ':', len)))
        return "is an IP address; only DNS names are allowed";
    if (memchr(text, ':', len))
        return "has a port; write {host: NAME, port: N}";
    if (memchr(text, '*', len))
        return "has a wildcard; every host is listed by its full name";
    for (size_t i = 0; i < len; i++) {
        upper = upper || (text[i] >= 'A' && text[i] <= 'Z');
        if (!is_host_char(text[i]) && !(text[i] >= 'A' && text[i] <= 'Z'))
            return "is no DNS name: letters, digits, '-' and '.' only";
    }
    return upper ? "has upper case letters; write it in lower case" : NULL;
}

/* What resolvers take for an IPv4 address ends in a number, decimal or hexadecimal, whatever stands before
 * it. */
static bool ends_in_number(const char *label, size_t len)
{
    if (len >= 2 && label[0] == '0' && label[1] == 'x') {
        for (size_t i = 2; i < len; i++) {
            if (!isxdigit((unsigned char)label[i]))
                return false;
        }
        return true;
    }
    for (size_t i = 0; i < len; i++) {
        if (label[i] < '0' || label[i] > '9')
            return false;
    }
    return true;
}

const char *nacre_host_check(const char *text, size_t len)
{
    const char *why = bad_characters(text, len);
    if (why)
        return why;
    if (len == 0)
        return "is empty";
    if (len > HOST_MAX)
        return "is longer than 253 bytes";
    if (text[len - 1] == '.')
        return "ends with a dot; write it without";
    size_t start = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && text[i] != '.')
            continue;
        size_t label = i - start;
        if (label == 0 || label > LABEL_MAX)
            return "is no DNS name: each label has 1 to 63 characters";
        if (text[start] == '-' || text[i - 1] == '-')
            return "is no DNS name: a label does not begin or end with '-'";
        if (i == len && ends_in_number(text + start, label))
            return "is an IP address; only DNS names are allowed";
        start = i + 1;
    }
    return NULL;
}

int nacre_number_parse(uint64_t *out, const char *text, size_t len, uint64_t max)
{
    uint64_t value = 0;
    if (len == 0 || (text[0] == '0' && len > 1))
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -EINVAL;
    }
    for (size_t i = 0; i < len; i++) {
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value) || value > max)
            return -ERANGE;
    }
    *out = value;
    return 0;
}

int nacre_netaddr_parse(struct nacre_netaddr *out, const char *text)
{
    struct nacre_netaddr result = {.family = text[0] == '[' ? AF_INET6 : AF_INET};
    const char *begin = text + (result.family == AF_INET6);
    const char *colon = strrchr(text, ':');
    if (!colon)
        return -EINVAL;
    const char *end = result.family == AF_INET6 ? colon - 1 : colon;
    if (end <= begin || (result.family == AF_INET6 && *end != ']') ||
        (size_t)(end - begin) >= sizeof result.host)
        return -EINVAL;
    char host[INET6_ADDRSTRLEN] = {0};
    memcpy(host, begin, (size_t)(end - begin));
    struct in6_addr raw;
    uint64_t port = 0;
    if (inet_pton(result.family, host, &raw) != 1 ||
        nacre_number_parse(&port, colon + 1, strlen(colon + 1), 65535))
        return -EINVAL;
    if (!inet_ntop(result.family, &raw, result.host, sizeof result.host))
        return -EINVAL;
    result.port = (uint16_t)port;
    *out = result;
    return 0;
}

void nacre_netaddr_format(char out[NACRE_NETADDR_TEXT], const struct nacre_netaddr *address)
{
    bool v6 = address->family == AF_INET6;
    (void)snprintf(out, NACRE_NETADDR_TEXT, "tcp:%s%s%s:%u", v6 ? "[" : "", address->host, v6 ? "]" : "",
                   address->port);
}

bool nacre_netaddr_is_any(const struct nacre_netaddr *address)
{
    return strcmp(address->host, address->family == AF_INET6 ? "::" : "0.0.0.0") == 0;
}

int nacre_place_check(const char *text, char *why, size_t why_len)
{
    struct nacre_netaddr address;
    uint64_t port;
    if (strncmp(text, "tcp:", 4) == 0 && nacre_netaddr_parse(&address, text + 4)) {
        (void)snprintf(why, why_len, "'%s' is not tcp:ADDRESS:PORT with a numeric address, IPv6 in brackets",
                       text);
        return -EINVAL;
    }
    if (strncmp(text, "vsock:", 6) == 0 &&
        nacre_number_parse(&port, text + 6, strlen(text + 6), UINT32_MAX - 1u)) {
        (void)snprintf(why, why_len, "'%s' is not vsock:PORT with a port from 0 to %u", text,
                       UINT32_MAX - 1u);
        return -EINVAL;
    }
    return 0;
}
