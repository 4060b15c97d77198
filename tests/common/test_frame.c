#include "common/frame.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static int pair[2];
static struct nacre_inbox inbox;

static void setup(void)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    ck_assert_int_eq(nacre_inbox_init(&inbox), 0);
}

static void teardown(void)
{
    nacre_inbox_free(&inbox);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static int receive(void)
{
    return nacre_frame_receive(pair[1], &inbox, NACRE_PAYLOAD_MAX, true);
}

static int open_fds(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

START_TEST(payloads_of_all_sizes)
{
    static const size_t sizes[] = {0,
                                   1,
                                   100,
                                   NACRE_FRAME_INLINE - 1,
                                   NACRE_FRAME_INLINE,
                                   NACRE_FRAME_INLINE + 1,
                                   1000000,
                                   NACRE_PAYLOAD_MAX};
    int before = open_fds();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t len = sizes[i], first = len / 3;
        uint8_t *data = malloc(len + 1);
        randombytes_buf(data, len);
        struct nacre_result_frame frame = {.head.type = NACRE_FRAME_RESULT, .timestamp_ms = 42 + i};
        ck_assert_int_eq(nacre_frame_send(pair[0], &frame, data, first, data + first, len - first, NULL, 0),
                         0);
        ck_assert_int_eq(receive(), 1);
        const struct nacre_result_frame *got = (const void *)inbox.head;
        ck_assert_uint_eq(got->timestamp_ms, 42 + i);
        ck_assert_uint_eq(inbox.payload_len, len);
        ck_assert(len == 0 || memcmp(inbox.payload, data, len) == 0);
        memset(inbox.payload - NACRE_FRAME_HEADROOM, 0xaa, NACRE_FRAME_HEADROOM); /* must be ours to write */
        free(data);
    }
    nacre_inbox_clear(&inbox);
    ck_assert_int_eq(open_fds(), before);
    ck_assert_int_eq(receive(), -EAGAIN);
}
END_TEST

START_TEST(limits_are_the_receivers)
{
    struct nacre_plain_frame frame = {.head.type = NACRE_FRAME_SECRETS};
    ck_assert_int_eq(nacre_frame_send(pair[0], &frame, "0123456789", 10, NULL, 0, NULL, 0), 0);
    ck_assert_int_eq(nacre_frame_receive(pair[1], &inbox, 9, true), -EBADMSG);
    uint8_t *data = calloc(1, 100000);
    ck_assert_int_eq(nacre_frame_send(pair[0], &frame, data, 100000, NULL, 0, NULL, 0), 0);
    ck_assert_int_eq(nacre_frame_receive(pair[1], &inbox, 99999, true), -EBADMSG);
    ck_assert_int_eq(nacre_frame_send(pair[0], &frame, data, NACRE_PAYLOAD_MAX, data, 1, NULL, 0), -EMSGSIZE);
    free(data);
}
END_TEST

START_TEST(descriptors_travel_and_do_not_leak)
{
    int before = open_fds();
    struct nacre_lane_frame frame = {.head.type = NACRE_FRAME_LANE};
    int fds[2] = {open("/dev/null", O_RDONLY | O_CLOEXEC), open("/dev/zero", O_RDONLY | O_CLOEXEC)};
    ck_assert_int_eq(nacre_frame_send(pair[0], &frame, NULL, 0, NULL, 0, fds, 2), 0);
    ck_assert_int_eq(nacre_frame_send(pair[0], &frame, NULL, 0, NULL, 0, fds, 2), 0);
    ck_assert_int_eq(receive(), 1);
    ck_assert_uint_eq(inbox.n_fds, 2);
    int taken = nacre_inbox_take_fd(&inbox, 1);
    ck_assert_int_ge(taken, 0);
    ck_assert_int_eq(nacre_inbox_take_fd(&inbox, 1), -1);
    ck_assert_int_eq(nacre_inbox_take_fd(&inbox, 2), -1);
    ck_assert_int_eq(fcntl(taken, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(receive(), 1);
    nacre_inbox_clear(&inbox);
    (void)close(taken);
    (void)close(fds[0]);
    (void)close(fds[1]);
    ck_assert_int_eq(open_fds(), before);
}
END_TEST

/* What a hostile peer may put on the socket: everything is dropped whole, and nothing is left open. */
START_TEST(hostile_messages)
{
    struct nacre_result_frame good = {.head = {NACRE_FRAME_RESULT, 0, 4}};
    uint8_t raw[sizeof good + 4], huge[sizeof good + NACRE_FRAME_INLINE + 2048];
    int before = open_fds();
    memset(huge, 0, sizeof huge);
    for (size_t len = 1; len < sizeof raw; len++) { /* cut short anywhere */
        memcpy(raw, &good, sizeof good);
        ck_assert_int_eq(send(pair[0], raw, len, 0), (ssize_t)len);
        ck_assert_int_eq(receive(), -EBADMSG);
    }
    const struct nacre_frame_head heads[] = {{0, 0, 4},
                                             {6, 0, 4},
                                             {9999, 0, 4},
                                             {NACRE_FRAME_RESULT, 0, 5},
                                             {NACRE_FRAME_RESULT, 0, 3},
                                             {NACRE_FRAME_RESULT, 0, UINT64_MAX},
                                             {NACRE_FRAME_RESULT, 1, 4},
                                             {NACRE_FRAME_RESULT, 2, 4}};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        memcpy(raw, &heads[i], sizeof heads[i]);
        ck_assert_int_eq(send(pair[0], raw, sizeof raw, 0), (ssize_t)sizeof raw);
        ck_assert_int_eq(receive(), -EBADMSG);
    }
    memcpy(huge, &good, sizeof good);
    ck_assert_int_eq(send(pair[0], huge, sizeof huge, 0), (ssize_t)sizeof huge);
    ck_assert_int_eq(receive(), -EBADMSG);
    ck_assert_int_eq(open_fds(), before);
}
END_TEST

static void send_with_fd(uint64_t claimed, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct nacre_result_frame f = {.head = {NACRE_FRAME_RESULT, 1, claimed}};
    struct iovec iov = {&f, sizeof f};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    *c = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    ck_assert_int_eq(sendmsg(pair[0], &msg, 0), (ssize_t)sizeof f);
}

/* An attached descriptor that is no file, or of another size than said, must neither block nor be read. */
START_TEST(hostile_attachments)
{
    int pipes[2], file = memfd_create("t", MFD_CLOEXEC), before;
    ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
    ck_assert_int_eq(ftruncate(file, 100), 0);
    before = open_fds();
    send_with_fd(4, pipes[0]);
    ck_assert_int_eq(receive(), -EBADMSG);
    send_with_fd(101, file);
    ck_assert_int_eq(receive(), -EBADMSG);
    send_with_fd(99, file);
    ck_assert_int_eq(receive(), -EBADMSG);
    send_with_fd(100, file);
    ck_assert_int_eq(receive(), 1);
    ck_assert_uint_eq(inbox.payload_len, 100);
    nacre_inbox_clear(&inbox);
    ck_assert_int_eq(open_fds(), before);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    (void)close(file);
}
END_TEST

START_TEST(closed_peer)
{
    struct nacre_plain_frame frame = {.head.type = NACRE_FRAME_READY};
    (void)close(pair[1]);
    ck_assert_int_eq(nacre_frame_send(pair[0], &frame, NULL, 0, NULL, 0, NULL, 0), -EPIPE);
    ck_assert_int_eq(nacre_frame_receive(pair[0], &inbox, 0, true), 0);
    pair[1] = -1;
}
END_TEST

/* To end with messages unread resets the connection: what was said before must be heard all the same. */
START_TEST(last_words_of_a_peer_that_did_not_listen)
{
    struct nacre_plain_frame unread = {.head.type = NACRE_FRAME_STOP},
                             last = {.head.type = NACRE_FRAME_FAILED};
    ck_assert_int_eq(nacre_frame_send(pair[1], &unread, NULL, 0, NULL, 0, NULL, 0), 0);
    ck_assert_int_eq(nacre_frame_send(pair[0], &last, "why", 3, NULL, 0, NULL, 0), 0);
    (void)close(pair[0]);
    pair[0] = -1;
    ck_assert_int_eq(receive(), 1);
    ck_assert_uint_eq(inbox.payload_len, 3);
    ck_assert_int_eq(receive(), 0);
    ck_assert_int_eq(receive(), 0);
}
END_TEST

/* A peer that sends nothing at all has not hung up. */
START_TEST(empty_messages_are_no_end)
{
    struct nacre_plain_frame frame = {.head.type = NACRE_FRAME_STOP};
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(send(pair[0], "", 0, 0), 0);
    ck_assert_int_eq(nacre_frame_send(pair[0], &frame, NULL, 0, NULL, 0, NULL, 0), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(receive(), -EBADMSG);
    ck_assert_int_eq(receive(), 1);
    ck_assert_int_eq(receive(), -EAGAIN);
    ck_assert_int_eq(shutdown(pair[0], SHUT_RDWR), 0);
    ck_assert_int_eq(receive(), 0);
}
END_TEST

START_TEST(tickets)
{
    uint8_t key[16] = {1}, other[16] = {2};
    struct nacre_ticket t = {.id = 77, .deadline_ns = 5, .route = 1};
    nacre_ticket_seal(&t, key);
    ck_assert(nacre_ticket_valid(&t, key));
    ck_assert(!nacre_ticket_valid(&t, other));
    for (size_t i = 0; i < sizeof t; i++) { /* every byte counts */
        struct nacre_ticket forged = t;
        ((uint8_t *)&forged)[i] ^= 1;
        ck_assert_msg(!nacre_ticket_valid(&forged, key), "byte %zu", i);
    }
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, payloads_of_all_sizes);
    tcase_add_test(tc, limits_are_the_receivers);
    tcase_add_test(tc, descriptors_travel_and_do_not_leak);
    tcase_add_test(tc, hostile_messages);
    tcase_add_test(tc, hostile_attachments);
    tcase_add_test(tc, closed_peer);
    tcase_add_test(tc, last_words_of_a_peer_that_did_not_listen);
    tcase_add_test(tc, empty_messages_are_no_end);
    tcase_add_test(tc, tickets);
}

int main(void)
{
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return nacre_run_suite("frame", add, 30);
}
