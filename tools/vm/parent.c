/*
 * parent.c - the first and only process of the small machine that plays an enclave's parent instance, CID 3.
 *
 * It answers the heartbeat, as nitro-cli does on a parent, and carries every connection on: one that comes from the
 * enclave goes to the same port of the host (a Unix socket there), one that comes from the host goes to the same port
 * of the enclave. What a parent instance decides (which hosts, which secrets) is decided on the host.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define HOST_CID    VMADDR_CID_HOST
#define ENCLAVE_CID 16u
#define HEARTBEAT   9000u
#define BEAT        0xb7u
/*
 * Between two machines the device passes a packet on into one receive buffer of the other's, of 4 KiB with its head, and
 * drops the connection when it does not fit. So we write less at once to the enclave, and offer it less room, which is
 * what keeps it from writing more. Towards the host there must be more: its end tells of new room after 32 KiB or more,
 * and the kernel takes the room that we offer as a bound on what we send, too.
 */
#define BLOCK     2048
#define HOST_ROOM 262144

/* API, streams of a second port, secrets, heartbeat, and sixteen entries of an allow list. */
static const unsigned ports[] = {3000, 5000, 7777, HEARTBEAT, 8101, 8102, 8103, 8104, 8105, 8106,
                                 8107, 8108, 8109, 8110,      8111, 8112, 8113, 8114, 8115, 8116};
#define PORTS (sizeof ports / sizeof ports[0])

static struct sockaddr_vm address(unsigned cid, unsigned port)
{
    return (struct sockaddr_vm){.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
}

static void offer_room(int fd, unsigned peer)
{
    const unsigned long long room = peer == HOST_CID ? HOST_ROOM : BLOCK;
    if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &room, sizeof room) < 0)
        (void)printf("parent: buffer size: %s\n", strerror(errno));
}

static int open_socket(unsigned peer)
{
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        offer_room(fd, peer);
    return fd;
}

static int listen_on(unsigned port)
{
    struct sockaddr_vm a = address(VMADDR_CID_ANY, port);
    int fd = open_socket(ENCLAVE_CID); /* what it accepts inherits that */
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 128) < 0) {
        (void)printf("parent: port %u: %s\n", port, strerror(errno));
        return -1;
    }
    return fd;
}

/* One block from one side to the other. 0 at the end of either. */
static int carry(int from, int to)
{
    static char block[BLOCK];
    ssize_t n = read(from, block, sizeof block), done = 0;
    while (done < n) {
        ssize_t m = write(to, block + done, (size_t)(n - done));
        if (m <= 0)
            return 0;
        done += m;
    }
    return n > 0;
}

/* Until one side ends: a half that is shut is not passed on by the device, so neither is it here. */
static void bridge(int a, int b)
{
    struct pollfd fds[] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
    while (poll(fds, 2, -1) > 0)
        if ((fds[0].revents && !carry(a, b)) || (fds[1].revents && !carry(b, a)))
            break;
}

static void heartbeat(int fd)
{
    unsigned char beat = 0;
    if (read(fd, &beat, 1) == 1 && beat == BEAT && write(fd, &beat, 1) == 1)
        (void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1,
                   5000); /* until it has been read over there */
    (void)printf("parent: heartbeat 0x%02x\n", beat);
}

static void serve(int fd, unsigned port, const struct sockaddr_vm *peer)
{
    unsigned cid = peer->svm_cid == HOST_CID ? ENCLAVE_CID : HOST_CID;
    if (port == HEARTBEAT) {
        heartbeat(fd);
        return;
    }
    struct sockaddr_vm a = address(cid, port);
    offer_room(fd, peer->svm_cid);
    int on = open_socket(cid);
    if (on >= 0 && connect(on, (struct sockaddr *)&a, sizeof a) == 0)
        bridge(fd, on);
    else
        (void)printf("parent: CID %u port %u: %s\n", cid, port, strerror(errno));
}

static void take(int listener, unsigned port)
{
    static int alive; /* what comes before the enclave's driver is up makes its device stop for good */
    struct sockaddr_vm peer = {0};
    socklen_t len = sizeof peer;
    int fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    alive |= port == HEARTBEAT;
    if (alive && fork() == 0) {
        serve(fd, port, &peer);
        _exit(0);
    }
    (void)close(fd);
}

int main(void)
{
    struct pollfd fds[PORTS];
    (void)signal(SIGCHLD, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setvbuf(stdout, NULL, _IONBF, 0);
    for (size_t i = 0; i < PORTS; i++) {
        fds[i] = (struct pollfd){.fd = listen_on(ports[i]), .events = POLLIN};
        if (fds[i].fd < 0)
            return 1;
    }
    (void)printf("parent: ready\n");
    for (;;) {
        if (poll(fds, PORTS, -1) < 0)
            continue;
        for (size_t i = 0; i < PORTS; i++)
            if (fds[i].revents & POLLIN)
                take(fds[i].fd, ports[i]);
    }
}
