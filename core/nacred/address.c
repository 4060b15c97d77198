#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Decimal digits only: strtoul would take signs, blanks and bases. */
static bool parse_port(const char *text, uint32_t max, uint32_t *port)
{
    uint64_t v = 0;
    size_t n = 0;
    for (; text[n] >= '0' && text[n] <= '9' && n < 10; n++)
        v = v * 10 + (uint64_t)(text[n] - '0');
    if (n == 0 || text[n] != '\0' || v > max)
        return false;
    *port = (uint32_t)v;
    return true;
}

static int parse_tcp(struct nacre_sockaddr *out, const char *text)
{
    char host[INET6_ADDRSTRLEN];
    struct nacre_sockaddr a = {0};
    uint32_t port;
    const char *colon = strrchr(text, ':');
    if (!colon || !parse_port(colon + 1, UINT16_MAX, &port))
        return -EINVAL;
    size_t len = (size_t)(colon - text);
    bool is_v6 = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (is_v6) {
        text++;
        len -= 2;
    }
    if (len >= sizeof host)
        return -EINVAL;
    memcpy(host, text, len);
    host[len] = '\0';
    if (is_v6) {
        a.u.v6.sin6_family = AF_INET6;
        a.u.v6.sin6_port = htons((uint16_t)port);
        a.len = sizeof a.u.v6;
        if (inet_pton(AF_INET6, host, &a.u.v6.sin6_addr) != 1)
            return -EINVAL;
    } else {
        a.u.v4.sin_family = AF_INET;
        a.u.v4.sin_port = htons((uint16_t)port);
        a.len = sizeof a.u.v4;
        if (inet_pton(AF_INET, host, &a.u.v4.sin_addr) != 1)
            return -EINVAL;
    }
    *out = a;
    return 0;
}

void nacre_sockaddr_vsock(struct nacre_sockaddr *out, uint32_t cid, uint32_t port)
{
    *out = (struct nacre_sockaddr){0};
    out->u.vm.svm_family = AF_VSOCK;
    out->u.vm.svm_cid = cid;
    out->u.vm.svm_port = port;
    out->len = sizeof out->u.vm;
}

static int parse_unix(struct nacre_sockaddr *out, const char *path)
{
    size_t len = strlen(path);
    struct nacre_sockaddr a = {.u.un.sun_family = AF_UNIX, .len = sizeof a.u.un};
    if (len == 0 || len >= sizeof a.u.un.sun_path)
        return -EINVAL;
    memcpy(a.u.un.sun_path, path, len);
    *out = a;
    return 0;
}

int nacre_sockaddr_parse(struct nacre_sockaddr *out, const char *text, uint32_t cid)
{
    uint32_t port;
    if (strncmp(text, "tcp:", 4) == 0)
        return parse_tcp(out, text + 4);
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(out, text + 5);
    /* the highest number is VMADDR_PORT_ANY, which is no port */
    if (strncmp(text, "vsock:", 6) != 0 || !parse_port(text + 6, UINT32_MAX - 1, &port))
        return -EINVAL;
    nacre_sockaddr_vsock(out, cid, port);
    return 0;
}

uint32_t nacre_sockaddr_port(const struct nacre_sockaddr *address)
{
    switch (address->u.any.sa_family) {
    case AF_INET:
        return ntohs(address->u.v4.sin_port);
    case AF_INET6:
        return ntohs(address->u.v6.sin6_port);
    case AF_VSOCK:
        return address->u.vm.svm_port;
    default:
        return 0;
    }
}

int nacre_sockaddr_listen(const struct nacre_sockaddr *address, bool shared)
{
    const int on = 1;
    struct stat st;
    int family = address->u.any.sa_family;
    const char *path = family == AF_UNIX ? address->u.un.sun_path : NULL;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (path && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        (void)unlink(path);
    /* what bind() makes of a path has the socket's own mode: there is no moment when somebody else could connect */
    if ((path && fchmod(fd, 0600) < 0) ||
        (!path && family != AF_VSOCK && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) ||
        (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0) ||
        bind(fd, &address->u.any, address->len) < 0 || listen(fd, NACRE_BACKLOG) < 0) {
        int err = -errno;
        (void)close(fd);
        return err;
    }
    return fd;
}
