#include "server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SLOT_SIGNAL, SLOT_SOCKET, SLOT_CONTROL, SLOT_FIRST };
#define SLOT_COUNT (SLOT_FIRST + NACRE_SIM_CLIENTS + NACRE_SIM_CONTROLLERS)

static int64_t monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void nacre_sim_server_init(struct nacre_sim_server *server)
{
    memset(server, 0, sizeof(*server));
    server->socket.fd = -1;
    server->control.fd = -1;
    server->signal_fd = -1;
    for (size_t i = 0; i < NACRE_SIM_CLIENTS; i++)
        server->clients[i] = -1;
    for (size_t i = 0; i < NACRE_SIM_CONTROLLERS; i++)
        server->controllers[i].fd = -1;
}

static void close_fd(int *fd)
{
    (void)close(*fd);
    *fd = -1;
}

static int *free_client(struct nacre_sim_server *server)
{
    for (size_t i = 0; i < NACRE_SIM_CLIENTS; i++) {
        if (server->clients[i] < 0)
            return &server->clients[i];
    }
    return NULL;
}

static int *free_controller(struct nacre_sim_server *server)
{
    for (size_t i = 0; i < NACRE_SIM_CONTROLLERS; i++) {
        if (server->controllers[i].fd < 0) {
            server->controllers[i].len = 0;
            return &server->controllers[i].fd;
        }
    }
    return NULL;
}

static void accept_into(int listener, int *slot)
{
    if (slot == NULL)
        return;
    /* A failure leaves -1, the mark of a free slot: the peer is gone or descriptors are short. */
    *slot = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static void send_reply(struct nacre_sim_server *server)
{
    int *fd = &server->clients[server->busy];
    const struct nacre_sim_reply *reply = &server->reply;
    server->state = NACRE_SIM_IDLE;
    /* Whoever does not read its replies loses its connection: the device waits for nobody. */
    if (reply->close || send(*fd, reply->data, reply->len, MSG_NOSIGNAL) != (ssize_t)reply->len)
        close_fd(fd);
}

static void carry_out(struct nacre_sim_server *server)
{
    nacre_sim_device_finish(server->device, &server->job, &server->reply);
    if (server->job.plan.hold_ms == 0) {
        send_reply(server);
        return;
    }
    server->state = NACRE_SIM_HELD;
    server->deadline = monotonic_ms() + server->job.plan.hold_ms;
}

static void read_request(struct nacre_sim_server *server, size_t index, short events)
{
    int *fd = &server->clients[index];
    ssize_t len = recv(*fd, server->job.message, sizeof(server->job.message), MSG_TRUNC);
    if (len < 0) {
        if (errno != EAGAIN && errno != EINTR)
            close_fd(fd);
        return;
    }
    /* An empty message and the end of the connection read alike; only the latter hangs up. */
    if (len == 0 && (events & (POLLHUP | POLLRDHUP | POLLERR)) != 0) {
        close_fd(fd);
        return;
    }
    server->busy = index;
    nacre_sim_device_begin(server->device, &server->job, (size_t)len);
    if (server->job.plan.delay_ms == 0) {
        carry_out(server);
        return;
    }
    server->state = NACRE_SIM_DELAYED;
    server->deadline = monotonic_ms() + server->job.plan.delay_ms;
}

static void serve_clients(struct nacre_sim_server *server, const struct pollfd *slots)
{
    size_t first = server->turn;
    for (size_t n = 0; n < NACRE_SIM_CLIENTS && server->state == NACRE_SIM_IDLE; n++) {
        size_t i = (first + n) % NACRE_SIM_CLIENTS;
        if (slots[i].fd < 0 || slots[i].revents == 0)
            continue;
        server->turn = i + 1;
        read_request(server, i, slots[i].revents);
    }
}

/* Answers every whole line in the buffer. Returns -1 when the connection is to be closed. */
static int answer_lines(struct nacre_sim_device *device, struct nacre_sim_controller *controller)
{
    char *newline;
    while ((newline = memchr(controller->line, '\n', controller->len)) != NULL) {
        char answer[NACRE_SIM_LINE_MAX];
        *newline = '\0';
        nacre_sim_device_control(device, controller->line, answer, sizeof(answer));
        size_t answer_len = strlen(answer);
        if (send(controller->fd, answer, answer_len, MSG_NOSIGNAL) != (ssize_t)answer_len)
            return -1;
        size_t used = (size_t)(newline - controller->line) + 1;
        controller->len -= used;
        memmove(controller->line, newline + 1, controller->len);
    }
    if (controller->len < sizeof(controller->line))
        return 0;
    static const char too_long[] = "error: line too long\n";
    (void)send(controller->fd, too_long, sizeof(too_long) - 1, MSG_NOSIGNAL);
    return -1;
}

static void serve_controller(struct nacre_sim_device *device, struct nacre_sim_controller *controller)
{
    ssize_t len = recv(controller->fd, controller->line + controller->len,
                       sizeof(controller->line) - controller->len, 0);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len > 0) {
        controller->len += (size_t)len;
        if (answer_lines(device, controller) == 0)
            return;
    }
    close_fd(&controller->fd);
}

