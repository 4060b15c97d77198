#include "secrets.h"

#include "address.h"
#include "common/credentials.h"
#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define STALL_NS  10000000000u /* for one connection */
#define SECOND_NS 1000000000u
#define TRIES     8u /* connections a second: each may cost a signature check and a log line */
#define ROOM      (NACRE_SEALED_MAX + 1u) /* bytes of the blob's memory while it is received */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* Has it all come, whether or not the sender has said so? Relays do not always pass on the end of a stream. */
static bool complete(const struct nacre_secrets *s)
{
    size_t size = nacre_sealed_size(s->blob, s->len);
    if (size == 0)
        size = nacre_credentials_size(s->blob, s->len);
    return size > 0 && s->len >= size;
}

/* Reads to the end. 1 at the end, 0 when there is no more yet, or negative errno. */
static int read_blob(struct nacre_secrets *s, int fd)
{
    for (;;) {
        if (s->len > (nacre_sealed_is(s->blob, s->len)        ? NACRE_SEALED_MAX
                      : nacre_credentials_is(s->blob, s->len) ? NACRE_CREDENTIALS_MAX
                                                              : NACRE_SECRETS_BLOB))
            return -EFBIG;
        ssize_t n = read(fd, s->blob + s->len, ROOM - s->len);
        if (n > 0)
            s->len += (size_t)n;
        else if (n == 0)
            return 1;
        else if (errno != EINTR)
            return errno != EAGAIN ? -errno : complete(s);
    }
}

static void forget(struct nacre_secrets *s)
{
    sodium_memzero(s->blob, ROOM);
    s->len = 0;
}

static int open_file(struct nacre_secrets *s, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int got = read_blob(s, fd);
    (void)close(fd);
    if (got != 1)
        return got == 0 ? -EIO : got;
    if (s->sealed_only || nacre_sealed_is(s->blob, s->len))
        return -EPERM;
    s->settled = true;
    s->form = NACRE_SECRETS_PLAIN;
    return 0;
}

/* Edge-triggered: a second connection that has to wait must not wake us until the first has ended. */
static int watch(const struct nacre_secrets *s, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = s->tag};
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int nacre_secrets_open(struct nacre_secrets *s, const char *source, uint64_t timeout_s)
{
    struct nacre_sockaddr address;
    *s = (struct nacre_secrets){.epoll = s->epoll,
                                .tag = s->tag,
                                .terms = s->terms,
                                .sealed_only = s->sealed_only,
                                .takes_tls = s->takes_tls,
                                .wants_credentials = s->wants_credentials,
                                .listener = -1,
                                .connection = -1};
    s->give_up_ns = nacre_monotonic_ns() + timeout_s * SECOND_NS;
    s->settled = strcmp(source, "none") == 0;
    if (s->settled)
        return 0;
    s->blob = nacre_guarded_alloc(ROOM);
    int err = s->blob ? 0 : -ENOMEM;
    if (!err && strncmp(source, "file:", 5) == 0) {
        err = open_file(s, source + 5);
    } else if (!err && (err = nacre_sockaddr_parse(&address, source, VMADDR_CID_ANY)) == 0) {
        s->form = NACRE_SECRETS_WAITING;
        s->listener = nacre_sockaddr_listen(&address, false);
        err = s->listener < 0 ? s->listener : watch(s, s->listener);
    }
    if (err)
        nacre_secrets_close(s);
    return err;
}

