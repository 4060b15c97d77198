#include "frame.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

const char *nacre_secrets_form_name(uint32_t form)
{
    static const char *const names[] = {"none", "waiting", "plain", "sealed", "kms"};
    return form <= NACRE_SECRETS_KMS ? names[form] : "unknown";
}

const char *nacre_tls_form_name(uint32_t form)
{
    static const char *const names[] = {"none", "self-signed", "operator"};
    return form <= NACRE_TLS_OPERATOR ? names[form] : "unknown";
}

size_t nacre_frame_fixed_size(uint32_t type)
{
    switch ((enum nacre_frame_type)type) {
    case NACRE_FRAME_REQUEST:
        return sizeof(struct nacre_request_frame);
    case NACRE_FRAME_FAILURE:
        return sizeof(struct nacre_failure_frame);
    case NACRE_FRAME_HEALTH:
        return sizeof(struct nacre_health_frame);
    case NACRE_FRAME_RESULT:
        return sizeof(struct nacre_result_frame);
    case NACRE_FRAME_ANSWER:
        return sizeof(struct nacre_answer_frame);
    case NACRE_FRAME_PROGRESS:
        return sizeof(struct nacre_progress_frame);
    case NACRE_FRAME_CANCEL:
        return sizeof(struct nacre_cancel_frame);
    case NACRE_FRAME_REPLY_KEY:
        return sizeof(struct nacre_reply_key_frame);
    case NACRE_FRAME_PREPARED:
        return sizeof(struct nacre_prepared_frame);
    case NACRE_FRAME_INIT:
        return sizeof(struct nacre_init_frame);
    case NACRE_FRAME_LANE:
        return sizeof(struct nacre_lane_frame);
    case NACRE_FRAME_STATE:
        return sizeof(struct nacre_state_frame);
    case NACRE_FRAME_DOCUMENT:
        return sizeof(struct nacre_document_frame);
    case NACRE_FRAME_ATTEST:
        return sizeof(struct nacre_attest_frame);
    case NACRE_FRAME_READY:
    case NACRE_FRAME_FAILED:
    case NACRE_FRAME_STOP:
    case NACRE_FRAME_SECRETS:
    case NACRE_FRAME_CREDENTIALS:
    case NACRE_FRAME_RECIPIENT:
        return sizeof(struct nacre_plain_frame);
    case NACRE_FRAME_TIME:
        return sizeof(struct nacre_time_frame);
    case NACRE_FRAME_CONNECT:
        return sizeof(struct nacre_connect_frame);
    case NACRE_FRAME_CONNECTED:
        return sizeof(struct nacre_connected_frame);
    case NACRE_FRAME_BOX:
        return sizeof(struct nacre_box_frame);
    case NACRE_FRAME_BOX_KEY:
        return sizeof(struct nacre_box_key_frame);
    case NACRE_FRAME_TLS:
        return sizeof(struct nacre_tls_frame);
    case NACRE_FRAME_OPEN:
        return sizeof(struct nacre_open_frame);
    }
    return 0;
}

/* A memfd with both payload parts, or a negative errno. */
static int payload_memfd(const void *a, size_t a_len, const void *b, size_t b_len)
{
    int fd = memfd_create("nacre-payload", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    const struct {
        const uint8_t *p;
        size_t len;
    } parts[2] = {{a, a_len}, {b, b_len}};
    for (size_t k = 0; k < 2; k++) {
        for (size_t done = 0; done < parts[k].len;) {
            ssize_t n = write(fd, parts[k].p + done, parts[k].len - done);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0) {
                int err = n < 0 ? -errno : -EIO;
                (void)close(fd);
                return err;
            }
            done += (size_t)n;
        }
    }
    return fd;
}

