#include "common/credentials.h"
#include "nacred/secrets.h"
#include "sealed_blob.h"
#include "support.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define S UINT64_C(1000000000)

static char dir[PATH_MAX], source[PATH_MAX + 16];
static struct nacre_secrets secrets;
static uint8_t data[NACRE_SECRETS_BLOB + 2];

static void begin(void)
{
    make_dir(dir);
    secrets = (struct nacre_secrets){.epoll = epoll_create1(EPOLL_CLOEXEC), .tag = 42};
    randombytes_buf(data, sizeof data);
    data[0] = 0x7b; /* plain */
}

static void end(void)
{
    nacre_secrets_close(&secrets);
    (void)close(secrets.epoll);
    drop_dir(dir);
}

/* Turns of a main loop until nothing happens any more; the last thing that happened. */
static const char *turns(uint64_t now)
{
    struct epoll_event event;
    const char *what, *last = NULL;
    while (epoll_wait(secrets.epoll, &event, 1, 50) == 1)
        while (nacre_secrets_step(&secrets, now, &what))
            last = what;
    return last;
}

static int dial(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%.100s", source + 5);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void listen_here(void)
{
    struct stat st;
    (void)snprintf(source, sizeof source, "unix:%s/secrets", dir);
    ck_assert_int_eq(nacre_secrets_open(&secrets, source, 300), 0);
    ck_assert_int_eq(stat(source + 5, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777u, 0600);
    ck_assert(!secrets.settled);
}

START_TEST(none_is_settled_at_once)
{
    const char *what;
    ck_assert_int_eq(nacre_secrets_open(&secrets, "none", 300), 0);
    ck_assert(secrets.settled);
    ck_assert_uint_eq(secrets.len, 0);
    ck_assert(!nacre_secrets_step(&secrets, UINT64_MAX, &what));
}
END_TEST

START_TEST(a_file_and_its_limit)
{
    (void)snprintf(source, sizeof source, "file:%s/secrets", dir);
    ck_assert_int_eq(nacre_secrets_open(&secrets, source, 300), -ENOENT);
    write_file(source + 5, data, NACRE_SECRETS_BLOB + 1);
    ck_assert_int_eq(nacre_secrets_open(&secrets, source, 300), -EFBIG);
    ck_assert_ptr_null(secrets.blob);
    write_file(source + 5, data, NACRE_SECRETS_BLOB);
    ck_assert_int_eq(nacre_secrets_open(&secrets, source, 300), 0);
    ck_assert(secrets.settled);
    ck_assert_uint_eq(secrets.len, NACRE_SECRETS_BLOB);
    ck_assert_mem_eq(secrets.blob, data, NACRE_SECRETS_BLOB);
    (void)snprintf(source, sizeof source, "file:%s", dir);
    struct nacre_secrets other = {.epoll = secrets.epoll};
    ck_assert_int_eq(nacre_secrets_open(&other, source, 300), -EISDIR);
}
END_TEST

START_TEST(a_connection_in_pieces)
{
    listen_here();
    int fd = dial();
    for (size_t at = 0; at < NACRE_SECRETS_BLOB; at += 4096) {
        ck_assert_int_eq(write(fd, data + at, 4096), 4096);
        ck_assert_ptr_null(turns(0));
        ck_assert(!secrets.settled);
    }
    (void)close(fd);
    ck_assert_str_eq(turns(0), "plain secrets received");
    ck_assert(secrets.settled);
    ck_assert_uint_eq(secrets.len, NACRE_SECRETS_BLOB);
    ck_assert_mem_eq(secrets.blob, data, NACRE_SECRETS_BLOB);
    ck_assert_int_eq(dial(), -1); /* received once */
}
END_TEST

START_TEST(empty_and_oversized_ones_leave_the_door_open)
{
    listen_here();
    (void)close(dial());
    ck_assert_ptr_nonnull(strstr(turns(0), "empty"));
    int fd = dial();
    ck_assert_int_eq(write(fd, data, sizeof data), (ssize_t)sizeof data);
    ck_assert_ptr_nonnull(strstr(turns(0), "refused"));
    ck_assert_uint_eq(secrets.len, 0);
    ck_assert_int_eq(sodium_is_zero(secrets.blob, NACRE_SECRETS_BLOB + 1), 1);
    (void)close(fd);
    fd = dial();
    ck_assert_int_eq(write(fd, "{}", 2), 2);
    (void)close(fd);
    ck_assert_str_eq(turns(0), "plain secrets received");
    ck_assert_uint_eq(secrets.len, 2);
}
END_TEST

START_TEST(one_after_the_other)
{
    listen_here();
    int first = dial(), second = dial();
    ck_assert_int_eq(write(first, "{\"a\":", 5), 5);
    ck_assert_int_eq(write(second, "{\"b\":1}", 7), 7);
    (void)close(second);
    ck_assert_ptr_null(turns(0)); /* and turns() ended: the waiting one did not keep us busy */
    ck_assert_uint_eq(secrets.len, 5);
    ck_assert_int_eq(write(first, "1}", 2), 2);
    (void)close(first);
    ck_assert_str_eq(turns(0), "plain secrets received");
    ck_assert_mem_eq(secrets.blob, "{\"a\":1}", 7);
}
END_TEST

START_TEST(who_takes_too_long_makes_room_for_the_next)
{
    const char *what = NULL;
    uint64_t now = nacre_monotonic_ns();
    listen_here();
    int first = dial();
    ck_assert_int_eq(write(first, "{", 1), 1);
    ck_assert_ptr_null(turns(now));
    int second = dial();
    ck_assert_int_eq(write(second, "{}", 2), 2);
    (void)close(second);
    ck_assert_ptr_null(turns(now));
    ck_assert(nacre_secrets_step(&secrets, now + 11 * S, &what)); /* the main loop's tick */
    ck_assert_ptr_nonnull(strstr(what, "too long"));
    ck_assert(nacre_secrets_step(&secrets, now + 11 * S, &what));
    ck_assert_str_eq(what, "plain secrets received");
    ck_assert_mem_eq(secrets.blob, "{}", 2);
    (void)close(first);
}
END_TEST

START_TEST(gives_up_in_time_and_keeps_nothing)
{
    const char *what = NULL;
    uint64_t now = nacre_monotonic_ns();
    listen_here();
    ck_assert(!nacre_secrets_step(&secrets, now + 299 * S, &what));
    int fd = dial();
    ck_assert_int_eq(write(fd, "{\"half\":", 8), 8);
    ck_assert_ptr_null(turns(now + 299 * S));
    ck_assert(nacre_secrets_step(&secrets, now + 301 * S, &what));
    ck_assert_ptr_nonnull(strstr(what, "without"));
    ck_assert(secrets.settled);
    ck_assert_uint_eq(secrets.len, 0);
    ck_assert_int_eq(sodium_is_zero(secrets.blob, NACRE_SECRETS_BLOB + 1), 1);
    ck_assert_int_eq(dial(), -1);
    (void)close(fd);
}
END_TEST

/* What the enclave answers, up to the line's end or that of the connection. */
static const char *answer(int fd)
{
    static char line[1024];
    ssize_t n = read(fd, line, sizeof line - 1);
    line[n > 0 ? n : 0] = '\0';
    return line;
}

static uint8_t operator_key[32], operator_secret[64], config[48];
static struct blob_parts parts;

static size_t seal_here(void)
{
    const struct nacre_keys *keys = nacre_keys_new();
    (void)crypto_sign_keypair(operator_key, operator_secret);
    secrets.terms = (struct nacre_unseal_terms){
        .app = "weather", .config = config, .operator_key = operator_key, .keys = keys};
    parts = (struct blob_parts){.version = 1,
                                .operator_secret = operator_secret,
                                .operator_key = operator_key,
                                .enclave_key = keys->secrets_public,
                                .config = config,
                                .app = "weather",
                                .content = "{\"a\":\"1\"}",
                                .content_len = 9};
    return build_blob(data, &parts);
}

START_TEST(sealed_ones_are_opened)
{
    size_t len = seal_here();
    secrets.sealed_only = true;
    listen_here();
    ck_assert_int_eq(secrets.form, NACRE_SECRETS_WAITING);
    int fd = dial();
    ck_assert_int_eq(write(fd, data, len - 1), (ssize_t)len - 1);
    ck_assert_ptr_null(turns(0));
    ck_assert_int_eq(write(fd, data + len - 1, 1), 1); /* complete, though the stream has not ended */
    ck_assert_str_eq(turns(0), "sealed secrets received");
    ck_assert_str_eq(answer(fd), "ok: sealed secrets received\n");
    ck_assert_int_eq(secrets.form, NACRE_SECRETS_SEALED);
    ck_assert(secrets.settled);
    ck_assert_uint_eq(secrets.len, 9);
    ck_assert_mem_eq(secrets.blob, "{\"a\":\"1\"}", 9);
    ck_assert_uint_eq(secrets.refused, 0);
    uint8_t id[32];
    (void)crypto_hash_sha256(id, data, len);
    ck_assert_mem_eq(secrets.blob_id, id, 32);
    ck_assert_int_eq(dial(), -1); /* once: neither it nor another one again */
    (void)close(fd);
    nacre_keys_free(secrets.terms.keys);
}
END_TEST

START_TEST(refused_ones_leave_the_door_open)
{
    size_t len = seal_here();
    listen_here();
    for (unsigned i = 1; i <= 3; i++) {
        int fd = dial();
        data[len - i] ^= 1;
        ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
        ck_assert_str_eq(turns(0), "sealed secrets were refused");
        ck_assert_ptr_nonnull(
            strstr(answer(fd), "no: sealed secrets were refused: the operator's signature"));
        data[len - i] ^= 1;
        ck_assert_uint_eq(secrets.refused, i);
        ck_assert_uint_eq(secrets.len, 0);
        ck_assert_int_eq(sodium_is_zero(secrets.blob, NACRE_SEALED_MAX + 1), 1);
        ck_assert_int_eq(secrets.form, NACRE_SECRETS_WAITING);
        (void)close(fd);
    }
    int fd = dial();
    ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
    ck_assert_str_eq(turns(0), "sealed secrets received");
    (void)close(fd);
    nacre_keys_free(secrets.terms.keys);
}
END_TEST

/* Cut short it ends like a plain one does, and a tail makes it another blob. */
START_TEST(cut_and_trailing_bytes)
{
    size_t len = seal_here();
    listen_here();
    int fd = dial();
    ck_assert_int_eq(write(fd, data, len - 1), (ssize_t)len - 1);
    (void)shutdown(fd, SHUT_WR);
    ck_assert_str_eq(turns(0), "sealed secrets were refused");
    ck_assert_ptr_nonnull(strstr(answer(fd), "says it has"));
    (void)close(fd);
    fd = dial();
    ck_assert_int_eq(write(fd, data, len + 1), (ssize_t)len + 1);
    ck_assert_str_eq(turns(0), "sealed secrets were refused");
    (void)close(fd);
    fd = dial();
    data[20] = data[21] = data[22] = data[23] = 0xff; /* says it has 4 GiB, and sends on and on */
    for (size_t sent = 0; sent < 2 * sizeof data && turns(0) == NULL; sent += 4096)
        if (send(fd, sent ? data + 4096 : data, 4096, MSG_NOSIGNAL) < 0)
            break;
    ck_assert_uint_eq(secrets.refused, 3);
    ck_assert_uint_eq(secrets.len, 0);
    (void)close(fd);
    nacre_keys_free(secrets.terms.keys);
}
END_TEST

START_TEST(sealed_only_refuses_plain_ones)
{
    size_t len = seal_here();
    secrets.sealed_only = true;
    listen_here();
    int fd = dial();
    ck_assert_int_eq(write(fd, "{\"a\":\"x\"}", 9), 9);
    (void)shutdown(fd, SHUT_WR);
    ck_assert_str_eq(turns(0), "plain secrets were refused");
    ck_assert_str_eq(answer(fd), "no: plain secrets were refused: secrets.sealed_only is true\n");
    (void)close(fd);
    ck_assert_int_eq(sodium_is_zero(secrets.blob, NACRE_SEALED_MAX + 1), 1);
    fd = dial();
    ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
    ck_assert_str_eq(turns(0), "sealed secrets received");
    (void)close(fd);
    nacre_keys_free(secrets.terms.keys);
}
END_TEST

START_TEST(sealed_files_and_plain_ones_where_none_may_be)
{
    size_t len = seal_here();
    (void)snprintf(source, sizeof source, "file:%s/secrets", dir);
    write_file(source + 5, data, len);
    ck_assert_int_eq(nacre_secrets_open(&secrets, source, 300), -EPERM);
    secrets.sealed_only = true;
    write_file(source + 5, "{}", 2);
    ck_assert_int_eq(nacre_secrets_open(&secrets, source, 300), -EPERM);
    nacre_keys_free(secrets.terms.keys);
}
END_TEST

/* Each try may cost a signature check and a log line: eight a second, then the next second. */
START_TEST(tries_are_bounded)
{
    const char *what;
    int fds[12];
    size_t len = seal_here(), refused = 0;
    uint64_t now = nacre_monotonic_ns();
    listen_here();
    data[len - 1] ^= 1;
    for (size_t i = 0; i < 12; i++) {
        fds[i] = dial();
        ck_assert_int_eq(write(fds[i], data, len), (ssize_t)len);
    }
    for (size_t i = 0; i < 50; i++)
        refused += nacre_secrets_step(&secrets, now, &what);
    ck_assert_uint_eq(refused, 8);
    for (size_t i = 0; i < 50; i++)
        refused += nacre_secrets_step(&secrets, now + S, &what);
    ck_assert_uint_eq(refused, 12);
    for (size_t i = 0; i < 12; i++)
        (void)close(fds[i]);
    nacre_keys_free(secrets.terms.keys);
}
END_TEST

/* Delivers these bytes; the answer. */
static const char *deliver(const void *bytes, size_t len)
{
    static char said[1024];
    int fd = dial();
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    (void)shutdown(fd, SHUT_WR);
    (void)turns(0);
    (void)snprintf(said, sizeof said, "%s", answer(fd));
    (void)close(fd);
    return said;
}

START_TEST(credentials_come_again_and_end_with_the_secrets)
{
    uint8_t message[NACRE_CREDENTIALS_MAX];
    const char *what;
    const struct nacre_credentials c = {"ASIA1", "secret", "token", 5, 6, 5, 7};
    int len = nacre_credentials_write(message, sizeof message, &c);
    ck_assert_int_eq(len, NACRE_CREDENTIALS_HEAD + 16);
    listen_here();
    ck_assert_str_eq(deliver(message, (size_t)len),
                     "no: credentials were refused: secrets.kms.region is none\n");
    ck_assert_ptr_null(secrets.credentials);
    secrets.wants_credentials = true;
    for (uint64_t i = 1; i <= 2; i++) {
        ck_assert_str_eq(deliver(message, (size_t)len), "ok: credentials received\n");
        ck_assert_uint_eq(secrets.lent, i);
        ck_assert_mem_eq(secrets.credentials, message, (size_t)len);
        ck_assert(!secrets.settled && sodium_is_zero(secrets.blob, NACRE_SEALED_MAX + 1) == 1);
    }
    const uint64_t refused = secrets.refused;
    ck_assert_str_eq(deliver(message, 0), ""); /* who looks whether anybody listens is no delivery */
    ck_assert_uint_eq(secrets.refused, refused);
    ck_assert(!nacre_secrets_give(&secrets, message, 0, &what));
    ck_assert(nacre_secrets_give(&secrets, (const uint8_t *)"{}", 2, &what));
    ck_assert_str_eq(what, "secrets received from KMS");
    ck_assert(secrets.settled && secrets.form == NACRE_SECRETS_KMS && secrets.len == 2);
    ck_assert_ptr_null(secrets.credentials);
    ck_assert_int_eq(dial(), -1);
    ck_assert(!nacre_secrets_give(&secrets, (const uint8_t *)"[]", 2, &what)); /* final */
}
END_TEST

START_TEST(credentials_out_of_form)
{
    uint8_t message[NACRE_CREDENTIALS_MAX + 1];
    char why[NACRE_CREDENTIALS_WHY];
    struct nacre_credentials c = {"ASIA1", "secret", "", 5, 6, 0, 7}, got;
    int len = nacre_credentials_write(message, sizeof message, &c);
    ck_assert_int_eq(nacre_credentials_parse(&got, message, (size_t)len, why), 0);
    ck_assert(got.id_len == 5 && got.secret_len == 6 && got.token_len == 0 && got.expires_ms == 7);
    ck_assert_mem_eq(got.secret, "secret", 6);
    for (int at = 0; at < len; at++) /* every cut, and every byte that says something about the form */
        ck_assert_int_eq(nacre_credentials_parse(&got, message, (size_t)at, why), -EBADMSG);
    for (int at = 0; at < 36; at++) {
        message[at] ^= 0x80;
        ck_assert(nacre_credentials_parse(&got, message, (size_t)len, why) ==
                  (at >= 24 && at < 32 ? 0 : -EBADMSG));
        ck_assert_ptr_null(strstr(why, "secret"));
        message[at] ^= 0x80;
    }
    message[len - 1] = '\n';
    ck_assert_int_eq(nacre_credentials_parse(&got, message, (size_t)len, why), -EBADMSG);
    c.id = "A B";
    c.id_len = 3;
    ck_assert_int_eq(nacre_credentials_write(message, sizeof message, &c), -EINVAL);
    c = (struct nacre_credentials){"A", "s", "t", 1, 1, 1, 0};
    ck_assert_int_eq(nacre_credentials_write(message, 38, &c), -EINVAL);
    ck_assert_int_eq(nacre_credentials_size(message, 23), 0);
}
END_TEST

START_TEST(sources_out_of_form)
{
    size_t before = open_fds();
    ck_assert_int_eq(nacre_secrets_open(&secrets, "vsock:x", 300), -EINVAL);
    ck_assert_int_eq(nacre_secrets_open(&secrets, "unix:/nowhere/at/all", 300), -ENOENT);
    ck_assert_int_eq(nacre_secrets_open(&secrets, "unix:", 300), -EINVAL);
    ck_assert_uint_eq(open_fds(), before);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, none_is_settled_at_once);
    tcase_add_test(tc, a_file_and_its_limit);
    tcase_add_test(tc, a_connection_in_pieces);
    tcase_add_test(tc, empty_and_oversized_ones_leave_the_door_open);
    tcase_add_test(tc, one_after_the_other);
    tcase_add_test(tc, who_takes_too_long_makes_room_for_the_next);
    tcase_add_test(tc, gives_up_in_time_and_keeps_nothing);
    tcase_add_test(tc, sealed_ones_are_opened);
    tcase_add_test(tc, refused_ones_leave_the_door_open);
    tcase_add_test(tc, cut_and_trailing_bytes);
    tcase_add_test(tc, sealed_only_refuses_plain_ones);
    tcase_add_test(tc, sealed_files_and_plain_ones_where_none_may_be);
    tcase_add_test(tc, tries_are_bounded);
    tcase_add_test(tc, credentials_come_again_and_end_with_the_secrets);
    tcase_add_test(tc, credentials_out_of_form);
    tcase_add_test(tc, sources_out_of_form);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    return nacre_run_suite("nacred/secrets", add, 20);
}
