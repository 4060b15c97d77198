/* payloads - answers the stolen request with bytes that are not of the route's type, or that change while they are read. */
#include "lane.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

/* Each wrong in one way; the first is the control. */
static const struct {
    const char *mode;
    const char *data;
    size_t len;
} payloads[] = {
#define PAYLOAD(MODE, DATA)                                                                                  \
    {                                                                                                        \
        MODE, DATA, sizeof(DATA) - 1                                                                         \
    }
    PAYLOAD("good", HOSTILE_RIGHT),
    PAYLOAD("empty", ""),
    PAYLOAD("truncated", "\x01\x02hi\x01\x02\x02\x01\x02\x01\x07\x02\x01\0\0\0\x02\0\0"),
    PAYLOAD("trailing", HOSTILE_RIGHT "\0"),
    PAYLOAD("twice", HOSTILE_RIGHT HOSTILE_RIGHT),
    PAYLOAD("bool", "\x02\x02hi\x01\x02\x02\x01\x02\x01\x07\x02\x01\0\0\0\x02\0\0\0"),
    PAYLOAD("uleb", "\x01\x82\0hi\x01\x02\x02\x01\x02\x01\x07\x02\x01\0\0\0\x02\0\0\0"),
    PAYLOAD("utf8", "\x01\x02\xc3(\x01\x02\x02\x01\x02\x01\x07\x02\x01\0\0\0\x02\0\0\0"),
    PAYLOAD("surrogate", "\x01\x03\xed\xa0\x80\x01\x02\x02\x01\x02\x01\x07\x02\x01\0\0\0\x02\0\0\0"),
    PAYLOAD("option", "\x01\x02hi\x01\x02\x02\x01\x02\x02\x07\x07\x02\x01\0\0\0\x02\0\0\0"),
    PAYLOAD("length", "\x01\xff\xff\xff\xff\x07hi"),
    PAYLOAD("count", "\x01\x02hi\x01\x02\x02\x01\x02\x01\x07\xff\xff\xff\xff\x07\x01\0\0\0"),
    PAYLOAD("other-type", HOSTILE_OTHER),
};

#define TEXT        40000u /* bytes of the text that changes: more than travels inside a message */
#define ROUNDS      200u
#define BEFORE      4u /* flag, three bytes of length */
#define PAYLOAD_LEN (BEFORE + TEXT + sizeof HOSTILE_RIGHT - 1 - 4)

static _Atomic int running;

/* Turns the text into others of its type, and into what is none, as fast as it can. */
static void *change(void *arg)
{
    uint8_t *file = arg;
    for (uint8_t i = 0; atomic_load(&running); i++) {
        memset(file + BEFORE, 'a' + i % 26, TEXT);
        file[0] = i & 3;                       /* the bool, now and then 2 or 3 */
        file[3] = i & 7 ? 2 : 1;               /* the length: 40,000 or 23,616 */
        file[BEFORE + i] = i & 1 ? 'b' : 0xff; /* no UTF-8 */
    }
    return NULL;
}

/*
 * The payload is in a memfd that stays mapped here, and changes while nacred reads, checks and signs it. Whatever is
 * signed must be what was checked: the test verifies each answer over what the client got.
 */
static void changing(struct hostile *h)
{
    struct nacre_request_frame stolen = {.flags = 0};
    pthread_t thread;
    int fd = memfd_create("changing", 0);
    static uint8_t zero[PAYLOAD_LEN];
    if (fd < 0 || write(fd, zero, sizeof zero) != (ssize_t)sizeof zero)
        return;
    uint8_t *file = mmap(NULL, sizeof zero, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (file == MAP_FAILED)
        return;
    memcpy(file, "\x01\xc0\xb8\x02", 4); /* true, 40,000 in ULEB128 */
    memcpy(file + BEFORE + TEXT, &HOSTILE_RIGHT[4], sizeof HOSTILE_RIGHT - 1 - 4);
    memset(file + BEFORE, 'a', TEXT);
    atomic_store(&running, 1);
    int started = pthread_create(&thread, NULL, change, file) == 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        int socket = steal(h, &stolen);
        if (socket < 0)
            break;
        struct nacre_result_frame f = {
            .head = {.type = NACRE_FRAME_RESULT, .in_fd = 1, .payload_len = sizeof zero},
            .ticket = stolen.ticket};
        (void)post_fds(h, result_socket(socket), &f, sizeof f, NULL, 0, &fd, 1);
        h->tried++;
    }
    atomic_store(&running, 0);
    if (started)
        (void)pthread_join(thread, NULL);
    (void)munmap(file, sizeof zero);
    (void)close(fd);
}

static void hostile_attack(struct hostile *h)
{
    struct nacre_request_frame stolen = {.flags = 0};
    if (is(h, "changing")) {
        changing(h);
        return;
    }
    int socket = steal(h, &stolen);
    if (socket < 0)
        return;
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        if (is(h, payloads[i].mode)) {
            send_result(h, result_socket(socket), &stolen.ticket, payloads[i].data, payloads[i].len);
            h->tried++;
        }
    }
}
