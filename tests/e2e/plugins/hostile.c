/*
 * hostile - a plugin that has been taken over. POST /attack takes the next request off the lane's socket, with the
 * ticket that makes a result count, and sends nacred whatever `mode` says for it; that next request is the victim,
 * which must get no signature. POST /victim is an honest route, but for the modes that make its handler misbehave.
 * For tests with one worker (app.workers=1), so that nobody else reads the socket.
 */
#include "common/frame.h"

#include <nacre/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FD_MAX 64

struct request {
    struct nacre_str mode;
};
struct answer {
    uint8_t flag;
    struct nacre_str text;
    uint16_t small;
    struct nacre_bytes bytes;
    const uint8_t *maybe;
    struct nacre_vec list;
};
struct other {
    uint64_t amount;
};
NACRE_STRUCT(request_type, "Request", struct request, NACRE_FIELD(struct request, mode, string));
NACRE_OPTION(maybe_type, nacre_type_u8);
NACRE_VECTOR(list_type, nacre_type_u32);
NACRE_STRUCT(answer_type, "Answer", struct answer, NACRE_FIELD(struct answer, flag, bool),
             NACRE_FIELD(struct answer, text, string), NACRE_FIELD(struct answer, small, u16),
             NACRE_FIELD(struct answer, bytes, bytes),
             NACRE_FIELD_OPTION(struct answer, maybe, maybe_type, uint8_t),
             NACRE_FIELD_VECTOR(struct answer, list, list_type));
NACRE_STRUCT(other_type, "Other", struct other, NACRE_FIELD(struct other, amount, u64));

/* flag true, text "hi", small 513, bytes 01 02, maybe 7, list [1, 2] */
#define RIGHT "\x01\x02hi\x01\x02\x02\x01\x02\x01\x07\x02\x01\0\0\0\x02\0\0\0"

/* Payloads that are no Answer, each wrong in one way. */
static const struct {
    const char *mode;
    const char *data;
    size_t len;
} payloads[] = {
#define PAYLOAD(MODE, DATA)                                                                                  \
    {                                                                                                        \
        MODE, DATA, sizeof(DATA) - 1                                                                         \
    }
    PAYLOAD("good", RIGHT),
    PAYLOAD("empty", ""),
    PAYLOAD("truncated", "\x01\x02hi\x01\x02\x02\x01\x02\x01\x07\x02\x01\0\0\0\x02\0\0"),
    PAYLOAD("trailing", RIGHT "\0"),
    PAYLOAD("twice", RIGHT RIGHT),
    PAYLOAD("bool", "\x02\x02hi\x01\x02\x02\x01\x02\x01\x07\x02\x01\0\0\0\x02\0\0\0"),
    PAYLOAD("uleb", "\x01\x82\0hi\x01\x02\x02\x01\x02\x01\x07\x02\x01\0\0\0\x02\0\0\0"),
    PAYLOAD("utf8", "\x01\x02\xc3(\x01\x02\x02\x01\x02\x01\x07\x02\x01\0\0\0\x02\0\0\0"),
    PAYLOAD("surrogate", "\x01\x03\xed\xa0\x80\x01\x02\x02\x01\x02\x01\x07\x02\x01\0\0\0\x02\0\0\0"),
    PAYLOAD("option", "\x01\x02hi\x01\x02\x02\x01\x02\x02\x07\x07\x02\x01\0\0\0\x02\0\0\0"),
    PAYLOAD("length", "\x01\xff\xff\xff\xff\x07hi"),
    PAYLOAD("count", "\x01\x02hi\x01\x02\x02\x01\x02\x01\x07\xff\xff\xff\xff\x07\x01\0\0\0"),
    PAYLOAD("other-type", "\x01\0\0\0\0\0\0\0"),
};

/* ---- Finding the lane's sockets ---- */

static int is_seqpacket(int fd)
{
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    return recvmsg(fd, &m, MSG_DONTWAIT | MSG_PEEK) >= 0 || errno == EAGAIN;
}