/* One line for whoever delivers, who need not read it. */
static void tell(const struct nacre_secrets *s, const char *verdict, const char *text)
{
    char line[NACRE_SEALED_WHY + 64];
    int n = snprintf(line, sizeof line, "%s: %s%s%s\n", verdict, text, s->why[0] ? ": " : "", s->why);
    if (s->connection >= 0)
        (void)send(s->connection, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool settle(struct nacre_secrets *s, enum nacre_secrets_form form, const char **what, const char *text)
{
    s->settled = true;
    s->form = form;
    tell(s, form == NACRE_SECRETS_NONE ? "no" : "ok", text);
    close_fd(&s->connection);
    close_fd(&s->listener);
    nacre_guarded_free(s->credentials);
    s->credentials = NULL;
    *what = text;
    return true;
}

/* The connection has ended without giving us secrets; another one may. */
static bool disappoint(struct nacre_secrets *s, const char **what, const char *text)
{
    s->refused++;
    tell(s, "no", text);
    close_fd(&s->connection);
    forget(s);
    *what = text;
    return true;
}

/* Moves a certificate out of content[0..*len), which is nobody's but nacre-http's, to memory of its own. */
static bool split(struct nacre_secrets *s, uint8_t *content, size_t *len)
{
    struct nacre_sealed_content c;
    if (nacre_sealed_open(&c, content, *len) < 0) {
        (void)snprintf(s->why, sizeof s->why, "what was sealed is out of form");
        return false;
    }
    if (!c.tls)
        return true;
    if (!s->takes_tls) {
        (void)snprintf(s->why, sizeof s->why, "a certificate is in it, and http.tls is not operator");
        return false;
    }
    s->tls = nacre_guarded_alloc(c.tls_len);
    if (!s->tls) {
        (void)snprintf(s->why, sizeof s->why, "no guarded memory for %zu bytes", c.tls_len);
        return false;
    }
    s->tls_len = c.tls_len;
    memcpy(s->tls, c.tls, c.tls_len);
    memcpy(s->tls_key, c.tls_key, sizeof s->tls_key);
    *len = c.json_len;
    memmove(content, c.json, c.json_len);
    sodium_memzero(content + c.json_len, NACRE_SECRETS_BLOB - c.json_len);
    return true;
}

/* Replaces the sealed blob by what is in it. */
static bool unsealed(struct nacre_secrets *s)
{
    uint8_t *content = nacre_guarded_alloc(ROOM);
    if (!content) {
        (void)snprintf(s->why, sizeof s->why, "no guarded memory for %u bytes", ROOM);
        return false;
    }
    int len = nacre_unseal(content, &s->terms, s->blob, s->len, s->why);
    size_t rest = len < 0 ? 0 : (size_t)len;
    if (len < 0 || !split(s, content, &rest)) {
        nacre_guarded_free(content);
        return false;
    }
    (void)crypto_hash_sha256(s->blob_id, s->blob, s->len);
    nacre_guarded_free(s->blob);
    s->blob = content;
    s->len = rest;
    return true;
}

/* Newer ones replace older ones; they are taken as often as they come, until the secrets are there. */
static bool borrow(struct nacre_secrets *s, const char **what)
{
    uint8_t *copy = s->wants_credentials ? nacre_guarded_alloc(s->len) : NULL;
    if (!copy) {
        (void)snprintf(s->why, sizeof s->why, "%s",
                       s->wants_credentials ? "no guarded memory" : "secrets.kms.region is none");
        return disappoint(s, what, "credentials were refused");
    }
    memcpy(copy, s->blob, s->len);
    nacre_guarded_free(s->credentials);
    s->credentials = copy;
    s->credentials_len = s->len;
    s->lent++;
    *what = "credentials received";
    tell(s, "ok", *what);
    close_fd(&s->connection);
    forget(s);
    return true;
}

static bool received(struct nacre_secrets *s, const char **what)
{
    if (s->len == 0)
        return disappoint(s, what, "an empty secrets connection was ignored");
    if (nacre_credentials_is(s->blob, s->len))
        return borrow(s, what);
    if (nacre_sealed_is(s->blob, s->len))
        return unsealed(s) ? settle(s, NACRE_SECRETS_SEALED, what, "sealed secrets received")
                           : disappoint(s, what, "sealed secrets were refused");
    /* KMS was asked for so that the parent has no say */
    if (!s->sealed_only && !s->wants_credentials)
        return settle(s, NACRE_SECRETS_PLAIN, what, "plain secrets received");
    (void)snprintf(s->why, sizeof s->why, "%s",
                   s->sealed_only ? "secrets.sealed_only is true" : "they come from secrets.kms");
    return disappoint(s, what, "plain secrets were refused");
}

/* The next connection, unless there is one or there were enough in this second. */
static void accept_one(struct nacre_secrets *s, uint64_t now_ns)
{
    if (now_ns >= s->window_ns) {
        s->window_ns = now_ns + SECOND_NS;
        s->tries = 0;
    }
    if (s->connection >= 0 || s->tries == TRIES)
        return;
    s->connection = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    s->stalled_ns = now_ns + STALL_NS;
    if (s->connection >= 0)
        s->tries++;
    if (s->connection >= 0 && watch(s, s->connection) < 0)
        close_fd(&s->connection);
}

/* The next connection that says something, as far as it has come. As read_blob(). */
static int receive(struct nacre_secrets *s, uint64_t now_ns)
{
    for (;;) {
        accept_one(s, now_ns);
        int got = s->connection >= 0 ? read_blob(s, s->connection) : 0;
        if (got != 1 || s->len > 0 || !s->wants_credentials)
            return got;
        close_fd(&s->connection); /* a lender looks whether anybody listens still */
    }
}

bool nacre_secrets_step(struct nacre_secrets *s, uint64_t now_ns, const char **what)
{
    if (s->settled)
        return false;
    s->why[0] = '\0';
    int got = receive(s, now_ns);
    if (got == 1)
        return received(s, what);
    if (got < 0)
        return disappoint(s, what,
                          got == -EFBIG ? "a secrets object over 65536 bytes was refused"
                                        : "a secrets connection broke");
    if (now_ns >= s->give_up_ns) {
        forget(s);
        return settle(s, NACRE_SECRETS_NONE, what, "no secrets came in time, going on without");
    }
    if (s->connection >= 0 && now_ns >= s->stalled_ns)
        return disappoint(s, what, "a secrets connection took too long");
    return false;
}

bool nacre_secrets_give(struct nacre_secrets *s, const uint8_t *data, size_t len, const char **what)
{
    if (s->settled || len == 0 || len > NACRE_SECRETS_BLOB)
        return false;
    forget(s); /* what of another delivery has come so far */
    memcpy(s->blob, data, len);
    s->len = len;
    s->why[0] = '\0';
    tell(s, "no", "KMS has answered");
    close_fd(&s->connection);
    return settle(s, NACRE_SECRETS_KMS, what, "secrets received from KMS");
}

void nacre_secrets_close(struct nacre_secrets *s)
{
    close_fd(&s->connection);
    close_fd(&s->listener);
    nacre_guarded_free(s->credentials);
    s->credentials = NULL;
    nacre_guarded_free(s->blob);
    nacre_guarded_free(s->tls);
    s->blob = s->tls = NULL;
    s->len = s->tls_len = 0;
}
