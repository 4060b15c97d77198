/*
 * nsm - wants a document that names a key of its own: from the device, from the simulator's socket, from whatever
 * descriptor it was started with or can be given, and from nacred and nacre-http in the words that those use.
 */
#include "lane.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <unistd.h>

struct nsm_message {
    struct iovec request;
    struct iovec response;
};
#define NSM_IOCTL _IOWR(0x0a, 0, struct nsm_message)

/* {"Attestation": {"user_data": null, "nonce": null, "public_key": h'6576696c'}} */
static const char wanted[] = "\xa1\x6b"
                             "Attestation\xa3\x69user_data\xf6\x65nonce\xf6\x6apublic_key\x44"
                             "evil";
static uint8_t reply[16384];
static char early[1024]; /* what worked before the second filter */

/* A document is a CBOR map with "Attestation" in it. */
static int is_document(const uint8_t *data, ssize_t len)
{
    return len > 14 && memcmp(data + 2, "Attestation", 11) == 0;
}

static int ask_ioctl(int fd)
{
    struct nsm_message m = {{(void *)(uintptr_t)wanted, sizeof wanted - 1}, {reply, sizeof reply}};
    return ioctl(fd, NSM_IOCTL, &m) >= 0;
}

/* nacred's command line names its manifest; the simulator's socket lies beside that. */
static size_t simulator_path(char *out, size_t cap)
{
    char name[64], line[4096] = "";
    (void)snprintf(name, sizeof name, "/proc/%d/cmdline", parent);
    int fd = open(name, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
    const char *manifest = n > 0 ? memmem(line, (size_t)n, "/run/manifest", 13) : NULL;
    if (fd >= 0)
        (void)close(fd);
    if (!manifest)
        return 0;
    while (manifest > line && manifest[-1])
        manifest--;
    return (size_t)snprintf(out, cap, "%.*s", (int)(strstr(manifest, "manifest.cbor") - manifest), manifest);
}

static int ask_socket(const char *path, size_t len)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    memcpy(to.sun_path, path, len < sizeof to.sun_path ? len : sizeof to.sun_path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, size) < 0 ||
        send(fd, wanted, sizeof wanted - 1, 0) < 0)
        return 0;
    return is_document(reply, recv(fd, reply, sizeof reply, 0));
}

static void ask_by_name(char *found, size_t cap, uint64_t *tried)
{
    static const char *const devices[] = {"/dev/nsm", "/dev/nsm0", "/dev/misc/nsm"};
    static const int flags[] = {O_RDWR, O_RDONLY, O_WRONLY, O_PATH};
    static const char *const names[] = {"\0nsm", "\0nacre-nsm", "\0nitro-enclaves"};
    char path[200], socket_path[256];
    for (size_t i = 0; i < 12; i++) {
        int fd = open(devices[i / 4], flags[i % 4]);
        if (fd >= 0 && ask_ioctl(fd))
            (void)snprintf(found, cap, "%s answered", devices[i / 4]);
    }
    for (size_t i = 0; i < 3; i++)
        if (ask_socket(names[i], 1 + strlen(names[i] + 1)))
            (void)snprintf(found, cap, "abstract name %s answered", names[i] + 1);
    if (simulator_path(path, sizeof path)) {
        int n = snprintf(socket_path, sizeof socket_path, "%snsm", path);
        if (ask_socket(socket_path, (size_t)n))
            (void)snprintf(found, cap, "the simulator answered");
    }
    *tried += 16;
}

/* The word is given before anything of the plugin's was looked at. */
__attribute__((constructor)) static void early_attack(void)
{
    char self[64] = "";
    uint64_t tried = 0;
    if (readlink("/proc/self/exe", self, sizeof self - 1) > 0 && strstr(self, "nacre-app"))
        ask_by_name(early, sizeof early, &tried);
}

static void ask_descriptors(struct hostile *h)
{
    for (int fd = 0; fd < 1024; fd++) {
        if (ask_ioctl(fd))
            reached(h, "descriptor %d took the ioctl", fd);
        h->tried++;
        if (fd == NACRE_FD_CONTROL || !is_seqpacket(fd))
            continue;
        h->sent += send(fd, wanted, sizeof wanted - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
        if (is_document(reply, recv(fd, reply, sizeof reply, MSG_DONTWAIT | MSG_PEEK)))
            reached(h, "descriptor %d answered", fd);
    }
}

/* What nacre-http may say to nacred, said by nacre-app; and on the request socket, as if nacre-http should pass it on. */
static void ask_in_words(struct hostile *h, int fd)
{
    struct nacre_attest_frame f = {.head.type = NACRE_FRAME_ATTEST, .id = 1, .nonce_len = 4};
    struct nacre_document_frame d = {.head.type = NACRE_FRAME_DOCUMENT, .id = 0, .status = 200};
    memcpy(f.nonce, "evil", 4);
    (void)post(h, fd, &f, sizeof f, NULL, 0);
    d.head.payload_len = sizeof wanted - 1;
    (void)post(h, fd, &d, sizeof d, wanted, sizeof wanted - 1);
    h->tried += 2;
}

/* Takes every descriptor that is sent to this process for a while, and asks it. */
static void ask_rights(struct hostile *h)
{
    union {
        char bytes[CMSG_SPACE(NACRE_FRAME_FDS * sizeof(int))];
        struct cmsghdr align;
    } control;
    const uint64_t end = now_ns() + 300000000u;
    while (now_ns() < end) {
        for (int fd = 3; fd < FD_MAX; fd++) {
            struct iovec iov = {reply, sizeof reply};
            struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
            if (recvmsg(fd, &m, MSG_DONTWAIT | MSG_PEEK) < 0 || !CMSG_FIRSTHDR(&m))
                continue;
            int got;
            memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
            if (ask_ioctl(got))
                reached(h, "a descriptor that came by %d took the ioctl", fd);
            h->tried++;
        }
        pause_ms(1);
    }
}

static void hostile_attack(struct hostile *h)
{
    char found[256] = "";
    if (is(h, "names"))
        ask_by_name(found, sizeof found, &h->tried);
    else if (is(h, "descriptors"))
        ask_descriptors(h);
    else if (is(h, "control"))
        ask_in_words(h, NACRE_FD_CONTROL);
    else if (is(h, "request"))
        ask_in_words(h, request_socket());
    else if (is(h, "rights"))
        ask_rights(h);
    if (found[0] || early[0])
        reached(h, "%s%s", found, early);
}
