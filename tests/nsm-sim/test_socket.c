#include "scratch.h"
#include "socket.h"
#include "suite.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static struct scratch scratch;
static struct nacre_sim_socket sock;

START_TEST(listens_and_cleans_up)
{
    struct stat st;
    scratch_open(&scratch);
    ck_assert_int_eq(nacre_sim_socket_listen(&sock, scratch.path, SOCK_SEQPACKET), 0);
    ck_assert_int_eq(lstat(scratch.path, &st), 0);
    ck_assert(S_ISSOCK(st.st_mode));
    ck_assert_uint_eq(st.st_mode & 07777U, 0600);
    nacre_sim_socket_close(&sock);
    ck_assert_int_eq(sock.fd, -1);
    ck_assert_int_lt(lstat(scratch.path, &st), 0);
    nacre_sim_socket_close(&sock);
    nacre_sim_socket_close(NULL);
    scratch_close(&scratch);
}
END_TEST

START_TEST(replaces_only_what_is_stale)
{
    struct nacre_sim_socket second = {.fd = -1};
    scratch_open(&scratch);
    ck_assert_int_eq(nacre_sim_socket_listen(&sock, scratch.path, SOCK_SEQPACKET), 0);
    ck_assert_int_eq(nacre_sim_socket_listen(&second, scratch.path, SOCK_SEQPACKET), -EADDRINUSE);
    ck_assert_int_eq(nacre_sim_socket_listen(&second, scratch.path, SOCK_STREAM), -EADDRINUSE);
    ck_assert_int_eq(second.fd, -1);
    ck_assert_int_eq(close(sock.fd), 0);
    ck_assert_int_eq(nacre_sim_socket_listen(&second, scratch.path, SOCK_SEQPACKET), 0);
    nacre_sim_socket_close(&second);
    scratch_close(&scratch);
}
END_TEST

START_TEST(leaves_other_files_alone)
{
    scratch_open(&scratch);
    FILE *file = fopen(scratch.path, "w");
    ck_assert_ptr_nonnull(file);
    (void)fclose(file);
    ck_assert_int_eq(nacre_sim_socket_listen(&sock, scratch.path, SOCK_SEQPACKET), -EEXIST);
    ck_assert_int_eq(access(scratch.path, F_OK), 0);
    ck_assert_int_eq(unlink(scratch.path), 0);
    ck_assert_int_eq(symlink("/nonexistent", scratch.path), 0);
    ck_assert_int_eq(nacre_sim_socket_listen(&sock, scratch.path, SOCK_SEQPACKET), -EEXIST);
    ck_assert_int_eq(unlink(scratch.path), 0);

    /* A path that somebody else has taken since is not removed. */
    ck_assert_int_eq(nacre_sim_socket_listen(&sock, scratch.path, SOCK_SEQPACKET), 0);
    ck_assert_int_eq(unlink(scratch.path), 0);
    file = fopen(scratch.path, "w");
    ck_assert_ptr_nonnull(file);
    (void)fclose(file);
    nacre_sim_socket_close(&sock);
    ck_assert_int_eq(access(scratch.path, F_OK), 0);
    scratch_close(&scratch);
}
END_TEST

START_TEST(bad_paths)
{
    char path[200];
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    ck_assert_int_eq(nacre_sim_socket_listen(&sock, path, SOCK_SEQPACKET), -ENAMETOOLONG);
    ck_assert_int_eq(nacre_sim_socket_listen(&sock, "", SOCK_SEQPACKET), -ENAMETOOLONG);
    ck_assert_int_eq(nacre_sim_socket_listen(&sock, "/nonexistent/socket", SOCK_SEQPACKET), -ENOENT);
}
END_TEST

START_TEST(adopts_only_the_right_kind)
{
    struct nacre_sim_socket adopted = {.fd = -1};
    int pair[2];
    scratch_open(&scratch);
    ck_assert_int_eq(nacre_sim_socket_listen(&sock, scratch.path, SOCK_SEQPACKET), 0);
    ck_assert_int_eq(nacre_sim_socket_adopt(&adopted, sock.fd), 0);
    ck_assert_int_eq(adopted.fd, sock.fd);
    nacre_sim_socket_close(&sock);

    ck_assert_int_eq(nacre_sim_socket_listen(&sock, scratch.path, SOCK_STREAM), 0);
    ck_assert_int_eq(nacre_sim_socket_adopt(&adopted, sock.fd), -EINVAL);
    nacre_sim_socket_close(&sock);

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    ck_assert_int_eq(nacre_sim_socket_adopt(&adopted, pair[0]), -EINVAL);
    (void)close(pair[0]);
    (void)close(pair[1]);
    ck_assert_int_eq(nacre_sim_socket_adopt(&adopted, pair[0]), -EINVAL);
    scratch_close(&scratch);
}
END_TEST

NACRE_SIM_SUITE("socket", listens_and_cleans_up, replaces_only_what_is_stale, leaves_other_files_alone,
                bad_paths, adopts_only_the_right_kind)
