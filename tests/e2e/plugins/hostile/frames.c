/*
 * frames - messages that are no messages: cut short, too long, out of order, lying about their length, with descriptors
 * that are not what they should be, and far too many of them. To nacred over the result and the control socket, to
 * nacre-http over the request socket.
 */
#include "lane.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

struct target {
    int request, result;
    struct nacre_ticket ticket; /* of a request that was really made */
};

static struct nacre_result_frame result(const struct target *t, uint64_t payload_len, uint32_t in_fd)
{
    return (struct nacre_result_frame){
        .head = {.type = NACRE_FRAME_RESULT, .in_fd = in_fd, .payload_len = payload_len},
        .ticket = t->ticket};
}

/* Every length from nothing to the whole frame, and the whole with some bytes too many. */
static void cut_short(struct hostile *h, const struct target *t)
{
    uint8_t whole[sizeof(struct nacre_result_frame) + sizeof HOSTILE_RIGHT + 16] = {0};
    const struct nacre_result_frame f = result(t, sizeof HOSTILE_RIGHT - 1, 0);
    const size_t right = sizeof f + sizeof HOSTILE_RIGHT - 1;
    memcpy(whole, &f, sizeof f);
    memcpy(whole + sizeof f, HOSTILE_RIGHT, sizeof HOSTILE_RIGHT - 1);
    for (size_t len = 0; len < sizeof whole; len++)
        if (len != right)
            h->tried += (uint64_t)post(h, t->result, whole, len, NULL, 0);
}

static void lie(struct hostile *h, const struct target *t)
{
    static const uint64_t lengths[] = {sizeof HOSTILE_RIGHT, 0,         1,          sizeof HOSTILE_RIGHT - 2,
                                       UINT64_MAX,           1u << 31,  1ull << 63, UINT64_MAX - 15,
                                       NACRE_PAYLOAD_MAX,    UINT32_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct nacre_result_frame f = result(t, lengths[i], 0);
        (void)post(h, t->result, &f, sizeof f, HOSTILE_RIGHT, sizeof HOSTILE_RIGHT - 1);
        for (f.head.in_fd = 1; f.head.in_fd < 4; f.head.in_fd++) /* and no descriptor with it */
            (void)post(h, t->result, &f, sizeof f, "", 0);
        h->tried += 4;
    }
}

/* The largest that a socket takes, and a payload within the message where it must be in a memfd. */
static void oversized(struct hostile *h, const struct target *t)
{
    static uint8_t large[1u << 20];
    for (size_t len = NACRE_FRAME_INLINE; len <= sizeof large; len *= 2) {
        const struct nacre_result_frame f = result(t, len, 0);
        (void)post(h, t->result, &f, sizeof f, large, len);
        (void)post(h, t->request, &f, sizeof f, large, len);
        h->tried += 2;
    }
}

static int memfd_of(size_t len)
{
    static uint8_t zero[65536];
    int fd = memfd_create("payload", MFD_ALLOW_SEALING);
    for (size_t done = 0; fd >= 0 && done < len; done += sizeof zero)
        if (write(fd, zero, len - done < sizeof zero ? len - done : sizeof zero) < 0)
            return fd;
    return fd;
}

static void with_fd(struct hostile *h, const struct target *t, int fd, uint64_t claimed)
{
    const struct nacre_result_frame f = result(t, claimed, 1);
    (void)post_fds(h, t->result, &f, sizeof f, NULL, 0, &fd, 1);
    h->tried++;
}

/* Where a memfd is expected: other files, files of another size, and more of them than anybody takes. */
static void descriptors(struct hostile *h, const struct target *t)
{
    int pipes[2] = {-1, -1}, pair[2] = {-1, -1}, many[250];
    const int small = memfd_of(10), exact = memfd_of(sizeof HOSTILE_RIGHT - 1), huge = memfd_of(17u << 20);
    const struct nacre_result_frame f = result(t, sizeof HOSTILE_RIGHT - 1, 1);
    if (pipe2(pipes, 0) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return;
    const int odd[] = {pipes[0],         pipes[1], pair[0], t->request, t->result,
                       NACRE_FD_CONTROL, 0,        2,       small,      huge};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        with_fd(h, t, odd[i], sizeof HOSTILE_RIGHT - 1);
        with_fd(h, t, odd[i], 0);
    }
    with_fd(h, t, huge, 17u << 20);
    with_fd(h, t, small, NACRE_PAYLOAD_MAX);
    for (size_t i = 0; i < 250; i++)
        many[i] = exact;
    for (size_t n = 2; n <= 250; n += 31) /* more than one, more than there is room for */
        (void)post_fds(h, t->result, &f, sizeof f, NULL, 0, many, n);
    for (size_t n = 1; n <= 250; n += 83) { /* on frames that take none, and with no byte at all */
        (void)post_fds(h, t->result, NULL, 0, NULL, 0, many, n);
        (void)post_fds(h, t->request, &f, sizeof f, HOSTILE_RIGHT, 10, many, n);
    }
    h->tried += 16;
    const int opened[] = {small, exact, huge, pipes[0], pipes[1], pair[0], pair[1]};
    for (size_t i = 0; i < sizeof opened / sizeof opened[0]; i++)
        (void)close(opened[i]);
}

