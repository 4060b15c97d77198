/*
 * What a hostile plugin can put on its socket to nacred. The first byte says how much of a RESULT is already right:
 * bit 0 gives it a ticket that holds, for the route of the second byte; without it the bytes are the message as they
 * are. Whatever gets a signature is a value of the route's type under the route's intent.
 */
#include "fuzz.h"

#include "common/bcs.h"
#include "nacred/sign.h"
#include "sample.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOW_MS UINT64_C(1744038900500)
#define PREFIX 9u /* intent and time before the value */

static struct nacre_manifest manifest;
static struct nacre_timekeeper keeper;
static struct nacre_signing signing;
static struct nacre_inbox inbox;
static uint8_t ticket_key[16] = {3, 1, 4, 1, 5};
static int pair[2] = {-1, -1};

static void start(void)
{
    if (signing.keys)
        return;
    uint64_t now = nacre_monotonic_ns();
    const struct nacre_clock_sample sample = {now - 1000, now, NOW_MS};
    sample_load(&manifest, NULL);
    need(sodium_init() >= 0);
    nacre_timekeeper_init(&keeper, 3600000, false);
    need(nacre_timekeeper_add(&keeper, &sample) >= 0);
    signing.manifest = &manifest;
    signing.time = &keeper;
    signing.keys = nacre_keys_new();
    need(signing.keys != NULL && nacre_inbox_init(&inbox) == 0);
    need(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
}

static void send_result(uint8_t route, const uint8_t *bcs, size_t size)
{
    struct nacre_result_frame result = {.head.type = NACRE_FRAME_RESULT};
    result.ticket.id = 7;
    result.ticket.route = route;
    result.ticket.deadline_ns = nacre_monotonic_ns() + UINT64_C(60000000000);
    nacre_ticket_seal(&result.ticket, ticket_key);
    need(nacre_frame_send(pair[0], &result, bcs, size, NULL, 0, NULL, 0) == 0);
}

static void check_signed(const struct nacre_answer_frame *answer)
{
    const struct nacre_route_decl *route = &manifest.routes[answer->route];
    const uint8_t *message = inbox.payload - PREFIX;
    need(answer->route < manifest.n_routes && message[0] == manifest.intents[route->intent].scope);
    need(nacre_bcs_check(&manifest.types, route->response, inbox.payload, inbox.payload_len, NULL) == 0);
    need(crypto_sign_verify_detached(answer->signature, message, PREFIX + inbox.payload_len,
                                     signing.keys->sign_public) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nacre_answer_frame answer;
    start();
    if (size < 2 || size > NACRE_FRAME_INLINE)
        return 0;
    int ticket_holds = data[0] & 1;
    if (ticket_holds)
        send_result(data[1], data + 2, size - 2);
    else if (send(pair[0], data + 1, size - 1, 0) < 0)
        abort();
    /* one after the other: a message may hold several */
    for (int got; (got = nacre_frame_receive_packed(pair[1], &inbox, NACRE_PAYLOAD_MAX, true)) != -EAGAIN;) {
        need(got == 1 || got == -EBADMSG);
        if (got != 1)
            continue;
        const struct nacre_verdict *verdict = nacre_sign_result(&signing, ticket_key, &inbox, &answer);
        if (verdict->status == 200) {
            need(ticket_holds);
            check_signed(&answer);
        }
    }
    nacre_inbox_clear(&inbox);
    return 0;
}