static int send_message(int fd, struct msghdr *msg, const int *fds, size_t n_fds)
{
    union {
        char bytes[CMSG_SPACE(NACRE_FRAME_FDS * sizeof(int))];
        struct cmsghdr align;
    } control;
    if (n_fds) {
        memset(&control, 0, sizeof control);
        msg->msg_control = &control;
        msg->msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    ssize_t n;
    do {
        n = sendmsg(fd, msg, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    msg->msg_control = NULL;
    return n < 0 ? -errno : 0;
}

int nacre_frame_send(int fd, void *frame, const void *a, size_t a_len, const void *b, size_t b_len,
                     const int *fds, size_t n_fds)
{
    struct nacre_frame_head *head = frame;
    size_t fixed = nacre_frame_fixed_size(head->type);
    if (fixed == 0 || n_fds > NACRE_FRAME_FDS || a_len > NACRE_PAYLOAD_MAX ||
        b_len > NACRE_PAYLOAD_MAX - a_len)
        return -EMSGSIZE;
    size_t payload = a_len + b_len;
    head->in_fd = payload > NACRE_FRAME_INLINE;
    head->payload_len = payload;
    union { /* sendmsg does not write through its iovec, whose pointer is not const */
        const void *from;
        void *to;
    } ua = {a}, ub = {b};
    struct iovec iov[3] = {{frame, fixed}, {ua.to, a_len}, {ub.to, b_len}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 3};
    if (!head->in_fd)
        return send_message(fd, &msg, fds, n_fds);
    if (n_fds)
        return -EMSGSIZE;
    int memfd = payload_memfd(a, a_len, b, b_len);
    if (memfd < 0)
        return memfd;
    msg.msg_iovlen = 1;
    int err = send_message(fd, &msg, &memfd, 1);
    (void)close(memfd);
    return err;
}

static void ticket_mac(uint8_t mac[16], const struct nacre_ticket *t, const uint8_t key[16])
{
    uint8_t data[24];
    memcpy(data, &t->id, 8);
    memcpy(data + 8, &t->deadline_ns, 8);
    memcpy(data + 16, &t->route, 4);
    memcpy(data + 20, &t->reserved, 4);
    (void)crypto_shorthash_siphashx24(mac, data, sizeof data, key);
}

void nacre_ticket_seal(struct nacre_ticket *ticket, const uint8_t key[16])
{
    ticket_mac(ticket->mac, ticket, key);
}

bool nacre_ticket_valid(const struct nacre_ticket *ticket, const uint8_t key[16])
{
    uint8_t mac[16];
    ticket_mac(mac, ticket, key);
    return sodium_memcmp(mac, ticket->mac, sizeof mac) == 0;
}

static void pass_mac(uint8_t mac[16], const struct nacre_sealed_pass *pass, const struct nacre_ticket *ticket,
                     const uint8_t header[NACRE_SC_HEADER], const uint8_t key[16])
{
    /* longer than what a ticket's mac is over, so neither can stand in for the other */
    uint8_t data[16 + 32 + NACRE_SC_HEADER];
    memcpy(data, ticket->mac, 16);
    memcpy(data + 16, pass->target, 32);
    memcpy(data + 48, header, NACRE_SC_HEADER);
    (void)crypto_shorthash_siphashx24(mac, data, sizeof data, key);
}

void nacre_pass_seal(struct nacre_sealed_pass *pass, const struct nacre_ticket *ticket,
                     const uint8_t header[NACRE_SC_HEADER], const uint8_t key[16])
{
    pass_mac(pass->mac, pass, ticket, header, key);
}

bool nacre_pass_valid(const struct nacre_sealed_pass *pass, const struct nacre_ticket *ticket,
                      const uint8_t header[NACRE_SC_HEADER], const uint8_t key[16])
{
    uint8_t mac[16];
    pass_mac(mac, pass, ticket, header, key);
    return nacre_ticket_valid(ticket, key) && sodium_memcmp(mac, pass->mac, sizeof mac) == 0;
}

uint64_t nacre_monotonic_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
