/*
 * fuzz - real frames, changed at random: POST /attack {mode: where, arg: "SEED COUNT"}. One victim lends its ticket, so
 * that what is changed is a frame that would count. The numbers depend on the seed alone.
 */
#include "lane.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct random {
    uint64_t state;
};

/* xorshift64*: the same everywhere, and good enough to stir bytes */
static uint64_t next(struct random *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545f4914f6cdd1du;
}

static size_t below(struct random *r, size_t n)
{
    return (size_t)(next(r) % n);
}

/* Numbers that break arithmetic. */
static uint64_t odd_number(struct random *r)
{
    static const uint64_t odd[] = {0,          1,          15,        16,         17,        255,
                                   32767,      32768,      32769,     65535,      65536,     INT32_MAX,
                                   UINT32_MAX, 1ull << 32, 16u << 20, UINT64_MAX, 1ull << 63};
    return odd[below(r, sizeof odd / sizeof odd[0])];
}

/* Nothing that the runtime sends by itself is missing, and nothing that it would not. */
static size_t base(struct random *r, uint8_t *out, const struct nacre_ticket *t)
{
    static const uint32_t types[] = {NACRE_FRAME_RESULT,  NACRE_FRAME_RESULT,   NACRE_FRAME_RESULT,
                                     NACRE_FRAME_FAILURE, NACRE_FRAME_PROGRESS, NACRE_FRAME_HEALTH,
                                     NACRE_FRAME_ANSWER,  NACRE_FRAME_CONNECT,  NACRE_FRAME_BOX,
                                     NACRE_FRAME_REQUEST, NACRE_FRAME_LANE,     NACRE_FRAME_INIT};
    const uint32_t type = types[below(r, sizeof types / sizeof types[0])];
    const size_t fixed = nacre_frame_fixed_size(type), payload = sizeof HOSTILE_RIGHT - 1;
    const struct nacre_frame_head head = {.type = type, .payload_len = payload};
    memset(out, 0, fixed);
    memcpy(out, &head, sizeof head);
    if (type == NACRE_FRAME_RESULT || type == NACRE_FRAME_REQUEST)
        memcpy(out + sizeof head, t, sizeof *t);
    else if (fixed >= sizeof head + 8)
        memcpy(out + sizeof head, &t->id, 8);
    memcpy(out + fixed, HOSTILE_RIGHT, payload);
    return fixed + payload;
}

static size_t change(struct random *r, uint8_t *frame, size_t len, size_t cap)
{
    uint64_t number = odd_number(r);
    switch (below(r, 7)) {
    case 0:
        frame[below(r, len)] ^= (uint8_t)(1u << below(r, 8));
        return len;
    case 1:
        frame[below(r, len)] = (uint8_t)next(r);
        return len;
    case 2: /* an aligned number */
        memcpy(frame + below(r, len / 8) * 8, &number, 8);
        return len;
    case 3: /* cut */
        return below(r, len) + 1;
    case 4: { /* longer */
        size_t more = below(r, cap - len);
        memset(frame + len, (int)next(r), more);
        return len + more;
    }
    case 5: /* a piece put elsewhere */
        memmove(frame + below(r, len / 2), frame + len / 2, len - len / 2);
        return len;
    default: /* the length that it claims */
        memcpy(frame + offsetof(struct nacre_frame_head, payload_len), &number, 8);
        return len;
    }
}

static void one(struct hostile *h, struct random *r, int fd, int memfd, const struct nacre_ticket *t)
{
    uint8_t frame[4096];
    size_t len = base(r, frame, t);
    for (size_t i = below(r, 4) + 1; i > 0 && len >= 16; i--)
        len = change(r, frame, len, sizeof frame);
    /* now and then with descriptors */
    const int fds[3] = {memfd, memfd, fd};
    const size_t n_fds = below(r, 8) ? 0 : below(r, 3) + 1;
    (void)post_fds(h, fd, frame, len, NULL, 0, fds, n_fds);
    h->tried++;
}

static void hostile_attack(struct hostile *h)
{
    struct nacre_request_frame stolen = {.ticket = {.id = 7}};
    char text[64] = "";
    memcpy(text, h->arg.ptr, h->arg.len < sizeof text ? h->arg.len : sizeof text - 1);
    char *end = text;
    struct random r = {strtoull(text, &end, 10) * 2654435761u + 1};
    const unsigned long count = strtoul(end, NULL, 10);
    int fd = is(h, "control") ? NACRE_FD_CONTROL : steal(h, &stolen);
    if (is(h, "result") && fd >= 0)
        fd = result_socket(fd);
    const int memfd = memfd_create("payload", 0);
    if (write(memfd, HOSTILE_RIGHT, sizeof HOSTILE_RIGHT - 1) < 0)
        return;
    for (unsigned long i = 0; i < count && fd >= 0; i++)
        one(h, &r, fd, memfd, &stolen.ticket);
    (void)close(memfd);
}