/* Frames of every type, whole and with a plausible payload, on a socket where most of them have no business. */
static void every_type(struct hostile *h, int fd, const struct target *t)
{
    uint8_t frame[1024] = {0};
    char text[8] = "";
    memcpy(text, h->arg.ptr, h->arg.len < sizeof text ? h->arg.len : sizeof text - 1);
    const uint32_t only =
        h->arg.len ? (uint32_t)strtoul(text, NULL, 10) : 64; /* the one that arg names, or all */
    for (uint32_t type = only % 64; type < (only < 64 ? only + 1 : 64); type++) {
        const size_t fixed = nacre_frame_fixed_size(type);
        const size_t len = fixed ? fixed : 64;
        struct nacre_frame_head head = {.type = type, .payload_len = 8};
        memcpy(frame, &head, sizeof head);
        memcpy(frame + sizeof head, &t->ticket.id, sizeof t->ticket.id);
        (void)post(h, fd, frame, len, "12345678", 8);
        head.payload_len = 0;
        memcpy(frame, &head, sizeof head);
        (void)post(h, fd, frame, len, NULL, 0);
        h->tried += 2;
    }
}

/* The right answer before anything else of the same request, and everything else after it. */
static void out_of_order(struct hostile *h, const struct target *t)
{
    struct nacre_failure_frame failure = {
        .head = {.type = NACRE_FRAME_FAILURE, .payload_len = 5}, .id = t->ticket.id, .status = 499};
    struct nacre_progress_frame progress = {
        .head = {.type = NACRE_FRAME_PROGRESS, .payload_len = 5}, .id = t->ticket.id, .permille = UINT32_MAX};
    struct nacre_health_frame health = {
        .head = {.type = NACRE_FRAME_HEALTH}, .endpoint = UINT32_MAX, .ok = 2, .checked_ns = UINT64_MAX};
    (void)post(h, t->request, &progress, sizeof progress, "later", 5);
    send_right(h, t->result, &t->ticket);
    for (int i = 0; i < 200; i++) {
        (void)post(h, t->request, &progress, sizeof progress, "again", 5);
        (void)post(h, t->request, &failure, sizeof failure, "after", 5);
        (void)post(h, t->request, &health, sizeof health, NULL, 0);
        send_result(h, t->result, &t->ticket, HOSTILE_OTHER, sizeof HOSTILE_OTHER - 1);
    }
    h->tried += 802;
}

/* As much as fits into the sockets for as long as half a second. */
static void flood(struct hostile *h, int fd, const void *frame, size_t len)
{
    const uint64_t end = now_ns() + 500000000u;
    for (uint64_t n = 0; now_ns() < end && post(h, fd, frame, len, NULL, 0); n++)
        h->tried++;
}

static void control_flood(struct hostile *h)
{
    struct nacre_box_frame box = {.head.type = NACRE_FRAME_BOX};
    struct nacre_connect_frame connect = {.head.type = NACRE_FRAME_CONNECT, .endpoint = UINT32_MAX};
    if (is(h, "flood-box"))
        flood(h, NACRE_FD_CONTROL, &box, sizeof box);
    else
        flood(h, NACRE_FD_CONTROL, &connect, sizeof connect);
}

/* Ends one direction or the other, of the socket that `mode` names. */
static void shut(struct hostile *h, const struct target *t)
{
    const int fd = is(h, "shut-request") ? t->request : is(h, "shut-result") ? t->result : NACRE_FD_CONTROL;
    h->tried += shutdown(fd, SHUT_RDWR) == 0;
}

static void to_lane(struct hostile *h, const struct target *t)
{
    const struct nacre_result_frame f = result(t, 0, 0);
    if (is(h, "cut-short"))
        cut_short(h, t);
    else if (is(h, "lie"))
        lie(h, t);
    else if (is(h, "oversized"))
        oversized(h, t);
    else if (is(h, "descriptors"))
        descriptors(h, t);
    else if (is(h, "types-result"))
        every_type(h, t->result, t);
    else if (is(h, "types-request"))
        every_type(h, t->request, t);
    else if (is(h, "out-of-order"))
        out_of_order(h, t);
    else if (is(h, "flood-result"))
        flood(h, t->result, &f, sizeof f);
    else if (is(h, "flood-request"))
        flood(h, t->request, &f, sizeof f);
    else
        shut(h, t);
}

static void hostile_attack(struct hostile *h)
{
    struct target t = {-1, -1, {0}};
    struct nacre_request_frame stolen = {.flags = 0};
    if (is(h, "flood-box") || is(h, "flood-connect")) {
        control_flood(h);
        return;
    }
    if (is(h, "types-control")) {
        every_type(h, NACRE_FD_CONTROL, &t);
        return;
    }
    t.request = steal(h, &stolen);
    if (t.request < 0)
        return;
    t.result = result_socket(t.request);
    t.ticket = stolen.ticket;
    to_lane(h, &t);
}
