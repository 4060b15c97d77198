/*
 * tickets - wants a signature for what nobody asked: with tickets that are forged, changed, used again, too late, or
 * somebody else's. Two victims come for the attacks that need two.
 */
#include "lane.h"

static void send_for(struct hostile *h, int fd, const struct nacre_ticket *t)
{
    if (t->route == ROUTE_OTHER)
        send_result(h, fd, t, HOSTILE_OTHER, sizeof HOSTILE_OTHER - 1);
    else
        send_right(h, fd, t);
    h->tried++;
}

/* Every field in turn, everything else as it was. */
static void changed(struct hostile *h, int fd, struct nacre_ticket t)
{
    if (is(h, "route"))
        t.route = ROUTE_OTHER;
    else if (is(h, "no-route"))
        t.route = UINT32_MAX;
    else if (is(h, "id"))
        t.id++;
    else if (is(h, "deadline"))
        t.deadline_ns += 3600000000000u;
    else if (is(h, "reserved"))
        t.reserved = 1;
    else
        memset(t.mac, 0, sizeof t.mac);
    send_for(h, fd, &t);
}

/* Each single bit of the MAC, and then guesses. */
static void guess(struct hostile *h, int fd, struct nacre_ticket t)
{
    for (unsigned bit = 0; bit < 128; bit++) {
        t.mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
        send_for(h, fd, &t);
        t.mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (unsigned i = 0; i < 5000; i++) {
        nacre_random(h->call, t.mac, sizeof t.mac);
        send_for(h, fd, &t);
    }
}

/* Out of nothing, before there ever was a victim. */
static void forged(struct hostile *h)
{
    int fd = result_socket(request_socket());
    for (uint32_t route = 0; route < ROUTES; route++) {
        struct nacre_ticket t = {
            .id = 0x1234567800000000u + route, .route = route, .deadline_ns = UINT64_MAX};
        send_for(h, fd, &t);
    }
}

/* An answer as nacred would send it, but to nacre-http over the request socket, and without a signature. */
static void answer_directly(struct hostile *h, int fd, const struct nacre_ticket *t)
{
    struct nacre_answer_frame f = {
        .head = {.type = NACRE_FRAME_ANSWER, .payload_len = sizeof HOSTILE_RIGHT - 1},
        .id = t->id,
        .timestamp_ms = 1,
        .route = t->route,
        .status = 200};
    (void)post(h, fd, &f, sizeof f, HOSTILE_RIGHT, sizeof HOSTILE_RIGHT - 1);
    h->tried++;
}

/* A failure that claims success, and others for a status outside 400 to 599. */
static void failures(struct hostile *h, int fd, uint64_t id)
{
    static const uint32_t statuses[] = {200, 0, 399, 600, UINT32_MAX};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct nacre_failure_frame f = {
            .head = {.type = NACRE_FRAME_FAILURE, .payload_len = 2}, .id = id, .status = statuses[i]};
        (void)post(h, fd, &f, sizeof f, "hi", 2);
        h->tried++;
    }
}

/* Waits past the ticket's deadline. */
static void outlive(const struct nacre_ticket *t)
{
    while (now_ns() <= t->deadline_ns + 50000000u)
        pause_ms(5);
}

/* The second victim's ticket with the first one's id, MAC or route, both ways; then each of them gets the other's answer. */
static void swap(struct hostile *h, int fd, const struct nacre_ticket *first)
{
    struct nacre_request_frame second = {.flags = 0};
    if (steal(h, &second) < 0)
        return;
    struct nacre_ticket a = *first, b = second.ticket;
    a.id = second.ticket.id;
    b.id = first->id;
    send_for(h, fd, &a);
    send_for(h, fd, &b);
    a = *first;
    b = second.ticket;
    memcpy(a.mac, second.ticket.mac, sizeof a.mac);
    memcpy(b.mac, first->mac, sizeof b.mac);
    send_for(h, fd, &a);
    send_for(h, fd, &b);
    /* under its own ticket, but of the other route's type: Answer for /other and Other for /victim */
    send_result(h, fd, first, first->route == ROUTE_OTHER ? HOSTILE_RIGHT : HOSTILE_OTHER,
                first->route == ROUTE_OTHER ? sizeof HOSTILE_RIGHT - 1 : sizeof HOSTILE_OTHER - 1);
    send_result(h, fd, &second.ticket, second.ticket.route == ROUTE_OTHER ? HOSTILE_RIGHT : HOSTILE_OTHER,
                second.ticket.route == ROUTE_OTHER ? sizeof HOSTILE_RIGHT - 1 : sizeof HOSTILE_OTHER - 1);
    h->tried += 2;
}

/* A good ticket of the route whose time the app sets, with times that the core must not sign. */
static void times(struct hostile *h, int fd, const struct nacre_ticket *t)
{
    uint64_t now = 0, ms = 0;
    (void)nacre_now_ms(h->call, &now);
    if (is(h, "future"))
        ms = now + 60000;
    else if (is(h, "old"))
        ms = now - 3600000;
    else
        ms = UINT64_MAX;
    send_result_at(h, fd, t, ms, HOSTILE_OTHER, sizeof HOSTILE_OTHER - 1);
    h->tried++;
}

/* Keeps a ticket, says nothing, and uses it when it is told to: after nacre-http has got a new key. */
static void kept(struct hostile *h)
{
    static struct nacre_ticket ticket;
    struct nacre_request_frame stolen = {.flags = 0};
    if (is(h, "keep")) {
        if (steal(h, &stolen) >= 0)
            ticket = stolen.ticket;
        h->tried += ticket.id != 0;
    } else {
        send_for(h, result_socket(request_socket()), &ticket);
    }
}

static void hostile_attack(struct hostile *h)
{
    struct nacre_request_frame stolen = {.flags = 0};
    if (is(h, "forged")) {
        forged(h);
        return;
    }
    if (is(h, "keep") || is(h, "use-kept")) {
        kept(h);
        return;
    }
    int in = steal(h, &stolen);
    if (in < 0)
        return;
    const int out = result_socket(in);
    const struct nacre_ticket *t = &stolen.ticket;
    if (is(h, "guess"))
        guess(h, out, *t);
    else if (is(h, "answer"))
        answer_directly(h, in, t);
    else if (is(h, "failure"))
        failures(h, in, t->id);
    else if (is(h, "swap"))
        swap(h, out, t);
    else if (is(h, "future") || is(h, "old") || is(h, "end-of-time"))
        times(h, out, t);
    else if (is(h, "late"))
        outlive(t);
    else if (!is(h, "replay"))
        changed(h, out, *t);
    for (int i = 0; i < (is(h, "late") ? 1 : is(h, "replay") ? 1000 : 0); i++)
        send_for(h, out, t);
}
