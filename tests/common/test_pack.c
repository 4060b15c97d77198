#include "common/pack.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int pair[2];
static struct nacre_inbox inbox;
static struct nacre_outbox outbox;

static void setup(void)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    ck_assert_int_eq(nacre_inbox_init(&inbox), 0);
    ck_assert_int_eq(nacre_outbox_init(&outbox), 0);
}

static void teardown(void)
{
    nacre_inbox_free(&inbox);
    nacre_outbox_free(&outbox);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static int receive(void)
{
    return nacre_frame_receive_packed(pair[1], &inbox, NACRE_PAYLOAD_MAX, true);
}

static bool add(uint64_t number, const void *payload, size_t len)
{
    struct nacre_result_frame f = {.head.type = NACRE_FRAME_RESULT, .timestamp_ms = number};
    return nacre_outbox_add(&outbox, &f, payload, len / 3, (const char *)payload + len / 3, len - len / 3);
}

static void expect(uint64_t number, const void *payload, size_t len)
{
    ck_assert_int_eq(receive(), 1);
    const struct nacre_result_frame *got = (const void *)inbox.head;
    ck_assert_uint_eq((uintptr_t)got % 8, 0);
    ck_assert_uint_eq(got->timestamp_ms, number);
    ck_assert_uint_eq(inbox.payload_len, len);
    ck_assert(len == 0 || memcmp(inbox.payload, payload, len) == 0);
    memset(inbox.payload - NACRE_FRAME_HEADROOM, 0xaa,
           NACRE_FRAME_HEADROOM); /* ours to write: no neighbour's */
}

START_TEST(many_in_one_message)
{
    static uint8_t data[1000];
    randombytes_buf(data, sizeof data);
    for (unsigned round = 0; round < 50; round++) {
        size_t lens[NACRE_PACK_FRAMES];
        for (uint32_t i = 0; i < NACRE_PACK_FRAMES; i++) {
            lens[i] = round == 0 ? i : randombytes_uniform(sizeof data - 100);
            ck_assert(add(i, data + i, lens[i]));
        }
        ck_assert(!add(99, data, 0)); /* full */
        ck_assert_int_eq(nacre_outbox_send(&outbox, pair[0]), 0);
        ck_assert_uint_eq(outbox.n + outbox.len, 0);
        ck_assert_int_eq(nacre_outbox_send(&outbox, pair[0]), 0); /* nothing: no message */
        for (uint32_t i = 0; i < NACRE_PACK_FRAMES; i++) {
            expect(i, data + i, lens[i]);
            ck_assert(nacre_inbox_more(&inbox) == (i + 1 < NACRE_PACK_FRAMES));
        }
        ck_assert_int_eq(receive(), -EAGAIN);
    }
}
END_TEST

/* Order is kept whatever fits, and what is too large for company travels alone. */
START_TEST(put_sends_what_is_in_the_way)
{
    static uint8_t data[40000];
    static const size_t lens[] = {10, 6000, 6000, 6000, 17000, 5, 40000, 0};
    randombytes_buf(data, sizeof data);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct nacre_result_frame f = {.head.type = NACRE_FRAME_RESULT, .timestamp_ms = i};
        ck_assert_int_eq(nacre_outbox_put(&outbox, pair[0], &f, data, lens[i], NULL, 0), 0);
    }
    ck_assert_int_eq(nacre_outbox_send(&outbox, pair[0]), 0);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++)
        expect(i, data, lens[i]);
    ck_assert_int_eq(receive(), -EAGAIN);
    struct nacre_plain_frame none = {.head.type = 9999};
    ck_assert_int_eq(nacre_outbox_put(&outbox, pair[0], &none, NULL, 0, NULL, 0), -EMSGSIZE);
}
END_TEST

