#include "nacred/address.h"
#include "nacred/listen.h"
#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(reads_all_forms)
{
    struct nacre_sockaddr a;
    ck_assert_int_eq(nacre_sockaddr_parse(&a, "tcp:127.0.0.1:3000", 7), 0);
    ck_assert_int_eq(a.u.any.sa_family, AF_INET);
    ck_assert_uint_eq(a.u.v4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    ck_assert_uint_eq(nacre_sockaddr_port(&a), 3000);
    ck_assert_int_eq(nacre_sockaddr_parse(&a, "tcp:[::1]:65535", 7), 0);
    ck_assert_int_eq(a.u.any.sa_family, AF_INET6);
    ck_assert_int_eq(IN6_IS_ADDR_LOOPBACK(&a.u.v6.sin6_addr), 1);
    ck_assert_uint_eq(nacre_sockaddr_port(&a), 65535);
    ck_assert_int_eq(nacre_sockaddr_parse(&a, "tcp:0.0.0.0:0", 7), 0);
    ck_assert_uint_eq(nacre_sockaddr_port(&a), 0);
    ck_assert_int_eq(nacre_sockaddr_parse(&a, "vsock:8101", 7), 0);
    ck_assert_uint_eq(a.u.vm.svm_cid, 7);
    ck_assert_uint_eq(nacre_sockaddr_port(&a), 8101);
    ck_assert_int_eq(nacre_sockaddr_parse(&a, "vsock:4294967294", 7), 0);
    ck_assert_int_eq(nacre_sockaddr_parse(&a, "unix:/run/x", 7), 0);
    ck_assert_str_eq(a.u.un.sun_path, "/run/x");
}
END_TEST

START_TEST(refuses_everything_else)
{
    static const char *const bad[] = {"",
                                      "tcp",
                                      "tcp:",
                                      "tcp:1.2.3.4",
                                      "tcp:1.2.3.4:",
                                      "tcp:1.2.3.4:65536",
                                      "tcp:1.2.3.4:-1",
                                      "tcp:1.2.3.4:+1",
                                      "tcp:1.2.3.4: 1",
                                      "tcp:1.2.3.4:1 ",
                                      "tcp:1.2.3.4:0x10",
                                      "tcp:1.2.3.4:99999999999999999999",
                                      "tcp:1.2.3:80",
                                      "tcp:01.2.3.4.5:80",
                                      "tcp:localhost:80",
                                      "tcp::80",
                                      "tcp::1:80",
                                      "tcp:[::1]",
                                      "tcp:[::1:80",
                                      "tcp:::1]:80",
                                      "tcp:[]:80",
                                      "tcp:[127.0.0.1]:80",
                                      "tcp:[fe80::1%eth0]:80",
                                      "tcp:example.org:443",
                                      "tcp:1111:2222:3333:4444:5555:6666:7777:8888:9999:1:80",
                                      "vsock:",
                                      "vsock:x",
                                      "vsock:-1",
                                      "vsock:4294967295",
                                      "vsock:3:80",
                                      "TCP:1.2.3.4:80",
                                      "none",
                                      "unix:",
                                      "udp:1.2.3.4:1"};
    struct nacre_sockaddr a = {.len = 99}, before = a;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(nacre_sockaddr_parse(&a, bad[i], 1) == -EINVAL, "'%s' is taken", bad[i]);
        ck_assert_mem_eq(&a, &before, sizeof a);
    }
    char path[300] = "unix:";
    memset(path + 5, 'a', sizeof a.u.un.sun_path);
    ck_assert_int_eq(nacre_sockaddr_parse(&a, path, 1), -EINVAL);
    path[5 + sizeof a.u.un.sun_path - 1] = '\0';
    ck_assert_int_eq(nacre_sockaddr_parse(&a, path, 1), 0);
}
END_TEST

static int connect_to(uint32_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int err = connect(fd, (struct sockaddr *)&a, sizeof a);
    (void)close(fd);
    return err;
}

START_TEST(one_listener_a_lane_and_the_port_is_told)
{
    struct nacre_listeners l = {0};
    size_t before = open_fds();
    ck_assert_int_eq(nacre_listeners_open(&l, "tcp:127.0.0.1:0", "tcp:127.0.0.1:0", 3), 0);
    ck_assert_uint_ne(l.port, 0);
    ck_assert_uint_eq(l.has_admin, 1);
    ck_assert_uint_eq(l.is_vsock, 0);
    ck_assert_uint_eq(open_fds(), before + 4);
    ck_assert_int_eq(connect_to(l.port), 0);
    nacre_listeners_close(&l);
    ck_assert_uint_eq(open_fds(), before);
    ck_assert_int_eq(connect_to(l.port), -1);
    nacre_listeners_close(&l);
}
END_TEST

