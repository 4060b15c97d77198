#include "reach.h"

#include "deliver.h"
#include "netaddr.h"
#include "tls_client.h"

#include <common/frame.h>
#include <common/json_read.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_NS UINT64_C(15000000000)

/* A byte now and then buys an enclave no more time. */
static int receive(int fd, struct nacre_tls_client *tls, uint64_t end, char *data, size_t *len)
{
    for (;;) {
        if (nacre_monotonic_ns() >= end)
            return -EAGAIN;
        ssize_t n = tls ? nacre_tls_client_receive(tls, data + *len, NACRE_OPS_ANSWER - *len)
                        : recv(fd, data + *len, NACRE_OPS_ANSWER - *len, 0);
        if (n < 0 && !tls && errno == EINTR)
            continue;
        if (n < 0)
            return tls ? (int)n : -errno;
        *len += (size_t)n;
        if (n == 0)
            return 0;
        if (*len == NACRE_OPS_ANSWER)
            return -EFBIG;
    }
}

/* "HTTP/1.1 200 ...", then the body behind the empty line; the connection's end is the body's. */
static int take_apart(char *data, size_t len, size_t *body_len)
{
    data[len] = '\0';
    char *end = memmem(data, len, "\r\n\r\n", 4);
    uint64_t status;
    if (!end || strncmp(data, "HTTP/1.", 7) != 0 || len < 12 || nacre_number_parse(&status, data + 9, 3, 599))
        return -EBADMSG;
    *body_len = len - (size_t)(end + 4 - data);
    memmove(data, end + 4, *body_len + 1);
    sodium_memzero(data + *body_len + 1, len - *body_len); /* who wipes the body leaves no copy of its end */
    return (int)status;
}

/* The whole answer as it came, and its status. */
static int exchange(const char *place, const char *request, const char *path, bool over_tls, char *data,
                    size_t *len, char *why, size_t why_len)
{
    size_t got = 0;
    ssize_t n = (ssize_t)strlen(request);
    int fd = nacre_place_dial(place, 0, why, why_len);
    if (fd < 0)
        return fd;
    const uint64_t end = nacre_monotonic_ns() + ANSWER_NS;
    struct nacre_tls_client *tls = over_tls ? nacre_tls_client_new(fd) : NULL;
    if (tls)
        nacre_tls_client_until(tls, end);
    int rc = over_tls && !tls ? -ENOMEM : over_tls ? nacre_tls_client_handshake(tls) : 0;
    if (rc == 0 && (tls ? nacre_tls_client_send(tls, request, (size_t)n)
                        : send(fd, request, (size_t)n, MSG_NOSIGNAL)) != n)
        rc = -EPIPE;
    if (rc == 0)
        rc = receive(fd, tls, end, data, &got);
    if (got == 0 && (rc == 0 || rc == -ECONNRESET))
        rc = -ENODATA;
    nacre_tls_client_free(tls);
    (void)close(fd);
    if (rc == 0)
        rc = take_apart(data, got, len);
    if (rc < 0)
        (void)snprintf(why, why_len, "%s%s: %s", place, path,
                       rc == -EAGAIN                      ? "no answer in time"
                       : rc == -EBADMSG || rc == -ENODATA ? "that is no HTTP answer"
                                                          : strerror(-rc));
    return rc;
}

static int ask(const char *place, const char *request, const char *path, bool over_tls, char **body,
               size_t *len, char *why, size_t why_len)
{
    char *data = malloc(NACRE_OPS_ANSWER + 1);
    if (!data) {
        (void)snprintf(why, why_len, "%s%s: out of memory", place, path);
        return -ENOMEM;
    }
    int rc = exchange(place, request, path, over_tls, data, len, why, why_len);
    if (rc < 0)
        free(data);
    else
        *body = data;
    return rc;
}

int nacre_ops_ask(const char *place, const char *request, const char *path, char **body, size_t *len,
                  char *why, size_t why_len)
{
    return ask(place, request, path, false, body, len, why, why_len);
}

int nacre_ops_get(const char *place, const char *path, char **body, size_t *len, char *why, size_t why_len)
{
    char request[512], again[256];
    (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: enclave\r\nConnection: close\r\n\r\n",
                   path);
    int rc = ask(place, request, path, false, body, len, why, why_len);
    if (rc == -ENODATA) { /* who speaks TLS hangs up on whoever does not */
        int tls = ask(place, request, path, true, body, len, again, sizeof again);
        rc = tls >= 0 ? tls : -EBADMSG;
    }
    return rc;
}