START_TEST(only_who_asks_for_several_gets_them)
{
    ck_assert(add(1, "abc", 3) && add(2, "def", 3));
    ck_assert_int_eq(nacre_outbox_send(&outbox, pair[0]), 0);
    ck_assert_int_eq(nacre_frame_receive(pair[1], &inbox, 100, true), -EBADMSG);
    ck_assert(add(3, "ghi", 3) && add(4, "jkl", 3));
    ck_assert_int_eq(nacre_outbox_send(&outbox, pair[0]), 0);
    expect(3, "ghi", 3);
    ck_assert_int_eq(nacre_frame_receive(pair[1], &inbox, 100, true), -EAGAIN); /* forgets the rest */
    ck_assert_int_eq(receive(), -EAGAIN);
}
END_TEST

/* Sends what add() has gathered with bytes of it changed. */
static void send_changed(size_t at, const void *bytes, size_t len, size_t total)
{
    uint8_t raw[NACRE_PACK_BYTES];
    memcpy(raw, outbox.buf, outbox.len);
    if (len)
        memcpy(raw + at, bytes, len);
    ck_assert_int_eq(send(pair[0], raw, total, 0), (ssize_t)total);
}

/* The first frame counts, what is broken takes all behind it with it, and the next message is whole again. */
static void expect_only_first(void)
{
    struct nacre_result_frame f = {.head.type = NACRE_FRAME_RESULT, .timestamp_ms = 77};
    expect(1, "0123456789", 10);
    ck_assert_int_eq(receive(), -EBADMSG);
    ck_assert(!nacre_inbox_more(&inbox));
    ck_assert_int_eq(nacre_frame_send(pair[0], &f, NULL, 0, NULL, 0, NULL, 0), 0);
    expect(77, "", 0);
    ck_assert_int_eq(receive(), -EAGAIN);
}

START_TEST(hostile_packs)
{
    const struct nacre_frame_head heads[] = {{0, 0, 10},
                                             {9999, 0, 10},
                                             {NACRE_FRAME_RESULT, 0, UINT64_MAX},
                                             {NACRE_FRAME_RESULT, 0, UINT64_MAX - 7},
                                             {NACRE_FRAME_RESULT, 0, 1u << 30},
                                             {NACRE_FRAME_RESULT, 1, 10},
                                             {NACRE_FRAME_RESULT, 2, 10}};
    const size_t second = nacre_pack_align(sizeof(struct nacre_result_frame) + 10);
    ck_assert(add(1, "0123456789", 10) && add(2, "0123456789", 10) && add(3, "0123456789", 10));
    const size_t total = outbox.len;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        send_changed(second, &heads[i], sizeof heads[i], total);
        expect_only_first();
    }
    for (size_t len = second + 1; len < second + sizeof(struct nacre_result_frame) + 10;
         len++) { /* cut short */
        send_changed(0, NULL, 0, len);
        expect_only_first();
    }
    /* padding with nothing behind it is no frame either */
    for (size_t len = sizeof(struct nacre_result_frame) + 11; len <= second; len++) {
        send_changed(0, NULL, 0, len);
        ck_assert_int_eq(receive(), -EBADMSG);
    }
}
END_TEST

/* Whatever the bytes: no read outside them, and it ends. */
START_TEST(random_packs)
{
    for (unsigned round = 0; round < 20000; round++) {
        outbox.len = outbox.n = 0;
        for (uint32_t i = 0, n = 1 + randombytes_uniform(5); i < n; i++)
            ck_assert(add(i, "0123456789abcdef", randombytes_uniform(17)));
        for (uint32_t i = 0, n = 1 + randombytes_uniform(4); i < n; i++)
            outbox.buf[randombytes_uniform((uint32_t)outbox.len)] ^= (uint8_t)(1u << randombytes_uniform(8));
        ck_assert_int_eq(send(pair[0], outbox.buf, outbox.len, 0), (ssize_t)outbox.len);
        unsigned frames = 0;
        for (int got; (got = receive()) != -EAGAIN; frames++) {
            ck_assert(got == 1 || got == -EBADMSG);
            for (size_t k = 0; got == 1 && k < inbox.payload_len; k++)
                inbox.payload[k]++;
        }
        ck_assert_uint_le(frames, 40);
    }
}
END_TEST

