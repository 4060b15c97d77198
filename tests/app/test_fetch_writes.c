/*
 * How much is written to a socket at once: kernels in the field corrupt a write of more than 32 KiB to vsock, whatever is
 * above it. This program's own send() and its like take the place of the C library's for libcurl and OpenSSL.
 */
#include "fetch_support.h"
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST 32768u
#define BODY 1000000u

#define VISIBLE __attribute__((visibility("default")))

static _Atomic size_t largest, writes, written;

static void note(size_t len)
{
    size_t seen = atomic_load(&largest);
    while (len > seen && !atomic_compare_exchange_weak(&largest, &seen, len))
        continue;
    atomic_fetch_add(&writes, 1);
    atomic_fetch_add(&written, len);
}

static size_t total(const struct iovec *parts, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += parts[i].iov_len;
    return len;
}

VISIBLE ssize_t send(int fd, const void *data, size_t len, int flags)
{
    note(len);
    return syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
}

VISIBLE ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
                       socklen_t to_len)
{
    note(len);
    return syscall(SYS_sendto, fd, data, len, flags, to, to_len);
}

VISIBLE ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    note(total(message->msg_iov, message->msg_iovlen));
    return syscall(SYS_sendmsg, fd, message, flags);
}

VISIBLE ssize_t write(int fd, const void *data, size_t len)
{
    note(len);
    return syscall(SYS_write, fd, data, len);
}

VISIBLE ssize_t writev(int fd, const struct iovec *parts, int n)
{
    note(total(parts, (size_t)n));
    return syscall(SYS_writev, fd, parts, n);
}

/* Sends a large body to an upstream of this kind. */
static void post(const char *const *args)
{
    static char body[BODY + 1];
    struct upstream up;
    struct call c;
    upstream_start(&up, args);
    const struct endpoint e[] = {{.host = "one.example", .up = &up}};
    fetch_setup(e, 1, up.ca);
    fetch_confine();
    memset(body, 'x', BODY);
    call_init(&c, "POST", "https://one.example/echo");
    call_body(&c, body);
    atomic_store(&largest, 0);
    atomic_store(&writes, 0);
    atomic_store(&written, 0);
    call_run(&c);
    ck_assert_msg(c.status == 0, "%s", c.text);
    ck_assert_uint_eq(c.reply.status, 200);
    ck_assert_uint_ge(atomic_load(&written), BODY); /* it did go through those above */
    (void)printf("largest write: %zu bytes of %zu in %zu\n", atomic_load(&largest), atomic_load(&written),
                 atomic_load(&writes));
    ck_assert_uint_le(atomic_load(&largest), MOST);
    call_free(&c);
    fetch_teardown();
    upstream_stop(&up);
}

START_TEST(http1)
{
    static const char *const args[] = {"--host", "one.example", NULL};
    post(args);
}
END_TEST

START_TEST(http2)
{
    static const char *const args[] = {"--host", "one.example", "--http2", NULL};
    post(args);
}
END_TEST

/* With these, OpenSSL makes several records at once, where it gets enough to fill them. */
START_TEST(several_records_at_once)
{
    static const char *const args[] = {"--host",    "one.example",
                                       "--tls",     "1.2",
                                       "--ciphers", "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256",
                                       NULL};
    post(args);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, http1);
    tcase_add_test(tc, http2);
    tcase_add_test(tc, several_records_at_once);
}

int main(void)
{
    return nacre_run_suite("fetch_writes", add, 60);
}