void nacre_ops_place(const struct nacre_ops_slot *slot, uint32_t port, char out[NACRE_OPS_PLACE_MAX + 16])
{
    (void)snprintf(out, NACRE_OPS_PLACE_MAX + 16, "%s%c%u", slot->connect,
                   strncmp(slot->connect, "vsock:", 6) == 0 ? ':' : '#', port);
}

/* At a key: its value as text, when it is a scalar; else it is passed over. */
static bool take_value(struct nacre_json *j, char *out, size_t room)
{
    enum nacre_json_token token = nacre_json_next(j);
    if (token == NACRE_JSON_TRUE || token == NACRE_JSON_FALSE)
        return snprintf(out, room, "%s", token == NACRE_JSON_TRUE ? "true" : "false") > 0;
    if ((token == NACRE_JSON_STRING || token == NACRE_JSON_NUMBER) && j->text_len < room) {
        memcpy(out, j->text, j->text_len);
        out[j->text_len] = '\0';
        return true;
    }
    (void)nacre_json_skip(j, token);
    return false;
}

bool nacre_ops_member(const char *json, size_t len, const char *key, char *out, size_t room)
{
    struct nacre_json j;
    bool found = false;
    nacre_json_init(&j, json, len);
    enum nacre_json_token token = nacre_json_next(&j);
    if (token != NACRE_JSON_OBJECT)
        return false;
    while ((token = nacre_json_next(&j)) == NACRE_JSON_KEY) {
        if (nacre_json_key_is(&j, key, strlen(key)))
            found = take_value(&j, out, room);
        else if (nacre_json_skip(&j, nacre_json_next(&j)))
            return false;
    }
    return found && token == NACRE_JSON_OBJECT_END;
}

/* In the daemon's list: the object whose name is `title`. */
static bool find_enclave(struct nacre_json *j, const char *title, char health[24], uint64_t *connections)
{
    char name[64], number[24];
    while (nacre_json_next(j) == NACRE_JSON_OBJECT) {
        const char *begin = j->at - 1;
        if (nacre_json_skip(j, NACRE_JSON_OBJECT))
            return false;
        size_t len = (size_t)(j->at - begin);
        if (nacre_ops_member(begin, len, "name", name, sizeof name) && strcmp(name, title) == 0)
            return nacre_ops_member(begin, len, "health", health, 24) &&
                   nacre_ops_member(begin, len, "connections", number, sizeof number) &&
                   nacre_number_parse(connections, number, strlen(number), UINT64_MAX) == 0;
    }
    return false;
}

static bool read_view(const char *body, size_t len, const char *title, char health[24], uint64_t *connections)
{
    struct nacre_json j;
    nacre_json_init(&j, body, len);
    if (nacre_json_next(&j) != NACRE_JSON_OBJECT)
        return false;
    while (nacre_json_next(&j) == NACRE_JSON_KEY) {
        bool list = nacre_json_key_is(&j, "enclaves", 8);
        enum nacre_json_token token = nacre_json_next(&j);
        if (list && token == NACRE_JSON_ARRAY)
            return find_enclave(&j, title, health, connections);
        if (nacre_json_skip(&j, token))
            return false;
    }
    return false;
}

/* The daemon's /health; *body is the caller's to free. False: there is no answer. */
static bool ask_daemon(const struct nacre_ops_daemon *d, char **body, size_t *len)
{
    char why[512], place[300];
    if (strncmp(d->health, "tcp:", 4) != 0)
        return false;
    /* where it listens for everybody it is reached on this machine */
    bool any = strncmp(d->health, "tcp:0.0.0.0:", 12) == 0;
    (void)snprintf(place, sizeof place, "tcp:%s%s", any ? "127.0.0.1:" : "", d->health + (any ? 12 : 4));
    return nacre_ops_get(place, "/health", body, len, why, sizeof why) > 0;
}

bool nacre_ops_daemon_view(const struct nacre_ops_daemon *d, const char *title, char health[24],
                           uint64_t *connections)
{
    char *body = NULL;
    size_t len = 0;
    bool found = ask_daemon(d, &body, &len) && read_view(body, len, title, health, connections);
    free(body);
    return found;
}

uint64_t nacre_ops_daemon_pid(const struct nacre_ops_daemon *d)
{
    char text[24], *body = NULL;
    size_t len = 0;
    uint64_t pid = 0;
    if (ask_daemon(d, &body, &len) && nacre_ops_member(body, len, "pid", text, sizeof text) &&
        nacre_number_parse(&pid, text, strlen(text), INT32_MAX))
        pid = 0;
    free(body);
    return pid;
}