/* Takes a request if one waits on fd. Nothing else is taken: the runtime's own messages stay where they are. */
static int take(int fd, struct nacre_request_frame *out)
{
    static __thread char payload[65536];
    struct iovec iov[2] = {{out, sizeof *out}, {payload, sizeof payload}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
    if (recvmsg(fd, &m, MSG_DONTWAIT | MSG_PEEK) < (ssize_t)sizeof *out ||
        out->head.type != NACRE_FRAME_REQUEST)
        return 0;
    return recvmsg(fd, &m, MSG_DONTWAIT) >= (ssize_t)sizeof *out;
}

static int steal(const struct nacre_call *call, struct nacre_request_frame *out)
{
    while (nacre_remaining_ms(call) > 200) {
        for (int fd = 3; fd < FD_MAX; fd++) {
            if (take(fd, out))
                return fd;
        }
    }
    return -1;
}

/* A lane's two sockets arrive in one message, so they have neighbouring numbers. */
static int result_socket(int request_socket)
{
    int fd = request_socket + 1;
    while (fd < FD_MAX && !is_seqpacket(fd))
        fd++;
    return fd;
}

static ssize_t post(int fd, const void *frame, size_t frame_len, const void *data, size_t len)
{
    struct iovec iov[2] = {{(void *)(uintptr_t)frame, frame_len}, {(void *)(uintptr_t)data, len}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
    return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- What is sent ---- */

static uint64_t monotonic_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void send_result(int fd, const struct nacre_ticket *ticket, const char *data, size_t len)
{
    struct nacre_result_frame f = {.head = {.type = NACRE_FRAME_RESULT, .payload_len = len},
                                   .ticket = *ticket};
    (void)post(fd, &f, sizeof f, data, len);
}

static void forge_ticket(int fd, struct nacre_ticket t, struct nacre_str mode)
{
    if (nacre_str_is(mode, "ticket-route"))
        t.route = 2;
    else if (nacre_str_is(mode, "ticket-id"))
        t.id++;
    else if (nacre_str_is(mode, "ticket-deadline"))
        t.deadline_ns += 3600000000000u;
    else
        t.mac[0] ^= 1;
    if (t.route == 2)
        send_result(fd, &t, "\x01\0\0\0\0\0\0\0", 8);
    else
        send_result(fd, &t, RIGHT, sizeof RIGHT - 1);
}

/* An answer as nacred would send it, but to nacre-http over the request socket, and without a signature. */
static void forge_answer(int fd, const struct nacre_ticket *t)
{
    struct nacre_answer_frame f = {.head = {.type = NACRE_FRAME_ANSWER, .payload_len = sizeof RIGHT - 1},
                                   .id = t->id,
                                   .timestamp_ms = 1,
                                   .route = t->route,
                                   .status = 200};
    (void)post(fd, &f, sizeof f, RIGHT, sizeof RIGHT - 1);
}

/* A failure that claims success, and one for a status outside 400 to 599. */
static void forge_failure(int fd, const struct nacre_ticket *t)
{
    static const uint32_t statuses[] = {200, 0, 399, 600, UINT32_MAX};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct nacre_failure_frame f = {
            .head = {.type = NACRE_FRAME_FAILURE, .payload_len = 2}, .id = t->id, .status = statuses[i]};
        (void)post(fd, &f, sizeof f, "hi", 2);
    }
}

static void lie_about_length(int fd, const struct nacre_ticket *t)
{
    static const uint64_t lengths[] = {sizeof RIGHT, 0, UINT64_MAX, UINT64_MAX - 15, NACRE_PAYLOAD_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct nacre_result_frame f = {.head = {.type = NACRE_FRAME_RESULT, .payload_len = lengths[i]},
                                       .ticket = *t};
        (void)post(fd, &f, sizeof f, RIGHT, sizeof RIGHT - 1);
        f.head.in_fd = 1; /* and no descriptor with it */
        (void)post(fd, &f, sizeof f, "", 0);
    }
}

static void garbage(int fd)
{
    uint8_t junk[256];
    for (unsigned i = 0; i < 2000; i++) {
        for (size_t k = 0; k < sizeof junk; k++)
            junk[k] = (uint8_t)(i * 31 + k * 7 + (i >> 3));
        junk[0] = (uint8_t)(i % 32); /* every frame type, and some that are none */
        junk[1] = junk[2] = junk[3] = 0;
        (void)post(fd, junk, i % sizeof junk, "", 0);
    }
}

static void garbage_everywhere(void)
{
    for (int fd = 3; fd < FD_MAX; fd++) {
        if (is_seqpacket(fd))
            garbage(fd);
    }
}

static void attack(const struct nacre_call *call, struct nacre_str mode, int request_socket,
                   const struct nacre_ticket *ticket)
{
    int out = result_socket(request_socket);
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        if (nacre_str_is(mode, payloads[i].mode))
            send_result(out, ticket, payloads[i].data, payloads[i].len);
    }
    if (mode.len > 7 && memcmp(mode.ptr, "ticket-", 7) == 0)
        forge_ticket(out, *ticket, mode);
    if (nacre_str_is(mode, "forged-answer"))
        forge_answer(request_socket, ticket);
    if (nacre_str_is(mode, "forged-failure"))
        forge_failure(request_socket, ticket);
    if (nacre_str_is(mode, "lying-length"))
        lie_about_length(out, ticket);
    if (nacre_str_is(mode, "garbage"))
        garbage(out);
    if (nacre_str_is(mode, "garbage-everywhere"))
        garbage_everywhere();
    if (nacre_str_is(mode, "replay")) {
        for (int i = 0; i < 100; i++)
            send_result(out, ticket, RIGHT, sizeof RIGHT - 1);
    }
    if (nacre_str_is(mode, "late")) {
        while (monotonic_ns() <= ticket->deadline_ns + 50000000u)
            (void)nacre_remaining_ms(call);
        send_result(out, ticket, RIGHT, sizeof RIGHT - 1);
    }
}

static int32_t attack_handler(const struct nacre_call *call, const void *request, void *response)
{
    const struct request *in = request;
    struct nacre_request_frame stolen;
    int fd = steal(call, &stolen);
    (void)response;
    if (fd < 0)
        return nacre_fail(call, 500, "no victim came");
    attack(call, in->mode, fd, &stolen.ticket);
    return nacre_fail(call, 418, "attacked");
}

/* ---- Handlers that misbehave within the ABI, and out of it ---- */

/* What the sandbox must refuse. Returns the name of the first thing that worked, or NULL. */
static const char *escape(void)
{
    char *const argv[] = {(char *)(uintptr_t) "sh", NULL};
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_SEQPACKET, 0) >= 0)
        return "socket";
    if (open("/etc/passwd", O_RDONLY) >= 0 || open("/dev/null", O_RDWR) >= 0)
        return "open";
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
        MAP_FAILED)
        return "mmap";
    if (ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0)
        return "ptrace";
    if (kill(getppid(), 0) == 0)
        return "kill";
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    if (child > 0)
        return "fork";
    (void)execv("/bin/sh", argv);
    return NULL;
}