START_TEST(an_address_in_use_is_refused_even_with_lanes)
{
    struct nacre_listeners first = {0}, second = {0};
    char address[64];
    ck_assert_int_eq(nacre_listeners_open(&first, "tcp:127.0.0.1:0", "none", 2), 0);
    ck_assert_uint_eq(first.has_admin, 0);
    (void)snprintf(address, sizeof address, "tcp:127.0.0.1:%u", first.port);
    size_t before = open_fds();
    ck_assert_int_eq(nacre_listeners_open(&second, address, "none", 2), -EADDRINUSE);
    ck_assert_int_eq(nacre_listeners_open(&second, address, "none", 1), -EADDRINUSE);
    ck_assert_int_eq(nacre_listeners_open(&second, "tcp:127.0.0.1:0", address, 2), -EADDRINUSE);
    ck_assert_int_eq(nacre_listeners_open(&second, "tcp:127.0.0.1:0", "tcp:nowhere:1", 1), -EINVAL);
    ck_assert_int_eq(nacre_listeners_open(&second, "tcp:nowhere:1", "none", 1), -EINVAL);
    ck_assert_int_eq(nacre_listeners_open(&second, "tcp:127.0.0.1:0", "none", 0), -EINVAL);
    ck_assert_int_eq(nacre_listeners_open(&second, "tcp:127.0.0.1:0", "none", 17), -EINVAL);
    ck_assert_uint_eq(open_fds(), before);
    nacre_listeners_close(&first);
}
END_TEST

/* The sockets are shared with nacre-http, which may do them harm that outlives it. */
START_TEST(what_a_dead_helper_did_to_listeners_is_undone)
{
    struct nacre_listeners l = {0};
    ck_assert_int_eq(nacre_listeners_open(&l, "tcp:127.0.0.1:0", "none", 2), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(shutdown(l.fds[i], SHUT_RDWR), 0);
        ck_assert_int_eq(fcntl(l.fds[i], F_SETFL, 0), 0);
    }
    ck_assert_int_eq(connect_to(l.port), -1);
    nacre_listeners_renew(&l);
    ck_assert_int_eq(connect_to(l.port), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(fcntl(l.fds[i], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    nacre_listeners_close(&l);
}
END_TEST

START_TEST(lanes_share_one_vsock_listener)
{
    struct nacre_listeners l = {0};
    size_t before = open_fds();
    int err = nacre_listeners_open(&l, "vsock:54321", "none", 2);
    if (err == -EAFNOSUPPORT || err == -EADDRINUSE) /* a kernel without vsock */
        return;
    ck_assert_int_eq(err, 0);
    ck_assert_uint_eq(l.is_vsock, 1);
    ck_assert_uint_eq(l.port, 54321);
    ck_assert_int_eq(l.fds[0], l.fds[1]);
    ck_assert_uint_eq(open_fds(), before + 1);
    nacre_listeners_close(&l);
    ck_assert_uint_eq(open_fds(), before);
}
END_TEST

START_TEST(a_unix_socket_is_private_and_replaces_an_old_one)
{
    char dir[PATH_MAX], text[PATH_MAX + 16];
    struct nacre_sockaddr a;
    struct stat st;
    make_dir(dir);
    (void)snprintf(text, sizeof text, "unix:%s/s", dir);
    ck_assert_int_eq(nacre_sockaddr_parse(&a, text, 0), 0);
    for (int i = 0; i < 2; i++) {
        int fd = nacre_sockaddr_listen(&a, false);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(stat(text + 5, &st), 0);
        ck_assert_uint_eq(st.st_mode & 0777u, 0600);
        (void)close(fd);
    }
    ck_assert_int_eq(unlink(text + 5), 0);
    write_file(text + 5, "precious", 8); /* only sockets are replaced */
    ck_assert_int_eq(nacre_sockaddr_listen(&a, false), -EADDRINUSE);
    drop_dir(dir);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, reads_all_forms);
    tcase_add_test(tc, refuses_everything_else);
    tcase_add_test(tc, one_listener_a_lane_and_the_port_is_told);
    tcase_add_test(tc, an_address_in_use_is_refused_even_with_lanes);
    tcase_add_test(tc, what_a_dead_helper_did_to_listeners_is_undone);
    tcase_add_test(tc, lanes_share_one_vsock_listener);
    tcase_add_test(tc, a_unix_socket_is_private_and_replaces_an_old_one);
}

int main(void)
{
    return nacre_run_suite("nacred/address", add, 20);
}