/* Descriptors belong to a message of one frame. */
START_TEST(descriptors_come_alone)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    int fd = dup(pair[0]), before;
    ck_assert(add(1, "", 0) && add(2, "", 0));
    struct iovec iov = {outbox.buf, outbox.len};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    *c = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    before = dup(0);
    (void)close(before);
    ck_assert_int_eq(sendmsg(pair[0], &msg, 0), (ssize_t)outbox.len);
    ck_assert_int_eq(receive(), -EBADMSG);
    ck_assert_int_eq(receive(), -EAGAIN);
    int after = dup(0); /* the lowest free number: nothing was left open */
    ck_assert_int_eq(after, before);
    (void)close(after);
    (void)close(fd);
}
END_TEST

START_TEST(a_full_socket_keeps_and_a_dead_one_drops)
{
    static uint8_t data[15000];
    ck_assert_int_eq(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    unsigned sent = 0;
    int err;
    do {
        ck_assert(outbox.n == 0 && add(sent, data, sizeof data));
        err = nacre_outbox_send(&outbox, pair[0]);
        sent += err == 0;
    } while (err == 0 && sent < 10000);
    ck_assert_int_eq(err, -EAGAIN);
    ck_assert_uint_eq(outbox.n, 1);
    for (unsigned i = 0; i < sent; i++)
        expect(i, data, sizeof data);
    ck_assert_int_eq(nacre_outbox_send(&outbox, pair[0]), 0);
    expect(sent, data, sizeof data);
    ck_assert(add(1, "", 0));
    (void)close(pair[1]);
    pair[1] = -1;
    ck_assert_int_eq(nacre_outbox_send(&outbox, pair[0]), -EPIPE);
    ck_assert_uint_eq(outbox.n, 0);
}
END_TEST

/* What is done with is wiped, what is still to be read is not; a frame can move to another inbox, however large. */
START_TEST(wiped_and_moved)
{
    static uint8_t large[40000];
    struct nacre_inbox other;
    struct nacre_result_frame f = {.head.type = NACRE_FRAME_RESULT};
    memset(large, 0x5a, sizeof large);
    ck_assert_int_eq(nacre_inbox_init(&other), 0);
    ck_assert(add(1, "secret-1", 8) && add(2, "secret-2", 8));
    const size_t sent = outbox.len;
    ck_assert_int_eq(nacre_outbox_send(&outbox, pair[0]), 0);
    ck_assert(sodium_is_zero(outbox.buf, sent));
    ck_assert_int_eq(receive(), 1);
    nacre_inbox_move(&other, &inbox);
    ck_assert_uint_eq(other.payload_len, 8);
    ck_assert_mem_eq(other.payload, "secret-1", 8);
    ck_assert_uint_eq(((const struct nacre_result_frame *)(const void *)other.head)->timestamp_ms, 1);
    ck_assert(sodium_is_zero(inbox.buf, sizeof f + 8));
    expect(2, "secret-2", 8);
    ck_assert_int_eq(nacre_frame_send(pair[0], &f, large, sizeof large, NULL, 0, NULL, 0), 0);
    ck_assert_int_eq(receive(), 1);
    nacre_inbox_move(&other, &inbox);
    ck_assert_uint_eq(other.payload_len, sizeof large);
    ck_assert_mem_eq(other.payload, large, sizeof large);
    nacre_inbox_free(&other);
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, many_in_one_message);
    tcase_add_test(tc, put_sends_what_is_in_the_way);
    tcase_add_test(tc, only_who_asks_for_several_gets_them);
    tcase_add_test(tc, hostile_packs);
    tcase_add_test(tc, random_packs);
    tcase_add_test(tc, descriptors_come_alone);
    tcase_add_test(tc, a_full_socket_keeps_and_a_dead_one_drops);
    tcase_add_test(tc, wiped_and_moved);
}

int main(void)
{
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return nacre_run_suite("pack", add_tests, 60);
}