static void fill_slots(struct nacre_sim_server *server, struct pollfd slots[SLOT_COUNT])
{
    slots[SLOT_SIGNAL] = (struct pollfd){.fd = server->signal_fd, .events = POLLIN};
    slots[SLOT_SOCKET] =
        (struct pollfd){.fd = free_client(server) ? server->socket.fd : -1, .events = POLLIN};
    slots[SLOT_CONTROL] =
        (struct pollfd){.fd = free_controller(server) ? server->control.fd : -1, .events = POLLIN};
    for (size_t i = 0; i < NACRE_SIM_CLIENTS; i++) {
        slots[SLOT_FIRST + i] = (struct pollfd){
            .fd = server->state == NACRE_SIM_IDLE ? server->clients[i] : -1, .events = POLLIN | POLLRDHUP};
    }
    for (size_t i = 0; i < NACRE_SIM_CONTROLLERS; i++)
        slots[SLOT_FIRST + NACRE_SIM_CLIENTS + i] =
            (struct pollfd){.fd = server->controllers[i].fd, .events = POLLIN};
}

static int timeout_ms(const struct nacre_sim_server *server)
{
    if (server->state == NACRE_SIM_IDLE)
        return -1;
    int64_t left = server->deadline - monotonic_ms();
    return left > 0 ? (int)left : 0;
}

/* Moves the request under way on when its time has come. */
static void advance(struct nacre_sim_server *server)
{
    if (server->state == NACRE_SIM_IDLE || monotonic_ms() < server->deadline)
        return;
    if (server->state == NACRE_SIM_DELAYED)
        carry_out(server);
    else
        send_reply(server);
}

int nacre_sim_server_run(struct nacre_sim_server *server)
{
    for (;;) {
        struct pollfd slots[SLOT_COUNT];
        fill_slots(server, slots);
        if (poll(slots, SLOT_COUNT, timeout_ms(server)) < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        if (slots[SLOT_SIGNAL].revents != 0)
            return 0;
        /* Control first: a fault set before a request was sent applies to that request. */
        for (size_t i = 0; i < NACRE_SIM_CONTROLLERS; i++) {
            if (slots[SLOT_FIRST + NACRE_SIM_CLIENTS + i].revents != 0)
                serve_controller(server->device, &server->controllers[i]);
        }
        if (server->state == NACRE_SIM_IDLE)
            serve_clients(server, &slots[SLOT_FIRST]);
        else
            advance(server);
        if (slots[SLOT_CONTROL].revents != 0)
            accept_into(server->control.fd, free_controller(server));
        if (slots[SLOT_SOCKET].revents != 0)
            accept_into(server->socket.fd, free_client(server));
    }
}

void nacre_sim_server_close(struct nacre_sim_server *server)
{
    for (size_t i = 0; i < NACRE_SIM_CLIENTS; i++) {
        if (server->clients[i] >= 0)
            close_fd(&server->clients[i]);
    }
    for (size_t i = 0; i < NACRE_SIM_CONTROLLERS; i++) {
        if (server->controllers[i].fd >= 0)
            close_fd(&server->controllers[i].fd);
    }
    nacre_sim_socket_close(&server->socket);
    nacre_sim_socket_close(&server->control);
}