static void bad_values(struct nacre_str mode, struct answer *out)
{
    if (nacre_str_is(mode, "value-bool"))
        out->flag = 7;
    if (nacre_str_is(mode, "value-utf8"))
        out->text = (struct nacre_str)NACRE_S("\xff\xfe");
    if (nacre_str_is(mode, "value-null"))
        out->text = (struct nacre_str){NULL, 5};
    if (nacre_str_is(mode, "value-wild"))
        out->text = (struct nacre_str){(const char *)(uintptr_t)16, 5};
    if (nacre_str_is(mode, "value-huge"))
        out->bytes.len = UINT64_MAX;
    if (nacre_str_is(mode, "value-count"))
        out->list.count = UINT64_MAX / 4 + 2;
}

/* Is the deadline over, and some time more? */
static int past(const struct nacre_call *call)
{
    static _Thread_local uint64_t since;
    if (nacre_remaining_ms(call) > 0)
        since = monotonic_ns();
    return since && monotonic_ns() - since > 50000000u;
}

static int32_t misbehave(const struct nacre_call *call, struct nacre_str mode)
{
    if (nacre_str_is(mode, "null"))
        *(volatile int *)NULL = 1; /* cppcheck-suppress nullPointer */
    if (nacre_str_is(mode, "abort"))
        abort();
    if (nacre_str_is(mode, "exit"))
        _exit(0);
    while (nacre_str_is(mode, "loop") && !past(call))
        ;
    if (nacre_str_is(mode, "status-1"))
        return 1;
    if (nacre_str_is(mode, "status-200"))
        return nacre_fail(call, 200, "fine");
    if (nacre_str_is(mode, "status-negative"))
        return -5;
    if (nacre_str_is(mode, "status-700"))
        return 700;
    if (nacre_str_is(mode, "scratch") && nacre_alloc(call, UINT64_MAX - 8))
        return 599;
    if (nacre_str_is(mode, "other-time"))
        return nacre_set_timestamp(call, 1) == 0 ? 599 : 500;
    return 0;
}

static int32_t victim_handler(const struct nacre_call *call, const void *request, void *response)
{
    static const uint8_t bytes[] = {1, 2};
    static const uint8_t seven = 7;
    static const uint32_t list[] = {1, 2};
    const struct request *in = request;
    struct answer *out = response;
    int32_t status = misbehave(call, in->mode);
    if (status)
        return status;
    *out = (struct answer){1, NACRE_S("hi"), 513, {bytes, sizeof bytes}, &seven, {list, 2}};
    bad_values(in->mode, out);
    if (nacre_str_is(in->mode, "escape")) {
        const char *worked = escape();
        out->text = worked ? nacre_str(worked) : (struct nacre_str){NULL, 0};
    }
    return 0;
}

static int32_t other_handler(const struct nacre_call *call, const void *request, void *response)
{
    (void)call;
    (void)request;
    ((struct other *)response)->amount = 1;
    return 0;
}

static const struct nacre_intent intents[] = {{3, 0, NACRE_S("Answer"), &answer_type},
                                              {4, 0, NACRE_S("Other"), &other_type}};
static const struct nacre_route routes[] = {
    {.method = NACRE_S("POST"),
     .path = NACRE_S("/attack"),
     .intent = 3,
     .deadline_ms = 3000,
     .request = &request_type,
     .handler = attack_handler},
    {.method = NACRE_S("POST"),
     .path = NACRE_S("/victim"),
     .intent = 3,
     .deadline_ms = 1000,
     .request = &request_type,
     .handler = victim_handler},
    {.method = NACRE_S("POST"),
     .path = NACRE_S("/other"),
     .intent = 4,
     .deadline_ms = 1000,
     .request = &request_type,
     .handler = other_handler},
};

const struct nacre_plugin nacre_plugin = {NACRE_PREFIX,
                                          NACRE_S("hostile"),
                                          NACRE_S("1"),
                                          NACRE_TABLE(intents),
                                          NACRE_TABLE(routes),
                                          NACRE_NONE,
                                          NACRE_NONE,
                                          NULL,
                                          NULL};
